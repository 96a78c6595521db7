"""All metrics of labeled generated examples at once."""

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
from manyshot.sample_metrics.train_on_generated import transfer_accuracy


@dataclass(frozen=True)
class Scores:
    """Metrics of generated examples; those of as many fresh real examples show what could be reached.

    Args:
        kernel_distance: Kernel distance to the real examples; 0 is best.
        frechet_distance: Fréchet distance to the real examples; 0 is best.
        precision: Fraction of the generated examples inside the region of the real ones.
        recall: Fraction of the real examples inside the region of the generated ones.
        density: Density of the generated examples, see `DensityCoverage`.
        coverage: Coverage of the real examples, see `DensityCoverage`.
        diversity: Diversity within a class divided by that of real examples; None without classes.
        diversity_per_example: The same for examples generated from one given example, where 0 means that the noise is
            ignored; None for models that are not conditioned on examples.
        generated_to_real: Accuracy on real examples of a classifier trained on generated ones; None without classes.
        real_to_generated: Accuracy on generated examples of a classifier trained on real ones (class consistency); None
            without classes.
        copies: Fraction of the generated examples that count as copies, see `copy_check`.
    """

    kernel_distance: float
    frechet_distance: float
    precision: float
    recall: float
    density: float
    coverage: float
    diversity: float | None
    diversity_per_example: float | None
    generated_to_real: float | None
    real_to_generated: float | None
    copies: float

    def as_dict(self) -> dict[str, float | None]:
        """Metrics by name, for JSON."""
        return asdict(self)


def score(
    training: Float[Tensor, "t d"],
    real: Float[Tensor, "n d"],
    labels: Int[Tensor, " n"],
    generated: Float[Tensor, "m d"],
    generated_labels: Int[Tensor, " m"] | None,
    per_example: tuple[Float[Tensor, "o d"], Int[Tensor, " o"]] | None = None,
) -> tuple[Scores, CopyCheck]:
    """Compute all metrics of generated examples.

    Args:
        training: Features of the examples that the model was trained on or given.
        real: Features of real examples, held out if possible; more than 5.
        labels: Classes of the real examples.
        generated: Features of generated examples; about as many as there are real ones.
        generated_labels: Classes that were asked for; None for models without classes.
        per_example: Features of several examples generated from each of a few given ones, and the index of the given
            one; None for models that are not conditioned on examples.

    Returns:
        The scores, and the copy check that they are based on.

    Raises:
        InputError: If there are too few examples.

    Example:
        >>> x = torch.randn(300, 4, generator=torch.Generator().manual_seed(0))
        >>> labels = torch.arange(100) % 2
        >>> scores, _ = score(x[:100], x[100:200], labels, x[200:], labels)
        >>> abs(scores.kernel_distance) < 0.5, scores.recall > 0.5, scores.generated_to_real < 0.8
        (True, True, True)
    """
    regions, copies = precision_recall(real, generated), copy_check(training, generated)
    balls = density_coverage(real, generated)
    diversity = diversity_per_example = generated_to_real = real_to_generated = None
    if generated_labels is not None:
        known = torch.isin(labels, generated_labels)
        real_diversity = max(within_class_diversity(real, labels), 1e-12)
        diversity = within_class_diversity(generated, generated_labels) / real_diversity
        if per_example is not None:
            diversity_per_example = within_class_diversity(*per_example) / real_diversity
        generated_to_real = transfer_accuracy(generated, generated_labels, real[known], labels[known])
        real_to_generated = transfer_accuracy(real, labels, generated, generated_labels)
    return (
        Scores(
            kernel_distance=kernel_distance(real, generated),
            frechet_distance=frechet_distance(real, generated),
            precision=regions.precision,
            recall=regions.recall,
            density=balls.density,
            coverage=balls.coverage,
            diversity=diversity,
            diversity_per_example=diversity_per_example,
            generated_to_real=generated_to_real,
            real_to_generated=real_to_generated,
            copies=copies.fraction,
        ),
        copies,
    )
