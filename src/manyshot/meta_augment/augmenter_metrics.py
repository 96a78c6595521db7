"""What an augmenter really does: measures of made items beside real ones, each a number a task.

All are taken on vectors (features of an encoder, or what an augmenter of features makes), honour weights, and say NaN
for a task in which there is nothing to measure.
"""

import math
from dataclasses import fields, replace

import torch
from jaxtyping import Float
from torch import Tensor

from manyshot.tasks import Examples


def within_class_variance(features: Float[Tensor, "t n d"], examples: Examples) -> Float[Tensor, "t"]:
    """How far the items of a class lie from its mean, squared: over all classes with two items or more.

    sum_k sum_i m_ik ||z_i - mean_k||^2 / sum_k (M_k - sum_i m_ik^2 / M_k),   m_ik = w_i y_ik,   M_k = sum_i m_ik

    For items of one weight this is the usual estimate without bias, with n_k - 1 below.

    Args:
        features: z, of each item.
        examples: their labels and weights.

    Example:
        >>> labels = torch.eye(2)[[0, 0, 1, 1]][None]
        >>> four = Examples(torch.zeros(1, 4, 1), labels, torch.ones(1, 4), torch.ones(1, 2) > 0)
        >>> within_class_variance(torch.tensor([[[0.0], [2.0], [5.0], [5.0]]]), four)
        tensor([1.])
    """
    mass = examples.labels * examples.weight[..., None]
    total = mass.sum(1)
    means = mass.mT @ features / total[..., None].clamp(min=1e-12)
    squares = torch.cdist(features, means, compute_mode="donot_use_mm_for_euclid_dist").square()
    freedom = (total - mass.square().sum(1) / total.clamp(min=1e-12)).clamp(min=0)
    counts = freedom > 1e-6 * total.clamp(min=1e-12)
    return ((mass * squares).sum(1) * counts).sum(-1) / _or_nan((freedom * counts).sum(-1))


def displacement(
    made: Float[Tensor, "t m d"], origins: Float[Tensor, "t n d"], examples: Examples, unit: Float[Tensor, "t"]
) -> Float[Tensor, "t"]:
    """How far made items lie from the items that they came from, root mean square, in units of a real class's spread.

    0 is a copy; 1 is as far as a real item lies from the mean of its class.

    Args:
        made: features of the made items.
        origins: features of the support items.
        examples: the made items, for origins and weights.
        unit: the variance within a real class, see `within_class_variance`.

    Example:
        >>> made = Examples(torch.zeros(1, 2, 1), torch.ones(1, 2, 1), torch.ones(1, 2), torch.ones(1, 1) > 0,
        ...     origin=torch.zeros(1, 2, dtype=torch.long))
        >>> displacement(torch.tensor([[[3.0], [-3.0]]]), torch.zeros(1, 1, 1), made, unit=torch.tensor([9.0]))
        tensor([1.])
    """
    return (_moved_squared(made, origins, examples) / _or_nan(unit)).sqrt()


def noise_fraction(
    made: Float[Tensor, "t m d"], origins: Float[Tensor, "t n d"], examples: Examples
) -> Float[Tensor, "t"]:
    """Which share of the (squared) displacement differs between the copies of one item.

    0 is one shift for all copies: the augmenter ignores its draws. 1 is noise around the item itself.

    Args:
        made: features of the made items, two copies of each item or more.
        origins: features of the support items.
        examples: the made items, for origins and weights; copies of an item stand together.

    Raises:
        ValueError: if there is one copy of each item.

    Example:
        >>> made = Examples(torch.zeros(1, 2, 1), torch.ones(1, 2, 1), torch.ones(1, 2), torch.ones(1, 1) > 0,
        ...     origin=torch.zeros(1, 2, dtype=torch.long))
        >>> noise_fraction(torch.tensor([[[3.0], [3.0]]]), torch.zeros(1, 1, 1), made)
        tensor([0.])
    """
    copies = made.shape[1] // origins.shape[1]
    if copies < 2:
        raise ValueError("one copy of each item shows no difference between copies; make at least 2")
    tasks, n, size = origins.shape
    each = made.reshape(tasks, n, copies, size)
    weight = examples.weight.reshape(tasks, n, copies)
    varying: Tensor = (each.var(2).sum(-1) * weight.sum(2)).sum(-1) / _or_nan(weight.sum((1, 2)))
    return varying / _or_nan(_moved_squared(made, origins, examples))


def own_class_neighbor_fraction(
    items: Float[Tensor, "t m d"], examples: Examples, real: Float[Tensor, "t q d"], among: Examples
) -> Float[Tensor, "t"]:
    """The share of items whose nearest real item is of their class, by weight.

    Args:
        items: features of what is asked about, made or real.
        examples: their labels and weights.
        real: features of real items that they were not made of.
        among: the real items' labels and weights.

    Example:
        >>> labels = torch.eye(2)[None]
        >>> two = Examples(torch.zeros(1, 2, 1), labels, torch.ones(1, 2), torch.ones(1, 2) > 0)
        >>> own_class_neighbor_fraction(torch.tensor([[[0.1], [0.2]]]), two, torch.tensor([[[0.0], [1.0]]]), two)
        tensor([0.5000])
    """
    apart = torch.cdist(items, real).masked_fill((among.weight <= 0)[:, None], torch.inf)
    found = among.class_ids.gather(1, apart.argmin(-1))
    right = (found == examples.class_ids).to(items) * examples.weight
    return right.sum(1) / _or_nan(examples.weight.sum(1))


def of_next_task(support: Examples) -> Examples:
    """Each task with the support of the next one, the last with that of the first: the context of a swap test.

    Example:
        >>> ones = torch.ones(2, 1)
        >>> two = Examples(torch.tensor([[[0.0]], [[1.0]]]), ones[..., None], ones, ones > 0)
        >>> of_next_task(two).items.flatten().tolist()
        [1.0, 0.0]
    """
    values = {field.name: getattr(support, field.name) for field in fields(support)}
    rolled = {name: value.roll(-1, 0) for name, value in values.items() if isinstance(value, Tensor)}
    return replace(support, **rolled)


def policy_entropy(chances: Float[Tensor, "*n ops"]) -> Float[Tensor, "*n"]:
    """How undecided a policy is about whether each op acts, in bits an op: 0 for always or never, 1 for even chances.

    Args:
        chances: with which each op acts.

    Example:
        >>> policy_entropy(torch.tensor([[0.5, 0.5], [0.0, 1.0]]))
        tensor([1., 0.])
    """
    both: Tensor = torch.special.entr(chances) + torch.special.entr(1 - chances)
    return both.mean(-1) / math.log(2)


def _moved_squared(made: Tensor, origins: Tensor, examples: Examples) -> Tensor:
    """The mean squared distance from the items that made ones came from, by weight, `[T]`."""
    places = examples.known_origin[..., None].expand(-1, -1, origins.shape[-1])
    squares = (made - origins.gather(1, places)).square().sum(-1)
    return (squares * examples.weight).sum(1) / _or_nan(examples.weight.sum(1))


def _or_nan(values: Tensor) -> Tensor:
    """A divisor, NaN where it is 0."""
    return torch.where(values > 0, values, torch.nan)
