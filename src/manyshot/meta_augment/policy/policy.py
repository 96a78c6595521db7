"""Policies that are learned: which ops act how often and how strongly, for each class of a task."""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, cast

import torch
from jaxtyping import Float
from torch import Generator, Tensor, nn

from manyshot.augment import Plan
from manyshot.augment.ops.compose import Compose
from manyshot.augment.ops.op import Op, Params, check_choice, check_number
from manyshot.augment.plan.syntax import Clause, Syntax
from manyshot.base import InputError
from manyshot.meta_augment.gates import DIFFERENTIABLE, Gates, gates
from manyshot.meta_augment.image_moments import ImageMoments
from manyshot.meta_augment.learned_augmenter import Draws, LearnedAugmenter, Space
from manyshot.meta_augment.policy.initial_plan import initial_settings
from manyshot.meta_augment.policy.policy_ops import OFTEN, SELDOM, PolicyOp, op_names, policy_ops
from manyshot.meta_augment.support_context import per_example
from manyshot.meta_augment.support_encoder import RandomConvStatistics
from manyshot.meta_augment.weight_budget import WeightBudget
from manyshot.tasks import Examples, Source

SPEED = 10.0
"""Settings for all are so many times the weights that hold them, so that the learning rate of a network suits them."""
SUREST = 3.0
"""Logits of a probability stay below this size: what is never tried, or always done, teaches nothing more."""
EDGE = 0.95
"""How near to that size a policy may begin."""
LEAST = 0.06
"""Ops that act less often, which a policy cannot learn to leave alone altogether, are left out of what it makes in use,
and of a plan."""


class OpPolicy(LearnedAugmenter):
    """Put each made item through ops that act now and then, each as strongly as a draw says.

    Op j acts with probability p_j on an item; its params are drawn evenly up to its magnitudes. For a class k of a task

        p_kj = sigmoid(3 tanh(a_kj / 3)),   magnitude_kj = most_j sigmoid(b_kj)

    where a and b are what is learned, see `settings`. Ops act in the order of the table, warps in one resampling and
    linear colours in one map, as those of a plan. Derivatives by magnitudes go through the ops; those by probabilities
    are estimated by gates that are half open: an op with magnitudes is then one of half the strength, any other is
    blended with what it began from (see `gates`; for another way, see `manyshot.meta_augment.reinforce`). In use, ops
    that would hardly ever act do not.

    Args:
        channels: of the images; ops for colours are left out for any number but three.
        ops: names of rows of the table.
        how: the estimator, see `gates`.
        weight: of all made items of a class beside one real item, at first and at one shot.
        begin: a written plan to begin at; if empty, every op acts now and then, and gently.
    """

    space: ClassVar[Space] = "items"

    def __init__(self, channels: int, ops: Sequence[str], how: Gates, weight: float, begin: str = "") -> None:
        super().__init__()
        self.how: Gates = how
        self.ops: dict[str, PolicyOp] = policy_ops(ops, channels)
        self.magnitudes = [each for op in self.ops.values() for each in op.magnitudes]
        self.raw = len(self.ops) + len(self.magnitudes)
        most = torch.tensor([each.most for each in self.magnitudes])
        if begin:
            often, values = initial_settings(begin, self.ops)
            sure = SUREST * EDGE  # short of what never changes again
            logits = SUREST * (torch.tensor(often).logit().clamp(-sure, sure) / SUREST).atanh()
            shares = (torch.tensor(values) / most).clamp(0.01, 0.99)
        else:
            logits = torch.tensor([SELDOM if op.switched else OFTEN for op in self.ops.values()]).logit()
            shares = torch.tensor([each.first for each in self.magnitudes]) / most
        # Known from the table and the options, so they are not stored.
        self.register_buffer("first", torch.cat([logits, shares.logit()]), persistent=False)
        self.register_buffer("most", most, persistent=False)
        self.first: Tensor
        self.most: Tensor
        self.budget = WeightBudget(weight)

    @abstractmethod
    def raw_settings(self, context: Examples) -> Float[Tensor, "t ways raw"]:
        """What is learned of each class, to be added to what the policy is at first."""

    def settings(self, context: Examples) -> tuple[Float[Tensor, "t ways ops"], Float[Tensor, "t ways magnitudes"]]:
        """The logit of each op's probability, and every magnitude, for the classes of a support set.

        Args:
            context: support set of T tasks.
        """
        raw = self.first + self.raw_settings(context)
        logits, shares = torch.split(raw, [len(self.ops), len(self.magnitudes)], -1)
        return SUREST * (logits / SUREST).tanh(), self.most * shares.sigmoid()

    def draw(self, support: Examples, copies: int, generator: Generator) -> Draws:
        """A number for each gate, and what each op draws at magnitude 1."""
        tasks, n = support.weight.shape
        m = n * copies
        drawn = {"gates": torch.rand(tasks, m, len(self.ops), generator=generator)}
        for name, op in self.ops.items():
            params = op.op.sample(tasks * m, generator)
            drawn |= {f"{name}.{param}": value.unflatten(0, (tasks, m)) for param, value in params.items()}
        return drawn

    def vary(
        self, support: Examples, copies: int, draws: Draws, context: Examples
    ) -> tuple[Tensor, Float[Tensor, "t m"]]:
        """Put every copy through the ops whose gates are open."""
        logits, magnitudes = (
            per_example(each, support.labels).repeat_interleave(copies, 1) for each in self.settings(context)
        )
        on = gates(logits, draws["gates"], self.how, exactly=not self.training).flatten(0, 1)
        if not self.training:
            on = on * (logits.sigmoid() >= LEAST).flatten(0, 1)
        by_op = torch.split(magnitudes.flatten(0, 1), [len(op.magnitudes) for op in self.ops.values()], -1)
        items = support.items.repeat_interleave(copies, 1).flatten(0, 1)
        run: list[tuple[Op, Params]] = []
        for place, ((name, op), magnitude) in enumerate(zip(self.ops.items(), by_op, strict=True)):
            unit = {key.partition(".")[2]: d.flatten(0, 1) for key, d in draws.items() if key.startswith(f"{name}.")}
            if op.switched:
                items, run = _through(items, run), []
                gate = on[:, place, None, None, None]
                items = items + gate * (op.op.apply(items, unit) - items)
            else:
                run.append((op.op, op.params(unit, magnitude * on[:, place, None])))
        items = _through(items, run)
        return torch.unflatten(items, 0, draws["gates"].shape[:2]), self.budget(support, copies)

    def task_logits(self, support: Examples) -> Float[Tensor, "t ops"]:
        """The logits of each task, the mean of those of its classes."""
        there = support.class_mask[..., None].to(support.weight)
        return (self.settings(support)[0] * there).sum(1) / there.sum(1)

    @torch.no_grad()
    def to_plan(self, copies: int, support: Examples) -> Plan:
        """The policy for a support set as a plan, which needs neither the policy nor its weights.

        Probabilities and magnitudes are averaged over the classes of all tasks given; ops that hardly ever act are left
        out.

        Args:
            copies: extra shots of each item.
            support: what the policy is to be for.

        Example:
            >>> labels = torch.eye(2)[None]
            >>> support = Examples(torch.rand(1, 2, 1, 28, 28), labels, torch.ones(1, 2), torch.ones(1, 2) > 0)
            >>> str(ContextFreePolicyOptions("elastic").make((1, 28, 28)).to_plan(8, support))
            'shots: 8 x elastic(strength=0.04, p=0.5) weight 0.5'
        """
        there = support.class_mask
        logits, magnitudes = self.settings(support)
        chances, values = logits.sigmoid()[there].mean(0).tolist(), magnitudes[there].mean(0).tolist()
        calls = []
        for op, chance in zip(self.ops.values(), chances, strict=True):
            own, values = values[: len(op.magnitudes)], values[len(op.magnitudes) :]
            if chance >= LEAST:
                calls.append(op.written(own, chance))
        if not calls:
            return Plan()
        share = self.budget(support, copies)[support.weight.repeat_interleave(copies, 1) > 0].mean().item()
        weight = float(f"{share:.4g}")
        return Plan(Syntax((Clause(("shots",), tuple(calls), copies, None if weight == 1 else weight),)))


