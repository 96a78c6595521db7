import json

import numpy as np
from typer.testing import CliRunner

from manyshot.cli.main import app
from manyshot.datasets.check_scans import check_scans
from phantoms import ellipsoids, nifti


def folder(path, scale=1.0, spacing=1.0, name="a"):
    values, mask = ellipsoids()
    for kind, data in (("images", (values * scale).astype(np.float32)), ("labels", mask)):
        (path / kind).mkdir(parents=True, exist_ok=True)
        (path / kind / f"{name}.nii").write_bytes(nifti(data, np.diag([spacing, 1, 1, 1.0])))


def test_scans_that_are_alike_are_whole_without_a_word(tmp_path):
    for name in "abc":
        folder(tmp_path / "scans", name=name)
    state = check_scans(tmp_path / "scans")
    assert (state.scans, state.masks, state.broken, state.warnings) == (3, 3, (), ())


def test_other_units_other_spacing_and_broken_files_are_named(tmp_path):
    for name in "abc":
        folder(tmp_path / "scans", name=name)
    folder(tmp_path / "scans", scale=1000, name="hounsfield")
    folder(tmp_path / "scans", spacing=4, name="thick")
    (tmp_path / "scans" / "images" / "torn.nii").write_bytes(b"\x5c\x01\x00\x00torn")
    done = CliRunner().invoke(app, ["data", "check", str(tmp_path / "scans"), "--json"])
    assert done.exit_code == 1
    told = json.loads(done.stdout)
    assert not told["whole"]
    assert len(told["broken"]) == 1
    assert "torn.nii" in told["broken"][0]
    assert any("hounsfield" in line and "other units" in line for line in told["warnings"])
    assert any("thick" in line and "spacing of 1 x 1 x 4 mm" in line for line in told["warnings"])
    assert len(told["warnings"]) == 2
