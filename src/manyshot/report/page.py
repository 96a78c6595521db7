"""The report: one HTML file that holds everything, opens from disk, and needs neither network nor scripts."""

import base64
import io
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Literal

from jinja2 import Environment, PackageLoader, StrictUndefined
from matplotlib.figure import Figure
from PIL import Image

from manyshot.base import write_aside
from manyshot.report.plots import svg


@dataclass(frozen=True)
class Paragraph:
    """Running text.

    Args:
        text: plain text; nothing in it is markup.
    """

    text: str
    kind: str = "paragraph"


@dataclass(frozen=True)
class Table:
    """Rows and columns.

    Args:
        columns: headings.
        rows: cells, as text, one a column. A column of nothing but numbers and intervals stands at the right.
        caption: says what the numbers are.

    Raises:
        ValueError: if a row has not one cell a column.
    """

    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    caption: str = ""
    kind: str = "table"

    def __post_init__(self) -> None:
        for row in self.rows:
            if len(row) != len(self.columns):
                raise ValueError(f"a row of {len(row)} cells in a table of {len(self.columns)} columns: {list(row)}")

    @property
    def numeric(self) -> list[bool]:
        """Which columns hold numbers."""
        return [
            bool(self.rows) and all(_is_number(row[place]) for row in self.rows) for place in range(len(self.columns))
        ]


@dataclass(frozen=True)
class Picture:
    """A picture, with words for those who cannot see it.

    Args:
        data: the bytes of the file.
        form: what they are.
        alt: what the picture shows, in a sentence.
        caption: stands below.
        width: pixels that it takes on a wide screen; 0 for as wide as the text.
    """

    data: bytes
    form: Literal["image/png", "image/svg+xml"]
    alt: str
    caption: str = ""
    width: int = 0
    kind: str = "picture"

    @staticmethod
    def of(picture: Image.Image | Figure, alt: str, caption: str = "") -> "Picture":
        """A pillow picture (kept as PNG, at its own size) or a matplotlib figure (kept as SVG).

        Example:
            >>> Picture.of(Image.new("L", (8, 8)), alt="black").form
            'image/png'
        """
        if isinstance(picture, Figure):
            return Picture(svg(picture), "image/svg+xml", alt, caption)
        buffer = io.BytesIO()
        picture.save(buffer, format="PNG", optimize=True)
        return Picture(buffer.getvalue(), "image/png", alt, caption, width=picture.width)

    @property
    def uri(self) -> str:
        """The picture as an address that holds it."""
        return f"data:{self.form};base64,{base64.b64encode(self.data).decode()}"


@dataclass(frozen=True)
class Command:
    """Something to type.

    Args:
        text: as it is typed.
        caption: what it does.
    """

    text: str
    caption: str = ""
    kind: str = "command"


Part = Paragraph | Table | Picture | Command


@dataclass(frozen=True)
class Section:
    """A heading and what stands under it."""

    heading: str
    parts: Sequence[Part]


@dataclass(frozen=True)
class Page:
    """A whole report.

    Args:
        title: stands at the top and in the window's title.
        summary: the result in a sentence or two.
        sections: the rest, in order.
    """

    title: str
    summary: str
    sections: Sequence[Section] = ()


def write_page(path: Path | str, page: Page) -> None:
    """Write the page as one HTML file, whole or not at all.

    All text is escaped: class names and paths may hold anything.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "report.html"
        >>> write_page(path, Page("Report", "All is well.", [Section("Why", [Paragraph("Because 1 < 2.")])]))
        >>> "Because 1 &lt; 2." in path.read_text(encoding="utf-8")
        True
    """
    environment = Environment(
        loader=PackageLoader("manyshot.report", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    text = environment.get_template("page.html").render(page=page, version=_version("manyshot"))
    with write_aside(path) as aside:
        # Names of files can hold bytes that are no text; they show as a mark and must not stop the report.
        aside.write_bytes(text.encode("utf-8", "replace"))


def provenance(command: str, settings: dict[str, object]) -> Section:
    """The section that tells how to get the page again: the command, the settings, the versions.

    Args:
        command: the command line that made the page.
        settings: name and value of everything that was chosen.

    Example:
        >>> [part.kind for part in provenance("manyshot demo", {"seed": 0}).parts]
        ['command', 'table', 'table']
    """
    packages = ("manyshot", "torch", "numpy", "pillow", "scikit-learn")
    versions = [("Python", platform.python_version()), *((name, _version(name)) for name in packages)]
    versions.append(("system", f"{platform.system()} {platform.machine()}"))
    parts: list[Part] = [Command(command, "The command that made this page")]
    if settings:
        parts.append(Table(("setting", "value"), [(name, str(value)) for name, value in settings.items()]))
    parts.append(Table(("software", "version"), versions))
    return Section("How this was made", parts)


def interval(value: float, low: float, high: float, *, signed: bool = False, digits: int = 1) -> str:
    """A number and its interval as the tables print it.

    Example:
        >>> interval(8.83, 8.1, 9.5, signed=True), interval(64.7, 64.0, 65.4)
        ('+8.8 [+8.1, +9.5]', '64.7 [64.0, 65.4]')
    """
    sign = "+" if signed else ""
    return "{:{form}} [{:{form}}, {:{form}}]".format(value, low, high, form=f"{sign}.{digits}f").replace("-", "−")


def _is_number(cell: str) -> bool:
    return bool(cell) and cell[0] in "+-−.0123456789" and all(letter in "+-−., 0123456789[]%±eE" for letter in cell)


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "unknown"
