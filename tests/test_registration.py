"""Methods from outside the package."""

import subprocess
import sys
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import ClassVar

import pytest
import torch
from torch import nn

import manyshot
from manyshot import registration
from manyshot.augment.image.image_op import ImageOp
from manyshot.base import InputError
from manyshot.datasets import DATASETS, DataSet, load_dataset
from manyshot.learners.feature_learner import FeatureLearner
from manyshot.objectives.objective import Objective
from manyshot.tasks import Episode, Examples, Source


@dataclass(frozen=True)
class Half(ImageOp):
    strength: float = 0.5

    def sample(self, n, generator):
        return {}

    def change(self, images, params):
        return self.strength * images


class Centroids(FeatureLearner):
    def __init__(self, encoder: nn.Module, scale: float = 10.0) -> None:
        super().__init__(encoder)
        self.scale = nn.Parameter(torch.tensor(scale))

    def head(self, features, support):
        sums = support.labels.mT @ features
        return lambda queries, weight: self.scale * queries @ sums.mT


class Flat(nn.Flatten):
    def __init__(self, channels: int, size: int, pad: int = 0) -> None:
        super().__init__()
        self.features = channels * size**2


@dataclass(frozen=True)
class Doubled(Objective):
    factor: float = 2.0

    needs_plan: ClassVar[bool] = False

    def loss(self, learner, tasks, generator):
        return self.factor * learner.loss(tasks.own(tasks.draw()))


def episode_of(items) -> Episode:
    """Two tasks of three classes with the same three items as support and query."""
    side = Examples.of(items, torch.arange(3))
    return Episode(side, side, torch.arange(3).expand(2, 3))


def noise(split, root, size, color) -> Source:
    return Source.of(torch.rand(12, 1, size, size), [f"class {i % 3}" for i in range(12)])


@pytest.fixture
def register():
    """`manyshot.register`, undone after the test."""
    added = []

    def added_to(kind, name, *rest, **options):
        result = manyshot.register(kind, name, *rest, **options)
        added.append((kind, name))
        return result

    yield added_to
    for kind, name in added:
        module, _, attribute = registration.REGISTRIES[kind].partition(":")
        del getattr(import_module(module), attribute)[name]


class TestRegister:
    def test_an_op_acts_in_plans_by_name_and_alias(self, register):
        register("op", "half-light", Half, aliases=("dusk",))
        for text in ("support: half_light(0.25)", "support: dusk(0.25)"):
            assert manyshot.Plan(text).item_op().ops == (Half(0.25),)

    @pytest.mark.parametrize("plan", ["support: half_light", "shots: 2 x oneof(half_light)"])
    def test_an_op_on_images_changes_images_and_is_refused_for_texts(self, register, plan):
        register("op", "half-light", Half)
        images = torch.ones(2, 3, 1, 8, 8)
        changed = manyshot.Plan(plan).apply(episode_of(images), torch.Generator()).support.items
        assert changed[:, -1].eq(0.5).all()
        with pytest.raises(InputError, match="Half: changes images, and these items are texts"):
            manyshot.Plan(plan).apply(episode_of([["play", "pay", "call"]] * 2), torch.Generator())

    def test_a_learner_and_an_encoder_train_and_load_again(self, register, tmp_path):
        register("learner", "centroids", Centroids)
        register("encoder", "flat", Flat)
        config = manyshot.Config(
            "digits",
            learner="centroids(scale=3)",
            encoder="flat",
            fit=manyshot.Settings(steps=1, validation_tasks=1),
        )
        manyshot.train(config, tmp_path / "run")
        learner = manyshot.load(tmp_path / "run").learner
        assert isinstance(learner, Centroids)
        assert learner.scale.item() == pytest.approx(3, abs=0.1)

    def test_a_data_set_loads(self, register):
        row = DataSet("noise-pictures", "noise", "none", "https://example.org", ("all",), noise, 8)
        register("dataset", "noise-pictures", row)
        assert load_dataset("noise_pictures").store.shape == (12, 1, 8, 8)
        assert "noise-pictures" in DATASETS

    def test_an_objective_is_a_runs_objective(self, register):
        register("objective", "doubled", Doubled)
        assert manyshot.Config("digits", objective="doubled(3)").objective == "doubled(3)"

    def test_without_a_factory_it_is_a_decorator(self, register):
        assert registration.register("op", "never-added") is not None
        register("op", "half")(Half)
        assert manyshot.Plan("support: half").item_op().ops == (Half(),)

    @pytest.mark.parametrize(
        ("kind", "name", "factory", "message"),
        [
            ("lerner", "x", Centroids, "unknown kind 'lerner'; did you mean 'learner'"),
            ("learner", "maml", Centroids, "learner 'maml' exists already"),
            ("learner", "x", Half, "learner 'x': class Half is not derived from Learner"),
            ("learner", "x", lambda encoder: None, "learner 'x': give a class derived from Learner"),
            ("op", "x", Centroids, "op 'x': class Centroids is not derived from Op or Mix or TaskOp"),
            ("encoder", "x", 3, "encoder 'x': 3 is neither a class nor a function"),
            ("dataset", "x", noise, "data set 'x': give a DataSet"),
        ],
    )
    def test_what_cannot_be_named_is_refused_in_one_line(self, kind, name, factory, message):
        with pytest.raises(InputError, match=message) as caught:
            manyshot.register(kind, name, factory)
        assert "\n" not in str(caught.value)


