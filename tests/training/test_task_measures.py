import numpy as np
import pytest
import sklearn.metrics as skl
import torch

from manyshot.base import InputError
from manyshot.learners import Prototypes
from manyshot.tasks import EpisodeSampler, Source
from manyshot.training import evaluate_tasks
from manyshot.training.task_measures import MEASURES, QueryPredictions, score_tasks, sensitivity, threshold_of


def answers(tasks=12, queries=30, ways=3, seed=0):
    """Predictions of a fair learner; the last queries of every second task are padding, and classes are unbalanced."""
    rng = np.random.default_rng(seed)
    classes = rng.choice(ways, size=(tasks, queries), p=[0.6, 0.25, 0.15])
    classes[:, :ways] = np.arange(ways)
    logits = rng.normal(size=(tasks, queries, ways)) + 1.5 * np.eye(ways)[classes]
    classes[::2, -4:] = -1
    odds = np.exp(logits)
    return QueryPredictions((odds / odds.sum(-1, keepdims=True)).astype(np.float32), classes)


ORACLES = {
    "accuracy": lambda y, p: skl.accuracy_score(y, p.argmax(1)),
    "balanced-accuracy": lambda y, p: skl.balanced_accuracy_score(y, p.argmax(1)),
    "auroc": lambda y, p: skl.roc_auc_score(y, p / p.sum(1, keepdims=True), multi_class="ovr"),
    "average-precision": lambda y, p: skl.average_precision_score(np.eye(3)[y], p),
    "brier": lambda y, p: ((p - np.eye(3)[y]) ** 2).sum(1).mean(),
}


@pytest.mark.parametrize("metric", MEASURES)
def test_each_task_has_the_measure_of_scikit_learn(metric):
    given = answers()
    found = score_tasks(given, metric)
    for task, (probabilities, classes) in enumerate(zip(given.probabilities, given.class_ids, strict=True)):
        real = classes >= 0
        expected = ORACLES[metric](classes[real], probabilities[real].astype(float))
        assert found.values[task] == pytest.approx(expected, abs=1e-6)
    assert np.abs(found.influence.sum(1)).max() < 1e-9
    assert (found.influence[given.class_ids < 0] == 0).all()


def test_a_threshold_keeps_its_specificity_on_other_tasks_and_finds_what_it_says():
    threshold = threshold_of(answers(200, seed=1), 0.9)
    given = answers(200, seed=2)
    real = given.class_ids >= 0
    others = real[..., None] & (np.arange(3) != given.class_ids[..., None])
    assert (given.probabilities[others] <= threshold).mean() == pytest.approx(0.9, abs=0.02)
    task = 3
    rows = real[task]
    called = given.probabilities[task, rows] > threshold
    classes = given.class_ids[task, rows]
    expected = np.mean([called[classes == c, c].mean() for c in range(3)])
    assert sensitivity(given, threshold).values[task] == pytest.approx(expected)


def two_kinds(people=None, noise=1.0):
    random = torch.Generator().manual_seed(0)
    labels = torch.arange(120) % 2
    items = labels[:, None] * 1.0 + noise * torch.randn(120, 4, generator=random)
    return Source.of(items, [f"kind {i}" for i in labels.tolist()], authors=people)


def test_an_evaluation_has_all_measures_with_intervals_over_examples_or_patients():
    learner = Prototypes(torch.nn.Identity())
    for people, unit in ((None, "examples"), ([i // 4 for i in range(120)], "authors")):
        sampler = EpisodeSampler(two_kinds(people), ways=2, shots=2, queries=8, disjoint_authors=people is not None)
        found = evaluate_tasks(learner, sampler, 60)
        assert found.shared.unit == unit
        told = found.as_dict()
        accuracy = found.score("accuracy")
        assert accuracy.value == pytest.approx(found.mean)
        assert (accuracy.low, accuracy.high) == pytest.approx(found.interval)
        for name, one in told["measures"].items():
            low, high = one["interval"]
            assert 0 <= low < one["value"] < high <= MEASURES[name].most
        assert found.by_task("auroc").mean() > found.mean  # ranking is easier than deciding, with balanced classes


def test_an_interval_of_the_area_covers_that_of_many_examples():
    """Tasks of few examples: their means vary as the interval says."""
    learner, many = Prototypes(torch.nn.Identity()), []
    sources = [two_kinds() for _ in range(1)]
    sampler = EpisodeSampler(sources[0], ways=2, shots=2, queries=8)
    wide = evaluate_tasks(learner, sampler, 200).score("auroc")
    rng = np.random.default_rng(0)
    for draw in range(20):
        labels = rng.integers(2, size=120)
        labels[:40] = np.arange(40) % 2
        items = torch.from_numpy(labels[:, None] + rng.normal(size=(120, 4))).float()
        source = Source.of(items, [f"kind {i}" for i in labels.tolist()])
        many.append(
            evaluate_tasks(learner, EpisodeSampler(source, ways=2, shots=2, queries=8), 200, seed=draw)
            .by_task("auroc")
            .mean()
        )
    spread = 2 * 1.96 * np.std(many)
    assert 0.5 * spread < wide.high - wide.low < 2.5 * spread


def test_an_unknown_metric_is_one_line():
    with pytest.raises(InputError, match="did you mean 'auroc'"):
        score_tasks(answers(), "auc")
