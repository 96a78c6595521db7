"""Files that a classifier is exported to give its probabilities, in ONNX's own runtime and in torch's."""

import json
import sys
import warnings
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from manyshot.base import InputError
from manyshot.classify.encode import frozen_encoders
from manyshot.classify.encode.encode_examples import plan_op
from manyshot.classify.examples.read_examples import examples_from_arrays
from manyshot.classify.export import export_model as export
from manyshot.classify.export import export_modules
from manyshot.classify.export.export_model import check_target, export_model
from manyshot.classify.export.export_modules import ProbabilitiesOfFeatures, Resize, Views
from manyshot.classify.export.export_views import fixed_draws
from manyshot.datasets.pictures import resize
from manyshot.nets.pretrained import PretrainedEncoder
from small_classifiers import fit_small, questions
from tiny_bert import save_tiny_bert

SIZES = [(300, 260), (100, 50), (48, 48), (28, 28), (96, 24), (30, 200), (500, 641)]


def noise(height, width, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def few_pictures():
    pictures = [Image.fromarray(noise(40 + 7 * i, 90 - 9 * i, i)) for i in range(6)]
    return examples_from_arrays(pictures, ["bright", "dark"] * 3)


@pytest.fixture
def tiny_encoder(monkeypatch):
    """An encoder of pictures with a convolution of random weights, in place of one of the registry."""
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(3, 8, 5, stride=3), nn.ReLU(), nn.AdaptiveAvgPool2d(2), nn.Flatten())
    module = PretrainedEncoder([net], channels=3, size=24, mean=(0.5,) * 3, std=(0.25,) * 3)
    monkeypatch.setattr(frozen_encoders, "build_encoder", lambda name: module)
    frozen_encoders.load_encoder.cache_clear()
    yield "tiny"
    frozen_encoders.load_encoder.cache_clear()


@pytest.mark.parametrize("size", SIZES)
def test_resizing_by_matrix_products_gives_the_pixels_of_pillow(size):
    pixels = noise(*size)
    expected = np.asarray(resize(Image.fromarray(pixels), (48, 48))).astype(int)
    found = Resize(48)(torch.from_numpy(pixels).permute(2, 0, 1)[None])[0].permute(1, 2, 0).numpy().astype(int)
    assert np.abs(found - expected).max() <= 1
    assert (found != expected).mean() < 0.005


@pytest.mark.parametrize("head", ["ridge", "nearest", "lda", "centroid"])
def test_the_module_of_features_gives_the_probabilities_of_the_model(head):
    examples = questions()
    model = fit_small(examples, encoder="ngrams(32)", head=head)
    blocks = model.encode(examples)
    expected = model.predict_features(blocks).probabilities
    module = ProbabilitiesOfFeatures(model.transforms, model.linear, model.temperature)
    np.testing.assert_allclose(module(blocks[0][:, 0]).numpy(), expected, atol=1e-5)


def test_a_program_of_torch_gives_pictures_of_any_size_the_probabilities_of_the_model(tiny_encoder, tmp_path):
    examples = few_pictures()
    model = fit_small(examples, encoder=tiny_encoder)
    report = export_model(model, tmp_path / "model.pt2", "torch", examples)
    assert (report.checked, report.drawn) == (6, False)
    assert report.difference < 0.005
    assert report.size == (tmp_path / "model.pt2").stat().st_size
    again = export_model(model, tmp_path / "model.pt2", "torch", overwrite=True)
    assert again.drawn
    assert again.difference < 0.005
    assert [path.name for path in tmp_path.iterdir()] == ["model.pt2"]


def test_a_file_of_onnx_gives_the_same_says_what_it_takes_and_nothing_of_this_machine(tiny_encoder, tmp_path):
    onnxruntime = pytest.importorskip("onnxruntime", reason='pip install "manyshot[onnx]"')
    examples = few_pictures()
    model = fit_small(examples, encoder=tiny_encoder)
    assert export_model(model, tmp_path / "model.onnx", examples=examples).difference < 0.005
    session = onnxruntime.InferenceSession(tmp_path / "model.onnx")
    metadata = session.get_modelmeta().custom_metadata_map
    assert json.loads(metadata["class_names"]) == ["bright", "dark"]
    assert "uint8 [n, 3, height, width]" in metadata["inputs"]
    batch = np.stack([noise(33, 57, seed).transpose(2, 0, 1) for seed in range(3)])
    found = session.run(None, {"images": batch})[0]
    expected = model.predict(examples_from_arrays([Image.fromarray(one.transpose(1, 2, 0)) for one in batch]))
    np.testing.assert_allclose(found, expected.probabilities, atol=0.005)
    assert str(sys.prefix).encode() not in (tmp_path / "model.onnx").read_bytes()


VIEWS = (("affine", 2), ("crop(0.6)", 1), ("flip", 1))


def test_views_are_resampled_as_the_engine_does():
    draws = fixed_draws((*VIEWS, ("elastic", 1), ("resized_crop perspective flip", 1)))
    pixels = torch.from_numpy(np.stack([noise(24, 24, seed) for seed in range(3)])).permute(0, 3, 1, 2).contiguous()
    found = Views(draws, 24)(pixels.float()).view(1 + len(draws), 3, 3, 24, 24)
    np.testing.assert_array_equal(found[0], pixels)
    for view, (plan, params) in zip(found[1:], draws, strict=True):
        expected = torch.cat([plan_op(plan).apply(one[None].float() / 255, params) for one in pixels]) * 255
        assert (view - expected).abs().max() < 0.51
        assert (view - pixels).abs().max() > 1
    np.testing.assert_array_equal(found[4], pixels.flip(3))


