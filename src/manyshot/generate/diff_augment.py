"""Differentiable augmentation of what the discriminator sees (Zhao et al. 2020; Karras et al. 2020)."""

from torch import Generator, Tensor

from manyshot.augment import Compose, Op, Plan, Sometimes
from manyshot.base import InputError
from manyshot.generate.generator_objective import Augmentation


def no_augmentation(items: Tensor) -> Tensor:
    """Return examples as they are.

    Example:
        >>> import torch
        >>> no_augmentation(torch.zeros(2)).tolist()
        [0.0, 0.0]
    """
    return items


def discriminator_augmentation(ops: tuple[Op, ...], p: float, generator: Generator) -> Augmentation:
    """Augmentation of real and generated examples before the discriminator sees them.

    Each op is applied to each example with probability `p`, in the given order. An op that has a probability of its own
    then acts with the product of both, as in StyleGAN2-ADA: a flip of 0.5 at p = 0.5 flips a quarter of the examples.
    Every call draws anew, so real and generated examples go through the same distribution of augmentations. Gradients
    flow through to the examples.

    Args:
        ops: Ops on images; none leaves examples as they are.
        p: Probability of applying each op to each example. Below 1, augmentations do not leak into generated examples,
            as long as each op could be inverted from its distribution (Karras et al. 2020).
        generator: Random generator of all draws.

    Example:
        >>> import torch
        >>> from manyshot.augment.image import Brightness
        >>> augment = discriminator_augmentation((Brightness(),), 0.5, torch.Generator().manual_seed(0))
        >>> augment(torch.full((8, 1, 4, 4), 0.5)).flatten(1).std(1).max().item()
        0.0
    """
    if not ops or p <= 0:
        return no_augmentation
    op = Compose(ops if p >= 1 else tuple(Sometimes(op, p) for op in ops))

    def augment(items: Tensor) -> Tensor:
        augmented: Tensor = op.apply(items, op.sample(len(items), generator))
        return augmented

    return augment


def discriminator_ops(plan: str) -> tuple[Op, ...]:
    """Ops of a plan that augment what the discriminator sees: those of its shots, or of its support.

    Args:
        plan: Plan such as "support: affine(10) erase", or "none".

    Raises:
        InputError: If the plan is invalid, has no such ops, or has a clause that would have no effect.

    Example:
        >>> [type(op).__name__ for op in discriminator_ops("support: affine erase")]
        ['Affine', 'Erase']
    """
    if plan.strip() == "none":
        return ()
    parsed = Plan(plan)
    used = next((placement for placement in ("shots", "support") if placement in parsed.placements), None)
    for clause in parsed.syntax.clauses:
        mended = f"write 'support: {' '.join(map(str, clause.calls))}'"
        if used not in clause.placements:
            hint = mended if used is None else "leave it out"
            raise InputError(f"plan: '{clause}' does not act on what the discriminator sees; {hint}")
        if clause.copies is not None or clause.weight is not None:
            raise InputError(f"plan: '{clause}': the discriminator sees each example once; {mended}")
    op = parsed.item_op()
    return op.ops if isinstance(op, Compose) else (op,)
