"""A U-Net trained on the few labeled items alone: the baseline that every method of segmentation is compared with."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Generator, Tensor, nn

from manyshot.augment.ops.op import check_number
from manyshot.segment.dice import segmentation_loss
from manyshot.segment.masked_source import to_targets
from manyshot.segment.segmenter import Segmentation, Support
from manyshot.segment.unet import SegmentationNet

BLOCK = 64
"""Number of pairs that are augmented at once: more take memory, fewer take time."""


@dataclass(frozen=True)
class SegmentationUNet:
    """Train a U-Net on the support set, and segment with it.

    Cross-entropy plus Dice, AdamW, and a learning rate that falls to 0 along a cosine. With an augmentation of the
    support, every step sees pairs changed by new draws.

    Args:
        width: Channels of the first level.
        levels: Number of levels, each of half the size.
        steps: Number of steps.
        batch: Number of pairs per step.
        rate: Largest learning rate.
        prior: Whether the bias of the last layer starts at the logarithm of the labels' frequencies. In 3-D, short
            trainings then find small structures that they otherwise may miss; a very small network may be trapped, and
            never find a label.

    Raises:
        InputError: If a value is out of range.

    Example:
        >>> from manyshot.augment.ops.masked_op import MaskedItems
        >>> from manyshot.segment.masked_source import Label
        >>> masks = torch.zeros(1, 16, 16, dtype=torch.uint8)
        >>> masks[:, 4:9, 4:9] = 1
        >>> support = Support(MaskedItems(masks[:, None].float(), masks), (Label("square", (1,)),))
        >>> segment = SegmentationUNet(width=4, levels=2, steps=2).adapt(support, torch.Generator().manual_seed(0))
        >>> segment(torch.rand(2, 1, 16, 16)).shape
        torch.Size([2, 2, 16, 16])
    """

    width: int = 16
    levels: int = 3
    steps: int = 600
    batch: int = 4
    rate: float = 3e-3
    prior: bool = False

    def __post_init__(self) -> None:
        check_number(self, "width", low=1, high=512, whole=True)
        check_number(self, "levels", low=2, high=7, whole=True)
        check_number(self, "steps", "batch", low=1, high=1_000_000, whole=True)
        check_number(self, "rate", low=1e-8, high=1)

    def adapt(self, support: Support, generator: Generator) -> Segmentation:
        """Train on the support set."""
        return self.segmentation(self.train(support, generator), support)

    def segmentation(self, net: nn.Module, support: Support) -> Segmentation:
        """Segment by the network alone."""
        return lambda items: net(items).softmax(1)

    def net(self, axes: int, channels: int, outputs: int) -> SegmentationNet:
        """A network of this size for some kind of items."""
        return SegmentationNet(axes, channels, outputs, self.width, self.levels)

    def train(self, support: Support, generator: Generator) -> SegmentationNet:
        """The trained network, in evaluation mode and without gradients."""
        items = support.pairs.items
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(int(torch.randint(2**31, (), generator=generator)))
            net = self.net(items.ndim - 2, items.shape[1], len(support.labels) + 1).to(items.device)
        if self.prior:
            targets = to_targets(support.pairs.masks, support.labels)
            net.set_prior(label_frequencies(targets, len(support.labels) + 1))
        optimizer = torch.optim.AdamW(net.parameters(), self.rate, weight_decay=1e-2, fused=items.is_cuda)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, self.steps)
        for batch, targets in self._batches(support, generator):
            optimizer.zero_grad(set_to_none=True)
            torch.autograd.backward(segmentation_loss(net(batch), targets))
            optimizer.step()
            schedule.step()
        return net.eval().requires_grad_(False)

    def _batches(self, support: Support, generator: Generator) -> Iterator[tuple[Tensor, Tensor]]:
        """Items and the labels of their pixels, a batch per step."""
        per_block = max(1, BLOCK // self.batch)
        for first in range(0, self.steps, per_block):
            drawn = support.draw(min(per_block, self.steps - first) * self.batch, generator)
            targets = to_targets(drawn.masks, support.labels)
            yield from zip(torch.split(drawn.items, self.batch), torch.split(targets, self.batch), strict=True)


def label_frequencies(targets: Int[Tensor, "n *size"], labels: int) -> Float[Tensor, " k"]:
    """The fraction of the pixels that each label has, as if each had one pixel more.

    Args:
        targets: Label of each pixel, from 0.
        labels: Number of labels k.

    Example:
        >>> label_frequencies(torch.tensor([[[0, 0], [0, 1]]]), 3).tolist()
        [0.5714285969734192, 0.2857142984867096, 0.1428571492433548]
    """
    counts = torch.bincount(targets.flatten(), minlength=labels).float() + 1
    return counts / counts.sum()
