"""Ops that ask a model, with tiny ones made here; and paraphrases from a file."""

import pytest
import torch

from manyshot.augment.ops.op import take
from manyshot.augment.text import BackTranslate, MaskWords, Paraphrase, ParaphraseFile
from manyshot.augment.text.language_models import generate_texts, load
from manyshot.base import InputError
from one_line_error import one_line_error

TEXT = "Where can I buy a good cup of tea?"


def seeds(n):
    return {"seed": torch.arange(n)}


class TestMaskWords:
    def test_replaces_so_many_words_by_whole_words_of_the_model(self, masked_model):
        for share, count in ((0.1, 1), (0.4, 3)):
            for result in MaskWords(masked_model, share).apply([TEXT] * 10, seeds(10)):
                changed = [(a, b) for a, b in zip(TEXT.split(), result.split(), strict=True) if a != b]
                assert len(changed) == count
                assert all(b.strip("?").isalpha() and b.isascii() for _, b in changed)
                assert result.endswith("?")

    def test_draws_among_the_most_likely(self, masked_model):
        wide = set(MaskWords(masked_model, 0.1, top_k=20).apply(["buy tea"] * 60, seeds(60)))
        narrow = set(MaskWords(masked_model, 0.1, top_k=1).apply(["buy tea"] * 60, seeds(60)))
        assert len(narrow) == 2
        assert len(wide) > 15

    def test_the_most_likely_token_is_the_models_own(self, masked_model):
        transformers = pytest.importorskip("transformers")
        net = transformers.AutoModelForMaskedLM.from_pretrained(masked_model).eval()
        tokenizer = transformers.AutoTokenizer.from_pretrained(masked_model)
        tokens = tokenizer("buy a [MASK] .", return_tensors="pt")
        with torch.no_grad():
            scores = net(**tokens).logits[0][tokens["input_ids"][0] == tokenizer.mask_token_id][0]
        order = [tokenizer.convert_ids_to_tokens(token) for token in scores.argsort(descending=True).tolist()]
        best = next(token for token in order if token.isascii() and token.isalpha() and token != "car")
        generated = MaskWords(masked_model, 0.1, top_k=1).apply(["buy a car."] * 30, seeds(30))
        assert f"buy a {best}." in generated

    def test_han_words_keep_their_number_of_characters(self, masked_model):
        generated = MaskWords(masked_model, 0.3).apply(["今天天气真好 我们去"] * 20, seeds(20))
        assert len(set(generated)) > 10
        assert all(len(text) == 10 and text[6] == " " for text in generated)

    def test_leaves_masks_and_addresses_and_long_texts_alone(self, masked_model):
        text = "[MASK] buy tea at a@b.com [MASK] now"
        for result in MaskWords(masked_model, 0.5).apply([text] * 10, seeds(10)):
            assert result.count("[MASK]") == 2
            assert "a@b.com" in result
            assert result != text
        long = "buy tea " * 100
        assert MaskWords(masked_model).apply([long, "", "5"], seeds(3)) == [long, "", "5"]

    def test_a_text_does_not_depend_on_its_neighbors_and_replays(self, masked_model):
        op, texts = MaskWords(masked_model, 0.4), [TEXT, "buy tea", "a big car in the cold town", "我们去"]
        order = torch.tensor([2, 0, 2])
        together = op.apply(texts, seeds(4))
        assert op.apply([texts[index] for index in order], take(seeds(4), order)) == [together[p] for p in order]


