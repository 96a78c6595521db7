"""`fit`, `predict`, `evaluate` and `compare` on scans, by slices and a frozen encoder of pictures."""

import numpy as np
import pytest
import torch

from manyshot.base import InputError
from manyshot.classify import fit_model, load_model, save_model
from manyshot.classify.data_issues.find_duplicate_examples import find_duplicate_examples
from manyshot.classify.encode.encode_examples import encode_examples
from manyshot.classify.examples.read_examples import load_examples, load_unlabeled
from manyshot.classify.export.export_model import export_model
from manyshot.compare import Arm, EvaluationSuite
from manyshot.compare.compare_frozen import compare_frozen
from manyshot.datasets import load_dataset
from manyshot.nets import ENCODERS
from manyshot.nets.slices import VIEWS, slices_of
from manyshot.training import Config, image_shape
from one_line_error import one_line_error
from phantoms import dicom_slice, nifti

ENCODER = "efficientnet-lite0(resolution=64)"
MOVED = "affine3(5, padding_mode=border) gamma(1.2)"


def ball(radius: float, seed: int) -> np.ndarray:
    random = np.random.default_rng(seed)
    x, y, z = np.mgrid[:20, :24, :16]
    inside = (x - 10) ** 2 + (y - 12) ** 2 + (z - 8) ** 2 < radius**2
    return (np.where(inside, 900.0, 100.0) + random.normal(0, 30, inside.shape)).astype(np.float32)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    root = tmp_path_factory.mktemp("data") / "scans"
    for name, radius in {"large": 7, "small": 3}.items():
        (root / name).mkdir(parents=True)
        for number in range(4):
            (root / name / f"p{number}-{name}.nii").write_bytes(nifti(ball(radius + number / 8, number)))
    return root


def test_scans_are_listed_and_read_as_cubes_through_their_window(folder):
    examples = load_examples(folder)
    assert examples.kind == "scans"
    assert examples.names[0] == "large/p0-large"
    cubes = examples.volumes([0, 7])
    assert cubes.shape == (2, 1, 96, 96, 96)
    assert cubes.dtype == torch.uint8
    assert cubes[0].float().mean() > cubes[1].float().mean() + 20
    dark = load_examples(folder, window="width(400, 2000)")
    assert dark.volumes([0]).max() == 0
    assert set(dark.digests).isdisjoint(examples.digests)  # other features
    assert examples.pictures([0], 32).shape == (1, 3, 32, 32)
    assert find_duplicate_examples(examples) == []


def test_features_of_a_volume_are_the_mean_over_its_slices():
    encoder = ENCODERS.build(ENCODER, channels=1, size=64, norm="batch").eval()
    volumes = torch.rand(2, 1, 12, 16, 20)
    slices = slices_of(volumes, 64)
    assert slices.shape == (2 * VIEWS, 1, 64, 64)
    with torch.no_grad():
        expected = encoder(slices).unflatten(0, (2, VIEWS)).mean(1)
        assert torch.allclose(encoder(volumes), expected, atol=1e-5)


def test_slices_stand_upright_and_are_those_of_each_axis():
    volume = torch.zeros(1, 1, 8, 8, 8)
    volume[:, :, 7] = 1  # the top of the head
    slices = slices_of(volume, 8)
    assert slices[:4].sum() == 64  # one axial slice, at 7/8
    assert slices[4:].mean(0)[0, 0].eq(1).all()  # the first row is the top
    assert slices[4:].mean(0)[0, 1:].eq(0).all()


def test_a_fitted_model_knows_new_scans_and_keeps_its_window(folder, tmp_path):
    examples = load_examples(folder, window="minmax", group_by=r"(p\d-\w+)")
    model, report = fit_model(examples, encoder=ENCODER, head="ridge", plan=MOVED)
    assert model.views == ((MOVED, 4),)
    assert report.accuracy > 0.8
    save_model(model.with_report({**model.report, "window": "minmax"}), tmp_path / "model")
    loaded = load_model(tmp_path / "model")
    new = tmp_path / "new.nii.gz"
    new.write_bytes(nifti(ball(7, 99)))
    found = loaded.predict(load_unlabeled([new, folder / "small"], kind="scans", window=loaded.window))
    assert found.probabilities.argmax(1).tolist() == [0, 1, 1, 1, 1]


def test_variants_are_made_in_three_dimensions_and_depend_on_seed_and_scan_alone(folder):
    examples = load_examples(folder)
    both = encode_examples(ENCODER, examples, plan=MOVED, copies=2)
    alone = encode_examples(ENCODER, examples.select([5]), plan=MOVED, copies=1)
    assert torch.allclose(both[5, 0], alone[0, 0], atol=1e-4)
    assert not torch.allclose(both[5, 0], both[5, 1], atol=1e-3)
    with one_line_error("these items are volumes"):
        encode_examples(ENCODER, examples, plan="affine(5)")


def test_patients_of_slices_are_those_of_dicom(tmp_path):
    for number in range(4):
        name = ("a", "b")[number % 2]
        where = tmp_path / "scans" / name / f"s{number}"
        where.mkdir(parents=True)
        for z in range(3):
            data = dicom_slice(
                np.full((6, 5), 100 * z + number), (0, 0, 3 * z), f"1.{number}", PatientID=f"person {number // 2}"
            )
            (where / f"{z}.dcm").write_bytes(data)
    examples = load_examples(tmp_path / "scans")
    assert examples.groups is not None
    assert examples.groups.tolist() == [0, 1, 0, 1]
    source = load_dataset(str(tmp_path / "scans"), size=8)
    assert source.author_names is not None
    assert len(source.author_names) == 2
    assert not any("person" in name for name in source.author_names)


def test_a_source_of_scans_is_evaluated_with_plans_in_three_dimensions(folder):
    source = load_dataset(str(folder), size=16, group_by=r"(p\d)")
    assert source.gather([0]).shape == (1, 1, 16, 16, 16)
    assert source.author_names == ("p0", "p1", "p2", "p3")
    arms = [Arm("none", "none"), Arm("moved", f"shots: 2 x {MOVED}")]
    config = Config(str(folder), encoder=ENCODER, ways=2)
    result = compare_frozen(arms, config, EvaluationSuite("", 2, 1, 2, 4), source)
    assert all(one.mean > 0.7 for one in result.results[""].values())


def test_what_cannot_be_done_with_scans_is_said_in_a_line(folder, tmp_path):
    source = load_dataset(str(folder), size=8)
    with one_line_error("use a frozen one"):
        image_shape(source)
    with one_line_error("no splits"):
        load_dataset(str(folder), split="train")
    with one_line_error("a folder per class"):
        load_examples(folder / "large")
    model, _ = fit_model(load_examples(folder), encoder=ENCODER, head="ridge", plan="none")
    with one_line_error("manyshot predict"):
        export_model(model, tmp_path / "model.onnx")
    with pytest.raises(InputError, match="names of scans"):
        fit_model(load_examples(folder), encoder=ENCODER, names="always", plan="none")