def _through(items: Tensor, run: Sequence[tuple[Op, Params]]) -> Tensor:
    """Put items through neighbouring ops, which share passes where they can."""
    if not run:
        return items
    params = {str(place): params for place, (_, params) in enumerate(run)}
    result: Tensor = Compose(tuple(op for op, _ in run)).apply(items, params)
    return result


class ContextFreePolicy(OpPolicy):
    """One learned policy for all tasks: the same ops, as often and as strongly for every class.

    It sees no context, so it is what a conditioned policy must beat, and it is one plan for all (`to_plan`).

    Args:
        channels: see `OpPolicy`; so are ops, how, weight and begin.
        ops: see there.
        how: see there.
        weight: see there.
        begin: see there.

    Example:
        >>> labels = torch.eye(5).expand(2, 5, 5)
        >>> support = Examples(torch.rand(2, 5, 1, 28, 28), labels, torch.ones(2, 5), torch.ones(2, 5) > 0)
        >>> policy = ContextFreePolicy(1, ("rotate", "elastic", "stroke"), "straight-through", 1.0)
        >>> policy.make(support, 4, torch.Generator().manual_seed(0)).items.shape
        torch.Size([2, 20, 1, 28, 28])
    """

    def __init__(self, channels: int, ops: Sequence[str], how: Gates, weight: float, begin: str = "") -> None:
        super().__init__(channels, ops, how, weight, begin)
        self.learned = nn.Parameter(torch.zeros(self.raw))

    def raw_settings(self, context: Examples) -> Float[Tensor, "t ways raw"]:
        """The same for every class."""
        tasks, ways = context.class_mask.shape
        return (SPEED * self.learned).expand(tasks, ways, -1)


