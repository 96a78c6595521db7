import numpy as np
import pytest
import torch
from torch import nn

from manyshot.augment.image import Flip
from manyshot.base import InputError
from manyshot.classify.encode import encode_examples as module
from manyshot.classify.encode.encode_examples import (
    count_uncached,
    encode_examples,
    estimate_seconds,
    measure_cost,
    plan_op,
)
from manyshot.classify.encode.frozen_encoders import FROZEN, available, build_encoder, load_encoder
from manyshot.classify.examples.read_examples import examples_from_arrays
from manyshot.nets import ENCODERS, PretrainedEncoder


class Tiny(PretrainedEncoder):
    """A small network that counts the pictures that it has seen."""

    seen = 0

    def __init__(self, channels: int, bias: float = 0.0) -> None:
        torch.manual_seed(0)
        net = nn.Sequential(nn.Conv2d(3, 6, 5), nn.AdaptiveAvgPool2d(2), nn.Flatten())
        net[0].bias.data += bias
        super().__init__([net], channels, 12, (0.5,) * 3, (0.5,) * 3)

    def forward(self, images):
        Tiny.seen += len(images)
        return super().forward(images)


@pytest.fixture(autouse=True)
def tiny(tmp_path, monkeypatch):
    monkeypatch.setenv("MANYSHOT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setitem(ENCODERS, "tiny", Tiny)
    monkeypatch.setattr(Tiny, "seen", 0)
    load_encoder.cache_clear()
    yield
    load_encoder.cache_clear()
    monkeypatch.delitem(ENCODERS, "tiny", raising=False)


@pytest.fixture
def pictures():
    arrays = np.random.default_rng(0).integers(256, size=(7, 20, 24, 3), dtype=np.uint8)
    return examples_from_arrays(arrays, ["a", "b"] * 3 + ["a"])


class TestExamplesAsTheyAre:
    def test_are_decoded_at_the_encoders_resolution_and_encoded(self, pictures):
        expected = Tiny(3).eval()(pictures.pictures(range(7), 12).float() / 255)
        found = encode_examples("tiny", pictures)
        assert (found.shape, found.dtype) == ((7, 1, 24), torch.float32)
        torch.testing.assert_close(found[:, 0], expected)

    def test_are_encoded_once_whatever_their_order(self, pictures):
        features = encode_examples("tiny", pictures)
        assert Tiny.seen == 7
        assert encode_examples("tiny", pictures.select([5, 0])).equal(features[[5, 0]])
        assert Tiny.seen == 7

    def test_duplicates_are_encoded_once(self, pictures):
        features = encode_examples("tiny", pictures.select([3, 3, 1, 3]))
        assert Tiny.seen == 2
        assert features[0].equal(features[3])

    def test_other_weights_have_other_features(self, pictures):
        assert not encode_examples("tiny", pictures).equal(encode_examples("tiny(bias=1)", pictures))

    def test_blocks_stand_side_by_side(self, pictures):
        both = encode_examples("tiny+tiny(bias=1)", pictures)
        assert both.equal(torch.cat([encode_examples("tiny", pictures), encode_examples("tiny(bias=1)", pictures)], -1))

    def test_no_examples_have_no_features(self, pictures):
        assert encode_examples("tiny+tiny(bias=1)", pictures.select([])).shape == (0, 1, 48)

    def test_sentences_are_encoded(self):
        examples = examples_from_arrays(["hello", "good bye", "hello"])
        found = encode_examples("ngrams(64)", examples)[:, 0]
        assert found.equal(load_encoder("ngrams(64)")(["hello", "good bye", "hello"]))


class TestVariants:
    def test_depend_on_seed_content_and_number_alone(self, pictures, tmp_path, monkeypatch):
        four = encode_examples("tiny", pictures, plan="flip crop noise", copies=4, seed=3)
        monkeypatch.setenv("MANYSHOT_CACHE", str(tmp_path / "another"))
        some = encode_examples("tiny", pictures.select([6, 2]), plan="flip crop noise", copies=2, seed=3)
        torch.testing.assert_close(some, four[[6, 2], :2])
        assert not torch.allclose(encode_examples("tiny", pictures, plan="flip crop noise", copies=4, seed=4), four)
        assert (four[:, 0] - four[:, 1]).abs().amax(-1).min() > 0

    def test_are_those_of_the_plan_at_the_encoders_resolution(self, pictures):
        images = pictures.pictures(range(7), 12)
        expected = Tiny(3).eval()(images.flip(3).float() / 255)
        found = encode_examples("tiny", pictures, plan="flip(1)")
        torch.testing.assert_close(found[:, 0], expected)

    def test_more_copies_only_compute_the_new_ones(self, pictures):
        few = encode_examples("tiny", pictures, plan="noise", copies=2)
        Tiny.seen = 0
        assert encode_examples("tiny", pictures, plan="noise", copies=5)[:, :2].equal(few)
        assert Tiny.seen == 7 * 3

    def test_of_sentences_are_texts_changed(self):
        examples = examples_from_arrays(["play some jazz for me please", "what is my balance today"])
        plain = encode_examples("ngrams", examples)
        changed = encode_examples("ngrams", examples, plan="typos", copies=8)
        assert changed.shape == (2, 8, 2048)
        assert ((changed - plain).abs().amax(-1) > 0).float().mean() > 0.5

    def test_many_fit_into_several_batches(self, pictures, monkeypatch):
        whole = encode_examples("tiny", pictures, plan="noise", copies=9)
        monkeypatch.setattr(module, "BATCH", 4)
        monkeypatch.setenv("MANYSHOT_CACHE", "/dev/null/none")
        torch.testing.assert_close(encode_examples("tiny", pictures, plan="noise", copies=9), whole)


class TestInterruptions:
    def test_work_goes_on_where_it_stopped(self, pictures, monkeypatch):
        monkeypatch.setattr(module, "BATCH", 2)
        forward = Tiny.forward

        def stops(self, images):
            if Tiny.seen >= 4:
                raise KeyboardInterrupt
            return forward(self, images)

        monkeypatch.setattr(Tiny, "forward", stops)
        with pytest.raises(KeyboardInterrupt):
            encode_examples("tiny", pictures)
        assert count_uncached("tiny", pictures) == 3
        monkeypatch.setattr(Tiny, "forward", forward)
        Tiny.seen = 0
        features = encode_examples("tiny", pictures)
        assert Tiny.seen == 3
        torch.testing.assert_close(features[:, 0], Tiny(3).eval()(pictures.pictures(range(7), 12).float() / 255))

    def test_what_is_missing_is_counted_over_blocks_and_copies(self, pictures):
        assert count_uncached("tiny+tiny(bias=1)", pictures, plan="noise", copies=3) == 2 * 21
        encode_examples("tiny", pictures, plan="noise", copies=2)
        assert count_uncached("tiny", pictures, plan="noise", copies=3) == 7
        assert count_uncached("tiny", pictures.select([0, 0])) == 1


def test_the_time_that_is_estimated_is_none_for_what_is_cached_and_grows_with_blocks_and_copies(pictures):
    def seconds(name, examples, **variants):
        uncached = count_uncached(name, examples, **variants)
        return estimate_seconds(name, examples, uncached, variants.get("copies", 1))

    one, both = (seconds(name, pictures, plan="noise", copies=3) for name in ("tiny", "tiny+tiny(bias=1)"))
    assert 0 < one < both
    encode_examples("tiny+tiny(bias=1)", pictures)
    assert seconds("tiny+tiny(bias=1)", pictures) == 0
    assert seconds("ngrams", examples_from_arrays(["hello"])) > 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"encoder": "ngrams"}, "encoder 'ngrams' takes sentences, and the examples are pictures"),
        ({"encoder": "conv4"}, "encoder 'conv4': its weights are not frozen"),
        ({"encoder": "tiny(frozen=no)"}, "unknown option 'frozen'"),
        ({"encoder": "tiny+tiny"}, "give different encoders"),
        ({"encoder": "tiny+"}, "give different encoders"),
        ({"encoder": "tinny"}, "did you mean 'tiny'"),
        ({"copies": 2}, "copies=2: give at least 1, and a plan"),
        ({"copies": 0, "plan": "flip"}, "copies=0"),
        ({"plan": "flipp"}, "did you mean 'flip'"),
        ({"plan": "typos"}, "Typos: changes texts"),
        ({"plan": "mixup"}, "mixes classes"),
    ],
)
def test_what_does_not_fit_is_said_in_one_line(pictures, options, message):
    with pytest.raises(InputError, match=message) as caught:
        encode_examples(**{"encoder": "tiny", "examples": pictures, **options})
    assert "\n" not in str(caught.value)


def test_a_plan_is_ops_or_a_clause():
    assert plan_op("flip(0.25)").ops == (Flip(0.25),) == plan_op("support: flip(0.25)").ops


def test_costs_are_positive_and_add_up_over_blocks():
    assert 0 < measure_cost("tiny", "pictures") < measure_cost("tiny+tiny(bias=1)", "pictures") < 1


@pytest.mark.parametrize(
    "row", [row for row in FROZEN if row.is_installed and row.name != "minilm"], ids=lambda row: row.name
)
def test_the_registry_tells_the_truth_of_installed_encoders(row):
    module = build_encoder(row.name)
    assert getattr(module, "size", 0) == row.resolution
    if isinstance(module, PretrainedEncoder):
        assert sum(parameter.numel() for parameter in module.parameters()) / 1e6 == pytest.approx(
            row.millions, abs=5e-3
        )
    assert row.name in available(row.kind)
