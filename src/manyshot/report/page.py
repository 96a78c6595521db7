"""Reports: pages as data, written as one HTML file that needs neither network nor scripts."""

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

CSS_DOTS = 96
"""Pixels of a web page per inch of a figure."""
TERMS = {
    "arm": "One way to train a learner and to use it: augmentation, and settings that differ from those of other arms.",
    "training plan": "Augmentation of the training tasks, as a line of text; 'none' for no augmentation.",
    "test plan": "Augmentation when the trained learner is used: extra support examples, or variants of a query whose "
    "predictions are averaged.",
    "other settings": "Settings of the training or learner in which the arm differs.",
    "difference": "Accuracy of the arm, or what was measured, minus that of the first arm on the same tasks, in "
    "percentage points.",
    "[low, high]": "95 % interval.",
    "p (Holm)": "p-value of the difference from the first arm, corrected for the number of arms by Holm's method; "
    "below 0.05, chance alone is an unlikely explanation.",
    "transductive": "The queries of a task are classified together and influence each other.",
    "accuracy": "Fraction of right answers.",
    "balanced accuracy": "Mean of the recall over the classes, so that each class counts the same.",
    "recall": "Of the examples of a class, the fraction that was recognized.",
    "precision": "Of the answers that name a class, the fraction that was right.",
    "area under the ROC curve": "How often an example of a class gets a higher probability for it than an example of "
    "another class, averaged over classes: 0.5 by chance, 1 at best.",
    "average precision": "Mean precision of the answers that a class's examples would be found by, the most probable "
    "first, averaged over classes: the class's share by chance, 1 at best.",
    "sensitivity": "Of the examples of a class, the fraction whose probability exceeds a threshold that was chosen on "
    "held-out examples, so that the named fraction (specificity) of other examples stays below it.",
    "calibration error": "Mean difference between confidence (the probability of the answer) and accuracy, over bins "
    "of answers of similar confidence. Few examples show a difference by chance; the interval allows for it.",
    "Brier score": "Mean squared distance of the probabilities from the truth: 0 at best, 2 at worst.",
    "unknown": "An example that is unlike every class by its distance to the examples that the model was fitted to.",
    "encoder": "A network trained on other data that turns an example into numbers (features); it is not changed.",
    "head": "The small classifier of the features, fitted to the examples.",
    "augmentation": "Changed copies of the examples that the head is fitted to, and that are averaged for an answer.",
    "held out": "The classifier was fitted without the example, which was then used to judge it.",
}
"""Explanations of the terms on pages."""


@dataclass(frozen=True)
class Paragraph:
    """Running text.

    Args:
        text: Plain text; markup in it is escaped.
    """

    text: str
    kind: str = "paragraph"


@dataclass(frozen=True)
class Table:
    """Rows and columns.

    Args:
        columns: Headings.
        rows: Cells, as text, one per column. A column of numbers and intervals is aligned to the right.
        caption: What the numbers are.

    Raises:
        ValueError: If a row does not have one cell per column.
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
        """Which columns hold numbers, apart from empty cells."""
        columns = [[row[index] for row in self.rows if row[index]] for index in range(len(self.columns))]
        return [bool(cells) and all(map(_is_number, cells)) for cells in columns]


@dataclass(frozen=True)
class Picture:
    """A picture with a description for readers who cannot see it.

    Args:
        data: Bytes of the file.
        form: Media type of the file.
        alt: Description of the picture, in a sentence.
        caption: Text below the picture.
        width: Width on a wide screen in pixels; 0 for as wide as the text.
        sound: WAV file that a player below the picture plays, in galleries; empty for none.
    """

    data: bytes
    form: Literal["image/png", "image/svg+xml", "image/gif"]
    alt: str
    caption: str = ""
    width: int = 0
    sound: bytes = b""
    kind: str = "picture"

    @staticmethod
    def of(picture: Image.Image | Figure, alt: str, caption: str = "") -> "Picture":
        """A pillow picture (kept as PNG, at its own size) or a matplotlib figure (kept as SVG).

        Example:
            >>> Picture.of(Image.new("L", (8, 8)), alt="black").form
            'image/png'
        """
        if isinstance(picture, Figure):
            return Picture(svg(picture), "image/svg+xml", alt, caption, width=round(CSS_DOTS * picture.get_figwidth()))
        buffer = io.BytesIO()
        picture.save(buffer, format="PNG", optimize=True)
        return Picture(buffer.getvalue(), "image/png", alt, caption, width=picture.width)

    @property
    def uri(self) -> str:
        """The picture as a data URI."""
        return f"data:{self.form};base64,{base64.b64encode(self.data).decode()}"

    @property
    def sound_uri(self) -> str:
        """The sound as a data URI."""
        return f"data:audio/wav;base64,{base64.b64encode(self.sound).decode()}"


@dataclass(frozen=True)
class Gallery:
    """Small pictures side by side, as many to a row as the screen has room for.

    Args:
        pictures: The pictures, each with its caption.
    """

    pictures: Sequence[Picture]
    kind: str = "gallery"


@dataclass(frozen=True)
class Command:
    """A command to type.

    Args:
        text: The command.
        caption: What it does.
    """

    text: str
    caption: str = ""
    kind: str = "command"


Part = Paragraph | Table | Picture | Gallery | Command


@dataclass(frozen=True)
class Section:
    """A heading and the parts below it."""

    heading: str
    parts: Sequence[Part]


@dataclass(frozen=True)
class Page:
    """A whole report.

    Args:
        title: Heading of the page and title of the window.
        summary: The result in a sentence or two.
        sections: All further sections, in order.
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
        # Names of files may contain bytes that are not valid text; they are shown as question marks.
        aside.write_bytes(text.encode("utf-8", "replace"))


def provenance(command: str, settings: dict[str, object]) -> Section:
    """The section that makes the page reproducible: the command, the settings, the versions.

    Args:
        command: Command line that wrote the page.
        settings: Names and values of all settings.

    Example:
        >>> [part.kind for part in provenance("manyshot demo", {"seed": 0}).parts]
        ['command', 'table', 'table']
    """
    packages = ("manyshot", "torch", "numpy", "pillow", "scikit-learn")
    versions = [("Python", platform.python_version()), *((name, _version(name)) for name in packages)]
    versions.append(("system", f"{platform.system()} {platform.machine()}"))
    parts: list[Part] = [Command(command, "The command that wrote this page")]
    if settings:
        parts.append(Table(("setting", "value"), [(name, str(value)) for name, value in settings.items()]))
    parts.append(Table(("software", "version"), versions))
    return Section("How to reproduce this page", parts)


def glossary(*terms: str) -> Section:
    """The section that explains terms of a page.

    Args:
        *terms: Keys of `TERMS`.

    Example:
        >>> glossary("arm").parts[0].rows[0][0]
        'arm'
    """
    return Section("Terms", [Table(("term", "meaning"), [(term, TERMS[term]) for term in terms])])


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
