from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.utils.data import DataLoader

from manyshot.base import InputError
from manyshot.tasks import Source

WORDS = ["ape", "bee", "cat", "asp", "boa", "cow", "ant", "bat", "cub", "auk"]
LABELS = [word[0] for word in WORDS]


def animals(**changes) -> Source:
    given = {"store": WORDS, "labels": LABELS, "groups": {"a": "early", "b": "early", "c": "late"}, "name": "animals"}
    return Source.of(**(given | changes))


def numbered(counts: dict[str, int], group_of=lambda c: c[0]) -> Source:
    """A source whose item number i holds the pixel value i, with shuffled labels."""
    labels = [name for name, n in counts.items() for _ in range(n)]
    np.random.default_rng(0).shuffle(labels)
    images = torch.arange(len(labels), dtype=torch.uint8).view(-1, 1, 1, 1).expand(-1, 1, 2, 2).contiguous()
    return Source.of(
        images, labels, groups={c: group_of(c) for c in counts}, authors=[str(i % 3) for i in range(len(labels))]
    )


def items_of(source: Source) -> dict[str, list]:
    """Every class's items, by name."""
    everything = source.gather(np.arange(len(source)))
    return {
        name: list(everything[source.starts[c] : source.starts[c + 1]]) for c, name in enumerate(source.class_names)
    }


def test_items_of_a_class_stand_together_in_the_order_in_which_they_came():
    source = animals()
    assert items_of(source) == {
        "a": ["ape", "asp", "ant", "auk"],
        "b": ["bee", "boa", "bat"],
        "c": ["cat", "cow", "cub"],
    }
    assert source.counts.tolist() == [4, 3, 3]
    assert source.labels.tolist() == [0] * 4 + [1] * 3 + [2] * 3
    assert source.groups == ("early", "early", "late")


def test_decoding_happens_on_demand_and_only_for_what_is_asked():
    seen = []

    def decode(words):
        seen.extend(words)
        return torch.tensor([len(word) for word in words])

    source = animals(decode=decode)
    assert seen == []
    assert source.gather([0, 5]).tolist() == [3, 3]
    assert seen == ["ape", "boa"]


def test_a_tensor_can_be_decoded_too():
    source = Source.of(torch.arange(4.0), ["x"] * 4, decode=lambda batch: batch * 2)
    assert source.gather([1, 3]).tolist() == [2.0, 6.0]


def test_positions_may_be_a_list_an_array_or_a_tensor():
    source = animals()
    assert (
        source.gather([1, 2])
        == source.gather(np.array([1, 2]))
        == source.gather(torch.tensor([1, 2]))
        == ["asp", "ant"]
    )


def test_a_memory_mapped_store_works_like_one_in_memory(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 255, (20, 1, 4, 4), dtype=np.uint8)
    np.save(tmp_path / "pixels.npy", pixels)
    mapped = torch.from_numpy(np.load(tmp_path / "pixels.npy", mmap_mode="c"))
    labels = [f"class {i % 4}" for i in range(20)]
    in_memory, on_disk = Source.of(torch.from_numpy(pixels), labels), Source.of(mapped, labels)
    assert on_disk.gather([19, 0, 7]).equal(in_memory.gather([19, 0, 7]))
    part = on_disk.subset(classes=["class 2"])
    assert part.store.data_ptr() == mapped.data_ptr()
    assert part.gather(range(5)).equal(torch.from_numpy(pixels[2::4]))


def test_a_subset_by_class_keeps_those_classes_whole():
    assert items_of(animals().subset(classes=["c", "a"])) == {
        "a": ["ape", "asp", "ant", "auk"],
        "c": ["cat", "cow", "cub"],
    }


def test_a_subset_by_group_keeps_its_classes():
    part = animals().subset(groups=["late"], name="the late")
    assert items_of(part) == {"c": ["cat", "cow", "cub"]}
    assert (part.groups, part.name) == (("late",), "the late")


