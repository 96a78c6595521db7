"""Fonts for labels: DejaVu Sans, which matplotlib ships, or a system font for scripts that it lacks."""

from functools import cache

from PIL import ImageFont

from manyshot.base.package_folder import package_folder

WIDE = (
    "NotoSansCJK-Regular.ttc",
    "wqy-microhei.ttc",
    "DroidSansFallbackFull.ttf",
    "msyh.ttc",
    "Hiragino Sans GB.ttc",
    "Arial Unicode.ttf",
)
"""Fonts with Chinese, Japanese and Korean, by their file names on Linux, Windows and macOS."""
LATIN_END = "\u0250"
"""DejaVu Sans has all letters before this one."""


def font_for(text: str, size: int) -> ImageFont.FreeTypeFont:
    """Load a font that has the characters of a text; DejaVu Sans, which draws boxes for missing ones, if none does.

    Args:
        text: Text to draw.
        size: Size of the font in pixels.

    Example:
        >>> font_for("Ω or ж", 13).getname()
        ('DejaVu Sans', 'Book')
    """
    text = printable(text)
    if all(letter < LATIN_END for letter in text) or set(map(ord, text)) <= _letters():
        return _font(_dejavu(), size)
    return _wide(size) or _font(_dejavu(), size)


def printable(text: str) -> str:
    r"""Replace line breaks in a text by spaces, and characters that cannot be printed by U+FFFD.

    Example:
        >>> printable("one\ntwo\x00")
        'one two�'
    """
    return "".join(letter if letter.isprintable() else " " if letter.isspace() else "\ufffd" for letter in text)


def shorten(text: str, max_length: int) -> str:
    """Make a text printable and leave out its middle if it is longer than a number of characters.

    Example:
        >>> shorten("a rather long name", 9)
        'a ra…name'
    """
    text = printable(text)
    return text if len(text) <= max_length else f"{text[: max_length // 2]}…{text[len(text) - (max_length - 1) // 2 :]}"


@cache
def _dejavu() -> str:
    return str(package_folder("matplotlib") / "mpl-data" / "fonts" / "ttf" / "DejaVuSans.ttf")


@cache
def _letters() -> frozenset[int]:
    from matplotlib.ft2font import FT2Font  # which takes a fifth of a second to import

    return frozenset(FT2Font(_dejavu()).get_charmap())


@cache
def _font(path: str, size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(path, size)


@cache
def _wide(size: int) -> ImageFont.FreeTypeFont | None:
    for name in WIDE:
        try:
            return ImageFont.truetype(name, size)  # Pillow searches the system's font folders
        except OSError:
            continue
    return None
