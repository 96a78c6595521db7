import pytest
from hypothesis import given
from hypothesis import strategies as st

from manyshot.base.printable import CONTROL, cut_middle, printable


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("cat", "cat"),
        ("狗 dog é", "狗 dog é"),
        ("a\nError: b", r"a\nError: b"),
        ("\x1b[31mred", r"\x1b[31mred"),
        ("\x9b31m", r"\x9b31m"),
        ("right\u202eleft", r"right\u202eleft"),
        ("a\u2028b", r"a\u2028b"),
        ("a\tb\rc\0", r"a\tb\rc\x00"),
        ("half \udcff", "half \udcff"),
    ],
)
def test_control_characters_are_escaped_and_all_else_stays(text, shown):
    assert printable(text) == shown


@given(st.text())
def test_nothing_that_is_printed_moves_the_cursor(text):
    assert not CONTROL.search(printable(text))
    assert printable(printable(text)) == printable(text)


@given(st.text(), st.integers(20, 300))
def test_a_text_that_is_cut_has_the_length_and_keeps_its_ends(text, length):
    cut = cut_middle(text, length)
    assert len(cut) == min(len(text), length)
    assert text.startswith(cut[:5])
    assert text.endswith(cut[-3:])
