"""Placements: where in an episode a clause of a plan acts, and what it does there.

Each placement is one class. `from_clause` reads a clause of a plan and refuses what cannot stand there; `apply` changes
an episode by draws from a random stream of the placement's own. A new placement is a class and a line in `PLACEMENTS`.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import ClassVar

from torch import Generator

from manyshot.augment.augmenter import LEARNED, Augmenter
from manyshot.augment.mix import Mix, mix_examples
from manyshot.augment.ops.compose import Compose
from manyshot.augment.ops.variants import balanced_variants, change, variants
from manyshot.augment.plan.clause_ops import (
    build_item_ops,
    build_ops,
    count_and_weight,
    merge_shared,
    refuse_learned,
    split_per,
)
from manyshot.augment.plan.syntax_tree import Clause
from manyshot.augment.task import TaskOp
from manyshot.augment.task.shared_draws import SharedOps
from manyshot.base import InputError, did_you_mean
from manyshot.base.call_syntax import number, shorten
from manyshot.tasks import Episode, Examples


class Placement(ABC):
    """What a clause of a plan does at one placement; subclasses are frozen dataclasses."""

    takes_count: ClassVar[bool] = False
    """Whether a clause may give a number of variants, as in `8 x flip`."""
    takes_weight: ClassVar[bool] = False
    """Whether a clause may give the weight of what it adds, as in `flip weight 0.5`, or ask for more of rarer classes,
    as in `balanced flip`."""

    @classmethod
    @abstractmethod
    def from_clause(cls, clause: Clause, augmenter: Augmenter | None = None) -> "Placement":
        """Look up the ops of a clause and check that they can act at this placement.

        Args:
            clause: A clause that names this placement, perhaps beside others.
            augmenter: The augmenter that the word `learned` stands for.

        Raises:
            InputError: If an op, option or value does not exist, or an op cannot act here.
        """

    @classmethod
    def accepts(cls, kind: type) -> bool:
        """Whether ops of this class can act at this placement."""
        return not issubclass(kind, TaskOp)

    @abstractmethod
    def apply(self, episode: Episode, generator: Generator) -> Episode:
        """Change T tasks; uint8 images on the CPU may stay uint8 or become float.

        Args:
            episode: T tasks.
            generator: The stream of random numbers of this placement.
        """

    @property
    def changes_tasks(self) -> bool:
        """Whether it changes which classes or labels tasks have."""
        return False

    def most_ways(self, ways: int) -> int:
        """The largest number of classes that a task of at most `ways` classes can have afterwards."""
        return ways

    def unfit_for_use(self) -> str | None:
        """Why it cannot act on queries whose classes are to be predicted, and the remedy; None if it can."""
        return None


@dataclass(frozen=True)
class TaskPlacement(Placement):
    """Changes whole tasks: support and query items by draws that they share, or the classes and labels of a task.

    Args:
        changes: What changes tasks, in order.
    """

    changes: tuple[SharedOps | TaskOp, ...]

    @classmethod
    def from_clause(cls, clause: Clause, augmenter: Augmenter | None = None) -> "TaskPlacement":
        """Build the clause's ops, with their option `per`; mixes are refused."""
        alone = clause.placements == ("task",)
        per, calls = zip(*(split_per(call) if alone else ("class", call) for call in clause.calls), strict=True)
        built = build_ops(clause, calls)
        for call, op in zip(clause.calls, built, strict=True):
            if isinstance(op, TaskOp) and "per" in dict(call.options):
                raise InputError(f"plan: {call.place} is drawn once a task: leave per out")
            if isinstance(op, Mix):
                raise InputError(
                    f"plan: {call.place} changes labels, item by item: write it at support, query or shots"
                )
        return cls(tuple(merge_shared(zip(built, per, strict=True))))

    @classmethod
    def accepts(cls, kind: type) -> bool:
        """Ops of items and of tasks; a mix has no meaning for a whole task."""
        return not issubclass(kind, Mix)

    def apply(self, episode: Episode, generator: Generator) -> Episode:
        """Carry out the changes one after another."""
        for change_tasks in self.changes:
            episode = change_tasks(episode, generator)
        return episode

    @property
    def changes_tasks(self) -> bool:
        """Whether there is an op of tasks among the changes."""
        return any(isinstance(change_tasks, TaskOp) for change_tasks in self.changes)

    def most_ways(self, ways: int) -> int:
        """The number of classes after all changes."""
        for change_tasks in self.changes:
            ways = change_tasks.most_ways(ways) if isinstance(change_tasks, TaskOp) else ways
        return ways

    def unfit_for_use(self) -> str | None:
        """Changed tasks are not those to predict, and a draw per class would give a query's class away."""
        if self.changes_tasks:
            return (
                "makes other tasks than those to be evaluated; leave its 'task:' clause out, or change it to ops that "
                "act on items"
            )
        if any(isinstance(change_tasks, SharedOps) and "class" in change_tasks.per for change_tasks in self.changes):
            return (
                "changes a query by a draw of its class, which is what is to be predicted; write 'support+query:' in "
                "place of 'task:'"
            )
        return None


