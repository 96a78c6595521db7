import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from manyshot.augment.plan import Plan
from manyshot.augment.plan.parser import parse
from manyshot.augment.plan.syntax_tree import Clause, Syntax
from manyshot.base import InputError
from manyshot.base.call_syntax import Call, number, parse_call

CANONICAL = [
    "none",
    "task: turn",
    "task: turn; support: affine(15) elastic(0.1); shots: 8 x elastic",
    "task: turn flip(per=task); support+query: affine elastic(0.1, cells=5) stroke(1, p=0.5)",
    "shots: 8 x affine elastic weight 0.5; query: 4 x affine",
    "shots: balanced 2 x affine weight 0.5",
    "shots: balanced flip",
    "query+support: affine(-5, 1.5, padding_mode=border)",
    "shots: 1 x noise(1e-7)",
    "support: oneof(affine(15) flip, p=0.5) maybe(flip)",
    "support: a(b(c(d(e(f(g(h)))))))",
]

names = st.sampled_from(
    ["affine", "flip", "resized_crop", "p", "per", "x", "e5", "_", "Big", "none", "task", "sans-serif", "a-1"]
)
numbers = st.floats(allow_nan=False, allow_infinity=False)


# Plans are drawn as plain tuples and built in the test: the run-time type checks of the tree's classes use `random`,
# which hypothesis forbids while it draws.
def calls_of(values):
    options = st.dictionaries(names, values, max_size=2).map(lambda named: tuple(named.items()))
    return st.tuples(names, st.lists(values, max_size=2).map(tuple), options)


values = st.recursive(
    numbers | st.tuples(st.tuples(names, st.just(()), st.just(()))),
    lambda inner: st.lists(calls_of(inner), min_size=1, max_size=2).map(tuple),
    max_leaves=4,
)
clauses = st.tuples(
    st.lists(calls_of(values), min_size=1, max_size=3),
    st.none() | st.integers(1, 1024),
    st.none() | st.floats(1e-300, 1e300),
    st.booleans(),
)
groups = st.sampled_from(
    [
        [],
        [["shots"]],
        [["shots"], ["task"]],
        [["task"], ["support"], ["query"], ["shots"]],
        [["query", "support"], ["shots"]],
        [["task"], ["shots", "query"]],
        [["support", "task", "shots", "query"]],
    ]
)


def build_value(value):
    return value if isinstance(value, float) else tuple(map(build_call, value))


def build_call(call):
    name, arguments, options = call
    return Call(name, tuple(map(build_value, arguments)), tuple((key, build_value(value)) for key, value in options))


def build_clause(placements, clause):
    calls, copies, weight, balanced = clause
    return Clause(
        tuple(placements),
        tuple(map(build_call, calls)),
        copies if set(placements) <= {"shots", "query"} else None,
        weight if placements == ["shots"] else None,
        balanced and placements == ["shots"],
    )


@pytest.mark.parametrize("text", CANONICAL)
def test_canonical_text_is_printed_back_identically(text):
    assert str(parse(text)) == text


@given(groups, st.lists(clauses, min_size=4, max_size=4))
def test_every_plan_survives_printing_and_parsing(placements, drawn):
    plan = Syntax(tuple(map(build_clause, placements, drawn)))
    assert parse(str(plan)) == plan
    assert str(parse(str(plan))) == str(plan)


@given(st.sampled_from(CANONICAL[1:]), st.data())
def test_white_space_changes_nothing(text, data):
    tokens = re.findall(r"[A-Za-z_][\w]*|-?[0-9.]+(?:e-?[0-9]+)?|[;:+(),=]", text)
    spaces = st.sampled_from([" ", "\n", "\t ", "  \r\n"])
    assert parse("".join(token + data.draw(spaces) for token in tokens)) == parse(text)
    assert parse(re.sub(r" ?([;:+(),=]) ?", r"\1", text)) == parse(text)


def test_positional_values_stay_positional_and_named_ones_named():
    (clause,) = parse("support: elastic(0.1, cells=5)").clauses
    assert clause.calls == (Call("elastic", (0.1,), (("cells", 5.0),)),)


def test_empty_parentheses_are_left_out():
    assert str(parse("support: affine()")) == "support: affine"


def test_every_op_knows_the_character_where_it_stands():
    _, shots = parse("task: turn; shots: 8 x flip oneof(noise)").clauses
    assert [call.at for call in shots.calls] == [24, 29]
    assert shots.calls[1].arguments[0][0].at == 35


@given(numbers)
def test_numbers_read_back_as_themselves(value):
    assert float(number(value)) == value


@pytest.mark.parametrize(
    ("value", "text"), [(8.0, "8"), (0.10, "0.1"), (1e-05, "1e-5"), (1e22, "1e22"), (-0.5, "-0.5")]
)
def test_numbers_are_printed_short(value, text):
    assert number(value) == text


