"""Patients: parts and tasks that share none, and intervals over them."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from manyshot.base import InputError
from manyshot.datasets import load_dataset
from manyshot.tasks import EpisodeSampler, Source
from manyshot.training import Config, load_sources
from manyshot.training.example_overlap_interval import measure_shared_examples
from manyshot.training.splits import describe_authors


def clinic(patients: int = 60, classes: int = 3, seed: int = 0, mixed: bool = False) -> Source:
    """Patients with one to five pictures each, of one class or (mixed) of any."""
    random = np.random.default_rng(seed)
    rows = [
        (f"patient {p}", int(random.integers(classes)) if mixed else p % classes)
        for p in range(patients)
        for _ in range(random.integers(1, 6))
    ]
    if mixed:
        rows = [(who, int(random.integers(classes))) for who, _ in rows]
    return Source.of(torch.arange(len(rows)), [c for _, c in rows], authors=[who for who, _ in rows])


class TestSplit:
    @pytest.mark.parametrize("mixed", [False, True])
    def test_parts_share_no_author_and_have_all_classes(self, mixed):
        source = clinic(mixed=mixed)
        parts = source.split((0.5, 0.3, 0.2), seed=3, by="author")
        people = [set(part.authors_of_rows.tolist()) for part in parts]
        assert sum(map(len, people)) == len(set.union(*people)) == 60
        assert sum(map(len, parts)) == len(source)
        assert all(part.class_names == source.class_names for part in parts)
        assert 0.4 < len(people[0]) / 60 < 0.6

    def test_needs_authors_and_enough_of_them(self):
        with pytest.raises(InputError, match="group_by"):
            Source.of(torch.zeros(4), [0, 1, 0, 1]).split((0.5, 0.5), 0, by="author")
        with pytest.raises(InputError, match="class 'b' has 1 authors"):
            Source.of(torch.zeros(4), list("aabb"), authors=[1, 2, 3, 3]).split((0.5, 0.5), 0, by="author")


class TestTasks:
    @settings(max_examples=15)
    @given(seed=st.integers(0, 99), shots=st.integers(1, 4), queries=st.integers(1, 4), mixed=st.booleans())
    def test_support_and_query_of_a_task_share_no_author(self, seed, shots, queries, mixed):
        source = clinic(mixed=mixed, seed=seed)
        drawn = EpisodeSampler(source, 3, shots, queries, seed=seed, disjoint_authors=True).indices(0, 10)
        people = source.authors_of_rows
        for classes, support, query in zip(drawn.classes, drawn.support, drawn.query, strict=True):
            assert not set(people[support].ravel().tolist()) & set(people[query].ravel().tolist())
            together = np.concatenate((support, query), 1)
            assert len(np.unique(together)) == together.size
            assert (source.labels[together] == classes[:, None]).all()

    def test_a_task_depends_on_seed_and_number_alone(self):
        sampler = EpisodeSampler(clinic(), 2, 2, 3, seed=5, disjoint_authors=True)
        whole, later = sampler.indices(0, 8), sampler.indices(5, 3)
        assert np.array_equal(whole.support[5:], later.support)
        assert np.array_equal(whole.query[5:], later.query)
        other = EpisodeSampler(clinic(), 2, 2, 3, seed=6, disjoint_authors=True).indices(0, 8)
        assert not np.array_equal(whole.support, other.support)

    def test_every_example_can_be_in_both_sides(self):
        source = clinic(30)
        drawn = EpisodeSampler(source, 3, 1, 1, disjoint_authors=True).indices(0, 600)
        assert len(np.unique(drawn.support)) == len(np.unique(drawn.query)) == len(source)

    def test_too_few_authors_are_refused(self):
        source = Source.of(torch.zeros(8), [0, 1] * 4, authors=[0, 1] * 4)
        with pytest.raises(InputError, match="too few authors"):
            EpisodeSampler(source, 2, 1, 1, disjoint_authors=True).batch(0, 1)
        with pytest.raises(InputError, match="no authors"):
            EpisodeSampler(Source.of(torch.zeros(8), [0, 1] * 4), 2, 1, 1, disjoint_authors=True)


class TestFolders:
    @pytest.fixture
    def xrays(self, tmp_path):
        for name, count in (("normal", 6), ("virus", 8)):
            (tmp_path / "xrays" / name).mkdir(parents=True)
            for index in range(count):
                file = tmp_path / "xrays" / name / f"person{index // 2}_{name}_{index}.png"
                Image.new("L", (8, 8), 10 * index).save(file)
        return tmp_path / "xrays"

    def test_patients_are_read_from_file_names(self, xrays):
        source = load_dataset(xrays, group_by=r"(person\d+)_(normal|virus)")
        assert len(source.author_names) == 7
        assert source.author_names[0] == "person0_normal"
        assert [len(source.subset(authors=[name])) for name in source.author_names] == [2] * 7

    @pytest.mark.parametrize(("pattern", "said"), [("(", "not a regular expression"), (r"patient\d", "does not match")])
    def test_patterns_that_do_not_fit_are_refused(self, xrays, pattern, said):
        with pytest.raises(InputError, match=said):
            load_dataset(xrays, group_by=pattern)

    def test_a_run_says_how_many_are_in_two_parts(self, xrays):
        told = {}
        for unit in ("patient", "item"):
            config = Config(
                str(xrays), ways=2, queries=1, split_by=unit, group_by=r"(person\d+)_(normal|virus)", validation=0.5
            )
            told[unit] = describe_authors(load_sources(config))
        assert told["patient"].endswith("; 0 in two parts")
        assert not told["item"].endswith("; 0 in two parts")


class TestInterval:
    def test_without_authors_each_example_is_its_own(self):
        random = np.random.default_rng(0)
        correct, query = (random.random((30, 6)) < 0.7).astype(float), random.integers(0, 40, (30, 6))
        support, labels = random.integers(40, 60, (30, 4)), np.arange(60) % 4
        plain = measure_shared_examples(correct, query, support, labels)
        own = measure_shared_examples(correct, query, support, labels, np.arange(60))
        assert own.interval == pytest.approx(plain.interval)
        assert (own.unit, own.units) == ("authors", len(np.unique(np.concatenate((query.ravel(), support.ravel())))))

    def test_pictures_of_few_patients_say_less_than_their_number(self):
        random = np.random.default_rng(1)
        authors = np.repeat(np.arange(20), 30)
        easy = (random.random(20) < 0.6)[authors]
        query, support = random.integers(0, 600, (200, 10)), np.zeros((200, 0), int)
        correct = easy[query].astype(float)
        labels = np.zeros(600, int)
        over_examples, over_people = (
            measure_shared_examples(correct, query, support, labels, a) for a in (None, authors)
        )
        width = [high - low for low, high in (over_examples.interval, over_people.interval)]
        assert width[1] > 3 * width[0]
        assert "20 authors" in str(over_people)
