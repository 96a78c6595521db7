"""Every metric on distributions whose value is known."""

import math

import numpy as np
import pytest
import scipy.linalg
import torch
from hypothesis import given
from hypothesis import strategies as st

from manyshot.base import InputError
from manyshot.sample_metrics import (
    copy_check,
    density_coverage,
    frechet_distance,
    kernel_distance,
    precision_recall,
    score,
    transfer_accuracy,
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

    def test_is_unbiased_for_small_sets_of_one_distribution(self):
        values = [kernel_distance(normal(10, seed=2 * i), normal(10, seed=2 * i + 1)) for i in range(400)]
        assert abs(np.mean(values)) < 3 * np.std(values) / math.sqrt(400)
        assert min(values) < 0

    def test_of_two_points_is_known(self):
        # All examples alike: (1 + 1)^3 within, (0 + 1)^3 across twice, for x = (2, 0, 0, 0) and y = 0.
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

    def test_is_symmetric(self):
        x, y = normal(30), normal(40, seed=1) * 2
        assert frechet_distance(x, y) == pytest.approx(frechet_distance(y, x))

    def test_takes_fewer_examples_than_dimensions_and_a_single_dimension(self):
        assert frechet_distance(normal(5, 20), normal(5, 20, seed=1)) > 0
        assert frechet_distance(normal(50, 1), normal(50, 1) + 1) == pytest.approx(1)


class TestPrecisionAndRecall:
    def test_are_high_for_one_distribution(self):
        result = precision_recall(normal(1000, 2), normal(1000, 2, seed=1))
        assert result.precision > 0.8
        assert result.recall > 0.8

    def test_half_of_the_modes_has_half_of_the_recall(self):
        far = torch.tensor([100.0, 0.0], dtype=torch.float64)
        real = torch.cat([normal(500, 2), normal(500, 2, seed=1) + far])
        result = precision_recall(real, normal(1000, 2, seed=2))
        assert result.recall == pytest.approx(0.48, abs=0.05)
        assert result.precision > 0.8

    def test_outliers_beside_real_examples_cost_precision_only(self):
        generated = torch.cat([normal(500, 2, seed=1), normal(500, 2, seed=2) + 1000])
        result = precision_recall(normal(1000, 2), generated)
        assert result.precision == pytest.approx(0.48, abs=0.05)
        assert result.recall > 0.8

    def test_one_point_repeated_has_no_recall(self):
        result = precision_recall(normal(300, 2), torch.zeros(300, 2))
        assert (result.precision, result.recall) == (1.0, 0.0)

    def test_equals_a_plain_loop(self):
        x, y = normal(12, 3), normal(10, 3, seed=1) + 0.5

        def reach(s, i):
            return sorted(float((s[i] - s[j]).norm()) for j in range(len(s)) if j != i)[2]

        recall = sum(any(float((a - y[j]).norm()) <= reach(y, j) for j in range(10)) for a in x) / 12
        precision = sum(any(float((b - x[i]).norm()) <= reach(x, i) for i in range(12)) for b in y) / 10
        assert precision_recall(x, y) == pytest.approx((precision, recall))

    def test_too_few_examples_are_refused(self):
        with pytest.raises(InputError, match="3 neighbors"):
            precision_recall(normal(3), normal(30))


class TestDensityAndCoverage:
    def test_one_distribution_has_the_known_expectations(self):
        result = density_coverage(normal(2000, 2), normal(2000, 2, seed=1), k=5)
        assert result.density == pytest.approx(1, abs=0.05)
        # Of n + n examples of one distribution, a ball of k neighbors is empty with about 2^-k.
        assert result.coverage == pytest.approx(1 - 2**-5, abs=0.02)

    def test_a_far_real_item_lifts_precision_but_hardly_density(self):
        real = torch.cat([normal(200, 2), torch.full((1, 2), 50.0, dtype=torch.float64)])
        generated = torch.rand(200, 2).double() * 40 + 5
        assert precision_recall(real, generated).precision > 0.9
        assert density_coverage(real, generated).density < 0.3

    def test_half_of_the_modes_has_half_of_the_coverage(self):
        real = torch.cat([normal(500, 2), normal(500, 2, seed=1) + 100])
        assert density_coverage(real, normal(1000, 2, seed=2)).coverage == pytest.approx(0.5, abs=0.02)


class TestTransfer:
    def test_separable_classes_are_learned_in_both_directions(self):
        labels = torch.arange(3).repeat_interleave(40)
        x, y = (normal(120, 3, seed=s) + 20 * torch.eye(3).double()[labels] for s in (0, 1))
        assert transfer_accuracy(x, labels, y, labels) == 1.0

    def test_examples_of_wrong_classes_give_wrong_predictions(self):
        labels = torch.arange(2).repeat_interleave(200)
        x, y = (normal(400, 3, seed=s) + 5 * labels[:, None] for s in (0, 1))
        assert transfer_accuracy(x, 1 - labels, y, labels) < 0.05

    def test_a_class_of_many_examples_has_no_more_weight(self):
        many = torch.cat([normal(1000, 1), normal(10, 1, seed=1) + 3])
        labels = torch.tensor([0] * 1000 + [1] * 10)
        test = torch.cat([normal(500, 1, seed=2), normal(500, 1, seed=3) + 3])
        assert transfer_accuracy(many, labels, test, torch.arange(2).repeat_interleave(500)) > 0.88

    def test_a_class_without_training_examples_is_named(self):
        with pytest.raises(InputError, match="class 7"):
            transfer_accuracy(normal(4), torch.tensor([0, 0, 1, 1]), normal(1), torch.tensor([7]))


class TestDiversity:
    def test_of_a_normal_class_is_known(self):
        # E |x - x'|^2 = 2 d sigma^2.
        x = 3 * normal(20_000, 2)
        assert within_class_diversity(x, torch.arange(20_000) % 2) == pytest.approx(math.sqrt(2 * 2 * 9), rel=0.02)

    def test_ignores_the_distance_between_classes(self):
        x, labels = normal(200), torch.arange(200) % 2
        assert within_class_diversity(x + 1000 * labels[:, None], labels) == pytest.approx(
            within_class_diversity(x, labels)
        )

    def test_of_one_example_repeated_is_zero(self):
        assert within_class_diversity(torch.ones(5, 2), torch.zeros(5).long()) == 0

    def test_classes_of_one_example_are_refused(self):
        with pytest.raises(InputError, match="two examples"):
            within_class_diversity(normal(2), torch.tensor([0, 1]))


class TestCopies:
    def test_fresh_examples_of_the_distribution_are_rarely_called_copies(self):
        assert copy_check(normal(2000, 2), normal(2000, 2, seed=1)).fraction == pytest.approx(0.05, abs=0.02)

    def test_noisy_copies_are_found_and_their_originals_named(self):
        training = normal(300, 8)
        result = copy_check(training, training[40:60] + 1e-3)
        assert result.fraction == 1
        assert result.nearest.tolist() == list(range(40, 60))

    def test_the_fraction_is_half_where_half_are_copies(self):
        training = normal(500, 8)
        generated = torch.cat([training[:100], normal(100, 8, seed=1)])
        assert copy_check(training, generated).fraction == pytest.approx(0.5, abs=0.06)

    @pytest.mark.parametrize("size", [10, 1000])
    def test_duplicates_among_training_examples_hide_no_copies(self, size):
        training = normal(200, 8) + size
        training[:20] = training[20:40]
        assert copy_check(training, training).fraction == 1
        # As many fresh examples as before count as copies, with duplicates or without.
        alone, fresh = copy_check(training[20:], normal(2000, 8, seed=1) + size), normal(2000, 8, seed=1) + size
        assert copy_check(training, fresh).fraction == pytest.approx(alone.fraction, abs=0.02)
        assert 0 < alone.fraction < 0.1

    def test_a_training_set_of_duplicates_has_a_limit(self):
        for value in (0.0, 1.0):
            training = torch.full((30, 2), value)
            assert copy_check(training, torch.cat([training[:3], training[:1] + 1])).fraction == 0.75


class TestScore:
    def test_metrics_of_classes_are_none_without_classes(self):
        result, _ = score(normal(50), normal(50, seed=1), torch.zeros(50).long(), normal(50, seed=2), None)
        assert result.generated_to_real is None
        assert result.diversity is None
        assert result.coverage > 0.5

    def test_every_metric_sees_a_collapse_to_one_example_per_class(self):
        labels = torch.arange(4).repeat_interleave(30)
        centers = 10 * torch.eye(4).double()[labels]
        real, training = normal(120, seed=1) + centers, normal(120) + centers
        good, _ = score(training, real, labels, normal(120, seed=2) + centers, labels)
        collapsed, _ = score(training, real, labels, centers + 1e-6 * normal(120), labels)
        assert good.diversity == pytest.approx(1, abs=0.1)
        assert collapsed.diversity < 1e-3
        assert good.recall > 0.6
        assert collapsed.recall == 0
        assert good.real_to_generated == collapsed.real_to_generated == 1
        assert good.generated_to_real > 0.95

    def test_copies_are_of_training_examples_and_not_of_held_out_ones(self):
        seen, real, labels = normal(100), normal(100, seed=1), torch.arange(100) % 2
        assert score(seen, real, labels, seen, labels)[0].copies == 1
        assert score(seen, real, labels, real, labels)[0].copies < 0.2

    def test_the_two_transfer_accuracies_differ(self):
        # A quarter of the last class's generated examples lie far beyond it: a classifier of real examples gets them
        # right, and they spoil a classifier of generated ones.
        labels = torch.arange(2).repeat_interleave(200)
        x = normal(400, 1, seed=1) + 12 * labels[:, None]
        generated = normal(400, 1, seed=2) + 12 * labels[:, None]
        generated[350:] += 300
        result, _ = score(normal(50, 1), x, labels, generated, labels)
        assert result.real_to_generated == 1
        assert result.generated_to_real < 0.9
        assert result.generated_to_real == transfer_accuracy(generated, labels, x, labels)

    def test_features_that_are_not_finite_are_refused(self):
        with pytest.raises(InputError, match="not finite"):
            score(normal(9), normal(9), torch.zeros(9).long(), torch.full((9, 4), torch.nan), None)
