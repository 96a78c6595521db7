"""Does a learner use its support, or does it know its tasks by heart?"""

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
from manyshot.training.evaluate import BATCH, Evaluation, evaluate
from manyshot.training.statistics import mean_interval


@dataclass(frozen=True, eq=False)
class MemorisationProbe:
    """What a learner reaches on the same tasks with their support and with a support whose labels are shuffled.

    Args:
        measure: "accuracy", or "squared error" for regression.
        true: `[tasks]` with the support as it is.
        shuffled: `[tasks]` with its labels shuffled.
    """

    measure: str
    true: NDArray[np.float64]
    shuffled: NDArray[np.float64]

    @property
    def gaps(self) -> NDArray[np.float64]:
        """`[tasks]` what the labels of the support are worth: accuracy that they add, or error that they take away."""
        return self.true - self.shuffled if self.measure == "accuracy" else self.shuffled - self.true

    @property
    def gap(self) -> float:
        """Mean over tasks; about 0 for a learner that does without its support."""
        return float(self.gaps.mean())

    @property
    def interval(self) -> tuple[float, float]:
        """95 % interval of the gap over tasks."""
        return mean_interval(self.gaps)

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "measure": self.measure,
            "true_support": float(self.true.mean()),
            "shuffled_support": float(self.shuffled.mean()),
            "gap": self.gap,
            "gap_interval": list(self.interval),
        }


def shuffled_support(episode: Episode, generator: Generator) -> Episode:
    """The same tasks, with the labels of the support items dealt out anew.

    Classes are dealt out among the items of each task, targets of a regression among those of all T tasks: within one
    task they may be nearly alike.

    Args:
        episode: T tasks; padding stays padding. For a regression, two or more.
        generator: for the draws.

    Example:
        >>> from manyshot.tasks import Sinusoids
        >>> episode = Sinusoids(shots=5).batch(0, 2)
        >>> labels = shuffled_support(episode, torch.Generator().manual_seed(0)).support.labels
        >>> before, after = episode.support.labels.flatten(), labels.flatten()
        >>> before.equal(after), before.sort()[0].equal(after.sort()[0])
        (False, True)
    """
    support = episode.support
    together = support.weight.shape if episode.has_classes else (1, -1)
    missing = (support.weight <= 0).reshape(together)
    drawn = torch.rand(missing.shape, generator=generator).to(missing.device)
    place = missing.long().argsort(dim=1, stable=True)
    other = drawn.masked_fill(missing, 2).argsort(dim=1, stable=True)
    source = torch.empty_like(place).scatter_(1, place, other)
    labels = support.labels.reshape(*missing.shape, -1)
    dealt = labels.gather(1, source[..., None].expand_as(labels)).view_as(support.labels)
    return replace(episode, support=replace(support, labels=dealt))


@torch.no_grad()
def probe(learner: Learner, episodes: Iterable[Episode], seed: int = 0) -> MemorisationProbe:
    """Judge a learner on tasks as they are, and on the same tasks with a shuffled support (memorisation probe).

    A learner that has its training tasks by heart does as well with either. On tasks of classes with one shot, labels
    dealt out anew are right by chance, one in `ways`.

    Args:
        learner: put into evaluation mode meanwhile; the tasks are moved to where its weights are.
        episodes: batches of tasks, of classes or of targets; uint8 images are scaled to 0..1.
        seed: of the shuffling.

    Raises:
        InputError: if there are no tasks.

    Example:
        >>> from manyshot.learners import Prototypes
        >>> from manyshot.tasks import EpisodeSampler, Source
        >>> dark, light = torch.zeros(9, 1, 4, 4, dtype=torch.uint8), torch.full((9, 1, 4, 4), 255, dtype=torch.uint8)
        >>> source = Source.of(torch.cat([dark, light]), labels=["dark"] * 9 + ["light"] * 9)
        >>> found = probe(Prototypes(torch.nn.Flatten()), [EpisodeSampler(source, ways=2, queries=5).batch(0, 200)])
        >>> float(found.true.mean()), 0.4 < found.gap < 0.6
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
    return MemorisationProbe(measure, np.concatenate(true), np.concatenate(shuffled))


def probe_evaluated(
    found: Evaluation,
    learner: Learner,
    sampler: EpisodeSampler,
    plan: Plan | None = None,
    seed: int = 0,
    device: str | None = None,
) -> MemorisationProbe:
    """Judge a learner anew, on the tasks of an evaluation with a shuffled support, and as it was judged there.

    Args:
        found: from `evaluate_tasks` with the same arguments.
        learner: see there.
        sampler: see there.
        plan: augmentation at use time; it acts on the shuffled support.
        seed: of the shuffling and of the plan's draws.
        device: see there.

    Example:
        >>> from manyshot.learners import Prototypes
        >>> from manyshot.tasks import Source
        >>> from manyshot.training import evaluate_tasks
        >>> source = Source.of(torch.rand(80, 6), [f"class {i % 4}" for i in range(80)])
        >>> learner, sampler = Prototypes(torch.nn.Flatten()), EpisodeSampler(source, ways=3)
        >>> found = evaluate_tasks(learner, sampler, 20)
        >>> bool((probe_evaluated(found, learner, sampler).true == found.accuracy).all())
        True
    """
    batches = enumerate(sampler.batches(len(found.accuracy), BATCH))
    shuffled = (shuffled_support(episode, generator(seed, "shuffled support", n)) for n, episode in batches)
    return MemorisationProbe("accuracy", found.accuracy, evaluate(learner, shuffled, plan, seed, device).accuracy)


def _scores(learner: Learner, episode: Episode) -> NDArray[np.float64]:
    """`[T]` accuracy, or squared error where labels are targets."""
    query = episode.query
    if episode.has_classes:
        answer = learner.adapt(episode.support)(query.items, query.weight).argmax(-1)
        each = (answer == query.class_ids).to(query.weight)
    else:
        each = learner.query_losses(episode)
    found: NDArray[np.float64] = weighted_mean(each, query.weight).cpu().double().numpy()
    return found
