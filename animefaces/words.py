"""Words for the messages of all programs."""


def counted(number: int, noun: str, plural: str = "") -> str:
    """A number and a noun -> both in one text: "1 face", "2,000 faces". `plural`: where it is not the noun and an s."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"
