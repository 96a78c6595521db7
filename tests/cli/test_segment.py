"""`manyshot segment`: train, predict, evaluate, learn, and one line for what is wrong."""

import io
import json
import zipfile

import numpy as np
import pytest
import torch
from PIL import Image
from typer.testing import CliRunner

from manyshot.cli.main import app

LEARNER = "segmentation-unet(width=4, levels=2, steps=60, batch=2, rate=0.01)"


def cell(random: np.random.Generator, size: tuple[int, int] = (40, 36)) -> tuple[Image.Image, Image.Image]:
    """A picture with a dark spot on light ground, and its mask, 255 in the spot."""
    y, x = np.mgrid[: size[0], : size[1]]
    middle = random.uniform(12, 24, 2)
    spot = (y - middle[0]) ** 2 + (x - middle[1]) ** 2 < random.uniform(6, 9) ** 2
    pixels = np.where(spot[..., None], (90, 40, 120), (230, 220, 200)) + random.normal(0, 6, (*size, 3))
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8)), Image.fromarray((255 * spot).astype(np.uint8))


@pytest.fixture(scope="module")
def cells(tmp_path_factory):
    path = tmp_path_factory.mktemp("cells") / "cells.zip"
    random = np.random.default_rng(0)
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(6):
            for folder, picture in zip(("images", "masks"), cell(random), strict=True):
                buffer = io.BytesIO()
                picture.save(buffer, "PNG")
                archive.writestr(f"{folder}/p{number // 2}_{number}.png", buffer.getvalue())
    return path


@pytest.fixture(scope="module")
def trained(cells, tmp_path_factory):
    folder = tmp_path_factory.mktemp("trained")
    words = ("--shots", 1, "--label", "spot=255", "--size", 32, "--learner", LEARNER, "--group-by", "p[0-9]")
    report = ("--plan", "support: flip affine(10)", "--report", folder / "run.html")
    line = ("segment", "train", cells, "--out", folder / "run", *words, *report, "--json", "-q")
    answer = CliRunner().invoke(app, list(map(str, line)))
    assert answer.exit_code == 0, answer.stderr
    return folder, json.loads(answer.stdout)


def test_the_items_of_other_patients_are_scored_with_intervals_over_patients(trained):
    folder, answer = trained
    assert answer["cases"] == 4
    assert answer["patients"] == 2
    assert answer["dice"]["mean"] > 0.7
    assert answer["distance_unit"] == "pixels"
    learned = answer["learned_from"][0][:2]
    assert all(not case["name"].startswith(learned) for case in answer["by_case"])
    page = (folder / "run.html").read_text(encoding="utf-8")
    assert "Patients that were also learned from: 0" in page


def test_evaluate_says_the_same_as_the_training_did(trained, cells, manyshot):
    folder, first = trained
    answer = manyshot("segment", "evaluate", folder / "run", cells, "--json").json
    by_name = {case["name"]: case["dice"] for case in answer["by_case"]}
    assert all(by_name[case["name"]] == pytest.approx(case["dice"]) for case in first["by_case"])


def test_predicted_masks_have_the_size_and_the_values_of_the_files(trained, cells, manyshot, tmp_path):
    folder, _ = trained
    answer = manyshot("segment", "predict", folder / "run", cells, "--out", tmp_path / "masks", "--json")
    assert answer.status == 0, answer.errors
    assert len(answer.json["masks"]) == 6
    for name, fractions in answer.json["masks"].items():
        mask = np.asarray(Image.open(tmp_path / "masks" / name))
        assert mask.shape == (40, 36)
        assert set(np.unique(mask)) <= {0, 255}
        assert fractions["spot"] == pytest.approx((mask == 255).mean(), abs=1e-6)
    again = manyshot("segment", "predict", folder / "run", cells, "--out", tmp_path / "masks")
    assert (again.status, again.errors.count("\n")) == (2, 1)
    assert "exists" in again.errors


def test_the_same_seed_gives_the_same_network(trained, cells, manyshot, tmp_path):
    _, first = trained
    words = ("--shots", 1, "--label", "spot=255", "--size", 32, "--learner", LEARNER, "--group-by", "p[0-9]")
    plan = ("--plan", "support: flip affine(10)", "--json", "-q")
    again = manyshot("segment", "train", cells, "--out", tmp_path / "run", *words, *plan).json
    assert again["by_case"] == first["by_case"]


def test_prototypes_are_stored_with_their_support(cells, manyshot, tmp_path):
    learner = "pixel-prototypes(features=4, width=4, levels=2, steps=5, batch=1)"
    words = ("--size", 32, "--learner", learner, "--shots", 2, "-q", "--json")
    first = manyshot("segment", "train", cells, "--out", tmp_path / "run", *words)
    assert first.status == 0, first.errors
    again = manyshot("segment", "evaluate", tmp_path / "run", cells, "--json").json
    by_name = {case["name"]: case["dice"] for case in again["by_case"]}
    assert all(by_name[case["name"]] == pytest.approx(case["dice"]) for case in first.json["by_case"])


