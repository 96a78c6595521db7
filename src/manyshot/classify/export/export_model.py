"""Export a fitted classifier as one file that runs without Manyshot, and compare that file with the model."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from manyshot.base import InputError, did_you_mean, sweep, write_aside
from manyshot.classify.examples.example_set import ExampleSet
from manyshot.classify.export.export_formats import FORMATS
from manyshot.classify.export.export_graph import Graph, drawn_examples, expected_of, graph_of, inputs_of, metadata_of
from manyshot.classify.export.export_multipart import graph_of_parts, inputs_of_parts
from manyshot.classify.multipart.parted_examples import PartedExamples
from manyshot.classify.multipart.parts_model import PartsModel

if TYPE_CHECKING:
    from manyshot.classify.model.model import Model

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


@dataclass(frozen=True, eq=False)
class _Job:
    """A graph, what it is run on, and the probabilities that it should give, with its views and with the model's."""

    graph: Graph
    batches: list[tuple[Tensor, ...]]
    expected: NDArray[np.floating[Any]]
    averaged: NDArray[np.floating[Any]]
    drawn: bool = False


def export_model(
    model: "Model | PartsModel",
    path: Path | str,
    to: str = "onnx",
    examples: ExampleSet | PartedExamples | None = None,
    overwrite: bool = False,
) -> ExportReport:
    """Write a model as one file, run that file on examples, and compare its probabilities with the model's.

    The file of a model of pictures takes pixels of any size, and resizes, encodes and classifies them; it averages the
    model's views where their ops move pixels, with one set of draws for all pictures (the model draws by each picture's
    content). Of a model of
    sentences whose encoder is a transformer, the network is in the file and the tokenizer in its metadata; of other
    models of sentences, it has what comes behind the features. Probabilities are calibrated. The file of a model of
    examples of several parts has inputs for each part, and one that says which of them an example has.

    Args:
        model: A fitted model.
        path: The file to write. It gets its name once it has been checked.
        to: "onnx", or "torch" for a program of torch.export.
        examples: What to run the file on, at most 20 of them; drawn at random if None, but not for several parts.
        overwrite: Whether to replace a file.

    Raises:
        InputError: If the format is unknown, what it needs is not installed, the file exists already, its
            probabilities are not the model's, or there are no examples of several parts.
    """
    path = Path(path).expanduser()
    check_target(path, to, overwrite)
    job = _of_parts(model, examples) if isinstance(model, PartsModel) else _of_one_part(model, examples)
    graph = job.graph
    sweep(path)
    with write_aside(path) as aside:
        FORMATS[to].write(graph, metadata_of(graph, model), aside)
        found = FORMATS[to].run(aside, job.batches)
        difference = float(np.abs(found - job.expected).max())
        if not difference <= TOLERANCE:
            raise InputError(
                f"{path}: not written, since its probabilities differ by {difference:.2g} from the model's; "
                "export to another format"
            )
        size = aside.stat().st_size
    of_views = float(np.abs(found - job.averaged).max())
    return ExportReport(
        path=path,
        to=to,
        size=size,
        takes=graph.takes,
        checked=len(job.batches),
        drawn=job.drawn,
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


def _of_one_part(model: "Model", examples: Any) -> _Job:  # noqa: ANN401 - checked here
    if isinstance(examples, PartedExamples):
        raise InputError(f"the model takes {model.kind}, and these are examples of several parts; give {model.kind}")
    if model.kind == "scans":
        raise InputError("a model of scans reads volumes, which no format here does; use `manyshot predict`")
    drawn = examples is None or not len(examples)
    few = drawn_examples(model.kind) if drawn else _spread(examples)
    graph = graph_of(model)
    batches = [inputs_of(graph, model, few, row) for row in range(len(few))]
    expected = expected_of(graph, model, few)
    return _Job(graph, batches, expected, model.predict(few).probabilities if model.views else expected, drawn)


def _of_parts(model: PartsModel, examples: Any) -> _Job:  # noqa: ANN401 - checked here
    if not isinstance(examples, PartedExamples) or not len(examples):
        raise InputError(
            "a file of a model of several parts is checked on examples like those that it was fitted to; name a table "
            "or folder of some by --like"
        )
    few = model.fitting(_spread(examples))
    graph = graph_of_parts(model)
    batches = [inputs_of_parts(graph, model, few, row) for row in range(len(few))]
    expected = model.predict(few).probabilities
    return _Job(graph, batches, expected, expected)


Some = TypeVar("Some", ExampleSet, PartedExamples)


def _spread(examples: Some) -> Some:
    """At most `CHECKED` examples, evenly spread, so that all classes are among them where there are few."""
    count = min(CHECKED, len(examples))
    return examples.select(torch.linspace(0, len(examples) - 1, count).round().long().numpy())
