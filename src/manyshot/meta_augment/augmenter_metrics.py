"""Metrics of generated examples relative to real ones, one number per task.

All are computed on vectors (features of an encoder, or the output of an augmenter of features), weighted by the
examples' weights, and NaN for a task without examples to measure.
"""

import math
from dataclasses import fields, replace

import torch
from jaxtyping import Float
from torch import Tensor

from manyshot.tasks import Examples


def within_class_variance(features: Float[Tensor, "t n d"], examples: Examples) -> Float[Tensor, "t"]:
    """Compute the variance of the examples of a class around its mean, over all classes of at least two examples.

    sum_k sum_i m_ik ||z_i - mean_k||^2 / sum_k (M_k - sum_i m_ik^2 / M_k),   m_ik = w_i y_ik,   M_k = sum_i m_ik

    For equal weights this is the usual unbiased estimate, with n_k - 1 in the denominator.

    Args:
        features: Features z of the examples.
        examples: Labels and weights of the examples.

    Example:
        >>> four = Examples.of(torch.zeros(1, 4, 1), torch.tensor([0, 0, 1, 1]))
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
    generated: Float[Tensor, "t m d"], origins: Float[Tensor, "t n d"], examples: Examples, unit: Float[Tensor, "t"]
) -> Float[Tensor, "t"]:
    """Compute the RMS distance of generated examples from their origins, in units of a real class's standard deviation.

    0 is an exact copy; 1 is the typical distance of a real example from the mean of its class.

    Args:
        generated: Features of the generated examples.
        origins: Features of the support examples.
        examples: The generated examples, for their origins and weights.
        unit: Variance within a real class, see `within_class_variance`.

    Example:
        >>> generated = Examples(torch.zeros(1, 2, 1), torch.ones(1, 2, 1), torch.ones(1, 2), torch.ones(1, 1) > 0,
        ...     origin=torch.zeros(1, 2, dtype=torch.long))
        >>> displacement(torch.tensor([[[3.0], [-3.0]]]), torch.zeros(1, 1, 1), generated, unit=torch.tensor([9.0]))
        tensor([1.])
    """
    return (_squared_displacement(generated, origins, examples) / _or_nan(unit)).sqrt()


def noise_fraction(
    generated: Float[Tensor, "t m d"], origins: Float[Tensor, "t n d"], examples: Examples
) -> Float[Tensor, "t"]:
    """Compute the fraction of the squared displacement that varies between the copies of one example.

    0 is one shift for all copies: the augmenter ignores its draws. 1 is noise around the example itself.

    Args:
        generated: Features of the generated examples, at least two copies of each support example.
        origins: Features of the support examples.
        examples: The generated examples, for their origins and weights; copies of an example are adjacent.

    Raises:
        ValueError: If there is one copy of each example.

    Example:
        >>> generated = Examples(torch.zeros(1, 2, 1), torch.ones(1, 2, 1), torch.ones(1, 2), torch.ones(1, 1) > 0,
        ...     origin=torch.zeros(1, 2, dtype=torch.long))
        >>> noise_fraction(torch.tensor([[[3.0], [3.0]]]), torch.zeros(1, 1, 1), generated)
        tensor([0.])
    """
    copies = generated.shape[1] // origins.shape[1]
    if copies < 2:
        raise ValueError("one copy of each example has no variance between copies; generate at least 2")
    tasks, n, size = origins.shape
    by_origin = generated.reshape(tasks, n, copies, size)
    weight = examples.weight.reshape(tasks, n, copies)
    varying: Tensor = (by_origin.var(2).sum(-1) * weight.sum(2)).sum(-1) / _or_nan(weight.sum((1, 2)))
    return varying / _or_nan(_squared_displacement(generated, origins, examples))


def own_class_neighbor_fraction(
    items: Float[Tensor, "t m d"], examples: Examples, real: Float[Tensor, "t q d"], among: Examples
) -> Float[Tensor, "t"]:
    """Compute the weighted fraction of examples whose nearest real example is of their class.

    Args:
        items: Features of the examples to classify, generated or real.
        examples: Their labels and weights.
        real: Features of real examples that they were not generated from.
        among: Labels and weights of the real examples.

    Example:
        >>> two = Examples.of(torch.zeros(1, 2, 1), torch.arange(2))
        >>> own_class_neighbor_fraction(torch.tensor([[[0.1], [0.2]]]), two, torch.tensor([[[0.0], [1.0]]]), two)
        tensor([0.5000])
    """
    distances = torch.cdist(items, real).masked_fill((among.weight <= 0)[:, None], torch.inf)
    nearest = among.class_ids.gather(1, distances.argmin(-1))
    correct = (nearest == examples.class_ids).to(items) * examples.weight
    return correct.sum(1) / _or_nan(examples.weight.sum(1))


def of_next_task(support: Examples) -> Examples:
    """Shift supports by one task, the last task getting that of the first: the context of a swap test.

    Args:
        support: Support of T tasks.

    Example:
        >>> ones = torch.ones(2, 1)
        >>> two = Examples(torch.tensor([[[0.0]], [[1.0]]]), ones[..., None], ones, ones > 0)
        >>> of_next_task(two).items.flatten().tolist()
        [1.0, 0.0]
    """
    values = {field.name: getattr(support, field.name) for field in fields(support)}
    rolled = {name: value.roll(-1, 0) for name, value in values.items() if isinstance(value, Tensor)}
    return replace(support, **rolled)


def policy_entropy(probabilities: Float[Tensor, "*n ops"]) -> Float[Tensor, "*n"]:
    """Compute the mean entropy of the decisions whether each op acts, in bits: 0 for p of 0 or 1, 1 for p of 0.5.

    Args:
        probabilities: Probability with which each op acts.

    Example:
        >>> policy_entropy(torch.tensor([[0.5, 0.5], [0.0, 1.0]]))
        tensor([1., 0.])
    """
    entropy: Tensor = torch.special.entr(probabilities) + torch.special.entr(1 - probabilities)
    return entropy.mean(-1) / math.log(2)


def _squared_displacement(generated: Tensor, origins: Tensor, examples: Examples) -> Tensor:
    """Weighted mean squared distance of generated examples from their origins, `[T]`."""
    index = examples.known_origin[..., None].expand(-1, -1, origins.shape[-1])
    squares = (generated - origins.gather(1, index)).square().sum(-1)
    return (squares * examples.weight).sum(1) / _or_nan(examples.weight.sum(1))


def _or_nan(values: Tensor) -> Tensor:
    """The values as divisors: NaN instead of 0."""
    return torch.where(values > 0, values, torch.nan)
