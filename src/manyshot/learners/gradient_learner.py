"""The inner loop that gradient-based learners share: a few gradient steps on the support of each task."""

from abc import abstractmethod
from collections.abc import Callable, Mapping
from copy import copy
from typing import Any, Literal

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.func import functional_call, grad

from manyshot.base import InputError
from manyshot.learners.chunked_grad import mean_with_chunked_grad
from manyshot.learners.learner import Classifier, Learner, criterion_named, weighted_mean
from manyshot.nets import DropBlock, TaskNorm, counting, using
from manyshot.tasks import Episode, Examples

Order = Literal[1, 2]
Parameters = dict[str, Tensor]
VECTORISED = 16
"""Tasks that are vectorised together."""


class GradientLearner(Learner):
    """Takes gradient steps on each task's support; a method says which weights move, how far, and what is minimised.

    Every method below sees one task. A processor takes the tasks one after the other, on as many cores as torch may
    use, by way of the encoder's hand-written derivatives; elsewhere, and for models without convolutions, where the
    many small steps cost more than the arithmetic, `torch.vmap` takes them together. `loss` finds its gradient as it
    goes, so its memory is that of one task a core, or of 16 vectorised ones.

    Args:
        model: items `[n, ...]` to logits `[n, ways]`, or to predictions of `ways` numbers. Its normalisation must not
            mix tasks: `norm="group"` or `norm="task"`.
        ways: number of classes that the model tells apart; tasks may have fewer.
        steps: number of inner gradient steps.
        order: 2 differentiates through the inner gradients, 1 takes them as constants.
        criterion: "cross-entropy", or "squared-error" for regression.
        transductive: for a model with task normalisation: whether a query is normalised by the statistics of the query
            set, which thereby leaks from item to item, instead of those of the support.

    Raises:
        InputError: if an argument is out of range, the model holds a batch normalisation, or a task has more classes
            than `ways`.
    """

    def __init__(
        self,
        model: nn.Module,
        ways: int,
        steps: int = 1,
        order: Order = 2,
        criterion: str = "cross-entropy",
        transductive: bool = False,
    ) -> None:
        super().__init__()
        if steps < 1:
            raise InputError(f"steps={steps}: give at least 1")
        if order not in (1, 2):
            raise InputError(f"order={order}: 1 (first-order) or 2")
        if any(isinstance(module, nn.modules.batchnorm._BatchNorm) for module in model.modules()):
            raise InputError(
                "a gradient-based learner cannot use batch normalisation, which mixes tasks; build the encoder with "
                "norm='group' or norm='task'"
            )
        self.criterion = criterion_named(criterion)
        self.classifies = criterion == "cross-entropy"
        self.model, self.ways, self.steps, self.transductive = model, ways, steps, transductive
        self.order: Order = order

    @abstractmethod
    def moved(self, parameters: Parameters, grads: Parameters, step: int) -> Parameters:
        """The weights of a task after a step.

        Args:
            parameters: before it, by name.
            grads: the derivative of the support's loss by each.
            step: its number, from 0.
        """

    def first(self) -> Parameters:
        """The weights that a task begins with and adapts; all of the model's, as a rule."""
        return dict(self.model.named_parameters())

    def second_order(self) -> bool:
        """Whether inner gradients are differentiated through."""
        return self.order == 2

    def predictor(self, items: Float[Tensor, "n ..."]) -> Callable[[Parameters], Float[Tensor, "n ways"]]:
        """Predictions for these items as a function of a task's weights; what does not depend on them is done once."""
        return lambda parameters: functional_call(self.model, parameters, (items,))

    def path(
        self,
        items: Float[Tensor, "n ..."],
        labels: Float[Tensor, "n ways"],
        weight: Float[Tensor, " n"],
        absent: Bool[Tensor, " ways"],
    ) -> list[Parameters]:
        """The weights of a task after each of its steps.

        Args:
            items: the support.
            labels: rows of class shares, or targets.
            weight: how much each item counts.
            absent: classes that the task lacks.
        """
        parameters, path = self.first(), []
        grads = self.grads(items, labels, weight, absent)
        for step in range(self.steps):
            parameters = self.moved(parameters, grads(parameters), step)
            path.append(parameters)
        return path

    def grads(
        self,
        items: Float[Tensor, "n ..."],
        labels: Float[Tensor, "n ways"],
        weight: Float[Tensor, " n"],
        absent: Bool[Tensor, " ways"],
    ) -> Callable[[Parameters], Parameters]:
        """The derivative of the loss on these items by a task's weights, as a function of the weights."""
        loss = self.support_loss(items, labels, weight, absent)
        return lambda parameters: _slopes(loss, parameters, self.second_order(), self.vectorised)

    def support_loss(
        self,
        items: Float[Tensor, "n ..."],
        labels: Float[Tensor, "n ways"],
        weight: Float[Tensor, " n"],
        absent: Bool[Tensor, " ways"],
    ) -> Callable[[Parameters], Float[Tensor, ""]]:
        """The mean loss on these items as a function of a task's weights; task normalisation counts them by weight."""
        with counting(weight):
            predict = self.predictor(items)

        def loss(parameters: Parameters) -> Tensor:
            with counting(weight):
                predictions = self._masked(predict(parameters), absent)
            return weighted_mean(self.criterion(predictions, labels), weight)

        return loss

    def adapt(self, support: Examples) -> Classifier:
        """Take the inner steps of every task."""
        sides = self._sides(support)
        adapted = self._each(lambda *side: self.path(*side)[-1], *sides)

        def classify(queries: Tensor, weight: Tensor | None = None) -> Tensor:
            weight = queries.new_ones(queries.shape[:2]) if weight is None else weight
            logits = self._stacked(self.judge, adapted, queries, weight, sides[0], sides[2], sides[3])
            return logits[..., : support.labels.shape[-1]]

        return classify

    def judge(
        self,
        parameters: Parameters,
        queries: Float[Tensor, "m ..."],
        weight: Float[Tensor, " m"],
        support: Float[Tensor, "n ..."],
        support_weight: Float[Tensor, " n"],
        absent: Bool[Tensor, " ways"],
    ) -> Float[Tensor, "m ways"]:
        """Predictions for the queries of a task; with task normalisation the support's statistics are found first."""
        if self.transductive or not any(isinstance(module, TaskNorm) for module in self.model.modules()):
            with counting(weight):
                return self._masked(functional_call(self.model, parameters, (queries,)), absent)
        with counting(support_weight, keep=True) as kept:
            functional_call(self.model, parameters, (support,))
        with using(kept):
            return self._masked(functional_call(self.model, parameters, (queries,)), absent)

    def task_losses(
        self,
        support: Float[Tensor, "n ..."],
        labels: Float[Tensor, "n ways"],
        weight: Float[Tensor, " n"],
        absent: Bool[Tensor, " ways"],
        queries: Float[Tensor, "m ..."],
        query_labels: Float[Tensor, "m ways"],
        query_weight: Float[Tensor, " m"],
    ) -> Float[Tensor, " m"]:
        """The loss of each query item of a task after adaptation."""
        adapted = self.path(support, labels, weight, absent)[-1]
        return self.criterion(self.judge(adapted, queries, query_weight, support, weight, absent), query_labels)

    def query_losses(self, episode: Episode) -> Float[Tensor, "t m"]:
        """The loss of each query item after adaptation."""
        return self._stacked(self.task_losses, *self._sides(episode.support), *self._query(episode.query))

    def loss(self, episode: Episode) -> Float[Tensor, ""]:
        """The mean of `query_losses`, with its gradient found a few tasks at a time."""
        return self.by_parts(
            lambda own, part: weighted_mean(GradientLearner.query_losses(own, part), part.query.weight), episode
        )

    def by_parts(self, losses: Callable[[Any, Episode], Float[Tensor, " t"]], episode: Episode) -> Float[Tensor, ""]:
        """The mean of the losses of tasks, see `mean_with_chunked_grad`.

        Args:
            losses: of a learner and some of the tasks; the learner is this one, with modules of its own.
            episode: T tasks.
        """
        draws = self.training and any(
            isinstance(module, DropBlock | nn.modules.dropout._DropoutNd) for module in self.modules()
        )
        threads = 1 if self.vectorised or draws else torch.get_num_threads()
        size = VECTORISED if self.vectorised else 1
        # To call a model with other weights is to hang them into its modules for a while, which no two threads may do.
        return mean_with_chunked_grad(
            lambda part: losses(_twin(self), part), list(self.parameters()), episode, size, threads
        )

    @property
    def vectorised(self) -> bool:
        """Whether tasks are taken together by `torch.vmap`."""
        convolves = any(isinstance(module, nn.modules.conv._ConvNd) for module in self.model.modules())
        return not convolves or next(self.model.parameters()).device.type != "cpu"

    def _each(self, function: Callable[..., Any], *arguments: Any) -> Any:  # noqa: ANN401 - tensors, or dicts of them
        """Apply a function of one task to all; a list of results, or where they are vectorised the results stacked."""
        if self.vectorised:
            return torch.vmap(function, randomness="different", chunk_size=VECTORISED)(*arguments)
        return [function(*one) for one in zip(*arguments, strict=True)]

    def _stacked(self, function: Callable[..., Tensor], *arguments: Any) -> Tensor:  # noqa: ANN401 - the same
        found = self._each(function, *arguments)
        every: Tensor = torch.stack(found) if isinstance(found, list) else found
        return every

    def _sides(self, support: Examples) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Items, labels, weights and absent classes of the support, for a model of `ways` classes."""
        return support.items, self._padded(support.labels), support.weight, ~self._padded(support.class_mask)

    def _query(self, query: Examples) -> tuple[Tensor, Tensor, Tensor]:
        """Items, labels and weights of the query, for the same model."""
        return query.items, self._padded(query.labels), query.weight

    def _padded(self, ways_last: Tensor) -> Tensor:
        missing = self.ways - ways_last.shape[-1]
        if missing < 0:
            raise InputError(
                f"tasks of {ways_last.shape[-1]} classes given to a model of {self.ways}; train it with more ways"
            )
        if missing and not self.classifies:
            raise InputError(f"tasks of {ways_last.shape[-1]} numbers given to a model of {self.ways}; they must agree")
        return nn.functional.pad(ways_last, (0, missing))

    def _masked(self, predictions: Tensor, absent: Tensor) -> Tensor:
        return predictions.masked_fill(absent, -torch.inf) if self.classifies else predictions


def _twin(module: Any) -> Any:  # noqa: ANN401 - a module, and the same kind of one
    """A module with the same weights, in modules of its own."""
    other = copy(module)
    other._parameters, other._buffers = dict(module._parameters), dict(module._buffers)
    other._modules = {name: None if part is None else _twin(part) for name, part in module._modules.items()}
    return other


def _slopes(
    loss: Callable[[Parameters], Tensor], parameters: Mapping[str, Tensor], second: bool, vectorised: bool
) -> Parameters:
    """The derivative of a loss by each parameter; a function of them again if a second derivative is wanted."""
    if vectorised:
        grads: Parameters = grad(loss)(dict(parameters))
        return grads if second else {name: slope.detach() for name, slope in grads.items()}
    further = second and torch.is_grad_enabled()
    with torch.enable_grad():
        here = dict(parameters)
        if not further:
            here = {name: value.detach().requires_grad_() for name, value in parameters.items()}
        found = torch.autograd.grad(
            loss(here), list(here.values()), create_graph=further, allow_unused=True, materialize_grads=True
        )
    return dict(zip(here, found, strict=True))
