"""Examples of several parts: in batches, sources, episodes and splits."""

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from manyshot.base import InputError
from manyshot.tasks import Episode, EpisodeSampler, Parts, Source, join_sources
from manyshot.tasks.items import flatten_tasks, join_items, repeat_items, unflatten_tasks

CLASSES, EACH = 4, 5


def make_parts(n: int = CLASSES * EACH) -> Parts:
    """The number of an example can be read from each of its parts."""
    photos = torch.arange(n, dtype=torch.uint8)[:, None, None, None].expand(n, 3, 4, 4).contiguous()
    captions = ["" if i % 3 == 0 else f"number {i}" for i in range(n)]
    return Parts.of({"photo": photos, "caption": captions, "size": torch.arange(n).float()[:, None]})


def make_source() -> Source:
    return Source.of(
        make_parts(),
        [f"class {i % CLASSES}" for i in range(CLASSES * EACH)],
        authors=[f"{i % 4}, {i // 8}" for i in range(20)],
    )


def numbers(parts: Parts) -> list[int]:
    """The numbers of examples, after a check that all parts of each belong together."""
    photo = parts["photo"].flatten(1)[:, 0].tolist()
    assert parts["size"].flatten().tolist() == photo
    for number, text, there in zip(photo, parts["caption"], parts.there["caption"].tolist(), strict=True):
        assert text == (f"number {int(number)}" if there else "")
        assert there == (number % 3 != 0)
    return [int(number) for number in photo]


class TestParts:
    def test_says_what_it_holds(self):
        assert repr(make_parts()) == (
            "Parts(20 examples: photo [3, 4, 4] uint8, caption texts (7 missing), size [1] float32)"
        )
        assert make_parts().kinds == {"photo": "images", "caption": "texts", "size": "features"}

    @pytest.mark.parametrize("rows", [slice(3, 6), [5, 3, 3], np.array([0, 19]), torch.tensor([7, 1])], ids=str)
    def test_selects_examples_whole(self, rows):
        assert numbers(make_parts()[rows]) == np.arange(20)[np.r_[rows]].tolist()

    def test_a_single_example_and_a_batch_of_them(self):
        one = make_parts()[4]
        assert one.lead == ()
        assert one["caption"] == "number 4"
        batch = next(iter(DataLoader(make_source(), batch_size=3)))[0]
        assert len(numbers(batch)) == 3

    def test_parts_of_different_lengths_are_refused(self):
        with pytest.raises(InputError, match=r"part 'caption' has \[1\] examples, and \[2\] are expected"):
            Parts.of({"photo": torch.zeros(2, 3, 4, 4), "caption": ["a"]})

    def test_unknown_names_are_refused_with_a_suggestion(self):
        with pytest.raises(InputError, match="no part 'foto'; did you mean 'photo'"):
            make_parts()["foto"]
        with pytest.raises(InputError, match="a mask of part 'captoin'"):
            Parts.of({"caption": ["a"]}, {"captoin": [True]})

    def test_batches_of_other_parts_cannot_be_joined(self):
        with pytest.raises(InputError, match="cannot be joined"):
            join_items(make_parts(), make_parts().only(["photo"]))

    def test_verbs_of_items_treat_all_parts_alike(self):
        tasks = unflatten_tasks(make_parts(), 4, 5)
        assert tasks.lead == (4, 5)
        assert numbers(flatten_tasks(tasks)) == list(range(20))
        assert numbers(flatten_tasks(repeat_items(tasks, 2))) == np.arange(20).repeat(2).tolist()
        joined = flatten_tasks(join_items(tasks, tasks))
        assert numbers(joined) == np.arange(20).reshape(4, 5)[:, list(range(5)) * 2].flatten().tolist()


class TestSources:
    def test_the_same_examples_are_drawn_as_from_a_source_of_one_part(self):
        parts = make_source()
        alone = Source.of(torch.arange(20)[:, None], [f"class {i % CLASSES}" for i in range(20)])
        several, single = (EpisodeSampler(s, ways=3, shots=2, queries=2).batch(0, 8) for s in (parts, alone))
        for side, other in ((several.support, single.support), (several.query, single.query)):
            assert numbers(flatten_tasks(side.items)) == other.items.flatten().tolist()
            assert side.labels.equal(other.labels)

    @pytest.mark.parametrize("by", ["class", "item", "author"])
    def test_splits_keep_parts_together(self, by):
        halves = make_source().split((0.5, 0.5), seed=0, by=by)
        found = [numbers(half.gather(range(len(half)))) for half in halves]
        assert sorted(found[0] + found[1]) == list(range(20))

    def test_says_what_parts_there_are(self):
        assert make_source().describe()["type"] == "photo (images), caption (texts), size (features)"
        assert not make_source().is_text

    def test_cannot_be_joined_with_another(self):
        with pytest.raises(InputError, match="have several parts"):
            join_sources(make_source(), make_source())


class TestEpisodes:
    def test_are_selected_joined_and_moved(self):
        episode = EpisodeSampler(make_source(), ways=3, shots=1, queries=2).batch(0, 6)
        again = Episode.collate([episode[:2], episode[2:]])
        assert again.support.items["photo"].equal(episode.support.items["photo"])
        assert again.query.items["caption"] == episode.query.items["caption"]
        moved = episode.as_float().to("cpu", torch.float64)
        assert moved.support.items["photo"].dtype == torch.float64
        assert moved.support.items.there["caption"].dtype == torch.bool
        assert float(moved.support.items["photo"].max()) <= 1

    def test_ranges_of_sizes_pad_all_parts(self):
        episode = EpisodeSampler(make_source(), ways=(2, 4), shots=(1, 2), queries=1).batch(0, 8)
        assert episode.support.items.lead == (8, 8)
        assert (episode.support.weight == 0).any()
