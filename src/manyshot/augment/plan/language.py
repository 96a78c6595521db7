r"""The language of augmentation plans: one line of text in, a syntax tree out, and back.

A plan says what changes where::

    task: turn; support: affine(15) elastic(0.1); shots: 8 x elastic
    task: turn flip(per=task); support+query: affine stroke(1, p=0.5); shots: 8 x affine weight 0.5; query: 4 x affine

Grammar, with spaces and line breaks free::

    plan      = "none" | preset | clause (";" clause)*
    clause    = placement ("+" placement)* ":" [count "x"] op+ ["weight" number]
    placement = "task" | "support" | "query" | "shots"
    op        = name ["(" [argument ("," argument)*] ")"]
    argument  = value | name "=" value        values by position first, then by name
    value     = number | word | "text" | op+  an op may hold ops: oneof(affine flip)

- `task` changes support and query together, the same change for a whole class; with `turn(per=task)` for all classes.
- `support` and `query` change every item by its own draw; `query: 4 x …` puts four variants in place of each item.
- `shots: 8 x …` adds eight variants of each support item, which stays; `weight 0.5` counts each as half an item.
- Every op takes `p`: `elastic(0.1, p=0.5)` changes an item with probability one half.
- Mixes (mixup, cutmix, mosaic) stand last in a clause of support, query or shots; they mix labels along with items.
- `shots: 8 x learned` has a learned augmenter make the shots (see `manyshot.augment.augmenter`).
- Each placement stands at most once. Clauses act in the order task, support, query, shots, however they are written.
- A preset stands alone and means the text that it is short for (see `manyshot.augment.plan.presets`).

`str` gives the canonical text: what was written, in its order, with standard spaces and numbers in their shortest form.
"""

import math
import re
from dataclasses import dataclass
from typing import NoReturn

from manyshot.augment.plan.placements import PLACEMENTS, check_clause
from manyshot.augment.plan.syntax import MOST_COPIES, Call, Clause, Syntax, Value, shorten
from manyshot.base import InputError, did_you_mean

LONGEST = 10_000
DEEPEST = 8


def parse(text: str) -> Syntax:
    """Read a plan. Names of ops are not looked up here (see `manyshot.augment.plan.build`).

    Args:
        text: at most 10,000 characters, ops nested at most 8 deep.

    Raises:
        InputError: naming the character where the text stops making sense.

    Example:
        >>> plan = parse("task:turn;shots:8x elastic( .10 )")
        >>> plan.clauses[1].copies
        8
        >>> str(plan)
        'task: turn; shots: 8 x elastic(0.1)'
    """
    if len(text) > LONGEST:
        raise InputError(f"plan of {len(text)} characters: give at most {LONGEST}")
    if not text.strip():
        raise InputError("empty plan: write 'none' for no augmentation")
    if text.strip() == "none":
        return Syntax()
    return _Parser(text).plan()


def parse_call(text: str, what: str) -> Call:
    """Read one name with its options, written as an op of a plan is: learners and encoders are.

    Args:
        text: such as "maml(steps=5)".
        what: what it names, as errors call it.

    Raises:
        InputError: where the text makes no sense.

    Example:
        >>> parse_call("maml( steps = 5 )", "learner")
        Call(name='maml', arguments=(), options=(('steps', 5.0),))
        >>> str(parse_call("timm(resnet18.a1_in1k)", "encoder"))
        'timm(resnet18.a1_in1k)'
    """
    if len(text) > LONGEST or not text.strip():
        raise InputError(f"{what} of {len(text)} characters: give a name and, in brackets, its options")
    return _Parser(text, what).one_call()


NAME = r"[A-Za-z_][A-Za-z0-9_]*(?:-[A-Za-z0-9_]+)*"
NAME_OR_PATH = r"[A-Za-z_~./][A-Za-z0-9_~./-]*"
"""In an encoder: what other libraries call their models, and folders, have dots and strokes."""


def _tokens(name: str) -> re.Pattern[str]:
    number = r"-?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?"
    return re.compile(rf"(?P<number>{number})|(?P<name>{name})|(?P<sign>[;:+(),=])|(?P<text>\"[^\"\n]*\")")


_TOKEN, _TOKEN_OR_PATH = _tokens(NAME), _tokens(NAME_OR_PATH)


@dataclass(frozen=True)
class _Token:
    kind: str
    text: str
    at: int


