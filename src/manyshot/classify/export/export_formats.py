"""The formats that a classifier is exported in: writing a file, and running it."""

import logging
import warnings
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from manyshot.base import InputError
from manyshot.classify.export.export_graph import Graph

OPSET = 18
"""The version of ONNX's operators that is written, which runtimes read since 2023."""


class Format(ABC):
    """A format of files.

    Args:
        suffix: What the names of its files end in.
    """

    suffix: ClassVar[str]

    @abstractmethod
    def require(self) -> None:
        """Check that what it needs is installed.

        Raises:
            InputError: If not.
        """

    @abstractmethod
    def write(self, graph: Graph, metadata: Mapping[str, str], path: Path) -> None:
        """Write a graph.

        Args:
            graph: What to write.
            metadata: Texts that the file holds beside the graph.
            path: The file.
        """

    @abstractmethod
    def run(self, path: Path, batches: Sequence[Sequence[Tensor]]) -> NDArray[np.float32]:
        """Run a file.

        Args:
            path: The file.
            batches: Inputs, one batch after the other.

        Returns:
            Probabilities `[n, c]` of all batches together.
        """


class Onnx(Format):
    """ONNX, written by torch's exporter and run by onnxruntime; weights are in the file itself."""

    suffix = ".onnx"

    def require(self) -> None:
        """Check that onnx, onnxscript and onnxruntime are installed."""
        for package in ("onnx", "onnxscript", "onnxruntime"):
            try:
                __import__(package)
            except ImportError as error:
                raise InputError(f'ONNX: {error}; install it by: pip install "manyshot[onnx]"') from None

    def write(self, graph: Graph, metadata: Mapping[str, str], path: Path) -> None:
        """Write a graph; see `Format.write`."""
        with _quietly():
            exported = torch.onnx.export(
                graph.module,
                graph.traced(),
                input_names=list(graph.axes),
                output_names=["probabilities"],
                dynamic_shapes=_dynamic_shapes(graph),
                opset_version=OPSET,
                dynamo=True,
                external_data=False,
                verbose=False,
            )
        assert exported is not None
        model = exported.model_proto
        _strip(model)
        model.producer_name, model.producer_version = "manyshot", metadata["manyshot"]
        for key, value in metadata.items():
            model.metadata_props.add(key=key, value=value)
        path.write_bytes(model.SerializeToString())

    def run(self, path: Path, batches: Sequence[Sequence[Tensor]]) -> NDArray[np.float32]:
        """Run a file on the processor; see `Format.run`."""
        import onnxruntime

        session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
        names = [put.name for put in session.get_inputs()]
        found = [
            session.run(None, {name: x.numpy() for name, x in zip(names, batch, strict=True)})[0] for batch in batches
        ]
        return np.concatenate(found)


class TorchProgram(Format):
    """A program of torch.export, `.pt2`, which torch loads without any class of Manyshot."""

    suffix = ".pt2"

    def require(self) -> None:
        """Nothing but torch is needed."""

    def write(self, graph: Graph, metadata: Mapping[str, str], path: Path) -> None:
        """Write a graph; see `Format.write`."""
        with _quietly(), torch.no_grad():
            program = torch.export.export(graph.module, graph.traced(), dynamic_shapes=_dynamic_shapes(graph))
            for node in program.graph.nodes:
                node.meta.pop("stack_trace", None)  # holds paths of this machine
            torch.export.save(program, path, extra_files=dict(metadata))

    def run(self, path: Path, batches: Sequence[Sequence[Tensor]]) -> NDArray[np.float32]:
        """Run a file on the processor; see `Format.run`."""
        with _quietly(), torch.no_grad():
            module = torch.export.load(path).module()
            return np.concatenate([module(*batch).numpy() for batch in batches])


FORMATS: Mapping[str, Format] = {"onnx": Onnx(), "torch": TorchProgram()}


def _dynamic_shapes(graph: Graph) -> tuple[Any, ...]:
    """Which axes may vary, as torch.export wants it; axes of one name have one size."""
    names = dict.fromkeys(axis for axes in graph.axes.values() for axis in axes if isinstance(axis, str))
    sizes = {
        name: torch.export.Dim(name.replace(" ", "_"), max=graph.longest if name.startswith("length") else None)
        for name in names
    }
    shapes = tuple({i: sizes[a] for i, a in enumerate(axes) if isinstance(a, str)} for axes in graph.axes.values())
    return (shapes,) if graph.takes_any_number else shapes


def _strip(model: Any) -> None:  # noqa: ANN401 - of a library without types
    """Remove the notes of torch's exporter, which hold paths of the machine that wrote the file."""
    graph = model.graph
    for part in (model, graph, *graph.node, *graph.input, *graph.output, *graph.value_info, *graph.initializer):
        part.ClearField("metadata_props")
        part.ClearField("doc_string")


@contextmanager
def _quietly() -> Iterator[None]:
    """Hide what torch's exporters say of themselves."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(action="ignore"):
            yield
    finally:
        logger.setLevel(level)
