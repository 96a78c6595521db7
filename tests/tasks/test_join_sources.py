import pytest
import torch

from manyshot.base import InputError
from manyshot.tasks import EpisodeSampler, Source, join_sources


def test_classes_of_both_are_there_and_shared_ones_get_the_items_of_both():
    first = Source.of(torch.tensor([[1.0], [2.0], [3.0]]), ["b", "a", "b"])
    second = Source.of(torch.tensor([[4.0], [5.0]]), ["c", "a"])
    both = join_sources(first, second)
    items = {
        name: both.subset(classes=[name]).gather(range(n)).flatten().tolist()
        for name, n in zip("abc", (2, 2, 1), strict=True)
    }
    assert items == {"a": [2, 5], "b": [1, 3], "c": [4]}
    tasks = EpisodeSampler(both.subset(at_least=2), ways=2, shots=1, queries=1).batch(0, 2)
    assert tasks.support.items.shape == (2, 2, 1)


def test_groups_stay_where_both_have_them():
    first, second = (Source.of(torch.zeros(1, 2), [name], groups={name: f"{name}s"}) for name in "ab")
    assert join_sources(first, second).groups == ("as", "bs")
    assert join_sources(first, Source.of(torch.zeros(1, 2), ["b"])).groups is None
    with pytest.raises(InputError, match="'as' and to 'other'"):
        join_sources(first, Source.of(torch.zeros(1, 2), ["a"], groups={"a": "other"}))


@pytest.mark.parametrize(
    "other",
    [Source.of(torch.zeros(1, 3), ["a"]), Source.of(torch.zeros(1, 2).byte(), ["a"]), Source.of(["word"], ["a"])],
)
def test_items_that_differ_are_reported(other):
    with pytest.raises(InputError):
        join_sources(Source.of(torch.zeros(1, 2), ["a"]), other)


def test_subsets_join_by_their_own_items_alone():
    source = Source.of(torch.arange(6.0)[:, None], list("aabbcc"))
    both = join_sources(source.subset(classes=["c"]), source.subset(classes=["a"]))
    assert both.gather(range(4)).flatten().tolist() == [0, 1, 4, 5]
