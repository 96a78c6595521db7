"""Letters for labels: DejaVu, which matplotlib ships; for other scripts, a font of the system if there is one."""

from functools import cache
from pathlib import Path

import matplotlib
from matplotlib.ft2font import FT2Font
from PIL import ImageFont

DEJAVU = Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf"
WIDE = (
    "NotoSansCJK-Regular.ttc",
    "wqy-microhei.ttc",
    "DroidSansFallbackFull.ttf",
    "msyh.ttc",
    "Hiragino Sans GB.ttc",
    "Arial Unicode.ttf",
)
"""Fonts with Chinese, Japanese and Korean, by the file names that Linux, Windows and macOS give them."""


def font_for(text: str, size: int) -> ImageFont.FreeTypeFont:
    """A font of this size in pixels that has the letters of `text`, or DejaVu, which shows a box for a letter it lacks.

    Example:
        >>> font_for("Ω or ж", 13).getname()
        ('DejaVu Sans', 'Book')
    """
    if set(map(ord, shown(text))) <= _letters():
        return _font(str(DEJAVU), size)
    return _wide(size) or _font(str(DEJAVU), size)


def shown(text: str) -> str:
    r"""`text` on one line, with a mark for what cannot be printed (control characters, halves of a pair).

    Example:
        >>> shown("one\ntwo\x00")
        'one two�'
    """
    return "".join(letter if letter.isprintable() else " " if letter.isspace() else "\ufffd" for letter in text)


def shortened(text: str, most: int) -> str:
    """`text` as `shown`, its middle left out where it has more than `most` letters.

    Example:
        >>> shortened("a rather long name", 9)
        'a ra…name'
    """
    text = shown(text)
    return text if len(text) <= most else f"{text[: most // 2]}…{text[len(text) - (most - 1) // 2 :]}"


@cache
def _letters() -> frozenset[int]:
    return frozenset(FT2Font(str(DEJAVU)).get_charmap())


@cache
def _font(path: str, size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(path, size)


@cache
def _wide(size: int) -> ImageFont.FreeTypeFont | None:
    for name in WIDE:
        try:
            return ImageFont.truetype(name, size)  # pillow looks through the system's folders
        except OSError:
            continue
    return None
