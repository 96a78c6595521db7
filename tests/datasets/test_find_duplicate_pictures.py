"""Pictures that are there twice are found, also resaved and resized, and named across classes and splits."""

import numpy as np
import pytest
from PIL import Image, ImageFilter

from manyshot.datasets.check_pictures import check_pictures
from manyshot.datasets.find_duplicate_pictures import find_duplicate_pictures, fingerprint


def picture(seed: int, side: int = 64) -> Image.Image:
    noise = np.random.default_rng(seed).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    return Image.fromarray(noise).resize((side, side), Image.Resampling.BICUBIC).filter(ImageFilter.GaussianBlur(1))


def look(image: Image.Image):
    return fingerprint(np.asarray(image).transpose(2, 0, 1))


@pytest.fixture
def photos(tmp_path):
    for part, name in (("train", "cat"), ("train", "dog"), ("test", "cat")):
        (tmp_path / "photos" / part / name).mkdir(parents=True)
    for index in range(6):
        picture(index).save(tmp_path / "photos" / "train" / "cat" / f"{index}.png")
        picture(10 + index).save(tmp_path / "photos" / "train" / "dog" / f"{index}.png")
        picture(20 + index).save(tmp_path / "photos" / "test" / "cat" / f"{index}.png")
    picture(3).save(tmp_path / "photos" / "train" / "dog" / "same.png")
    picture(4).resize((48, 48)).save(tmp_path / "photos" / "test" / "cat" / "smaller.jpg", quality=80)
    Image.new("RGB", (64, 64), "white").save(tmp_path / "photos" / "train" / "cat" / "white.png")
    Image.new("RGB", (64, 64), "white").save(tmp_path / "photos" / "train" / "dog" / "white.png")
    return tmp_path / "photos"


def test_finds_pictures_in_two_classes_and_in_two_splits_and_no_others(photos):
    state = check_pictures(photos)
    assert {"/".join(one.second) for one in state.duplicates_in_two_classes} | {
        "/".join(one.first) for one in state.duplicates_in_two_classes
    } == {"train/cat/3.png", "train/dog/same.png"}
    assert len(state.duplicates_in_two_splits) == 1
    assert not state.duplicates_in_two_splits[0].equal
    assert len(state.duplicates) == 2


@pytest.mark.parametrize("quality", [50, 90])
def test_a_resaved_and_resized_picture_looks_the_same(quality, tmp_path):
    for seed in range(20):
        image = picture(seed, 128)
        image.resize((100, 90)).save(tmp_path / "a.jpg", quality=quality)
        again = Image.open(tmp_path / "a.jpg")
        assert find_duplicate_pictures([look(image), look(again)]) == [(0, 1, False)]


def test_different_pictures_do_not():
    assert find_duplicate_pictures([look(picture(seed)) for seed in range(300)]) == []


def test_a_picture_of_one_gray_level_is_like_none():
    flat = np.full((1, 9, 9), 7, np.uint8)
    assert fingerprint(flat) is None
    assert find_duplicate_pictures([None, None]) == []
