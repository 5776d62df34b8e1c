"""Hostile and odd inputs, made by a script, and what each program must do with each of them.

`python -m tests.corpus.try_all --output FOLDER` tries all of them. tests/test_corpus.py tries a short part.
"""
