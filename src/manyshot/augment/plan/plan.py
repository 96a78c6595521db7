"""Plans: what augmentation acts where, from one line of text to changed episodes."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import groupby

import torch
from torch import Generator

from manyshot.augment.augmenter import LEARNED, Augmenter
from manyshot.augment.mix import Mix, mix_examples
from manyshot.augment.ops.compose import Compose
from manyshot.augment.ops.op import Op
from manyshot.augment.ops.variants import are_bytes, change, variants
from manyshot.augment.plan.build import build, word
from manyshot.augment.plan.language import NAME, parse
from manyshot.augment.plan.presets import PRESETS
from manyshot.augment.plan.syntax import PLACEMENTS, Call, Clause, Syntax, shorten, write
from manyshot.augment.registry import NAMED
from manyshot.augment.task import TaskOp
from manyshot.augment.task.shared import SHARED_BY, apply_shared, sample_shared
from manyshot.base import InputError, did_you_mean, seeds
from manyshot.tasks import Episode, Examples


@dataclass(frozen=True)
class Shared:
    """Ops of items whose draws are shared at `task`.

    Args:
        op: neighbouring ops of the clause as one.
        per: who shares the draw of each, "class" or "task".
    """

    op: Compose
    per: tuple[str, ...]


@dataclass(frozen=True)
class Step:
    """What happens at one placement.

    Args:
        op: the clause's ops of items as one; none at `task`.
        mixes: what then mixes items and labels within a task.
        whole: what changes whole tasks, one after the other, at `task`; empty elsewhere.
        copies: variants of an item; None to change items in place.
        weight: of an added shot, as a share of its item's.
        learned: whether the plan's augmenter makes the shots.
    """

    op: Compose
    mixes: tuple[Mix, ...] = ()
    whole: tuple[Shared | TaskOp, ...] = ()
    copies: int | None = None
    weight: float = 1.0
    learned: bool = False


@dataclass(frozen=True)
class Plan:
    """What augmentation acts where: on whole tasks, on support and query items, as extra shots.

    `str(plan)` is its text, in which a preset is spelled out; two plans are equal when their texts are.

    Args:
        syntax: the plan as parsed; `Plan()` changes nothing.
        augmenter: what the word `learned` stands for, see `with_augmenter`.

    Raises:
        InputError: for an op, option or value that does not exist or is out of range, or an augmenter without the word.

    Example:
        >>> plan = Plan.parse("task: turn; support: affine(15) elastic(0.1); shots: 8 x elastic")
        >>> str(plan)
        'task: turn; support: affine(15) elastic(0.1); shots: 8 x elastic'
        >>> Plan.parse("support: elastc")
        Traceback (most recent call last):
        manyshot.base.errors.InputError: plan: 'elastc' (character 10): unknown op; did you mean 'elastic'?
    """

    syntax: Syntax = field(default_factory=Syntax)
    augmenter: Augmenter | None = field(default=None, compare=False, repr=False)

    def __post_init__(self) -> None:
        _ = self.steps  # so that a wrong plan fails where it is written, not where it is first used
        if self.augmenter is not None and not self.needs_augmenter:
            raise InputError(
                f"plan: '{self}' has no use for an augmenter; write where it acts, as in 'shots: 8 x {LEARNED}'"
            )

    @classmethod
    def parse(cls, text: str) -> "Plan":
        """Read a plan, in the language of `manyshot.augment.plan.language`, or the name of a preset.

        Raises:
            InputError: naming what is wrong, where it stands, and the mend.

        Example:
            >>> Plan.parse("none") == Plan()
            True
            >>> Plan.parse("handwriting").syntax.clauses[0].placements
            ('task',)
        """
        name = text.strip()
        if name in PRESETS:
            return cls(parse(PRESETS[name].plan))
        if name == LEARNED:
            raise InputError(f"plan: '{name}' alone does not say how many; write 'shots: 8 x {name}'")
        if name in NAMED:
            raise InputError(f"plan: '{name}' alone does not say where it acts; write 'support: {name}'")
        if name != "none" and re.fullmatch(NAME, name):
            raise InputError(f"plan: unknown preset '{shorten(name)}'; {did_you_mean(name, [*PRESETS, 'none'])}")
        return cls(parse(text))

    def __str__(self) -> str:
        return str(self.syntax)

    @cached_property
    def steps(self) -> dict[str, Step]:
        """What happens at each placement that the plan has, in the order in which it happens."""
        clauses = {placement: clause for clause in self.syntax.clauses for placement in clause.placements}
        return {placement: _step(placement, clauses[placement]) for placement in PLACEMENTS if placement in clauses}

    @property
    def needs_augmenter(self) -> bool:
        """Whether the word `learned` stands in it, so that it cannot be applied without an augmenter."""
        return "shots" in self.steps and self.steps["shots"].learned

    def with_augmenter(self, augmenter: Augmenter) -> "Plan":
        """The same plan, whose word `learned` stands for this augmenter.

        Raises:
            InputError: if the plan does not have the word.

        Example:
            >>> from manyshot.augment.image import Noise
            >>> class Grainy:
            ...     space = "items"
            ...     def make(self, support, copies, generator):
            ...         return variants(support, Noise(), copies, generator)
            >>> Plan.parse("shots: 8 x learned").with_augmenter(Grainy()).needs_augmenter
            True
        """
        return replace(self, augmenter=augmenter)

    @property
    def query_copies(self) -> int:
        """How many variants stand in the place of a query item; predictions for them go to `pool_variants`."""
        return (self.steps["query"].copies or 1) if "query" in self.steps else 1

    @property
    def changes_tasks(self) -> bool:
        """Whether tasks get other classes or labels, which makes a plan one to train with, and none to judge by."""
        return "task" in self.steps and any(isinstance(part, TaskOp) for part in self.steps["task"].whole)

    @property
    def mixes_queries(self) -> bool:
        """Whether query items are mixed with each other, so that none of them has one class any more."""
        return "query" in self.steps and bool(self.steps["query"].mixes)

    def check_use(self, what: str = "plan") -> None:
        """Make sure that it can act at use time, where a query has its own class and is all that is known of it.

        Args:
            what: What an error message calls the plan.

        Raises:
            InputError: If it changes whole tasks, changes a query by a draw of its class, which its label would give
                away, or mixes queries.

        Example:
            >>> Plan.parse("support: mixup; query: 8 x affine").check_use()
            >>> Plan.parse("query: mixup").check_use()
            Traceback (most recent call last):
            manyshot.base.errors.InputError: plan: 'query: mixup' mixes queries, so that an answer depends on another \
