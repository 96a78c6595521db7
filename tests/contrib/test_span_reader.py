"""Reading answers out of contexts, by a tiny transformer that is built here."""

from itertools import pairwise, product

import pytest

from manyshot.base import InputError
from manyshot.contrib.question_answering.span_reader import SpanReader, exact_and_f1
from manyshot.contrib.question_answering.squad import Question, load_questions
from manyshot.nets.sentence_encoder import TransformerReader
from tiny_bert import tiny_bert

NAMES, PLACES = ("anna", "ben", "carl", "dora", "emil", "fay"), ("rome", "oslo", "kiel", "bern", "pisa", "york")
WORDS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "lives", "in", "where", "does", "live", "and", "?", ".", *NAMES]


@pytest.fixture(scope="module")
def make(tmp_path_factory):
    folder = tmp_path_factory.mktemp("model")
    sizes = {"hidden_size": 32, "intermediate_size": 64}
    no_dropout = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}

    def made(longest: int = 64) -> SpanReader:
        net, tokenizer = tiny_bert(folder, [*WORDS, *PLACES], **sizes, **no_dropout)
        return SpanReader(TransformerReader(net, tokenizer, "mean", False, 64, "tiny"), longest)

    return made


def question(name: str, place: str, other: str, elsewhere: str, known: bool = True) -> Question:
    context = f"{other} lives in {elsewhere} and {name if known else 'dora'} lives in {place}."
    answers = (place,) if known else ()
    start = context.rindex(place) if known else None
    return Question(f"{name}{place}{other}", context, f"where does {name} live ?", answers, start)


def few() -> list[Question]:
    people = [(a, p, b, q) for (a, b), (p, q) in product(pairwise(NAMES), pairwise(PLACES))]
    return [question(*row) for row in people[:20]]


class TestSpanReader:
    def test_windows_hold_each_answer_at_its_position(self, make):
        asked = few()
        windows = make().windows(asked)
        for row, number in enumerate(windows.asked.tolist()):
            begin = int(windows.spans[row, windows.begin[row], 0])
            end = int(windows.spans[row, windows.end[row], 1])
            assert asked[number].context[begin:end] == asked[number].answers[0]

    def test_a_long_context_is_read_in_windows_one_of_which_holds_the_answer(self, make):
        filler = "ben lives in oslo and " * 12
        context = filler + "anna lives in rome. " + filler
        asked = Question("a", context, "where does anna live ?", ("rome",), context.index("rome"))
        windows = make(32).windows([asked])
        assert len(windows.asked) > 3
        held = [int(b) for b in windows.begin if b]
        assert held
        assert all(int(e) >= int(b) for b, e in zip(windows.begin, windows.end, strict=True))

    def test_learns_to_answer_from_few_and_to_say_nothing(self, make):
        reader, asked = make(), few()
        silent = [question("fay", index, "ben", "oslo", known=False) for index in PLACES]
        losses = reader.fit([*asked, *silent], steps=60, learning_rate=3e-3)
        assert losses[-1] < 0.3 * losses[0]
        given = reader.read(asked)
        assert sum(text == q.answers[0] for text, q in zip(given, asked, strict=True)) >= 15
        assert sum(text == "" for text in reader.read(silent)) >= 4

    def test_the_same_seed_gives_the_same_weights(self, make):
        first, second = make(), make()
        assert first.fit(few(), steps=3) == second.fit(few(), steps=3)
        assert first.head.weight.equal(second.head.weight)

    def test_known_answers_are_not_looked_at_when_reading(self, make):
        reader, asked = make().eval(), few()[:4]
        unknown = [Question(q.id, q.context, q.question, (), None) for q in asked]
        assert reader.read(asked) == reader.read(unknown)

    @pytest.mark.parametrize("numbers", [{"steps": 0}, {"learning_rate": 0.0}])
    def test_odd_numbers_are_refused(self, make, numbers):
        with pytest.raises(InputError, match="give positive numbers"):
            make().fit(few(), **numbers)

    @pytest.mark.parametrize("language", ["en", "zh"])
    def test_every_answer_of_xquad_lies_in_a_window(self, make, real_data, language):
        asked = load_questions(real_data / "xquad" / f"xquad.{language}.json")[:150]
        windows = make(128).windows(asked)
        held = set()
        for row, number in enumerate(windows.asked.tolist()):
            if windows.begin[row]:
                begin = int(windows.spans[row, windows.begin[row], 0])
                end = int(windows.spans[row, windows.end[row], 1])
                assert asked[number].answers[0] in asked[number].context[begin:end]
                held.add(number)
        assert held == set(range(len(asked)))


@pytest.mark.parametrize(
    ("given", "answers", "exact", "f1"),
    [
        ("The cat.", ["a cat"], 1, 1),
        ("black cat", ["cat", "dog"], 0, 2 / 3),
        ("", ["cat"], 0, 0),
        ("cat", [], 0, 0),
        ("", [], 1, 1),
        ("北京市", ["北京"], 0, 0.8),
    ],
)
def test_answers_are_scored_as_squad_does(given, answers, exact, f1):
    assert exact_and_f1(given, answers) == (exact, pytest.approx(f1))


@pytest.mark.parametrize("content", ["[]", '{"data": []}', '{"data": [{"paragraphs": [{"qas": [{}]}]}]}'])
def test_files_of_another_format_are_one_line(tmp_path, content):
    path = tmp_path / "a.json"
    path.write_text(content)
    with pytest.raises(InputError, match=r"a\.json: (not in SQuAD's format|no questions)"):
        load_questions(path)
