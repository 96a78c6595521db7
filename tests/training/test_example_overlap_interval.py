import math

import numpy as np
import pytest
import torch
from scipy.special import stdtrit
from torch import nn

from manyshot.learners import Prototypes
from manyshot.tasks import EpisodeSampler, Source
from manyshot.training.evaluate import evaluate_tasks
from manyshot.training.example_overlap_interval import measure_shared_examples
from manyshot.training.seed_intervals import mean_interval

CENTERS = 1.5 * torch.randn(4, 4, generator=torch.Generator().manual_seed(7))


def source(per_class: int, seed: int) -> Source:
    """Examples of four overlapping classes."""
    labels = torch.arange(4).repeat_interleave(per_class)
    noise = torch.randn(len(labels), 4, generator=torch.Generator().manual_seed(seed))
    return Source.of(CENTERS[labels] + 2 * noise, labels)


def evaluated(per_class: int, seed: int, tasks: int, shots: int = 1, queries: int = 4):
    sampler = EpisodeSampler(source(per_class, seed), 4, shots, queries, seed=seed)
    return evaluate_tasks(Prototypes(nn.Identity()), sampler, tasks)


@pytest.mark.parametrize(("shots", "queries"), [(1, 4), (3, 2)])
def test_tasks_of_few_examples_cover_the_accuracy_on_new_examples_and_those_over_tasks_do_not(shots, queries):
    truth = evaluated(5000, 99, 2000, shots, queries).mean
    by_examples = by_tasks = 0
    for seed in range(40):
        result = evaluated(5, seed, 200, shots, queries)
        by_examples += result.interval[0] <= truth <= result.interval[1]
        by_tasks += result.interval_over_tasks[0] <= truth <= result.interval_over_tasks[1]
        assert result.shared.examples == 20
        assert result.shared.uses == 200
    assert by_examples >= 36
    assert by_tasks <= 20


def test_twenty_examples_of_600_tasks_are_uncertain_by_about_as_much_as_20_answers():
    low, high = evaluated(5, 0, 600).interval
    assert 0.35 < high - low < 0.5


def test_tasks_that_share_no_example_have_an_interval_like_that_over_tasks():
    rng = np.random.default_rng(0)
    rate = rng.uniform(0.3, 0.9, 300)[:, None]
    correct = (rng.uniform(size=(300, 10)) < rate).astype(float)
    indices = np.arange(300 * 15).reshape(300, 15)
    shared = measure_shared_examples(correct, indices[:, :10], indices[:, 10:], np.arange(300 * 15) % 5)
    assert (shared.examples, shared.uses) == (4500, 1)
    assert shared.interval == pytest.approx(mean_interval(correct.mean(1)), abs=0.004)


def test_padding_is_no_example():
    correct = np.array([[1.0, 0.0, np.nan], [1.0, 1.0, 0.0]])
    query, support = np.array([[0, 1, -1], [2, 3, 4]]), np.array([[5, -1], [6, 7]])
    shared = measure_shared_examples(correct, query, support, np.zeros(8, np.int64))
    assert (shared.examples, shared.uses) == (8, 1)


def test_a_source_of_one_example_per_class_says_nothing():
    shared = measure_shared_examples(np.ones((3, 2)), np.array([[0, 1]] * 3), np.full((3, 1), -1), np.array([0, 1]))
    assert shared.interval == (0, 1)


def test_results_for_json_name_examples_and_reuse():
    result = evaluated(5, 0, 30).as_dict()
    assert result["interval_over"] == "examples"
    assert (result["examples"], result["tasks_per_example"], result["tasks"]) == (20, 30, 30)
    assert result["interval"][0] < result["interval_over_tasks"][0]


def wilson(mean: float, variance: float, freedom: int) -> tuple[float, float]:
    size = mean * (1 - mean) / variance
    z = stdtrit(freedom, 0.975)
    center = (mean + z**2 / (2 * size)) / (1 + z**2 / size)
    half = z / (1 + z**2 / size) * math.sqrt(mean * (1 - mean) / size + z**2 / (4 * size**2))
    return center - half, center + half


def test_the_variance_is_that_of_a_plain_loop_where_six_support_examples_decide():
    random = np.random.default_rng(0)
    tasks, queries = 60, 3
    support = random.integers(0, 6, (tasks, 1))
    query = 6 + np.stack([random.choice(300, queries, replace=False) for _ in range(tasks)])
    correct = (random.random((tasks, queries)) < np.where(support % 2, 0.9, 0.2)).astype(np.float64)
    labels = np.arange(306) % 2
    mean, totals, contributions = correct.mean(), [], {}
    for t in range(tasks):
        totals.append((correct[t].mean() - mean) / tasks)
        contributions.setdefault(support[t, 0], []).append(totals[t])
        for q in range(queries):
            contributions.setdefault(query[t, q], []).append((correct[t, q] - mean) / queries / tasks)
    n = len(contributions)
    shared = sum(sum(parts) ** 2 - sum(part**2 for part in parts) for parts in contributions.values())
    alone = sum(total**2 for total in totals) * tasks / (tasks - 1)
    assert shared > alone
    expected = wilson(mean, alone + shared * n / (n - 1), n - 2)
    assert measure_shared_examples(correct, query, support, labels).interval == pytest.approx(expected, rel=1e-9)
