"""What a fitted classifier of examples of several parts is exported as."""

from collections.abc import Sequence
from itertools import product
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from manyshot.base import InputError
from manyshot.classify.encode.encode_examples import encode_examples
from manyshot.classify.encode.frozen_encoders import encoder_blocks, load_encoder
from manyshot.classify.export.export_graph import Axes, Graph, reader_of
from manyshot.classify.export.export_modules import FeaturesOfPictures, FeaturesOfTokens, LinearLogits, NearestLogits
from manyshot.classify.heads import Linear
from manyshot.classify.multipart.part_heads import LEAST_LOGIT
from manyshot.classify.multipart.parted_examples import FEATURES, PartedExamples
from manyshot.classify.multipart.parts_model import PartsModel
from manyshot.learners.part_features import KNOTS, TINY, PartScale
from manyshot.nets import PretrainedEncoder

MOST_PARTS = 5
"""Most parts of an exported model, which has a head for each combination of them."""
THERE = "there"


def graph_of_parts(model: PartsModel) -> Graph:
    """What a model of examples of several parts is exported as: a graph with inputs for each part.

    The input `there`, bool `[n, parts]`, says which parts each example has; the inputs of a part that is missing may be
    anything. Pictures are taken as pixels, texts of a transformer as tokens, numbers as they are (NaN where one is not
    known), and what else is encoded as features.

    Args:
        model: A fitted model.

    Raises:
        InputError: If it has too many parts, or an encoder is not installed.
    """
    if len(model.kinds) > MOST_PARTS:
        raise InputError(f"a model of {len(model.kinds)} parts; one of at most {MOST_PARTS} can be exported")
    axes: dict[str, Axes] = {THERE: ("n", len(model.kinds))}
    dtypes, counts, readers = [torch.bool], [], {}
    encoders: list[nn.Module] = []
    takes = [f"{THERE}: bool [n, {len(model.kinds)}], which parts an example has: {', '.join(model.kinds)}"]
    for number, (name, kind) in enumerate(model.kinds.items()):
        blocks = encoder_blocks(model.encoders[name]) if name in model.encoders else ()
        modules = [load_encoder(block).module for block in blocks]
        reader = reader_of(modules) if kind == "texts" else None
        width = model.rows.features[name].shape[1]
        if kind == "images":
            own: dict[str, Axes] = {name: ("n", 3, f"height {number}", f"width {number}")}
            what = "uint8 [n, 3, height, width], RGB, upright, of any size"
            encoders.append(FeaturesOfPictures(cast(Sequence[PretrainedEncoder], modules)))
            types = [torch.uint8]
        elif reader is not None:
            own = {f"{name}_input_ids": ("n", f"length {number}"), f"{name}_attention_mask": ("n", f"length {number}")}
            what = f"int64 [n, length], of the tokenizer in the metadata, at most {reader.longest} tokens"
            readers[f"{name}_"] = reader
            encoders.append(FeaturesOfTokens(reader))
            types = [torch.int64, torch.int64]
        else:
            own, types = {name: ("n", width)}, [torch.float32]
            encoder = (
                f"of the encoder {model.encoders[name]}" if name in model.encoders else ", ".join(model.number_names)
            )
            what = f"float32 [n, {width}], {encoder}"
            encoders.append(FilledNumbers(model.means) if kind == FEATURES else nn.Identity())
        axes |= own
        dtypes += types
        counts.append(len(own))
        takes.append(f"{', '.join(own)}: {what}")
    module = ProbabilitiesOfParts(encoders, counts, model)
    return Graph(module.eval(), axes, tuple(dtypes), "; ".join(takes), readers, takes_any_number=True)


class FilledNumbers(nn.Module):
    """Numbers with the means of their columns where they are NaN.

    Args:
        means: Means of the columns.
    """

    means: Tensor

    def __init__(self, means: NDArray[np.float64]) -> None:
        super().__init__()
        self.register_buffer("means", torch.from_numpy(means).float())

    def forward(self, numbers: Tensor) -> Tensor:
        """Numbers `[n, d]` with NaN to numbers."""
        return torch.where(torch.isnan(numbers), self.means, numbers)


class ScaledPart(nn.Module):
    """`PartScale` of one task, in float32.

    Args:
        scale: Fitted to one task.
    """

    mean: Tensor
    spread: Tensor

    def __init__(self, scale: PartScale) -> None:
        super().__init__()
        self.root, self.short = bool(scale.root), scale.spread is not None
        self.register_buffer("mean", scale.mean[0].float())
        self.register_buffer("spread", torch.ones(1) if scale.spread is None else scale.spread[0].float())

    def forward(self, x: Tensor) -> Tensor:
        """Features `[n, d]` to scaled features."""
        rows = x.abs().clamp(min=TINY).sqrt() * x.sign() if self.root else x
        rows = rows - self.mean
        if not self.short:
            return rows / rows.square().sum(1, keepdim=True).sqrt().clamp(min=TINY)
        z = (rows / self.spread).clamp(-4, 4)
        bumps = [(-2 * (z - knot).square()).exp() for knot in KNOTS]
        return torch.cat([z, *bumps], 1) / float((2 * x.shape[1]) ** 0.5)


