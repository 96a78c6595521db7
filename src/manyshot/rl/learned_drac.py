"""Which view helps, learned while an agent learns: meta-learned DrAC through one exact update."""

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
from manyshot.rl.advantages import generalized_advantages
from manyshot.rl.choose_view import ViewChoice, regularizer
from manyshot.rl.drac import DrAC
from manyshot.rl.policy import ActorCritic, Output
from manyshot.rl.ppo import PPO, Regularizer
from manyshot.rl.rl_plan import RLPlan
from manyshot.rl.rollout import Batch, Rollout
from manyshot.rl.rollout_env import collect_rollout, reset

if TYPE_CHECKING:
    from manyshot.rl.trainer import Trainer

Weights = dict[str, Tensor]
LEAST, PART = 8, 4
"""Judgments before a plan may be dropped, and minibatches of training worlds that one is made of."""


class LearnedViews(ViewChoice):
    """Learn which of k plans' views helps in validation worlds, `learned(crop, filter, flip)`.

    All plans are used at once, each for an equal share of the items, and after a rollout each is judged by how much
    more of it, in one update of the agent, would have helped in validation worlds:

        theta' = theta - rate P (grad PPO(theta; training worlds) + grad sum_k share_k DrAC_k(theta; training worlds))
        g_k    = d/dshare_k of PPO's loss at theta' on validation worlds, played by theta
        score  = (mean g - g) / |mean g - g|

    P is the preconditioner of the agent's Adam, whose moments are held. The gradient is exact: it passes through the
    update of the agent. A plan is dropped once its mean score is `threshold` standard errors below that of the best one
    (of the paired differences, from 8 judgments on); the last one left is used alone. Plans that are judged must all be
    in use: an agent obeys the view that it is trained with, another one disturbs it, and so the one in use looks best.

    The loss is that of policy and value. By the policy's part alone one looks a single update ahead at something that
    takes many: the view that regularizes most seems worst. The value's part asks which view lets returns be predicted
    in worlds that the agent was not trained in, which shows before it solves any. For the same reason "none" is no
    candidate unless it is one of the plans: it costs nothing in the next update.

    Meta-DrAC as it was meant: the authors' code (Raileanu et al. 2021) never calls `backward` on the outer loss,
    unrolls the optimizer of the augmentation instead of the agent's, and takes time steps of the training worlds for
    its outer loss.

    Args:
        plans: The plans.
        threshold: Standard errors by which a plan must be worse than the best one to be dropped.

    Raises:
        InputError: If the threshold is out of range.
    """

    def __init__(self, plans: Sequence[RLPlan], threshold: float = 3.0) -> None:
        super().__init__()
        check_range(0, 1e3, threshold=threshold)
        self.plans, self.threshold = list(plans), threshold
        count = len(plans)
        self.register_buffer("kept", torch.ones(count, dtype=torch.bool))
        self.register_buffer("judgments", torch.zeros((), dtype=torch.int64))
        self.register_buffer("sums", torch.zeros(count, dtype=torch.float64))
        self.register_buffer("products", torch.zeros(count, count, dtype=torch.float64))
        self.kept: Tensor
        self.judgments: Tensor
        self.sums: Tensor
        self.products: Tensor

    def begin(self, trainer: "Trainer", number: int) -> Regularizer | None:
        """Regularize by the views of the plans that are left, an equal share of the items by each."""
        left = self.kept.nonzero()[:, 0]
        if len(left) == 1:
            return regularizer(trainer, self.plans[int(left[0])], number)
        draws, drac = generator(trainer.config.fit.seed, "view", number), trainer.config.fit.drac

        def regularize(batch: Batch, output: Output) -> tuple[Tensor, dict[str, Tensor]]:
            which = left[torch.randint(len(left), (batch.log_probs.shape[1],), generator=draws)]
            divergence, difference = drac.terms(output, trainer.policy(self._changed(batch, which, draws).inputs))
            parts = {"view_kl": divergence.mean(), "view_value": difference.mean()}
            return drac.weight * (parts["view_kl"] + parts["view_value"]), parts

        return regularize

    def after(self, trainer: "Trainer", number: int, rollout: Rollout, advantages: Tensor) -> dict[str, float]:
        """Judge the plans that are left, and log the share of each in the update."""
        logged = {f"weight_{index}": float(kept / self.kept.sum()) for index, kept in enumerate(self.kept)}
        if self.kept.sum() > 1:
            self.judge(self._gradient(trainer, number, rollout, advantages))
        return logged

    def judge(self, gradient: Float[Tensor, "k"]) -> None:
        """Take the gradient of the validation worlds' loss by the shares, and drop plans that are worse than the best.

        Args:
            gradient: Its values for plans that were dropped do not count.
        """
        below = (gradient[self.kept].mean() - gradient.double()) * self.kept
        score = below / (below.norm() + 1e-12)
        self.judgments = self.judgments + 1
        self.sums = self.sums + score
        self.products = self.products + torch.outer(score, score)
        if self.judgments < LEAST:
            return
        best = int(self.sums.masked_fill(~self.kept, -torch.inf).argmax())
        ahead = (self.sums[best] - self.sums) / self.judgments
        own = self.products.diag()
        square = (own[best] + own - 2 * self.products[best]) / self.judgments
        error = ((square - ahead**2).clamp(min=0) / self.judgments).sqrt()
        self.kept = self.kept & ~((ahead > self.threshold * error) & (ahead > 0))

    def _gradient(self, trainer: "Trainer", number: int, rollout: Rollout, advantages: Tensor) -> Float[Tensor, "k"]:
        """The gradient of the validation worlds' loss by the shares; 0 for plans that were dropped."""
        fit = trainer.config.fit
        draws = generator(fit.seed, "learned views", number)
        training = Batch.of(rollout, advantages, fit.device)
        training = training if trainer.policy.memory else training.in_any_order()
        count = training.log_probs.shape[1]
        part = training.games(torch.randperm(count, generator=draws)[: max(1, PART * count // fit.minibatches)])
        left = self.kept.nonzero()[:, 0]
        which = torch.randint(len(left), (part.log_probs.shape[1],), generator=draws)
        changed = self._changed(part, left[which], draws)
        judged = validation_batch(trainer, draws)
        shares = torch.full((len(left),), 1 / len(left)).requires_grad_()
        step = held_step(trainer.optimizer, dict(trainer.policy.named_parameters()))
        loss = held_out_loss(trainer.policy, shares, part, changed, which, judged, fit.ppo, fit.drac, step)
        (gradient,) = torch.autograd.grad(loss, shares)
        return torch.zeros(len(self.plans)).index_copy(0, left, gradient)

    def _changed(self, batch: Batch, which: Int[Tensor, "n"], draws: Generator) -> Batch:
        """The batch with changed views: each game (each step `[1, n]`, without a memory) by a plan."""
        seen = batch.inputs.observations.clone()
        for index, plan in enumerate(self.plans):
            rows = (which == index).nonzero()[:, 0].to(seen.device)
            if len(rows) and plan.has("view"):
                changed = plan.view(seen[:, rows].flatten(0, 1), draws)
                seen[:, rows] = torch.unflatten(changed, 0, (len(seen), len(rows)))
        return replace(batch, inputs=replace(batch.inputs, observations=seen))


def weighted_drac(
    drac: DrAC, shares: Float[Tensor, "k"], which: Int[Tensor, "n"], plain: Output, changed: Output
) -> Tensor:
    """DrAC, each item weighted by the k-fold share of the plan that changed it; differentiable in the shares.

    Args:
        drac: Weight and terms.
        shares: Share of each of k plans.
        which: Plan of each game.
        plain: Output for views as they are.
        changed: Output for changed views.
    """
    divergence, difference = drac.terms(plain, changed)
    return drac.weight * (len(shares) * shares[which].to(divergence) * (divergence + difference)).mean()


def held_out_loss(
    policy: ActorCritic,
    shares: Float[Tensor, "k"],
    part: Batch,
    changed: Batch,
    which: Int[Tensor, "n"],
    judged: Batch,
    ppo: PPO,
    drac: DrAC,
    step: Callable[[str, Tensor, Tensor], Tensor],
) -> Tensor:
    """PPO's loss on validation worlds after one update on training worlds, differentiable in the shares.

    Args:
        policy: The agent at theta.
        shares: Shares of the plans.
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
    inner = ppo.loss(plain, part).total + weighted_drac(drac, shares, which, plain, views)
    gradients = torch.autograd.grad(inner, list(weights.values()), create_graph=True)
    updated = {
        name: step(name, weight, gradient) for (name, weight), gradient in zip(weights.items(), gradients, strict=True)
    }
    outer = replace(ppo, entropy_weight=0.0)
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
    estimates = generalized_advantages(
        rewards, rollout.values, rollout.next_values, rollout.terminated, rollout.ended, fit.discount, fit.trace
    )
    batch = Batch.of(rollout, estimates, fit.device)
    return batch if trainer.policy.memory else batch.in_any_order()


LEARNED_PLANS: Registry[LearnedViews] = Registry("choice", {"learned": LearnedViews}, context=("plans",))
"""Choices of views that learn weights, by name."""
