"""Evaluation of a learner on tasks: accuracy, accuracy per class, and calibration."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from manyshot.augment import Plan, pool_variants
from manyshot.augment.parts import Drop, SwapWithinClass
from manyshot.augment.plan.placements import ItemPlacement
from manyshot.base import InputError, track
from manyshot.base.seeds import generator
from manyshot.learners import Learner, by_task, queries_see_each_other, split_learner
from manyshot.nets import evaluation_mode
from manyshot.runtime.device import require_device
from manyshot.tasks import Episode, EpisodeSampler, Parts, Source
from manyshot.training.class_texts import add_vectors_for
from manyshot.training.encode_source import encode, remember
from manyshot.training.evaluation_result import Drawn, Evaluation
from manyshot.training.example_overlap_interval import measure_shared_examples
from manyshot.training.task_measures import QueryPredictions

BINS = 15
BATCH = 10


@torch.no_grad()
def evaluate(
    learner: Learner, episodes: Iterable[Episode], plan: Plan | None = None, seed: int = 0, device: str | None = None
) -> Evaluation:
    """Adapt a learner to the support of each task, and evaluate it on the queries.

    Args:
        learner: Learner to evaluate; it and the plan's augmenter are in evaluation mode meanwhile.
        episodes: Batches of tasks, such as `[sampler.batch(0, 600)]`; uint8 images are scaled to 0..1.
        plan: Augmentation at test time; log-probabilities are averaged over the variants of a query.
        seed: Seed of the plan's draws.
        device: Device to compute on, where the learner then stays; the device of its weights if None.

    Raises:
        InputError: If there are no tasks, the plan cannot be used at test time (see `Plan.check_test_time`), its
            augmenter is incompatible with the learner or the rest of the plan, or this machine has no such device.

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
    plan.check_test_time()
    device, transductive = _move(learner, device), queries_see_each_other(learner)
    whole = learner
    encoder, learner = _for_augmenter(learner, plan)
    accuracy, classes, right, confidence, weight, said, truth = [], [], [], [], [], [], []
    for number, episode in enumerate(episodes):
        clean = episode.to(device)
        with evaluation_mode(whole, learner, encoder, plan.augmenter):
            clean = clean if encoder is None else _encoded(encoder, clean.as_float())
            changed = plan.apply(clean, generator(seed, "evaluate", number))
            logits = learner.adapt(changed.support)(changed.query.items, changed.query.weight)
        logits = pool_variants(logits, plan.query_copies)
        # NaN, from weights that have exploded, counts as wrong and as no confidence.
        probabilities = logits.softmax(-1).nan_to_num(0)
        probability, answer = probabilities.max(-1)
        hit = ((answer == clean.query.class_ids) & (probability > 0)).double()
        real = clean.query.weight.double()
        accuracy.append((hit * real).sum(-1) / real.sum(-1))
        classes.append(clean.classes.gather(1, clean.query.class_ids))
        right.append(hit)
        confidence.append(probability.double())
        weight.append(real)
        said.append(probabilities)
        truth.append(clean.query.class_ids.masked_fill(real <= 0, -1))
    if not weight:
        raise InputError("no tasks to evaluate on; give at least 1")
    weights = _flat(weight)
    return Evaluation(
        _flat(accuracy),
        _per_class(_flat(classes), _flat(right), weights),
        *_calibration(_flat(right), _flat(confidence), weights),
        transductive,
        _padded(right, weight),
        answers=_joined(said, truth),
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
    """Evaluate a learner on consecutive tasks of a sampler; the interval is over the examples that they use.

    Each example is encoded only once (see `encode`) if neither the plan nor the adaptation of the learner changes its
    features.

    Args:
        learner: Learner to evaluate.
        sampler: Sampler of the tasks.
        tasks: Number of tasks.
        plan: Augmentation at test time.
        seed: Seed of the plan's draws.
        device: Device to compute on, where the learner then stays; the device of its weights if None.
        title: Title of a progress bar; None shows none.
        first: Index of the first task.

    Raises:
        InputError: As `evaluate`.
    """
    plan, device, source = plan or Plan(), _move(learner, device), sampler.source
    sampler = told(sampler, plan, learner)
    parts = learner.on_features()
    drawn = tasks * sampler.examples_per_task
    mixes_vectors = source.is_text and not plan.needs_augmenter and plan.takes("features")
    fixed = not plan.placements or _makes_features(plan) or mixes_vectors or _leaves_parts(plan, source)
    if parts is not None and fixed and len(sampler.source) <= drawn:
        encoder, learner = parts
        sampler = replace(sampler, source=encode(encoder, sampler.source, device))
    elif len(sampler.source) <= drawn:
        remember(learner, sampler.source, device)
    batches: Iterable[Episode] = sampler.batches(tasks, BATCH, first)
    if title is not None:
        batches = track(batches, title, -(-tasks // BATCH))
    result = evaluate(learner, batches, plan, seed, device)
    used = sampler.indices(first, tasks)
    query, support = (part.reshape(tasks, -1) for part in (used.query, used.support))
    assert result.correct is not None
    authors = source.authors_of_rows if sampler.disjoint_authors else None
    shared = measure_shared_examples(result.correct, query, support, source.labels, authors)
    return replace(result, shared=shared, drawn=Drawn(query, support, source.labels, authors))


def told(sampler: EpisodeSampler, plan: Plan, learner: Learner) -> EpisodeSampler:
    """The sampler, with vectors of what is said of its classes if the plan's augmenter reads them.

    Args:
        sampler: Sampler of tasks.
        plan: Augmentation of the tasks.
        learner: Learner, whose encoder hears spoken names.

    Example:
        >>> from manyshot.learners import Prototypes
        >>> sampler = EpisodeSampler(Source.of(torch.rand(40, 6), [i % 4 for i in range(40)]), ways=2, queries=2)
        >>> told(sampler, Plan(), Prototypes(nn.Flatten())) is sampler
        True
    """
    parts = learner.on_features()
    source = add_vectors_for(sampler.source, plan.augmenter, None if parts is None else parts[0])
    return sampler if source is sampler.source else replace(sampler, source=source)


def _makes_features(plan: Plan) -> bool:
    return plan.augmenter is not None and plan.augmenter.space == "features"


def _leaves_parts(plan: Plan, source: Source) -> bool:
    """Whether the plan only leaves out or exchanges parts, so that they may be encoded before."""
    placements = plan.placements.values()
    return isinstance(source.store, Parts) and all(
        isinstance(placement, ItemPlacement)
        and all(isinstance(op, Drop) for op in placement.op.ops)
        and all(isinstance(mix, SwapWithinClass) for mix in placement.mixes)
        for placement in placements
    )


def _for_augmenter(learner: Learner, plan: Plan) -> tuple[nn.Module | None, Learner]:
    """The encoder of examples for the plan's augmenter, if it takes features, and the learner of the augmented ones."""
    if isinstance(plan.augmenter, nn.Module):
        plan.augmenter.to(next((parameter.device for parameter in learner.parameters()), torch.device("cpu")))
    if not _makes_features(plan):
        return None, learner
    if [*plan.placements] != ["shots"]:
        raise InputError(
            f"plan: '{plan}': its augmenter generates features, which other ops cannot change; leave only its shots"
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


def _move(learner: Learner, device: str | None) -> str:
    """Move the learner to the device, if one is given, and return the device of its weights."""
    if device is not None:
        learner.to(require_device(device))
        return device
    return next((str(parameter.device) for parameter in learner.parameters()), "cpu")


def _flat(batches: list[Tensor]) -> NDArray[Any]:
    return torch.cat([batch.flatten() for batch in batches]).cpu().numpy()


def _padded(right: list[Tensor], weight: list[Tensor]) -> NDArray[np.float64]:
    """`[tasks, queries]` right answers; NaN for padding, which makes tasks of all batches equally long."""
    longest = max(batch.shape[1] for batch in right)
    rows = [hit.masked_fill(real <= 0, torch.nan) for hit, real in zip(right, weight, strict=True)]
    padded = [F.pad(row, (0, longest - row.shape[1]), value=torch.nan) for row in rows]
    return torch.cat(padded).cpu().numpy()


def _joined(said: list[Tensor], truth: list[Tensor]) -> QueryPredictions:
    """The answers of all batches, as long and with as many classes as the longest."""
    queries, ways = (max(batch.shape[axis] for batch in said) for axis in (1, 2))
    padded = [F.pad(p, (0, ways - p.shape[2], 0, queries - p.shape[1])) for p in said]
    classes = [F.pad(c, (0, queries - c.shape[1]), value=-1) for c in truth]
    return QueryPredictions(torch.cat(padded).float().cpu().numpy(), torch.cat(classes).cpu().numpy())


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
    mean_confidence = np.bincount(bins, weight * confidence, minlength=BINS) / safe
    accuracy = np.bincount(bins, weight * right, minlength=BINS) / safe
    fraction = mass / mass.sum()
    error = float((fraction * abs(mean_confidence - accuracy)).sum())
    return error, np.stack([fraction, mean_confidence, accuracy], 1)
