"""Memorization probe: whether a learner uses the labels of its support, or has memorized its tasks."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Generator

from manyshot.augment import Plan
from manyshot.base import InputError
from manyshot.base.seeds import generator
from manyshot.learners import Learner
from manyshot.learners.learner import weighted_mean
from manyshot.nets import evaluation_mode
from manyshot.tasks import Episode, EpisodeSampler
from manyshot.training.evaluate import BATCH, evaluate
from manyshot.training.evaluation_result import Evaluation
from manyshot.training.seed_intervals import mean_interval


@dataclass(frozen=True, eq=False)
class MemorizationProbe:
    """Results of a learner on the same tasks with their true support, and with shuffled labels of the support.

    Args:
        measure: Name of the measure: "accuracy", or "squared error" for regression.
        true: `[tasks]` results with the true support.
        shuffled: `[tasks]` results with shuffled labels.
    """

    measure: str
    true: NDArray[np.float64]
    shuffled: NDArray[np.float64]

    @property
    def gaps(self) -> NDArray[np.float64]:
        """`[tasks]` gain from the true labels of the support: in accuracy, or in reduction of the error."""
        return self.true - self.shuffled if self.measure == "accuracy" else self.shuffled - self.true

    @property
    def gap(self) -> float:
        """Mean gain over tasks; about 0 for a learner that ignores the labels of its support."""
        return float(self.gaps.mean())

    @property
    def interval(self) -> tuple[float, float]:
        """95 % interval of the gap over tasks."""
        return mean_interval(self.gaps)

    def as_dict(self) -> dict[str, Any]:
        """The results for JSON."""
        return {
            "measure": self.measure,
            "true_support": float(self.true.mean()),
            "shuffled_support": float(self.shuffled.mean()),
            "gap": self.gap,
            "gap_interval": list(self.interval),
        }


def shuffled_support(episode: Episode, generator: Generator) -> Episode:
    """The same tasks, with the labels of their support examples shuffled.

    Classes are shuffled within each task. Targets of a regression are shuffled across all T tasks, since within one
    task they may be nearly equal.

    Args:
        episode: Batch of T tasks; two or more for a regression. Padding stays padding.
        generator: Generator of the draws.

    Example:
        >>> from manyshot.tasks import Sinusoids
        >>> episode = Sinusoids(shots=5).batch(0, 2)
        >>> labels = shuffled_support(episode, torch.Generator().manual_seed(0)).support.labels
        >>> before, after = episode.support.labels.flatten(), labels.flatten()
        >>> before.equal(after), before.sort()[0].equal(after.sort()[0])
        (False, True)
    """
    support = episode.support
    pools = support.weight.shape if episode.has_classes else (1, -1)
    padding = (support.weight <= 0).reshape(pools)
    drawn = torch.rand(padding.shape, generator=generator).to(padding.device)
    index = padding.long().argsort(dim=1, stable=True)
    other = drawn.masked_fill(padding, 2).argsort(dim=1, stable=True)
    source = torch.empty_like(index).scatter_(1, index, other)
    labels = support.labels.reshape(*padding.shape, -1)
    shuffled = labels.gather(1, source[..., None].expand_as(labels)).view_as(support.labels)
    return replace(episode, support=replace(support, labels=shuffled))


@torch.no_grad()
def probe(learner: Learner, episodes: Iterable[Episode], seed: int = 0) -> MemorizationProbe:
    """Evaluate a learner on tasks with the true support and with shuffled labels of the support (memorization probe).

    A learner that has memorized its training tasks does equally well with either. In one-shot classification, a
    fraction of 1 / `ways` of the shuffled labels is still right.

    Args:
        learner: Learner to probe, in evaluation mode meanwhile; the tasks are moved to the device of its weights.
        episodes: Batches of tasks of classification or regression; uint8 images are scaled to 0..1.
        seed: Seed of the shuffling.

    Raises:
        InputError: If there are no tasks.

    Example:
        >>> from manyshot.learners import Prototypes
        >>> from manyshot.tasks import EpisodeSampler, Source
        >>> dark, light = torch.zeros(9, 1, 4, 4, dtype=torch.uint8), torch.full((9, 1, 4, 4), 255, dtype=torch.uint8)
        >>> source = Source.of(torch.cat([dark, light]), labels=["dark"] * 9 + ["light"] * 9)
        >>> result = probe(Prototypes(torch.nn.Flatten()), [EpisodeSampler(source, ways=2, queries=5).batch(0, 200)])
        >>> float(result.true.mean()), 0.4 < result.gap < 0.6
        (1.0, True)
    """
    device = next((str(parameter.device) for parameter in learner.parameters()), "cpu")
    measure, true, shuffled = "accuracy", [], []
    for number, drawn in enumerate(episodes):
        episode = drawn.to(device).as_float()
        measure = "accuracy" if episode.has_classes else "squared error"
        other = shuffled_support(episode, generator(seed, "shuffled support", number))
        with evaluation_mode(learner):
            true.append(_scores(learner, episode))
            shuffled.append(_scores(learner, other))
    if not true:
        raise InputError("no tasks to probe; give at least 1")
    return MemorizationProbe(measure, np.concatenate(true), np.concatenate(shuffled))


def probe_evaluated(
    evaluation: Evaluation,
    learner: Learner,
    sampler: EpisodeSampler,
    plan: Plan | None = None,
    seed: int = 0,
    device: str | None = None,
) -> MemorizationProbe:
    """The memorization probe on the tasks of an evaluation, of which only the shuffled support is evaluated.

    Args:
        evaluation: Result of `evaluate_tasks` with the same arguments.
        learner: Learner of the evaluation.
        sampler: Sampler of its tasks.
        plan: Augmentation at test time, applied after the shuffling.
        seed: Seed of the shuffling and of the plan's draws.
        device: Device to compute on; the device of the learner's weights if None.

    Example:
        >>> from manyshot.learners import Prototypes
        >>> from manyshot.tasks import Source
        >>> from manyshot.training import evaluate_tasks
        >>> source = Source.of(torch.rand(80, 6), [f"class {i % 4}" for i in range(80)])
        >>> learner, sampler = Prototypes(torch.nn.Flatten()), EpisodeSampler(source, ways=3)
        >>> evaluation = evaluate_tasks(learner, sampler, 20)
        >>> bool((probe_evaluated(evaluation, learner, sampler).true == evaluation.accuracy).all())
        True
    """
    batches = enumerate(sampler.batches(len(evaluation.accuracy), BATCH))
    shuffled = (shuffled_support(episode, generator(seed, "shuffled support", n)) for n, episode in batches)
    accuracy = evaluate(learner, shuffled, plan, seed, device).accuracy
    return MemorizationProbe("accuracy", evaluation.accuracy, accuracy)


def _scores(learner: Learner, episode: Episode) -> NDArray[np.float64]:
    """`[T]` accuracy, or squared error for regression."""
    query = episode.query
    if episode.has_classes:
        answer = learner.adapt(episode.support)(query.items, query.weight).argmax(-1)
        values = (answer == query.class_ids).to(query.weight)
    else:
        values = learner.query_losses(episode)
    scores: NDArray[np.float64] = weighted_mean(values, query.weight).cpu().double().numpy()
    return scores
