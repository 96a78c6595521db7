"""Augmented scans as files: replayed from the manifest, in the right place, masks with them."""

import json

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from manyshot.augment import Plan
from manyshot.base import InputError
from manyshot.cli.main import app
from manyshot.datasets.volume_folder import read_path
from manyshot.datasets.window import parse_window
from manyshot.samples.export_scans import export_scans, replay_scan
from manyshot.samples.plane_sheet import draw_scan, plane
from phantoms import dicom_slice, ellipsoids, nifti

AFFINE = np.array([[-2.0, 0, 0, 9], [0, 1.5, 0, 5], [0, 0, 3, -20], [0, 0, 0, 1]])
PLAN = Plan("shots: affine3(20) elastic3 bias_field3")


@pytest.fixture
def scans(tmp_path):
    values, mask = ellipsoids()
    for name, scale in (("a", 1), ("b", 3)):
        for folder, data in (("images", (values * scale).astype(np.int16)), ("labels", mask)):
            (tmp_path / "scans" / folder).mkdir(parents=True, exist_ok=True)
            (tmp_path / "scans" / folder / f"{name}.nii").write_bytes(nifti(data, AFFINE))
    return tmp_path / "scans"


def lines(exported):
    return [json.loads(line) for line in exported.manifest.read_text().splitlines()]


def test_every_sample_is_replayed_from_its_line_and_lies_where_the_scan_lies(scans, tmp_path):
    exported = export_scans(scans, PLAN, 3, tmp_path / "out", seed=4)
    for line in lines(exported):
        values, mask = replay_scan(line, scans)
        original = read_path(scans / line["source"])
        low, high = parse_window(line["window"]).limits(original.values, "scan")
        stored, stored_mask = read_path(exported.folder / line["file"]), read_path(exported.folder / line["mask"])
        assert stored.values.dtype == np.int16
        assert np.abs(stored.values - (low + values.numpy() * (high - low))).max() <= 0.51
        assert np.array_equal(stored_mask.values[0], mask.numpy())
        assert np.allclose(stored.affine, original.affine)
        assert set(np.unique(stored_mask.values)) <= {0, 1, 2}
    assert [line["source"] for line in lines(exported)] == ["images/a.nii", "images/a.nii", "images/b.nii"]


def test_an_organ_moves_in_space_as_the_params_say(scans, tmp_path):
    plan = Plan("shots: affine3(0, 1, 0, 0.3)")
    line = lines(export_scans(scans, plan, 1, tmp_path / "out"))[0]

    def middle(scan):
        places = np.argwhere(scan.values[0] == 1)[:, ::-1]
        return scan.affine[:3, :3] @ places.mean(0) + scan.affine[:3, 3]

    before, after = read_path(scans / "labels" / "a.nii"), read_path(tmp_path / "out" / line["mask"])
    shift = np.array(line["params"]["0"]["shift"]) * np.array(before.values.shape[:0:-1]) / 2
    expected = np.array([2.0, 1.5, 3.0]) * shift
    assert (np.abs(middle(after) - middle(before) - expected) <= np.array([1.0, 0.75, 1.5])).all()


def test_the_same_seed_gives_the_same_files_and_may_be_overwritten(scans, tmp_path):
    first = export_scans(scans, PLAN, 2, tmp_path / "out", seed=1)
    before = {path: path.read_bytes() for path in first.folder.rglob("*.nii.gz")}
    export_scans(scans, PLAN, 2, tmp_path / "out", seed=1, overwrite=True)
    assert {path: path.read_bytes() for path in first.folder.rglob("*.nii.gz")} == before
    with pytest.raises(InputError, match="not empty"):
        export_scans(scans, PLAN, 2, tmp_path / "out")