query and is of no one class; leave the mix out of its 'query:' clause
        """
        if self.changes_tasks:
            raise InputError(
                f"{what}: '{self}' makes other tasks than those to be judged on; leave its 'task:' clause out, or "
                "change it to what acts on items"
            )
        if "task" in self.steps and any(isinstance(p, Shared) and "class" in p.per for p in self.steps["task"].whole):
            raise InputError(
                f"{what}: '{self}' changes a query by a draw of its class, which is what is asked for; write "
                "'support+query:' in the place of 'task:'"
            )
        if self.mixes_queries:
            raise InputError(
                f"{what}: '{self}' mixes queries, so that an answer depends on another query and is of no one class; "
                "leave the mix out of its 'query:' clause"
            )

    def most_ways(self, ways: int) -> int:
        """How many classes a task of at most `ways` has at most, once the plan is carried out.

        Example:
            >>> Plan.parse("task: more_classes(turn) composites").most_ways(5), Plan.parse("task: turn").most_ways(5)
            (11, 5)
        """
        for part in self.steps["task"].whole if "task" in self.steps else ():
            ways = part.most_ways(ways) if isinstance(part, TaskOp) else ways
        return ways

    def item_op(self) -> Op:
        """The op that makes a new sample of an item: that of the shots if there are any, else that of the support.

        Raises:
            InputError: if the plan has neither, or mixes there: a mixed sample has no one class; or if an augmenter
                makes the shots, which looks at a whole support set.

        Example:
            >>> Plan.parse("support: flip; shots: 8 x noise(0.2)").item_op()
            Compose(ops=(Noise(strength=0.2),))
        """
        step = self.steps.get("shots") or self.steps.get("support")
        if step is None:
            raise InputError(
                f"plan: '{self}' does not say how to make samples; give it a clause such as 'shots: 8 x affine'"
            )
        if step.learned:
            raise InputError(f"plan: '{self}': an augmenter makes samples of a whole support set, not of one item")
        if step.mixes:
            raise InputError(f"plan: '{self}' mixes classes, so a sample would have no label; leave the mix out here")
        return step.op

    def apply(self, episode: Episode, generator: Generator) -> Episode:
        """Carry the plan out: on whole tasks first, then on support and query, then extra shots of the changed support.

        Each placement draws from a stream of its own, so a change of the support clause leaves the query's draws alone.

        Args:
            episode: T tasks; uint8 images are made float, from 0 to 1. On the CPU the engine does that and augments in
                one go; what acts on whole tasks is rounded to levels then.
            generator: gives one number, which seeds the streams. The same state gives the same result.

        Raises:
            InputError: if the plan needs an augmenter and has none.

        Returns:
            The changed episode. Extra shots stand behind the support items, in the order of `variants`, with their
            origins. With `query: m x`, m variants stand in the place of each query item, none of them unchanged.

        Example:
            >>> from manyshot.tasks import EpisodeSampler, Source
            >>> images, labels = torch.zeros(40, 1, 8, 8, dtype=torch.uint8), [f"class {i % 4}" for i in range(40)]
            >>> episode = EpisodeSampler(Source.of(images, labels), ways=3, shots=1, queries=2).batch(0, 16)
            >>> plan = Plan.parse("shots: 8 x noise; query: 2 x noise")
            >>> more = plan.apply(episode, torch.Generator().manual_seed(0))
            >>> more.support.items.shape, more.query.items.shape
            (torch.Size([16, 27, 1, 8, 8]), torch.Size([16, 12, 1, 8, 8]))
        """
        if not (are_bytes(episode.support.items) and are_bytes(episode.query.items)):
            episode = episode.as_float()
        seed = int(torch.randint(2**62, (), generator=generator))
        for placement, step in self.steps.items():
            stream = seeds.generator(seed, placement)
            if placement == "task":
                for change_tasks in step.whole:
                    episode = _changed_tasks(change_tasks, episode, stream)
            elif placement == "shots":
                if step.learned:
                    episode = episode.as_float()
                    made = self._learned_shots(episode.support, step, stream)
                else:
                    made = variants(episode.support, step.op, step.copies or 1, stream, step.weight)
                    made = _mixed(made, step, stream)
                    episode = episode.as_float()
                episode = replace(episode, support=episode.support.joined(made))
            else:
                side = episode.support if placement == "support" else episode.query
                copies = step.copies
                side = change(side, step.op, stream) if copies is None else variants(side, step.op, copies, stream)
                side = _mixed(side, step, stream)
                episode = replace(episode, support=side) if placement == "support" else replace(episode, query=side)
        return episode.as_float()

    def _learned_shots(self, support: Examples, step: Step, stream: Generator) -> Examples:
        if self.augmenter is None:
            raise InputError(
                f"plan: '{self}' has the word '{LEARNED}' and no augmenter that it could stand for; name its run: "
                "--augmenter RUN (in Python plan.with_augmenter(...))"
            )
        made = self.augmenter.make(support, step.copies or 1, stream)
        return replace(made, weight=step.weight * made.weight)


def _step(placement: str, clause: Clause) -> Step:
    if any(call.name == LEARNED for call in clause.calls):
        return _learned(clause)
    if placement == "task" and len(clause.placements) == 1:
        per, calls = zip(*map(_per, clause.calls), strict=True)
    else:
        calls = clause.calls
        per = ("class",) * len(calls)
    built = [build(call, NAMED) for call in calls]
    for call, op in zip(clause.calls, built, strict=True):
        if isinstance(op, TaskOp) and clause.placements != ("task",):
            raise InputError(f"plan: {call.place} changes whole tasks: write it in a 'task:' clause of its own")
        if isinstance(op, TaskOp) and "per" in dict(call.options):
            raise InputError(f"plan: {call.place} is drawn once a task: leave per out")
    ops = tuple(op for op in built if not isinstance(op, Mix))
    for call, op, before in zip(calls, built, [None, *built], strict=False):
        if isinstance(op, Mix) and placement == "task":
            raise InputError(f"plan: {call.place} changes labels, item by item: write it at support, query or shots")
        if isinstance(before, Mix) and not isinstance(op, Mix):
            raise InputError(f"plan: {call.place} stands behind a mix; write mixes last")
    mixes = tuple(op for op in built if isinstance(op, Mix))
    if placement == "task":
        return Step(Compose(()), whole=tuple(_runs(zip(built, per, strict=True))))
    return Step(Compose(ops), mixes, (), clause.copies, 1.0 if clause.weight is None else clause.weight)


def _learned(clause: Clause) -> Step:
    """A clause with the word `learned`, which stands alone: made items are not changed again."""
    call = next(call for call in clause.calls if call.name == LEARNED)
    if clause.placements != ("shots",):
        raise InputError(f"plan: {call.place} makes further items: write it in a 'shots:' clause of its own")
    if len(clause.calls) > 1 or call.arguments or call.options:
        raise InputError(
            f"plan: {call.place}: the augmenter knows how; write the word alone, as in 'shots: 8 x {LEARNED}'"
        )
    return Step(Compose(()), copies=clause.copies, weight=1.0 if clause.weight is None else clause.weight, learned=True)


def _runs(built: Iterable[tuple[Op | TaskOp, str]]) -> Iterator[Shared | TaskOp]:
    """Ops in their order, neighbouring ops of items as one, so that the engine takes them in one go."""
    for whole, run in groupby(built, lambda each: isinstance(each[0], TaskOp)):
        ops, per = zip(*run, strict=True)
        if whole:
            yield from ops
        else:
            yield Shared(Compose(ops), per)


def _changed_tasks(change_tasks: Shared | TaskOp, episode: Episode, stream: Generator) -> Episode:
    tasks, ways = episode.classes.shape
    if isinstance(change_tasks, TaskOp):
        return change_tasks.apply(episode, change_tasks.sample(tasks, ways, stream))
    params = {
        str(place): sample_shared(op, per, tasks, ways, stream)  # laid out as Compose draws them
        for place, (op, per) in enumerate(zip(change_tasks.op.ops, change_tasks.per, strict=True))
    }
    return apply_shared(change_tasks.op, episode, params)


def _mixed(examples: Examples, step: Step, generator: Generator) -> Examples:
    for mix in step.mixes:
        examples = mix_examples(mix, examples, generator)
    return examples


def _per(call: Call) -> tuple[str, Call]:
    """Who shares the op's draw, and the op without that option."""
    given = dict(call.options)
    if "per" not in given:
        return "class", call
    per = word(given["per"])
    if per not in SHARED_BY:
        raise InputError(f"plan: {call.place}: per={shorten(write(given['per']))}; give class or task")
    return per, replace(call, options=tuple(option for option in call.options if option[0] != "per"))
