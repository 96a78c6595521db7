"""The folder of a trained segmentation: how items are read, the labels, the learner, its network and its support."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from manyshot.augment import Plan
from manyshot.base import InputError, read_json, write_json
from manyshot.base.tensor_file import read_tensors, write_tensors
from manyshot.segment.masked_source import Label
from manyshot.segment.read_masked import Reading
from manyshot.segment.registry import SEGMENTERS
from manyshot.segment.segmenter import Segmentation, Segmenter, Support, support_of

SETTINGS, TENSORS = "segmentation.json", "segmentation.safetensors"
FORMAT = "manyshot segmentation 1"


@dataclass(frozen=True, eq=False)
class SegmentationRun:
    """A trained segmentation.

    Args:
        learner: The learner as it is written on the command line.
        plan: Augmentation that it was trained with.
        labels: The structures that it finds.
        reading: How files become items.
        names: Names of the labeled items that it learned from.
        shape: Shape of an item, (c, *size).
        net: The trained network.
        items: The labeled items `[n, c, *size]`, 0 to 255.
        masks: The values of their masks.
    """

    learner: str
    plan: str
    labels: tuple[Label, ...]
    reading: Reading
    names: tuple[str, ...]
    shape: tuple[int, ...]
    net: nn.Module
    items: Tensor
    masks: Tensor

    def segmentation(self, device: str = "cpu") -> Segmentation:
        """The function from items to the chances of labels.

        Args:
            device: Where to compute.
        """
        support = _support(self.items.to(device), self.masks.to(device), self.labels)
        return segmenter(self.learner).segmentation(self.net.to(device), support)


def segmenter(text: str) -> Segmenter:
    """The learner that a text names, such as `segmentation-unet(steps=300)`.

    Raises:
        InputError: If it or one of its options is unknown.

    Example:
        >>> segmenter("segmentation-unet(steps=300)").steps
        300
    """
    built: Segmenter = SEGMENTERS.build(text)
    return built


def save_segmentation(run: SegmentationRun, folder: Path) -> None:
    """Write a run to a folder."""
    tensors = {f"net.{name}": value for name, value in run.net.state_dict().items()}
    write_tensors(folder / TENSORS, {**tensors, "items": run.items.cpu(), "masks": run.masks.cpu()})
    write_json(
        folder / SETTINGS,
        {
            "format": FORMAT,
            "learner": run.learner,
            "plan": run.plan,
            "labels": [asdict(label) for label in run.labels],
            "reading": asdict(run.reading),
            "names": run.names,
            "shape": run.shape,
        },
    )


def load_segmentation(folder: Path) -> SegmentationRun:
    """Read a run that `save_segmentation` wrote.

    Raises:
        InputError: If the folder holds none, or it is damaged.
    """
    path = folder / SETTINGS
    if not path.is_file():
        raise InputError(f"{folder}: no segmentation; make one with `manyshot segment train`")
    stored: Any = read_json(path)
    if not isinstance(stored, dict) or stored.get("format") != FORMAT:
        raise InputError(f"{path}: not the settings of a segmentation of this version; train it again")
    tensors, _ = read_tensors(folder / TENSORS)
    try:
        reading = Reading(tuple(stored["reading"]["size"]), stored["reading"]["window"], stored["reading"]["patients"])
        labels = tuple(Label(one["name"], tuple(one["values"])) for one in stored["labels"])
        shape = tuple(stored["shape"])
        learner = segmenter(stored["learner"])
        net = learner.net(len(shape) - 1, shape[0], len(labels) + 1)
        weights = {name.removeprefix("net."): value for name, value in tensors.items() if name.startswith("net.")}
        net.load_state_dict(weights)
        items, masks = tensors["items"], tensors["masks"]
        names = tuple(stored["names"])
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InputError(f"{folder}: damaged segmentation ({reason}); train it again") from None
    net.eval().requires_grad_(False)
    return SegmentationRun(stored["learner"], stored["plan"], labels, reading, names, shape, net, items, masks)


def train_segmentation(
    learner: str,
    plan: Plan,
    labels: tuple[Label, ...],
    reading: Reading,
    names: Sequence[str],
    items: Tensor,
    masks: Tensor,
    seed: int = 0,
    device: str = "cpu",
) -> SegmentationRun:
    """Train a learner on labeled items.

    Args:
        learner: The learner as it is written on the command line.
        plan: Augmentation, with `support:` or `shots:`.
        labels: The structures to find.
        reading: How the items were read.
        names: Names of the items.
        items: `[n, c, *size]`, 0 to 255.
        masks: Values of their masks.
        seed: The same seed gives the same network.
        device: Where to compute.

    Raises:
        InputError: If the plan cannot act on items and masks, or the learner is unknown.
    """
    random = torch.Generator().manual_seed(seed)
    support = support_of(items.to(device), masks.to(device), labels, plan, random)
    net = segmenter(learner).train(support, random)
    shape = tuple(items.shape[1:])
    return SegmentationRun(learner, str(plan), labels, reading, tuple(names), shape, net, items, masks)


def _support(items: Tensor, masks: Tensor, labels: tuple[Label, ...]) -> Support:
    return support_of(items, masks, labels, Plan("none"), torch.Generator())
