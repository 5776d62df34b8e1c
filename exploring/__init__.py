"""The views of explore.py: each module in here is one.

A view has a docstring, which is its help; `Options`, its flags; and `show(options, given)`, which does it. explore.py
finds the modules by itself. It imports all of them for --help, so they import numpy, Keras and the like within
functions.
"""
