from PIL import Image

from manyshot.augment import NAMED, PRESETS, Plan
from manyshot.augment.augmenter import LEARNED


def test_every_op_and_preset_is_listed(manyshot):
    answer = manyshot("ops")
    assert answer.status == 0
    for name in (*NAMED, LEARNED, *PRESETS):
        assert f"{name} " in answer.out


def test_one_op_is_explained_with_all_its_options_and_a_plan_that_works(manyshot):
    for name in (*NAMED, LEARNED):
        answer = manyshot("ops", name)
        assert answer.status == 0
        plan = answer.out.strip().splitlines()[-1].removeprefix("Example plan: ")
        assert str(Plan(plan)) == plan
    assert "degrees" in manyshot("ops", "affine").out


def test_json_tells_the_same(manyshot):
    listed = manyshot("ops", "--json").json
    assert [op["name"] for op in listed["ops"]] == [*NAMED, LEARNED]
    assert set(listed["presets"]) == set(PRESETS)
    (erase,) = manyshot("ops", "erase", "--json").json["ops"]
    assert {"name": "holes", "default": 1, "help": "Number of rectangles per image."} in erase["options"]


def test_an_unknown_op_gets_the_nearest_known_one(manyshot):
    answer = manyshot("ops", "erse")
    assert (answer.status, answer.errors) == (2, "Error: no op 'erse'; did you mean 'erase'?\n")


def test_a_sheet_is_drawn_of_all_ops_or_of_one(manyshot, tmp_path):
    assert manyshot("ops", "--out", tmp_path / "all.png").status == 0
    assert manyshot("ops", "noise", "--out", tmp_path / "one.png", "--json").json["sheet"] == str(tmp_path / "one.png")
    with Image.open(tmp_path / "all.png") as whole, Image.open(tmp_path / "one.png") as one:
        assert whole.height > 10 * one.height
    assert manyshot("ops", "--out", tmp_path / "all.txt").status == 2
    refused = manyshot("ops", "oneof", "--out", tmp_path / "oneof.png")
    assert refused.status == 2
    assert (
        refused.errors
        == "Error: 'oneof' takes other ops, several examples or volumes and cannot be drawn alone; choose another\n"
    )
