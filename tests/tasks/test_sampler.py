import multiprocessing

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chisquare
from torch.utils.data import DataLoader

from manyshot.base import InputError
from manyshot.tasks import Episode, EpisodeSampler, RegressionTasks, Sinusoids, Source

AUTHORS = 6


def letters(groups: int = 3, classes: int = 7, extra: int = 0) -> Source:
    """Classes in groups, each item one 1x1 image; every author made one item of every class, the first one `extra`."""
    labels, authors = [], []
    for g in range(groups):
        for c in range(classes):
            for author in [*range(AUTHORS), *[0] * extra]:
                labels.append(f"{g}/{c}")
                authors.append(f"author {author}")
    order = np.random.default_rng(0).permutation(len(labels))
    images = torch.arange(len(labels), dtype=torch.int32).view(-1, 1, 1, 1)
    labels, authors = [labels[i] for i in order], [authors[i] for i in order]
    return Source.of(images, labels, {label: label[0] for label in labels}, authors, name="letters")


def class_of(source: Source, positions):
    return source.labels[positions]


def author_of(source: Source, positions):
    return source.authors[source.rows[positions]]


SOURCE = letters()


@given(
    ways=st.tuples(st.integers(2, 7), st.integers(0, 3)).map(lambda w: (w[0], min(w[0] + w[1], 7))),
    shots=st.tuples(st.integers(1, 2), st.integers(0, 2)).map(lambda s: (s[0], s[0] + s[1])),
    queries=st.integers(1, 2),
    within_group=st.sampled_from([0.0, 0.5, 1.0]),
    by_author=st.booleans(),
    seed=st.integers(0, 2**63 - 1),
    first=st.integers(0, 10**9),
)
def test_every_task_is_a_task(ways, shots, queries, within_group, by_author, seed, first):
    """The oracle: item by item, in plain Python."""
    sampler = EpisodeSampler(SOURCE, ways, shots, queries, seed, within_group, by_author)
    table = sampler.indices(first, 5)
    for classes, support, query in zip(table.classes, table.support, table.query, strict=True):
        real = classes[classes >= 0]
        assert ways[0] <= len(real) <= ways[1]
        assert len(set(real.tolist())) == len(real)
        sizes = (support >= 0).sum(1)[: len(real)]
        assert len(set(sizes.tolist())) == 1
        assert shots[0] <= sizes[0] <= shots[1]
        assert (support[len(real) :] == -1).all()
        assert (query[len(real) :] == -1).all()
        for c, shown, asked in zip(real, support, query, strict=False):
            items = [*shown[shown >= 0].tolist(), *asked.tolist()]
            assert len(asked) == queries
            assert len(set(items)) == len(items)
            assert set(class_of(SOURCE, np.array(items)).tolist()) == {c}
        if within_group == 1:
            assert len({SOURCE.groups[c] for c in real}) == 1
        if by_author:
            for column in (*support[: len(real)].T, *query[: len(real)].T):
                assert len(set(author_of(SOURCE, column[column >= 0]).tolist())) <= 1
            rows = author_of(SOURCE, np.concatenate([support[0][support[0] >= 0], query[0]]))
            assert len(set(rows.tolist())) == len(rows)


@given(st.integers(1, 9), st.integers(0, 40), st.booleans())
def test_the_same_seed_gives_the_same_tasks_whatever_the_batch_size(size, first, by_author):
    sampler = EpisodeSampler(SOURCE, (2, 5), (1, 3), 2, seed=4, within_group=0.5, by_author=by_author)
    whole = sampler.indices(first, 20)
    for start in range(0, 20, size):
        part = sampler.indices(first + start, min(size, 20 - start))
        for name in ("classes", "support", "query"):
            assert (getattr(part, name) == getattr(whole, name)[start : start + size]).all()


def test_batches_cover_the_tasks_in_order_and_no_more():
    sampler = EpisodeSampler(SOURCE, queries=2, seed=2)
    batches = list(sampler.batches(11, size=4))
    assert [len(b) for b in batches] == [4, 4, 3]
    whole = sampler.batch(0, 11)
    assert torch.cat([b.query.items for b in batches]).equal(whole.query.items)
    assert list(sampler.batches(0)) == []


def test_another_seed_gives_other_tasks():
    tables = [EpisodeSampler(SOURCE, queries=2, seed=s).indices(0, 50) for s in (0, 1)]
    assert (tables[0].classes != tables[1].classes).any(1).mean() > 0.9


def test_options_that_do_not_concern_the_classes_leave_them_alone():
    few, many = (EpisodeSampler(SOURCE, shots=k, queries=2).indices(0, 30).classes for k in (1, 4))
    assert (few == many).all()


