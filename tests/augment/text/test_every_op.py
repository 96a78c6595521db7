"""What every op on texts promises. A new op joins by one row in `TEXTS`."""

import json
from dataclasses import fields, replace

import pytest
import regex
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from manyshot.augment.ops.op import take
from manyshot.augment.text import OPS
from manyshot.augment.text.text_op import known_texts

TEXTS = {
    "reword": "Where can I find a good car for my vacation, and how do I buy it?",
    "eda": "Where can I buy a good cup of tea in the big city, please?",
    "synonyms": "Usually I buy this car, maybe.",
    "insert_words": "Where can I buy a good car?",
    "swap_words": "Where can I buy a good car?",
    "delete_words": "Where can I buy a good car?",
    "aeda": "Where can I buy a good car?",
    "cut_off": "Where can I buy a good car in this town?",
    "shuffle_sentences": "It rains. Who is there? No one. I wait!",
    "typos": "Where can I buy a good car?",
    "ocr": "Where can I buy a modern car?",
    "misspell": "I received a definite letter about accommodation.",
    "case": "Where can I buy a good car?",
    "contract": "I don't know what we are and they will not tell.",
    "template": "Where can I buy a good car?",
    "entities": "Where can I buy tea in Rome?",
    "numbers": "Send 1,250.50 to 12 people.",
    "dates": "It begins on May 17, 2024, a Friday.",
    "homophones": "今天天气真好，我们去公园玩吧。",
    "lookalikes": "请问晴天我们去城里玩吗？",
    "widths": "我有3个apple，谢谢!",
    "paraphrase_file": "buy tea",
}
"""A text that each op changes."""
MODELS = {"mask_words", "paraphrase", "back_translate"}
"""Tested in `test_models.py`."""
FEW = {
    **dict.fromkeys(("case", "contract", "template", "entities", "paraphrase_file"), 2),
    **dict.fromkeys(("shuffle_sentences", "cut_off", "widths"), 3),
    **dict.fromkeys(("synonyms", "delete_words", "misspell", "lookalikes", "swap_words"), 5),
}
"""How many results an op has for its text at least, where they are not ten."""

PROTECTED = [
    "https://example.org/a_b?c=d&e=%20f#top",
    "http://例子.中国/路径",
    "www.site.co.uk/page",
    "first.last+tag@mail.example.com",
    "用户@例子.公司",
    "@user_1",
    "#topic",
    "{name}",
    "{{ name }}",
    "${HOME}",
    "%s",
    "%(count)d",
    "%5.2f",
    "[MASK]",
    "[[Link]]",
    "<tag>",
    "</b>",
    '<a href="x y">',
    "<|endoftext|>",
    "&nbsp;",
    ":smile:",
    "snake_case_name",
    "__init__",
    "v1.2.3",
    "src/main/file.py",
    "👍🏽",
    "👨‍👩‍👧‍👦",
    "🇩🇪🇫🇷",
    "🏴󠁧󠁢󠁥󠁮󠁧󠁿",
    "1️⃣",
    "❤️",
    "\U000f0000",
]
"""What no op may take apart or drop."""
# fmt: off
PLAIN = [
    *("Where", "can", "I", "buy", "a", "good", "cup", "of", "tea", "3", "1,250", "don't", "they're", "we", "are"),
    *("Rome", "New", "York", "received", "accommodate"),
    *("今天", "天气", "真好", "请问", "北京", "我们", "2024年5月17日", "今天天气真好"),
    *("καλημέρα", "добрый", "über", "안녕하세요", "नमस्ते", "สวัสดี", "مرحبا", "ありがとう", "カタカナ"),
    *["May 17, 2024", "Monday", "It is.", "Dr. Who?", "cafe\u0301", "１２", "，", "。", "!", "(", ")", "'", '"'],
]
# fmt: on
BETWEEN = st.sampled_from([" ", " ", " ", "  ", "", "\n", "\r\n", "\u3000", "\t"])


@st.composite
def messy(draw):
    """A text with things that must stay whole, and these."""
    kept = draw(st.lists(st.sampled_from(PROTECTED), max_size=3))
    words = draw(st.lists(st.sampled_from(PLAIN), max_size=12))
    parts = draw(st.permutations([*kept, *words]))
    text = ""
    for part in parts:
        # What must stay whole stands apart, or between spaces; what touches it would become part of it.
        text += f" {part} " if part in PROTECTED else part + draw(BETWEEN)
    return text, kept


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def applied(op, texts, seed=0):
    return op.apply(texts, op.sample(len(texts), generator(seed)))


def test_every_op_of_the_table_is_tested():
    assert set(TEXTS) == set(OPS) - MODELS


