"""Words for the messages of all programs."""


def counted(number: int, noun: str, plural: str = "") -> str:
    """A number and a noun -> both in one text: "1 face", "2,000 faces". `plural`: where it is not the noun and an s."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def visible(text: str) -> str:
    """Text from outside, a file name for example -> the same in one line, where every character can be seen.

    A character without a shape of its own becomes its escape: a newline "\\n", a mark that turns the direction of the
    text "\\u202e", a byte that is not UTF-8 "\\udce9".
    """
    joiner = "\u200d"  # it makes one emoji of several
    return "".join(c if c.isprintable() or c == joiner else c.encode("unicode_escape").decode() for c in text)
