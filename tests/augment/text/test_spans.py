import torch
from hypothesis import given
from hypothesis import strategies as st

from manyshot.augment.ops.op import Op
from manyshot.augment.text import DeleteWords, SwapWords
from manyshot.augment.text.spans import MarkedText, change_outside_spans

WORDS = st.lists(
    st.sampled_from(["Rome", "fell", "in", "476.", "今天天气真好，", "{x}", "👍🏽", "don't", "\U000f0000"]), max_size=12
)


class Fake(Op):
    """An op that draws nothing."""

    def sample(self, n, generator):
        return {}


@st.composite
def marked(draw):
    text = " ".join(draw(WORDS))
    ends = st.integers(0, len(text))
    spans = draw(st.lists(st.tuples(ends, ends).map(sorted).map(tuple), max_size=5))
    return text, tuple(spans)


@given(marked(), st.integers(0, 2**31 - 1))
def test_what_stands_in_the_spans_is_the_same_after_any_op(ops, pair, seed):
    item = MarkedText(*pair)
    for op in ops.values():
        params = {"seed": torch.tensor([seed]), "choice": torch.tensor([seed % 4])}
        (changed,) = change_outside_spans(op, [item], params)
        assert changed.span_texts == item.span_texts


def test_the_text_around_the_spans_changes():
    item = MarkedText("Rome fell at last in the year 476 they say", ((0, 4), (30, 33), (31, 33)))
    params = DeleteWords(0.5).sample(20, torch.Generator().manual_seed(0))
    generated = change_outside_spans(DeleteWords(0.5), [item] * 20, params)
    assert len({one.text for one in generated}) > 10
    assert {one.span_texts for one in generated} == {("Rome", "476", "76")}
    assert all(len(one.text) < len(item.text) for one in generated)


def test_spans_may_change_their_order():
    class Turned(Fake):
        def apply(self, texts, params):
            return [text[::-1] for text in texts]

    (changed,) = change_outside_spans(Turned(), [MarkedText("ab cd ef", ((0, 2), (6, 8)))], {})
    assert changed == MarkedText("ef dc ab", ((6, 8), (0, 2)))


def test_a_text_whose_spans_an_op_loses_or_doubles_comes_back_as_it_was():
    class Cut(Fake):
        def apply(self, texts, params):
            return [text[1:] for text in texts]

    class Twice(Fake):
        def apply(self, texts, params):
            return [text + text for text in texts]

    item = MarkedText("Rome fell", ((0, 4),))
    assert change_outside_spans(Cut(), [item], {}) == [item]
    assert change_outside_spans(Twice(), [item], {}) == [item]
    assert change_outside_spans(Cut(), [MarkedText("Rome", ())], {}) == [MarkedText("ome", ())]


def test_words_trade_places_across_spans():
    item = MarkedText("one TWO three FOUR five", ((4, 7), (14, 18)))
    generated = change_outside_spans(SwapWords(), [item] * 30, {"seed": torch.arange(30)})
    assert {one.text for one in generated} == {
        "three TWO one FOUR five",
        "five TWO three FOUR one",
        "one TWO five FOUR three",
    }
