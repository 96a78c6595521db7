"""Rewordings: what is replaced, what follows, and what stays."""

import pytest
import torch

from manyshot.augment.text import Reword
from manyshot.augment.text.chinese_tools import is_han
from manyshot.augment.text.reword_rules import _lines, _members, _parse, find_edits, fix_article


def reworded(text: str, **options: object) -> set[str]:
    op = Reword(**options)
    return set(op.apply([text] * 60, op.sample(60, torch.Generator().manual_seed(0)))) - {text}


class TestEnglish:
    def test_a_phrase_becomes_another_one_of_its_group(self):
        assert reworded("how do i pay my bill") == {
            "how can i pay my bill",
            "how would i pay my bill",
            "how could i pay my bill",
        }

    def test_the_mark_at_the_end_follows_where_a_command_becomes_a_question(self):
        assert reworded("Please find the file. Thanks.") >= {"Can you find the file? Thanks."}
        assert reworded("Could you find the file?") >= {"Please find the file."}

    def test_a_dot_in_an_address_ends_no_sentence(self):
        results = reworded("buy http://例子.中国/路径 now.")
        assert "can you buy http://例子.中国/路径 now?" in results
        assert all("http://例子.中国/路径" in text for text in results)

    def test_an_article_follows(self):
        assert reworded("I saw a car") == {"I saw an automobile"}

    def test_only_one_please_is_said(self):
        assert all(text.count("please") == 1 for text in reworded("find the file, please"))

    def test_names_stay(self):
        assert reworded("The Car Company Of Boston") == set()

    def test_capitals_and_curly_apostrophes_are_those_of_the_text(self):
        assert reworded("I DON’T CARE") == {"I DO NOT CARE"}
        assert reworded("But I do not care") == {"But I don't care"}

    def test_words_to_keep_are_never_removed(self):
        assert all("buy" in text for text in reworded("can i buy a car", keep="buy"))
        assert all(("not" in text) or ("n't" in text) for text in reworded("i do not often know why"))

    def test_neighbors_say_whether_a_word_is_meant(self):
        assert reworded("as often as not") == set()
        assert reworded("i am what i am") == {"i'm what i am"}

    def test_a_long_text_takes_time_in_proportion(self):
        assert len(find_edits("what is the car " * 4_000)) >= 4_000
        assert len(find_edits("如何办理" * 2_000)) >= 2_000


class TestChinese:
    def test_a_word_becomes_another_one(self):
        assert reworded("如何办理") == {"怎样办理"}

    def test_only_whole_words_are_replaced(self):
        assert reworded("早餐店在左边") == {"早餐店在左侧"}

    def test_nothing_changes_where_a_neighbor_forbids_it(self):
        assert reworded("怎么样") == reworded("购买力") == set()


@pytest.mark.parametrize("han", [False, True])
class TestRules:
    def test_every_line_can_be_read_and_names_known_classes(self, han):
        for line in _lines(han):
            if " = " not in line:
                phrases = line.replace(" > ", " | ").split(" | ")
                assert len(phrases) > 1, line
                for text in phrases:
                    phrase = _parse(text.strip(), han)
                    assert phrase.template, line
                    assert all(token == "#" or token == "####" or _members(token, han) for token in phrase.classes)

    def test_no_line_is_written_in_the_other_language_or_twice(self, han):
        lines = [line for line in _lines(han) if " = " not in line]
        assert len(set(lines)) == len(lines)
        assert all(any(map(is_han, line)) == han for line in lines)

    def test_no_phrase_is_put_in_for_itself(self, han):
        text = "今天如何买早餐" if han else "how can i buy a car often"
        for edit in find_edits(text):
            assert text[edit.start : edit.end] not in {choice.text for choice in edit.choices}


@pytest.mark.parametrize(
    ("before", "word", "after"), [("a ", "hour", "an "), ("An ", "used car", "A "), ("la a ", "egg", "la an ")]
)
def test_an_article_is_that_of_the_next_word(before, word, after):
    assert fix_article(before, word) == after
