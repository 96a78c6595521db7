"""Printed letters of many scripts, drawn from the fonts that matplotlib ships: real shapes without a download."""

import unicodedata
from pathlib import Path

import numpy as np
from jaxtyping import UInt8
from PIL import Image, ImageDraw, ImageFont

from manyshot.base import track
from manyshot.datasets.pictures import resize
from manyshot.datasets.pixel_cache import Allocate, Contents, cached_source
from manyshot.datasets.spec import DataSet
from manyshot.tasks import Source

# First word of the Unicode names of a script's letters; scripts in at least four typefaces.
SCRIPTS = {
    "greek": "GREEK",
    "arabic": "ARABIC",
    "armenian": "ARMENIAN",
    "canadian": "CANADIAN",
    "coptic": "COPTIC",
    "cyrillic": "CYRILLIC",
    "georgian": "GEORGIAN",
    "hebrew": "HEBREW",
    "lao": "LAO",
    "latin": "LATIN",
    "lisu": "LISU",
}
SPLITS = (*SCRIPTS, "all")
LEAST_FACES = 4
DRAWN = 160  # pixels per em before downscaling: smooth edges up to about this size
MARGIN = 0.04  # on each side, as a fraction of the frame


def build(split: str, root: Path | None, size: int, color: bool | None) -> Source:
    """Build a source with letters as classes, typefaces as authors, and scripts as groups; ink is 255, paper 0.

    A letter is centered and fills the height of the frame (or its width, if it is wider), like scanned digits. Letters
    that are another letter with an accent are left out, and so are typefaces without the letter.

    Args:
        split: Script, or "all".
        root: Ignored, since no file is needed.
        size: Height and width in pixels.
        color: Whether to repeat the gray channel three times.
    """
    import matplotlib  # which takes a fifth of a second to import

    key = {"size": size, "color": bool(color), "stamp": [matplotlib.__version__, ImageFont.core.freetype2_version]}

    def fill(allocate: Allocate) -> Contents:
        letters = [(letter, face) for letter, faces in _letters(split).items() for face in faces]
        pixels = allocate(len(letters), 3 if color else 1, size, size)
        pens = {face: ImageFont.truetype(str(face), DRAWN, layout_engine=ImageFont.Layout.BASIC) for _, face in letters}
        for i, (letter, face) in enumerate(track(letters, f"draw {split} letters")):
            pixels[i] = draw(letter, pens[face], size)
        return Contents(
            labels=[class_name(letter) for letter, _ in letters],
            groups={class_name(letter): _script(letter).capitalize() for letter, _ in letters},
            authors=[face.stem for _, face in letters],
        )

    return cached_source(f"glyphs/{split}", key, fill)


def draw(letter: str, pen: ImageFont.FreeTypeFont, size: int) -> UInt8[np.ndarray, "size size"]:
    """Draw a letter as large as the frame allows, centered, with antialiasing."""
    left, top, right, bottom = (round(side) for side in pen.getbbox(letter))
    large = Image.new("L", (right - left, bottom - top))
    ImageDraw.Draw(large).text((-left, -top), letter, fill=255, font=pen)
    large = large.crop(large.getbbox())
    frame = size - 2 * round(MARGIN * size)
    scale = frame / max(large.width, large.height)
    height, width = max(1, round(large.height * scale)), max(1, round(large.width * scale))
    page = np.zeros((size, size), dtype=np.uint8)
    y, x = (size - height) // 2, (size - width) // 2
    page[y : y + height, x : x + width] = np.asarray(resize(large, (height, width)))
    return page


def class_name(letter: str) -> str:
    """Script and name of a letter according to Unicode.

    Example:
        >>> class_name("α"), class_name("Ω"), class_name("א")
        ('Greek/small alpha', 'Greek/capital omega', 'Hebrew/alef')
    """
    script, *words = unicodedata.name(letter).split()
    return f"{script.capitalize()}/" + " ".join(word.lower() for word in words if word not in ("LETTER", "SYLLABICS"))


def _script(letter: str) -> str:
    return unicodedata.name(letter).split()[0]


def _letters(split: str) -> dict[str, list[Path]]:
    """Letters of a split, with the font files that have each."""
    from matplotlib.ft2font import FT2Font

    scripts = set(SCRIPTS.values()) if split == "all" else {SCRIPTS[split]}
    faces: dict[str, list[Path]] = {}
    for path in _fonts():
        # Computer Modern has only ASCII letters at their Unicode code points.
        end = 0x80 if path.stem.startswith("cm") else 0x110000
        for code, glyph in FT2Font(str(path)).get_charmap().items():
            letter = chr(code)
            if glyph and code < end and _is_letter(letter) and _script(letter) in scripts:
                faces.setdefault(letter, []).append(path)
    return {letter: paths for letter, paths in sorted(faces.items()) if len(paths) >= LEAST_FACES}


def _is_letter(character: str) -> bool:
    return unicodedata.category(character) in ("Lu", "Ll", "Lo") and not unicodedata.decomposition(character)


def _fonts() -> list[Path]:
    """Files of text fonts, without fonts of mathematical symbols, large operators or placeholder boxes."""
    import matplotlib

    folder = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    families = ("DejaVuSans", "DejaVuSerif", "STIXGeneral", "cmb10", "cmmi10", "cmr10", "cmss10", "cmti10", "cmtt10")
    return [
        path for path in sorted(folder.glob("*.ttf")) if path.stem.startswith(families) and "Display" not in path.stem
    ]


DATA_SET = DataSet(
    name="glyphs",
    summary="printed letters of eleven scripts in up to 22 typefaces, drawn from matplotlib's fonts",
    license="free fonts (Bitstream Vera, SIL Open Font)",
    homepage="https://matplotlib.org",
    splits=SPLITS,
    build=build,
    default_size=28,
    ink=True,
)
