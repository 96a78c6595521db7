"""Labeled images or volumes for segmentation: items, masks, what their values mean, and whose they are."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from jaxtyping import Int, Shaped, UInt8
from torch import Generator, Tensor

from manyshot.base import InputError, did_you_mean


@dataclass(frozen=True)
class Label:
    """A structure to segment.

    Args:
        name: Its name.
        values: Values of the masks that belong to it.
    """

    name: str
    values: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class MaskedSource:
    """Items of one size with their masks.

    Args:
        items: `[n, c, height, width]` or `[n, c, depth, height, width]`, 0 to 255.
        masks: Values `[n, *size]`, 0 where nothing is labeled.
        labels: The structures, each a set of values.
        names: Name of each item.
        patients: Patient of each item; items of one patient are never in two parts. None if each is a patient's only.
        spacing: Of each item, distance of its pixels along each axis, in the unit.

    Raises:
        InputError: If sizes do not agree, or a value of a mask belongs to two labels.

    Example:
        >>> masks = torch.zeros(4, 8, 8, dtype=torch.uint8)
        >>> masks[:, 2:5] = 2
        >>> source = MaskedSource.of(torch.zeros(4, 1, 8, 8, dtype=torch.uint8), masks)
        >>> source.labels, source.targets.unique().tolist()
        ((Label(name='2', values=(2,)),), [0, 1])
    """

    items: UInt8[Tensor, "n c *size"]
    masks: UInt8[Tensor, "n ..."]
    labels: tuple[Label, ...]
    names: tuple[str, ...]
    patients: tuple[str, ...]
    spacing: tuple[tuple[float, ...], ...]

    def __post_init__(self) -> None:
        if self.masks.shape != (len(self.items), *self.items.shape[2:]):
            raise InputError(
                f"masks of shape {list(self.masks.shape)} beside items of shape {list(self.items.shape)}: give one "
                "mask per item, of its height and width"
            )
        values = [value for label in self.labels for value in label.values]
        if len(set(values)) < len(values) or 0 in values:
            raise InputError(f"labels with the values {sorted(values)}: give each value, from 1 to 255, to one label")

    @staticmethod
    def of(
        items: UInt8[Tensor, "n c *size"],
        masks: UInt8[Tensor, "n ..."],
        labels: Sequence[Label] | None = None,
        names: Sequence[str] | None = None,
        patients: Sequence[str] | None = None,
        spacing: Sequence[tuple[float, ...]] | None = None,
    ) -> "MaskedSource":
        """A source with what is not given filled in: every value of the masks is a label of its own."""
        if labels is None:
            labels = [Label(str(value), (value,)) for value in torch.unique(masks).tolist() if value]
        named = tuple(names) if names is not None else tuple(f"item {i}" for i in range(len(items)))
        whose = tuple(patients) if patients is not None else named
        apart = tuple(spacing) if spacing is not None else ((1.0,) * (items.ndim - 2),) * len(items)
        return MaskedSource(items, masks, tuple(labels), named, whose, apart)

    def __len__(self) -> int:
        return len(self.items)

    @property
    def axes(self) -> int:
        """2 for images, 3 for volumes."""
        return self.items.ndim - 2

    @property
    def unit(self) -> str:
        """What distances are measured in: pictures do not say how large a pixel is."""
        return "mm" if self.axes == 3 else "pixels"

    @property
    def targets(self) -> Int[Tensor, "n *size"]:
        """Index of each pixel's label, from 1; 0 for the rest."""
        return to_targets(self.masks, self.labels)

    def rows(self, index: Sequence[int]) -> "MaskedSource":
        """Some of the items, in this order."""
        chosen = torch.tensor(list(index), dtype=torch.long)
        return replace(
            self,
            items=self.items[chosen],
            masks=self.masks[chosen],
            names=tuple(self.names[i] for i in index),
            patients=tuple(self.patients[i] for i in index),
            spacing=tuple(self.spacing[i] for i in index),
        )

    def only(self, names: Sequence[str]) -> "MaskedSource":
        """The source with some of its labels; the others belong to the rest.

        Raises:
            InputError: If there is no such label.
        """
        known = {label.name: label for label in self.labels}
        for name in names:
            if name not in known:
                raise InputError(f"label '{name}': none of the masks'; {did_you_mean(name, known)}")
        return replace(self, labels=tuple(known[name] for name in names))


def to_targets(masks: Shaped[Tensor, "n *size"], labels: Sequence[Label]) -> Int[Tensor, "n *size"]:
    """Index of each pixel's label, from 1; 0 where its value belongs to none.

    Example:
        >>> to_targets(torch.tensor([[0, 17, 53, 2]]), [Label("hippocampus", (17, 53))]).tolist()
        [[0, 1, 1, 0]]
    """
    table = torch.zeros(256, dtype=torch.long, device=masks.device)
    for index, label in enumerate(labels, start=1):
        table[list(label.values)] = index
    return table[masks.long()]


def draw_task(
    source: MaskedSource, shots: int, queries: int | None, generator: Generator
) -> tuple[list[int], list[int]]:
    """Draw a task of segmentation: K labeled items, and others, of other patients, to be segmented.

    Args:
        source: Items of all patients.
        shots: Number of labeled items, each of another patient; every label is in at least one of them.
        queries: Largest number of items to segment; None for all that are left.
        generator: Random numbers.

    Returns:
        Rows of the labeled items, and of those to be segmented.

    Raises:
        InputError: If there are not enough patients, or no item of the shots shows a label in any of many draws.

    Example:
        >>> masks = torch.ones(4, 8, 8, dtype=torch.uint8)
        >>> source = MaskedSource.of(torch.zeros(4, 1, 8, 8, dtype=torch.uint8), masks, patients=["a", "a", "b", "c"])
        >>> support, query = draw_task(source, 1, None, torch.Generator().manual_seed(0))
        >>> {source.patients[i] for i in support} & {source.patients[i] for i in query}
        set()
    """
    patients = sorted(set(source.patients))
    if len(patients) <= shots:
        raise InputError(f"{shots} shots of {len(patients)} patients leave none to segment; give more patients")
    rows = {patient: [i for i, own in enumerate(source.patients) if own == patient] for patient in patients}
    shown = [set(torch.unique(target).tolist()) for target in source.targets]
    wanted = set(range(1, len(source.labels) + 1))
    for _ in range(TRIES):
        order = [patients[i] for i in torch.randperm(len(patients), generator=generator).tolist()]
        support = [
            rows[patient][int(torch.randint(len(rows[patient]), (), generator=generator))] for patient in order[:shots]
        ]
        if wanted <= set().union(*(shown[i] for i in support)):
            others = [i for patient in order[shots:] for i in rows[patient]]
            return support, others[:queries]
    raise InputError(f"no {shots} items show every label; give more shots, or choose labels with --labels")


TRIES = 1000
"""Draws of a support set before it is given up that it shows every label."""
