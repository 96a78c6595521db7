"""The data sets that need no download."""

from collections import Counter

import numpy as np
import pytest
from sklearn.datasets import load_digits

from manyshot.base import InputError
from manyshot.datasets import DATASETS, glyphs, load_dataset


@pytest.fixture(scope="module")
def greek(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MANYSHOT_CACHE", str(tmp_path_factory.mktemp("greek")))
        return load_dataset("glyphs", "greek")


def test_greek_has_its_letters_in_many_faces(greek):
    assert {f"Greek/{case} {name}" for case in ("small", "capital") for name in ("alpha", "xi", "omega")} <= set(
        greek.class_names
    )
    assert len(greek.class_names) > 70
    assert np.median(greek.counts) >= 12
    assert greek.store.shape[1:] == (1, 28, 28)
    assert set(greek.groups) == {"Greek"}
    assert "DejaVuSerif" in greek.author_names


def test_ink_is_one_and_a_letter_fills_the_frame_in_its_middle(greek):
    images = greek.store.numpy()[:, 0]
    assert (images[:, 0] == 0).all()
    assert (images.max((1, 2)) > 200).all()
    extents = []
    for marks in (images.max(2) > 30, images.max(1) > 30):
        before, after = marks.argmax(1), marks[:, ::-1].argmax(1)
        assert (abs(before - after) <= 2).all()
        extents.append(28 - before - after)
    assert (np.maximum(*extents) >= 24).all()


def test_no_letter_is_a_box_that_stands_for_a_missing_one(greek):
    """Letters that a face lacks would all look the same in it."""
    face = greek.subset(authors=["DejaVuSans"])
    flat = face.gather(range(len(face))).reshape(len(face), -1).float()
    same = (flat[:, None] == flat[None]).all(-1).sum(1)
    assert same.max() <= 2  # a capital and its small letter may be drawn alike


def test_every_script_has_letters_in_at_least_four_faces():
    letters = glyphs._letters("all")
    counts = Counter(glyphs.class_name(letter).partition("/")[0].lower() for letter in letters)
    assert set(counts) == set(DATASETS["glyphs"].splits) - {"all"}
    assert min(counts.values()) >= 14
    assert min(len(faces) for faces in letters.values()) >= 4
    assert len({glyphs.class_name(letter) for letter in letters}) == len(letters)


def test_all_is_the_scripts_together_as_groups_with_the_same_pixels(monkeypatch):
    monkeypatch.setattr(glyphs, "SCRIPTS", {"hebrew": "HEBREW", "coptic": "COPTIC"})  # the others only take time
    source, hebrew = load_dataset("glyphs", "all", size=12), load_dataset("glyphs", "hebrew", size=12)
    assert set(source.groups) == {"Hebrew", "Coptic"}
    assert source.subset(groups=["Hebrew"]).class_names == hebrew.class_names
    both = source.subset(groups=["Hebrew"])
    assert both.gather(range(len(both))).equal(hebrew.gather(range(len(hebrew))))


def test_color_gives_three_equal_channels():
    gray, color = (load_dataset("glyphs", "coptic", size=12, color=color) for color in (None, True))
    assert color.store.shape[1] == 3
    assert color.store[:, 2:].equal(gray.store)
    assert load_dataset("digits", color=True).store.shape == (1797, 3, 28, 28)


def test_digits_are_those_of_scikit_learn():
    source = load_dataset("digits", size=8)
    images, labels = load_digits(return_X_y=True)
    assert source.class_names == tuple("0123456789")
    assert source.counts.tolist() == np.bincount(labels).tolist()
    assert np.allclose(source.store.numpy().reshape(1797, -1) / 255 * 16, images, atol=0.05)


def test_an_unknown_script_is_answered_with_the_nearest():
    with pytest.raises(InputError, match="glyphs: no split 'greec'; did you mean 'greek'"):
        load_dataset("glyphs", "greec")
