"""What a fitted classifier is exported as, how examples become its inputs, and what its metadata say."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn

from manyshot.classify.encode.encode_examples import encode_examples
from manyshot.classify.encode.frozen_encoders import load_encoder
from manyshot.classify.examples.example_set import ExampleSet
from manyshot.classify.examples.read_examples import examples_from_arrays
from manyshot.classify.export.export_modules import (
    ProbabilitiesOfFeatures,
    ProbabilitiesOfPictures,
    ProbabilitiesOfTokens,
)
from manyshot.classify.export.export_views import Draw, are_exported, encode_views, fixed_draws
from manyshot.nets import PretrainedEncoder, TextEncoder
from manyshot.nets.sentence_encoder import TransformerReader

if TYPE_CHECKING:
    from manyshot.classify.model.model import Model
    from manyshot.classify.multipart.parts_model import PartsModel

Axes = tuple[str | int, ...]
"""A name for each axis of a tensor whose size may vary, and a number for each whose size may not."""


@dataclass(frozen=True)
class Graph:
    """What is exported.

    Args:
        module: From inputs to probabilities `[n, c]`.
        axes: The axes of each input, by the input's name.
        dtypes: Type of each input.
        takes: What the inputs are, for people.
        readers: Transformers whose tokens are inputs, by what comes before the names of these inputs.
        draws: Of the views that the module averages with the example itself.
        takes_any_number: Whether the module's `forward` takes `*inputs`.
    """

    module: nn.Module
    axes: Mapping[str, Axes]
    dtypes: tuple[torch.dtype, ...]
    takes: str
    readers: Mapping[str, TransformerReader] = field(default_factory=dict)
    draws: tuple[Draw, ...] = ()
    takes_any_number: bool = False

    def traced(self) -> tuple[Tensor, ...]:
        """Inputs to trace the module with; no size that may vary is 1, or it would be taken as fixed."""
        sizes = {"n": 2, "height": 150, "width": 170, "length": 9}
        return tuple(
            torch.ones([axis if isinstance(axis, int) else sizes[axis.split(" ")[0]] for axis in axes], dtype=dtype)
            for axes, dtype in zip(self.axes.values(), self.dtypes, strict=True)
        )

    @property
    def longest(self) -> int | None:
        """Most tokens of a text; None without a transformer."""
        return min((reader.longest for reader in self.readers.values()), default=None)


def graph_of(model: "Model") -> Graph:
    """What a model is exported as.

    Args:
        model: A fitted model.

    Raises:
        InputError: If an encoder of the model is not installed.
    """
    head = ProbabilitiesOfFeatures(model.transforms, model.linear, model.temperature)
    encoders = [load_encoder(name).module for name in model.encoders]
    pictures = [encoder for encoder in encoders if isinstance(encoder, PretrainedEncoder)]
    if pictures:
        draws = tuple(fixed_draws(model.views)) if are_exported(model.views) else ()
        module: nn.Module = ProbabilitiesOfPictures(pictures, head, draws)
        takes = "images: uint8 [n, 3, height, width], RGB, upright, of any size"
        return Graph(module.eval(), {"images": ("n", 3, "height", "width")}, (torch.uint8,), takes, draws=draws)
    reader = reader_of(encoders)
    if reader is not None:
        takes = (
            "input_ids, attention_mask: int64 [n, length], of the tokenizer in the metadata, at most "
            f"{reader.longest} tokens"
        )
        axes: Axes = ("n", "length")
        inputs = {"input_ids": axes, "attention_mask": axes}
        return Graph(ProbabilitiesOfTokens(reader, head).eval(), inputs, (torch.int64,) * 2, takes, {"": reader})
    parts = [f"{name} ({width})" for name, width in zip(model.encoders, head.widths, strict=True)]
    takes = f"features: float32 [n, {sum(head.widths)}], of the encoder {' and then '.join(parts)}"
    return Graph(head.eval(), {"features": ("n", sum(head.widths))}, (torch.float32,), takes)


def reader_of(encoders: Sequence[nn.Module]) -> TransformerReader | None:
    """The transformer of a single encoder of sentences that is one.

    Args:
        encoders: Encoders that stand side by side.
    """
    reader = encoders[0].current_reader if isinstance(encoders[0], TextEncoder) else None
    return reader if len(encoders) == 1 and isinstance(reader, TransformerReader) else None


def expected_of(graph: Graph, model: "Model", examples: ExampleSet) -> NDArray[np.floating[Any]]:
    """The probabilities `[n, c]` that a graph should give: the model's, with the views of the graph.

    Args:
        graph: Of the model.
        model: A fitted model.
        examples: Examples, n of them, of the model's kind.

    Raises:
        InputError: If a picture is damaged.
    """
    if not graph.draws:
        return replace(model, views=()).predict(examples).probabilities
    blocks = [encode_views(encoder, examples, graph.draws) for encoder in model.encoders]
    return model.predict_features(blocks).probabilities


def inputs_of(graph: Graph, model: "Model", examples: ExampleSet, row: int) -> tuple[Tensor, ...]:
    """One example as the inputs of a graph.

    Args:
        graph: Of the model.
        model: A fitted model.
        examples: Examples of the model's kind.
        row: Which of them.

    Raises:
        InputError: If a picture is damaged.
    """
    if "images" in graph.axes:
        return (examples.original(row)[None],)
    if graph.readers:
        tokens = graph.readers[""].tokens(examples.texts(row))
        return tuple(tokens[name] for name in graph.axes)
    one = examples.select([row])
    return (torch.cat([encode_examples(encoder, one)[:, 0] for encoder in model.encoders], 1),)


def metadata_of(graph: Graph, model: "Model | PartsModel") -> dict[str, str]:
    """What is written beside the graph: `class_names` as a JSON list, and what the inputs are.

    Args:
        graph: Of the model.
        model: A fitted model.
    """
    metadata = {
        "class_names": json.dumps(model.class_names, ensure_ascii=False),
        "kind": model.kind,
        "inputs": graph.takes,
        "outputs": "probabilities: float32 [n, classes], calibrated, in the order of class_names",
        "encoders": json.dumps(model.encoders, ensure_ascii=False),
        "temperature": repr(model.temperature),
        "views": json.dumps([plan for plan, _ in graph.draws]),
        "manyshot": version("manyshot"),
    }
    for prefix, reader in graph.readers.items():
        tokenizer = reader.tokenizer.backend_tokenizer
        tokenizer.enable_truncation(max_length=reader.longest)
        tokenizer.enable_padding(pad_id=reader.tokenizer.pad_token_id, pad_token=reader.tokenizer.pad_token)
        metadata[f"{prefix}tokenizer"] = tokenizer.to_str()
    return metadata


def drawn_examples(kind: str) -> ExampleSet:
    """Examples drawn at random, to run a graph on where there are none of a user: blurred noise, or words.

    Args:
        kind: "pictures" or "sentences".

    Example:
        >>> len(drawn_examples("pictures")), drawn_examples("sentences").texts(2)
        (4, ['one two three four five six'])
    """
    if kind == "sentences":
        words = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"]
        return examples_from_arrays([" ".join(words[:count]) for count in (1, 3, 6, 10)])
    generator = torch.Generator().manual_seed(0)
    pictures = []
    for size in ((180, 240), (400, 300), (64, 64), (224, 500)):
        noise = torch.rand(1, 3, 12, 12, generator=generator)
        levels = nn.functional.interpolate(noise, size, mode="bilinear")[0].permute(1, 2, 0) * 255
        pictures.append(Image.fromarray(levels.byte().numpy()))
    return examples_from_arrays(pictures)
