"""Diagnosis of a trained augmenter on tasks that it was not trained on."""

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
from manyshot.meta_augment import LearnedAugmenter, augmenter_metrics
from manyshot.meta_augment.augmenter_diagnosis import Diagnosis, PolicyChoices
from manyshot.meta_augment.augmenter_run import AugmenterRun
from manyshot.meta_augment.equal_noise import EqualNoise
from manyshot.meta_augment.policy.op_policy import OpPolicy
from manyshot.nets import evaluation_mode
from manyshot.sample_metrics import kernel_distance
from manyshot.tasks import Episode, EpisodeSampler, Examples, Source
from manyshot.training.class_texts import add_vectors_for, describe_classes
from manyshot.training.evaluate import evaluate_tasks
from manyshot.training.seed_intervals import Difference, paired_difference
from manyshot.training.splits import load_sources

MEASURED_TASKS = 20
"""Number of tasks whose generated examples are measured; accuracies are evaluated on more."""
QUERIES, SHOTS = 10, (1, 5)
MIN_QUERIES = 2
"""Smallest number of real examples of a class that its variance can be estimated from."""


@dataclass(frozen=True, eq=False)
class SwappedContext:
    """An augmenter that is conditioned on another task of the batch.

    Args:
        augmenter: Augmenter to wrap.
    """

    augmenter: LearnedAugmenter

    @property
    def space(self) -> str:
        """Space of the augmenter."""
        return self.augmenter.space

    @property
    def reads(self) -> str | None:
        """Encoder of what is said of classes that the augmenter needs."""
        return self.augmenter.reads

    @property
    def speaks(self) -> tuple[str, int] | None:
        """Language and voices that say the names of classes for the augmenter."""
        return self.augmenter.speaks

    def make(self, support: Examples, copies: int, generator: Generator) -> Examples:
        """Generate examples from a support, in the context of the next task's support."""
        return self.augmenter.make(support, copies, generator, context=augmenter_metrics.of_next_task(support))


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
    """Measure generated examples, and the accuracy with and without them, and with another task's context.

    Distances are between features of the learner's encoder, or between pixels if the learner adapts its encoder.

    Args:
        learner: Learner that the augmenter was trained for.
        augmenter: Trained augmenter.
        source: Source of classes that neither was trained on, of examples whatever the augmenter's space.
        ways: Number of classes per task.
        shots: Numbers of shots to evaluate at; the examples are measured at the smallest.
        queries: Number of query examples per class, at least 2.
        copies: Number of generated examples per support example, at least 2.
        tasks: Number of tasks to evaluate on.
        seed: Seed of the tasks and draws.
        control: Another augmenter to evaluate on the same tasks.

    Raises:
        InputError: If the source has too few classes or examples, or the augmenter does not fit the learner.
    """
    plan, parts = Plan(f"shots: {copies} x learned"), learner.on_features()
    source = add_vectors_for(source, augmenter, None if parts is None else parts[0])

    def accuracy(evaluated: Augmenter | None, k: int) -> NDArray[np.float64]:
        """Accuracy on each task `[1, tasks]`, as one seed of a comparison."""
        sampler = EpisodeSampler(source, ways, k, queries, seed=seed)
        test_plan = Plan() if evaluated is None else plan.with_augmenter(evaluated)
        return evaluate_tasks(learner, sampler, tasks, test_plan, seed, title="diagnose").accuracy[None]

    def gains(learned: Mapping[int, NDArray[np.float64]]) -> dict[int, Difference]:
        return {k: paired_difference(learned[k], plain[k]) for k in plain}

    fewest = min(shots)
    plain, learned = ({k: accuracy(evaluated, k) for k in sorted(shots)} for evaluated in (None, augmenter))
    swapped = accuracy(SwappedContext(augmenter), fewest)
    episode = EpisodeSampler(source, ways, fewest, queries, seed=seed).batch(0, MEASURED_TASKS).as_float()
    return Diagnosis(
        **_measures(learner, augmenter, episode, copies, seed),
        gains=gains(learned),
        swap=paired_difference(learned[fewest], swapped),
        control=None if control is None else gains({k: accuracy(control, k) for k in plain}),
        choices=_choices(augmenter, episode.support),
    )