def same(first: Episode, second: Episode) -> bool:
    pairs = [(first.classes, second.classes), (first.support.labels, second.support.labels)]
    pairs += [(first.support.items, second.support.items), (first.query.items, second.query.items)]
    return all(a.equal(b) for a, b in pairs)


@pytest.mark.parametrize("way", ["fork", "spawn"])
def test_worker_processes_draw_the_same_tasks(way):
    if way not in multiprocessing.get_all_start_methods():
        pytest.skip(f"this system cannot {way}")
    sampler = EpisodeSampler(SOURCE, 3, (1, 2), 2, seed=9, within_group=0.5, length=18)
    alone = list(DataLoader(sampler, batch_size=5))
    # Spawned workers import torch anew, which takes seconds, so one is enough there.
    helped = list(DataLoader(sampler, batch_size=5, num_workers=2 if way == "fork" else 1, multiprocessing_context=way))
    assert [len(episode) for episode in alone] == [len(episode) for episode in helped] == [5, 5, 5, 3]
    assert all(same(a, b) for a, b in zip(alone, helped, strict=True))
    assert same(alone[1], sampler.batch(5, 5))


def test_element_i_is_task_i_and_iteration_ends_with_the_epoch():
    sampler = EpisodeSampler(SOURCE, 3, queries=2, seed=3, length=7)
    assert len(sampler) == 7
    assert same(sampler[4], sampler.batch(4, 1))
    assert same(sampler[-1], sampler.batch(6, 1))
    assert same(sampler[2:5], sampler.batch(2, 3))
    assert same(Episode.collate(list(sampler)), sampler.batch(0, 7))
    with pytest.raises(IndexError):
        sampler[7]


def test_a_shuffled_loader_visits_every_task_once():
    sampler = EpisodeSampler(SOURCE, 3, queries=2, seed=3, length=20)
    loader = DataLoader(sampler, batch_size=6, shuffle=True, generator=torch.Generator().manual_seed(0))
    drawn = torch.cat([episode.query.items.flatten(1) for episode in loader])
    whole = sampler.batch(0, 20).query.items.flatten(1)
    assert not drawn.equal(whole)
    assert sorted(drawn.tolist()) == sorted(whole.tolist())


def test_sine_waves_and_regression_tasks_are_data_sets_too():
    waves = Sinusoids(length=4)
    tables = RegressionTasks(Source.of(torch.rand(12, 3), ["a", "b"] * 6), torch.rand(12), 2, 2, length=4)
    for tasks in (waves, tables):
        (episode,) = DataLoader(tasks, batch_size=4)
        assert same(episode, tasks.batch(0, 4))


def test_classes_and_items_are_drawn_evenly():
    table = EpisodeSampler(SOURCE, ways=5, shots=1, queries=2).indices(0, 4000)
    assert chisquare(np.bincount(table.classes[:, 0], minlength=21)).pvalue > 1e-3
    # Classes of one task differ, so they are not independent draws; the spread can only be narrower.
    assert chisquare(np.bincount(table.classes.ravel(), minlength=21)).pvalue > 1e-3
    for items in (table.support[..., 0], table.query[..., 0], table.query[..., 1]):
        assert chisquare(np.bincount(items.ravel(), minlength=len(SOURCE))).pvalue > 1e-3


def test_numbers_of_ways_and_shots_are_drawn_evenly():
    table = EpisodeSampler(SOURCE, ways=(2, 5), shots=(1, 3), queries=1).indices(0, 4000)
    ways, shots = (table.classes >= 0).sum(1), (table.support[:, 0] >= 0).sum(1)
    tally = np.zeros((4, 3))
    np.add.at(tally, (ways - 2, shots - 1), 1)
    assert chisquare(tally.ravel()).pvalue > 1e-3


def test_authors_are_drawn_evenly_and_so_are_their_items():
    source = letters(extra=2)
    table = EpisodeSampler(source, ways=3, shots=1, queries=1, by_author=True).indices(0, 4000)
    assert chisquare(np.bincount(author_of(source, table.support[:, 0, 0]), minlength=AUTHORS)).pvalue > 1e-3
    of_first_author = table.support[:, 0, 0][author_of(source, table.support[:, 0, 0]) == 0]
    of_a_class = [
        np.unique(of_first_author[class_of(source, of_first_author) == c], return_counts=True)[1] for c in range(21)
    ]
    assert {len(counts) for counts in of_a_class} == {3}
    expected = [np.full(3, counts.mean()) for counts in of_a_class]
    assert chisquare(np.concatenate(of_a_class), np.concatenate(expected)).pvalue > 1e-3


