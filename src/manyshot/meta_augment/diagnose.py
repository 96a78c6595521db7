"""What a trained augmenter does on tasks that it has not seen, and what is wrong with it, if anything."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Generator, Tensor, nn

from manyshot.augment import Augmenter, Plan
from manyshot.base import InputError
from manyshot.base.seeds import generator
from manyshot.learners import Learner, by_task, split_learner
from manyshot.meta_augment import LearnedAugmenter
from manyshot.meta_augment.augmenter_metrics import (
    displacement,
    noise_fraction,
    of_next_task,
    own_class_neighbor_fraction,
    policy_entropy,
    within_class_variance,
)
from manyshot.meta_augment.policy.op_policy import OpPolicy
from manyshot.meta_augment.train import AugmenterRun
from manyshot.nets import evaluation_mode
from manyshot.sample_metrics import kernel_distance
from manyshot.tasks import Episode, EpisodeSampler, Examples, Source
from manyshot.training.evaluate import evaluate_tasks
from manyshot.training.splits import load_sources
from manyshot.training.statistics import Difference, paired_difference

LOOKED_AT = 20
"""Tasks whose made items are measured; those that are judged are more."""
QUERIES, SHOTS = 10, (1, 5)
LEAST_QUERIES = 2
"""Real items of a class that its variance can be told from."""
STILL, ALL_SHIFT, FAR, WILD, DECIDED = 0.1, 0.05, 0.1, 4.0, 0.06
"""Where warnings begin: displacement, share of noise, loss of own-class neighbours, variance, chance of every op."""


@dataclass(frozen=True)
class PolicyChoices:
    """What a policy chose, averaged over classes and tasks.

    Args:
        chances: with which each op acts.
        spread: how much each op's chance differs from class to class (standard deviation); 0 for one policy for all.
        undecided: entropy of the chances, in bits an op.
    """

    chances: Mapping[str, float]
    spread: Mapping[str, float]
    undecided: float


@dataclass(frozen=True)
class Diagnosis:
    """What an augmenter does.

    Args:
        displacement: of made items from their own, where 1 is as far as a real item lies from the mean of its class.
        variance: that of the made items of a class, where 1 is that of a real class.
        noise: the share of the displacement that differs from copy to copy; None where nothing moves.
        neighbours: the share of made items whose nearest real item is of their class.
        real_neighbours: the same of the real support items.
        kernel: kernel distance of made and real items.
        real_kernel: the same of two sets of real ones.
        gains: by number of shots, accuracy with made items minus accuracy without.
        swap: accuracy with the task's own context minus accuracy with that of another task, at the fewest shots.
        control: the gains of another augmenter on the same tasks, such as one of the same size without noise.
        choices: of a policy of ops; None for other augmenters.
    """

    displacement: float
    variance: float
    noise: float | None
    neighbours: float
    real_neighbours: float
    kernel: float
    real_kernel: float
    gains: Mapping[int, Difference]
    swap: Difference
    control: Mapping[int, Difference] | None = None
    choices: PolicyChoices | None = None

    @property
    def warnings(self) -> list[str]:
        """What to be wary of, a sentence each; empty if nothing stands out."""
        found = []
        if self.displacement < STILL:
            found.append(
                f"It hardly changes anything: made items lie {self.displacement:.2f} of a class's spread away."
            )
        elif self.noise is not None and self.noise < ALL_SHIFT:
            found.append(
                f"It ignores its random numbers: {self.noise:.0%} of what it changes differs between copies, the rest "
                "is one shift, which a single copy would give."
            )
        if self.choices is not None and all(chance < DECIDED for chance in self.choices.chances.values()):
            found.append("It has switched off every op.")
        if self.variance > WILD:
            found.append(f"Made items of a class vary {self.variance:.1f} times as much as real ones.")
        if self.neighbours < self.real_neighbours - FAR:
            found.append(
                f"It leaves its classes: {self.neighbours:.0%} of made items lie nearest to a real item of their own "
                f"class, {self.real_neighbours:.0%} of real ones do."
            )
        if self.swap.low <= 0:
            found.append(
                "It may not look at the task: with another task's context the accuracy is "
                f"{-100 * self.swap.difference:+.1f} points [{-100 * self.swap.high:+.1f}, "
                f"{-100 * self.swap.low:+.1f}]."
            )
        few, many = min(self.gains), max(self.gains)
        if few < many and self.gains[many].difference > max(self.gains[few].difference, 0.0):
            found.append(f"It helps no more at {few} than at {many} shots, where less help is needed.")
        if all(gain.low <= 0 for gain in self.gains.values()):
            found.append("No gain of it is certain: no interval lies above 0.")
        return found

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""

        def by_shots(gains: Mapping[int, Difference]) -> dict[str, Any]:
            return {str(shots): gain.as_dict() for shots, gain in gains.items()}

        return {
            "displacement": self.displacement,
            "variance": self.variance,
            "noise": self.noise,
            "neighbours": self.neighbours,
            "real_neighbours": self.real_neighbours,
            "kernel": self.kernel,
            "real_kernel": self.real_kernel,
            "gains": by_shots(self.gains),
            "swap": self.swap.as_dict(),
            "control": None if self.control is None else by_shots(self.control),
            "choices": None if self.choices is None else vars(self.choices).copy(),
            "warnings": self.warnings,
        }


@dataclass(frozen=True, eq=False)
class SwappedContext:
    """An augmenter that is shown another task of the batch.

    Args:
        augmenter: to be fooled.
    """

    augmenter: LearnedAugmenter

    @property
    def space(self) -> str:
        """The augmenter's."""
        return self.augmenter.space

    def make(self, support: Examples, copies: int, generator: Generator) -> Examples:
        """Make items of a support in the context of the next task's."""
        return self.augmenter.make(support, copies, generator, context=of_next_task(support))


