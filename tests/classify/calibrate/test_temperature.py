"""The temperature is that of the data where there are many examples, and the prior's where there are none."""

import math

import numpy as np
import pytest
import torch

from manyshot.base import InputError
from manyshot.classify.calibrate.temperature import cross_fitted_probabilities, fit_temperature, logit_spread
from manyshot.classify.choose.candidate_prior import UNKNOWN_LOG_RATIO
from manyshot.classify.evaluate.metrics import measure
from manyshot.classify.heads import HEADS, Transform, leave_one_out, predict_splits


def sample(n: int, temperature: float, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Logits whose softmax at this temperature is the truth, and classes drawn from it."""
    generator = torch.Generator().manual_seed(seed)
    logits = 3 * torch.randn(n, 5, generator=generator, dtype=torch.float64)
    return logits, torch.multinomial((logits / temperature).softmax(1), 1, generator=generator)[:, 0]


@pytest.mark.parametrize("temperature", [0.3, 2.0, 8.0])
def test_many_examples_give_the_true_temperature(temperature):
    logits, labels = sample(20_000, temperature)
    assert fit_temperature(logits, labels, 1.0) == pytest.approx(temperature, rel=0.1)


def test_no_examples_give_the_prior():
    logits, labels = sample(0, 1.0)
    assert fit_temperature(logits, labels, 5.0) == pytest.approx(5 * math.exp(UNKNOWN_LOG_RATIO.mean), rel=1e-4)


def test_few_examples_give_something_between():
    few, many = [fit_temperature(*sample(n, 8.0), 1.0) for n in (5, 500)]
    assert math.exp(UNKNOWN_LOG_RATIO.mean) < few < many < 8.5


def test_the_temperature_scales_with_the_logits():
    logits, labels = sample(20, 1.0)
    once = fit_temperature(logits, labels, logit_spread(logits))
    assert fit_temperature(100 * logits, labels, logit_spread(100 * logits)) == pytest.approx(100 * once, rel=1e-3)


def test_examples_whose_class_was_gone_do_not_count():
    logits, labels = sample(20, 1.0)
    more = torch.cat([logits, logits]).clone()
    more[20:].scatter_(1, labels[:, None], -torch.inf)
    both = fit_temperature(more, labels.repeat(2), 1.0)
    assert both == pytest.approx(fit_temperature(logits, labels, 1.0))
    assert math.isfinite(logit_spread(more))


def test_equal_logits_are_refused():
    logits, labels = sample(20, 1.0)
    with pytest.raises(InputError, match="same logits"):
        fit_temperature(logits, labels, logit_spread(torch.ones(4, 5)))


@pytest.mark.parametrize("name", ["centroid", "ridge(0.1)", "ridge(10)", "logistic(0.1)", "logistic(10)", "lda"])
def test_heads_of_all_scales_are_calibrated_at_five_examples(name):
    head, errors = HEADS.build(name), []
    for seed in range(4):
        generator = torch.Generator().manual_seed(seed)
        label = torch.arange(4).repeat_interleave(5).repeat(61)
        centers = torch.randn(4, 50, generator=generator)
        x = 0.6 * centers[label] + torch.randn(len(label), 50, generator=generator)
        train, test = slice(0, 20), slice(20, None)
        y = torch.nn.functional.one_hot(label, 4).double()
        w = torch.zeros(1, len(x), dtype=torch.float64)
        w[:, train] = 1
        logits = predict_splits(Transform(), [head], x, y, w)[0, 0]
        folds = torch.arange(20) % 5
        unseen = leave_one_out(Transform(), [head], x[train], y[train], w[:, train], folds)[0, 0]
        temperature = fit_temperature(unseen, label[train], logit_spread(logits[train]))
        probabilities = (logits[test] / temperature).softmax(1).numpy()
        errors.append(measure(probabilities, label[test].numpy()).calibration_error.value)
    assert np.mean(errors) < 0.12


def test_examples_of_several_splits_count_once():
    logits, labels = torch.tensor([[2.0, 0.0], [0.0, 2.0], [2.0, 0.0]]), torch.tensor([0, 1, 1])
    once = fit_temperature(logits, labels, spread=1.0)
    again = fit_temperature(logits.repeat(3, 1), labels.repeat(3), spread=1.0, splits=3)
    assert again == pytest.approx(once, rel=1e-6)
    assert fit_temperature(logits.repeat(3, 1), labels.repeat(3), spread=1.0) > once  # the prior counts less


class TestCrossFitting:
    def test_an_example_has_no_say_in_how_sure_it_may_be_called(self):
        logits, labels = sample(12, 1.0)
        fold = torch.arange(12) % 3
        before = cross_fitted_probabilities(logits, labels, fold)
        after = cross_fitted_probabilities(logits, torch.where(fold == 1, (labels + 1) % 5, labels), fold)
        assert (before[fold == 1] == after[fold == 1]).all()
        assert (before[fold != 1] != after[fold != 1]).any(1).all()

    def test_each_fold_has_the_temperature_of_the_others(self):
        logits, labels = sample(12, 1.0)
        fold = torch.arange(12) % 2
        scale = fit_temperature(logits[fold == 0], labels[fold == 0], logit_spread(logits))
        found = cross_fitted_probabilities(logits, labels, fold)[fold == 1]
        assert found == pytest.approx((logits[fold == 1] / scale).softmax(1).numpy())

    def test_one_temperature_for_all_flatters_few_examples_and_this_does_not(self):
        def brier(probabilities: torch.Tensor, truth: torch.Tensor) -> float:
            return float((probabilities.square().sum(1) - 2 * (probabilities * truth).sum(1) + 1).mean())

        found = []
        for seed in range(200):
            logits, labels = sample(8, 4.0, seed)
            scale, own = fit_temperature(logits, labels, logit_spread(logits)), torch.eye(5)[labels].double()
            crossed = torch.from_numpy(cross_fitted_probabilities(logits, labels, torch.arange(8) % 4))
            new, _ = sample(2000, 4.0, 1000)
            expected = brier((new / scale).softmax(1), (new / 4.0).softmax(1))
            found.append([brier((logits / scale).softmax(1), own) - expected, brier(crossed, own) - expected])
        gaps = np.array(found)
        same, cross = gaps.mean(0)
        error = gaps.std(0) / np.sqrt(len(gaps))
        assert same < -2 * error[0]
        assert abs(cross) < 2 * error[1]
