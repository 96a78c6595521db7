"""Model-agnostic meta-learning (Finn, Abbeel and Levine 2017)."""

from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.func import functional_call, grad

from manyshot.base import InputError
from manyshot.learners.learner import Classifier, Learner, item_losses, weighted_mean
from manyshot.tasks import Examples

Order = Literal[1, 2]
Parameters = dict[str, Tensor]


class MAML(Learner):
    """Learn weights from which a few gradient steps on a task's support make a good classifier.

    theta_t = theta - alpha grad L(theta; support_t), `steps` times;   min over theta of sum_t L(theta_t; query_t)

    All T tasks adapt at once: the loop is `torch.vmap`ped over tasks, whose weights become grouped convolutions.

    Args:
        model: items `[n, ...]` to logits `[n, ways]`. Its normalisation must not depend on the batch: use
            `norm="group"`.
        ways: number of classes that the model tells apart; tasks may have fewer.
        step_size: alpha.
        steps: number of inner gradient steps.
        order: 2 differentiates through the inner gradients, 1 takes them as constants (first-order MAML).
        chunk: how many tasks are vectorised together; bounds the memory of the inner steps.

    Raises:
        InputError: if an argument is out of range, the model holds a batch normalisation, or a task has more classes
            than `ways`.

    Example:
        >>> from manyshot.nets import Conv4
        >>> encoder = Conv4(channels=1, size=28, widths=(8, 8, 8, 8), norm="group")
        >>> learner = MAML(nn.Sequential(encoder, nn.Linear(encoder.features, 5)), ways=5)
        >>> support = Examples(torch.rand(2, 5, 1, 28, 28), torch.eye(5).expand(2, 5, 5), torch.ones(2, 5),
        ...     torch.ones(2, 5, dtype=torch.bool))
        >>> learner.adapt(support)(torch.rand(2, 7, 1, 28, 28)).shape
        torch.Size([2, 7, 5])
    """

    def __init__(
        self,
        model: nn.Module,
        ways: int,
        step_size: float = 0.4,
        steps: int = 1,
        order: Order = 2,
        chunk: int = 4,
    ) -> None:
        super().__init__()
        if not step_size > 0:
            raise InputError(f"step_size={step_size}: give a positive number")
        if steps < 1 or chunk < 1:
            raise InputError(f"steps={steps}, chunk={chunk}: give at least 1 of each")
        if order not in (1, 2):
            raise InputError(f"order={order}: 1 (first-order) or 2")
        if any(isinstance(module, nn.modules.batchnorm._BatchNorm) for module in model.modules()):
            raise InputError(
                "maml cannot use batch normalisation, which mixes tasks; build the encoder with norm='group'"
            )
        self.model = model
        self.ways, self.step_size, self.steps, self.order, self.chunk = ways, step_size, steps, order, chunk

    def adapt(self, support: Examples) -> Classifier:
        """Take the inner steps of every task."""
        labels = self._padded(support.labels)
        absent = ~self._padded(support.present)
        adapted = torch.vmap(self._adapt_one, chunk_size=self.chunk)(support.items, labels, support.weight, absent)

        def classify(queries: Tensor, weight: Tensor | None = None) -> Tensor:  # no item sees another: no weight needed
            logits: Tensor = torch.vmap(self._logits, chunk_size=self.chunk)(adapted, queries, absent)
            return logits[..., : support.labels.shape[-1]]

        return classify

    def _padded(self, ways_last: Tensor) -> Tensor:
        missing = self.ways - ways_last.shape[-1]
        if missing < 0:
            raise InputError(
                f"tasks of {ways_last.shape[-1]} classes given to a model of {self.ways}; train it with more ways"
            )
        return nn.functional.pad(ways_last, (0, missing))

    def _adapt_one(
        self,
        items: Float[Tensor, "n ..."],
        labels: Float[Tensor, "n ways"],
        weight: Float[Tensor, " n"],
        absent: Tensor,
    ) -> Parameters:
        def loss(parameters: Parameters) -> Tensor:
            return weighted_mean(item_losses(self._logits(parameters, items, absent), labels), weight)

        parameters: Parameters = dict(self.model.named_parameters())
        for _ in range(self.steps):
            gradients = grad(loss)(parameters)
            if self.order == 1:
                gradients = {name: gradient.detach() for name, gradient in gradients.items()}
            parameters = {name: value - self.step_size * gradients[name] for name, value in parameters.items()}
        return parameters

    def _logits(self, parameters: Parameters, items: Tensor, absent: Tensor) -> Tensor:
        logits: Tensor = functional_call(self.model, parameters, (items,))
        return logits.masked_fill(absent, -torch.inf)
