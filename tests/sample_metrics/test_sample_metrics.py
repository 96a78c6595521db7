"""Every measure on distributions whose answer is known."""

import math

import numpy as np
import pytest
import scipy.linalg
import torch
from hypothesis import given
from hypothesis import strategies as st

from manyshot.base import InputError
from manyshot.sample_metrics import (
    all_scores as score,
)
from manyshot.sample_metrics import (
    copy_check,
    density_coverage,
    frechet_distance,
    kernel_distance,
    precision_recall,
    transfer,
    within_class_diversity,
)


def normal(n: int, d: int = 4, seed: int = 0) -> torch.Tensor:
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


class TestKernelDistance:
    def test_equals_a_plain_loop_over_pairs(self):
        x, y = normal(7), normal(5, seed=1) + 0.5

        def k(a, b):
            return (float(a @ b) / 4 + 1) ** 3

        within = [
            sum(k(s[i], s[j]) for i in range(len(s)) for j in range(len(s)) if i != j) / (len(s) * (len(s) - 1))
            for s in (x, y)
        ]
        between = sum(k(a, b) for a in x for b in y) / 35
        assert kernel_distance(x, y) == pytest.approx(sum(within) - 2 * between)

    def test_is_without_bias_for_small_sets_of_one_distribution(self):
        found = [kernel_distance(normal(10, seed=2 * i), normal(10, seed=2 * i + 1)) for i in range(400)]
        assert abs(np.mean(found)) < 3 * np.std(found) / math.sqrt(400)
        assert min(found) < 0

    def test_of_two_points_is_known(self):
        # All items alike: (1 + 1)^3 within, (0 + 1)^3 across twice, for x = (2, 0, 0, 0) and y = 0.
        x, y = torch.tensor([[2.0, 0, 0, 0]] * 3), torch.zeros(3, 4)
        assert kernel_distance(x, y) == pytest.approx(8 + 1 - 2)

    @given(shift=st.floats(0.5, 3))
    def test_grows_with_the_shift(self, shift):
        x, y = normal(60), normal(60, seed=1)
        assert kernel_distance(x, y + shift) > kernel_distance(x, y + shift / 2)


class TestFrechetDistance:
    def test_of_normal_distributions_is_the_closed_form(self):
        # Independent coordinates: sum of (mu - mu')^2 + (sigma - sigma')^2.
        x = normal(50_000, 2)
        y = 3 * normal(50_000, 2, seed=1) + torch.tensor([1.0, -2.0], dtype=torch.float64)
        assert frechet_distance(x, y) == pytest.approx(1 + 4 + 2 * 4, rel=0.02)

    def test_equals_scipys_root_of_a_matrix(self):
        x, y = (
            normal(30, 5),
            normal(40, 5, seed=1) @ torch.rand(5, 5, generator=torch.Generator().manual_seed(2)).double(),
        )
        a, b = np.cov(x.numpy().T), np.cov(y.numpy().T)
        root = scipy.linalg.sqrtm(a @ b).real
        wanted = ((x.mean(0) - y.mean(0)) ** 2).sum() + np.trace(a + b - 2 * root)
        assert frechet_distance(x, y) == pytest.approx(float(wanted), rel=1e-6)

    def test_does_not_care_which_set_comes_first(self):
        x, y = normal(30), normal(40, seed=1) * 2
        assert frechet_distance(x, y) == pytest.approx(frechet_distance(y, x))

    def test_takes_fewer_items_than_dimensions_and_a_single_dimension(self):
        assert frechet_distance(normal(5, 20), normal(5, 20, seed=1)) > 0
        assert frechet_distance(normal(50, 1), normal(50, 1) + 1) == pytest.approx(1)


