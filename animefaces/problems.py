"""Errors that the user can correct. A program shows such an error as one line and ends."""


class Problem(Exception):
    """An error that the user can correct. Its text is one line: what is wrong: what to do."""

    exit_code = 1  # the program could not do its work


class Misuse(Problem):
    """An error in the command line."""

    exit_code = 2  # the command line was wrong
