"""Fine-tuning of the last block, after a linear probe (Kumar, Raghunathan, Jones, Ma and Liang 2022)."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.func import functional_call, grad

from manyshot.base import InputError
from manyshot.learners.base_classes import BaseClassesLearner
from manyshot.learners.feature_learner import Head
from manyshot.learners.learner import Classifier, by_task, item_losses, weighted_mean
from manyshot.learners.ridge import with_one
from manyshot.learners.softmax import fit_softmax
from manyshot.nets import StagedEncoder, kept_modes
from manyshot.tasks import Examples

PROBE_STEPS = 200
Weights = dict[str, Tensor]


class FineTune(BaseClassesLearner):
    """Fit a linear head to each task's features, then tune it and the encoder's last stage together.

    W = argmin sum_i w_i H(y_i, softmax([f(x_i), 1] W)) + lambda/2 ||W||^2;   then `steps` times
    (W, theta) <- (W, theta) - alpha grad mean_i w_i H(y_i, softmax([f_theta(x_i), 1] W))

    The head comes first so that its random beginning does not spoil the features. All tasks are tuned at once, each
    with weights of its own for the last stage; the earlier stages are run once an item. Batch normalisation keeps its
    running averages throughout, so that no query sees another, unless `transductive` is asked for.

    Where it differs from the paper: it tunes one stage, not the whole network, which few shots overfit.

    Args:
        encoder: made of stages.
        classes: number of training classes; 0 where the encoder needs no training.
        steps: gradient steps.
        step_size: alpha.
        penalty: lambda.
        chunk: how many tasks are tuned together; bounds the memory.

    Raises:
        InputError: if the encoder is not made of stages, or a number is out of range.

    Example:
        >>> from manyshot.nets import Conv4
        >>> learner = FineTune(Conv4(channels=1, size=28), steps=2)
        >>> support = Examples(torch.rand(2, 5, 1, 28, 28), torch.eye(5).expand(2, 5, 5), torch.ones(2, 5),
        ...     torch.ones(2, 5, dtype=torch.bool))
        >>> learner.adapt(support)(torch.rand(2, 7, 1, 28, 28)).shape
        torch.Size([2, 7, 5])
    """

    encoder: StagedEncoder

    def __init__(
        self,
        encoder: nn.Module,
        classes: int = 0,
        steps: int = 20,
        step_size: float = 0.01,
        penalty: float = 1.0,
        chunk: int = 4,
    ) -> None:
        super().__init__(encoder, classes)
        if not isinstance(encoder, StagedEncoder):
            raise InputError("fine-tune needs an encoder made of stages, such as conv4, resnet12 or efficientnet-lite0")
        if steps < 1 or chunk < 1:
            raise InputError(f"steps={steps}, chunk={chunk}: give at least 1 of each")
        if not (step_size > 0 and penalty > 0):
            raise InputError(f"step_size={step_size}, penalty={penalty}: give positive numbers")
        self.steps, self.step_size, self.penalty, self.chunk = steps, step_size, penalty, chunk

    def body(self) -> nn.Module:
        """All stages but the last."""
        return self.encoder.rerouted(lambda encoder, items: encoder.run(items, 0, encoder.depth - 1))

    def above(self) -> nn.Module:
        """The last stage."""
        return self.encoder.rerouted(lambda encoder, hidden: encoder.run(hidden, encoder.depth - 1, encoder.depth))

    def adapt(self, support: Examples) -> Classifier:
        """Tune the last stage and a head for every task."""
        with _running_averages(self.encoder):
            classify = super().adapt(support)

        def judge(queries: Tensor, weight: Tensor | None = None) -> Tensor:
            with _running_averages(self.encoder):
                return classify(queries, weight)

        return judge

    def head(self, features: Float[Tensor, "t n *d"], support: Examples) -> Head:
        """Fit the heads and take the gradient steps; features are the hidden items before the last stage."""
        last = self.above()
        begun = by_task(last, features, support.weight)
        labels, weight, present = support.labels, support.weight, support.class_mask
        probe = fit_softmax(with_one(begun), labels, weight, present, self.penalty, PROBE_STEPS)
        shared = _weights_used(last, features.flatten(0, 1)[:1])

        def logits(weights: Weights, hidden: Tensor, there: Tensor) -> Tensor:
            own = {name: value for name, value in weights.items() if name != "head"}
            answer: Tensor = with_one(functional_call(last, own, (hidden,))) @ weights["head"]
            return answer.masked_fill(~there, -torch.inf)

        def tuned(head: Tensor, hidden: Tensor, labels: Tensor, weight: Tensor, there: Tensor) -> Weights:
            def loss(weights: Weights) -> Tensor:
                return weighted_mean(item_losses(logits(weights, hidden, there), labels), weight)

            weights = shared | {"head": head}
            for _ in range(self.steps):
                grads = grad(loss)(weights)
                weights = {name: value - self.step_size * grads[name] for name, value in weights.items()}
            return weights

        own = torch.vmap(tuned, chunk_size=self.chunk)(probe, features, labels, weight, present)

        def judge(queries: Tensor, _: Tensor | None) -> Tensor:
            answers: Tensor = torch.vmap(logits, chunk_size=self.chunk)(own, queries, present)
            return answers

        return judge


def _weights_used(stage: nn.Module, hidden: Tensor) -> Weights:
    """The parameters that the stage's answer depends on."""
    with torch.enable_grad():
        every = {name: value.detach().requires_grad_() for name, value in stage.named_parameters()}
        answer = functional_call(stage, every, (hidden.detach(),)).sum()
        grads = torch.autograd.grad(answer, list(every.values()), allow_unused=True)
    used = {name for name, slope in zip(every, grads, strict=True) if slope is not None}
    return {name: value for name, value in stage.named_parameters() if name in used}


@contextmanager
def _running_averages(module: nn.Module) -> Iterator[None]:
    """Evaluation mode for a while; a normalisation that was told to go by the batch still does, see `transductive`."""
    with kept_modes(module):
        for part in module.modules():
            part.training = part.training and not getattr(part, "track_running_stats", True)
        yield
