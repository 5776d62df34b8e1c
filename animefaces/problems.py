"""What a user can mend: an error that ends a program with one line."""


class Problem(Exception):
    """Something the user can mend. Its text is one line: what is wrong: what to do."""

    exit_code = 1  # could not


class Misuse(Problem):
    """The command itself was wrong."""

    exit_code = 2
