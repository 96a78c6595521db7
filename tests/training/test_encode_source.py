from contextlib import contextmanager
from dataclasses import replace
from importlib import import_module
from pathlib import Path

import pytest
import torch
from torch import nn

from manyshot.base import InputError
from manyshot.learners import FeatureLearner, Prototypes, Ridge
from manyshot.nets import ENCODERS, PretrainedEncoder
from manyshot.runtime.distributed import Processes
from manyshot.tasks import EpisodeSampler, Source
from manyshot.training import Config, Settings, frozen_run, load_run, train
from manyshot.training.encode_source import encode
from manyshot.training.evaluate import evaluate_tasks
from manyshot.training.train_from_config import check_trainable

# The module; the package's attribute of this name is the function.
TRAIN = import_module("manyshot.training.train_from_config")


class Counting(nn.Sequential):
    """A small network that notes how many images it has seen."""

    def __init__(self) -> None:
        torch.manual_seed(0)
        super().__init__(nn.Conv2d(3, 6, 5), nn.BatchNorm2d(6), nn.AdaptiveAvgPool2d(2), nn.Flatten())
        self.seen = 0

    def forward(self, images):
        self.seen += len(images)
        return super().forward(images)


def made(frozen: bool = True, channels: int = 1) -> PretrainedEncoder:
    encoder = PretrainedEncoder([Counting()], channels, size=12, mean=(0.5,) * 3, std=(0.5,) * 3, frozen=frozen)
    encoder.stages[0].seen = 0
    return encoder


def tiny(channels: int, frozen: bool = True) -> PretrainedEncoder:
    return made(frozen, channels)


def record_encoders(monkeypatch) -> list[PretrainedEncoder]:
    """The encoders that are built from here on."""
    encoders: list[PretrainedEncoder] = []
    monkeypatch.delitem(ENCODERS, "tiny")
    monkeypatch.setitem(ENCODERS, "tiny", lambda: encoders.append(made()) or encoders[-1])
    return encoders


