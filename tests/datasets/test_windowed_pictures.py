import io
import json

import numpy as np
import pytest
from PIL import Image

from manyshot.augment import Plan
from manyshot.base import InputError
from manyshot.classify.examples.read_examples import load_examples, load_unlabeled
from manyshot.datasets.image_folder import load_folder
from manyshot.datasets.window import parse_window
from manyshot.datasets.windowed_pictures import through_window
from manyshot.samples.export_pictures import export, replay

RAMP = np.linspace(0, 1, 64 * 64).reshape(64, 64)


def file_of(values, kind="TIFF"):
    file = io.BytesIO()
    Image.fromarray(values).save(file, kind)
    return file.getvalue()


def levels(data, window):
    png = through_window(data, "scan", parse_window(window))
    return np.asarray(Image.open(io.BytesIO(png)))


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ((RAMP * 4095).astype(np.uint16), "PNG"),  # 12 bits of 16
        ((RAMP * 65535).astype(np.uint16), "TIFF"),
        ((RAMP * 3000 - 1024).astype(np.int32), "TIFF"),
        ((RAMP * 1.7e6 - 100).astype(np.float32), "TIFF"),
        ((RAMP * 255).astype(np.uint8), "PNG"),
    ],
)
def test_no_type_wraps_and_all_levels_are_used(values, kind):
    found = levels(file_of(values, kind), "minmax")
    assert len(np.unique(found)) >= 200
    assert (np.diff(found.astype(int).reshape(-1)) >= 0).all()
    expected = np.rint((values - values.min()) / np.ptp(values.astype(float)) * 255)
    assert np.abs(found - expected).max() <= 1


def test_a_window_in_units_is_the_same_in_signed_whole_numbers_and_floats():
    values = (RAMP * 3000 - 1024).round()
    whole, real = (levels(file_of(values.astype(kind)), "abdomen") for kind in (np.int32, np.float32))
    assert (whole == real).all()
    assert whole[values <= -160].max() == 0
    assert whole[values >= 240].min() == 255


def test_full_is_the_range_of_the_stored_type():
    assert levels(file_of((RAMP * 4095).astype(np.uint16), "PNG"), "full").max() == 16


def test_colors_and_damage_are_one_line():
    with pytest.raises(InputError, match="has colors, and a window is for gray values"):
        through_window(file_of(np.zeros((4, 4, 3), np.uint8), "PNG"), "photo.png", parse_window("minmax"))
    with pytest.raises(InputError, match="not a complete image"):
        through_window(b"II*\x00", "scan.tif", parse_window("minmax"))


def folder_of_floats(path):
    rng = np.random.default_rng(0)
    for name, shift in (("low", 0), ("high", 400)):
        (path / name).mkdir(parents=True)
        for number in range(3):
            values = rng.normal(shift, 20, (32, 32)).astype(np.float32)
            Image.fromarray(values).save(path / name / f"{number}.tif")
    return path


def test_folders_of_floats_are_read_by_every_loader(tmp_path):
    path = folder_of_floats(tmp_path / "scans")
    with pytest.raises(InputError, match="name a window"):
        load_folder(path)
    source = load_folder(path, window="width(600, 200)")
    assert source.gather(range(3)).float().mean() > source.gather(range(3, 6)).float().mean() + 100
    examples = load_examples(path, window="width(600, 200)")
    assert (
        np.abs(examples.pictures(range(6), 32)[:, :1].numpy().astype(int) - source.gather(range(6)).numpy()).max() <= 1
    )
    others = load_unlabeled([path], window="width(600, 200)")
    assert others.digests == examples.digests
    assert load_examples(path, window="minmax").digests != examples.digests
    table = tmp_path / "faq.csv"
    table.write_text("text,label\nhello,greet\nbye,leave\n")
    with pytest.raises(InputError, match="no files of pictures"):
        load_examples(table, window="minmax")


def test_what_augment_writes_is_replayed_through_the_window_of_its_manifest(tmp_path):
    path = folder_of_floats(tmp_path / "scans")
    exported = export(path, Plan("shots: noise"), 3, tmp_path / "new", window="width(600, 200)")
    lines = [json.loads(line) for line in (exported.folder / "manifest.jsonl").read_text().splitlines()]
    for line in lines:
        assert line["window"] == "width(600, 200)"
        written = np.asarray(Image.open(exported.folder / line["file"]))
        assert (replay(line, path)[0].numpy() == written).all()


def test_rare_classes_are_filled_up(tmp_path):
    path = folder_of_floats(tmp_path / "scans")
    (path / "low" / "2.tif").unlink()
    exported = export(path, Plan("shots: noise"), 3, tmp_path / "new", window="minmax", fill_up=True)
    assert exported.generated == {"high": 0, "low": 1}
    assert len(list((exported.folder / "low").iterdir())) == 1
    assert exported.sheets == [exported.folder / "low.sheet.png"]
    assert {file.name for file in exported.folder.iterdir()} == {"low", "low.sheet.png", "manifest.jsonl"}
    again = {"window": "minmax", "fill_up": True, "overwrite": True}
    assert export(path, Plan("shots: noise"), 4, exported.folder, **again).generated == {"high": 1, "low": 2}
    with pytest.raises(InputError, match="every class has 2 or more; to fill up, ask for more than 2 each"):
        export(path, Plan("shots: noise"), 1, tmp_path / "other", window="minmax", fill_up=True)
    assert not (tmp_path / "other").exists()
