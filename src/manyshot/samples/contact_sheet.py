"""Contact sheets: labeled rows of images that show a source, an op, or originals beside generated samples."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from PIL import Image, ImageDraw
from torch import Tensor

from manyshot.base import InputError, write_aside
from manyshot.base.atomic_files import MARK
from manyshot.samples.fonts import font_for, printable, shorten
from manyshot.tasks import Source

INK = (33, 37, 41)
FAINT = (134, 142, 150)
LINE = (173, 181, 189)
GROUND = (241, 243, 245)
MARGIN = 12
GAP = 3
TEXT = 13
SOFTWARE = 0x0131  # of EXIF: the program that wrote the file
SUFFIXES = (".png", ".jpg", ".jpeg", ".webp")


@dataclass(frozen=True, eq=False)
class SheetRow:
    """One row of a contact sheet.

    Args:
        label: Label at the left.
        images: Images `[n, c, h, w]`, or n images `[c, h, w]` of any sizes; uint8, or float in [0, 1]; c is 1 or 3.
            Pillow images are accepted too.
        more: Number of further images that are not shown; it is printed at the right.
    """

    label: str
    images: Tensor | Sequence[Tensor | Image.Image]
    more: int = 0


def draw_sheet(
    rows: Sequence[SheetRow],
    *,
    title: str = "",
    headings: Sequence[str] = (),
    rules: Sequence[int] = (),
    cell: int = 64,
    paper: bool = False,
    max_rows: int = 200,
    max_columns: int = 40,
) -> Image.Image:
    """Draw labeled rows of images.

    Small images are enlarged by a whole factor without smoothing, so that single pixels stay visible; large ones are
    shrunk.

    Args:
        rows: Rows, from top to bottom.
        title: Title above the rows; none if empty.
        headings: Headings above the first columns.
        rules: Numbers of columns after which a vertical line is drawn, such as 1 to set originals apart.
        cell: Approximate size of the longer side of an image, in pixels.
        paper: Whether to invert gray images, so that bright strokes are shown as dark ink on white paper.
        max_rows: Largest number of rows; the sheet says how many are left out.
        max_columns: Largest number of images in a row; the row says how many are left out.

    Returns:
        RGB image, about `max_columns * cell` pixels wide and `max_rows * cell` pixels high at most, besides margins.

    Raises:
        ValueError: If an image has neither 1 nor 3 channels.

    Example:
        >>> draw_sheet([SheetRow("noise", torch.rand(5, 1, 28, 28)), SheetRow("black", torch.zeros(5, 3, 28, 28))]).mode
        'RGB'
    """
    kept = rows[:max_rows]
    pictures = [[thumbnail(image, cell, paper=paper) for image in row.images[:max_columns]] for row in kept]
    columns = max((len(line) for line in pictures), default=0)
    wide = max((p.width for line in pictures for p in line), default=0)
    highs = [max((p.height for p in line), default=TEXT) for line in pictures]

    font = font_for("", TEXT)
    labels = [shorten(row.label, 28) for row in kept]
    left = MARGIN + max((int(font_for(label, TEXT).getlength(label)) for label in labels), default=0) + MARGIN
    cut = [row.more + len(row.images) - len(line) for row, line in zip(kept, pictures, strict=True)]
    more = max((int(font.getlength(f"+ {n:,}")) + MARGIN for n in cut if n > 0), default=0)
    missing = f"and {len(rows) - len(kept):,} more rows" if len(rows) > len(kept) else ""

    def column(position: int) -> int:
        return left + position * (wide + GAP) + 2 * GAP * sum(position >= rule for rule in rules)

    top = MARGIN + (TEXT + 3 * GAP + MARGIN if title else 0) + (TEXT + 2 * GAP if headings else 0)
    width = column(columns) - GAP + more + MARGIN
    if title:
        width = max(width, 2 * MARGIN + int(font_for(title, TEXT + 3).getlength(printable(title))))
    bottom = TEXT + GAP if missing else 0
    height = top + sum(highs) + GAP * max(len(highs) - 1, 0) + bottom + MARGIN

    canvas = Image.new("RGB", (max(width, 1), max(height, 1)), GROUND)
    draw = ImageDraw.Draw(canvas)
    if title:
        draw.text((MARGIN, MARGIN), printable(title), INK, font_for(title, TEXT + 3))
    for position, heading in enumerate(headings):
        draw.text((column(position), top - TEXT - 2 * GAP), printable(heading), FAINT, font_for(heading, TEXT - 2))
    y = top
    for label, line, high, rest in zip(labels, pictures, highs, cut, strict=True):
        draw.text((left - MARGIN, y + high // 2), label, INK, font_for(label, TEXT), anchor="rm")
        for position, image in enumerate(line):
            canvas.paste(image, (column(position) + (wide - image.width) // 2, y + (high - image.height) // 2))
        if rest > 0:
            draw.text((column(len(line)) + GAP, y + high // 2), f"+ {rest:,}", FAINT, font, anchor="lm")
        y += high + GAP
    for rule in rules:
        x = column(rule) - GAP - GAP // 2 - 1
        draw.line([(x, top), (x, y - GAP - 1)], LINE, 1)
    if missing:
        draw.text((left, y), missing, FAINT, font)
    return canvas


def draw_source_sheet(
    source: Source, *, title: str = "", max_rows: int = 40, max_columns: int = 20, paper: bool = False
) -> Image.Image:
    """Draw the first examples of the first classes of a source of images, one class per row.

    Args:
        source: Source of images.
        title: Title above the rows; none if empty.
        max_rows: Largest number of classes.
        max_columns: Largest number of examples per class.
        paper: Whether to invert gray images, so that bright strokes are shown as dark ink on white paper.

    Returns:
        RGB image.

    Example:
        >>> source = Source.of(torch.zeros(8, 1, 28, 28, dtype=torch.uint8), labels=["cat", "dog"] * 4)
        >>> draw_source_sheet(source).mode
        'RGB'
    """
    rows: list[SheetRow] = []
    for name, start, count in zip(source.class_names, source.starts.tolist(), source.counts.tolist(), strict=False):
        # Only the images that are shown are loaded.
        visible = min(count, max_columns) if len(rows) < max_rows else 0
        images = source.gather(range(start, start + visible)) if visible else []
        rows.append(SheetRow(name, images, more=count - visible))
    return draw_sheet(rows, title=title, paper=paper, max_rows=max_rows, max_columns=max_columns)


def thumbnail(image: Tensor | Image.Image, cell: int = 64, *, paper: bool = False) -> Image.Image:
    """Resize one image as in `draw_sheet`.

    Args:
        image: Image `[c, h, w]`, uint8 or float in [0, 1], or a Pillow image.
        cell: Approximate size of the longer side, in pixels.
        paper: Whether to invert a gray image.

    Returns:
        RGB image.

    Example:
        >>> thumbnail(torch.zeros(1, 28, 28), cell=64).size, thumbnail(torch.zeros(3, 300, 600), cell=64).size
        ((56, 56), (64, 32))
    """
    result = image if isinstance(image, Image.Image) else to_pil(image)
    if paper and result.mode == "L":
        result = result.point(lambda value: 255 - value)
    longer = max(result.size)
    if longer <= cell:
        factor = cell // longer
        result = result.resize((result.width * factor, result.height * factor), Image.Resampling.NEAREST)
    else:
        size = (max(1, round(result.width * cell / longer)), max(1, round(result.height * cell / longer)))
        result = result.resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0)
    return result.convert("RGB")


def to_pil(image: Tensor) -> Image.Image:
    """Convert an image to a gray or RGB Pillow image.

    Args:
        image: Image `[c, h, w]`, uint8, or float in [0, 1], which is clamped and rounded to 8 bits.

    Raises:
        ValueError: If c is neither 1 nor 3.

    Example:
        >>> to_pil(torch.full((1, 2, 2), 0.5)).getpixel((0, 0))
        128
    """
    if image.ndim != 3 or image.shape[0] not in (1, 3):
        raise ValueError(f"an image of shape {tuple(image.shape)}: expected [1, h, w] or [3, h, w]")
    image = image.detach().cpu()
    if image.dtype != torch.uint8:
        image = image.clamp(0, 1).mul(255).round().to(torch.uint8)
    return Image.fromarray(image[0].numpy() if image.shape[0] == 1 else image.permute(1, 2, 0).contiguous().numpy())


def save_image(image: Image.Image, path: Path | str) -> None:
    """Write an image to a file; the file is complete or not written at all.

    Args:
        image: Image to write.
        path: File to write; its suffix names the format.

    Raises:
        InputError: If the suffix is not `.png`, `.jpg`, `.jpeg` or `.webp`.

    Example:
        >>> import tempfile
        >>> save_image(Image.new("RGB", (8, 8)), Path(tempfile.mkdtemp()) / "sheet.png")
    """
    path = Path(path).expanduser()
    if path.suffix.lower() not in SUFFIXES:
        raise InputError(f"{path}: the name of an image file must end in {', '.join(SUFFIXES)}")
    software = Image.Exif()
    software[SOFTWARE] = MARK
    with write_aside(path) as aside:
        image.save(aside, exif=software)
