"""What each op does to words, compared with what is plain to see."""

import datetime
import os
import re
from collections import Counter

import pytest
import torch

from manyshot import ops
from manyshot.augment.text.text_op import draw_numbers
from manyshot.augment.text.typos import NEAR
from manyshot.augment.text.wordnet import synonyms
from manyshot.base import InputError
from manyshot.base.seeds import uniform

TEXT = "Where can I buy a good cup of tea in this town today, please?"
WORDS = TEXT.replace(",", "").replace("?", "").split()


def results(op, text, n=40):
    return op.apply([text] * n, {"seed": torch.arange(n)})


def words(text):
    return text.replace(",", "").replace("?", "").split()


def test_numbers_are_those_of_the_seeds_one_by_one():
    assert draw_numbers(torch.tensor([7, 9]), [2, 3]) == [
        [float(uniform(s, k)) for k in range(c)] for s, c in ((7, 2), (9, 3))
    ]


@pytest.mark.parametrize(("share", "most"), [(0.1, 2), (0.3, 8)])
def test_swapped_words_are_the_same_words(share, most):
    for result in results(ops.SwapWords(share), TEXT):
        assert Counter(words(result)) == Counter(WORDS)
        assert 0 < sum(a != b for a, b in zip(words(result), WORDS, strict=True)) <= most
        assert [c for c in result if c in ",?"] == [",", "?"]


@pytest.mark.parametrize(("share", "gone"), [(0.1, 1), (0.3, 4), (1.0, 13)])
def test_so_many_words_are_left_out_and_one_stays(share, gone):
    for result in results(ops.DeleteWords(share), TEXT):
        assert len(words(result)) == 14 - gone
        left = iter(WORDS)
        assert all(word in left for word in words(result))
        assert "  " not in result
        assert result[0] != " "


def test_a_span_of_words_is_left_out():
    for result in results(ops.CutOff(0.3), TEXT):
        left = words(result)
        assert len(left) == 10
        assert any(WORDS[:k] + WORDS[k + 4 :] == left for k in range(11))


def test_a_span_holds_no_number_and_no_address():
    for result in results(ops.CutOff(0.5), "Send 5 to a@b.org or to all of my many old friends {x} now"):
        assert "5" in result
        assert "a@b.org" in result
        assert "{x}" in result


def test_synonyms_come_from_wordnet_and_keep_the_case():
    text = ["THE", "LAWYER,", "CAR,", "BUY", "IT"]
    seen = set()
    for result in results(ops.Synonyms(), " ".join(text), 100):
        seen |= {(a, b) for a, b in zip(text, result.split(" "), strict=True) if a != b}
    assert seen == {("LAWYER,", "ATTORNEY,"), ("CAR,", "AUTOMOBILE,"), ("BUY", "PURCHASE")}


def test_a_word_with_a_capital_inside_a_sentence_is_a_name():
    assert set(results(ops.Synonyms(), "The Car Company of Buy", 20)) == {"The Car Company of Buy"}
    assert set(results(ops.Synonyms(), "He came. Maybe he left", 20)) == {
        "He came. Perhaps he left",
        "He came. Possibly he left",
    }


def test_words_have_synonyms_where_the_meaning_hardly_depends_on_the_sentence():
    assert synonyms("car") == ("noun", ("automobile",))
    assert synonyms("buy") == ("verb", ("purchase",))
    assert "perhaps" in synonyms("maybe").names
    ambiguous, inflected, names, unknown = ["order", "change", "light"], ["cars", "bought"], ["frank", "may"], ["xyzzy"]
    for word in (*ambiguous, *inflected, *names, *unknown, "in", "please"):
        assert synonyms(word).names == (), word


def test_synonyms_fit_the_word_before_them():
    assert set(results(ops.Synonyms(), "I saw a car", 20)) == {"I saw an automobile"}
    assert set(results(ops.Synonyms(), "I saw the car", 20)) == {"I saw the automobile"}
    assert set(results(ops.Synonyms(), "that is my buy", 20)) == {"that is my buy"}  # not the verb


@pytest.mark.parametrize("kind", [ops.Synonyms, ops.SwapWords, ops.DeleteWords, ops.CutOff, ops.EDA])
def test_negations_stay_where_they_are(kind):
    text = "i would never buy the car and it isn't good"
    op = kind(0.5)
    for result in op.apply([text] * 50, op.sample(50, torch.Generator().manual_seed(0))):
        assert "never" in result.split()
        assert "isn't" in result.split()


def test_negations_can_be_released():
    assert any("never" not in result for result in results(ops.DeleteWords(0.5, keep=""), "i would never buy it", 50))


def test_words_to_keep_are_neither_replaced_nor_moved_nor_deleted():
    text = "please buy the car for my vacation"
    assert set(results(ops.Synonyms(0.9, "car BUY vacation"), text, 20)) == {text}
    assert all(result.split().index("car") == 3 for result in results(ops.SwapWords(0.9, "car"), text, 50))
    assert all("car" in result for result in results(ops.DeleteWords(0.9, "car"), text, 50))


