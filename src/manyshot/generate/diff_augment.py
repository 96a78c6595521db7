"""Differentiable augmentation of what the discriminator sees (Zhao et al. 2020; Karras et al. 2020)."""

from torch import Generator, Tensor

from manyshot.augment import Compose, Op, Plan, Sometimes
from manyshot.base import InputError
from manyshot.generate.objective import Change


def unchanged(items: Tensor) -> Tensor:
    """No augmentation.

    Example:
        >>> import torch
        >>> unchanged(torch.zeros(2)).tolist()
        [0.0, 0.0]
    """
    return items


def changer(ops: tuple[Op, ...], p: float, generator: Generator) -> Change:
    """What is done to items, real and made alike, before the discriminator sees them.

    Each op is applied to each item with probability `p`, in the order given. An op that has a probability of its own
    then acts with the product of both, as in StyleGAN2-ADA: a flip of 0.5 at p = 0.5 turns a quarter of the items
    round. Every call draws anew, so real and made items go through the same family of changes, not through the same
    changes. The gradient passes on to the items.

    Args:
        ops: of pictures; none changes nothing.
        p: Probability of applying each op to each item. Below 1, changes do not leak into what is made, as long as
            each op alone could be undone if one knew how often it acts.
        generator: of all draws.

    Example:
        >>> import torch
        >>> from manyshot.augment.image import Brightness
        >>> change = changer((Brightness(),), 0.5, torch.Generator().manual_seed(0))
        >>> change(torch.full((8, 1, 4, 4), 0.5)).flatten(1).std(1).max().item()
        0.0
    """
    if not ops or p <= 0:
        return unchanged
    op = Compose(ops if p >= 1 else tuple(Sometimes(one, p) for one in ops))

    def change(items: Tensor) -> Tensor:
        changed: Tensor = op.apply(items, op.sample(len(items), generator))
        return changed

    return change


def ops_of(plan: str) -> tuple[Op, ...]:
    """The ops that a plan names for what the discriminator sees: those of its shots, or of its support.

    Args:
        plan: such as "support: affine(10) erase", or "none".

    Raises:
        InputError: if the plan is wrong, names no such ops, or has a clause that would have no effect.

    Example:
        >>> [type(op).__name__ for op in ops_of("support: affine erase")]
        ['Affine', 'Erase']
    """
    if plan.strip() == "none":
        return ()
    parsed = Plan(plan)
    used = next((placement for placement in ("shots", "support") if placement in parsed.placements), None)
    for clause in parsed.syntax.clauses:
        written = f"write 'support: {' '.join(map(str, clause.calls))}'"
        if used not in clause.placements:
            mend = written if used is None else "leave it out"
            raise InputError(f"plan: '{clause}' does not reach what the discriminator sees; {mend}")
        if clause.copies is not None or clause.weight is not None:
            raise InputError(f"plan: '{clause}': the discriminator sees each item once; {written}")
    op = parsed.item_op()
    return op.ops if isinstance(op, Compose) else (op,)
