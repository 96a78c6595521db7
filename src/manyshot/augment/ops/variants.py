"""Changed variants of the items of T tasks, and the average of a classifier's predictions over them."""

from dataclasses import replace
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Generator, Tensor
from torch.nn import functional as F

from manyshot.augment.image.image_op import to_floats
from manyshot.augment.ops.apply_to_parts import apply_to_parts
from manyshot.augment.ops.item_kinds import kind_of, require_kind
from manyshot.augment.ops.op import Op, Params, check_range
from manyshot.tasks import Examples, Parts
from manyshot.tasks.items import flatten_tasks, repeat_items, take_items, unflatten_tasks
from manyshot.tasks.items import floats as as_floats


def apply_in_tasks(
    op: Op,
    items: Any,  # noqa: ANN401 - a tensor, lists for text, or parts
    params: Params,
    weight: Tensor | None = None,
    floats: bool = True,
) -> Any:  # noqa: ANN401
    """Apply an op to the items of all tasks in one call.

    Args:
        op: An op of items.
        items: Items `[T, n, ...]`, T lists of n texts, or `Parts` of these, of which each op changes the one of its
            kind. uint8 images on the CPU go through the engine.
        params: Params of T * n items, task by task.
        weight: Weights `[T, n]`; values of items of weight 0, which are padding, may be anything.
        floats: Whether uint8 images and volumes are returned as floats from 0 to 1, unrounded, or as uint8.

    Raises:
        InputError: For an op on another kind of item.

    Example:
        >>> from manyshot.augment.image import Flip
        >>> op = Flip()
        >>> apply_in_tasks(op, torch.rand(4, 5, 1, 28, 28), op.sample(20, torch.Generator())).shape
        torch.Size([4, 5, 1, 28, 28])
    """
    if isinstance(items, Parts):

        def apply(one: Op, value: Any, drawn: Params) -> Any:  # noqa: ANN401 - one part of all tasks
            if isinstance(value, Tensor):
                return apply_in_tasks(one, value[None], drawn, floats=floats)[0]
            return one.apply(value, drawn)

        parts = apply_to_parts(op, flatten_tasks(items), params, apply)
        return unflatten_tasks(as_floats(parts) if floats else parts, *items.lead)
    require_kind(op, kind_of(items))
    if isinstance(items, Tensor):
        if are_bytes(items):
            from manyshot.augment.engine import Compiled  # it takes half a second to import

            op = Compiled(op, floats=floats)
        else:
            check_range(op, items if weight is None or bool((weight > 0).all()) else items[weight > 0])
            items = to_floats(items) if floats and items.ndim == 6 else items
    changed = op.apply(flatten_tasks(items), params)
    return unflatten_tasks(changed, len(items), len(items[0]) if len(items) else 0)


def are_bytes(items: Any) -> bool:  # noqa: ANN401 - a tensor, or lists for text
    """Whether the engine takes the items: uint8 images `[T, n, c, h, w]` on the CPU.

    Example:
        >>> are_bytes(torch.zeros(1, 2, 3, 8, 8, dtype=torch.uint8)), are_bytes(torch.zeros(1, 2, 3, 8, 8))
        (True, False)
    """
    return isinstance(items, Tensor) and items.dtype == torch.uint8 and items.device.type == "cpu" and items.ndim == 5


def change(examples: Examples, op: Op, generator: Generator) -> Examples:
    """Change every item by its own draw; labels, weights and origins stay.

    Example:
        >>> from manyshot.augment.image import Noise
        >>> clean = Examples.of(torch.zeros(3, 2, 1, 8, 8), torch.arange(2))
        >>> bool((change(clean, Noise(), torch.Generator()).items > 0).any())
        True
    """
    params = op.sample(examples.weight.numel(), generator)
    return replace(examples, items=apply_in_tasks(op, examples.items, params, examples.weight))