def test_mirrored_labels_are_refused_with_the_name_of_the_scan(scans, tmp_path):
    with pytest.raises(InputError, match=r"a\.nii: Flip3: mirrors left and right"):
        export_scans(scans, Plan("shots: flip3(x, p=1)"), 1, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    export_scans(scans, Plan('shots: flip3(x, p=1, swap="1-2")'), 1, tmp_path / "out")
    line = json.loads((tmp_path / "out" / "manifest.jsonl").read_text())
    sides = [
        [np.argwhere(read_path(path).values[0] == value)[:, 2].mean() for value in (1, 2)]
        for path in (scans / "labels" / "a.nii", tmp_path / "out" / line["mask"])
    ]
    assert np.allclose(*sides)  # the organs are alike, and each keeps its side


def test_rarer_classes_are_filled_up(tmp_path):
    for name, count in {"rare": 1, "common": 3}.items():
        (tmp_path / "scans" / name).mkdir(parents=True)
        for number in range(count):
            (tmp_path / "scans" / name / f"{number}.nii").write_bytes(nifti(ellipsoids()[0], AFFINE))
    made = export_scans(tmp_path / "scans", PLAN, 4, tmp_path / "out", fill_up=True)
    assert made.generated == {"common": 1, "rare": 3}
    assert len(list((tmp_path / "out" / "rare").glob("*.nii.gz"))) == 3
    made = export_scans(tmp_path / "scans", PLAN, 3, tmp_path / "out", fill_up=True, overwrite=True)
    assert made.generated == {"common": 0, "rare": 2}
    assert {file.name for file in made.folder.iterdir()} == {"rare", "rare.sheet.png", "manifest.jsonl"}


def test_ops_on_pictures_are_refused_for_scans(scans, tmp_path):
    with pytest.raises(InputError, match="Affine: changes images, and these items are volumes"):
        export_scans(scans, Plan("shots: affine"), 1, tmp_path / "out")


def test_planes_show_the_right_side_at_the_left_and_the_front_up():
    values = torch.zeros(1, 8, 8, 8)
    values[..., 6, 6] = 1  # front right
    picture = np.asarray(plane(values, (1, 1, 1)))
    assert np.unravel_index(picture.argmax(), picture.shape) == (1, 1)
    assert draw_scan_of_phantom().width > 300


def draw_scan_of_phantom():
    from manyshot.datasets.nifti import read_nifti

    return draw_scan(read_nifti(nifti(ellipsoids()[0], AFFINE), "a.nii"), parse_window("minmax"))


class TestCommandLine:
    def test_shows_a_scan_with_spacing_orientation_range_and_window(self, scans, tmp_path):
        out = tmp_path / "scan.png"
        said = CliRunner().invoke(
            app, ["data", "show", str(scans / "images" / "a.nii"), "--window", "bone", "--out", str(out)]
        )
        assert said.exit_code == 0
        for fact in ("LAS in the file, RAS here", "2 x 1.5 x 3 mm", "bone: -500 to 1300", "int16"):
            assert fact in said.output
        assert out.exists()

    def test_augments_a_folder_and_shows_the_sheet(self, scans, tmp_path):
        arguments = [
            "augment",
            str(scans),
            "--plan",
            "shots: affine3",
            "--per-class",
            "2",
            "--out",
            str(tmp_path / "new"),
        ]
        assert CliRunner().invoke(app, arguments).exit_code == 0
        assert (tmp_path / "new" / "images.sheet.png").exists()
        said = CliRunner().invoke(app, ["data", "show", str(tmp_path / "new"), "--json"])
        assert json.loads(said.stdout)["scans"] == "2"

    def test_auto_is_for_pictures_alone(self, scans, tmp_path):
        out = tmp_path / "new"
        said = CliRunner().invoke(app, ["augment", str(scans), "--plan", "auto", "--per-class", "2", "--out", str(out)])
        assert said.exit_code == 2
        assert "mri-volume" in said.stderr

    def test_nothing_of_a_person_is_written_or_printed(self, tmp_path):
        (tmp_path / "series").mkdir()
        for index in range(4):
            pixels = np.random.default_rng(index).normal(0, 100, (6, 8))
            (tmp_path / "series" / f"{index}.dcm").write_bytes(dicom_slice(pixels, (0, 0, 3.0 * index)))
        said = CliRunner().invoke(app, ["data", "show", str(tmp_path / "series"), "--json"]).output
        (tmp_path / "in" / "cat").mkdir(parents=True)
        (tmp_path / "series").rename(tmp_path / "in" / "cat" / "one")
        exported = export_scans(tmp_path / "in", Plan("shots: noise"), 1, tmp_path / "out")
        written = b"".join(path.read_bytes() for path in exported.folder.rglob("*") if path.is_file())
        import gzip

        written += b"".join(gzip.decompress(path.read_bytes()) for path in exported.folder.rglob("*.gz"))
        for name in ("Doe", "Jane", "HOSPITAL", "19700101"):
            assert name not in said
            assert name.encode() not in written
