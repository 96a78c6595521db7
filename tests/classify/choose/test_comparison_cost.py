"""What comparing candidates costs, and what a budget leaves of them."""

import numpy as np
import pytest
import torch

from manyshot.classify.choose import comparison_cost
from manyshot.classify.choose.candidate_prior import Gain, Prior
from manyshot.classify.choose.candidates import Candidate, Setting
from manyshot.classify.choose.choose_candidate import Effort, choose, estimate_comparison, plan_comparison
from manyshot.classify.choose.comparison_cost import FITS_TO_ALL, SIZES, seconds_to_compare
from manyshot.classify.choose.labeled_features import LabeledFeatures
from manyshot.classify.encode.encoded_examples import EncodedExamples
from manyshot.classify.heads import Transform

VIEWS = (("turn", 4),)
HEADS = ("ridge(penalty=0.1)", "lda(shrinkage=0.5)")
CANDIDATES = [Candidate("pixels", Setting(Transform(), head, variants)) for variants in (VIEWS, ()) for head in HEADS]
EFFORT = Effort(outer=2, inner=3, most=1000)
PRIOR = Prior(
    {"pixels": {1: Gain(0.0, 0.0)}},
    {one.setting.key: {1: Gain(0.1 * i, 0.0)} for i, one in enumerate(CANDIDATES[::-1])},
)
"""Variants are the more promising ones."""


def examples(shots: int = 10, features: int = 6) -> LabeledFeatures:
    labels = np.arange(2 * shots) % 2
    random = torch.Generator().manual_seed(0)
    rows = torch.rand(len(labels), 1, features, generator=random) + torch.from_numpy(labels)[:, None, None]
    return LabeledFeatures(
        EncodedExamples({("pixels", "none"): rows, ("pixels", "turn"): rows.repeat(1, 4, 1)}), labels
    )


def cost(monkeypatch: pytest.MonkeyPatch, *constants: float) -> None:
    monkeypatch.setattr(comparison_cost, "_measure_fits", lambda: constants)


def test_heads_of_the_same_rows_are_fitted_together(monkeypatch):
    cost(monkeypatch, 1.0, 0.0, 0.0)
    encoded = examples().encoded
    assert seconds_to_compare(encoded, CANDIDATES[:1], 11, 3) == 11 * (3 + FITS_TO_ALL)
    assert seconds_to_compare(encoded, CANDIDATES[:2], 11, 3) == 11 * (3 + FITS_TO_ALL)
    assert seconds_to_compare(encoded, CANDIDATES, 11, 3) == 11 * (3 * 2 + FITS_TO_ALL)
    assert seconds_to_compare(encoded, CANDIDATES, 11, 0) == 11 * FITS_TO_ALL


def test_a_fit_costs_the_cube_of_its_rows_up_to_the_number_of_features(monkeypatch):
    cost(monkeypatch, 0.0, 0.0, 1.0)

    def seconds(shots: int, features: int) -> float:
        return seconds_to_compare(examples(shots, features).encoded, CANDIDATES[2:3], 1, 0) / FITS_TO_ALL

    assert seconds(10, 100) == 20**3
    assert seconds(20, 100) == 40**3
    assert seconds(20, 10) == pytest.approx(10**2 * (0.3 * 40 + 0.7 * 10))


def test_the_constants_of_this_machine_give_the_times_that_were_measured(monkeypatch):
    taken = iter([0.0, 4.0, 4.0, 8.0, *(0.0, 5.0) * 2, *(0.0, 80.0) * 2])  # of 4 fits at once, then of one
    monkeypatch.setattr(comparison_cost.time, "process_time", lambda: next(taken))
    monkeypatch.setattr(comparison_cost, "leave_one_out", lambda *_: None)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 1)
    constants = comparison_cost._measure_fits.__wrapped__()
    found = [float(np.dot(comparison_cost._terms(size, size), constants)) for size in SIZES]
    assert found[1:] == pytest.approx([5.0, 80.0])
    assert constants[0] == 1.0
    assert min(constants) > 0


def test_a_budget_leaves_the_best_without_augmentation_and_what_costs_no_more(monkeypatch):
    cost(monkeypatch, 0.0, 0.0, 1.0)
    assert plan_comparison(examples(), CANDIDATES, PRIOR, EFFORT) == [0, 1, 2, 3]
    assert plan_comparison(examples(), CANDIDATES, PRIOR, EFFORT, budget=0) == [2, 3]
    everything = estimate_comparison(examples(), CANDIDATES, EFFORT)
    assert plan_comparison(examples(), CANDIDATES, PRIOR, EFFORT, budget=everything) == [0, 1, 2, 3]
    assert plan_comparison(examples(), CANDIDATES, PRIOR, EFFORT, budget=0.9 * everything) == [2, 3]
    assert plan_comparison(examples(), CANDIDATES[:2], PRIOR, EFFORT, budget=0) == [0, 1]  # nothing is without


def test_the_choice_is_among_what_the_budget_leaves(monkeypatch):
    cost(monkeypatch, 0.0, 0.0, 1.0)
    choice = choose(examples(), CANDIDATES, PRIOR, EFFORT, budget=0)
    assert {one for one, _, _ in choice.tried} == set(CANDIDATES[2:])
    assert len(choose(examples(), CANDIDATES, PRIOR, EFFORT).tried) == len(CANDIDATES)


def test_the_most_promising_are_compared_and_the_best_without_augmentation():
    assert plan_comparison(examples(), CANDIDATES, PRIOR, Effort(1, 1, most=1)) == [0, 2]
    assert plan_comparison(examples(), CANDIDATES, PRIOR, Effort(1, 1, most=3)) == [0, 1, 2]