@dataclass(frozen=True)
class ItemPlacement(Placement):
    """Changes items one by one, then mixes them within their task.

    Args:
        op: The clause's ops of items as one.
        mixes: Mixes of items and labels, in order.
    """

    op: Compose
    mixes: tuple[Mix, ...]

    def mix(self, examples: Examples, generator: Generator) -> Examples:
        """Mix the items of each task with each other, if the clause has a mix."""
        for mix in self.mixes:
            examples = mix_examples(mix, examples, generator)
        return examples


@dataclass(frozen=True)
class SupportPlacement(ItemPlacement):
    """Changes each support item in place."""

    @classmethod
    def from_clause(cls, clause: Clause, augmenter: Augmenter | None = None) -> "SupportPlacement":
        """Build the clause's ops and mixes."""
        return cls(*build_item_ops(clause))

    def apply(self, episode: Episode, generator: Generator) -> Episode:
        """Change and mix the support."""
        support = self.mix(change(episode.support, self.op, generator), generator)
        return replace(episode, support=support)


@dataclass(frozen=True)
class QueryPlacement(ItemPlacement):
    """Changes each query item in place, or puts several variants in its place.

    Args:
        copies: Number of variants per query item; None to change items in place.
    """

    copies: int | None = None

    takes_count: ClassVar[bool] = True

    @classmethod
    def from_clause(cls, clause: Clause, augmenter: Augmenter | None = None) -> "QueryPlacement":
        """Build the clause's ops and mixes."""
        return cls(*build_item_ops(clause), clause.copies)

    def apply(self, episode: Episode, generator: Generator) -> Episode:
        """Change and mix the queries."""
        if self.copies is None:
            query = change(episode.query, self.op, generator)
        else:
            query = variants(episode.query, self.op, self.copies, generator)
        return replace(episode, query=self.mix(query, generator))

    def unfit_for_use(self) -> str | None:
        """A mixed query has no class of its own."""
        if self.mixes:
            return (
                "mixes queries, so that a prediction depends on another query and the query is of no one class; leave "
                "the mix out of its 'query:' clause"
            )
        return None


@dataclass(frozen=True)
class ShotsPlacement(ItemPlacement):
    """Adds variants of the support items to the support.

    Args:
        copies: Number of variants per support item.
        weight: Weight of a variant, as a fraction of its item's weight.
        balanced: Whether rarer classes get more variants, see `balanced_variants`.
    """

    copies: int = 1
    weight: float = 1.0
    balanced: bool = False

    takes_count: ClassVar[bool] = True
    takes_weight: ClassVar[bool] = True

    @classmethod
    def from_clause(cls, clause: Clause, augmenter: Augmenter | None = None) -> "Placement":
        """Build the clause's ops and mixes; the word `learned` gives `LearnedShots`."""
        if any(call.name == LEARNED for call in clause.calls):
            return LearnedShots.from_clause(clause, augmenter)
        return cls(*build_item_ops(clause), *count_and_weight(clause), clause.balanced)

    def apply(self, episode: Episode, generator: Generator) -> Episode:
        """Add the variants behind the real support items."""
        make = balanced_variants if self.balanced else variants
        generated = self.mix(make(episode.support, self.op, self.copies, generator, self.weight), generator)
        episode = episode.as_float()
        return replace(episode, support=episode.support.joined(generated))