def test_a_file_averages_views_under_draws_that_are_the_same_for_every_picture(tiny_encoder, tmp_path):
    examples = few_pictures()
    model = fit_small(examples, encoder=tiny_encoder, views=VIEWS)
    report = export_model(model, tmp_path / "model.pt2", "torch", examples)
    assert (report.views, report.views_of_file) == (5, 5)
    assert report.difference < 0.005
    once = export_model(replace(model, views=()), tmp_path / "once.pt2", "torch", examples)
    assert (once.views, once.views_of_file, once.difference_of_views) == (1, 1, once.difference)
    with warnings.catch_warnings(action="ignore"):
        programs = [torch.export.load(tmp_path / name).module() for name in ("model.pt2", "once.pt2")]
    batch = torch.from_numpy(np.stack([noise(33, 57, seed).transpose(2, 0, 1) for seed in range(7)]))
    averaged, alone = (program(batch) for program in programs)
    assert (averaged - alone).abs().max() > 0.01
    np.testing.assert_allclose(averaged[2:3], programs[0](batch[2:3]), atol=1e-5)


def test_onnx_averages_the_same_views(tiny_encoder, tmp_path):
    pytest.importorskip("onnxruntime", reason='pip install "manyshot[onnx]"')
    examples = few_pictures()
    model = fit_small(examples, encoder=tiny_encoder, views=VIEWS)
    report = export_model(model, tmp_path / "model.onnx", examples=examples)
    assert report.views_of_file == 5
    assert report.difference < 0.005


def test_views_that_change_levels_are_left_out_of_the_file(tiny_encoder, tmp_path):
    examples = few_pictures()
    model = fit_small(examples, encoder=tiny_encoder, views=(("flip", 1), ("brightness", 2)))
    report = export_model(model, tmp_path / "model.pt2", "torch", examples)
    assert (report.views, report.views_of_file) == (4, 1)
    assert report.difference < 0.005
    assert report.difference_of_views > report.difference


def test_a_transformer_is_exported_with_its_tokenizer(tmp_path):
    tokenizers = pytest.importorskip("tokenizers", reason='pip install "manyshot[transformers]"')
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "where", "is", "my", "parcel", "tea", "the", "green", "buy"]
    (tmp_path / "net").mkdir()
    examples = questions()
    model = fit_small(examples, encoder=f"sentences({save_tiny_bert(tmp_path / 'net', words)})")
    report = export_model(model, tmp_path / "model.pt2", "torch", examples)
    assert report.difference < 1e-4
    extra = {"tokenizer": ""}
    with warnings.catch_warnings(action="ignore"):
        program = torch.export.load(tmp_path / "model.pt2", extra_files=extra)
    texts = ["where is the tea", "buy my green parcel is the parcel"]
    encoded = tokenizers.Tokenizer.from_str(extra["tokenizer"]).encode_batch(texts)
    ids, mask = (torch.tensor([getattr(one, part) for one in encoded]) for part in ("ids", "attention_mask"))
    expected = model.predict(examples_from_arrays(texts)).probabilities
    np.testing.assert_allclose(program.module()(ids, mask).detach().numpy(), expected, atol=1e-4)


def test_of_other_encoders_of_sentences_the_file_takes_features(tmp_path):
    examples = questions()
    model = fit_small(examples, encoder="ngrams(64)")
    report = export_model(model, tmp_path / "model.pt2", "torch", examples)
    assert report.takes == "features: float32 [n, 64], of the encoder ngrams(64) (64)"
    assert report.difference < 1e-5


def test_a_file_that_differs_from_the_model_is_not_written(tmp_path, monkeypatch):
    examples = questions()
    model = fit_small(examples, encoder="ngrams(64)")
    monkeypatch.setattr(export, "TOLERANCE", -1.0)
    with pytest.raises(InputError, match="not written, since its probabilities differ"):
        export_model(model, tmp_path / "model.pt2", "torch", examples)
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_written_is_refused_before_anything_slow(tmp_path, monkeypatch):
    (tmp_path / "model.pt2").write_bytes(b"")
    for path, to, message in [
        (tmp_path / "model.onnx", "onxx", "did you mean 'onnx'"),
        (tmp_path / "model.zip", "onnx", "ends in .onnx; call it"),
        (tmp_path / "model.pt2", "torch", "exists already"),
    ]:
        with pytest.raises(InputError, match=message):
            check_target(path, to, overwrite=False)
    check_target(tmp_path / "model.pt2", "torch", overwrite=True)
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(InputError, match=r'pip install "manyshot\[onnx\]"'):
        check_target(tmp_path / "model.onnx", "onnx", overwrite=False)


def test_the_kernels_of_pillow_are_whole_at_their_centers():
    zero = torch.zeros(1)
    assert export_modules._hamming(zero).item() == pytest.approx(1)
    assert export_modules._bicubic(zero).item() == 1
