from hypothesis import given
from hypothesis import strategies as st

from manyshot.base.remember import Remembered


@given(st.lists(st.text("ab", max_size=6), max_size=40))
def test_values_are_right_and_few_enough(texts):
    lengths = Remembered(len, most=10)
    for text in texts:
        assert lengths[text] == len(text)
        assert sum(map(len, lengths)) <= 10


def test_a_known_text_is_not_worked_out_again():
    asked = []
    known = Remembered(asked.append, most=100)
    for text in ("a", "b", "a"):
        known[text]
    assert asked == ["a", "b"]


def test_a_text_that_is_too_long_by_itself_is_worked_out_all_the_same():
    lengths = Remembered(len, most=3)
    assert [lengths[text] for text in ("ab", "abcdef", "ab")] == [2, 6, 2]