@dataclass(frozen=True)
class LearnedShots(Placement):
    """Adds items that a learned augmenter generates from the whole support set.

    Args:
        copies: Number of generated items per support item.
        weight: Factor of the weights that the augmenter gives.
        augmenter: The augmenter; None in a plan that has not been given one yet.
    """

    copies: int = 1
    weight: float = 1.0
    augmenter: Augmenter | None = None

    @classmethod
    def from_clause(cls, clause: Clause, augmenter: Augmenter | None = None) -> "LearnedShots":
        """Check that the word stands alone: generated items are not changed again."""
        if clause.placements != ("shots",):
            refuse_learned(clause)
        call = next(call for call in clause.calls if call.name == LEARNED)
        if len(clause.calls) > 1 or call.arguments or call.options:
            raise InputError(
                f"plan: {call.place}: the augmenter knows how; write the word alone, as in 'shots: 8 x {LEARNED}'"
            )
        if clause.balanced:
            raise InputError(
                f"plan: {call.place}: the augmenter makes as many shots of each item; leave 'balanced' out"
            )
        return cls(*count_and_weight(clause), augmenter)

    def apply(self, episode: Episode, generator: Generator) -> Episode:
        """Add the generated items behind the real ones.

        Raises:
            InputError: If there is no augmenter.
        """
        if self.augmenter is None:
            raise InputError(
                f"plan: the word '{LEARNED}' needs an augmenter; give one by plan.with_augmenter(...), on the command "
                "line by --augmenter RUN"
            )
        episode = episode.as_float()
        generated = self.augmenter.make(episode.support, self.copies, generator)
        generated = replace(generated, weight=self.weight * generated.weight)
        return replace(episode, support=episode.support.joined(generated))


PLACEMENTS: dict[str, type[Placement]] = {
    "task": TaskPlacement,
    "support": SupportPlacement,
    "query": QueryPlacement,
    "shots": ShotsPlacement,
}
"""Every placement by its name in a plan, in the order in which a plan is carried out."""


def check_clause(clause: Clause) -> None:
    """Check that a clause's placements exist and take its count and weight.

    Raises:
        InputError: If one does not.

    Example:
        >>> from manyshot.base.call_syntax import Call
        >>> check_clause(Clause(("task",), (Call("turn"),), copies=8))
        Traceback (most recent call last):
        manyshot.base.errors.InputError: plan: 'task: 8 x': only query and shots take a count; leave it out here
    """
    where = "+".join(clause.placements)
    for name in clause.placements:
        if name not in PLACEMENTS:
            raise InputError(f"plan: unknown placement '{shorten(name)}'; {did_you_mean(name, PLACEMENTS)}")
    if clause.copies is not None and not all(PLACEMENTS[name].takes_count for name in clause.placements):
        able = " and ".join(name for name, kind in PLACEMENTS.items() if kind.takes_count)
        raise InputError(f"plan: '{where}: {clause.copies} x': only {able} take a count; leave it out here")
    if clause.weight is not None and not all(PLACEMENTS[name].takes_weight for name in clause.placements):
        able = " and ".join(name for name, kind in PLACEMENTS.items() if kind.takes_weight)
        raise InputError(
            f"plan: '{where}: … weight {number(clause.weight)}': only {able} take a weight; give them a clause"
        )
    if clause.balanced and not all(PLACEMENTS[name].takes_weight for name in clause.placements):
        able = " and ".join(name for name, kind in PLACEMENTS.items() if kind.takes_weight)
        raise InputError(f"plan: '{where}: balanced …': only {able} can be balanced; leave the word out here")
