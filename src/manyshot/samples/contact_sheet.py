"""Contact sheets: labelled rows of pictures, to look at a source, at an op, or at what was made of what."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from PIL import Image, ImageDraw
from torch import Tensor

from manyshot.base import InputError, write_aside
from manyshot.samples.fonts import font_for, shortened, shown
from manyshot.tasks import Source

INK = (33, 37, 41)
FAINT = (134, 142, 150)
LINE = (173, 181, 189)
GROUND = (241, 243, 245)
MARGIN = 12
GAP = 3
TEXT = 13
FORMS = (".png", ".jpg", ".jpeg", ".webp")


@dataclass(frozen=True, eq=False)
class Row:
    """One row of a sheet.

    Args:
        label: stands at the left.
        images: `[n, c, h, w]`, or n pictures `[c, h, w]` of any sizes; uint8, or float from 0 to 1; c is 1 or 3.
            Or pictures of pillow.
        more: how many others there are; the sheet says so at the right.
    """

    label: str
    images: Tensor | Sequence[Tensor | Image.Image]
    more: int = 0


def sheet(
    rows: Sequence[Row],
    *,
    title: str = "",
    headings: Sequence[str] = (),
    rules: Sequence[int] = (),
    cell: int = 64,
    paper: bool = False,
    most_rows: int = 200,
    most_columns: int = 40,
) -> Image.Image:
    """Draw labelled rows of pictures.

    Small pictures grow by a whole factor with hard pixels, so that one sees what the learner sees; large ones shrink.

    Args:
        rows: from top to bottom.
        title: stands above, if given.
        headings: stand above the first columns.
        rules: draw a line after so many columns, to set originals apart from made pictures.
        cell: pixels that the longer side of a picture gets, about.
        paper: the gray pictures are ink 1 on paper 0; show dark ink on white paper.
        most_rows: rows beyond are left out, and the sheet says how many.
        most_columns: the same for pictures in a row.

    Returns:
        An RGB picture of at most about `most_columns * cell` by `most_rows * cell` pixels, margins apart.

    Raises:
        ValueError: if an image has neither 1 nor 3 channels.

    Example:
        >>> sheet([Row("noise", torch.rand(5, 1, 28, 28)), Row("black", torch.zeros(5, 3, 28, 28))]).mode
        'RGB'
    """
    kept = rows[:most_rows]
    pictures = [[picture(image, cell, paper=paper) for image in row.images[:most_columns]] for row in kept]
    columns = max((len(line) for line in pictures), default=0)
    wide = max((p.width for line in pictures for p in line), default=0)
    highs = [max((p.height for p in line), default=TEXT) for line in pictures]

    font = font_for("", TEXT)
    labels = [shortened(row.label, 28) for row in kept]
    left = MARGIN + max((int(font_for(label, TEXT).getlength(label)) for label in labels), default=0) + MARGIN
    cut = [row.more + len(row.images) - len(line) for row, line in zip(kept, pictures, strict=True)]
    more = max((int(font.getlength(f"+ {n:,}")) + MARGIN for n in cut if n > 0), default=0)
    missing = f"and {len(rows) - len(kept):,} more rows" if len(rows) > len(kept) else ""

    def column(position: int) -> int:
        return left + position * (wide + GAP) + 2 * GAP * sum(position >= rule for rule in rules)

    top = MARGIN + (TEXT + 3 * GAP + MARGIN if title else 0) + (TEXT + 2 * GAP if headings else 0)
    width = column(columns) - GAP + more + MARGIN
    if title:
        width = max(width, 2 * MARGIN + int(font_for(title, TEXT + 3).getlength(shown(title))))
    bottom = TEXT + GAP if missing else 0
    height = top + sum(highs) + GAP * max(len(highs) - 1, 0) + bottom + MARGIN

    canvas = Image.new("RGB", (max(width, 1), max(height, 1)), GROUND)
    draw = ImageDraw.Draw(canvas)
    if title:
        draw.text((MARGIN, MARGIN), shown(title), INK, font_for(title, TEXT + 3))
    for position, heading in enumerate(headings):
        draw.text((column(position), top - TEXT - 2 * GAP), shown(heading), FAINT, font_for(heading, TEXT - 2))
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


def source_sheet(
    source: Source, *, title: str = "", most_rows: int = 40, most_columns: int = 20, paper: bool = False
) -> Image.Image:
    """Draw the first items of the first classes of a source of images, a class a row.

    Args:
        source: of images.
        title: as for `sheet`; so is `paper`.
        most_rows: classes to show at most.
        most_columns: items of a class to show at most.
        paper: see `title`.

    Example:
        >>> source = Source.of(torch.zeros(8, 1, 28, 28, dtype=torch.uint8), labels=["cat", "dog"] * 4)
        >>> source_sheet(source).mode
        'RGB'
    """
    rows: list[Row] = []
    for name, start, count in zip(source.class_names, source.starts.tolist(), source.counts.tolist(), strict=False):
        # Only what is shown is fetched; the rest is counted.
        shown_here = min(count, most_columns) if len(rows) < most_rows else 0
        images = source.gather(range(start, start + shown_here)) if shown_here else []
        rows.append(Row(name, images, more=count - shown_here))
    return sheet(rows, title=title, paper=paper, most_rows=most_rows, most_columns=most_columns)


def picture(image: Tensor | Image.Image, cell: int = 64, *, paper: bool = False) -> Image.Image:
    """One picture, `[c, h, w]` or pillow's, at a size to look at: see `sheet`.

    Example:
        >>> picture(torch.zeros(1, 28, 28), cell=64).size, picture(torch.zeros(3, 300, 600), cell=64).size
        ((56, 56), (64, 32))
    """
    shot = image if isinstance(image, Image.Image) else to_pillow(image)
    if paper and shot.mode == "L":
        shot = shot.point(lambda value: 255 - value)
    longer = max(shot.size)
    if longer <= cell:
        factor = cell // longer
        shot = shot.resize((shot.width * factor, shot.height * factor), Image.Resampling.NEAREST)
    else:
        size = (max(1, round(shot.width * cell / longer)), max(1, round(shot.height * cell / longer)))
        shot = shot.resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0)
    return shot.convert("RGB")


def to_pillow(image: Tensor) -> Image.Image:
    """A picture `[c, h, w]`, uint8 or float from 0 to 1 (rounded, and cut off beyond), as pillow's gray or RGB.

    Raises:
        ValueError: if c is neither 1 nor 3.

    Example:
        >>> to_pillow(torch.full((1, 2, 2), 0.5)).getpixel((0, 0))
        128
    """
    if image.ndim != 3 or image.shape[0] not in (1, 3):
        raise ValueError(f"an image of shape {tuple(image.shape)}: expected [1, h, w] or [3, h, w]")
    image = image.detach().cpu()
    if image.dtype != torch.uint8:
        image = image.clamp(0, 1).mul(255).round().to(torch.uint8)
    return Image.fromarray(image[0].numpy() if image.shape[0] == 1 else image.permute(1, 2, 0).contiguous().numpy())


def save(image: Image.Image, path: Path | str) -> None:
    """Write a picture to a file, whole or not at all; the file's ending says the form.

    Raises:
        InputError: if the ending is not that of a common picture format.

    Example:
        >>> import tempfile
        >>> save(Image.new("RGB", (8, 8)), Path(tempfile.mkdtemp()) / "sheet.png")
    """
    path = Path(path).expanduser()
    if path.suffix.lower() not in FORMS:
        raise InputError(f"{path}: a picture's name must end in {', '.join(FORMS)}")
    with write_aside(path) as aside:
        image.save(aside)
