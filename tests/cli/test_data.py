import json
import os
import subprocess
import sys

import pytest
from PIL import Image

from manyshot.augment.image.stain.stain_styles import StainStyles, read_styles
from manyshot.datasets import DATASETS, load_dataset
from manyshot.samples.contact_sheet import draw_source_sheet


@pytest.fixture
def photos(tmp_path):
    folder = tmp_path / "my photos"
    for name in ("cat", "[b] 狗"):
        (folder / name).mkdir(parents=True)
        for i in range(3):
            Image.new("RGB", (12, 12), (i, 0, 200)).save(folder / name / f"{i}.png")
    return folder


def test_every_data_set_is_listed_with_its_splits_and_license(manyshot):
    answer = manyshot("data", "list")
    words = " ".join(answer.out.split())
    for row in DATASETS.values():
        assert row.name in words
        assert row.splits[-1] in words
    assert manyshot("data", "list", "--json").json[0].keys() >= {"name", "splits", "license", "files", "found"}


def test_files_that_are_here_are_counted(manyshot, tmp_path):
    (tmp_path / "mnist").mkdir()
    (tmp_path / "mnist" / DATASETS["mnist"].files[0].name).write_bytes(b"")
    result = {row["name"]: row["found"] for row in manyshot("data", "list", "--root", tmp_path, "--json").json}
    assert (result["mnist"], result["omniglot"]) == (1, 0)


def test_a_missing_or_broken_file_is_named_and_the_status_is_one(manyshot, tmp_path):
    files = [file.name for file in DATASETS["mnist"].files]
    (tmp_path / files[0]).write_bytes(b"\x1f\x8b broken")
    answer = manyshot("data", "check", "mnist", "--root", tmp_path)
    assert answer.status == 1
    assert f"{tmp_path / files[0]}: damaged or incomplete" in answer.out
    assert f"{files[1]}: not here" in answer.out
    values = manyshot("data", "check", "mnist", "--root", tmp_path, "--json").json
    assert values["whole"] is False
    assert [file["state"] for file in values["files"]][:2] == ["truncated", "missing"]


def test_a_data_set_without_files_is_whole(manyshot):
    assert manyshot("data", "check", "digits").status == 0


def test_only_the_files_of_a_split_are_checked_when_one_is_named(manyshot, real_data):
    answer = manyshot("data", "check", "omniglot", "--split", "small1", "--root", real_data, "--json")
    assert answer.status == 0
    assert [file["file"] for file in answer.json["files"]] == ["images_background_small1.zip"]
    assert manyshot("data", "check", "omniglot", "--split", "smal1", "--root", real_data).status == 2


def test_a_folder_is_whole_until_a_picture_breaks(manyshot, photos):
    assert manyshot("data", "check", photos).status == 0
    (photos / "cat" / "0.png").write_bytes(b"no picture")
    answer = manyshot("data", "check", photos)
    assert answer.status == 1
    assert "0.png" in answer.out
    assert manyshot("data", "check", photos, "--json").json["pictures"] == 6


@pytest.mark.parametrize("command", ["check", "show"])
def test_an_unknown_name_gets_the_nearest_known_one(manyshot, command):
    answer = manyshot("data", command, "omniglt")
    assert answer.status == 2
    assert "did you mean 'omniglot'?" in answer.errors


def test_a_source_is_described_and_drawn(manyshot, photos, tmp_path):
    answer = manyshot("data", "show", photos, "--out", tmp_path / "sheet.png")
    assert answer.status == 0
    assert "my photos" in answer.out
    with Image.open(tmp_path / "sheet.png") as sheet:
        assert (2, 0, 200) in {color for _, color in sheet.getcolors(1 << 20)}


def test_the_numbers_of_a_data_set_are_json(manyshot):
    answer = manyshot("data", "show", "digits", "--json").json
    assert (answer["classes"], answer["examples"], answer["shape"]) == (10, 1797, [1, 28, 28])


@pytest.mark.parametrize(
    ("name", "option", "paper"),
    [("digits", None, True), ("digits", "--no-paper", False), ("photos", None, False), ("photos", "--paper", True)],
)
def test_handwriting_is_drawn_on_paper_unless_asked_otherwise(manyshot, photos, tmp_path, name, option, paper):
    chosen = photos if name == "photos" else name
    arguments = ("data", "show", chosen, "--items", 2, "--classes", 1, "--out", tmp_path / "sheet.png")
    assert manyshot(*arguments, *([option] if option else [])).status == 0
    source = load_dataset(str(chosen))
    title = f"{source.name}: {len(source.class_names)} classes, {len(source):,} examples"
    expected = draw_source_sheet(source, title=title, max_rows=1, max_columns=2, paper=paper)
    with Image.open(tmp_path / "sheet.png") as sheet:
        assert sheet.tobytes() == expected.tobytes()


def test_a_wrong_split_names_the_right_ones(manyshot):
    assert "greek" in manyshot("data", "show", "glyphs", "--split", "grek").errors


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse names that are no text")
def test_a_class_whose_name_is_no_text_is_checked_shown_and_printed_as_json(manyshot, photos, tmp_path):
    name = os.fsdecode(b"cl\xffass")
    (photos / "cat").rename(photos / name)
    assert manyshot("data", "show", photos, "--out", tmp_path / "sheet.png").status == 0
    (photos / name / "0.png").write_bytes(b"no picture")
    command = [sys.executable, "-m", "manyshot", "data", "check", str(photos), "--json"]
    strict = {**os.environ, "PYTHONIOENCODING": "utf-8:strict"}
    answer = subprocess.run(command, env=strict, capture_output=True, check=False)
    assert (answer.returncode, answer.stderr) == (1, b"")
    assert name in json.loads(answer.stdout.decode())["broken"][0]


def test_stain_styles_are_measured_and_read_by_the_op(manyshot, photos, tmp_path):
    out = tmp_path / "styles.json"
    facts = manyshot("data", "styles", photos, "--out", out, "--json").json
    assert facts["out"] == str(out)
    assert len(facts["mean"]) == 3
    assert read_styles(out) != StainStyles()
    manyshot("data", "styles", photos, "--out", out)  # what Manyshot wrote may be replaced
    plan = f'shots: stain-style(file="{out}")'
    manyshot("augment", photos, "--plan", plan, "--per-class", 5, "--out", tmp_path / "more")
    assert len(list((tmp_path / "more").rglob("*.png"))) > 6


def test_stain_styles_replace_no_file_of_others(manyshot, photos, tmp_path):
    (tmp_path / "notes.json").write_text("{}", encoding="utf-8")
    refused = manyshot("data", "styles", photos, "--out", tmp_path / "notes.json")
    assert refused.status == 2
    assert "choose another --out" in refused.errors