def test_the_fraction_of_tasks_within_a_group_is_as_asked():
    sampler = EpisodeSampler(SOURCE, ways=5, queries=2, within_group=0.5)
    groups = np.array(SOURCE.groups)[sampler.indices(0, 4000).classes]
    alike = (groups == groups[:, :1]).all(1)
    # A task of all classes stays within one of three groups by chance in 3 C(7, 5) / C(21, 5) = 0.3 % of the draws.
    assert abs(alike.mean() - 0.5) < 0.03
    assert chisquare(np.unique(groups[alike, 0], return_counts=True)[1]).pvalue > 1e-3


def test_groups_too_small_for_a_task_are_passed_over():
    labels = [f"big/{i}" for i in range(4)] + [f"small/{i}" for i in range(2)]
    source = Source.of(list(range(18)), labels * 3, {label: label.split("/")[0] for label in labels})
    table = EpisodeSampler(source, ways=3, queries=2, within_group=1.0).indices(0, 50)
    assert {source.groups[c] for c in table.classes.ravel()} == {"big"}


def test_where_all_tasks_keep_to_a_group_only_its_classes_must_have_enough_items():
    few = Source.of(list(range(7)), ["big/1", "big/2"] * 3 + ["small/1"], {"big/1": "b", "big/2": "b", "small/1": "s"})
    assert EpisodeSampler(few, ways=2, queries=2, within_group=1.0).indices(0, 3).classes.max() == 1
    with pytest.raises(InputError, match="class 'small/1' has 1 examples"):
        EpisodeSampler(few, ways=2, queries=2, within_group=0.9)


def test_where_all_tasks_keep_to_a_group_only_its_classes_need_common_authors():
    """As in Omniglot, where each alphabet has drawers of its own."""
    labels = [f"{g}/{c}" for g in "ab" for c in range(3) for _ in range(4)]
    authors = [f"{g}{author}" for g in "ab" for _ in range(3) for author in range(4)]
    source = Source.of(list(range(24)), labels, {label: label[0] for label in labels}, authors)
    table = EpisodeSampler(source, ways=3, queries=2, within_group=1.0, by_author=True).indices(0, 20)
    assert (author_of(source, table.support)[:, 0] == author_of(source, table.support)[:, 1]).all()
    with pytest.raises(InputError, match="all classes have 0 authors in common"):
        EpisodeSampler(source, ways=3, queries=2, within_group=0.5, by_author=True)


def test_authors_who_did_not_make_every_class_are_passed_over():
    labels = ["a", "b"] * 3 + ["a"]
    authors = ["x", "x", "y", "y", "z", "z", "only a"]
    source = Source.of(list(range(7)), labels, authors=authors)
    table = EpisodeSampler(source, ways=2, shots=1, queries=2, by_author=True).indices(0, 60)
    everyone = np.concatenate([table.support.ravel(), table.query.ravel()])
    assert {source.author_names[a] for a in author_of(source, everyone)} == {"x", "y", "z"}


def test_a_fixed_number_of_tasks_comes_round_again():
    sampler = EpisodeSampler(SOURCE, queries=2, tasks=3)
    free = EpisodeSampler(SOURCE, queries=2)
    table = sampler.indices(0, 7)
    assert (table.query == free.indices(0, 3).query[[0, 1, 2, 0, 1, 2, 0]]).all()
    assert (sampler.indices(3 * 10**8 + 1, 1).query == table.query[1:2]).all()


def test_an_episode_holds_the_items_of_its_table():
    sampler = EpisodeSampler(SOURCE, ways=(2, 4), shots=(1, 3), queries=2)
    table, episode = sampler.indices(3, 12), sampler.batch(3, 12)
    for side, positions in ((episode.support, table.support), (episode.query, table.query)):
        real = positions.reshape(12, -1) >= 0
        assert side.weight.equal(torch.from_numpy(real).float())
        stored = SOURCE.gather(positions.reshape(-1)[real.reshape(-1)])
        assert side.items[torch.from_numpy(real)].equal(stored)
        of_way = np.repeat(np.arange(4), positions.shape[2])
        shares = torch.eye(4)[of_way] * side.weight[..., None]  # padding has no class
        assert side.labels.equal(shares)
        assert side.class_mask.equal(torch.from_numpy(table.classes >= 0))
        assert side.origin is None
    assert episode.classes.equal(torch.from_numpy(table.classes))