def variants(examples: Examples, op: Op, copies: int, generator: Generator, weight: float = 1.0) -> Examples:
    """Make several changed variants of every item, without the items themselves.

    Args:
        examples: Examples of T tasks, n items each.
        op: The op that changes an item.
        copies: Number of variants per item.
        generator: Random numbers for the draws, one draw per variant.
        weight: Weight of a variant, as a fraction of its item's weight, so that padding stays padding.

    Returns:
        Examples with n * copies items per task. Variant j of item i has index `i * copies + j`, so that items of a
        class stay together, and origin i.

    Example:
        >>> from manyshot.augment.image import Noise
        >>> clean = Examples.of(torch.zeros(3, 2, 1, 8, 8), torch.arange(2))
        >>> variants(clean, Noise(), 4, torch.Generator()).origin[0].tolist()
        [0, 0, 0, 0, 1, 1, 1, 1]
    """
    tasks, n = examples.weight.shape
    origin = torch.arange(n, device=examples.weight.device).repeat_interleave(copies)
    repeated = Examples(
        items=repeat_items(examples.items, copies),
        labels=examples.labels.repeat_interleave(copies, 1),
        weight=weight * examples.weight.repeat_interleave(copies, 1),
        class_mask=examples.class_mask,
        origin=origin.expand(tasks, -1),
    )
    return change(repeated, op, generator)


def balanced_variants(examples: Examples, op: Op, copies: int, generator: Generator, weight: float = 1.0) -> Examples:
    """Make changed variants of every item, more of rarer classes, so that all classes of a task have as many items.

    Of a task whose largest class has n items, each class has n * (1 + copies) items with these variants. An item
    belongs to its most probable class; items of weight 0, which are padding, get no variants.

    Args:
        examples: Examples of T tasks.
        op: The op that changes an item.
        copies: Number of variants per item of the largest class.
        generator: Random numbers for the draws, one draw per variant.
        weight: Weight of a variant, as a fraction of its item's weight.

    Returns:
        Examples, those of a class together, then those of an item; tasks that need fewer than others are padded by
        items of weight 0. The origin of each is its item.

    Example:
        >>> from manyshot.augment.image import Noise
        >>> rare = Examples.of(torch.zeros(1, 4, 1, 8, 8), torch.tensor([0, 0, 0, 1]))
        >>> balanced_variants(rare, Noise(), 1, torch.Generator()).origin[0].tolist()
        [0, 1, 2, 3, 3, 3, 3, 3]
    """
    real = examples.weight > 0
    each = [_balanced_origins(row[there], copies) for row, there in zip(examples.class_ids, real, strict=True)]
    most = max(map(len, each), default=0)
    rows = torch.zeros(len(each), most, dtype=torch.long, device=examples.weight.device)
    added = torch.zeros(rows.shape, dtype=torch.bool, device=rows.device)
    for task, origins in enumerate(each):
        rows[task, : len(origins)] = real[task].nonzero()[:, 0][origins]
        added[task, : len(origins)] = True
    taken = Examples(
        items=take_items(examples.items, rows),
        labels=examples.labels.gather(1, rows[..., None].expand(-1, -1, examples.labels.shape[2])),
        weight=weight * examples.weight.gather(1, rows) * added,
        class_mask=examples.class_mask,
        origin=rows,
    )
    return change(taken, op, generator)


def _balanced_origins(classes: Int[Tensor, " n"], copies: int) -> Int[Tensor, " m"]:
    """The item that each variant of a task is made of."""
    members = [(classes == label).nonzero()[:, 0] for label in classes.unique(sorted=True)]  # type: ignore[no-untyped-call]
    target = max(map(len, members), default=0) * (1 + copies)
    rows = [own[torch.arange(target - len(own), device=own.device) % len(own)].sort().values for own in members]
    return torch.cat(rows) if rows else classes.new_zeros(0)


def pool_variants(logits: Float[Tensor, "t m ways"], copies: int) -> Float[Tensor, "t n ways"]:
    """Average a classifier's log-probabilities over the variants of each item, as `variants` lays them out.

    log p(k | item) = mean_j log p(k | variant j) - log Z: the geometric mean of the variants' predictions.

    Args:
        logits: Logits `[T, n * copies, ways]`; a class that a task lacks may have -inf.
        copies: Number of variants per item.

    Returns:
        Log-probabilities `[T, n, ways]`.

    Raises:
        ValueError: If the number of logits is not a multiple of `copies`.

    Example:
        >>> pool_variants(torch.tensor([[[0.0, 2.0], [0.0, 4.0]]]), copies=2).exp().sum(-1)
        tensor([[1.]])
    """
    if logits.shape[1] % copies:
        raise ValueError(f"{logits.shape[1]} variants of each task do not make up items of {copies} variants each")
    tasks, total, ways = logits.shape
    by_item = F.log_softmax(logits, -1).reshape(tasks, total // copies, copies, ways)
    return F.log_softmax(by_item.mean(2), -1)
