"""Modules that a fitted classifier is exported as: from pixels, token ids or features to probabilities.

They repeat in float32, with sizes that may vary, what `manyshot predict` computes. Their `forward` has no annotations
of shapes, since these would fix the sizes while the exporter traces.
"""

import math
from collections.abc import Sequence
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from manyshot.classify.export.export_views import Draw, padding_mode_of, points_of
from manyshot.classify.heads import FittedTransform, Linear
from manyshot.classify.heads.nearest_head import NearestRows
from manyshot.nets import PretrainedEncoder
from manyshot.nets.sentence_encoder import TransformerReader

TINY = 1e-12


class Resize(nn.Module):
    """Resize pictures as `manyshot.datasets.pictures.resize` does, by two matrix products.

    Pillow's filters (Hamming where a picture shrinks, bicubic where it grows) widen by the factor of reduction, and
    round to whole levels behind each direction. Neither is an operator of ONNX, but rows of weights are: those of
    `Image.resize`, which depend on the size of the input alone. Levels agree but for about 1 in 3,000, which rounding
    moves by 1.

    Args:
        size: Height and width of the result in pixels.

    Example:
        >>> Resize(4)(torch.full((2, 3, 9, 7), 200, dtype=torch.uint8)).unique().tolist()
        [200.0]
    """

    def __init__(self, size: int) -> None:
        super().__init__()
        self.size = size

    def forward(self, images: Tensor) -> Tensor:
        """Resize.

        Args:
            images: `[n, 3, h, w]`, values from 0 to 255.

        Returns:
            `[n, 3, size, size]`, whole values from 0 to 255 as float32.
        """
        shrinks = torch.ones_like(images[0, 0], dtype=torch.float32).sum() > self.size**2
        images = images.float() @ self._weights(images.shape[3], shrinks).T
        images = self._weights(images.shape[2], shrinks) @ _whole(images)
        return _whole(images)

    def _weights(self, count: Any, shrinks: Tensor) -> Tensor:  # noqa: ANN401 - int, or a symbol for any
        """Weights `[size, count]` of the pixels of one direction in the pixels of the result."""
        pixels = torch.arange(count, dtype=torch.float32) + 0.5
        scale = torch.ones_like(pixels).sum() / self.size
        centers = (torch.arange(self.size, dtype=torch.float32) + 0.5) * scale
        distances = ((pixels - centers[:, None]) / scale.clamp(min=1.0)).abs()
        weights = torch.where(shrinks, _hamming(distances), _bicubic(distances))
        return weights / weights.sum(1, keepdim=True)


def _whole(levels: Tensor) -> Tensor:
    return (levels + 0.5).floor().clamp(0, 255)


def _hamming(distance: Tensor) -> Tensor:
    turns = distance.clamp(min=1e-6) * math.pi
    return torch.where(distance < 1, turns.sin() / turns * (0.54 + 0.46 * turns.cos()), 0.0)


def _bicubic(distance: Tensor) -> Tensor:
    """Keys's kernel with a = -1/2."""
    near = (1.5 * distance - 2.5) * distance * distance + 1
    far = ((-0.5 * distance + 2.5) * distance - 4) * distance + 2
    return torch.where(distance < 1, near, torch.where(distance < 2, far, 0.0))


class ProbabilitiesOfFeatures(nn.Module):
    """Features of each block to probabilities: transforms, head, temperature and softmax.

    Args:
        transforms: One a block, fitted to one split.
        head: Fitted to one split of the transformed features, side by side.
        temperature: Logits are divided by it.
    """

    def __init__(self, transforms: Sequence[FittedTransform], head: Linear | NearestRows, temperature: float) -> None:
        super().__init__()
        self.steps = nn.ModuleList(_Transformed(fitted) for fitted in transforms)
        self.widths = [fitted.mean.shape[1] for fitted in transforms]
        self.head = LinearLogits(head) if isinstance(head, Linear) else NearestLogits(head)
        self.temperature = temperature

    def forward(self, features: Tensor) -> Tensor:
        """Features of the blocks side by side `[n, d]` to probabilities `[n, c]`."""
        return self.average(features, 1)

    def average(self, features: Tensor, views: int) -> Tensor:
        """Probabilities by the mean of the logits over views.

        Args:
            features: `[views * n, d]`, one view of all examples after the other.
            views: Number of views.

        Returns:
            Probabilities `[n, c]`.
        """
        parts = torch.split(features, self.widths, 1)
        rows = torch.cat([step(x) for step, x in zip(self.steps, parts, strict=True)], 1)
        logits: Tensor = self.head(rows) / self.temperature
        if views > 1:
            logits = logits.view(views, -1, logits.shape[1]).mean(0)
        return logits.softmax(1)


class _Transformed(nn.Module):
    """A `FittedTransform` of one split, in float32."""

    mean: Tensor

    def __init__(self, fitted: FittedTransform) -> None:
        super().__init__()
        self.power, self.normalize = fitted.transform.power, fitted.transform.normalize
        self.register_buffer("mean", fitted.mean[0].float())

    def forward(self, x: Tensor) -> Tensor:
        if self.power is not None and self.power != 1:
            x = x.sign() * x.abs() ** self.power
        x = x - self.mean
        return x / x.square().sum(1, keepdim=True).sqrt().clamp(min=TINY) if self.normalize else x


