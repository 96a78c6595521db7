"""Prototypes of pixels (PANet: Wang et al. 2019, prototype alignment network)."""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int
from torch import Generator, Tensor, nn
from torch.nn import functional as F

from manyshot.augment.ops.op import check_number
from manyshot.segment.masked_source import to_targets
from manyshot.segment.segmenter import Segmentation, Support
from manyshot.segment.unet import SegmentationNet

Maps = Float[Tensor, "n d *size"]
"""Features of each pixel of n items."""
Members = Float[Tensor, "n k *size"]
"""1 where a pixel has one of k labels, else 0."""

SCALE = 20.0
"""Factor of the cosine similarity, as in the paper."""
FAR = -1e4
"""Logit of a label that no item of the support shows."""


@dataclass(frozen=True)
class PixelPrototypes:
    """Label each pixel by the prototype that its features are most like.

    The prototype of a label is the mean of the features over its pixels (masked average pooling), averaged over the
    support items that show it; the rest has one too. Logits are 20 times the cosine similarity. The encoder is trained
    on pairs of support and query items with the cross-entropy of the query, plus that of the support when it is
    segmented in turn by prototypes of the predicted query (prototype alignment).

    The paper trains a pretrained VGG-16 on tasks of many other classes. Here the encoder, a small U-Net, is trained on
    tasks made from the given items: support and query are two draws, with the augmentation of the support.

    Args:
        features: Number of features of a pixel.
        width: Channels of the first level of the encoder.
        levels: Number of levels.
        steps: Number of training steps.
        batch: Number of tasks per step, each of one support and one query item.
        rate: Largest learning rate.
        align: Weight of the alignment loss.

    Raises:
        InputError: If a value is out of range.
    """

    features: int = 32
    width: int = 16
    levels: int = 3
    steps: int = 600
    batch: int = 4
    rate: float = 1e-3
    align: float = 1.0

    def __post_init__(self) -> None:
        check_number(self, "features", "width", low=1, high=1024, whole=True)
        check_number(self, "levels", low=2, high=7, whole=True)
        check_number(self, "steps", high=1_000_000, whole=True)
        check_number(self, "batch", low=1, high=100_000, whole=True)
        check_number(self, "rate", low=1e-8, high=1)
        check_number(self, "align", high=100)

    def net(self, axes: int, channels: int, outputs: int) -> SegmentationNet:
        """The encoder for some kind of items; it has as many outputs as features, whatever the number of labels."""
        return SegmentationNet(axes, channels, self.features, self.width, self.levels)

    def adapt(self, support: Support, generator: Generator) -> Segmentation:
        """Train the encoder on tasks made from the support, and take prototypes of the support."""
        return self.segmentation(self.train(support, generator), support)

    def segmentation(self, net: nn.Module, support: Support) -> Segmentation:
        """Segment by prototypes of the support items as they are."""
        with torch.no_grad():
            members = _members(to_targets(support.pairs.masks, support.labels), len(support.labels) + 1)
            found, present = prototypes(net(support.pairs.items), members)
        return lambda items: similarity(net(items), found, present).softmax(1)

    def train(self, support: Support, generator: Generator) -> SegmentationNet:
        """The trained encoder, in evaluation mode and without gradients."""
        items, outputs = support.pairs.items, len(support.labels) + 1
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(int(torch.randint(2**31, (), generator=generator)))
            net = self.net(items.ndim - 2, items.shape[1], outputs).to(items.device)
        optimizer = torch.optim.AdamW(net.parameters(), self.rate, weight_decay=1e-2)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, max(self.steps, 1))
        for _ in range(self.steps):
            drawn = support.draw(2 * self.batch, generator)
            members = _members(to_targets(drawn.masks, support.labels), outputs)
            maps = net(drawn.items)
            loss = sum(
                (
                    task_loss(maps[i : i + 1], members[i : i + 1], maps[j : j + 1], members[j : j + 1], self.align)
                    for i, j in ((task, self.batch + task) for task in range(self.batch))
                ),
                maps.new_zeros(()),
            )
            optimizer.zero_grad(set_to_none=True)
            torch.autograd.backward(loss / self.batch)
            optimizer.step()
            schedule.step()
        return net.eval().requires_grad_(False)


def prototypes(features: Maps, members: Members) -> tuple[Float[Tensor, "k d"], Bool[Tensor, "k"]]:
    """Mean features of each label: over the pixels of each item that shows it, and then over these items.

    Args:
        features: Features of the support's pixels.
        members: 1 where a pixel has the label, else 0.

    Returns:
        The prototypes, and whether any item shows the label.

    Example:
        >>> features = torch.tensor([[[[1.0, 3.0, 5.0]]]])
        >>> members = torch.tensor([[[[1.0, 1.0, 0.0]], [[0.0, 0.0, 1.0]]]])
        >>> prototypes(features, members)[0].flatten().tolist()
        [2.0, 5.0]
    """
    area = members.flatten(2).sum(2)
    means = torch.einsum("ndm,nkm->nkd", features.flatten(2), members.flatten(2)) / area.clamp(min=1)[..., None]
    shows = (area > 0).to(means)
    return (means * shows[..., None]).sum(0) / shows.sum(0).clamp(min=1)[:, None], shows.any(0)


def similarity(features: Maps, found: Float[Tensor, "k d"], present: Bool[Tensor, "k"]) -> Float[Tensor, "n k *size"]:
    """Logits of each pixel: 20 times the cosine of its features and the prototypes.

    Example:
        >>> features, found = torch.tensor([[[[2.0]], [[0.0]]]]), torch.tensor([[1.0, 0.0], [0.0, 1.0]])
        >>> similarity(features, found, torch.ones(2, dtype=torch.bool)).flatten().tolist()
        [20.0, 0.0]
    """
    cosine = torch.einsum("ndm,kd->nkm", F.normalize(features.flatten(2), dim=1), F.normalize(found, dim=1))
    logits: Tensor = SCALE * cosine
    return logits.masked_fill(~present[:, None], FAR).view(len(features), -1, *features.shape[2:])


def task_loss(
    support: Maps,
    support_members: Members,
    query: Float[Tensor, "m d *size"],
    query_members: Float[Tensor, "m k *size"],
    align: float,
) -> Float[Tensor, ""]:
    """Cross-entropy of the query by prototypes of the support, and of the support by those of the predicted query."""
    logits = similarity(query, *prototypes(support, support_members))
    loss = _cross_entropy(logits, query_members)
    if align:
        predicted = _members(logits.argmax(1), logits.shape[1]).to(query)
        back = similarity(support, *prototypes(query, predicted))
        # The paper leaves out labels of which the query shows nothing.
        loss = loss + align * _cross_entropy(back, support_members)
    return loss


def _cross_entropy(logits: Float[Tensor, "n k *size"], members: Members) -> Float[Tensor, ""]:
    """Mean cross-entropy over the pixels of labels that have a prototype."""
    known = members * (logits > FAR).to(members)
    return -(known * logits.log_softmax(1)).sum() / known.sum().clamp(min=1)


def _members(targets: Int[Tensor, "n *size"], labels: int) -> Members:
    return F.one_hot(targets, labels).movedim(-1, 1).float()