class TestRewriting:
    def test_other_seeds_give_other_words_and_the_same_seed_the_same(self, rewriting_model):
        op = Paraphrase(rewriting_model)
        generated = op.apply(["buy good tea"] * 12, seeds(12))
        assert len(set(generated)) > 8
        assert generated == op.apply(["buy good tea"] * 12, seeds(12))
        assert op.apply(["buy good tea"], {"seed": torch.tensor([5])}) == [generated[5]]

    def test_without_a_temperature_the_most_likely_words_come(self, rewriting_model):
        model = load(rewriting_model, "AutoModelForSeq2SeqLM")
        tokens = model.tokenizer(["buy good tea"], return_tensors="pt")
        most = 2 * tokens["input_ids"].shape[1] + 8
        with torch.no_grad():
            greedy = model.net.generate(
                input_ids=tokens["input_ids"], do_sample=False, num_beams=1, max_new_tokens=most
            )
        expected = model.tokenizer.batch_decode(greedy, skip_special_tokens=True)[0].strip()
        assert generate_texts(model, ["buy good tea"], torch.tensor([1]), 0.0, 50) == [expected]

    def test_tokens_are_drawn_by_their_probabilities(self, rewriting_model):
        model = load(rewriting_model, "AutoModelForSeq2SeqLM")
        tokens = model.tokenizer(["buy tea"], return_tensors="pt")
        with torch.no_grad():
            start = torch.zeros(1, 1, dtype=torch.long)
            scores = model.net(input_ids=tokens["input_ids"], decoder_input_ids=start).logits[0, 0]
        from manyshot.augment.text.language_models import _Gumbel

        n = 4000
        noisy = _Gumbel(torch.arange(n), 2.0, 1000)(start.expand(n, 1), scores.expand(n, -1))
        drawn = torch.bincount(noisy.argmax(-1), minlength=len(scores)) / n
        assert torch.allclose(drawn, (scores / 2.0).softmax(-1), atol=0.025)
        few = _Gumbel(torch.arange(n), 2.0, 3)(start.expand(n, 1), scores.expand(n, -1)).argmax(-1)
        assert set(few.tolist()) == set(scores.topk(3).indices.tolist())

    def test_the_prefix_goes_to_the_model_and_not_into_the_text(self, rewriting_model):
        model = load(rewriting_model, "AutoModelForSeq2SeqLM")
        answers = generate_texts(model, ["where can i buy tea"] * 8, torch.arange(8), 1.0, 50)
        generated = Paraphrase(rewriting_model, "where can i ").apply(["buy tea"] * 8, seeds(8))
        assert generated == [answer or "buy tea" for answer in answers]
        assert any(answers)

    def test_what_lacks_an_address_or_an_emoji_is_not_taken(self, rewriting_model):
        texts = ["buy tea at a@b.com", "buy {cup}", "good tea 👍🏽", "buy tea"]
        generated = Paraphrase(rewriting_model).apply(texts, seeds(4))
        assert generated[:3] == texts[:3]
        assert generated[3] != texts[3]

    def test_back_translation_goes_there_and_back(self, rewriting_model):
        op = BackTranslate(rewriting_model, rewriting_model)
        model = load(rewriting_model, "AutoModelForSeq2SeqLM")
        foreign = generate_texts(model, ["buy tea"] * 8, torch.arange(8), 1.0, 50)
        answers = generate_texts(model, foreign, torch.arange(8), 0.0, 50)
        assert op.apply(["buy tea"] * 8, seeds(8)) == [answer or "buy tea" for answer in answers]

    def test_it_leaves_the_global_stream_of_random_numbers_alone(self, rewriting_model):
        load.cache_clear()
        before = torch.random.get_rng_state()
        Paraphrase(rewriting_model).apply(["buy tea"], seeds(1))
        assert torch.random.get_rng_state().equal(before)


@pytest.mark.parametrize("op", [MaskWords("./nowhere"), Paraphrase("/no/where"), BackTranslate("~/nowhere", "x")])
def test_a_model_that_is_not_there_is_one_line(op):
    pytest.importorskip("transformers")
    with pytest.raises(InputError, match="no such folder") as caught:
        op.apply(["buy tea"], seeds(1))
    assert "\n" not in str(caught.value)


def test_a_folder_that_holds_no_model_is_one_line(tmp_path):
    pytest.importorskip("transformers")
    with pytest.raises(InputError, match="cannot be loaded") as caught:
        MaskWords(str(tmp_path)).apply(["buy tea"], seeds(1))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: MaskWords("x", 2.0), "fraction=2.0"),
        (lambda: MaskWords("x", top_k=0), "top_k=0"),
        (lambda: Paraphrase("x", temperature=-1.0), "temperature=-1.0"),
        (lambda: BackTranslate("x", "y", top_k=0), "top_k=0"),
    ],
)
def test_wrong_options_are_named(make, message):
    with pytest.raises(InputError, match=message):
        make()


class TestParaphraseFile:
    @pytest.mark.parametrize(
        ("name", "content"),
        [
            ("a.csv", 'text,more,paraphrase\nbuy tea,1,"get, tea"\nbuy tea,2,take tea\n'),
            ("a.tsv", "text\tparaphrase\nbuy tea\tget, tea\nbuy tea\ttake tea\n"),
            (
                "a.jsonl",
                '{"text": "buy tea", "paraphrase": "get, tea"}\n\n{"text": "buy tea", "paraphrase": "take tea"}',
            ),
        ],
    )
    def test_gives_one_of_those_in_the_file(self, name, content, tmp_path):
        (tmp_path / name).write_text(content, encoding="utf-8-sig")
        op = ParaphraseFile(str(tmp_path / name))
        assert set(op.apply(["buy tea"] * 20, seeds(20))) == {"get, tea", "take tea"}
        assert op.apply(["other"], seeds(1)) == ["other"]

    @pytest.mark.parametrize(
        ("name", "content", "message"),
        [
            ("a.csv", b"text,other\na,b\n", "line 2: give 'text' and 'paraphrase'"),
            ("a.csv", b"text,paraphrase\na,\n", "line 2"),
            ("a.csv", b'text,paraphrase\n"a,b\n', "cannot be read"),
            ("a.csv", b"text,paraphrase\n\xff,b\n", "cannot be read"),
            ("a.jsonl", b"{]\n", "line 1: not valid JSON"),
            ("a.jsonl", b"7\n", "line 1"),
            (None, b"", "no such file"),
        ],
    )
    def test_a_file_that_cannot_be_used_is_one_line(self, name, content, message, tmp_path):
        path = tmp_path / (name or "gone.csv")
        if name:
            path.write_bytes(content)
        with one_line_error(message):
            ParaphraseFile(str(path)).apply(["a"], seeds(1))
