r"""The language of augmentation plans: one line of text in, a syntax tree out, and back.

A plan says which ops act where::

    task: turn; support: affine(15) elastic(0.1); shots: 8 x elastic
    task: turn flip(per=task); support+query: affine stroke(1, p=0.5); shots: 8 x affine weight 0.5; query: 4 x affine

Grammar, with spaces and line breaks free::

    plan      = "none" | preset | clause (";" clause)*
    clause    = placement ("+" placement)* ":" ["balanced"] [count "x"] op+ ["weight" number]
    placement = "task" | "support" | "query" | "shots"
    op        = name ["(" [argument ("," argument)*] ")"]
    argument  = value | name "=" value        values by position first, then by name
    value     = number | word | "text" | op+  an op may hold ops: oneof(affine flip)

- `task` changes support and query together, with one draw per class, or with `turn(per=task)` one draw per task.
- Of examples of several parts an op changes the part of its kind; where two are of one kind, `flip(at=front)` says
  which. `mirror` and `drop` change several parts together.
- `support` and `query` change every item by its own draw; `query: 4 x …` puts four variants in place of each item.
- `shots: 8 x …` adds eight variants of each support item, which stays; `weight 0.5` counts each as half an item.
- `shots: balanced 8 x …` adds more to rarer classes, until each has as many as the largest, which gets eight of each.
- Every op takes `p`: `elastic(0.1, p=0.5)` changes an item with probability one half.
- Mixes (mixup, cutmix, mosaic) stand last in a clause of support, query or shots; they mix labels as well as items.
- `shots: 8 x learned` adds shots that a learned augmenter generates (`manyshot.augment.augmenter`).
- Each placement occurs at most once. Clauses act in the order task, support, query, shots, however they are written.
- A preset stands alone and is short for its text (`manyshot.augment.plan.presets`).

`str` gives the canonical text: the ops in the order written, with standard spaces and numbers in their shortest form.
"""

from collections.abc import Callable, Iterable

from manyshot.augment.plan.placements import PLACEMENTS, check_clause
from manyshot.augment.plan.syntax_tree import MOST_COPIES, Clause, Syntax
from manyshot.base import InputError, did_you_mean
from manyshot.base.call_syntax import MAX_LENGTH, Call, CallParser, shorten

BALANCED = "balanced"
"""The word before the count of a clause whose rarer classes get more variants."""


def parse(
    text: str,
    placements: Iterable[str] = tuple(PLACEMENTS),
    check: Callable[[Clause], None] = check_clause,
    example: str = "support: affine",
) -> Syntax:
    """Parse a plan, without looking up the names of ops, which `manyshot.augment.registry` does.

    Args:
        text: A plan of at most 10,000 characters, with ops nested at most 8 deep.
        placements: Names of the placements that it may have; those of plans for episodes if not given.
        check: Refuses clauses that their placements do not allow.
        example: A clause for error messages.

    Raises:
        InputError: If the text is not a plan, naming the character where it goes wrong.

    Example:
        >>> plan = parse("task:turn;shots:8x elastic( .10 )")
        >>> plan.clauses[1].copies
        8
        >>> str(plan)
        'task: turn; shots: 8 x elastic(0.1)'
    """
    if len(text) > MAX_LENGTH:
        raise InputError(f"plan of {len(text)} characters: give at most {MAX_LENGTH}")
    if not text.strip():
        raise InputError("empty plan: write 'none' for no augmentation")
    if text.strip() == "none":
        return Syntax()
    return _Parser(text, tuple(placements), check, example).plan()


class _Parser(CallParser):
    """The parts of the grammar that only plans have."""

    def __init__(self, text: str, placements: tuple[str, ...], check: Callable[[Clause], None], example: str) -> None:
        super().__init__(text, "plan")
        self.placements, self.check, self.example = placements, check, example

    def plan(self) -> Syntax:
        clauses = [self.clause()]
        while self.has(";"):
            clauses.append(self.clause())
        if self.token.kind != "end":
            self.fail("an op or ';'")
        return Syntax(tuple(clauses))

    def clause(self) -> Clause:
        placements = [self.placement()]
        while self.has("+"):
            placements.append(self.placement())
        if not self.has(":"):
            self.fail(f"':' after '{placements[-1]}'")
        balanced = self.token.kind == "name" and self.token.text == BALANCED
        if balanced:
            self.advance()
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
        clause = Clause(tuple(placements), tuple(calls), copies, weight, balanced)
        self.check(clause)
        return clause

    def placement(self) -> str:
        token = self.token
        if token.kind != "name":
            self.fail(f"a placement ({', '.join(self.placements[:-1])} or {self.placements[-1]})")
        if token.text not in self.placements:
            hint = did_you_mean(token.text, self.placements)
            raise InputError(
                f"plan: unknown placement '{shorten(token.text)}' (character {token.at}); {hint}; "
                f"a clause reads 'placement: ops', such as '{self.example}'"
            )
        return self.advance().text

    def whole(self) -> int:
        token = self.token
        value = self.number()
        if value != int(value):
            raise InputError(
                f"plan: '{shorten(token.text)} x' (character {token.at}): give a whole number from 1 to {MOST_COPIES}"
            )
        return int(value)
