"""The learned part of `auto`: fitting, what it looks at, files."""

from dataclasses import replace

import pytest
import torch

from manyshot.base import InputError
from manyshot.meta_augment.auto.candidate_ops import OPS
from manyshot.meta_augment.auto.evidence import TaskEvidence
from manyshot.meta_augment.auto.op_weigher import (
    ERROR_FLOOR,
    SHOTS,
    OpWeigher,
    read_weigher,
    standing,
    write_weigher,
)
from manyshot.meta_augment.auto.train_op_weigher import Fit, KnownTasks, fit_op_weigher

MANY = len(OPS)


def known_tasks(seed=0, families=4, each=6):
    """Op 3 helps everywhere; the excess of op 5 is always high."""
    random = torch.Generator().manual_seed(seed)
    slopes, excess = 0.01 * torch.randn(2, families * each, MANY, generator=random)
    slopes[:, 3] -= 0.2
    excess[:, 5] += 0.5
    return KnownTasks(slopes, excess, torch.arange(families).repeat_interleave(each))


def seen_of(shots, excess, error=0.01):
    """What was seen of tasks."""
    b = len(excess)
    zeros = torch.zeros(b, MANY)
    looked = zeros + error if shots > 1 else zeros
    return TaskEvidence(torch.full((b,), float(shots)), excess, looked, torch.zeros(b), zeros, zeros)


@pytest.fixture(scope="module")
def fitted():
    return fit_op_weigher(dict.fromkeys(SHOTS, known_tasks()), dict.fromkeys(SHOTS, Fit(8.0, 0.5)))


def test_what_helped_elsewhere_weighs_more_and_so_does_what_is_better_than_usual_here(fitted):
    usual = torch.zeros(1, MANY)
    usual[0, 5] = 0.5
    weights = fitted(seen_of(5, usual))[0]
    assert weights.argmax() == 3
    torch.testing.assert_close(weights[5], fitted.usual_weights(torch.tensor([5.0]))[0, 5], rtol=0.1, atol=0)
    better = usual.clone()
    better[0, 5] = 0.0  # as much as the others: for this op that is little
    assert fitted(seen_of(5, better))[0].argmax() == 5


def test_the_weights_are_the_formula(fitted):
    excess = torch.randn(3, MANY, generator=torch.Generator().manual_seed(1))
    seen = seen_of(5, excess, error=0.04)
    away = (excess - fitted.usual[2]) / (0.04 + ERROR_FLOOR**2) ** 0.5
    expected = torch.softmax(fitted.prior[2] - 0.5 * away, 1)
    torch.testing.assert_close(fitted(seen), expected)


def test_evidence_that_is_uncertain_counts_less(fitted):
    excess = torch.zeros(1, MANY)
    excess[0, 7] = 1.0
    usual = fitted.usual_weights(torch.tensor([5.0]))[0, 7]
    sure, unsure = (fitted(seen_of(5, excess, error))[0, 7] for error in (0.01, 1.0))
    assert sure < unsure < usual


def test_with_one_example_of_a_class_nothing_is_looked_at(fitted):
    seen = seen_of(1, torch.zeros(2, MANY))
    assert bool((standing(seen, fitted.usual[:2]) == 0).all())
    torch.testing.assert_close(fitted(seen), fitted.usual_weights(seen.shots))


def test_families_weigh_the_same():
    known = known_tasks(families=2, each=5)
    known = replace(known, family=torch.tensor([0] * 8 + [1] * 2))
    found = fit_op_weigher(dict.fromkeys(SHOTS, known), dict.fromkeys(SHOTS, Fit(2.0, 0.0))).prior[1]
    torch.testing.assert_close(found, -known.slopes[:8].mean(0) - known.slopes[8:].mean(0))


def test_shots_between_are_interpolated_and_shots_beyond_take_the_last():
    weigher = OpWeigher()
    weigher.prior[:, 0] = torch.tensor([0.0, 1.0, 3.0])
    shots = torch.tensor([1.0, 2.0, 2**0.5, 10**0.5, 40.0])
    expected = torch.tensor([0.0, 1.0, 0.5, 2.0, 3.0])
    odds = weigher.usual_weights(shots)
    torch.testing.assert_close((odds[:, 0] / odds[:, 1]).log(), expected)


def test_weights_survive_a_file_and_other_files_are_refused(fitted, tmp_path, monkeypatch):
    path = tmp_path / "auto.safetensors"
    write_weigher(path, fitted, {"sources": "none"})
    seen = seen_of(2, torch.randn(2, MANY))
    torch.testing.assert_close(read_weigher(path)(seen), fitted(seen))
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(InputError, match="damaged"):
        read_weigher(path)
    small = OpWeigher()
    small.prior = torch.zeros(2, 2)
    write_weigher(path, small, {})
    with pytest.raises(InputError, match="do not fit"):
        read_weigher(path)
    monkeypatch.setattr("manyshot.meta_augment.auto.op_weigher.OPS", OPS[:3])
    with pytest.raises(InputError, match="other ops"):
        read_weigher(path)