@given(st.text(max_size=60) | st.text("taskuporqeyh:;+(),=x 0123.e-wignofl", max_size=60))
def test_any_text_is_a_plan_or_one_line_of_error(text):
    try:
        plan, message = parse(text), ""
    except InputError as error:
        plan, message = Syntax(), str(error)
    assert len(message.splitlines()) <= 1
    assert parse(str(plan)) == plan


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("", ["empty plan", "'none'"]),
        ("  \n", ["empty plan"]),
        ("suport: affine", ["'suport'", "character 1", "did you mean 'support'?"]),
        ("affine elastic", ["unknown placement 'affine'", "'support: affine'"]),
        ("support affine", ["'affine' (character 9)", "':' after 'support'"]),
        ("support:", ["the plan ends", "the name of an op"]),
        ("support: affine;", ["the plan ends", "a placement"]),
        ("support+: affine", ["':' (character 9)", "a placement"]),
        ("support: affine 15", ["'15' (character 17)", "an op or ';'"]),
        ("support: affine(15", ["the plan ends", "',' or ')'"]),
        ("support: affine(15,)", ["')' (character 20)", "a text in quotes or an op"]),
        ("support: affine(degrees=)", ["')' (character 25)", "a text in quotes or an op"]),
        ("support: affine(degrees=1, 2)", ["'2' (character 28)", "by position come before"]),
        ("support: affine(degrees=1, degrees=2)", ["'degrees=' (character 28)", "twice"]),
        ("support: affine(1e999)", ["'1e999'", "a smaller number"]),
        ("support: affine $", ["'$' (character 17)"]),
        ("support: é", [r"'\xe9' (character 10)"]),
        ("shots: 8 elastic", ["'elastic' (character 10)", "'x' after the count"]),
        ("shots: 2.5 x elastic", ["'2.5 x' (character 8)", "whole number from 1 to 1024"]),
        ("shots: 0 x elastic", ["0 x", "whole number from 1 to 1024"]),
        ("shots: 1025 x elastic", ["1025 x", "1024"]),
        ("shots: elastic weight", ["the plan ends", "a number"]),
        ("shots: elastic weight 0", ["weight 0", "above 0"]),
        ("shots: elastic weight -1", ["weight -1", "above 0"]),
        ("support: 8 x elastic", ["'support: 8 x'", "only query and shots take a count"]),
        ("support+shots: 8 x elastic", ["'support+shots: 8 x'", "only query and shots"]),
        ("query: 8 x elastic weight 2", ["weight 2", "only shots take a weight"]),
        ("query: balanced 2 x flip", ["'query: balanced", "only shots can be balanced"]),
        ("support+shots: balanced flip", ["only shots can be balanced"]),
        ("support: affine; support: flip", ["two clauses for 'support'", "merge"]),
        ("support: affine; query+support: flip", ["two clauses for 'support'"]),
        ("support+support: affine", ["'support+support:'", "once"]),
        ("support: " + "a(" * 8 + "a" + ")" * 8, ["character 26", "at most 8 deep"]),
        ("support: " + "a " * 5000, ["10009 characters", "10000"]),
        ("support: " + "b" * 500 + ")", ["')' (character 510)"]),
        ("c" * 500 + ": a", ["'" + "c" * 37 + "...'"]),
    ],
)
def test_an_error_says_what_is_wrong_and_where(text, parts):
    with pytest.raises(InputError) as caught:
        parse(text)
    message = str(caught.value)
    assert message.startswith(("plan", "empty plan"))
    assert len(message.splitlines()) == 1
    assert len(message) < 250
    for part in parts:
        assert part in message


def test_a_clause_built_by_hand_is_checked_like_a_written_one():
    with pytest.raises(InputError, match=r"unknown placement 'shot'; did you mean 'shots'\?"):
        Plan(Syntax((Clause(("shot",), (Call("flip"),)),)))
    with pytest.raises(InputError, match="only shots take a weight"):
        Plan(Syntax((Clause(("query",), (Call("flip"),), weight=0.5),)))
    with pytest.raises(InputError, match="has no op"):
        Clause(("shots",), ())
    with pytest.raises(InputError, match="above 0"):
        Clause(("shots",), (Call("flip"),), weight=float("inf"))


class TestOneCall:
    def test_is_written_as_an_op_of_a_plan_is(self):
        call = parse_call(" maml( 0.1, steps=5 ) ", "learner")
        assert (call.name, call.arguments, call.options) == ("maml", (0.1,), (("steps", 5.0),))

    @pytest.mark.parametrize(
        ("text", "parts"),
        [
            ("", ["learner of 0 characters"]),
            ("maml(" + "1," * 5000, ["learner of 10005 characters"]),
            ("maml ridge", ["learner: 'ridge' (character 6)", "the end"]),
            ("(5)", ["learner: '(' (character 1)", "the name of a learner"]),
            ("maml(5", ["learner: the learner ends"]),
            ("maml; ridge", ["learner: ';' (character 5)"]),
            ("maml(a=1, a=2)", ["learner: maml: 'a=' (character 11)", "twice"]),
            ("maml?", ["learner: '?' (character 5)"]),
        ],
    )
    def test_errors_call_it_by_what_it_names(self, text, parts):
        with pytest.raises(InputError) as caught:
            parse_call(text, "learner")
        for part in parts:
            assert part in str(caught.value)