def diagnose_run(run: AugmenterRun, tasks: int = 40) -> tuple[Diagnosis, Source] | None:
    """Diagnose an augmenter on the test classes of its learner's run, or on the validation classes if there are none.

    An augmenter of features is compared with noise that changes each example as far in a random direction.

    Args:
        run: Run of the augmenter.
        tasks: Number of tasks to evaluate on.

    Returns:
        The diagnosis and its source, or None if there are too few such classes or examples.
    """
    sources = load_sources(run.run.config)
    source = sources.test or sources.validation
    if source is None or len(source.class_names) < 2:
        return None
    source = source if run.config.about is None else describe_classes(source, run.config.about)
    most = run.config.ways if isinstance(run.config.ways, int) else run.config.ways[1]
    fewest = int(source.counts.min())
    if fewest < 1 + MIN_QUERIES:
        return None
    queries = min(QUERIES, max(MIN_QUERIES, fewest - max(SHOTS)))
    diagnosis = diagnose(
        run.learner,
        run.augmenter,
        source,
        ways=min(most, len(source.class_names)),
        shots=[k for k in SHOTS if k <= fewest - queries],
        queries=queries,
        copies=max(2, run.config.copies),
        tasks=tasks,
        seed=run.config.fit.seed,
        control=EqualNoise(run.augmenter).eval() if run.augmenter.space == "features" else None,
    )
    return diagnosis, source


def _measures(
    learner: Learner, augmenter: LearnedAugmenter, episode: Episode, copies: int, seed: int
) -> dict[str, Any]:
    """Metrics of generated and real examples, averaged over tasks."""
    try:
        encoder, _ = split_learner("features", learner)
    except InputError:  # no fixed features: distances are between pixels
        encoder = nn.Flatten()
    weight = next(iter(learner.parameters()), torch.zeros(()))
    episode = episode.to(weight.device)

    def encode(examples: Examples) -> Tensor:
        with evaluation_mode(encoder):
            features: Tensor = by_task(encoder, examples.items, examples.weight)
            return features

    support, query = episode.support, episode.query
    z, q = encode(support), encode(query)
    if augmenter.space == "features":
        generated = augmenter.make(replace(support, items=z), copies, generator(seed, "diagnose"))
        m = generated.items
    else:
        generated = augmenter.make(support, copies, generator(seed, "diagnose"))
        m = encode(generated)
    real = augmenter_metrics.within_class_variance(q, query)
    std = q.flatten(0, 1).std(0).clamp(min=1e-6)
    # Tasks share examples, and each may occur in the sample only once.
    real_items = (q / std).flatten(0, 1)[first_occurrences(query.items)]
    return {
        "displacement": _mean(augmenter_metrics.displacement(m, z, generated, real)),
        "variance": _mean(augmenter_metrics.within_class_variance(m, generated) / real),
        "noise": _mean_or_none(augmenter_metrics.noise_fraction(m, z, generated)),
        "neighbors": _mean(augmenter_metrics.own_class_neighbor_fraction(m, generated, q, query)),
        "real_neighbors": _mean(augmenter_metrics.own_class_neighbor_fraction(z, support, q, query)),
        "kernel": kernel_distance(real_items, (m / std).flatten(0, 1)),
        "real_kernel": kernel_distance(real_items[::2], real_items[1::2]),
    }


def first_occurrences(items: Tensor | list[list[str]]) -> Tensor:
    """Indices `[k]` of the distinct examples of T tasks, each where it occurs first.

    Args:
        items: Examples `[T, n, ...]`, or T lists of n sentences.

    Example:
        >>> first_occurrences(torch.tensor([[[2.0], [1.0]], [[2.0], [3.0]]])).tolist()
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
    probabilities = augmenter.settings(support)[0].sigmoid()[support.class_mask]
    mean, std = probabilities.mean(0).tolist(), probabilities.std(0, correction=0).tolist()
    return PolicyChoices(
        dict(zip(augmenter.ops, mean, strict=True)),
        dict(zip(augmenter.ops, std, strict=True)),
        float(augmenter_metrics.policy_entropy(probabilities).mean()),
    )


def _mean(values: Tensor) -> float:
    return float(np.nanmean(values.cpu().double().numpy()))


def _mean_or_none(values: Tensor) -> float | None:
    return None if bool(values.isnan().all()) else _mean(values)