class ProbabilitiesOfParts(nn.Module):
    """The parts of examples, and which of them are there, to probabilities.

    Args:
        encoders: From the inputs of each part to its features.
        counts: How many inputs each part has.
        model: The model.
    """

    frequent: Tensor
    codes: Tensor
    powers: Tensor

    def __init__(self, encoders: Sequence[nn.Module], counts: Sequence[int], model: PartsModel) -> None:
        super().__init__()
        heads, parts = model.heads, range(len(counts))
        self.encoders, self.counts, self.temperature = nn.ModuleList(encoders), list(counts), model.temperature
        self.scales = nn.ModuleList(ScaledPart(heads.fused.scales[name]) for name in heads.parts)
        self.patterns = [
            tuple(p for p in parts if on[p]) for on in product((False, True), repeat=len(counts)) if any(on)
        ]
        fitted = [heads.of(chosen) for chosen in self.patterns]
        logits: list[nn.Module] = []
        for head in fitted:
            if isinstance(head.classifier, Linear):
                weight = head.classifier.weight
                if model.said is not None:
                    weight = weight + model.said.scale * heads.joined_directions(head, model.said)
                logits.append(LinearLogits(Linear(weight, head.classifier.bias.clamp(min=LEAST_LOGIT))))
            else:
                logits.append(NearestLogits(head.classifier))
        self.logits = nn.ModuleList(logits)
        self.weights = [[float(root) for root in head.roots] for head in fitted]
        self.register_buffer("frequent", heads.fused.kernels.offset[0].float())
        codes = torch.zeros(2 ** len(counts), dtype=torch.int64)  # 0 for an example without any part
        for number, chosen in enumerate(self.patterns):
            codes[sum(1 << p for p in chosen)] = number + 1
        self.register_buffer("codes", codes)
        self.register_buffer("powers", torch.tensor([1 << p for p in parts]))

    def forward(self, *inputs: Tensor) -> Tensor:
        """`there [n, parts]` and the inputs of all parts to probabilities `[n, c]`."""
        there, rest = inputs[0], list(inputs[1:])
        rows = []
        for encoder, scale, count in zip(self.encoders, self.scales, self.counts, strict=True):
            rows.append(scale(encoder(*rest[:count])))
            rest = rest[count:]
        answers = [self.frequent.expand(there.shape[0], -1)]
        for chosen, weights, head in zip(self.patterns, self.weights, self.logits, strict=True):
            answers.append(head(torch.cat([weight * rows[p] for p, weight in zip(chosen, weights, strict=True)], 1)))
        which = self.codes[(there.long() * self.powers).sum(1)]
        stacked = torch.stack(answers, 1)  # [n, patterns, c]
        index = which[:, None, None].expand(-1, 1, stacked.shape[2])
        logits = stacked.gather(1, index)[:, 0].clamp(min=LEAST_LOGIT)
        return (logits / self.temperature).softmax(1)


def inputs_of_parts(graph: Graph, model: PartsModel, examples: PartedExamples, row: int) -> tuple[Tensor, ...]:
    """One example as the inputs of a graph; ones in place of what it lacks.

    Args:
        graph: Of the model.
        model: A fitted model.
        examples: Examples as the model takes them (`PartsModel.fitting`).
        row: Which of them.

    Raises:
        InputError: If a file is damaged.
    """
    one = examples.select([row])
    inputs = dict(zip(graph.axes, (value[:1] for value in graph.traced()), strict=True))
    inputs[THERE] = torch.tensor([[bool(one.there(name)[0]) for name in model.kinds]])
    for name, kind in model.kinds.items():
        if kind == FEATURES:
            assert one.numbers is not None
            inputs[name] = torch.from_numpy(one.numbers).float()
        elif len(one.sets[name]):
            own, reader = one.sets[name], graph.readers.get(f"{name}_")
            if kind == "images":
                inputs[name] = own.original(0)[None]
            elif reader is not None:
                inputs |= {f"{name}_{key}": value for key, value in reader.tokens(own.texts([0])).items()}
            else:
                inputs[name] = encode_examples(model.encoders[name], own)[:, 0]
    return tuple(inputs[name] for name in graph.axes)