@pytest.mark.parametrize("name", TEXTS)
class TestEveryOp:
    def test_changes_its_text_nearly_always_and_in_several_ways(self, ops, name):
        results = applied(ops[name], [TEXTS[name]] * 60)
        assert sum(result != TEXTS[name] for result in results) > 50
        assert len(set(results)) >= FEW.get(name, 10)

    def test_replays_from_params_written_as_json(self, ops, name):
        texts = [TEXTS[name]] * 8
        params = ops[name].sample(8, generator())
        again = {
            key: torch.tensor(value)
            for key, value in json.loads(json.dumps({k: v.tolist() for k, v in params.items()})).items()
        }
        assert ops[name].apply(texts, params) == ops[name].apply(texts, again)

    def test_draws_the_same_from_the_same_seed_and_other_from_another(self, ops, name):
        texts = [TEXTS[name]] * 32
        assert applied(ops[name], texts, 1) == applied(ops[name], texts, 1)
        draws = [ops[name].sample(32, generator(seed))["seed"] for seed in (1, 1, 2)]
        assert draws[0].equal(draws[1])
        assert not draws[0].equal(draws[2])

    def test_an_item_does_not_depend_on_its_neighbors(self, ops, name):
        texts = list(TEXTS.values())
        params = ops[name].sample(len(texts), generator())
        order = torch.tensor([3, 9, 0, 3])
        alone = ops[name].apply([texts[index] for index in order], take(params, order))
        together = ops[name].apply(texts, params)
        assert alone == [together[index] for index in order]

    def test_params_fit_texts_of_any_length(self, ops, name):
        params = ops[name].sample(2, generator())
        for texts in (["", ""], [TEXTS[name], ""], [" ", "x"], [100 * (TEXTS[name] + " "), "我"]):
            assert all(isinstance(text, str) for text in ops[name].apply(texts, params))
        assert ops[name].apply([], take(params, torch.tensor([], dtype=torch.long))) == []

    def test_what_it_remembers_of_a_text_changes_nothing(self, ops, name):
        first, second = (applied(ops[name], [TEXTS[name]] * 4) for _ in range(2))
        known_texts.cache_clear()
        assert first == second == applied(ops[name], [TEXTS[name]] * 4)

    def test_leaves_its_input_as_it_was(self, ops, name):
        texts = [TEXTS[name]] * 4
        applied(ops[name], texts)
        assert texts == [TEXTS[name]] * 4

    def test_can_be_printed_and_rebuilt(self, ops, name):
        assert replace(ops[name]) == ops[name]
        assert all(field.type in (float, int, str, "float", "int", "str") for field in fields(ops[name]))


@settings(max_examples=100)
@given(messy(), st.integers(0, 2**31 - 1))
def test_no_op_takes_apart_or_drops_what_must_stay_whole(ops, messy, seed):
    text, kept = messy
    for name, op in ops.items():
        (result,) = op.apply([text], {"seed": torch.tensor([seed]), "choice": torch.tensor([seed % 4])})
        for whole in set(kept):
            assert result.count(whole) >= text.count(whole), f"{name}: {whole!r} of {text!r} in {result!r}"


@settings(max_examples=100)
@given(
    st.text(max_size=40)
    | st.text(st.sampled_from("ae\u0301 👍🏽🇩🇪\u200d好天्क한ᆨ\r\n.,'\ufe0f1#กำ\U000e0067"), max_size=30),
    st.integers(0, 2**31 - 1),
)
def test_no_op_breaks_a_grapheme_cluster(ops, text, seed):
    before = [cluster for cluster in regex.findall(r"\X", text) if len(cluster) > 1]
    for name, op in ops.items():
        if name in ("delete_words", "cut_off", "eda", "case", "template", "numbers"):
            continue  # these leave clusters out, write them in other letters, or bring some of their own
        (result,) = op.apply([text], {"seed": torch.tensor([seed])})
        after = regex.findall(r"\X", result)
        for cluster in set(before):
            assert after.count(cluster) >= before.count(cluster), f"{name}: {cluster!r} of {text!r} in {result!r}"


@settings(max_examples=100)
@given(st.text(max_size=60) | messy().map(lambda pair: pair[0]), st.integers(0, 2**31 - 1))
def test_what_is_left_out_is_whole_words_and_no_half_of_a_character(ops, text, seed):
    clusters = regex.findall(r"\X", text)
    for name in ("delete_words", "cut_off"):
        (result,) = ops[name].apply([text], {"seed": torch.tensor([seed])})
        left = iter(clusters)
        assert all(cluster in left for cluster in regex.findall(r"\X", result)), f"{name}: {text!r} to {result!r}"


@given(st.text(max_size=80))
def test_ops_take_any_text(ops, text):
    for op in ops.values():
        assert isinstance(applied(op, [text])[0], str)
