"""Pieces of HTML that the page shows: small pictures, and texts of users, which are escaped."""

import base64
import io
from collections.abc import Iterable, Sequence
from html import escape

from jaxtyping import UInt8
from PIL import Image
from torch import Tensor

from manyshot.app.collection import Collection

THUMBNAIL = 72
"""Height and width of small pictures in pixels."""
SHOWN = 12
"""Number of pictures of a class that are shown."""


def picture_uri(pixels: UInt8[Tensor, "3 h w"]) -> str:
    """A picture as the address of an `img` element, so that no file has to be served.

    Args:
        pixels: RGB.

    Example:
        >>> import torch
        >>> picture_uri(torch.zeros(3, 4, 4, dtype=torch.uint8))[:23]
        'data:image/jpeg;base64,'
    """
    file = io.BytesIO()
    Image.fromarray(pixels.permute(1, 2, 0).numpy()).save(file, "JPEG", quality=85)
    return "data:image/jpeg;base64," + base64.b64encode(file.getvalue()).decode()


def figure(pixels: UInt8[Tensor, "3 h w"], caption: str) -> str:
    """A small picture with a caption below.

    Args:
        pixels: RGB.
        caption: Text; it is escaped.
    """
    return f'<figure><img src="{picture_uri(pixels)}" alt=""><figcaption>{escape(caption)}</figcaption></figure>'


def classes_html(collection: Collection) -> str:
    """The classes of a collection with their first pictures.

    Args:
        collection: Pictures by class.

    Raises:
        InputError: If a picture is damaged.
    """
    if not collection.classes:
        return '<p class="quiet">No pictures yet. Five of each class are a good start.</p>'
    parts = []
    for name, examples in collection.classes.items():
        shown = examples.pictures(range(min(SHOWN, len(examples))), THUMBNAIL)
        images = "".join(f'<img src="{picture_uri(pixels)}" alt="">' for pixels in shown)
        more = f'<span class="quiet">and {len(examples) - SHOWN} more</span>' if len(examples) > SHOWN else ""
        count = f"{len(examples)} picture{'s' if len(examples) > 1 else ''}"
        parts.append(
            f'<h4>{escape(name)} <span class="quiet">{count}</span></h4><div class="thumbnails">{images}{more}</div>'
        )
    return "".join(parts)


def table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table of texts.

    Example:
        >>> table(["a"], [["<b>"]])
        '<table><tr><th>a</th></tr><tr><td>&lt;b&gt;</td></tr></table>'
    """
    head = "".join(f"<th>{escape(cell)}</th>" for cell in headings)
    body = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><tr>{head}</tr>{body}</table>"
