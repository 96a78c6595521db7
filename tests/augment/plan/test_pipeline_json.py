"""Pipelines as JSON: every op there and back, and what bad input gets."""

import json
import random

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from manyshot.augment import OPS, Compose, OneOf, Plan, SomeOf, Sometimes
from manyshot.augment.image import Affine, Crop, Erase, Flip, Noise, SaltPepper
from manyshot.augment.mix import MIXES, Mosaic, SometimesMix
from manyshot.augment.ops.op import Op
from manyshot.augment.plan.pipeline_json import from_json, to_json
from manyshot.base import InputError
from one_line_error import one_line_error

NESTED = Compose(
    (
        Sometimes(Affine(5.0, padding_mode="border"), 0.3),
        OneOf((Flip(), SomeOf((Noise(0.05), Erase(holes=3)), 1))),
        Compose(()),
    )
)


@pytest.mark.parametrize("op", [kind() for kind in (OPS | MIXES).values()], ids=lambda op: type(op).__name__)
def test_every_op_and_mix_comes_back_equal(op):
    assert from_json(to_json(op)) == op


@pytest.mark.parametrize("op", [NESTED, SometimesMix(Mosaic(tiles=3), 0.2), Plan("natural").placements["support"].op])
def test_nested_pipelines_come_back_equal(op):
    again = from_json(to_json(op))
    assert again == op
    assert to_json(again) == to_json(op)


def test_a_pipeline_that_comes_back_makes_the_same_pixels():
    images = torch.rand(8, 1, 10, 10, generator=torch.Generator().manual_seed(0))
    results = []
    for op in (NESTED, from_json(to_json(NESTED))):
        results.append(op.apply(images, op.sample(8, torch.Generator().manual_seed(1))))
    assert results[0].equal(results[1])


def pipeline(chance: random.Random, depth: int = 0):
    """Any pipeline; made in the test, not by a strategy, since type checks of tuples draw at random."""
    kind = chance.choice(["affine", "flip"] if depth > 3 else ["affine", "flip", "compose", "sometimes", "oneof"])
    if kind == "affine":
        return Affine(chance.uniform(0, 180), padding_mode=chance.choice(["zeros", "border"]))
    if kind == "flip":
        return Flip(chance.random())
    if kind == "sometimes":
        return Sometimes(pipeline(chance, depth + 1), chance.random())
    inner = tuple(pipeline(chance, depth + 1) for _ in range(chance.randint(1, 3)))
    return Compose(inner) if kind == "compose" else OneOf(inner)


@given(st.integers(0, 2**32))
def test_any_pipeline_comes_back_equal(seed):
    op = pipeline(random.Random(seed))
    assert from_json(to_json(op)) == op


def stored(op: object) -> str:
    return json.dumps({"manyshot pipeline": 1, "op": op})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "not valid JSON"),
        ("[" * 100_000, "not valid JSON"),
        ("[]", "'manyshot pipeline' and 'op'"),
        ('{"manyshot pipeline": 2, "op": {}}', "version 2"),
        (stored("flip"), "op: no op"),
        (stored({"name": "flap"}), "did you mean 'flip'"),
        (stored({"name": "__import__"}), "unknown op"),
        (stored({"name": "flip", "P": 1}), "flip has no option 'P'"),
        (stored({"name": "flip", "p": "1"}), 'op.p: "1"; give a number'),
        (stored({"name": "flip", "p": True}), "op.p: true; give a number"),
        (stored({"name": "erase", "holes": 1.5}), "give a whole number"),
        (stored({"name": "flip", "p": 2}), "op: p=2: give a number from 0 to 1"),
        ('{"manyshot pipeline": 1, "op": {"name": "flip", "p": NaN}}', "NaN"),
        (stored({"name": "affine", "padding_mode": 3}), "give a text"),
        (stored({"name": "compose", "ops": {}}), "op.ops: no list"),
        (stored({"name": "compose", "ops": [{"name": "flip"}, 3]}), "op.ops[1]: no op"),
        (stored({"name": "compose"}), "compose without 'ops'"),
        (stored({"name": "compose", "ops": [{"name": "mixup"}]}), "give an op that keeps labels"),
        (stored({"name": "sometimes_mix", "mix": {"name": "flip"}}), "give a mix"),
    ],
)
def test_bad_input_ends_with_one_line_that_says_where(text, message):
    with one_line_error(message):
        from_json(text)


@pytest.mark.parametrize(
    ("old", "op"),
    [
        ({"name": "affine", "degrees": 5.0, "edge": "zero"}, Affine(5.0, padding_mode="zeros")),
        ({"name": "crop", "edge": "border"}, Crop(padding_mode="border")),
        ({"name": "salt_pepper", "share": 0.1}, SaltPepper(fraction=0.1)),
    ],
)
def test_options_of_earlier_versions_are_read_by_the_names_of_today(old, op):
    assert from_json(stored(old)) == op


def test_nesting_has_an_end():
    op = {"name": "flip"}
    for _ in range(40):
        op = {"name": "sometimes", "op": op}
    with pytest.raises(InputError, match="nest fewer"):
        from_json(stored(op))


def test_an_op_of_somebody_else_is_refused_by_name():
    class Mine(Op):
        def sample(self, n, generator):
            return {}

        def apply(self, items, params):
            return items

    with pytest.raises(InputError, match="Mine cannot be stored"):
        to_json(Compose((Flip(), Mine())))