@torch.no_grad()
def diagnose(
    learner: Learner,
    augmenter: LearnedAugmenter,
    source: Source,
    ways: int = 5,
    shots: Sequence[int] = SHOTS,
    queries: int = QUERIES,
    copies: int = 8,
    tasks: int = 100,
    seed: int = 0,
    control: LearnedAugmenter | None = None,
) -> Diagnosis:
    """Look at what an augmenter makes, and judge it on the same tasks with, without, and with another task's context.

    Distances are taken between features of the learner's encoder, between pixels where the learner adapts that.

    Args:
        learner: that the augmenter was trained for.
        augmenter: trained.
        source: classes that neither has seen; items, whatever the augmenter's space.
        ways: classes a task.
        shots: numbers of shots to judge at; the rest is measured at the least of them.
        queries: query items a class, at least 2.
        copies: made items of each support item, at least 2.
        tasks: how many to judge on.
        seed: of the tasks and draws.
        control: another augmenter to judge beside it.

    Raises:
        InputError: if the source has too few classes or items, or the augmenter does not go with the learner.
    """
    plan = Plan(f"shots: {copies} x learned")

    def judged(one: Augmenter | None, k: int) -> NDArray[np.float64]:
        """`[1, tasks]` accuracies, as one seed of a comparison."""
        sampler = EpisodeSampler(source, ways, k, queries, seed=seed)
        how = Plan() if one is None else plan.with_augmenter(one)
        return evaluate_tasks(learner, sampler, tasks, how, seed, title="diagnose").accuracy[None]

    def gains(learned: Mapping[int, NDArray[np.float64]]) -> dict[int, Difference]:
        return {k: paired_difference(learned[k], plain[k]) for k in plain}

    least = min(shots)
    plain, learned = ({k: judged(one, k) for k in sorted(shots)} for one in (None, augmenter))
    swapped = judged(SwappedContext(augmenter), least)
    episode = EpisodeSampler(source, ways, least, queries, seed=seed).batch(0, LOOKED_AT).as_float()
    return Diagnosis(
        **_measures(learner, augmenter, episode, copies, seed),
        gains=gains(learned),
        swap=paired_difference(learned[least], swapped),
        control=None if control is None else gains({k: judged(control, k) for k in plain}),
        choices=_choices(augmenter, episode.support),
    )


