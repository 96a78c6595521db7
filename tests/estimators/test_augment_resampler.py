import numpy as np
import pytest
import torch

from manyshot.base import InputError
from manyshot.estimators import AugmentResampler

Y = np.array(["cat"] * 5 + ["dog"] * 2)


def images(dtype=np.float32, channels: int | None = 3):
    values = np.random.default_rng(0).random((7, 8, 8) if channels is None else (7, 8, 8, channels))
    return (values * 255).astype(dtype) if dtype == np.uint8 else values.astype(dtype)


@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.float64])
@pytest.mark.parametrize("channels", [None, 1, 3])
def test_original_examples_come_first_and_generated_ones_are_of_the_same_type(dtype, channels):
    X = images(dtype, channels)
    more, labels = AugmentResampler("shots: affine(20)", random_state=0).fit_resample(X, Y)
    assert more.dtype == dtype
    assert np.array_equal(more[:7], X)
    assert np.array_equal(labels[:7], Y)
    assert labels.tolist().count("cat") == labels.tolist().count("dog") == 5
    assert not any(np.array_equal(new, old) for new in more[7:] for old in X)


def test_tensors_stay_tensors():
    X = torch.rand(7, 3, 8, 8)
    more, _ = AugmentResampler("shots: noise", random_state=0).fit_resample(X, Y)
    assert isinstance(more, torch.Tensor)
    assert more.shape == (10, 3, 8, 8)
    assert more[:7].equal(X)


def test_sentences_stay_a_list():
    X = [f"this is sentence number {i} of a few" for i in range(7)]
    more, labels = AugmentResampler("shots: swap-words", random_state=0).fit_resample(X, Y)
    assert more[:7] == X
    assert labels[7:].tolist() == ["dog"] * 3
    assert all(sorted(new.split()) == sorted(X[5 + i % 2].split()) for i, new in enumerate(more[7:]))


@pytest.mark.parametrize(
    ("strategy", "plan", "numbers"),
    [
        ("auto", "shots: flip", {"cat": 5, "dog": 5}),
        (8, "shots: flip", {"cat": 8, "dog": 8}),
        ({"dog": 4}, "shots: flip", {"cat": 5, "dog": 4}),
        (None, "shots: 3 x flip", {"cat": 20, "dog": 8}),
        (None, "support: flip", {"cat": 10, "dog": 4}),
    ],
)
def test_the_strategy_says_how_many_examples_each_class_has(strategy, plan, numbers):
    resampler = AugmentResampler(plan, sampling_strategy=strategy, random_state=0)
    _, labels = resampler.fit_resample(images(), Y)
    assert {name: labels.tolist().count(name) for name in ("cat", "dog")} == numbers
    assert resampler.sampling_strategy_ == {"cat": numbers["cat"] - 5, "dog": numbers["dog"] - 2}


def test_every_generated_example_names_its_original():
    resampler = AugmentResampler("shots: invert(p=1)", random_state=0)
    X = images()
    more, labels = resampler.fit_resample(X, Y)
    assert np.array_equal(labels, Y[resampler.sample_indices_])
    assert np.allclose(more[7:], 1 - X[resampler.sample_indices_[7:]], atol=1e-6)


def test_the_seed_decides():
    first, again, other = (
        AugmentResampler("shots: affine", random_state=seed).fit_resample(images(), Y)[0] for seed in (0, 0, 1)
    )
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize(
    ("options", "X", "message"),
    [
        ({"plan": "query: affine"}, images(), "does not say how to make samples"),
        ({"plan": "shots: 2 x learned"}, images(), "augmenter"),
        ({}, np.zeros((7, 3)), "X holds vectors"),
        ({"sampling_strategy": 3}, images(), "class cat has 5 examples, more than 3"),
        ({"sampling_strategy": {"cow": 9}}, images(), "no class 'cow'"),
        ({"sampling_strategy": "majority"}, images(), "give 'auto'"),
        ({}, images()[:6], "6 examples and 7 labels"),
    ],
)
def test_what_cannot_be_resampled_is_reported_in_one_line(options, X, message):
    with pytest.raises(InputError, match=message) as caught:
        AugmentResampler(**options).fit_resample(X, Y)
    assert "\n" not in str(caught.value)


def test_a_balanced_plan_balances_where_the_plan_says_how_many():
    X, y = np.random.default_rng(0).random((6, 8, 8)), np.array([0, 0, 0, 0, 1, 1])
    resampler = AugmentResampler("shots: balanced 2 x affine(10)", sampling_strategy=None, random_state=0)
    assert np.bincount(resampler.fit_resample(X, y)[1]).tolist() == [12, 12]
