"""Examples of several parts: a picture with its caption and measured numbers, any of which may be missing."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, overload

import numpy as np
import torch
from jaxtyping import Bool
from torch import Tensor
from torch.utils.data._utils.collate import default_collate_fn_map

from manyshot.base import InputError, did_you_mean

AXES = {1: "features", 2: "sounds", 3: "images", 4: "volumes"}
"""Kind of a part by the number of axes that an item of it has; a list holds texts."""


@dataclass(frozen=True, eq=False, repr=False)
class Parts:
    """A batch of examples, each of several named parts, and which of them are there.

    All parts have the same leading axes: n examples `[n]` as a source stores them, or T tasks of n examples `[T, n]` as
    an episode holds them. A part that an example lacks is a placeholder (zeros, an empty text) where `there` is False;
    nothing may depend on it.

    Args:
        values: The parts by name: a tensor `[n, ...]` or `[T, n, ...]`, or a list of n texts, or T lists of n.
        there: By the same names, booleans `[n]` or `[T, n]`, False where an example lacks the part.

    Raises:
        InputError: If there are no parts, their names or lengths differ, or a mask is not of booleans.

    Example:
        >>> parts = Parts.of({"photo": torch.zeros(2, 3, 8, 8), "caption": ["a cat", ""]}, {"caption": [True, False]})
        >>> parts
        Parts(2 examples: photo [3, 8, 8] float32, caption texts (1 missing))
        >>> parts.kinds, len(parts[:1])
        ({'photo': 'images', 'caption': 'texts'}, 1)
    """

    values: Mapping[str, Any]
    there: Mapping[str, Bool[Tensor, "*lead"]]

    def __post_init__(self) -> None:
        if not self.values or list(self.values) != list(self.there):
            raise InputError(f"parts {list(self.values)} with masks {list(self.there)}: give a mask of each part")
        lead = self.lead
        for name, value in self.values.items():
            mask = self.there[name]
            if _lead(value, len(lead)) != lead:
                raise InputError(
                    f"part '{name}' has {list(_lead(value, len(lead)))} examples, and {list(lead)} are expected; give "
                    "as many of each part"
                )
            if mask.dtype != torch.bool or tuple(mask.shape) != lead:
                raise InputError(f"part '{name}': a mask of shape {list(mask.shape)}, and {list(lead)} is expected")

    @staticmethod
    def of(values: Mapping[str, Any], there: Mapping[str, Any] | None = None) -> "Parts":
        """Parts of n examples `[n]`; where no mask is given, an empty text (or None) is missing, and nothing else is.

        Args:
            values: Tensors or arrays `[n, ...]`, or lists of n texts, by name.
            there: Booleans `[n]` of some of the parts.

        Raises:
            InputError: As the class, and for an unknown name.

        Example:
            >>> Parts.of({"text": ["hello", None], "sound": np.zeros((2, 1, 8), np.float32)}).there["text"].tolist()
            [True, False]
        """
        given = {name: torch.as_tensor(mask, dtype=torch.bool) for name, mask in (there or {}).items()}
        for name in given:
            if name not in values:
                raise InputError(f"a mask of part '{name}'; {did_you_mean(name, values)}")
        parts: dict[str, Any] = {}
        masks: dict[str, Tensor] = {}
        for name, value in values.items():
            if isinstance(value, Tensor | np.ndarray):
                parts[name] = torch.as_tensor(value)
                known = torch.ones(len(value), dtype=torch.bool)
            else:
                parts[name] = ["" if one is None else str(one) for one in value]
                known = torch.tensor([bool(text) for text in parts[name]], dtype=torch.bool)
            masks[name] = given.get(name, known)
        return Parts(parts, masks)

    @property
    def lead(self) -> tuple[int, ...]:
        """Shape of the leading axes, which all parts share: `(n,)`, or `(T, n)`; empty for a single example."""
        return tuple(next(iter(self.there.values())).shape)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the parts."""
        return tuple(self.values)

    @property
    def kinds(self) -> dict[str, str]:
        """Kind of each part: "images", "volumes", "sounds", "texts" or "features"."""
        axes = len(self.lead)
        return {
            name: AXES.get(value.ndim - axes, "features") if isinstance(value, Tensor) else "texts"
            for name, value in self.values.items()
        }

    def __repr__(self) -> str:
        lead, described = self.lead, []
        for name, value in self.values.items():
            what = "texts"
            if isinstance(value, Tensor):
                what = f"{list(value.shape[len(lead) :])} {str(value.dtype).removeprefix('torch.')}"
            missing = int((~self.there[name]).sum())
            described.append(f"{name} {what}" + (f" ({missing:,} missing)" if missing else ""))
        count = {0: "1 example", 1: f"{lead[0]:,} examples" if lead else "", 2: " x ".join(f"{n:,}" for n in lead)}
        return f"Parts({count[len(lead)]}: {', '.join(described)})"

    def __len__(self) -> int:
        return self.lead[0]

    @overload
    def __getitem__(self, index: str) -> Any: ...  # noqa: ANN401 - a tensor or list

    @overload
    def __getitem__(self, index: Any) -> "Parts": ...  # noqa: ANN401 - an index, a slice, or indices

    def __getitem__(self, index: Any) -> Any:
        """A part by its name; or, by an index, slice, array or tensor of indices, some of the examples or tasks."""
        if isinstance(index, str):
            if index not in self.values:
                raise InputError(f"no part '{index}'; {did_you_mean(index, self.values)}")
            return self.values[index]
        if isinstance(index, slice):
            return self.both(lambda value: value[index])
        if np.ndim(index) == 0:
            return self.both(lambda value: value[int(index)])
        rows = torch.as_tensor(np.asarray(index), dtype=torch.long)
        return self.both(lambda value: value[rows] if isinstance(value, Tensor) else [value[i] for i in rows.tolist()])

    def both(self, change: Callable[[Any], Any]) -> "Parts":
        """Apply a function to each part and to each mask, such as one that takes rows.

        Args:
            change: A function of a tensor, or a list.
        """
        return Parts(
            {name: change(value) for name, value in self.values.items()},
            {name: change(mask) for name, mask in self.there.items()},
        )

    def with_values(self, change: Callable[[Any], Any]) -> "Parts":
        """Apply a function that keeps the leading axes to each part; the masks stay.

        Args:
            change: A function of a tensor, or a list.
        """
        return Parts({name: change(value) for name, value in self.values.items()}, self.there)

    def replaced(self, name: str, value: Any, there: Tensor | None = None) -> "Parts":  # noqa: ANN401 - a tensor or list
        """The same parts with another value of one, and another mask if one is given.

        Args:
            name: Name of the part.
            value: Its new value.
            there: Its new mask.
        """
        masks = self.there if there is None else {**self.there, name: there}
        return Parts({**self.values, name: value}, masks)

    def only(self, names: Sequence[str]) -> "Parts":
        """Some of the parts, in the order in which they are given.

        Args:
            names: Names of parts.

        Raises:
            InputError: If there is no such part.
        """
        return Parts({name: self[name] for name in names}, {name: self.there[name] for name in names})

    def combined(self, others: Sequence["Parts"], combine: Callable[[list[Any]], Any]) -> "Parts":
        """Combine the same parts of several batches, and their masks.

        Args:
            others: Further batches.
            combine: A function of a list of tensors, or of a list of lists.

        Raises:
            InputError: If the names of the parts differ.
        """
        batches = [self, *others]
        for other in others:
            if other.names != self.names:
                raise InputError(
                    f"examples of parts {', '.join(self.names)} and of {', '.join(other.names)} cannot be joined; give "
                    "examples of the same parts"
                )
        return Parts(
            {name: combine([one.values[name] for one in batches]) for name in self.names},
            {name: combine([one.there[name] for one in batches]) for name in self.names},
        )


def _lead(value: Any, axes: int) -> tuple[int, ...]:  # noqa: ANN401 - a tensor or lists
    """Leading axes of a part."""
    if isinstance(value, Tensor):
        return tuple(value.shape[:axes])
    if axes == 0:
        return ()
    if axes == 1:
        return (len(value),)
    return len(value), max((len(row) for row in value), default=0)


def _collate_parts(batch: Sequence[Parts], *, collate_fn_map: Any = None) -> Parts:  # noqa: ANN401
    return batch[0].combined(
        batch[1:], lambda values: torch.stack(values) if isinstance(values[0], Tensor) else list(values)
    )


# PyTorch's extension point: a `DataLoader` of a source of parts then needs no `collate_fn`.
default_collate_fn_map[Parts] = _collate_parts