class TestPrecisionAndRecall:
    def test_one_distribution_has_both(self):
        found = precision_recall(normal(1000, 2), normal(1000, 2, seed=1))
        assert found.precision > 0.8
        assert found.recall > 0.8

    def test_half_of_the_modes_has_half_of_the_recall(self):
        far = torch.tensor([100.0, 0.0], dtype=torch.float64)
        real = torch.cat([normal(500, 2), normal(500, 2, seed=1) + far])
        found = precision_recall(real, normal(1000, 2, seed=2))
        assert found.recall == pytest.approx(0.48, abs=0.05)
        assert found.precision > 0.8

    def test_rubbish_beside_real_ones_costs_precision_alone(self):
        made = torch.cat([normal(500, 2, seed=1), normal(500, 2, seed=2) + 1000])
        found = precision_recall(normal(1000, 2), made)
        assert found.precision == pytest.approx(0.48, abs=0.05)
        assert found.recall > 0.8

    def test_one_point_repeated_has_no_recall(self):
        found = precision_recall(normal(300, 2), torch.zeros(300, 2))
        assert (found.precision, found.recall) == (1.0, 0.0)

    def test_equals_a_plain_loop(self):
        x, y = normal(12, 3), normal(10, 3, seed=1) + 0.5

        def reach(s, i):
            return sorted(float((s[i] - s[j]).norm()) for j in range(len(s)) if j != i)[2]

        recall = sum(any(float((a - y[j]).norm()) <= reach(y, j) for j in range(10)) for a in x) / 12
        precision = sum(any(float((b - x[i]).norm()) <= reach(x, i) for i in range(12)) for b in y) / 10
        assert precision_recall(x, y) == pytest.approx((precision, recall))

    def test_too_few_items_are_told(self):
        with pytest.raises(InputError, match="3 neighbours"):
            precision_recall(normal(3), normal(30))


class TestDensityAndCoverage:
    def test_one_distribution_has_the_known_expectations(self):
        found = density_coverage(normal(2000, 2), normal(2000, 2, seed=1), k=5)
        assert found.density == pytest.approx(1, abs=0.05)
        # Of n + n items of one distribution, a ball of k neighbours is empty with about 2^-k.
        assert found.coverage == pytest.approx(1 - 2**-5, abs=0.02)

    def test_a_far_real_item_lifts_precision_but_hardly_density(self):
        real = torch.cat([normal(200, 2), torch.full((1, 2), 50.0, dtype=torch.float64)])
        made = torch.rand(200, 2).double() * 40 + 5
        assert precision_recall(real, made).precision > 0.9
        assert density_coverage(real, made).density < 0.3

    def test_half_of_the_modes_has_half_of_the_coverage(self):
        real = torch.cat([normal(500, 2), normal(500, 2, seed=1) + 100])
        assert density_coverage(real, normal(1000, 2, seed=2)).coverage == pytest.approx(0.5, abs=0.02)


class TestTransfer:
    def test_well_parted_classes_are_learned_both_ways(self):
        label = torch.arange(3).repeat_interleave(40)
        x, y = (normal(120, 3, seed=s) + 20 * torch.eye(3).double()[label] for s in (0, 1))
        assert transfer(x, label, y, label) == 1.0

    def test_made_items_of_wrong_classes_teach_what_is_wrong(self):
        label = torch.arange(2).repeat_interleave(200)
        x, y = (normal(400, 3, seed=s) + 5 * label[:, None] for s in (0, 1))
        assert transfer(x, 1 - label, y, label) < 0.05

    def test_a_class_of_many_items_counts_no_more(self):
        many = torch.cat([normal(1000, 1), normal(10, 1, seed=1) + 3])
        label = torch.tensor([0] * 1000 + [1] * 10)
        test = torch.cat([normal(500, 1, seed=2), normal(500, 1, seed=3) + 3])
        assert transfer(many, label, test, torch.arange(2).repeat_interleave(500)) > 0.88

    def test_a_class_that_is_not_learned_is_named(self):
        with pytest.raises(InputError, match="class 7"):
            transfer(normal(4), torch.tensor([0, 0, 1, 1]), normal(1), torch.tensor([7]))