def test_han_negations_are_left_alone():
    assert all("没有" in result for result in results(ops.DeleteWords(0.9), "我 没有 收到 快递", 30))


def test_eda_takes_the_next_op_where_one_finds_nothing_to_change():
    text = "where are cars"  # no synonyms
    params = {"choice": torch.tensor([0, 1, 2, 3]), "seed": torch.arange(4)}
    assert all(result != text for result in ops.EDA().apply([text] * 4, params))


def test_inserted_words_are_synonyms_of_words_there():
    known = {name for word in WORDS for name in synonyms(word.lower()).names}
    for result in results(ops.InsertWords(), TEXT):
        more = Counter(result.replace(",", "").replace("?", "")) - Counter(TEXT.replace(",", "").replace("?", ""))
        assert more
        assert any(f" {name} " in f" {result} ".lower() for name in known)


def test_eda_does_one_of_its_four_ops():
    op = ops.EDA()
    params = op.sample(40, torch.Generator().manual_seed(0))
    generated = op.apply([TEXT] * 40, params)
    assert set(params["choice"].tolist()) == {0, 1, 2, 3}
    for choice, seed, result in zip(params["choice"].tolist(), params["seed"], generated, strict=True):
        assert result == op.ops[choice].apply([TEXT], {"seed": seed[None]})[0]


def test_aeda_adds_punctuation_and_nothing_else():
    for result in results(ops.AEDA(), TEXT):
        signs = Counter(result) - Counter(TEXT)
        assert set(signs) <= set(".;?:!, ")
        assert [word for word in result.split() if word not in ".;?:!,"] == TEXT.split()
        assert 1 <= len(result.split()) - len(TEXT.split()) <= 4


def test_aeda_puts_full_width_signs_between_han_words():
    for result in results(ops.AEDA(), "今天天气真好我们去玩"):
        assert " " not in result
        assert set(Counter(result) - Counter("今天天气真好我们去玩")) <= set("。；？：！，")


@pytest.mark.parametrize(("op", "most"), [(ops.Typos(), 2), (ops.OCR(), 2), (ops.Misspell(), 4)])
def test_a_slip_leaves_the_other_words_alone(op, most):
    for result in results(op, TEXT):
        changed = [(a, b) for a, b in zip(TEXT.split(), result.split(), strict=True) if a != b]
        assert len(changed) == 1
        assert abs(len(changed[0][0]) - len(changed[0][1])) <= most
        assert changed[0][0][0].lower() == changed[0][1][0].lower() or not isinstance(op, ops.Misspell)


def test_more_words_are_mistyped_where_the_fraction_is_larger():
    changed = [sum(a != b for a, b in zip(TEXT.split(), r.split(), strict=True)) for r in results(ops.Typos(0.5), TEXT)]
    assert set(changed) == {7}


def test_keys_are_near_that_touch():
    assert set(NEAR["g"]) == set("ftyhbv")
    assert set(NEAR["q"]) == set("wa")
    assert all(key in NEAR[other] for key, near in NEAR.items() for other in near)


def test_misspellings_are_the_common_ones():
    seen = {result for text in ("received", "accommodate", "independence") for result in results(ops.Misspell(), text)}
    assert {"recieved", "acommodate", "accomodate", "independance"} <= seen


def test_case_is_one_of_three_and_leaves_addresses():
    seen = set(results(ops.Case(), "Mail Me@site.org or ring Bob"))
    assert seen == {"mail Me@site.org or ring bob", "MAIL Me@site.org OR RING BOB", "Mail Me@site.org Or Ring Bob"}
    assert set(results(ops.Case("lower"), "ABC Def")) == {"abc def"}


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("I don't", "I do not"),
        ("We're here", "We are here"),
        ("I cannot", "I cannot"),
        ("You can't", "You cannot"),
        ("They are not", "They're not"),
        ("it's Bob's", "it's Bob's"),
        ("Will not go", "Won't go"),
    ],
)
def test_contractions_both_ways(text, result):
    assert result in results(ops.Contract(1.0), text)
    assert text == result or text not in results(ops.Contract(1.0), text)


def test_sentences_change_places_and_stay_whole():
    text = "Dr. Smith paid $3.50. (Really?) Yes! He is from the U.S. and so on…  Good."
    parts = ["Dr. Smith paid $3.50.", "(Really?)", "Yes!", "He is from the U.S. and so on…", "Good."]
    seen = set(results(ops.ShuffleSentences(), text))
    assert len(seen) > 10
    for result in seen:
        assert all(part in result for part in parts)
        assert len(result) == len(text)
    assert set(results(ops.ShuffleSentences(), "下雨了。真的吗？")) == {"真的吗？下雨了。"}
    assert results(ops.ShuffleSentences(), "One only.", 3) == ["One only."] * 3


