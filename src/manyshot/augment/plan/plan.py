"""Plans: which augmentation acts where, from one line of text to changed episodes."""

from dataclasses import dataclass, field, replace
from functools import cached_property

import torch
from torch import Generator

from manyshot.augment.augmenter import LEARNED, Augmenter
from manyshot.augment.ops.item_kinds import require_kind
from manyshot.augment.ops.op import Op, fresh_generator
from manyshot.augment.ops.variants import are_bytes
from manyshot.augment.plan.parser import parse
from manyshot.augment.plan.placements import (
    PLACEMENTS,
    ItemPlacement,
    LearnedShots,
    Placement,
    QueryPlacement,
    check_clause,
)
from manyshot.augment.plan.presets import PRESETS
from manyshot.augment.plan.syntax_tree import Syntax
from manyshot.augment.registry import NAMED, canonical
from manyshot.base import InputError, did_you_mean, seeds
from manyshot.base.call_syntax import is_word, shorten
from manyshot.tasks import Episode, Parts


@dataclass(frozen=True, init=False, repr=False)
class Plan:
    """Which augmentation acts where: on whole tasks, on support and query items, as extra shots.

    `str(plan)` is its text, in which a preset is spelled out; two plans are equal when their texts are.

    Args:
        text: The plan in the language of `manyshot.augment.plan.parser`, the name of a preset, or a parsed plan;
            "none" changes nothing.
        augmenter: The augmenter that the word `learned` stands for.

    Raises:
        InputError: If an op, option or value does not exist or is out of range, naming where it stands and the remedy,
            or if there is an augmenter and the plan does not use it.

    Example:
        >>> plan = Plan("task: turn; support: affine(15) elastic(0.1); shots: 8 x elastic")
        >>> str(plan)
        'task: turn; support: affine(15) elastic(0.1); shots: 8 x elastic'
        >>> Plan("none") == Plan()
        True
        >>> Plan("support: elastc")
        Traceback (most recent call last):
        manyshot.base.errors.InputError: plan: 'elastc' (character 10): unknown op; did you mean 'elastic'?
    """

    syntax: Syntax
    augmenter: Augmenter | None = field(compare=False)

    def __init__(self, text: str | Syntax = "none", augmenter: Augmenter | None = None) -> None:
        object.__setattr__(self, "syntax", _parse(text) if isinstance(text, str) else text)
        object.__setattr__(self, "augmenter", augmenter)
        _ = self.placements  # so that a wrong plan fails where it is written, not where it is first used
        if augmenter is not None and not self.needs_augmenter:
            raise InputError(
                f"plan: '{self}' has no use for an augmenter; write where it acts, as in 'shots: 8 x {LEARNED}'"
            )

    def __str__(self) -> str:
        return str(self.syntax)

    def __repr__(self) -> str:
        return f"Plan({str(self)!r})"

    @cached_property
    def placements(self) -> dict[str, Placement]:
        """What happens at each placement that the plan has, by name, in the order in which it happens."""
        for clause in self.syntax.clauses:
            check_clause(clause)
        clauses = {name: clause for clause in self.syntax.clauses for name in clause.placements}
        return {
            name: placement.from_clause(clauses[name], self.augmenter)
            for name, placement in PLACEMENTS.items()
            if name in clauses
        }

    @property
    def needs_augmenter(self) -> bool:
        """Whether it has the word `learned`, so that it cannot be applied without an augmenter."""
        return any(isinstance(placement, LearnedShots) for placement in self.placements.values())

    def with_augmenter(self, augmenter: Augmenter) -> "Plan":
        """The same plan, whose word `learned` stands for this augmenter.

        Raises:
            InputError: If the plan does not have the word.

        Example:
            >>> from manyshot.meta_augment import AUGMENTERS
            >>> augmenter = AUGMENTERS.build("embedding-noise", shape=(64,))
            >>> Plan("shots: 8 x learned").with_augmenter(augmenter).needs_augmenter
            True
        """
        return Plan(self.syntax, augmenter)

    @property
    def query_copies(self) -> int:
        """The number of variants in place of a query item; `pool_variants` averages predictions over them."""
        query = self.placements.get("query")
        return query.copies or 1 if isinstance(query, QueryPlacement) else 1

    @property
    def changes_tasks(self) -> bool:
        """Whether tasks get other classes or labels: a plan to train with, and not to evaluate with."""
        return any(placement.changes_tasks for placement in self.placements.values())

    @property
    def mixes_queries(self) -> bool:
        """Whether query items are mixed with each other, so that none of them has one class any more."""
        query = self.placements.get("query")
        return isinstance(query, ItemPlacement) and bool(query.mixes)

    def takes(self, kind: str) -> bool:
        """Whether all its ops on items can change items of this kind.

        Args:
            kind: "images", "volumes", "sounds", "texts" or "features".

        Example:
            >>> [Plan(text).takes("features") for text in ("support: mixup", "support: typos")]
            [True, False]
        """
        ops = [placement.op for placement in self.placements.values() if isinstance(placement, ItemPlacement)]
        try:
            for op in ops:
                require_kind(op, kind)
        except InputError:
            return False
        return True

    def check_test_time(self, what: str = "plan") -> None:
        """Check that it can act at test time, where a query's class is to be predicted from the query alone.

        Args:
            what: What an error message calls the plan.

        Raises:
            InputError: If it changes whole tasks, changes a query by a draw of its class, which its label would give
                away, or mixes queries.

        Example:
            >>> Plan("support: mixup; query: 8 x affine").check_test_time()
            >>> Plan("query: mixup").check_test_time()
            Traceback (most recent call last):
            manyshot.base.errors.InputError: plan: 'query: mixup' mixes queries, so that a prediction depends on \
another query and the query is of no one class; leave the mix out of its 'query:' clause
        """
        for placement in self.placements.values():
            reason = placement.unfit_for_use()
            if reason is not None:
                raise InputError(f"{what}: '{self}' {reason}")

    def most_ways(self, ways: int) -> int:
        """The largest number of classes that a task of at most `ways` classes can have after the plan.

        Example:
            >>> Plan("task: more_classes(turn) composites").most_ways(5), Plan("task: turn").most_ways(5)
            (11, 5)
        """
        for placement in self.placements.values():
            ways = placement.most_ways(ways)
        return ways

    def item_op(self) -> Op:
        """The op that makes a new sample of an item: that of the shots if there are any, else that of the support.

        Raises:
            InputError: If the plan has neither, or mixes there, since a mixed sample has no one class, or if the shots
                come from an augmenter, which looks at a whole support set.

        Example:
            >>> Plan("support: flip; shots: 8 x noise(0.2)").item_op()
            Compose(ops=(Noise(strength=0.2),))
        """
        placement = self.placements.get("shots") or self.placements.get("support")
        if isinstance(placement, LearnedShots):
            raise InputError(f"plan: '{self}': an augmenter makes samples of a whole support set, not of one item")
        if not isinstance(placement, ItemPlacement):
            raise InputError(
                f"plan: '{self}' does not say how to make samples; give it a clause such as 'shots: 8 x affine'"
            )
        if placement.mixes:
            raise InputError(f"plan: '{self}' mixes classes, so a sample would have no label; leave the mix out here")
        return placement.op

    def apply(self, episode: Episode, generator: Generator | None = None) -> Episode:
        """Carry the plan out: on whole tasks first, then on support and query, then extra shots of the changed support.

        Each placement draws from a stream of its own, so a change of the support clause leaves the query's draws alone.

        Args:
            episode: T tasks. uint8 images become float, from 0 to 1. On the CPU the engine does that and augments in
                one pass; what acts on whole tasks is then rounded to the 256 levels.
            generator: Gives one number, which seeds the streams, so that the same state gives the same result; None
                to follow `torch.manual_seed`.

        Raises:
            InputError: If the plan needs an augmenter and has none, or an op cannot change these items.

        Returns:
            The changed episode. Extra shots stand behind the support items, in the order of `variants`, with their
            origins. With `query: m x`, m variants stand in place of each query item, none of them unchanged.

        Example:
            >>> from manyshot.tasks import EpisodeSampler, Source
            >>> images, labels = torch.zeros(40, 1, 8, 8, dtype=torch.uint8), [f"class {i % 4}" for i in range(40)]
            >>> episode = EpisodeSampler(Source.of(images, labels), ways=3, shots=1, queries=2).batch(0, 16)
            >>> plan = Plan("shots: 8 x noise; query: 2 x noise")
            >>> more = plan.apply(episode, torch.Generator().manual_seed(0))
            >>> more.support.items.shape, more.query.items.shape
            (torch.Size([16, 27, 1, 8, 8]), torch.Size([16, 12, 1, 8, 8]))
        """
        sides = (episode.support.items, episode.query.items)
        if not (all(map(are_bytes, sides)) or all(isinstance(side, Parts) for side in sides)):
            episode = episode.as_float()
        seed = int(torch.randint(2**62, (), generator=generator or fresh_generator()))
        for name, placement in self.placements.items():
            episode = placement.apply(episode, seeds.generator(seed, name))
        return episode.as_float()

    def __call__(self, episode: Episode, generator: Generator | None = None) -> Episode:
        """The same as `apply`."""
        return self.apply(episode, generator)


def _parse(text: str) -> Syntax:
    """Read a plan or the name of a preset, with messages for a word that is neither."""
    name = text.strip()
    if name in PRESETS:
        return parse(PRESETS[name].plan)
    if name == LEARNED:
        raise InputError(f"plan: '{name}' alone does not say how many; write 'shots: 8 x {name}'")
    if name == "auto":
        raise InputError(
            "plan: 'auto' looks at labeled images, which are not at hand here; choose a plan for them by "
            "`manyshot augment IMAGES --plan auto --explain`, or by manyshot.auto_plan(images, labels)"
        )
    if name in NAMED:
        raise InputError(f"plan: '{name}' alone does not say where it acts; write 'support: {name}'")
    if name != "none" and is_word(name):
        raise InputError(f"plan: unknown preset '{shorten(name)}'; {did_you_mean(name, [*PRESETS, 'none'])}")
    syntax = parse(text)
    return Syntax(tuple(replace(clause, calls=tuple(map(canonical, clause.calls))) for clause in syntax.clauses))