class _Parser:
    """Recursive descent, one method a line of the grammar."""

    def __init__(self, text: str, what: str = "plan") -> None:
        self.what = what
        self.tokens: list[_Token] = []
        self.next = 0
        place = 0
        while place < len(text):
            if text[place].isspace():
                place += 1
                continue
            found = (_TOKEN_OR_PATH if what == "encoder" else _TOKEN).match(text, place)
            if found is None:
                raise InputError(f"{what}: {text[place]!a} (character {place + 1}) has no meaning here; remove it")
            self.tokens.append(_Token(str(found.lastgroup), found.group(), place + 1))
            place = found.end()
        self.tokens.append(_Token("end", "", len(text) + 1))

    @property
    def token(self) -> _Token:
        return self.tokens[self.next]

    def advance(self) -> _Token:
        self.next += 1
        return self.tokens[self.next - 1]

    def has(self, text: str) -> bool:
        """Whether this sign or word comes next; steps over it if so."""
        if self.token.kind in ("sign", "name") and self.token.text == text:
            self.next += 1
            return True
        return False

    def fail(self, expected: str) -> NoReturn:
        token = self.token
        found = (
            f"the {self.what} ends" if token.kind == "end" else f"'{shorten(token.text)}' (character {token.at}) stands"
        )
        raise InputError(f"{self.what}: {found} where {expected} should stand")

    def plan(self) -> Syntax:
        clauses = [self.clause()]
        while self.has(";"):
            clauses.append(self.clause())
        if self.token.kind != "end":
            self.fail("an op or ';'")
        return Syntax(tuple(clauses))

    def one_call(self) -> Call:
        if self.token.kind != "name":
            self.fail(f"the name of a {self.what}")
        call = self.call(1)
        if self.token.kind != "end":
            self.fail("the end")
        return call

    def clause(self) -> Clause:
        placements = [self.placement()]
        while self.has("+"):
            placements.append(self.placement())
        if not self.has(":"):
            self.fail(f"':' after '{placements[-1]}'")
        copies = None
        if self.token.kind == "number":
            copies = self.whole()
            if not self.has("x"):
                self.fail("'x' after the count, as in '8 x elastic',")
        calls: list[Call] = []
        while self.token.kind == "name" and not (self.token.text == "weight" and calls):
            calls.append(self.call(1))
        if not calls:
            self.fail("the name of an op")
        weight = self.number() if self.has("weight") else None
        clause = Clause(tuple(placements), tuple(calls), copies, weight)
        check_clause(clause)
        return clause

    def placement(self) -> str:
        token = self.token
        if token.kind != "name":
            self.fail("a placement (task, support, query or shots)")
        if token.text not in PLACEMENTS:
            hint = did_you_mean(token.text, PLACEMENTS)
            raise InputError(
                f"plan: unknown placement '{shorten(token.text)}' (character {token.at}); {hint}; "
                "a clause reads 'placement: ops', such as 'support: affine'"
            )
        return self.advance().text

    def call(self, depth: int) -> Call:
        if depth > DEEPEST:
            self.fail(f"the end (ops nest at most {DEEPEST} deep)")
        name = self.advance()
        arguments: list[Value] = []
        options: dict[str, Value] = {}
        if self.has("(") and not self.has(")"):
            while True:
                token = self.token
                if token.kind == "name" and self.tokens[self.next + 1].text == "=":
                    self.next += 2
                    if token.text in options:
                        where = f"{self.what}: {name.text}: '{shorten(token.text)}=' (character {token.at})"
                        raise InputError(f"{where} is given twice; give it once")
                    options[token.text] = self.value(depth)
                elif options:
                    self.fail("'name=' (values by position come before values by name)")
                else:
                    arguments.append(self.value(depth))
                if not self.has(","):
                    break
            if not self.has(")"):
                self.fail("',' or ')'")
        return Call(name.text, tuple(arguments), tuple(options.items()), name.at, self.what)

    def value(self, depth: int) -> Value:
        if self.token.kind == "number":
            return self.number()
        if self.token.kind == "text":
            return self.advance().text[1:-1]
        calls = []
        while self.token.kind == "name":
            calls.append(self.call(depth + 1))
        if not calls:
            self.fail("a number, a word, a text in quotes or an op")
        return tuple(calls)

    def number(self) -> float:
        if self.token.kind != "number":
            self.fail("a number")
        value = float(self.token.text)
        if not math.isfinite(value):
            self.fail("a smaller number")
        self.next += 1
        return value

    def whole(self) -> int:
        token = self.token
        value = self.number()
        if value != int(value):
            raise InputError(
                f"plan: '{shorten(token.text)} x' (character {token.at}): give a whole number from 1 to {MOST_COPIES}"
            )
        return int(value)