def test_templates_hold_the_text(tmp_path):
    path = tmp_path / "t.txt"
    path.write_text("A: {text}\n\n{text}, please\n", encoding="utf-8")
    assert set(results(ops.Template(str(path)), "go {home}")) == {"A: go {home}", "go {home}, please"}
    path.write_text("A: {texts}\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"'A: \{texts\}' has no \{text\}"):
        results(ops.Template(str(path)), "go")


def test_names_are_replaced_by_others_of_their_kind(tmp_path):
    path = tmp_path / "n.txt"
    path.write_text("Rome\nNew York\nYork\n\ntea\ncoffee\n\n北京\n上海\n\nalone\n", encoding="utf-8")
    op = ops.Entities(str(path))
    assert set(results(op, "tea in New York, Yorkshire tea@x.org alone")) == {
        f"coffee in {city}, Yorkshire tea@x.org alone" for city in ("Rome", "York")
    }
    assert set(results(op, "去北京吧")) == {"去上海吧"}
    assert results(op, "nothing", 2) == ["nothing"] * 2


@pytest.mark.parametrize("content", [b"", b"\n \n", b"caf\xe9", None])
def test_a_file_that_cannot_be_used_is_one_line(content, tmp_path):
    path = tmp_path / "list.txt"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError) as caught:
        results(ops.Entities(str(path)), "a text")
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_list_that_changed_is_read_again(tmp_path):
    path = tmp_path / "t.txt"
    path.write_text("a {text}")
    assert results(ops.Template(str(path)), "x", 1) == ["a x"]
    path.write_text("b {text}")
    os.utime(path, ns=(1, 1))
    assert results(ops.Template(str(path)), "x", 1) == ["b x"]


@pytest.mark.parametrize(
    "text",
    ["10 am", "at 9:30 p.m.", "17 Jan 2024", "may 17, 2024", "12.30 Uhr", "in 1999", "Sept. 3rd", "2024年5月3日 8点"],
)
def test_numbers_of_dates_and_times_stay(text):
    assert set(results(ops.Numbers(), text)) == {text}


def test_numbers_beside_han_characters_change():
    for result in results(ops.Numbers(), "我有3个，100元"):
        assert re.fullmatch("我有[0-9]个，[1-9][0-9]{2}元", result)
        assert result != "我有3个，100元"


def test_numbers_keep_their_form_and_change():
    text = "Send 1,250.50 and 007 and 5 by 2024-05-17, May 3, 2021, 12:30, A4, 4th, {9}, v2.5, x@1.org"
    for result in results(ops.Numbers(), text):
        first, second, third = result.removeprefix("Send ").split(" by ")[0].split(" and ")
        assert first != "1,250.50"
        assert (len(first), first[1], first[5]) == (8, ",", ".")
        assert first[0] != "0"
        assert second[:2] == "00"
        assert second != "007"
        assert third in "12346789"
        assert result.endswith(text[text.index(" by ") :])


@pytest.mark.parametrize(
    "text", ["2024-05-17", "2024/05/17", "17 May 2024", "May 17th, 2024", "2024年5月17日", "Friday", "周五"]
)
def test_dates_move_and_keep_their_form(text):
    seen = set(results(ops.Dates(), f"on {text}!"))
    assert len(seen) >= (6 if text in ("Friday", "周五") else 30)
    assert all(result.startswith("on ") and result.endswith("!") for result in seen)
    forms = {"".join("9" if c.isdigit() else "x" if c.isascii() and c.isalpha() else c for c in r) for r in seen}
    assert len(forms) <= 16


def test_days_of_the_week_go_with_their_dates():
    for result in results(ops.Dates(), "2024-05-17 Friday"):
        date, weekday = result.split()
        assert datetime.date.fromisoformat(date).strftime("%A") == weekday
        assert date != "2024-05-17"
    assert set(results(ops.Dates(), "2024-02-31", 5)) == {"2024-02-31"}


@pytest.mark.parametrize(("op", "share"), [(ops.Homophones(0.3), 3), (ops.Lookalikes(0.3), 3)])
def test_some_han_characters_become_others(op, share):
    text = "请问今天晴，我们去城里，ok？"
    for result in results(op, text):
        assert len(result) == len(text)
        changed = [(a, b) for a, b in zip(text, result, strict=True) if a != b]
        assert len(changed) == share
        assert all(b in op.replacements()[a] for a, b in changed)


def test_widths_there_and_back():
    full = ops.Widths("letters").apply(["A4, ok"], {"seed": torch.tensor([0])})[0]
    assert full == "Ａ４, ｏｋ"
    assert ops.Widths("punctuation").apply([full], {"seed": torch.tensor([0])}) == ["Ａ４， ｏｋ"]
    assert ops.Widths("half").apply(["Ａ４， ｏｋ"], {"seed": torch.tensor([0])}) == ["A4, ok"]
    assert results(ops.Widths(), "天气。", 2) == ["天气。"] * 2


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: ops.SwapWords(2.0), "SwapWords: fraction=2.0"),
        (lambda: ops.Typos(-1.0), "Typos: fraction=-1.0"),
        (lambda: ops.Case("loud"), "Case: to='loud'"),
        (lambda: ops.Dates(0), "Dates: days=0"),
    ],
)
def test_wrong_options_are_named(make, message):
    with pytest.raises(InputError, match=message):
        make()