PACKAGE = """
from dataclasses import dataclass
from manyshot.augment.image import Brightness
from manyshot.classify.heads import Centroid
from manyshot.datasets import DataSet
from manyshot.generate.registry import MODELS
from manyshot.learners import Prototypes
from manyshot.meta_augment.registry import AUGMENTERS
from manyshot.nets import Conv4
from manyshot.objectives import Plain
from manyshot.rl.adapt.ppo_learner import PlainPPO
from manyshot.rl.worlds.leap import Leap
from manyshot.segment.pixel_prototypes import PixelPrototypes

class Darken(Brightness): pass
class Nearest(Prototypes): pass
class Small(Conv4): pass
class Quiet(Plain): pass
class Means(Centroid): pass
class Pixels(PixelPrototypes): pass
class Hurdles(Leap): pass
class Agent(PlainPPO): pass
Learned, Model = AUGMENTERS["shift"], MODELS["gan"]
noise = DataSet("outside", "", "", "", ("all",), lambda *args: None, 8)
"""

POINTS = {
    "ops": "Darken",
    "learners": "Nearest",
    "encoders": "Small",
    "objectives": "Quiet",
    "augmenters": "Learned",
    "models": "Model",
    "datasets": "noise",
    "heads": "Means",
    "segmenters": "Pixels",
    "worlds": "Hurdles",
    "rl_learners": "Agent",
}


def test_an_installed_package_adds_to_every_registry_by_entry_points(tmp_path):
    (tmp_path / "outside_methods.py").write_text(PACKAGE)
    info = tmp_path / "outside_methods-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: outside-methods\nVersion: 1.0\n")
    groups = (f"[manyshot.{group}]\noutside = outside_methods:{name}\n" for group, name in POINTS.items())
    (info / "entry_points.txt").write_text("\n".join(groups))
    code = (
        "from importlib import import_module\n"
        "from manyshot.registration import REGISTRIES\n"
        "for place in REGISTRIES.values():\n"
        "    module, _, attribute = place.partition(':')\n"
        "    print(getattr(getattr(import_module(module), attribute).find('outside'), '__name__', 'row'))\n"
    )
    source = str(Path(manyshot.__file__).parents[1])
    result = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path[:0] = [{str(tmp_path)!r}, {source!r}]\n{code}"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.stderr == ""
    lines = result.stdout.split()
    assert lines[:4] == ["Darken", "Nearest", "Small", "row"]
    assert lines[-4:] == ["Means", "Pixels", "Hurdles", "Agent"]
    assert len(lines) == len(POINTS)
