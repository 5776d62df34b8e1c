"""From pictures of any kind to clean, distinct faces: what preprocess.py does, a module for each step."""
