"""What is said of classes: from names, tables and encoders."""

import pytest
import torch

from manyshot.base import InputError
from manyshot.tasks import EpisodeSampler, Source
from manyshot.training.class_texts import add_class_vectors, add_vectors_for, describe_classes
from manyshot.training.name_probe import names_of_others, one_name_for_all
from one_line_error import one_line_error

NAMES = ("bee", "maple_tree", "owl")


def source() -> Source:
    return Source.of(torch.rand(12, 3, 8, 8), [name for name in NAMES for _ in range(4)])


def table(tmp_path, text: str):
    path = tmp_path / "classes.csv"
    path.write_text(text)
    return path


class TestTell:
    def test_reads_names_with_spaces_for_underscores(self):
        told = add_class_vectors(source(), "ngrams(64)")
        named = add_class_vectors(Source.of(["x", "y", "z"], ["bee", "maple tree", "owl"]), "ngrams(64)")
        assert told.about.equal(named.about)

    def test_follows_subsets_and_tasks(self):
        told = add_class_vectors(source(), "ngrams(64)")
        some = told.subset(classes=["owl", "bee"])
        assert some.about.equal(told.about[[0, 2]])
        episode = EpisodeSampler(told, ways=2, shots=1, queries=2).batch(0, 5)
        assert episode.support.about.equal(told.about[episode.classes])
        assert episode.query.about is None

    def test_padding_classes_get_zeros(self):
        episode = EpisodeSampler(add_class_vectors(source(), "ngrams(64)"), ways=(2, 3), shots=1, queries=2).batch(
            0, 20
        )
        said = episode.support.about.abs().sum(-1) > 0
        assert said.equal(episode.support.class_mask)
        assert not said.all()

    def test_reads_nothing_twice_and_nothing_unasked(self):
        told = add_class_vectors(source(), "ngrams(64)")
        plain = source()
        assert add_class_vectors(told, "minilm") is told
        assert add_vectors_for(plain, None) is plain

    def test_refuses_encoders_of_pictures_and_trained_ones(self):
        for name in ("conv4", "ngrams(64, project=8)"):
            with pytest.raises(InputError):
                add_class_vectors(source(), name)


class TestDescribe:
    def test_takes_texts_by_class_in_any_order(self, tmp_path):
        path = table(tmp_path, "class,about\nowl,a night bird\nbee,\nmaple_tree,has red leaves\nelk,large\n")
        described = describe_classes(source(), path)
        assert described.texts == ("", "has red leaves", "a night bird")
        about = add_class_vectors(described, "ngrams(64)").about
        assert (about.abs().sum(1) > 0).tolist() == [False, True, True]

    def test_names_what_is_wrong(self, tmp_path):
        wrong = {
            "class,about\nowl,a\nbee,b\n": "no row for class 'maple_tree'",
            "class,about\nowl,a\nowl,b\n": "line 3: class 'owl' for the second time",
            "class,size\nowl,a\n": "no column with the text",
            "kind,about\nowl,a\n": "no column with the class",
        }
        for text, message in wrong.items():
            with one_line_error(message):
                describe_classes(source(), table(tmp_path, text))

    def test_vectors_have_no_text(self):
        with one_line_error("vectors are said"):
            _ = add_class_vectors(source(), "ngrams(64)").texts


class TestControls:
    def test_each_class_gets_another_name_and_padding_none(self):
        episode = EpisodeSampler(add_class_vectors(source(), "ngrams(64)"), ways=(2, 3), shots=1, queries=2).batch(
            0, 20
        )
        others = names_of_others(episode).support
        own, present = episode.support.about, episode.support.class_mask
        assert ((others.about - own).abs().sum(-1) > 0).equal(present)
        torch.testing.assert_close(others.about.sum(1), own.sum(1))
        same = one_name_for_all(episode).support.about
        torch.testing.assert_close(same[:, 0], own.sum(1) / present.sum(1, keepdim=True))
        assert (same.abs().sum(-1) > 0).equal(present)
