import pytest
from PIL import Image

from manyshot.base import InputError
from manyshot.datasets.check_pictures import check_pictures


def test_every_broken_picture_is_named_and_the_others_are_counted(tmp_path):
    (tmp_path / "cat").mkdir()
    (tmp_path / "dog").mkdir()
    Image.new("RGB", (8, 8)).save(tmp_path / "cat" / "whole.png")
    Image.new("L", (4, 9)).save(tmp_path / "dog" / "other size.png")
    Image.effect_noise((64, 64), 50).save(tmp_path / "dog" / "cut.png")
    (tmp_path / "dog" / "cut.png").write_bytes((tmp_path / "dog" / "cut.png").read_bytes()[:900])
    (tmp_path / "cat" / "words.jpg").write_text("no picture")
    state = check_pictures(tmp_path)
    assert (state.pictures, state.classes, len(state.broken)) == (4, 2, 2)
    assert "words.jpg" in state.broken[0]
    assert "cut.png" in state.broken[1]


def test_every_part_is_checked_unless_one_is_named(tmp_path):
    for part in ("train", "val", "test"):
        (tmp_path / part / "cat").mkdir(parents=True)
        Image.new("L", (8, 8)).save(tmp_path / part / "cat" / "whole.png")
        (tmp_path / part / "cat" / f"{part}.png").write_text("no picture")
    state = check_pictures(tmp_path)
    assert (state.pictures, state.classes, len(state.broken)) == (6, 1, 3)
    state = check_pictures(tmp_path, "val")
    assert (state.pictures, len(state.broken)) == (2, 1)
    assert "val.png" in state.broken[0]


def test_a_folder_without_classes_is_an_error(tmp_path):
    with pytest.raises(InputError, match="no pictures"):
        check_pictures(tmp_path)