def test_a_subset_by_item_drops_classes_that_are_left_empty_or_too_small():
    keep = np.array([1, 1, 0, 0, 1, 0, 0, 0, 0, 0], dtype=bool)
    assert items_of(animals().subset(items=keep)) == {"a": ["ape", "asp"], "b": ["bee"]}
    assert items_of(animals().subset(items=keep, at_least=2)) == {"a": ["ape", "asp"]}


def test_a_subset_leaves_the_marks_that_it_was_given_alone():
    keep = np.ones(10, dtype=bool)
    animals().subset(items=keep, classes=["a"])
    assert keep.all()


def test_a_subset_by_author_keeps_what_they_made():
    source = animals(authors=["ann", "bob"] * 5)
    assert items_of(source.subset(authors=["bob"])) == {"a": ["asp", "auk"], "b": ["bee", "bat"], "c": ["cow"]}
    assert source.subset(authors=["bob"]).subset(classes=["c"]).describe()["authors"] == 1


def test_subsets_of_subsets_agree_with_one_subset_of_both_filters():
    source = numbered({f"{g}{i}": 3 + i for g in "xyz" for i in range(3)})
    twice = source.subset(groups=["x", "z"]).subset(authors=["1"])
    once = source.subset(groups=["x", "z"], authors=["1"])
    assert {k: torch.stack(v).tolist() for k, v in items_of(twice).items()} == {
        k: torch.stack(v).tolist() for k, v in items_of(once).items()
    }


@given(st.integers(2, 30), st.lists(st.floats(0.1, 1), min_size=1, max_size=4), st.integers(0, 2**63 - 1))
def test_a_split_by_class_is_disjoint_and_complete_and_never_empty(classes, weights, seed):
    shares = [w / sum(weights) for w in weights]
    source = numbered({f"c{i}": 2 for i in range(classes)})
    if classes < len(shares):
        with pytest.raises(InputError, match="too few"):
            source.split(shares, seed)
        return
    parts = source.split(shares, seed)
    names = [name for part in parts for name in part.class_names]
    assert sorted(names) == sorted(source.class_names)
    for part, share in zip(parts, shares, strict=True):
        assert len(part.class_names) >= 1
        if min(shares) * classes >= 1:
            assert abs(len(part.class_names) - share * classes) < 1


def test_a_split_by_item_shares_the_classes_and_divides_each():
    source = numbered({"a": 10, "b": 5})
    parts = source.split([0.8, 0.2], seed=1, by="item")
    assert [part.counts.tolist() for part in parts] == [[8, 4], [2, 1]]
    for name, items in items_of(source).items():
        divided = [int(i.max()) for part in parts for i in items_of(part)[name]]
        assert sorted(divided) == sorted(int(i.max()) for i in items)


def test_a_split_by_group_keeps_groups_together():
    source = numbered({f"{g}{i}": 2 for g in "vwxyz" for i in range(3)})
    parts = source.split([0.6, 0.4], seed=0, by="group")
    groups = [set(part.groups) for part in parts]
    assert [len(g) for g in groups] == [3, 2]
    assert not groups[0] & groups[1]
    assert sum(len(part) for part in parts) == len(source)


def test_a_split_is_the_same_for_the_same_seed_and_differs_between_seeds():
    source = numbered({f"c{i:02}": 2 for i in range(40)})
    first, again, other = (source.split([0.5, 0.5], seed=s)[0].class_names for s in (0, 0, 1))
    assert first == again != other


def test_every_class_is_as_likely_to_be_held_out():
    source = numbered({f"c{i}": 2 for i in range(5)})
    held_out = [source.split([0.8, 0.2], seed=s)[1].class_names[0] for s in range(300)]
    assert all(30 < held_out.count(name) < 95 for name in source.class_names)


