"""Foreign examples are caught, and the rate of false alarms is what the detector says."""

import numpy as np
import pytest
import torch

from manyshot.base import InputError
from manyshot.classify.calibrate.unknown_detector import UnknownDetector


def drawn(shots: int, classes: int, generator: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    """Non-negative features around class centers that only depend on `classes`."""
    centers = torch.rand(classes, 60, generator=torch.Generator().manual_seed(classes)) ** 2
    label = torch.arange(classes).repeat_interleave(shots)
    noise = 0.3 * torch.rand(len(label), 60, generator=generator)
    return centers[label] * (0.5 + torch.rand(len(label), 1, generator=generator)) + noise, label


@pytest.mark.parametrize(("shots", "classes"), [(2, 3), (5, 3), (10, 4)])
def test_false_alarms_are_as_rare_as_stated(shots, classes):
    generator, rates, stated = torch.Generator().manual_seed(0), [], []
    for _ in range(60):
        detector = UnknownDetector.fit(*drawn(shots, classes, generator))
        rates.append(detector.is_unknown(drawn(50, classes, generator)[0]).double().mean())
        stated.append(detector.false_alarms)
    assert max(stated) <= 0.05 + 1e-9
    assert np.mean(rates) < np.mean(stated) + 0.02


@pytest.mark.parametrize("shots", [2, 5, 10])
def test_foreign_examples_are_caught(shots):
    generator = torch.Generator().manual_seed(0)
    detector = UnknownDetector.fit(*drawn(shots, 4, generator))
    foreign, _ = drawn(20, 7, generator)
    assert detector.is_unknown(foreign).double().mean() > 0.9
    assert not detector.is_unknown(drawn(20, 4, generator)[0]).double().mean() > 0.2


def test_few_examples_at_a_time_give_the_same(monkeypatch):
    x, y = drawn(5, 4, torch.Generator().manual_seed(0))
    new, groups = drawn(3, 5, torch.Generator().manual_seed(1))[0], torch.arange(20) // 2
    at_once = UnknownDetector.fit(x, y, groups=groups)
    monkeypatch.setattr("manyshot.classify.calibrate.unknown_detector.CHUNK", 3)
    in_parts = UnknownDetector.fit(x, y, groups=groups)
    assert in_parts.threshold == pytest.approx(at_once.threshold, rel=1e-12)
    assert in_parts.examples == at_once.examples
    assert torch.allclose(in_parts.score(new), at_once.score(new), rtol=1e-12)


def test_enough_examples_give_the_conformal_quantile():
    x, y = drawn(10, 4, torch.Generator().manual_seed(0))
    detector = UnknownDetector.fit(x, y)
    roots = x.double().sqrt()
    roots = roots / roots.norm(dim=1, keepdim=True)
    nearest = (1 - roots @ roots.T + 9 * torch.eye(40)).amin(1).sort().values
    assert detector.threshold == pytest.approx(float(nearest[38]))  # ceil(0.95 * 41) = 39 of 40
    assert detector.false_alarms == pytest.approx(1 - 39 / 41)
    assert detector.examples == 40


def test_one_example_of_each_class_rests_on_other_data_sets():
    x, y = drawn(1, 5, torch.Generator().manual_seed(0))
    strict, lax = (UnknownDetector.fit(x, y, rate) for rate in (0.01, 0.2))
    assert (strict.examples, strict.false_alarms) == (0, 0.01)
    assert strict.threshold > lax.threshold
    assert not strict.is_unknown(x).any()


def test_one_example_of_each_class_of_signed_features_makes_few_false_alarms():
    # Cosines as MiniLM has them in CLINC150: 0.58 within a class, 0.23 between classes, 0 to foreign sentences.
    known, foreign = [], []
    for seed in range(20):
        random = torch.Generator().manual_seed(seed)
        common, center, own, other = (torch.randn(n, 30, generator=random) for n in (1, 10, 210, 50))
        y = torch.arange(10).repeat(21)
        x = 0.23**0.5 * common + 0.35**0.5 * center[y] + 0.42**0.5 * own
        detector = UnknownDetector.fit(x[:10], y[:10])
        known.append(detector.is_unknown(x[10:]).double().mean())
        foreign.append(detector.is_unknown(other).double().mean())
    assert 0.01 < np.mean(known) < 0.08
    assert np.mean(foreign) > 0.3


def test_copies_and_groups_are_left_out_together():
    x, y = drawn(10, 4, torch.Generator().manual_seed(0))
    once = UnknownDetector.fit(x, y)
    copies = UnknownDetector.fit(x.repeat(2, 1), y.repeat(2))
    assert copies.threshold == pytest.approx(once.threshold, rel=0.2)
    near = x + 0.001 * torch.rand(x.shape, generator=torch.Generator().manual_seed(1))
    twice, groups = torch.cat([x, near]), torch.arange(40).repeat(2)
    grouped = UnknownDetector.fit(twice, y.repeat(2), groups=groups)
    assert grouped.threshold > 3 * UnknownDetector.fit(twice, y.repeat(2)).threshold
    assert grouped.threshold == pytest.approx(once.threshold, rel=0.2)


def test_encoders_count_equally_and_negative_features_keep_their_sign():
    x, y = drawn(5, 4, torch.Generator().manual_seed(0))
    signed = x - 0.5
    detector = UnknownDetector.fit([signed, 1000 * signed], y)
    single = UnknownDetector.fit(signed, y)
    assert not detector.root
    np.testing.assert_allclose(detector.score([signed, 5 * signed]), single.score(signed), atol=1e-9)
    assert len(single.score(signed[:0])) == 0


def test_wrong_input_is_one_line():
    x, y = drawn(2, 2, torch.Generator().manual_seed(0))
    with pytest.raises(InputError, match=r"false_alarms=1\.5"):
        UnknownDetector.fit(x, y, 1.5)
    with pytest.raises(InputError, match="all alike"):
        UnknownDetector.fit(x[:1].repeat(4, 1), y)