def test_variation_is_learned_from_unlabeled_pictures_and_serves_in_a_plan(cells, manyshot, tmp_path):
    bank = tmp_path / "bank.safetensors"
    words = ("--reference", "p0_0", "--size", 32, "--steps", 3, "--out", bank, "--json", "-q")
    assert manyshot("segment", "learn", cells, *words).json["scans"] == 5
    plan = f'support: scan_variation("{bank}") flip'
    learner = ("--learner", "segmentation-unet(width=4, levels=2, steps=2)")
    answer = manyshot(
        "segment", "train", cells, "--out", tmp_path / "run", "--size", 32, "--plan", plan, *learner, "--json", "-q"
    )
    assert answer.status == 0, answer.errors
    assert len(answer.json["learned_from"]) == 6


def test_scans_are_segmented_with_their_affine_matrices(manyshot, tmp_path):
    nibabel = pytest.importorskip("nibabel")
    random = np.random.default_rng(0)
    affine = np.diag([1.5, 2.0, 3.0, 1.0])
    affine[:3, 3] = (5, -7, 9)
    for name in ("images", "labels"):
        (tmp_path / "scans" / name).mkdir(parents=True)
    for number in range(3):
        mask = np.zeros((14, 12, 10), np.uint8)
        low = random.integers(2, 5, 3)
        mask[tuple(slice(one, one + 5) for one in low)] = 1
        values = 300.0 * mask + random.normal(100, 10, mask.shape)
        nibabel.save(
            nibabel.Nifti1Image(values.astype(np.float32), affine), tmp_path / f"scans/images/s{number}.nii.gz"
        )
        nibabel.save(nibabel.Nifti1Image(mask, affine), tmp_path / f"scans/labels/s{number}.nii.gz")
    words = ("--shots", 2, "--size", "8x12x16", "--learner", LEARNER, "--plan", "mri-volume", "--json", "-q")
    answer = manyshot(
        "segment", "train", tmp_path / "scans", "--out", tmp_path / "run", *words, "--report", tmp_path / "run.html"
    )
    assert answer.status == 0, answer.errors
    assert answer.json["distance_unit"] == "mm"
    done = manyshot("segment", "predict", tmp_path / "run", tmp_path / "scans", "--out", tmp_path / "masks")
    assert done.status == 0, done.errors
    written = nibabel.load(tmp_path / "masks" / "s0.nii.gz")
    assert written.shape == (14, 12, 10)
    assert np.allclose(written.affine, affine)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("--size", "4"), "from 8 to 512"),
        (("--size", "8x8x8"), "pictures have 2 sides"),
        (("--size", "big"), "--size big"),
        (("--label", "spot"), "label 'spot'"),
        (("--learner", "unet"), "segmentation-unet"),
        (("--plan", "query: flip"), "no meaning in segmentation"),
        (("--plan", "shots: balanced 2 x flip"), "'balanced' has no meaning in segmentation"),
        (("--group-by", "q[0-9]"), "does not match"),
        (("--shots", "9"), "give more patients"),
        (("--report", "page.html"), "--shots"),
        (("--window", "lungs"), "lung"),
        (("--device", "cuba"), "device='cuba'"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(words, expected, cells, manyshot, tmp_path):
    answer = manyshot("segment", "train", cells, "--out", tmp_path / "run", "-q", *words)
    assert answer.status == 2
    assert expected in answer.errors
    assert answer.errors.count("\n") == 1
    assert not (tmp_path / "run").exists()


def test_folders_without_masks_and_damaged_runs_are_errors(trained, manyshot, tmp_path):
    (tmp_path / "images").mkdir()
    Image.new("L", (16, 16)).save(tmp_path / "images" / "a.png")
    answer = manyshot("segment", "train", tmp_path, "--out", tmp_path / "run")
    assert (answer.status, "no masks" in answer.errors) == (2, True)
    (tmp_path / "masks").mkdir()
    Image.new("L", (16, 15)).save(tmp_path / "masks" / "a.png")
    answer = manyshot("segment", "train", tmp_path, "--out", tmp_path / "run")
    assert (answer.status, "15 x 16" in answer.errors) == (2, True)
    folder, _ = trained
    stored = json.loads((folder / "run" / "segmentation.json").read_text())
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "segmentation.safetensors").write_bytes((folder / "run" / "segmentation.safetensors").read_bytes())
    for change in ({"shape": [1, 32, 32]}, {"format": "other"}, {"learner": "segmentation-unet(width=5)"}):
        (broken / "segmentation.json").write_text(json.dumps(stored | change))
        answer = manyshot("segment", "evaluate", broken, tmp_path)
        assert (answer.status, answer.errors.count("\n")) == (2, 1)
    assert manyshot("segment", "evaluate", tmp_path / "nothing", tmp_path).status == 2


def test_overlays_draw_found_and_true_lines_in_pictures_and_in_three_planes():
    from manyshot.report.segmentation_page import COLORS, overlay

    found, true = torch.zeros(2, 16, 16, dtype=torch.long)
    found[4:10, 4:10] = 1
    true[5:11, 5:11] = 1
    pixels = np.asarray(overlay(torch.zeros(1, 16, 16, dtype=torch.uint8), found, true)).reshape(-1, 3)
    shown = {tuple(pixel) for pixel in pixels.tolist()}
    assert {COLORS[0], (255, 255, 255), (0, 0, 0)} <= shown
    volume = overlay(torch.zeros(1, 8, 12, 10, dtype=torch.uint8), torch.ones(8, 12, 10, dtype=torch.long))
    assert volume.width > volume.height