def diagnose_run(run: AugmenterRun, tasks: int = 40) -> tuple[Diagnosis, Source] | None:
    """Diagnose an augmenter on the classes that its learner's run set aside for testing, else on those for validation.

    Args:
        run: the augmenter's.
        tasks: how many to judge on.

    Returns:
        The diagnosis and the classes, or None where none were set aside, or too few of them or of their items.
    """
    sources = load_sources(run.run.config)
    source = sources.test or sources.validation
    if source is None or len(source.class_names) < 2:
        return None
    most = run.config.ways if isinstance(run.config.ways, int) else run.config.ways[1]
    fewest = int(source.counts.min())
    if fewest < 1 + LEAST_QUERIES:
        return None
    queries = min(QUERIES, max(LEAST_QUERIES, fewest - max(SHOTS)))
    found = diagnose(
        run.learner,
        run.augmenter,
        source,
        ways=min(most, len(source.class_names)),
        shots=[k for k in SHOTS if k <= fewest - queries],
        queries=queries,
        copies=max(2, run.config.copies),
        tasks=tasks,
        seed=run.config.fit.seed,
    )
    return found, source


def _measures(
    learner: Learner, augmenter: LearnedAugmenter, episode: Episode, copies: int, seed: int
) -> dict[str, Any]:
    """Every measure of made items beside real ones, averaged over tasks."""
    try:
        encoder, _ = split_learner("features", learner)
    except InputError:  # no fixed features: distances are taken between pixels
        encoder = nn.Flatten()
    weight = next(iter(learner.parameters()), torch.zeros(()))
    episode = episode.to(weight.device)

    def seen(examples: Examples) -> Tensor:
        with evaluation_mode(encoder):
            return by_task(encoder, examples.items, examples.weight)

    support, query = episode.support, episode.query
    z, q = seen(support), seen(query)
    if augmenter.space == "features":
        made = augmenter.make(replace(support, items=z), copies, generator(seed, "diagnose"))
        m = made.items
    else:
        made = augmenter.make(support, copies, generator(seed, "diagnose"))
        m = seen(made)
    real = within_class_variance(q, query)
    deviation = q.flatten(0, 1).std(0).clamp(min=1e-6)
    # Tasks share items, and a set in which one occurs twice is no sample.
    real_items = (q / deviation).flatten(0, 1)[distinct(query.items)]
    return {
        "displacement": _mean(displacement(m, z, made, real)),
        "variance": _mean(within_class_variance(m, made) / real),
        "noise": _mean_or_none(noise_fraction(m, z, made)),
        "neighbours": _mean(own_class_neighbor_fraction(m, made, q, query)),
        "real_neighbours": _mean(own_class_neighbor_fraction(z, support, q, query)),
        "kernel": kernel_distance(real_items, (m / deviation).flatten(0, 1)),
        "real_kernel": kernel_distance(real_items[::2], real_items[1::2]),
    }


def distinct(items: Tensor | list[list[str]]) -> Tensor:
    """Indices `[k]`, among the items of all T tasks, of those that no earlier one equals.

    Args:
        items: `[T, n, ...]`, or T lists of n sentences.

    Example:
        >>> distinct(torch.tensor([[[2.0], [1.0]], [[2.0], [3.0]]])).tolist()
        [0, 1, 3]
    """
    if isinstance(items, Tensor):
        rows = items.flatten(0, 1).flatten(1).cpu().numpy()
        _, first = np.unique(rows, axis=0, return_index=True)
    else:
        _, first = np.unique([text for task in items for text in task], return_index=True)
    return torch.from_numpy(np.sort(first))


def _choices(augmenter: LearnedAugmenter, support: Examples) -> PolicyChoices | None:
    if not isinstance(augmenter, OpPolicy):
        return None
    chances = augmenter.settings(support)[0].sigmoid()[support.class_mask]
    mean, spread = chances.mean(0).tolist(), chances.std(0, correction=0).tolist()
    return PolicyChoices(
        dict(zip(augmenter.ops, mean, strict=True)),
        dict(zip(augmenter.ops, spread, strict=True)),
        float(policy_entropy(chances).mean()),
    )


def _mean(values: Tensor) -> float:
    return float(np.nanmean(values.cpu().double().numpy()))


def _mean_or_none(values: Tensor) -> float | None:
    return None if bool(values.isnan().all()) else _mean(values)
