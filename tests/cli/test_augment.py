import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image


@pytest.fixture
def photos(tmp_path):
    folder = tmp_path / "photos"
    for name in ("cat", "[red] dog"):
        (folder / name).mkdir(parents=True)
        Image.fromarray(np.random.default_rng(0).integers(0, 256, (12, 10, 3), dtype=np.uint8)).save(
            folder / name / "1.png"
        )
    return folder


def test_new_pictures_are_generated_and_the_command_says_where(manyshot, photos, tmp_path):
    answer = manyshot("augment", photos, "--plan", "shots: 2 x affine", "--per-class", 3, "--out", tmp_path / "out")
    assert answer.status == 0
    assert f"6 new pictures of 2 classes in {tmp_path / 'out'}" in answer.out
    assert (tmp_path / "out" / "[red] dog.sheet.png").is_file()
    assert len(list((tmp_path / "out").glob("cat/*.png"))) == 3


def test_json_is_all_that_standard_output_gets(manyshot, photos, tmp_path):
    answer = manyshot("augment", photos, "--plan", "natural", "--per-class", 2, "--out", tmp_path / "out", "--json")
    assert answer.json["samples"] == 4
    assert answer.json["classes"] == {"[red] dog": 2, "cat": 2}
    lines = Path(answer.json["manifest"]).read_text(encoding="utf-8").splitlines()
    assert len([json.loads(line) for line in lines]) == 4


def test_quiet_leaves_standard_error_empty(manyshot, photos, tmp_path):
    (photos / "notes.txt").write_text("left out with a note")
    arguments = ("augment", photos, "--plan", "natural", "--per-class", 2)
    assert "notes.txt" in manyshot(*arguments, "--out", tmp_path / "a").errors
    assert manyshot(*arguments, "--out", tmp_path / "b", "--quiet").errors == ""


def test_the_seed_decides(manyshot, photos, tmp_path):
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        manyshot(
            "augment", photos, "--plan", "shots: noise", "--per-class", 1, "--seed", seed, "--out", tmp_path / name
        )
    a, b, c = ((tmp_path / name / "cat" / "1-00000.png").read_bytes() for name in "abc")
    assert a == b
    assert a != c


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"--plan": "shots: afine"}, "did you mean 'affine'?"),
        ({"--plan": "task: turn"}, "does not say how to make samples"),
        ({"--plan": "none"}, "does not say how to make samples"),
        ({"--plan": "shots: balanced 2 x flip"}, "fill rare classes up by --fill-up"),
        ({"--per-class": 0}, "give 1 to 100,000"),
        ({"folder": "nowhere"}, "nowhere"),
        ({"--out": "photos/generated"}, "inside the folder of the images"),
        ({"--split": "train"}, "train"),
    ],
)
def test_a_mistake_is_one_line_and_nothing_is_written(manyshot, photos, tmp_path, monkeypatch, changed, message):
    monkeypatch.chdir(tmp_path)
    options = {"--plan": "shots: flip", "--per-class": 1, "--out": "out", **changed}
    folder = options.pop("folder", "photos")
    answer = manyshot("augment", folder, *(word for option in options.items() for word in option))
    assert (answer.status, answer.out) == (2, "")
    assert answer.errors.startswith("Error: ")
    assert answer.errors.count("\n") == 1
    assert message in answer.errors
    assert [path.name for path in tmp_path.iterdir()] == ["photos"]


def test_a_second_run_needs_overwrite(manyshot, photos, tmp_path):
    arguments = ("augment", photos, "--plan", "shots: flip", "--per-class", 1, "--out", tmp_path / "out")
    assert [manyshot(*arguments).status, manyshot(*arguments).status] == [0, 2]
    assert manyshot(*arguments, "--overwrite").status == 0


def test_auto_chooses_a_plan_and_says_why(manyshot, photos, tmp_path):
    sheet = tmp_path / "seen.png"
    answer = manyshot(
        "augment",
        photos,
        "--plan",
        "auto",
        "--explain",
        "--explain-sheet",
        sheet,
        "--per-class",
        1,
        "--out",
        tmp_path / "a",
    )
    assert answer.status == 0
    assert "Looked at 2 pictures of 2 classes" in answer.out
    assert "Plan: shots: " in answer.out
    with Image.open(sheet) as picture:
        assert picture.width > 300
    told = manyshot("augment", photos, "--plan", "auto", "--per-class", 1, "--out", tmp_path / "b", "--json").json
    assert "advice" not in told
    assert told["plan"] in answer.out
    assert json.loads((tmp_path / "a" / "manifest.jsonl").read_text().splitlines()[0])["plan"] == told["plan"]
    arguments = ("augment", photos, "--plan", "auto", "--explain", "--per-class", 1, "--out", tmp_path / "c", "--json")
    assert manyshot(*arguments).json["advice"]["plan"] == told["plan"]


def test_an_explanation_is_refused_where_there_is_none(manyshot, photos, tmp_path):
    answer = manyshot("augment", photos, "--plan", "natural", "--explain", "--out", tmp_path / "out")
    assert answer.status == 2
    assert "--explain" in answer.errors
    assert "--plan auto" in answer.errors