class TestDiversity:
    def test_of_a_normal_class_is_known(self):
        # E |x - x'|^2 = 2 d sigma^2.
        x = 3 * normal(20_000, 2)
        assert within_class_diversity(x, torch.arange(20_000) % 2) == pytest.approx(math.sqrt(2 * 2 * 9), rel=0.02)

    def test_distance_between_classes_does_not_count(self):
        x, label = normal(200), torch.arange(200) % 2
        assert within_class_diversity(x + 1000 * label[:, None], label) == pytest.approx(
            within_class_diversity(x, label)
        )

    def test_one_item_repeated_has_none(self):
        assert within_class_diversity(torch.ones(5, 2), torch.zeros(5).long()) == 0

    def test_single_items_are_told(self):
        with pytest.raises(InputError, match="two items"):
            within_class_diversity(normal(2), torch.tensor([0, 1]))


class TestCopies:
    def test_fresh_items_of_the_distribution_are_rarely_called_copies(self):
        assert copy_check(normal(2000, 2), normal(2000, 2, seed=1)).share == pytest.approx(0.05, abs=0.02)

    def test_noisy_copies_are_found_and_their_originals_named(self):
        training = normal(300, 8)
        found = copy_check(training, training[40:60] + 1e-3)
        assert found.share == 1
        assert found.nearest.tolist() == list(range(40, 60))

    def test_half_of_copies_is_half(self):
        training = normal(500, 8)
        made = torch.cat([training[:100], normal(100, 8, seed=1)])
        assert copy_check(training, made).share == pytest.approx(0.5, abs=0.06)

    @pytest.mark.parametrize("size", [10, 1000])
    def test_twins_among_training_items_hide_no_copies(self, size):
        training = normal(200, 8) + size
        training[:20] = training[20:40]
        assert copy_check(training, training).share == 1
        # As many fresh items as before count as copies, too, whether there are twins or not.
        alone, fresh = copy_check(training[20:], normal(2000, 8, seed=1) + size), normal(2000, 8, seed=1) + size
        assert copy_check(training, fresh).share == pytest.approx(alone.share, abs=0.02)
        assert 0 < alone.share < 0.1

    def test_nothing_but_twins_is_nothing_but_copies(self):
        for value in (0.0, 1.0):
            training = torch.full((30, 2), value)
            assert copy_check(training, torch.cat([training[:3], training[:1] + 1])).share == 0.75


class TestScore:
    def test_without_classes_says_nothing_of_them(self):
        found, _ = score(normal(50), normal(50, seed=1), torch.zeros(50).long(), normal(50, seed=2), None)
        assert found.made_to_real is None
        assert found.diversity is None
        assert found.coverage > 0.5

    def test_every_measure_sees_a_collapse_to_one_item_a_class(self):
        label = torch.arange(4).repeat_interleave(30)
        centres = 10 * torch.eye(4).double()[label]
        real, training = normal(120, seed=1) + centres, normal(120) + centres
        good, _ = score(training, real, label, normal(120, seed=2) + centres, label)
        collapsed, _ = score(training, real, label, centres + 1e-6 * normal(120), label)
        assert good.diversity == pytest.approx(1, abs=0.1)
        assert collapsed.diversity < 1e-3
        assert good.recall > 0.6
        assert collapsed.recall == 0
        assert good.real_to_made == collapsed.real_to_made == 1
        assert good.made_to_real > 0.95

    def test_copies_are_of_what_was_seen_and_not_of_what_is_judged(self):
        seen, real, label = normal(100), normal(100, seed=1), torch.arange(100) % 2
        assert score(seen, real, label, seen, label)[0].copies == 1
        assert score(seen, real, label, real, label)[0].copies < 0.2

    def test_what_made_items_teach_and_what_they_are_taken_for_are_two_things(self):
        # A quarter of the last class's made items lie far beyond it: real items teach what they are, and they spoil
        # what made ones teach.
        label = torch.arange(2).repeat_interleave(200)
        x = normal(400, 1, seed=1) + 12 * label[:, None]
        made = normal(400, 1, seed=2) + 12 * label[:, None]
        made[350:] += 300
        found, _ = score(normal(50, 1), x, label, made, label)
        assert found.real_to_made == 1
        assert found.made_to_real < 0.9
        assert found.made_to_real == transfer(made, label, x, label)

    def test_numbers_that_are_not_finite_are_told(self):
        with pytest.raises(InputError, match="not finite"):
            score(normal(9), normal(9), torch.zeros(9).long(), torch.full((9, 4), torch.nan), None)
