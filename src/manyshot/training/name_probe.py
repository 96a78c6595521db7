"""Whether names of classes help because of what they say: the same tasks with another class's, and with one for all."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import torch
from numpy import float64
from numpy.typing import NDArray

from manyshot.augment import Plan
from manyshot.base import InputError
from manyshot.learners import Learner
from manyshot.tasks import Episode, EpisodeSampler
from manyshot.training.evaluate import BATCH, evaluate, told
from manyshot.training.evaluation_result import Evaluation
from manyshot.training.seed_intervals import mean_interval


@dataclass(frozen=True, eq=False)
class NameProbe:
    """Accuracy on the same tasks with different things said of their classes.

    Args:
        own: `[tasks]` accuracy where each class is named as it is.
        others: `[tasks]` accuracy where each class is named as another class of its task.
        same: `[tasks]` accuracy where all classes of a task have the same name: the mean of their vectors.
    """

    own: NDArray[float64]
    others: NDArray[float64]
    same: NDArray[float64]

    @property
    def lost(self) -> dict[str, NDArray[float64]]:
        """Accuracy that is lost on each task, by what is said of its classes instead."""
        return {"another class's name": self.own - self.others, "one name for all": self.own - self.same}

    def as_dict(self) -> dict[str, Any]:
        """The results for JSON, with 95 % intervals over tasks."""
        accuracies = {"own": self.own, "others": self.others, "same": self.same}
        return {
            "accuracy": {name: float(values.mean()) for name, values in accuracies.items()},
            "lost": {
                what: {"mean": float(lost.mean()), "interval": list(mean_interval(lost))}
                for what, lost in self.lost.items()
            },
        }


def names_of_others(episode: Episode) -> Episode:
    """Tasks in which each class is named as the next class of its task, and the last as the first.

    Args:
        episode: Tasks in which vectors are said of classes.

    Raises:
        InputError: If nothing is said of their classes.

    Example:
        >>> from manyshot.tasks import Examples
        >>> side = Examples.of(torch.zeros(1, 3, 2), torch.arange(3))
        >>> support = replace(side, about=torch.tensor([[[1.0], [2.0], [3.0]]]))
        >>> names_of_others(Episode(support, side, torch.arange(3)[None])).support.about.flatten().tolist()
        [2.0, 3.0, 1.0]
    """
    about, present = _about(episode)
    # Classes that pad a task stand behind the others.
    ways = present.sum(1, keepdim=True)
    place = torch.arange(present.shape[1], device=present.device).expand_as(present)
    following = torch.where(present, (place + 1) % ways.clamp(min=1), place)
    return replace(episode, support=replace(episode.support, about=about.take_along_dim(following[..., None], 1)))


def one_name_for_all(episode: Episode) -> Episode:
    """Tasks in which the mean of their classes' vectors is said of each class.

    Args:
        episode: Tasks in which vectors are said of classes.

    Raises:
        InputError: If nothing is said of their classes.
    """
    about, present = _about(episode)
    mean = (about * present[..., None]).sum(1, keepdim=True) / present.sum(1)[:, None, None].clamp(min=1)
    return replace(episode, support=replace(episode.support, about=mean * present[..., None]))


def _about(episode: Episode) -> tuple[torch.Tensor, torch.Tensor]:
    support = episode.support
    if support.about is None:
        raise InputError("these classes have no vectors; draw tasks from add_class_vectors(source, 'minilm')")
    return support.about, support.class_mask


def probe_names(
    evaluation: Evaluation,
    learner: Learner,
    sampler: EpisodeSampler,
    plan: Plan,
    seed: int = 0,
    device: str | None = None,
) -> NameProbe:
    """Evaluate the tasks of an evaluation again, with names of other classes, and with one name for all.

    Args:
        evaluation: What `evaluate_tasks` returned for the same arguments.
        learner: Learner of the evaluation.
        sampler: Sampler of its tasks.
        plan: Plan whose augmenter reads what is said of classes.
        seed: Seed of the plan's draws.
        device: Device to compute on; the device of the learner's weights if None.

    Raises:
        InputError: If the plan's augmenter does not read what is said of classes.
    """
    if getattr(plan.augmenter, "reads", None) is None and getattr(plan.augmenter, "speaks", None) is None:
        raise InputError(f"plan: '{plan}' reads no names of classes, so that others would change nothing")
    sampler = told(sampler, plan, learner)

    def batches() -> Iterator[Episode]:
        return sampler.batches(len(evaluation.accuracy), BATCH)

    others = evaluate(learner, map(names_of_others, batches()), plan, seed, device)
    same = evaluate(learner, map(one_name_for_all, batches()), plan, seed, device)
    return NameProbe(evaluation.accuracy, others.accuracy, same.accuracy)
