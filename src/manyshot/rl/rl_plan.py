r"""Plans for reinforcement learning: which augmentation acts where, on worlds and on what agents see.

The language is that of `manyshot.augment.plan.parser`, with placements of its own::

    world: jitter(0.3); trial: turn mirror; rollout: hue; view: crop(0.25)

- `world` changes the context in which an episode starts: jitter, mix, wide (`manyshot.rl.context_ops`).
- `trial` lets the agent act through a symmetry of the world, with one draw a trial: observation *and* action change, so
  that the data stay on-policy. Which symmetries there are depends on the world.
- `rollout` changes what the agent sees while it acts, with one draw an episode (Laskin et al. 2020, RAD).
- `view` changes what it sees in the loss alone, with a fresh draw for each observation: the answers of policy and value
  are to stay the same (Raileanu et al. 2021, DrAC).
"""

from dataclasses import dataclass, field
from functools import cached_property

import torch
from jaxtyping import Float, Shaped
from torch import Generator, Tensor

from manyshot.augment.mix import Mix
from manyshot.augment.ops.compose import Compose
from manyshot.augment.ops.item_kinds import require_kind
from manyshot.augment.ops.op import Op, Params
from manyshot.augment.plan.parser import parse
from manyshot.augment.plan.syntax_tree import Clause, Syntax
from manyshot.augment.registry import NAMED, build_op, canonical
from manyshot.augment.task import TaskOp
from manyshot.base import InputError, did_you_mean
from manyshot.base.call_syntax import Call
from manyshot.base.options import read
from manyshot.rl.augment_observations import change_view
from manyshot.rl.context_ops import CONTEXT_OPS, ContextOp
from manyshot.rl.state_ops import STATE_OPS
from manyshot.rl.symmetries import InTurn, Perhaps, Symmetry
from manyshot.rl.worlds.world import Augmentable

PLACEMENTS = ("world", "trial", "rollout", "view")
EXAMPLE = "view: crop"