@pytest.fixture
def source() -> Source:
    images = torch.randint(256, (40, 1, 8, 8), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    return Source.of(images, [f"class {i % 4}" for i in range(40)])


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("MANYSHOT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setitem(ENCODERS, "tiny", tiny)
    return tmp_path / "cache" / "features"


class TestFeaturesOnDisk:
    def test_are_computed_once(self, source, cache):
        first, second = made(), made()
        features = encode(first, source).store
        assert encode(second, source).store.equal(features)
        assert (first.stages[0].seen, second.stages[0].seen) == (40, 0)
        assert len(list(cache.glob("*/*"))) == 1
        assert features.equal(first.eval()(source.gather(range(40)).float() / 255))

    def test_belong_to_weights_and_items(self, source):
        encode(made(), source)
        other = made()
        other.stages[0][0].weight.data[0] += 0.1
        encode(other, source)
        assert other.stages[0].seen == 40
        for changed in (
            source.subset(classes=["class 1", "class 2"]),
            replace(source, store=source.store.flip(0)),
        ):
            again = made()
            assert encode(again, changed).store.equal(again.eval()(changed.gather(range(len(changed))).float() / 255))

    @pytest.mark.parametrize("content", [b"", b"\x08\0\0\0\0\0\0\0{}      ", b"not a file of tensors"])
    def test_are_computed_again_where_the_file_is_damaged(self, source, cache, content):
        features = encode(made(), source).store
        (path,) = cache.glob("*/*")
        path.write_bytes(content)
        assert encode(made(), source).store.equal(features)
        unread = made()
        encode(unread, source)
        assert unread.stages[0].seen == 0

    def test_are_not_needed_where_they_cannot_be_kept(self, source, tmp_path, monkeypatch):
        (tmp_path / "file").write_text("")
        monkeypatch.setenv("MANYSHOT_CACHE", str(tmp_path / "file"))
        assert encode(made(), source).store.shape == (40, 24)

    def test_are_not_kept_of_an_encoder_that_trains_or_is_run_in_part(self, source, cache):
        encode(made(frozen=False), source)
        encode(made().with_forward(lambda whole, images: images.flatten(1)), source)
        assert not cache.exists()


def test_many_images_at_once_give_the_same_features(source):
    encoder, images = made().eval(), torch.rand(70, 1, 8, 8)
    with torch.no_grad():
        assert torch.allclose(encoder(images), torch.cat([encoder(image[None]) for image in images]), atol=1e-6)


@pytest.mark.parametrize("kind", [Ridge, Prototypes])
def test_tasks_evaluated_on_kept_features_get_the_same_answers(kind, source):
    sampler = EpisodeSampler(source, ways=3, shots=2, queries=4)
    on_features = evaluate_tasks(kind(made()), sampler, 20).accuracy
    few = [float(evaluate_tasks(kind(made()), sampler, n).accuracy[-1]) for n in (1, 2)]  # too few to encode all items
    assert on_features[:2].tolist() == few


def config(**changes) -> Config:
    fit = {"steps": 40, "meta_batch_size": 4, "validation_tasks": 70, "warmup_steps": 0, "learning_rate": 0.05}
    fit |= {name: changes.pop(name) for name in list(changes) if name in fit}
    options = {"learner": "ridge", "encoder": "tiny", "ways": 3, "queries": 2, "validation": 0.3}
    return Config("digits", **options | changes, fit=Settings(**fit))


class TestTrainingOnAFrozenEncoder:
    def test_goes_by_features_and_ends_as_by_images(self, monkeypatch):
        few = config(steps=6)
        by_images = train(few)  # six steps see fewer items than there are
        monkeypatch.setattr(EpisodeSampler, "examples_per_task", 10**9)
        by_features = train(few)
        for one, other in zip(by_images.rows, by_features.rows, strict=True):
            assert one == pytest.approx(other, rel=1e-4)
        for name, tensor in by_images.learner.state_dict().items():
            assert torch.allclose(tensor, by_features.learner.state_dict()[name], rtol=1e-4), name

    def test_encodes_each_item_once(self, monkeypatch):
        encoders = record_encoders(monkeypatch)
        result = train(config())
        assert encoders[0].stages[0].seen == 1797 + 2 * 9  # and two tasks of 9 items, to see whether it can be trained
        assert isinstance(result.learner, FeatureLearner)
        assert not result.learner.given_features
        assert not result.learner.training

    def test_with_a_plan_sees_images(self, monkeypatch):
        encoders = record_encoders(monkeypatch)
        train(config(plan="support: flip", steps=2, validation_tasks=1))
        assert 2 * 4 * 9 <= encoders[0].stages[0].seen < 200  # steps, tasks, items; and a few to validate

    def test_encodes_on_the_device_of_each_process_and_in_the_main_process_first(self, monkeypatch):
        calls = []

        class Watched(Processes):
            def device(self, name):
                return f"{name}:0"

            @contextmanager
            def main_first(self):
                calls.append("begin")
                yield
                calls.append("end")

        def watched(learner, tasks, validation, device):
            calls.append(device)
            return learner, tasks, validation

        monkeypatch.setattr(TRAIN, "on_fixed_features", watched)
        train(config(validation_tasks=1), processes=Watched())
        assert calls == ["begin", "end", "begin", "cpu:0", "end"]

    def test_gives_a_run_that_can_be_read_back(self, tmp_path):
        result = train(config(), tmp_path / "run")
        again = load_run(tmp_path / "run")
        assert all(t.equal(again.learner.state_dict()[n]) for n, t in result.learner.state_dict().items())
        assert again.learner.log_penalty != Ridge(nn.Identity()).log_penalty

    @pytest.mark.parametrize("learner", ["prototypes", "probe", "fine-tune", "baseline-plus-plus"])
    def test_is_refused_where_there_is_nothing_to_train_and_leaves_no_half_of_a_run(self, learner, tmp_path):
        with pytest.raises(InputError, match="nothing to train: its encoder is frozen"):
            check_trainable(config(learner=learner))
        with pytest.raises(InputError, match="nothing to train: its encoder is frozen"):
            train(config(learner=learner), tmp_path / "run")
        assert not (tmp_path / "run").exists()

    def test_an_encoder_that_is_not_frozen_trains(self):
        result = train(config(learner="prototypes", encoder="tiny(frozen=no)", steps=3, validation_tasks=2))
        assert not result.learner.encoder.state_dict()["stages.0.0.weight"].equal(
            made().state_dict()["stages.0.0.weight"]
        )


class TestEncodersEvaluatedAsTheyAre:
    def test_need_no_training(self, source):
        result = frozen_run(config(learner="ridge(penalty=0.5)"), source)
        assert not result.learner.training
        assert result.learner.log_penalty.exp().item() == pytest.approx(0.5)
        sampler = EpisodeSampler(source, ways=3, shots=2, queries=4)
        assert len(evaluate_tasks(result.learner, sampler, 20).accuracy) == 20

    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            ({"encoder": "conv4"}, "encoder 'conv4' knows nothing before it is trained"),
            ({"learner": "maml"}, "has weights of its own that have to be trained first"),
            ({"learner": "relation"}, "needs an encoder that gives feature maps"),
        ],
    )
    def test_are_refused_where_something_must_be_trained_first(self, changes, message, source):
        with pytest.raises(InputError, match=message) as caught:
            frozen_run(config(**changes), replace(source, store=torch.zeros(40, 1, 28, 28, dtype=torch.uint8)))
        assert "\n" not in str(caught.value)