def test_texts_come_as_lists_a_task():
    source = Source.of([f"word {i}" for i in range(12)], ["a", "b", "c"] * 4)
    episode = EpisodeSampler(source, ways=2, shots=1, queries=3).batch(0, 5)
    assert [len(row) for row in episode.query.items] == [6] * 5
    position = int(episode.classes[2, 1])
    assert episode.query.items[2][3] in {f"word {i}" for i in range(position, 12, 3)}


@pytest.mark.parametrize(("first", "count"), [(-1, 3), (0, 0), (5, -2)])
def test_tasks_that_have_no_number_are_refused(first, count):
    with pytest.raises(InputError, match="give a first of at least 0 and a count of at least 1"):
        EpisodeSampler(SOURCE, queries=2).indices(first, count)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"ways": 1}, "ways=1: give a whole number, at least 2"),
        ({"ways": (4, 3)}, r"ways=\(4, 3\)"),
        ({"ways": 22}, "letters: 21 classes, but ways=22"),
        ({"shots": 0}, "shots=0: give a whole number, at least 1"),
        ({"shots": (0, 2)}, r"shots=\(0, 2\)"),
        ({"queries": 0}, "queries=0"),
        ({"shots": 5, "queries": 2}, r"class '0/0' has 6 examples, but shots \+ queries = 5 \+ 2 = 7"),
        ({"tasks": 0}, "tasks=0"),
        ({"length": 0}, "length=0"),
        ({"seed": -1}, "seed=-1"),
        ({"seed": 2**63}, "give a whole number from 0 to below"),
        ({"within_group": 1.5}, "within_group=1.5"),
        ({"within_group": float("nan")}, "within_group=nan"),
        ({"ways": 8, "within_group": 0.1}, r"no group has ways=8 classes \(the largest has 7\)"),
        ({"shots": 5, "queries": 2, "by_author": True}, "all classes have 6 authors in common"),
        ({"queries": 6, "by_author": True, "within_group": 1.0}, "the classes of group '0' have 6 authors"),
    ],
)
def test_what_cannot_be_drawn_is_said_in_one_line(options, message):
    with pytest.raises(InputError, match=message) as caught:
        EpisodeSampler(SOURCE, **({"queries": 2} | options))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"within_group": 0.5}, "plain: its classes have no groups"),
        ({"by_author": True}, "plain: its examples have no authors"),
    ],
)
def test_what_the_source_does_not_know_is_said(options, message):
    source = Source.of(list(range(12)), ["a", "b"] * 6, name="plain")
    with pytest.raises(InputError, match=message):
        EpisodeSampler(source, ways=2, queries=2, **options)


class TestNaturalQueries:
    def source(self, counts=(60, 30, 12)):
        labels = [f"class {c}" for c, count in enumerate(counts) for _ in range(count)]
        return Source.of(torch.arange(len(labels))[:, None].float(), labels)

    def test_queries_have_the_shares_of_the_classes_and_differ_from_the_support(self):
        sampler = EpisodeSampler(self.source(), ways=3, shots=2, queries=10, natural=True)
        drawn = sampler.indices(0, 40)
        counts = (drawn.query >= 0).sum(2)
        for row, classes in zip(counts, drawn.classes, strict=True):
            spare = np.array([60, 30, 12])[classes] - 2
            assert (row == np.maximum(np.rint(spare / spare.sum() * 30), 1)).all()
        for task in range(40):
            own = np.concatenate([drawn.support[task].ravel(), drawn.query[task][drawn.query[task] >= 0]])
            assert len(set(own.tolist())) == len(own)
            labels = sampler.source.labels[drawn.query[task].clip(0)]
            assert ((labels == drawn.classes[task][:, None]) | (drawn.query[task] < 0)).all()

    def test_tasks_do_not_depend_on_the_batch_and_episodes_have_no_padding_that_counts(self):
        sampler = EpisodeSampler(self.source(), ways=2, shots=1, queries=8, natural=True)
        whole, part = sampler.indices(0, 6), sampler.indices(4, 2)
        assert (whole.query[4:] == part.query).all()
        query = sampler.batch(0, 6).query
        assert query.weight.sum(1).tolist() == (whole.query >= 0).sum((1, 2)).tolist()

    def test_classes_too_small_for_equal_shares_are_used(self):
        EpisodeSampler(self.source((60, 4)), ways=2, shots=3, queries=20, natural=True).batch(0, 4)
        with pytest.raises(InputError, match=r"3 \+ 1 = 4 are needed"):
            EpisodeSampler(self.source((60, 3)), ways=2, shots=3, queries=20, natural=True)
        with pytest.raises(InputError, match="set natural to False"):
            EpisodeSampler(self.source(), ways=2, by_author=True, natural=True)
