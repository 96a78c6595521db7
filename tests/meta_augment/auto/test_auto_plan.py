"""`auto`: looking at a few pictures and choosing a plan for them."""

from pathlib import Path

import numpy as np
import pytest
import torch

import manyshot as ms
from manyshot.base import InputError
from manyshot.meta_augment.auto.auto_plan import advise, to_pictures
from manyshot.meta_augment.auto.candidate_ops import OPS, VARIANTS, OpShares
from manyshot.meta_augment.auto.explain import as_dict, explain, name_of, ops_to_show
from manyshot.meta_augment.auto.op_weigher import SHA256, OpWeigher

SMALL = "efficientnet-lite0(resolution=32)"


def pictures(n=6, side=24):
    """Noise with a bright half: the left or the right one."""
    images = torch.randint(0, 90, (n, 3, side, side), generator=torch.Generator().manual_seed(0)).to(torch.uint8)
    labels = np.array(["left", "right"] * (n // 2))
    images[::2, :, :, : side // 2] += 150
    images[1::2, :, :, side // 2 :] += 150
    return images, labels


@pytest.fixture(scope="module")
def weigher():
    made = OpWeigher()
    made.prior[:] = torch.randn(len(OPS), generator=torch.Generator().manual_seed(0))
    made.trust += 0.5
    return made


def test_the_answer_does_not_depend_on_the_order_of_pictures_or_on_the_names_of_classes(weigher):
    images, labels = pictures()
    order = np.array([4, 1, 0, 5, 3, 2])
    renamed = np.where(labels == "left", 7, 3)
    one = advise(images, labels, encoder=SMALL, weigher=weigher)
    other = advise(images[torch.from_numpy(order)], renamed[order], encoder=SMALL, weigher=weigher)
    torch.testing.assert_close(one.weights, other.weights, rtol=1e-4, atol=1e-5)
    assert one.mix == other.mix
    assert (one.weights - one.usual).abs().max() > 0.01  # it has looked


def test_arrays_tensors_and_gray_pictures_are_taken(weigher):
    images, labels = pictures()
    as_arrays = images.permute(0, 2, 3, 1).numpy()
    one = advise(images, labels, encoder=SMALL, weigher=weigher)
    other = advise(as_arrays, labels.tolist(), encoder=SMALL, weigher=weigher)
    torch.testing.assert_close(one.weights, other.weights)
    assert to_pictures(images[:, :1]).shape == to_pictures(images).shape == (6, 3, 64, 64)


def test_one_picture_of_a_class_is_enough(weigher):
    images, labels = pictures(2)
    advice = advise(images, labels, encoder=SMALL, weigher=weigher)
    torch.testing.assert_close(advice.weights, advice.usual)
    assert sum(advice.mix.counts) == VARIANTS


def test_strengths_in_pixels_grow_with_the_pictures():
    stroke = OpShares(tuple(int(row == "stroke(2)") for row in OPS))
    assert "stroke(4)" in str(stroke.plan_for(128))
    assert "stroke(1)" in str(stroke.plan_for(28))


@pytest.mark.parametrize(
    ("images", "labels", "message"),
    [
        (torch.zeros(3, 3, 8, 8), [0, 1], "3 images and 2 labels"),
        (torch.zeros(3, 3, 8, 8), [0, 0, 0], "one class alone"),
        (torch.full((2, 3, 8, 8), 7.0), [0, 1], "scale them to 0 to 1"),
    ],
)
def test_wrong_input_is_refused_in_a_line(images, labels, message):
    with pytest.raises(InputError, match=message):
        ms.auto_plan(images, labels)


def test_an_encoder_that_is_not_frozen_is_refused():
    images, labels = pictures(2)
    with pytest.raises(InputError, match="give a frozen one"):
        advise(images, labels, encoder="conv4")


def test_the_explanation_names_the_choice_and_what_was_seen(weigher):
    images, labels = pictures()
    advice = advise(images, labels, encoder=SMALL, weigher=weigher)
    text = explain(advice)
    assert str(advice.plan) in text
    assert "6 pictures of 2 classes" in text
    assert all(name_of(OPS[index]) in text for index in ops_to_show(advice))
    assert len(set(ops_to_show(advice))) == 8
    told = as_dict(advice)
    assert told["plan"] == str(advice.plan)
    assert sum(op["variants"] for op in told["ops"]) == VARIANTS


def test_the_weights_that_ship_are_small_and_give_a_plan():
    folder = Path(ms.__file__).parent / "meta_augment" / "auto"
    assert (folder / "auto.safetensors").stat().st_size < 2_000_000
    assert SHA256 in (folder / "MODEL_CARD.md").read_text()
    images, labels = pictures(4)
    assert isinstance(ms.auto_plan(images, labels), ms.Plan)


@pytest.mark.parametrize("n", [2, 6, 40, 60])
def test_the_plan_is_that_of_the_explanation_and_nothing_is_encoded_for_it(n, monkeypatch):
    images, labels = pictures(n)
    expected = advise(images, labels, encoder=SMALL).plan
    monkeypatch.setattr("manyshot.meta_augment.auto.auto_plan._encode", None)  # calling it would fail
    assert str(ms.auto_plan(images, labels)) == str(expected)


def test_pictures_are_looked_at_where_the_weights_trust_what_is_seen(weigher, monkeypatch):
    monkeypatch.setattr("manyshot.meta_augment.auto.auto_plan._shipped", lambda: weigher)
    looked = []
    monkeypatch.setattr(
        "manyshot.meta_augment.auto.auto_plan._encode",
        lambda *_: lambda images: looked.append(len(images)) or images.flatten(1),
    )
    images, labels = pictures(6)
    assert str(ms.auto_plan(images, labels)) == str(advise(images, labels).plan)
    assert looked


def test_estimators_take_the_word_auto():
    images, labels = pictures(6)
    classifier = ms.FewShotClassifier(learner="prototypes", augment="auto", random_state=0).fit(images, labels)
    assert isinstance(classifier.plan_, ms.Plan)
    more, _ = ms.AugmentResampler("auto", {"left": 4}, random_state=0).fit_resample(images, labels)
    assert len(more) == 7
    for made in (ms.FewShotClassifier("ngrams", augment="auto"), ms.AugmentResampler("auto")):
        with pytest.raises(InputError, match="is for images"):
            getattr(made, "fit_resample" if hasattr(made, "fit_resample") else "fit")(["a b", "c d"], [0, 1])


def test_where_there_are_no_images_the_word_says_what_to_do():
    with pytest.raises(InputError, match="--plan auto --explain"):
        ms.Plan("auto")