class Policy(OpPolicy):
    """A policy for each class of each task, from what the support set shows.

    A network with one hidden layer takes what `RandomConvStatistics` and `ImageMoments` tell of the class and the task,
    and adds to what is
    learned for all of them.

    Args:
        channels: see `OpPolicy`; so are ops, how, weight and begin.
        ops: see there.
        how: see there.
        weight: see there.
        begin: see there.
        hidden: width of the network.
        width: of what `RandomConvStatistics` sees of an item.

    Example:
        >>> labels = torch.eye(5).expand(2, 5, 5)
        >>> support = Examples(torch.rand(2, 5, 1, 28, 28), labels, torch.ones(2, 5), torch.ones(2, 5) > 0)
        >>> policy = Policy(1, ("rotate", "elastic", "stroke"), "straight-through", 1.0)
        >>> logits, magnitudes = policy.settings(support)
        >>> logits.shape, magnitudes.shape
        (torch.Size([2, 5, 3]), torch.Size([2, 5, 3]))
    """

    def __init__(
        self,
        channels: int,
        ops: Sequence[str],
        how: Gates,
        weight: float,
        begin: str = "",
        hidden: int = 64,
        width: int = 32,
    ) -> None:
        super().__init__(channels, ops, how, weight, begin)
        self.learned = nn.Parameter(torch.zeros(self.raw))
        self.sight, self.traits = RandomConvStatistics(channels, width), ImageMoments(channels)
        first = nn.Linear(self.sight.features + self.traits.features, hidden)
        last = nn.Linear(hidden, self.raw, bias=False)
        with torch.no_grad():  # nearly one policy for all at first
            last.weight.mul_(0.1)
        self.network = nn.Sequential(first, nn.Tanh(), last)

    def look_at(self, source: Source) -> None:
        """Take note of what tasks of these classes have in common."""
        self.sight.look_at(source)
        self.traits.look_at(source)

    def note(self, support: Examples) -> None:
        """Take note of what these tasks have in common, where they are not drawn from one source."""
        self.sight.note(support)
        self.traits.note(support)

    def raw_settings(self, context: Examples) -> Float[Tensor, "t ways raw"]:
        """What is learned for all, plus what the network says of the class."""
        settings: Tensor = self.learned + self.network(torch.cat([self.sight(context), self.traits(context)], -1))
        return settings


@dataclass(frozen=True)
class ContextFreePolicyOptions:
    """One learned policy of image ops for all tasks, `context_free(drawings)`.

    Args:
        ops: a set (all, drawings, shapes, photographs), or ops of the table with hyphens between them.
        gates: how it is learned which ops act: straight-through or relaxed.
        weight: of all made items of a class beside one real item, at first.
        begin: a preset, or a plan in quotes, to begin at; nothing in particular if empty.
    """

    space: ClassVar[Space] = "items"

    ops: str = "all"
    gates: str = "straight-through"
    weight: float = 4.0
    begin: str = ""

    def __post_init__(self) -> None:
        _check(self)

    def make(self, shape: tuple[int, ...]) -> ContextFreePolicy:
        """Build it for images of these channels, of any size."""
        names, how = op_names(self.ops), cast(Gates, self.gates)
        return ContextFreePolicy(image_channels(shape), names, how, self.weight, self.begin)


@dataclass(frozen=True)
class PolicyOptions:
    """A policy of image ops for each class of each task, from its support, `policy(drawings)`.

    Args:
        ops: a set (all, drawings, shapes, photographs), or ops of the table with hyphens between them.
        gates: how it is learned which ops act: straight-through or relaxed.
        weight: of all made items of a class beside one real item, at first.
        begin: a preset, or a plan in quotes, to begin at; nothing in particular if empty.
        hidden: width of the network that decides.
        width: how many numbers it sees an item by.
    """

    space: ClassVar[Space] = "items"

    ops: str = "all"
    gates: str = "straight-through"
    weight: float = 4.0
    begin: str = ""
    hidden: int = 64
    width: int = 32

    def __post_init__(self) -> None:
        _check(self)
        check_number(self, "hidden", "width", low=1, high=4096, whole=True)

    def make(self, shape: tuple[int, ...]) -> Policy:
        """Build it for images of these channels, of any size."""
        names, how = op_names(self.ops), cast(Gates, self.gates)
        return Policy(image_channels(shape), names, how, self.weight, self.begin, self.hidden, self.width)


def _check(options: ContextFreePolicyOptions | PolicyOptions) -> None:
    op_names(options.ops)
    check_choice(options, "gates", DIFFERENTIABLE)
    check_number(options, "weight", low=1e-6, high=1e6)
    if options.begin:
        Plan(options.begin).item_op()


def image_channels(shape: tuple[int, ...]) -> int:
    """The channels of the shape (c, h, w).

    Raises:
        InputError: if it is not that of an image.

    Example:
        >>> image_channels((3, 32, 32))
        3
    """
    if len(shape) != 3:
        raise InputError(f"items of shape {shape} given to an augmenter of images; use one of features, or no encoder")
    return shape[0]
