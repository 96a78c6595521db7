import io

import numpy as np
import pytest
from PIL import Image, ImageEnhance

from manyshot.classify.data_issues.find_duplicate_examples import find_duplicate_examples
from manyshot.classify.examples.read_examples import examples_from_arrays


def photo(seed: int) -> Image.Image:
    """A smooth random picture."""
    coarse = np.random.default_rng(seed).integers(0, 256, (6, 6, 3)).astype(np.uint8)
    return Image.fromarray(coarse).resize((120, 90), Image.Resampling.BICUBIC)


def compressed(picture: Image.Image) -> Image.Image:
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=30)
    return Image.open(io.BytesIO(file.getvalue()))


COPIES = {
    "compressed": compressed,
    "resized": lambda picture: picture.resize((70, 60)),
    "brightened": lambda picture: ImageEnhance.Brightness(picture).enhance(1.15),
    "gray": lambda picture: picture.convert("L"),
}


def pairs_of(examples):
    return [(pair.first, pair.second, pair.kind, pair.across_classes) for pair in find_duplicate_examples(examples)]


@pytest.mark.parametrize("how", COPIES)
def test_a_changed_copy_of_a_picture_is_a_near_duplicate_and_no_other_picture_is(how):
    pictures = [photo(seed) for seed in range(30)]
    labels = ["a", "b"] * 15
    assert pairs_of(examples_from_arrays(pictures, labels)) == []
    assert pairs_of(examples_from_arrays([*pictures, COPIES[how](pictures[4])], [*labels, "b"])) == [
        (4, 30, "near", True)
    ]


def test_a_copy_stands_beside_an_original_of_another_class_if_there_is_one():
    pictures = [photo(0), photo(1), photo(0), photo(0)]
    assert pairs_of(examples_from_arrays(pictures, ["a", "a", "b", "a"])) == [
        (0, 2, "exact", True),
        (2, 3, "exact", True),
    ]
    assert pairs_of(examples_from_arrays(pictures, ["a"] * 4)) == [(0, 2, "exact", False), (0, 3, "exact", False)]


def test_thousands_of_copies_are_listed_once_each():
    examples = examples_from_arrays(["same"] * 3000 + ["other"], ["a", "b"] * 1500 + ["a"])
    assert len(find_duplicate_examples(examples)) == 2999


def test_plain_pictures_of_one_color_are_no_duplicates_unless_equal():
    pictures = [Image.new("RGB", (20, 20), (shade, shade, shade)) for shade in (0, 100, 255, 255)]
    assert pairs_of(examples_from_arrays(pictures, ["a", "b", "a", "a"])) == [(2, 3, "exact", False)]


def test_sentences_that_differ_in_case_and_punctuation_are_near_duplicates():
    sentences = ["Where is my card?", "where is  my card", "Where is my cat?", "???", "!!!"]
    assert pairs_of(examples_from_arrays(sentences, ["a", "b", "a", "a", "a"])) == [(0, 1, "near", True)]