@dataclass(frozen=True, init=False, repr=False)
class RLPlan:
    """Which augmentation acts where in the training of an agent.

    `str(plan)` is its text; two plans are equal when their texts and worlds are.

    Args:
        text: The plan; "none" changes nothing.
        environment: The world, whose contexts, symmetries and observations it must fit; or `Environment(shape)` for any
            other environment, which then has neither contexts nor symmetries that a plan could use.
        frames: Number of frames that are stacked in the channels of an observation.

    Raises:
        InputError: If an op, symmetry, option or value does not exist, is out of range or does not fit the world.

    Example:
        >>> from manyshot.rl.worlds.leap import Leap
        >>> plan = RLPlan("world: jitter(0.1); view: crop(0.25, border)", Leap())
        >>> seen = torch.rand(8, 1, 32, 32)
        >>> plan.view(seen, torch.Generator().manual_seed(0)).shape
        torch.Size([8, 1, 32, 32])
        >>> RLPlan("trial: turn", Leap())
        Traceback (most recent call last):
        manyshot.base.errors.InputError: plan: 'turn' (character 8): leap has no symmetries; leave out 'trial:'
    """

    syntax: Syntax
    environment: Augmentable
    frames: int = field(default=1)

    def __init__(self, text: str | Syntax, environment: Augmentable, frames: int = 1) -> None:
        syntax = parse(text, PLACEMENTS, _check, EXAMPLE) if isinstance(text, str) else text
        object.__setattr__(self, "syntax", syntax)
        object.__setattr__(self, "environment", environment)
        object.__setattr__(self, "frames", frames)
        _ = self.context_ops, self.trial, self.rollout, self.view_op  # so that a wrong plan fails where it is written

    def __str__(self) -> str:
        return str(self.syntax)

    def __repr__(self) -> str:
        return f"RLPlan({str(self)!r}, {self.environment!r})"

    def has(self, placement: str) -> bool:
        """Whether there is something to do at a placement."""
        return bool(self.calls(placement))

    def calls(self, placement: str) -> tuple[Call, ...]:
        """The ops of a placement as written; none if the plan does not have it."""
        return next((clause.calls for clause in self.syntax.clauses if placement in clause.placements), ())

    @cached_property
    def context_ops(self) -> tuple[ContextOp, ...]:
        """What a `world:` clause does, in order."""
        return tuple(_context_op(call, self.environment) for call in self.calls("world"))

    def world(
        self, contexts: Float[Tensor, "n k"], generator: Generator, pool: Float[Tensor, "w k"] | None = None
    ) -> Float[Tensor, "n k"]:
        """Change the contexts of episodes that are about to start.

        Args:
            contexts: Contexts of the worlds that were chosen for them.
            generator: Random generator.
            pool: Contexts of all training worlds, with which `mix` mixes; the given ones if None.

        Returns:
            Contexts within the bounds of the world.
        """
        for op in self.context_ops:
            contexts = op.apply(self.environment, contexts, contexts if pool is None else pool, generator)
        return contexts

    @cached_property
    def trial(self) -> Symmetry:
        """What the agent acts through: `sample` for a trial, `observe` and `act` in each step."""
        return InTurn(tuple(_symmetry(call, self.environment) for call in self.calls("trial")))

    @cached_property
    def rollout(self) -> Op:
        """What changes the agent's view while it acts: `sample` for an episode, `look` in each step."""
        return self._op("rollout")

    @cached_property
    def view_op(self) -> Op:
        """What changes the agent's view in the loss."""
        return self._op("view")

    def look(self, observations: Shaped[Tensor, "n ..."], params: Params) -> Shaped[Tensor, "n ..."]:
        """What the agent sees while it acts.

        Args:
            observations: Observations of n rows, floats or bytes.
            params: As `rollout.sample` drew them at the start of each row's episode.
        """
        return change_view(self.rollout, observations, params, self.frames) if self.has("rollout") else observations

    def view(self, observations: Shaped[Tensor, "n ..."], generator: Generator) -> Shaped[Tensor, "n ..."]:
        """Change observations, floats or bytes, by a fresh draw each, as the `view:` clause says."""
        if not self.has("view"):
            return observations
        params = self.view_op.sample(len(observations), generator)
        return change_view(self.view_op, observations, params, self.frames)

    def _op(self, placement: str) -> Op:
        """The ops of a clause as one op, checked against the world's observations."""
        shape = self.environment.observation
        ops = []
        for call in self.calls(placement):
            op = _image_op(call) if len(shape) == 3 else _state_op(call, self.environment)
            channels = (shape[0] // self.frames, *shape[1:]) if len(shape) == 3 else shape
            try:
                op.check(torch.zeros(1, *channels))
            except InputError as error:
                raise InputError(f"plan: {call.place}: {error}") from None
            ops.append(op)
        return Compose(tuple(ops))


def _check(clause: Clause) -> None:
    where = "+".join(clause.placements)
    if clause.copies is not None or clause.weight is not None:
        raise InputError(f"plan: '{where}:' takes neither a count nor a weight; write '{where}: {clause.calls[0]}'")


def _kind(world: Augmentable) -> str:
    return type(world).__name__.lower()


def _context_op(call: Call, world: Augmentable) -> ContextOp:
    if not world.names:
        call.fail(f"{_kind(world)} has no contexts that are known", "leave out 'world:'")
    try:
        op = CONTEXT_OPS.spec(call).build()
        op.check(world)
    except InputError as error:
        raise _placed(call, error) from None
    return op


def _symmetry(call: Call, world: Augmentable) -> Symmetry:
    known = world.symmetries
    if not known:
        call.fail(f"{_kind(world)} has no symmetries", "leave out 'trial:'")
    if call.name not in known:
        call.fail(f"not a symmetry of {_kind(world)}", did_you_mean(call.name, known))
    options = dict(call.options)
    if call.arguments or options.keys() - {"p"}:
        call.fail("a symmetry takes p alone", f"write {call.name}(p=0.5)")
    if "p" not in options:
        return known[call.name]
    try:
        return Perhaps(known[call.name], read(call, "p", float, options["p"], {}))
    except InputError as error:
        raise _placed(call, error) from None


def _image_op(call: Call) -> Op:
    if call.name in CONTEXT_OPS and call.name not in NAMED:
        call.fail("changes worlds, not images", f"write it in a 'world:' clause: 'world: {call}'")
    op: Op = build_op(canonical(call))
    if isinstance(op, Mix | TaskOp):
        call.fail("changes labels, and an agent has none", "give an op on single images, see `manyshot ops`")
    try:
        require_kind(op, "images")
    except InputError as error:
        raise _placed(call, error) from None
    return op


def _state_op(call: Call, world: Augmentable) -> Op:
    if call.name not in STATE_OPS:
        has = f", or a symmetry in 'trial:': {', '.join(world.symmetries)}" if world.symmetries else ""
        call.fail(f"observations of {_kind(world)} are vectors", f"give {' or '.join(STATE_OPS.names())}{has}")
    try:
        return STATE_OPS.spec(call).build()
    except InputError as error:
        raise _placed(call, error) from None


def _placed(call: Call, error: InputError) -> InputError:
    """An error that says where in the plan it arose."""
    return error if str(error).startswith("plan: ") else InputError(f"plan: {call.place}: {error}")
