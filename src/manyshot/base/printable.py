"""Text from files and folders, made safe to print to a terminal."""

import re

CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")
"""Characters that move the cursor, change colors, break lines or turn the direction of writing."""
GAP = " ... "


def printable(text: str, keep: str = "") -> str:
    r"""Escape control characters, which names of classes and files may hold.

    Args:
        text: Text to print.
        keep: Control characters that stay as they are.

    Example:
        >>> print(printable("cat\n\x1b[31mdog"))
        cat\n\x1b[31mdog
        >>> printable("a\nb", keep="\n")
        'a\nb'
    """
    return CONTROL.sub(lambda found: found[0] if found[0] in keep else repr(found[0])[1:-1], text)


def cut_middle(text: str, length: int) -> str:
    """Cut a text to a length, in its middle, so that its beginning and its end can be read.

    Example:
        >>> cut_middle("a long name of a file.png", 17)
        'a long n ... .png'
    """
    if len(text) <= length:
        return text
    rest = length - len(GAP)
    tail = rest // 3
    return f"{text[: rest - tail]}{GAP}{text[len(text) - tail :]}"
