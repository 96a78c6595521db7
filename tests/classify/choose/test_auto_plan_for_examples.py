"""The plan that `auto` chooses for a user's pictures."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from manyshot.base import InputError
from manyshot.classify import examples_from_arrays
from manyshot.classify.choose.auto_plan_for_examples import choose_auto_plan, explain_auto_plan, shown_pictures
from manyshot.report.advice_sheet import advice_sheet


def examples(n=6, side=128):
    images = np.random.default_rng(0).integers(0, 256, (n, side, side, 3), dtype=np.uint8)
    return examples_from_arrays(images, ["a", "b"] * (n // 2))


def test_pictures_of_any_size_are_looked_at_and_the_plan_is_for_their_own_size():
    advice = explain_auto_plan(examples())
    assert (advice.side, advice.examples, advice.classes) == (128, 6, 2)


def test_pictures_of_all_classes_are_shown():
    shown = shown_pictures(examples(), most=4)
    assert shown.shape == (4, 3, 64, 64)
    assert 0 <= shown.min() <= shown.max() <= 1
    sheet = advice_sheet(shown, explain_auto_plan(examples(4)))
    assert sheet.height > 9 * 64


@pytest.mark.parametrize("kind", ["sentences", "sounds", "scans"])
def test_what_is_no_picture_is_refused_by_its_name(kind):
    others = replace(examples_from_arrays(["hello", "bye"], ["a", "b"]), kind=kind)
    with pytest.raises(InputError, match=f"these are {kind}"):
        choose_auto_plan(others)


def test_the_same_seed_gives_the_same_advice():
    torch.testing.assert_close(explain_auto_plan(examples()).weights, explain_auto_plan(examples()).weights)


def test_the_plan_is_that_of_the_explanation_and_nothing_is_encoded_for_it(monkeypatch):
    expected = explain_auto_plan(examples()).plan
    monkeypatch.setattr("manyshot.meta_augment.auto.auto_plan._encode", None)  # calling it would fail
    assert str(choose_auto_plan(examples())) == str(expected)
    one_class = examples().select([0, 2])
    with pytest.raises(InputError, match="one class alone"):
        choose_auto_plan(one_class)
