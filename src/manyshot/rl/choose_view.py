"""Which views of observations an update compares: those of one plan, or of one among several, chosen by a bandit."""

from abc import abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from manyshot.base import InputError
from manyshot.base.call_syntax import Call, Value, parse_call, write
from manyshot.base.seeds import generator
from manyshot.rl.bandit import BANDITS, Bandit
from manyshot.rl.policy import Output
from manyshot.rl.ppo import Regularizer
from manyshot.rl.rl_plan import RLPlan
from manyshot.rl.rollout import Batch, Rollout
from manyshot.rl.worlds import World

if TYPE_CHECKING:
    from manyshot.rl.trainer import Trainer

LEARNED = "learned"
"""The choice that learns a weight of every view instead of choosing one."""
HOLD = 4
"""Rollouts for which a bandit that validates keeps its choice."""
TRIALS = 4
"""Trials in each validation world after which it is told what came of it."""


@dataclass(frozen=True)
class Choice:
    """A choice among views, as written: `bandit(crop(0.25), filter, flip, exploration=0.5)`.

    Args:
        name: Name of what chooses.
        plans: The plans to choose among; each has a view, or changes nothing ("none").
        options: Options of what chooses.

    Example:
        >>> choice = Choice.parse("bandit(crop(0.25), none, discount=0.9)")
        >>> choice.plans, choice.options
        (('view: crop(0.25)', 'none'), (('discount', 0.9),))
    """

    name: str
    plans: tuple[str, ...]
    options: tuple[tuple[str, Value], ...] = ()

    @staticmethod
    def parse(text: str) -> "Choice":
        """Read a choice.

        Raises:
            InputError: If the text cannot be read, or there are fewer than two views.
        """
        call = parse_call(text, "choose")
        views = [write(value) for value in call.arguments]
        if len(views) < 2:
            raise InputError(f"choose: {call.place}: give at least two views to choose among: {call.name}(crop, flip)")
        return Choice(call.name, tuple("none" if v == "none" else f"view: {v}" for v in views), call.options)

    @property
    def call(self) -> str:
        """What chooses, with its options."""
        return str(Call(self.name, (), self.options))


class ViewChoice(nn.Module):
    """What changes views in each update; its buffers are part of the checkpoint."""

    @abstractmethod
    def begin(self, trainer: "Trainer", number: int) -> Regularizer | None:
        """What is added to the loss in the update of a rollout; None for nothing."""

    def after(self, trainer: "Trainer", number: int, rollout: Rollout, advantages: Tensor) -> dict[str, float]:
        """Learn from an update; returns what is logged."""
        return {}


class FixedView(ViewChoice):
    """One plan's views all along.

    Args:
        plan: The plan.
    """

    def __init__(self, plan: RLPlan) -> None:
        super().__init__()
        self.plan = plan

    def begin(self, trainer: "Trainer", number: int) -> Regularizer | None:
        """The plan's regularization; None if the plan has no view, or its weight is 0."""
        return regularizer(trainer, self.plan, number)


class ChosenView(ViewChoice):
    """The views of one plan, which a bandit chooses: UCB-DrAC.

    A bandit that validates is told by how much the mean return on the validation worlds changed over the rollouts of
    its choice; the published one, after every rollout, the mean return on the training worlds.

    Args:
        plans: The plans.
        bandit: What chooses.
    """

    def __init__(self, plans: list[RLPlan], bandit: Bandit) -> None:
        super().__init__()
        self.plans, self.bandit = plans, bandit
        self.register_buffer("arm", torch.zeros((), dtype=torch.int64))
        self.register_buffer("reached", torch.zeros((), dtype=torch.float64))
        self.arm: Tensor
        self.reached: Tensor

    def begin(self, trainer: "Trainer", number: int) -> Regularizer | None:
        """Choose where a choice is due, and regularize by the chosen plan's views."""
        if number == 0 and self.bandit.validates:
            self.reached = torch.tensor(self._validate(trainer), dtype=torch.float64)
        if number % self._hold == 0:
            self.arm = torch.tensor(self.bandit.choose())
        return regularizer(trainer, self.plans[int(self.arm)], number)

    def after(self, trainer: "Trainer", number: int, rollout: Rollout, advantages: Tensor) -> dict[str, float]:
        """Tell the bandit what came of its choice."""
        arm, logged = int(self.arm), {"pulled": float(self.arm)}
        if not self.bandit.validates:
            self.bandit.update(arm, (advantages + rollout.values).mean().item())
        elif (number + 1) % self._hold == 0:
            reached = self._validate(trainer)
            self.bandit.update(arm, reached - float(self.reached))
            self.reached = torch.tensor(reached, dtype=torch.float64)
            logged["validation_return"] = reached
        return logged

    @property
    def _hold(self) -> int:
        return HOLD if self.bandit.validates else 1

    def _validate(self, trainer: "Trainer") -> float:
        env = trainer.plain_arena("validation")
        results = trainer.learner.evaluate(env, trainer.policy, TRIALS, False, trainer.config.fit.device)
        return float(results.returns.mean())


def regularizer(trainer: "Trainer", plan: RLPlan, number: int) -> Regularizer | None:
    """DrAC with a plan's views.

    Args:
        trainer: The training.
        plan: Plan whose views are compared.
        number: Number of the rollout, which determines the draws.
    """
    drac = trainer.config.fit.drac
    if not plan.has("view") or not drac.weight:
        return None
    draws = generator(trainer.config.fit.seed, "view", number)

    def regularize(batch: Batch, output: Output) -> tuple[Tensor, dict[str, Tensor]]:
        return drac(trainer.policy, batch.inputs, output, lambda items: plan.view(items, draws))

    return regularize


def make_views(choose: str, plan: RLPlan, world: World) -> ViewChoice:
    """The choice of views that a run's settings name.

    Args:
        choose: The choice; "none" for the views of the plan.
        plan: Plan of the run.
        world: World of the run.

    Raises:
        InputError: If there is no such choice, or the plan has views besides.
    """
    if choose == "none":
        return FixedView(plan)
    if plan.has("view"):
        raise InputError(f"plan '{plan}' has views, and so has choose='{choose}'; write them in one of the two")
    choice = Choice.parse(choose)
    plans = [RLPlan(text, world) for text in choice.plans]
    if choice.name == LEARNED:
        from manyshot.rl.learned_drac import LEARNED_PLANS

        return LEARNED_PLANS.parse(choice.call).build(plans=plans)
    return ChosenView(plans, BANDITS.parse(choice.call).build(arms=len(plans)))
