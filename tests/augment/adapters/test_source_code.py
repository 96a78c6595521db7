"""Pipelines written for other libraries: the text is Python, holds the learned values, and runs where it can."""

import ast
import sys
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
import torch

from manyshot.augment import Plan
from manyshot.augment.adapters.source_code import (
    ALBUMENTATIONS,
    HELPERS,
    TORCHVISION,
    albumentations_source,
    torchvision_source,
)
from manyshot.base import InputError

EVERYTHING = (
    "shots: 4 x flip flip_vertical(0.2) turn(p=0.3) affine(10, 1.2, 0.2, 0.1, p=0.8) elastic(0.06) stroke(0.7, p=0.5) "
    "invert grayscale brightness contrast saturation hue gamma blur noise(0.2) erase(0.2, p=0.5)"
)
OP = Plan(EVERYTHING).item_op()


def imported(source: str, monkeypatch, **libraries) -> ModuleType:
    """The written file as a module, where these libraries are what it imports."""
    for name, library in libraries.items():
        monkeypatch.setitem(sys.modules, name.replace("__", "."), library)
    module = ModuleType("pipeline")
    exec(compile(source, "pipeline.py", "exec"), module.__dict__)
    return module


@pytest.mark.parametrize("write", [albumentations_source, torchvision_source])
def test_the_text_is_python_that_knows_nothing_of_manyshot(write):
    tree = ast.parse(write(OP, "All of them."))
    imports = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    imports |= {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert imports <= {"albumentations", "cv2", "math", "torch", "torch.nn.functional", "torchvision.transforms"}


def test_both_libraries_have_a_counterpart_for_every_op_that_a_policy_may_learn():
    from manyshot.meta_augment.policy.policy_ops import POLICY_OPS

    for op in POLICY_OPS.values():
        assert type(op.op) in ALBUMENTATIONS
        assert type(op.op) in TORCHVISION


def test_learned_values_and_probabilities_stand_in_the_text():
    op = Plan("shots: flip(0.25) noise(0.125, p=0.375)").item_op()
    assert "HorizontalFlip(p=0.25)" in albumentations_source(op, "")
    assert "GaussNoise(std_range=(0, 0.125), p=0.375)" in albumentations_source(op, "")
    assert "RandomApply([Noise(strength=0.125)], p=0.375)" in torchvision_source(op, "")


def test_only_what_is_needed_is_written():
    text = torchvision_source(Plan("shots: flip").item_op(), "")
    assert not any(f"class {name}" in text for name in HELPERS)
    assert "class Gamma" in torchvision_source(Plan("shots: gamma").item_op(), "")


@pytest.mark.parametrize("write", [albumentations_source, torchvision_source])
@pytest.mark.parametrize(
    ("text", "message"),
    [("shots: oneof(flip noise)", "'oneof' has no counterpart"), ("shots: jpeg", "'jpeg' has no counterpart")],
)
def test_an_op_without_a_counterpart_is_named(write, text, message):
    with pytest.raises(InputError, match=message):
        write(Plan(text).item_op(), "")


def test_albumentations_runs_what_was_written():
    pytest.importorskip("albumentations", reason="the extra 'albumentations' is not installed")
    module = ModuleType("pipeline")
    exec(albumentations_source(OP, ""), module.__dict__)
    image = np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8)
    generated = module.pipeline(image=image)["image"]
    assert generated.shape == image.shape
    assert (generated != image).any()


class TestWhatStandsInForMissingTransforms:
    @pytest.fixture
    def helpers(self, monkeypatch):
        """The classes that the text holds; torchvision itself is not here, so its names stand for nothing."""

        class Anything:
            def __getattr__(self, name):
                return lambda *_, **__: None

        v2 = Anything()
        op = Plan("shots: elastic(0.1) stroke(1) gamma(2) noise(0.3)").item_op()
        package = SimpleNamespace(transforms=SimpleNamespace(v2=v2))
        return imported(
            torchvision_source(op, ""), monkeypatch, torchvision=package, torchvision__transforms=package.transforms
        )

    @pytest.mark.parametrize(
        ("name", "options"),
        [
            ("Elastic", {"strength": 0.1, "cells": 4}),
            ("StrokeWidth", {"strength": 1.0}),
            ("Gamma", {"strength": 2.0}),
            ("Noise", {"strength": 0.3}),
        ],
    )
    def test_each_changes_an_image_and_keeps_its_shape_and_range(self, helpers, name, options):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            image = torch.rand(3, 24, 24)
            generated = getattr(helpers, name)(**options)(image)
        assert generated.shape == image.shape
        assert not torch.equal(generated, image)
        assert float(generated.min()) >= -1e-4
        assert float(generated.max()) <= 1 + 1e-4

    def test_elastic_moves_pixels_as_far_as_ours_does(self, helpers):
        def moved(change) -> float:
            ramp = torch.linspace(0, 1, 64).expand(1, 64, 64)
            return float((change(ramp) - ramp)[0, 8:-8, 8:-8].std())

        from manyshot.augment.image import Elastic

        ours, theirs = Elastic(0.05, padding_mode="border"), helpers.Elastic(strength=0.05, cells=4)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            own = [
                moved(lambda x, seed=seed: ours.apply(x[None], ours.sample(1, torch.Generator().manual_seed(seed)))[0])
                for seed in range(40)
            ]
            other = [moved(theirs) for _ in range(40)]
        assert np.mean(other) == pytest.approx(np.mean(own), rel=0.15)
