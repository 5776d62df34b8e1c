"""Pictures of any kind -> clean, distinct faces: what preprocess.py does, with a module for each step."""
