"""Fine-tuning of the last block, after a linear probe (Kumar, Raghunathan, Jones, Ma and Liang 2022)."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.func import functional_call, grad

from manyshot.base import InputError
from manyshot.learners.feature_learner import Head
from manyshot.learners.fit_softmax_regression import fit_softmax_regression
from manyshot.learners.learner import Classifier, by_task, item_losses, weighted_mean
from manyshot.learners.ridge import with_one
from manyshot.learners.train_on_base_classes import BaseClassesLearner
from manyshot.nets import StagedEncoder, kept_modes
from manyshot.tasks import Examples

PROBE_STEPS = 200
Weights = dict[str, Tensor]


class FineTune(BaseClassesLearner):
    """Fit a linear head to each task's features, then tune it and the encoder's last stage together.

    W = argmin sum_i w_i H(y_i, softmax([f(x_i), 1] W)) + lambda/2 ||W||^2;   then `steps` times
    (W, theta) <- (W, theta) - alpha grad mean_i w_i H(y_i, softmax([f_theta(x_i), 1] W))

    The head is fitted first so that a random initial head does not distort the features. Each task has its own weights
    of the last stage; the earlier stages run once per example. Batch normalization uses its running averages, so that
    queries do not depend on each other, except under `transductive`.

    Where it differs from the paper: only the last stage is tuned, not the whole network, which would overfit few shots.

    Args:
        encoder: Encoder made of stages.
        classes: Number of training classes; 0 if the encoder is not trained.
        steps: Number of gradient steps.
        step_size: Learning rate alpha.
        penalty: Penalty lambda of the linear probe.
        chunk: Number of tasks that are tuned together, which bounds the memory.

    Raises:
        InputError: If the encoder is not made of stages, or an option is out of range.

    Example:
        >>> from manyshot.nets import Conv4
        >>> learner = FineTune(Conv4(channels=1, size=28), steps=2)
        >>> support = Examples.of(torch.rand(2, 5, 1, 28, 28), torch.arange(5))
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
        return self.encoder.with_forward(lambda encoder, items: encoder.run(items, 0, encoder.depth - 1))

    def above(self) -> nn.Module:
        """The last stage."""
        return self.encoder.with_forward(lambda encoder, hidden: encoder.run(hidden, encoder.depth - 1, encoder.depth))

    def adapt(self, support: Examples) -> Classifier:
        """Tune the last stage and a head for each task."""
        with _running_averages(self.encoder):
            classify = super().adapt(support)

        def classify_in_evaluation(queries: Tensor, weight: Tensor | None = None) -> Tensor:
            with _running_averages(self.encoder):
                return classify(queries, weight)

        return classify_in_evaluation

    def head(self, features: Float[Tensor, "t n *d"], support: Examples) -> Head:
        """Fit the heads and take the gradient steps.

        Args:
            features: Hidden layer `[T, n, ...]` of the support, before the last stage.
            support: Support of T tasks.
        """
        last = self.above()
        encoded = by_task(last, features, support.weight)
        labels, weight, class_mask = support.labels, support.weight, support.class_mask
        probe = fit_softmax_regression(with_one(encoded), labels, weight, class_mask, self.penalty, PROBE_STEPS)
        shared = _weights_used(last, features.flatten(0, 1)[:1])

        def logits(weights: Weights, hidden: Tensor, class_mask: Tensor) -> Tensor:
            stage_weights = {name: value for name, value in weights.items() if name != "head"}
            outputs: Tensor = with_one(functional_call(last, stage_weights, (hidden,))) @ weights["head"]
            return outputs.masked_fill(~class_mask, -torch.inf)

        def tuned(head: Tensor, hidden: Tensor, labels: Tensor, weight: Tensor, class_mask: Tensor) -> Weights:
            def loss(weights: Weights) -> Tensor:
                return weighted_mean(item_losses(logits(weights, hidden, class_mask), labels), weight)

            weights = shared | {"head": head}
            for _ in range(self.steps):
                grads = grad(loss)(weights)
                weights = {name: value - self.step_size * grads[name] for name, value in weights.items()}
            return weights

        adapted = torch.vmap(tuned, chunk_size=self.chunk)(probe, features, labels, weight, class_mask)

        def classify(queries: Tensor, _: Tensor | None) -> Tensor:
            result: Tensor = torch.vmap(logits, chunk_size=self.chunk)(adapted, queries, class_mask)
            return result

        return classify


def _weights_used(stage: nn.Module, hidden: Tensor) -> Weights:
    """The parameters that the output of the stage depends on."""
    with torch.enable_grad():
        parameters = {name: value.detach().requires_grad_() for name, value in stage.named_parameters()}
        output = functional_call(stage, parameters, (hidden.detach(),)).sum()
        grads = torch.autograd.grad(output, list(parameters.values()), allow_unused=True)
    used = {name for name, grad in zip(parameters, grads, strict=True) if grad is not None}
    return {name: value for name, value in stage.named_parameters() if name in used}


@contextmanager
def _running_averages(module: nn.Module) -> Iterator[None]:
    """Evaluation mode within the block, except for normalization by the current batch under `transductive`."""
    with kept_modes(module):
        for part in module.modules():
            part.training = part.training and not getattr(part, "track_running_stats", True)
        yield
