"""One step of policy gradient as a differentiable function of the weights, for learners that learn to adapt."""

from collections.abc import Callable, Mapping

import torch
from jaxtyping import Float
from torch import Tensor, nn

from manyshot.learners.functional import call_with
from manyshot.rl.policy import Inputs, Output
from manyshot.rl.rollout import Batch

Weights = Mapping[str, Tensor]


def trajectory_surrogate(output: Output, batch: Batch) -> Tensor:
    """An estimate of J(theta) - J(theta_0) with all derivatives, from trajectories of theta_0.

        mean over games of sum_t (P_t - P_{t-1}) A_t,   P_t = prod_{s <= t} pi_theta(a_s | o_s) / pi_0(a_s | o_s)

    The products run over the steps of a trial. By the performance difference lemma (Kakade and Langford 2002), the
    expectation is exact for every theta if A are the advantages of theta_0; P_{t-1} takes away variance alone
    (Farquhar, Whiteson and Foerster 2019). At theta_0 the gradient is the policy gradient, and the second derivative
    has the terms between different steps that the surrogate of MAML's authors lacks.

    Args:
        output: What the policy with weights theta gives.
        batch: What theta_0 did.
    """
    log_ratio = output.policy.log_prob(batch.actions) - batch.log_probs
    so_far, sums = torch.zeros_like(log_ratio[0]), []
    for step, first in zip(log_ratio, batch.inputs.first, strict=True):
        before = so_far * ~first
        so_far = before + step
        sums.append(so_far.exp() - before.exp())
    return (torch.stack(sums) * batch.advantages).sum(0).mean() / len(log_ratio)


def step_surrogate(output: Output, batch: Batch) -> Tensor:
    """ProMP's low-variance surrogate (Rothfuss et al. 2019): mean over steps of pi_theta / pi_0 times A.

    Its gradient at theta_0 is the policy gradient; the second derivative leaves out the terms between different steps,
    which have a large variance.

    Args:
        output: What the policy with weights theta gives.
        batch: What theta_0 did.
    """
    ratio: Float[Tensor, "t n"] = (output.policy.log_prob(batch.actions) - batch.log_probs).exp()
    return (ratio * batch.advantages).mean()


def inner_step(
    policy: nn.Module,
    weights: Weights,
    batch: Batch,
    rate: float,
    surrogate: Callable[[Output, Batch], Tensor],
    exact: bool = True,
) -> Weights:
    """Weights after one step up a surrogate, differentiable in the weights before.

    Args:
        policy: The network, from `Inputs` to `Output`.
        weights: Its weights before.
        batch: Support: what these weights did.
        rate: Length of the step.
        surrogate: What is raised.
        exact: Whether the result is differentiable; otherwise the step is a constant.
    """
    with torch.enable_grad():
        gain = surrogate(call_with(policy, weights, (batch.inputs,)), batch)
        gradients = torch.autograd.grad(gain, list(weights.values()), create_graph=exact, allow_unused=True)
    return {
        name: weight if gradient is None else weight + rate * gradient
        for (name, weight), gradient in zip(weights.items(), gradients, strict=True)
    }


def with_weights(policy: nn.Module, weights: Weights) -> Callable[[Inputs], Output]:
    """The policy with other weights."""

    def call(inputs: Inputs) -> Output:
        output: Output = call_with(policy, weights, (inputs,))
        return output

    return call
