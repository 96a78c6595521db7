"""How well a learner does on tasks it has not seen."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from manyshot.augment import Plan, pool_variants
from manyshot.augment.ops.kinds import require_kind
from manyshot.augment.plan.placements import ItemPlacement
from manyshot.base import InputError, track
from manyshot.base.seeds import generator
from manyshot.learners import Learner, by_task, queries_see_each_other, split_learner
from manyshot.nets import evaluation_mode
from manyshot.runtime.device import require_device
from manyshot.tasks import Episode, EpisodeSampler, Source
from manyshot.training.feature_cache import encode, remember
from manyshot.training.statistics import mean_interval

BINS = 15
BATCH = 10


@dataclass(frozen=True, eq=False)
class Evaluation:
    """Results over tasks.

    Args:
        accuracy: `[tasks]` share of a task's queries that were classified right.
        per_class: accuracy of each class of the source, by its number.
        calibration_error: mean gap between confidence and accuracy (expected calibration error, 15 equal bins).
        reliability: `[bins, 3]` of each confidence bin: share of the queries, mean confidence, accuracy.
        transductive: whether the learner let queries of a task see each other.
    """

    accuracy: NDArray[np.float64]
    per_class: dict[int, float]
    calibration_error: float
    reliability: NDArray[np.float64]
    transductive: bool = False

    @property
    def mean(self) -> float:
        """Accuracy over all tasks."""
        return float(self.accuracy.mean())

    @property
    def interval(self) -> tuple[float, float]:
        """95 % interval of the mean over tasks, within 0 to 1."""
        return mean_interval(self.accuracy, 0, 1)

    def task_rows(self, **before: str | int) -> list[dict[str, str | int | float]]:
        """A row for each task, for `write_task_csv`: its number and accuracy.

        Args:
            before: Columns that stand before them with the same value in each row, such as the name of an arm.

        Example:
            >>> Evaluation(np.array([0.5, 1.0]), {}, 0.0, np.zeros((15, 3))).task_rows(arm="none")
            [{'arm': 'none', 'task': 0, 'accuracy': 0.5}, {'arm': 'none', 'task': 1, 'accuracy': 1.0}]
        """
        return [{**before, "task": task, "accuracy": float(one)} for task, one in enumerate(self.accuracy)]

    def as_dict(self, class_names: tuple[str, ...] = ()) -> dict[str, Any]:
        """For JSON; classes by name where names are given."""
        names = dict(enumerate(class_names))
        return {
            "accuracy": self.mean,
            "interval": list(self.interval),
            "interval_over": "tasks",
            "error": 1 - self.mean,
            "tasks": len(self.accuracy),
            "transductive": self.transductive,
            "calibration_error": self.calibration_error,
            "per_class": {names.get(c, str(c)): a for c, a in self.per_class.items()},
        }


@torch.no_grad()
def evaluate(
    learner: Learner, episodes: Iterable[Episode], plan: Plan | None = None, seed: int = 0, device: str | None = None
) -> Evaluation:
    """Adapt to each task's support and judge on its query.

    Args:
        learner: put into evaluation mode meanwhile, as is the plan's augmenter.
        episodes: batches of tasks, such as `[sampler.batch(0, 600)]`; uint8 images are scaled to 0..1.
        plan: augmentation at use time; log-probabilities are averaged over a query's variants.
        seed: of the plan's draws.
        device: where to compute, and where the learner then stays; where its weights are if None.

    Raises:
        InputError: if there are no tasks, the plan cannot act at use time (see `Plan.check_use`), its augmenter does
            not go with the learner or the rest of the plan, or this machine has no such device.

    Example:
        >>> from manyshot.learners import Prototypes
        >>> from manyshot.tasks import EpisodeSampler, Source
        >>> dark, light = torch.zeros(9, 1, 4, 4, dtype=torch.uint8), torch.full((9, 1, 4, 4), 255, dtype=torch.uint8)
        >>> source = Source.of(torch.cat([dark, light]), labels=["dark"] * 9 + ["light"] * 9)
        >>> sampler = EpisodeSampler(source, ways=2, shots=1, queries=5)
        >>> evaluate(Prototypes(torch.nn.Flatten()), [sampler.batch(0, 20)]).mean
        1.0
    """
    plan = plan or Plan()
    plan.check_use()
    device, leaks = _placed(learner, device), queries_see_each_other(learner)
    whole = learner
    encoder, learner = _for_augmenter(learner, plan)
    accuracy, classes, right, confidence, weight = [], [], [], [], []
    for number, episode in enumerate(episodes):
        clean = episode.to(device)
        with evaluation_mode(whole, learner, encoder, plan.augmenter):
            clean = clean if encoder is None else _encoded(encoder, clean.as_float())
            changed = plan.apply(clean, generator(seed, "evaluate", number))
            said = learner.adapt(changed.support)(changed.query.items, changed.query.weight)
        logits = pool_variants(said, plan.query_copies)
        # An answer that is not a number, from weights that have exploded, is wrong and of no confidence.
        chance, answer = logits.softmax(-1).nan_to_num(0).max(-1)
        hit = ((answer == clean.query.class_ids) & (chance > 0)).double()
        real = clean.query.weight.double()
        accuracy.append((hit * real).sum(-1) / real.sum(-1))
        classes.append(clean.classes.gather(1, clean.query.class_ids))
        right.append(hit)
        confidence.append(chance.double())
        weight.append(real)
    if not weight:
        raise InputError("no tasks to evaluate on; give at least 1")
    share = _flat(weight)
    return Evaluation(
        _flat(accuracy),
        _per_class(_flat(classes), _flat(right), share),
        *_calibration(_flat(right), _flat(confidence), share),
        leaks,
    )


def evaluate_tasks(
    learner: Learner,
    sampler: EpisodeSampler,
    tasks: int,
    plan: Plan | None = None,
    seed: int = 0,
    device: str | None = None,
    title: str | None = None,
    first: int = 0,
) -> Evaluation:
    """Judge a learner on tasks 0 to `tasks - 1` of a sampler, or on as many from another one on.

    Where neither the plan nor the learner changes what an item's features are, each item is encoded once, see `encode`;
    an augmenter of features makes its shots of those, and sentences are mixed by them.

    Args:
        learner: see `evaluate`; so are plan, seed and device.
        sampler: of the tasks.
        tasks: how many.
        plan: see there.
        seed: see there.
        device: see there.
        title: of a progress bar, if one is wanted.
        first: the first task's number.
    """
    plan, device = plan or Plan(), _placed(learner, device)
    parts = learner.on_features()
    drawn = tasks * sampler.examples_per_task
    fixed = not plan.placements or _makes_features(plan) or _changes_vectors(plan, sampler.source)
    if parts is not None and fixed and len(sampler.source) <= drawn:
        encoder, learner = parts
        sampler = replace(sampler, source=encode(encoder, sampler.source, device))
    elif len(sampler.source) <= drawn:
        remember(learner, sampler.source, device)
    batches: Iterable[Episode] = sampler.batches(tasks, BATCH, first)
    if title is not None:
        batches = track(batches, title, -(-tasks // BATCH))
    return evaluate(learner, batches, plan, seed, device)


def _makes_features(plan: Plan) -> bool:
    return plan.augmenter is not None and plan.augmenter.space == "features"


def _changes_vectors(plan: Plan, source: Source) -> bool:
    """Whether what a plan does to sentences is done to their vectors, as mixing is."""
    try:
        for placement in plan.placements.values():
            if isinstance(placement, ItemPlacement):
                require_kind(placement.op, "features")
    except InputError:
        return False
    return source.is_text and not plan.needs_augmenter


def _for_augmenter(learner: Learner, plan: Plan) -> tuple[nn.Module | None, Learner]:
    """What encodes items for the plan's augmenter, if anything has to, and the learner of what it makes."""
    if isinstance(plan.augmenter, nn.Module):
        plan.augmenter.to(next((parameter.device for parameter in learner.parameters()), torch.device("cpu")))
    if not _makes_features(plan):
        return None, learner
    if [*plan.placements] != ["shots"]:
        raise InputError(
            f"plan: '{plan}': its augmenter makes features, which have no pixels to change; leave all but the shots out"
        )
    try:
        encoder, head = split_learner("features", learner)
    except InputError as error:
        raise InputError(f"plan: '{plan}': {error}") from None
    return (None if isinstance(encoder, nn.Identity) else encoder), head


