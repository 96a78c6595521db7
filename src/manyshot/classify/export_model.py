"""Export a fitted classifier as one file that runs without Manyshot, and compare that file with the model."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from manyshot.base import InputError, did_you_mean, sweep, write_aside
from manyshot.classify.example_set import ExampleSet
from manyshot.classify.export_formats import FORMATS
from manyshot.classify.export_graph import drawn_examples, expected_of, graph_of, inputs_of, metadata_of

if TYPE_CHECKING:
    from manyshot.classify.model import Model

TOLERANCE = 0.01
"""Largest difference of a probability from the model's with which a file is kept."""
CHECKED = 20
"""Number of examples that a file is run on after it is written."""


@dataclass(frozen=True)
class ExportReport:
    """What was written, and how far its probabilities are from the model's.

    Args:
        path: The file.
        to: Its format.
        size: Its size in bytes.
        takes: What its inputs are.
        checked: Number of examples that it was run on after it was written.
        drawn: Whether these were drawn at random, since there were none of the user.
        difference: Largest difference between a probability of the file and of the model with the file's views.
        views: Number of views of an example that the model averages.
        views_of_file: Number that the file averages: as many, but for draws that are the same for every picture, where
            all ops of the views move pixels; otherwise 1, the example itself.
        difference_of_views: Largest difference from the model's probabilities with its own views; `difference` if
            there is one view.
    """

    path: Path
    to: str
    size: int
    takes: str
    checked: int
    drawn: bool
    difference: float
    views: int
    views_of_file: int
    difference_of_views: float

    @property
    def about_views(self) -> str:
        """What the file does with views that the model averages, as a sentence; empty if there is one view."""
        if self.views == 1:
            return ""
        if self.views_of_file == self.views:
            how = f"File and model average {self.views} views, the file the same for every picture"
        else:
            how = f"The model averages {self.views} views of each example and the file reads it once"
        return f"{how}: probabilities differ from those of predict by at most {self.difference_of_views:.1g}."


def export_model(
    model: "Model",
    path: Path | str,
    to: str = "onnx",
    examples: ExampleSet | None = None,
    overwrite: bool = False,
) -> ExportReport:
    """Write a model as one file, run that file on examples, and compare its probabilities with the model's.

    The file of a model of pictures takes pixels of any size, and resizes, encodes and classifies them; it averages the
    model's views where their ops move pixels, with one set of draws for all pictures (the model draws by each picture's
    content). Of a model of
    sentences whose encoder is a transformer, the network is in the file and the tokenizer in its metadata; of other
    models of sentences, it has what comes behind the features. Probabilities are calibrated.

    Args:
        model: A fitted model.
        path: The file to write. It gets its name once it has been checked.
        to: "onnx", or "torch" for a program of torch.export.
        examples: What to run the file on, at most 20 of them; drawn at random if None.
        overwrite: Whether to replace a file.

    Raises:
        InputError: If the format is unknown, what it needs is not installed, the file exists already, or its
            probabilities are not the model's.
    """
    path = Path(path).expanduser()
    check_target(path, to, overwrite)
    drawn = examples is None or not len(examples)
    examples = drawn_examples(model.kind) if examples is None or drawn else _spread(examples)
    graph = graph_of(model)
    batches = [inputs_of(graph, model, examples, row) for row in range(len(examples))]
    expected = expected_of(graph, model, examples)
    sweep(path)
    with write_aside(path) as aside:
        FORMATS[to].write(graph, metadata_of(graph, model), aside)
        found = FORMATS[to].run(aside, batches)
        difference = float(np.abs(found - expected).max())
        if not difference <= TOLERANCE:
            raise InputError(
                f"{path}: not written, since its probabilities differ by {difference:.2g} from the model's; "
                "export to another format"
            )
        size = aside.stat().st_size
    averaged = model.predict(examples).probabilities if model.views else expected
    of_views = float(np.abs(found - averaged).max())
    return ExportReport(
        path=path,
        to=to,
        size=size,
        takes=graph.takes,
        checked=len(examples),
        drawn=drawn,
        difference=difference,
        views=model.view_count,
        views_of_file=1 + len(graph.draws),
        difference_of_views=of_views,
    )


def check_target(path: Path, to: str, overwrite: bool) -> None:
    """Check, before anything slow begins, that a file of a format may be written.

    Args:
        path: The file.
        to: The format.
        overwrite: Whether the file may be replaced.

    Raises:
        InputError: If the format is unknown, what it needs is not installed, the name does not end as the format's
            do, or the file exists already and may not be replaced.

    Example:
        >>> check_target(Path("model.zip"), "torch", overwrite=False)
        Traceback (most recent call last):
        manyshot.base.errors.InputError: model.zip: a file of the format torch ends in .pt2; call it model.pt2
    """
    if to not in FORMATS:
        raise InputError(f"to={to}: {did_you_mean(to, FORMATS)}")
    suffix = FORMATS[to].suffix
    if path.suffix != suffix:
        raise InputError(f"{path}: a file of the format {to} ends in {suffix}; call it {path.with_suffix(suffix)}")
    if path.is_dir() or (path.exists() and not overwrite):
        raise InputError(f"{path}: exists already; choose another file, or overwrite it")
    FORMATS[to].require()


def _spread(examples: ExampleSet) -> ExampleSet:
    """At most `CHECKED` examples, evenly spread, so that all classes are among them where there are few."""
    count = min(CHECKED, len(examples))
    return examples.select(torch.linspace(0, len(examples) - 1, count).round().long().numpy())
