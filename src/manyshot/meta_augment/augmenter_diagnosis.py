"""Measurements of a trained augmenter, and the warnings that they give reason for."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from manyshot.training.seed_intervals import Difference

MIN_DISPLACEMENT = 0.1
"""Displacement below which an augmenter hardly changes anything."""
MIN_NOISE = 0.05
"""Fraction of varying displacement below which an augmenter ignores its random numbers."""
MAX_NEIGHBOR_LOSS = 0.1
"""Largest acceptable decrease of the fraction of nearest neighbors of the own class."""
MAX_VARIANCE = 4.0
"""Largest acceptable variance within a class, relative to that of real examples."""
OFF = 0.06
"""Probability below which an op is switched off."""


@dataclass(frozen=True)
class PolicyChoices:
    """Choices of a policy of ops, averaged over classes and tasks.

    Args:
        probabilities: Probability with which each op acts.
        std: Standard deviation of each op's probability over classes; 0 for a policy that is the same for all.
        entropy: Mean entropy of the decisions whether each op acts, in bits.
    """

    probabilities: Mapping[str, float]
    std: Mapping[str, float]
    entropy: float


@dataclass(frozen=True)
class Diagnosis:
    """Measurements of an augmenter on tasks that it was not trained on.

    Args:
        displacement: RMS distance of generated examples from their origins, in units of a real class's standard
            deviation.
        variance: Variance of the generated examples of a class, relative to that of a real class.
        noise: Fraction of the squared displacement that varies between copies; None if nothing is displaced.
        neighbors: Fraction of generated examples whose nearest real example is of their class.
        real_neighbors: The same fraction for the real support examples.
        kernel: Kernel distance between generated and real examples.
        real_kernel: Kernel distance between two sets of real examples.
        gains: Accuracy with generated examples minus accuracy without, by number of shots.
        swap: Accuracy with the task's own context minus that with another task's, at the smallest number of shots.
        control: Gains of another augmenter on the same tasks, such as one of the same size without noise.
        choices: Choices of a policy of ops; None for other augmenters.
    """

    displacement: float
    variance: float
    noise: float | None
    neighbors: float
    real_neighbors: float
    kernel: float
    real_kernel: float
    gains: Mapping[int, Difference]
    swap: Difference
    control: Mapping[int, Difference] | None = None
    choices: PolicyChoices | None = None

    @property
    def warnings(self) -> list[str]:
        """Warnings, one sentence each; empty if nothing stands out."""
        messages = []
        if self.displacement < MIN_DISPLACEMENT:
            messages.append(
                f"It hardly changes anything: generated examples lie {self.displacement:.2f} standard deviations of a "
                "class away."
            )
        elif self.noise is not None and self.noise < MIN_NOISE:
            messages.append(
                f"It ignores its random numbers: {self.noise:.0%} of what it changes differs between copies, the rest "
                "is one shift, which a single copy would give."
            )
        if self.choices is not None and all(p < OFF for p in self.choices.probabilities.values()):
            messages.append("It has switched off every op.")
        if self.variance > MAX_VARIANCE:
            messages.append(f"Generated examples of a class have {self.variance:.1f} times the variance of real ones.")
        if self.neighbors < self.real_neighbors - MAX_NEIGHBOR_LOSS:
            messages.append(
                f"It leaves its classes: the nearest real example is of the own class for {self.neighbors:.0%} of "
                f"generated examples, and for {self.real_neighbors:.0%} of real ones."
            )
        if self.swap.low <= 0:
            messages.append(
                "It may ignore the task: with another task's context the accuracy is "
                f"{-100 * self.swap.difference:+.1f} points [{-100 * self.swap.high:+.1f}, "
                f"{-100 * self.swap.low:+.1f}]."
            )
        few, many = min(self.gains), max(self.gains)
        if few < many and self.gains[many].difference > max(self.gains[few].difference, 0.0):
            messages.append(f"It helps no more at {few} shots than at {many}, where less help is needed.")
        if all(gain.low <= 0 for gain in self.gains.values()):
            messages.append("None of its gains is certain: no interval lies above 0.")
        return messages

    def as_dict(self) -> dict[str, Any]:
        """The measurements as a dictionary for JSON."""

        def by_shots(gains: Mapping[int, Difference]) -> dict[str, Any]:
            return {str(shots): gain.as_dict() for shots, gain in gains.items()}

        return {
            "displacement": self.displacement,
            "variance": self.variance,
            "noise": self.noise,
            "neighbors": self.neighbors,
            "real_neighbors": self.real_neighbors,
            "kernel": self.kernel,
            "real_kernel": self.real_kernel,
            "gains": by_shots(self.gains),
            "swap": self.swap.as_dict(),
            "control": None if self.control is None else by_shots(self.control),
            "choices": None if self.choices is None else vars(self.choices).copy(),
            "warnings": self.warnings,
        }