def _encoded(encoder: nn.Module, episode: Episode) -> Episode:
    support, query = (
        replace(side, items=by_task(encoder, side.items, side.weight)) for side in (episode.support, episode.query)
    )
    return replace(episode, support=support, query=query)


def _placed(learner: Learner, device: str | None) -> str:
    """Move the learner to the device, if one is asked for; returns where it is."""
    if device is not None:
        learner.to(require_device(device))
        return device
    return next((str(parameter.device) for parameter in learner.parameters()), "cpu")


def _flat(batches: list[Tensor]) -> NDArray[Any]:
    return torch.cat([batch.flatten() for batch in batches]).cpu().numpy()


def _per_class(classes: NDArray[np.int64], right: NDArray[np.float64], weight: NDArray[np.float64]) -> dict[int, float]:
    classes, right, weight = classes[weight > 0], right[weight > 0], weight[weight > 0]
    hits, totals = np.bincount(classes, right * weight), np.bincount(classes, weight)
    return {int(c): float(hits[c] / totals[c]) for c in np.flatnonzero(totals)}


def _calibration(
    right: NDArray[np.float64], confidence: NDArray[np.float64], weight: NDArray[np.float64]
) -> tuple[float, NDArray[np.float64]]:
    bins = np.minimum((confidence * BINS).astype(int), BINS - 1)
    mass = np.bincount(bins, weight, minlength=BINS)
    safe = np.maximum(mass, 1e-12)
    sure = np.bincount(bins, weight * confidence, minlength=BINS) / safe
    hit = np.bincount(bins, weight * right, minlength=BINS) / safe
    share = mass / mass.sum()
    return float((share * abs(sure - hit)).sum()), np.stack([share, sure, hit], 1)