def test_statistics_are_those_of_the_part_not_of_the_store():
    source = animals(authors=["ann", "bob"] * 5)
    assert source.describe() == {
        "name": "animals",
        "classes": 3,
        "examples": 10,
        "examples_per_class": {"min": 3, "median": 3.0, "max": 4},
        "groups": 2,
        "authors": 2,
        "shape": None,
        "type": "sentences",
    }
    assert numbered({"a": 4, "b": 2}).subset(classes=["b"]).describe() == {
        "name": "source",
        "classes": 1,
        "examples": 2,
        "examples_per_class": {"min": 2, "median": 2.0, "max": 2},
        "groups": 1,
        "authors": 2,
        "shape": (1, 2, 2),
        "type": "uint8",
    }


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: animals(store=[], labels=[]), "animals: 0 items and 0 labels"),
        (lambda: animals(labels=LABELS[:-1]), "10 items and 9 labels"),
        (lambda: animals(authors=["ann"]), "10 items and 1 authors"),
        (lambda: animals(groups={"a": "early"}), "class 'b' has no group"),
        (lambda: animals().subset(classes=["A"]), "animals: no class 'A'"),
        (lambda: animals().subset(groups=["erly"]), "no group 'erly'; did you mean 'early'"),
        (lambda: animals(groups=None).subset(groups=["early"]), "have no groups"),
        (lambda: animals().subset(authors=["ann"]), "have no authors"),
        (lambda: animals(authors=["ann"] * 10).subset(authors=["anne"]), "did you mean 'ann'"),
        (lambda: animals().subset(items=np.ones(3, dtype=bool)), "3 booleans for 10 examples"),
        (lambda: animals().subset(items=np.zeros(10, dtype=bool)), "nothing is left"),
        (lambda: animals().subset(at_least=5), "nothing is left of 3 classes"),
        (lambda: animals().split([0.5, 0.4], seed=0), "add up to 1"),
        (lambda: animals().split([], seed=0), "add up to 1"),
        (lambda: animals().split([1.5, -0.5], seed=0), "positive fractions"),
        (lambda: animals().split([float("nan"), 0.5], seed=0), "positive fractions"),
        (lambda: animals().split([0.25] * 4, seed=0), "has 3 classes, too few for 4 parts"),
        (lambda: animals().split([0.3, 0.3, 0.4], seed=0, by="group"), "has 2 groups"),
        (lambda: animals().split([0.25] * 4, seed=0, by="item"), "class 'b' has 3 examples, too few for 4 parts"),
        (lambda: animals(groups=None).split([0.5, 0.5], seed=0, by="group"), "have no groups"),
        (lambda: animals().split([0.5, 0.5], seed=0, by="itm"), "did you mean 'item'"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(make, message):
    with pytest.raises(InputError, match=message) as caught:
        make()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "change", [{"starts": np.array([0, 4])}, {"groups": ("one",)}, {"authors": np.zeros(3, np.int64)}]
)
def test_a_source_put_together_wrongly_is_a_fault_of_the_program(change):
    with pytest.raises(ValueError, match="one") as caught:
        replace(animals(), **change)
    assert not isinstance(caught.value, InputError)


def test_a_source_is_a_data_set_of_items_and_class_indices():
    source = numbered({"a": 2, "b": 3})
    image, label = source[-1]
    assert image.equal(source.gather([4])[0])
    assert label == 1
    images, labels = next(iter(DataLoader(source, batch_size=5)))
    assert images.equal(source.gather(range(5)))
    assert labels.tolist() == [0, 0, 1, 1, 1]
    sentences, labels = next(iter(DataLoader(animals(), batch_size=10)))
    assert list(sentences) == animals().gather(range(10))
    assert labels.tolist() == animals().labels.tolist()
    with pytest.raises(IndexError):
        source[5]


def test_a_source_prints_its_size_and_not_its_items():
    assert repr(numbered({"a": 2, "b": 3})) == "Source('source', classes=2, examples=5, items=[1, 2, 2] uint8)"
    assert repr(animals()) == "Source('animals', classes=3, examples=10, items=sentences)"
