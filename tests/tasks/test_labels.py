"""Labels as people have them: names, whole numbers of any kind, and what is neither."""

import numpy as np
import pytest
import torch

from manyshot.base import InputError
from manyshot.tasks import EpisodeSampler, Source

ITEMS = torch.arange(24, dtype=torch.uint8).view(24, 1, 1, 1)
NUMBERS = [i % 12 for i in range(24)]


@pytest.mark.parametrize(
    "labels",
    [NUMBERS, tuple(NUMBERS), np.array(NUMBERS), np.array(NUMBERS, dtype=np.uint8), torch.tensor(NUMBERS)],
    ids=["list", "tuple", "array", "bytes", "tensor"],
)
def test_whole_numbers_are_classes_in_their_order_and_are_found_by_number_or_name(labels):
    source = Source.of(ITEMS, labels)
    assert source.class_names == tuple(map(str, range(12)))
    for wanted in ([9], ["9"], np.array([9]), torch.tensor([9])):
        chosen = source.subset(classes=wanted)
        assert chosen.class_names == ("9",)
        assert chosen.gather([0, 1]).flatten().tolist() == [9, 21]
    with pytest.raises(InputError, match="no class '12'"):
        source.subset(classes=[12])


def test_names_stay_names_and_a_number_that_is_none_of_them_is_reported():
    source = Source.of(ITEMS, [f"c{n}" for n in NUMBERS])
    with pytest.raises(InputError, match="no class '0'; did you mean 'c0'"):
        source.subset(classes=[0])


def test_a_single_class_is_asked_for_in_a_list():
    with pytest.raises(InputError, match="give a list"):
        Source.of(ITEMS, NUMBERS).subset(classes="c1")


def test_groups_and_authors_may_be_numbers_too():
    source = Source.of(ITEMS, NUMBERS, groups={n: n % 2 for n in range(12)}, authors=np.arange(24) % 3)
    assert source.subset(groups=[1]).class_names == tuple(map(str, range(1, 12, 2)))
    assert source.author_names == ("0", "1", "2")
    assert len(source.subset(authors=[2])) == 8


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([None, *["a"] * 23], r"label 0 is 'None' \(NoneType\)"),
        ([1.0, float("nan"), *[1.0] * 22], r"label 0 is '1.0' \(float\)"),
        ([("a", i % 3) for i in range(24)], r"label 0 is .* \(tuple\)"),
        ([True, False] * 12, r"label 0 is 'True' \(bool\)"),
        (torch.eye(24), r"label 0 is .* \(list\)"),
        (["1", 1] * 12, r"names \('1'\) and numbers \(1\)"),
        (["a"] * 23, "24 items and 23 labels"),
        ("a" * 24, "give a list"),
    ],
)
def test_what_is_no_label_is_reported_in_one_line(labels, message):
    with pytest.raises(InputError, match=message) as caught:
        Source.of(ITEMS, labels)
    assert "\n" not in str(caught.value)


def test_a_mapping_of_items_is_reported():
    with pytest.raises(InputError, match="a mapping; give a tensor or a list"):
        Source.of({"image": ITEMS, "label": NUMBERS}, NUMBERS)


@pytest.mark.parametrize("writeable", [True, False])
def test_images_of_numpy_give_the_tasks_of_the_same_tensor(writeable):
    array = ITEMS.numpy().copy()
    array.flags.writeable = writeable
    one, other = (EpisodeSampler(Source.of(items, NUMBERS), 3, 1, 1).batch(0, 4) for items in (array, ITEMS))
    assert one.as_float().support.items.equal(other.as_float().support.items)


def test_words_of_numpy_are_sentences():
    assert Source.of(np.array(["a b", "c d"]), ["x", "y"]).is_text
