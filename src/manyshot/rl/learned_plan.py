"""Weights of views that are learned while an agent learns: meta-learned DrAC through one exact update."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import torch
from jaxtyping import Float, Int
from torch import Generator, Tensor
from torch.optim import Optimizer

from manyshot.base.check_numbers import check_range
from manyshot.base.registry import Registry
from manyshot.base.seeds import generator
from manyshot.learners.functional import call_with
from manyshot.rl.policy import ActorCritic, Output
from manyshot.rl.ppo import PPO, Regularizer
from manyshot.rl.regularize import DrAC
from manyshot.rl.rl_plan import RLPlan
from manyshot.rl.rollout import Batch, Rollout
from manyshot.rl.rollout import advantages as estimate
from manyshot.rl.rollout_env import collect_rollout, reset
from manyshot.rl.view_choice import ViewChoice

if TYPE_CHECKING:
    from manyshot.rl.trainer import Trainer

Weights = dict[str, Tensor]


class LearnedViews(ViewChoice):
    """Learn how much each of k plans' views counts, `learned(crop, filter, flip)`.

    The regularization of an item is that of a plan drawn for it with equal chances, times k softmax(phi)_plan; the
    softmax has one more entry, which stands for no regularization. After a rollout, phi follows the gradient of what
    one update of the agent does to validation worlds:

        theta' = theta - rate P (grad PPO(theta; training worlds) + grad DrAC(theta, phi; training worlds))
        phi   <- Adam(phi, d/dphi of the policy's loss at theta' on validation worlds, played by theta)

    P is the preconditioner of the agent's Adam, whose moments are held. The gradient is exact: it passes through the
    update of the agent.

    Meta-DrAC as it was meant: the authors' code (Raileanu et al. 2021) never calls `backward` on the outer loss,
    unrolls the optimizer of the augmentation instead of the agent's, and takes time steps of the training worlds for
    its outer loss.

    Args:
        plans: The plans.
        rate: Learning rate of phi.
        every: Rollouts between two updates of phi.

    Raises:
        InputError: If a number is out of range.
    """

    def __init__(self, plans: Sequence[RLPlan], rate: float = 0.1, every: int = 1) -> None:
        super().__init__()
        check_range(0, 1e3, rate=rate)
        check_range(1, 1_000_000, whole=True, every=every)
        self.plans, self.rate, self.every = list(plans), rate, every
        for name in ("phi", "momentum", "square"):
            self.register_buffer(name, torch.zeros(len(plans) + 1))
        self.register_buffer("count", torch.zeros((), dtype=torch.int64))
        self.phi: Tensor
        self.momentum: Tensor
        self.square: Tensor
        self.count: Tensor

    def begin(self, trainer: "Trainer", number: int) -> Regularizer | None:
        """Regularize by the weighted views."""
        draws = generator(trainer.config.fit.seed, "view", number)

        def regularize(batch: Batch, output: Output) -> tuple[Tensor, dict[str, Tensor]]:
            which, changed = self.views(batch, draws)
            extra = weighted_drac(trainer.config.fit.drac, self.phi, which, output, trainer.policy(changed.inputs))
            return extra, {"view_loss": extra}

        return regularize

    def views(self, batch: Batch, draws: Generator) -> tuple[Int[Tensor, "n"], Batch]:
        """The plan drawn for each game (each step `[1, n]`, without a memory), and the batch with changed views."""
        which = torch.randint(len(self.plans), (batch.log_probs.shape[1],), generator=draws)
        seen = batch.inputs.observations.clone()
        for index, plan in enumerate(self.plans):
            rows = (which == index).nonzero()[:, 0].to(seen.device)
            if len(rows) and plan.has("view"):
                changed = plan.view(seen[:, rows].flatten(0, 1), draws)
                seen[:, rows] = torch.unflatten(changed, 0, (len(seen), len(rows)))
        return which, replace(batch, inputs=replace(batch.inputs, observations=seen))

    def after(self, trainer: "Trainer", number: int, rollout: Rollout, advantages: Tensor) -> dict[str, float]:
        """Update phi, and log the weights."""
        if (number + 1) % self.every == 0:
            self._learn(trainer, number, rollout, advantages)
        weights = self.phi.softmax(0)
        return {f"weight_{index}": float(weight) for index, weight in enumerate(weights)}

    def _learn(self, trainer: "Trainer", number: int, rollout: Rollout, advantages: Tensor) -> None:
        fit = trainer.config.fit
        draws = generator(fit.seed, "learned views", number)
        training = Batch.of(rollout, advantages, fit.device)
        training = training if trainer.policy.memory else training.in_any_order()
        count = training.log_probs.shape[1]
        part = training.games(torch.randperm(count, generator=draws)[: max(1, count // fit.minibatches)])
        which, changed = self.views(part, draws)
        judged = validation_batch(trainer, draws)

        phi = self.phi.clone().requires_grad_()
        step = held_step(trainer.optimizer, dict(trainer.policy.named_parameters()))
        loss = held_out_loss(trainer.policy, phi, part, changed, which, judged, fit.ppo, fit.drac, step)
        (gradient,) = torch.autograd.grad(loss, phi)
        self.count = self.count + 1
        self.momentum = 0.9 * self.momentum + 0.1 * gradient
        self.square = 0.99 * self.square + 0.01 * gradient**2
        mean, square = self.momentum / (1 - 0.9 ** int(self.count)), self.square / (1 - 0.99 ** int(self.count))
        self.phi = self.phi - self.rate * mean / (square.sqrt() + 1e-12)


def weighted_drac(
    drac: DrAC, phi: Float[Tensor, "entries"], which: Int[Tensor, "n"], plain: Output, changed: Output
) -> Tensor:
    """DrAC, each item weighted by the k-fold share of the plan that changed it; differentiable in phi.

    Args:
        drac: Weight and terms.
        phi: Logits of k plans, and of none.
        which: Plan of each game.
        plain: Output for views as they are.
        changed: Output for changed views.
    """
    shares = (len(phi) - 1) * phi.softmax(0)[:-1]
    divergence, difference = drac.terms(plain, changed)
    return drac.weight * (shares[which].to(divergence) * (divergence + difference)).mean()


def held_out_loss(
    policy: ActorCritic,
    phi: Float[Tensor, "entries"],
    part: Batch,
    changed: Batch,
    which: Int[Tensor, "n"],
    judged: Batch,
    ppo: PPO,
    drac: DrAC,
    step: Callable[[str, Tensor, Tensor], Tensor],
) -> Tensor:
    """The policy's loss on validation worlds after one update on training worlds, differentiable in phi.

    Args:
        policy: The agent at theta.
        phi: Logits of the plans.
        part: Batch of the training worlds.
        changed: The same with changed views.
        which: Plan that changed each game.
        judged: Batch of the validation worlds, played by theta.
        ppo: The algorithm.
        drac: The regularization.
        step: New weights, from name, weight and gradient.
    """
    weights: Weights = {name: weight.detach().requires_grad_() for name, weight in policy.named_parameters()}
    plain = call_with(policy, weights, (part.inputs,))
    views = call_with(policy, weights, (changed.inputs,))
    inner = ppo.loss(plain, part).total + weighted_drac(drac, phi, which, plain, views)
    gradients = torch.autograd.grad(inner, list(weights.values()), create_graph=True)
    updated = {
        name: step(name, weight, gradient) for (name, weight), gradient in zip(weights.items(), gradients, strict=True)
    }
    outer = replace(ppo, value_weight=0.0, entropy_weight=0.0)
    return outer.loss(call_with(policy, updated, (judged.inputs,)), judged).total


def held_step(optimizer: Optimizer, weights: Mapping[str, Tensor]) -> Callable[[str, Tensor, Tensor], Tensor]:
    """One step of Adam whose moments before the step are held: linear in the gradient.

    Args:
        optimizer: Adam, after at least one step.
        weights: Its weights by name.
    """
    group = optimizer.param_groups[0]
    rate, (first, second), epsilon = group["lr"], group["betas"], group["eps"]

    def step(name: str, weight: Tensor, gradient: Tensor) -> Tensor:
        state = optimizer.state[weights[name]]
        count = int(state["step"])
        scale = (state["exp_avg_sq"] / (1 - second**count)).sqrt() + epsilon
        mean = (first * state["exp_avg"] + (1 - first) * gradient) / (1 - first ** (count + 1))
        updated: Tensor = weight - rate * mean / scale
        return updated

    return step


def validation_batch(trainer: "Trainer", draws: Generator) -> Batch:
    """A rollout of the policy as it is on validation worlds, without augmentation."""
    fit, env = trainer.config.fit, trainer.plain_arena("validation")
    levels, _ = env.same_each(fit.games, draws)
    games = reset(
        env, levels, int(draws.initial_seed() % 2**31) + torch.arange(fit.games), trainer.policy.memory, draws
    )
    rollout, _ = collect_rollout(env, games, trainer.policy, fit.rollout, draws, device=fit.device)
    rewards = rollout.rewards / trainer.deviation()
    estimates = estimate(
        rewards, rollout.values, rollout.next_values, rollout.terminated, rollout.ended, fit.discount, fit.trace
    )
    batch = Batch.of(rollout, estimates, fit.device)
    return batch if trainer.policy.memory else batch.in_any_order()


LEARNED_PLANS: Registry[LearnedViews] = Registry("choice", {"learned": LearnedViews}, context=("plans",))
"""Choices of views that learn weights, by name."""
