"""What ops do to the decisions of a trained agent, on the worlds that it was trained with."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from manyshot.base import seeds as streams
from manyshot.rl.adapt.registry import RL_LEARNERS
from manyshot.rl.diagnose_views import views_for
from manyshot.rl.distributions import Categorical
from manyshot.rl.policy import Inputs, Output
from manyshot.rl.rl_evaluate import GAMES
from manyshot.rl.rl_plan import RLPlan
from manyshot.rl.rl_train import RLRun
from manyshot.rl.rollout_env import collect_rollout, reset

MOST = 2048
"""Most views that are changed."""
AGREES, DIFFERS = 0.95, 0.8
"""Shares of equal actions from which an op leaves an agent alone, or below which it does not."""


@dataclass(frozen=True)
class AgentDiagnosis:
    """How a trained agent answers changed views.

    Args:
        op: The op, as a plan writes it.
        agrees: Share of views with the same likeliest action, or, for actions of real numbers, one within a standard
            deviation of the policy.
        divergence: Mean KL(pi(s) || pi(f s)) in nats.
        value: Root mean square of V(s) - V(f s), by the standard deviation of V(s).
    """

    op: str
    agrees: float
    divergence: float
    value: float

    @property
    def verdict(self) -> str:
        """Verdict in a few words."""
        if self.agrees >= AGREES:
            return "actions unchanged"
        return "actions change" if self.agrees < DIFFERS else "actions sometimes change"


def diagnose_agent(run: RLRun, ops: Sequence[str] = (), seed: int = 0) -> tuple[AgentDiagnosis, ...]:
    """Diagnose ops by a trained agent, on what it sees in its training worlds, where it is to be trusted.

    An agent that was trained without augmentation and solves its worlds shows which changes it would have to learn to
    ignore; after training with an op it should answer alike.

    Args:
        run: The agent's run.
        ops: Ops as a `view:` clause has them; a choice for the kind of observation if there are none.
        seed: Seed of play and draws.

    Raises:
        InputError: If an op does not exist or does not fit the observations.
    """
    world, learner = run.split.world, RL_LEARNERS.parse(run.config.learner).build()
    plans = {op: RLPlan(f"view: {op}", world) for op in ops or views_for(world)}
    env = run.split.env("training", RLPlan("none", world), seed, learner.episodes, learner.feeds_back)
    generator = streams.generator(seed, "diagnose")
    levels = torch.arange(len(env.contexts))
    device = next(run.policy.parameters()).device
    games = reset(env, levels, torch.full_like(levels, GAMES), run.policy.memory, generator)
    steps = min(world.horizon * env.episodes, max(MOST // len(levels), 1))
    rollout, _ = collect_rollout(env, games, run.policy, steps, generator, greedy=True, device=device)
    inputs = rollout.inputs.to(device)
    with torch.no_grad():
        plain = run.policy(inputs)
        return tuple(_judge(op, plain, run.policy(_viewed(inputs, plan, seed))) for op, plan in plans.items())


def _viewed(inputs: Inputs, plan: RLPlan, seed: int) -> Inputs:
    """A fresh draw for each view, the same for every op that is judged later."""
    generator = streams.generator(seed, "view")
    return inputs.map(lambda seen: plan.view(seen.cpu(), generator).to(seen.device))


def _judge(op: str, plain: Output, changed: Output) -> AgentDiagnosis:
    there, here = changed.policy.mode(), plain.policy.mode()
    if isinstance(plain.policy, Categorical):
        same: Tensor = there == here
    else:
        same = ((there - here).abs() <= plain.policy.log_std.exp()).all(-1)
    spread = float(plain.value.std(correction=0)) or 1.0
    difference = float((plain.value - changed.value).square().mean().sqrt()) / spread
    divergence = float(plain.policy.kl(changed.policy).mean())
    return AgentDiagnosis(op, float(same.double().mean()), divergence, difference)
