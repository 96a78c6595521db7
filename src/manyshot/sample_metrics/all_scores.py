"""Every measure at once, for labelled real and made items."""

from dataclasses import asdict, dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from manyshot.sample_metrics.copy_check import CopyCheck, copy_check
from manyshot.sample_metrics.density_coverage import density_coverage
from manyshot.sample_metrics.diversity import within_class_diversity
from manyshot.sample_metrics.frechet import frechet_distance
from manyshot.sample_metrics.kernel_distance import kernel_distance
from manyshot.sample_metrics.precision_recall import precision_recall
from manyshot.sample_metrics.transfer import transfer


@dataclass(frozen=True)
class Scores:
    """What is said of made items; the same measures of as many real ones say what could be reached.

    Args:
        kernel_distance: see there; 0 is best.
        frechet_distance: see there; 0 is best.
        precision: share of made items where real ones lie.
        recall: share of real items where made ones lie.
        density: see `DensityCoverage`.
        coverage: see there.
        diversity: within a class, as a share of that of real items; None for items without a class.
        diversity_of_one: the same of items made of one shown item, where 0 says that noise is ignored; None for models
            that are shown none.
        made_to_real: accuracy on real items of a classifier trained on made ones; None without classes.
        real_to_made: accuracy on made items of one trained on real ones (class consistency); None without classes.
        copies: share of made items that are as near to one that the model saw as few of these are to each other.
    """

    kernel_distance: float
    frechet_distance: float
    precision: float
    recall: float
    density: float
    coverage: float
    diversity: float | None
    diversity_of_one: float | None
    made_to_real: float | None
    real_to_made: float | None
    copies: float

    def as_dict(self) -> dict[str, float | None]:
        """For JSON."""
        return asdict(self)


def score(
    seen: Float[Tensor, "t d"],
    real: Float[Tensor, "n d"],
    label: Int[Tensor, " n"],
    made: Float[Tensor, "m d"],
    asked: Int[Tensor, " m"] | None,
    of_one: tuple[Float[Tensor, "o d"], Int[Tensor, " o"]] | None = None,
) -> tuple[Scores, CopyCheck]:
    """Judge made items by features of an encoder of the domain.

    Args:
        seen: features of what the generator was trained on, and of what it was shown.
        real: features of real items that it was not trained on, if there are any; more than 5.
        label: classes of the real items.
        made: features of made items; about as many.
        asked: the classes that were asked for, or None where none can be.
        of_one: features of items made of few shown ones, several of each, and the number of the shown one; None for
            models that are shown none.

    Returns:
        The scores, and the copy check that they rest on.

    Raises:
        InputError: if there are too few items.

    Example:
        >>> x = torch.randn(300, 4, generator=torch.Generator().manual_seed(0))
        >>> label = torch.arange(100) % 2
        >>> found, _ = score(x[:100], x[100:200], label, x[200:], label)
        >>> abs(found.kernel_distance) < 0.5, found.recall > 0.5, found.made_to_real < 0.8
        (True, True, True)
    """
    found, copies = precision_recall(real, made), copy_check(seen, made)
    dense = density_coverage(real, made)
    diversity = diversity_of_one = made_to_real = real_to_made = None
    if asked is not None:
        known = torch.isin(label, asked)
        usual = max(within_class_diversity(real, label), 1e-12)
        diversity = within_class_diversity(made, asked) / usual
        diversity_of_one = None if of_one is None else within_class_diversity(*of_one) / usual
        made_to_real = transfer(made, asked, real[known], label[known])
        real_to_made = transfer(real, label, made, asked)
    return (
        Scores(
            kernel_distance(real, made),
            frechet_distance(real, made),
            found.precision,
            found.recall,
            dense.density,
            dense.coverage,
            diversity,
            diversity_of_one,
            made_to_real,
            real_to_made,
            copies.share,
        ),
        copies,
    )