class LinearLogits(nn.Module):
    """`Linear` of one split, in float32.

    Args:
        linear: The head.
    """

    weight: Tensor
    bias: Tensor

    def __init__(self, linear: Linear) -> None:
        super().__init__()
        self.register_buffer("weight", linear.weight[0].float())
        self.register_buffer("bias", linear.bias[0].float())

    def forward(self, x: Tensor) -> Tensor:
        """Rows `[n, d]` to logits `[n, c]`."""
        return x @ self.weight.T + self.bias


class NearestLogits(nn.Module):
    """`NearestRows` of one split, in float32.

    Args:
        nearest: The head.
    """

    rows: Tensor
    members: Tensor

    def __init__(self, nearest: NearestRows) -> None:
        super().__init__()
        self.register_buffer("rows", nearest.rows[0].float())
        self.register_buffer("members", nearest.members[0])

    def forward(self, x: Tensor) -> Tensor:
        """Rows `[n, d]` to logits `[n, c]`."""
        squares = self.rows.square().sum(1) - 2 * x @ self.rows.T + x.square().sum(1, keepdim=True)
        of_class = [squares.masked_fill(~mask, torch.inf).amin(1) for mask in self.members.unbind(1)]
        return -torch.stack(of_class, 1)


class Views(nn.Module):
    """Pictures, and then their views under fixed draws.

    Args:
        draws: One a view.
        size: Height and width of the pictures in pixels.

    Example:
        >>> from manyshot.classify.export.export_views import fixed_draws
        >>> pictures = torch.tensor([[[[1.0, 2.0], [3.0, 4.0]]]])
        >>> Views(fixed_draws((("flip", 1),)), 2)(pictures).tolist()
        [[[[1.0, 2.0], [3.0, 4.0]]], [[[2.0, 1.0], [4.0, 3.0]]]]
    """

    def __init__(self, draws: Sequence[Draw], size: int) -> None:
        super().__init__()
        self.points = nn.ParameterList(nn.Parameter(points_of(draw, size), requires_grad=False) for draw in draws)
        self.padding_modes = [padding_mode_of(draw) for draw in draws]

    def forward(self, images: Tensor) -> Tensor:
        """Levels `[n, 3, size, size]` to those of all views `[views * n, 3, size, size]`, whole as in the engine."""
        views = [images]
        for points, mode in zip(self.points, self.padding_modes, strict=True):
            grid = points.expand(images.shape[0], -1, -1, -1)
            views.append(_whole(F.grid_sample(images, grid, padding_mode=mode, align_corners=False)))
        return torch.cat(views)


class FeaturesOfPictures(nn.Module):
    """Pictures of any size to the features of encoders, side by side, of one view after the other.

    Args:
        encoders: Frozen encoders, one a block.
        draws: Of views.
    """

    def __init__(self, encoders: Sequence[PretrainedEncoder], draws: Sequence[Draw] = ()) -> None:
        super().__init__()
        self.resizes = nn.ModuleList(Resize(encoder.size) for encoder in encoders)
        self.views = nn.ModuleList(Views(draws, encoder.size) for encoder in encoders)
        self.encoders = nn.ModuleList(encoders)

    def forward(self, images: Tensor) -> Tensor:
        """Images `[n, 3, h, w]` of uint8 to features `[views * n, d]`."""
        features = []
        for resize, views, module in zip(self.resizes, self.views, self.encoders, strict=True):
            encoder = cast(PretrainedEncoder, module)
            x = (views(resize(images)) / 255 - encoder.mean) / encoder.std
            for stage in encoder.stages:  # not encoder.run, which splits batches by their size
                x = stage(x)
            features.append(x)
        return torch.cat(features, 1)


class ProbabilitiesOfPictures(nn.Module):
    """Pictures of any size to probabilities.

    Args:
        encoders: Frozen encoders, one a block.
        head: From their features to probabilities.
        draws: Of views, whose logits are averaged with those of the picture itself.
    """

    def __init__(
        self, encoders: Sequence[PretrainedEncoder], head: ProbabilitiesOfFeatures, draws: Sequence[Draw] = ()
    ) -> None:
        super().__init__()
        self.features = FeaturesOfPictures(encoders, draws)
        self.view_count = 1 + len(draws)
        self.head = head

    def forward(self, images: Tensor) -> Tensor:
        """Images `[n, 3, h, w]` of uint8 to probabilities `[n, c]`."""
        return self.head.average(self.features(images), self.view_count)


class FeaturesOfTokens(nn.Module):
    """Sentences as token ids to features.

    Args:
        reader: A transformer and how its tokens are pooled.
    """

    def __init__(self, reader: TransformerReader) -> None:
        super().__init__()
        self.net, self.pooling, self.unit = reader.net, reader.pooling, reader.unit

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Token ids `[n, length]` and 1 where there is a token to features `[n, d]`."""
        states = self.net(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        if self.pooling == "first":
            pooled = states[:, 0]
        else:
            mask = attention_mask[..., None].to(states.dtype)
            pooled = (states * mask).sum(1) / mask.sum(1)
        features: Tensor = F.normalize(pooled, dim=1) if self.unit else pooled
        return features


class ProbabilitiesOfTokens(nn.Module):
    """Sentences as token ids to probabilities.

    Args:
        reader: A transformer and how its tokens are pooled.
        head: From its features to probabilities.
    """

    def __init__(self, reader: TransformerReader, head: ProbabilitiesOfFeatures) -> None:
        super().__init__()
        self.features, self.head = FeaturesOfTokens(reader), head

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Token ids `[n, length]` and 1 where there is a token to probabilities `[n, c]`."""
        probabilities: Tensor = self.head(self.features(input_ids, attention_mask))
        return probabilities
