"""The inner loop that gradient-based learners share: a few gradient steps on the support of each task."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import copy
from typing import Any, ClassVar, Literal

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.func import grad

from manyshot.base import InputError
from manyshot.learners.check_model import check_model, check_normalization
from manyshot.learners.chunked_grad import mean_with_chunked_grad
from manyshot.learners.cloned_model import ClonedModel
from manyshot.learners.functional import call_with
from manyshot.learners.learner import Classifier, Learner, MakeEncoder, criterion_named, weighted_mean
from manyshot.learners.task_tensors import Side, Task, ordinary, task_count, task_items, task_slice
from manyshot.learners.vectorize import CHUNK, TaskVectorizer, may_use_threads, twin
from manyshot.nets import TaskNorm, counting, using
from manyshot.tasks import Episode, Examples

Order = Literal[1, 2]
Parameters = dict[str, Tensor]

NOTHING_TO_SWITCH = (
    "transductive: the learner normalizes each example alone, so there is nothing to switch; train one with batch "
    "normalization (prototypes, ridge, ...) or norm=support (maml, ...)"
)
"""The error message about a learner that cannot become transductive."""


class GradientLearner(Learner):
    """Takes gradient steps on each task's support; a method says which weights adapt, how far, and what is minimized.

    Parameters that are frozen (`requires_grad=False`) stay as they are. `loss` finds its gradient as it goes, so its
    memory is that of one task a core, or of 16 vectorized ones.

    Args:
        model: Any module that maps items `[n, ...]` to logits `[n, ways]`, or to predictions of `ways` numbers. Batch
            normalization must be in evaluation mode, where it uses its running averages and then stays.
        ways: Number of classes that the model tells apart; tasks may have fewer.
        step_size: The inner learning rate.
        steps: Number of inner gradient steps.
        order: 2 differentiates through the inner gradients, 1 takes them as constants.
        criterion: "cross-entropy", or "squared-error" for regression.
        vectorized: True takes 16 tasks together by `torch.vmap`, False loops over tasks; None chooses, see
            `TaskVectorizer`. Results are the same but for rounding.

    Raises:
        InputError: If an argument is out of range, the model cannot adapt by gradient steps, its outputs are not
            `ways`, a task has more classes than that, or tasks cannot be vectorized that have to be.
    """

    takes_gradient_steps: ClassVar[bool] = True

    def __init__(
        self,
        model: nn.Module,
        ways: int,
        step_size: float = 0.4,
        steps: int = 1,
        order: Order = 2,
        criterion: str = "cross-entropy",
        vectorized: bool | None = None,
    ) -> None:
        super().__init__()
        if steps < 1:
            raise InputError(f"steps={steps}: give at least 1")
        if order not in (1, 2):
            raise InputError(f"order={order}: 1 (first-order) or 2")
        if not step_size > 0:
            raise InputError(f"step_size={step_size}: give a positive number")
        check_model(model)
        self.criterion = criterion_named(criterion)
        self.classifies = criterion == "cross-entropy"
        self.model, self.ways, self.step_size, self.steps = model, ways, step_size, steps
        self.order: Order = order
        self.transductive = any(
            isinstance(module, TaskNorm) and module.statistics == "query" for module in model.modules()
        )
        self.vectorizer = TaskVectorizer(vectorized)

    @classmethod
    def build(  # type: ignore[override]  # LEARNERS supplies what each takes
        cls,
        encoder: MakeEncoder,
        ways: int,
        norm: Literal["group", "support", "query"] = "group",
        **options: Any,  # noqa: ANN401 - by the constructor
    ) -> Learner:
        """Build the learner on an encoder with a linear layer of `ways` outputs, as `LEARNERS` does.

        Args:
            encoder: Makes an encoder with this normalization; its attribute `features` is the length of a feature.
            ways: Number of outputs.
            norm: "group" (each item alone), "support" (statistics of the task's support) or "query" (those of the query
                set for queries, which makes the learner transductive).
            **options: Options of the constructor.
        """
        return cls(cls.build_model(encoder(norm), ways), ways, **options)

    @staticmethod
    def build_model(encoder: Any, ways: int) -> nn.Module:  # noqa: ANN401 - a module with `features`
        """The model that adapts: the encoder and a linear layer."""
        return nn.Sequential(encoder, nn.Linear(encoder.features, ways))

    @property
    def vectorized(self) -> bool:
        """Whether tasks are taken together by `torch.vmap`, as far as is known by now."""
        return self.vectorizer.together(self.model)

    def train(self, mode: bool = True) -> "GradientLearner":
        """Set the training mode; batch normalization stays with its running averages."""
        super().train(mode)
        for module in self.model.modules():
            if isinstance(module, nn.modules.batchnorm._BatchNorm):
                module.eval()
        return self

    def adapts(self, name: str) -> bool:
        """Whether the inner loop may change the parameter of this name: any, unless a method keeps some for itself."""
        return True

    def initial_params(self) -> Parameters:
        """The parameters that a task begins with and adapts.

        Raises:
            InputError: If all are frozen.
        """
        parameters: Parameters = {
            name: value for name, value in self.model.named_parameters() if value.requires_grad and self.adapts(name)
        }
        if not parameters:
            raise InputError("the model has no parameter to adapt: all are frozen (requires_grad=False)")
        return parameters

    def inner_update(self, parameters: Parameters, grads: Parameters, step: int) -> Parameters:
        """The parameters of a task after a step; of gradient descent, unless a method says otherwise.

        Args:
            parameters: Those before it, by name.
            grads: The gradient of the support's loss by each.
            step: The number of the step, from 0.
        """
        return {name: value - self.step_size * grads[name] for name, value in parameters.items()}

    def second_order(self) -> bool:
        """Whether inner gradients are differentiated through."""
        return self.order == 2

    def made_transductive(self) -> Learner | None:
        """This learner with queries normalized by the statistics of the query set.

        Raises:
            InputError: If its model has no task normalization.
        """
        if not any(isinstance(module, TaskNorm) for module in self.model.modules()):
            raise InputError(NOTHING_TO_SWITCH)
        other = copy(self)
        other.transductive = True
        return other

    def clone(self) -> ClonedModel:
        """The model with weights of its own that differentiate to the present ones, for a training loop of your own.

        Example:
            >>> from manyshot.learners import MAML
            >>> from torch.nn.functional import cross_entropy
            >>> maml, items, classes = MAML(nn.Linear(4, 2), ways=2), torch.randn(6, 4), torch.arange(6) % 2
            >>> clone = maml.clone()
            >>> clone.adapt(cross_entropy(clone(items[:2]), classes[:2]))
            >>> cross_entropy(clone(items[2:]), classes[2:]).backward()
            >>> maml.model.weight.grad.shape
            torch.Size([2, 4])
        """
        return ClonedModel(self)

    def predictor(self, items: Float[Tensor, "n ..."]) -> Callable[[Parameters], Float[Tensor, "n ways"]]:
        """Predictions for these items as a function of a task's weights; what does not depend on them is done once."""
        return lambda parameters: call_with(self.model, parameters, (items,))

    def inner_trajectory(self, support: Side) -> list[Parameters]:
        """The parameters of a task after each of its steps."""
        parameters, trajectory = self.initial_params(), []
        inner_grads = self.inner_grads(support)
        for step in range(self.steps):
            parameters = self.inner_update(parameters, inner_grads(parameters), step)
            trajectory.append(parameters)
        return trajectory

    def inner_grads(self, side: Side) -> Callable[[Parameters], Parameters]:
        """The gradient of the loss on these examples by a task's weights, as a function of the weights."""
        loss = self.support_loss(side)
        return lambda parameters: _grads(loss, parameters, self.second_order(), self.vectorized)

    def support_loss(self, side: Side) -> Callable[[Parameters], Float[Tensor, ""]]:
        """The mean loss on these examples as a function of a task's weights, which task normalization counts too."""
        with counting(side.weight):
            predict = self.predictor(side.items)

        def loss(parameters: Parameters) -> Tensor:
            with counting(side.weight):
                predictions = self._masked(predict(parameters), side.absent)
            return weighted_mean(self.criterion(predictions, side.labels), side.weight)

        return loss

    def adapt(self, support: Examples) -> Classifier:
        """Take the inner steps of every task."""
        with self._ordinary_tensors():
            sides = self.side_of(support)
            adapted = self._run(lambda: self._each(lambda side: self.inner_trajectory(side)[-1], sides))

        def classify(queries: Tensor, weight: Tensor | None = None) -> Tensor:
            with self._ordinary_tensors():
                items = task_items(queries)
                counts = items.new_ones(items.shape[:2]) if weight is None else ordinary(weight)
                logits: Tensor = self._run(lambda: self._stacked(self.predict, adapted, items, counts, sides))
            return logits[..., : support.labels.shape[-1]]

        return classify

    def predict(
        self, parameters: Parameters, queries: Float[Tensor, "m ..."], weight: Float[Tensor, " m"], support: Side
    ) -> Float[Tensor, "m ways"]:
        """Predictions for the queries of a task, normalized by the support's statistics or, if asked for, their own.

        Args:
            parameters: The adapted ones.
            queries: Items.
            weight: How much each query counts.
            support: The support of the same task.
        """
        if self.transductive or not any(isinstance(module, TaskNorm) for module in self.model.modules()):
            with counting(weight):
                return self._masked(call_with(self.model, parameters, (queries,)), support.absent)
        with counting(support.weight, keep=True) as kept:
            call_with(self.model, parameters, (support.items,))
        with using(kept):
            return self._masked(call_with(self.model, parameters, (queries,)), support.absent)

    def task_losses(self, task: Task) -> Float[Tensor, " m"]:
        """The loss of each query of a task after adaptation."""
        return self.query_losses_with(self.inner_trajectory(task.support)[-1], task)

    def query_losses(self, episode: Episode) -> Float[Tensor, "t m"]:
        """The loss of each query after adaptation."""
        with self._ordinary_tensors():
            losses: Tensor = self._run(lambda: self._losses_of_tasks(episode))
            return losses

    def loss(self, episode: Episode) -> Float[Tensor, ""]:
        """The mean of `query_losses`, with its gradient found a few tasks at a time."""
        return self.by_parts(lambda own, part: weighted_mean(own._losses_of_tasks(part), part.query.weight), episode)

    def by_parts(self, losses: Callable[[Any, Episode], Float[Tensor, " t"]], episode: Episode) -> Float[Tensor, ""]:
        """The mean of the losses of tasks, see `mean_with_chunked_grad`.

        Args:
            losses: A function of a learner and some of the tasks; the learner is this one, or a twin of it for each
                thread.
            episode: T tasks.
        """

        def compute() -> Tensor:
            together = self.vectorized
            threads = torch.get_num_threads() if not together and may_use_threads(self) else 1
            # To call a model with other weights is to hang them into its modules for a while, which no two threads may.
            mine: Callable[[], Any] = (lambda: twin(self)) if threads > 1 else (lambda: self)
            size = CHUNK if together else 1
            return mean_with_chunked_grad(
                lambda part: losses(mine(), part), list(self.parameters()), episode, size, threads
            )

        with self._ordinary_tensors():
            mean: Tensor = self._run(compute)
            return mean

    def _losses_of_tasks(self, episode: Episode) -> Tensor:
        return self._stacked(self.task_losses, Task(self.side_of(episode.support), self.side_of(episode.query)))

    def query_losses_with(self, parameters: Parameters, task: Task) -> Float[Tensor, " m"]:
        """The loss of each query of a task by given parameters, normalized as in `predict`."""
        predictions = self.predict(parameters, task.query.items, task.query.weight, task.support)
        return self.criterion(predictions, task.query.labels)

    @contextmanager
    def _ordinary_tensors(self) -> Iterator[None]:
        """Outside of `torch.inference_mode`, in which no inner gradient can be found."""
        check_normalization(self.model)
        if not torch.is_inference_mode_enabled():
            yield
            return
        with torch.inference_mode(False), torch.no_grad():
            yield

    def _run(self, compute: Callable[[], Any]) -> Any:  # noqa: ANN401 - whatever is computed
        return self.vectorizer.run(self.model, compute)

    def _each(self, function: Callable[..., Any], *arguments: Any) -> Any:  # noqa: ANN401 - tensors, or dicts of them
        """Apply a function of one task to all; a list of results, or where they are vectorized the results stacked."""
        if self.vectorized and not any(isinstance(argument, list) for argument in arguments):
            return torch.vmap(function, randomness="different", chunk_size=CHUNK)(*arguments)
        tasks = range(task_count(arguments[0]))
        return [function(*(task_slice(argument, task) for argument in arguments)) for task in tasks]

    def _stacked(self, function: Callable[..., Tensor], *arguments: Any) -> Tensor:  # noqa: ANN401 - the same
        results = self._each(function, *arguments)
        return torch.stack(results) if isinstance(results, list) else results

    def side_of(self, examples: Examples) -> Side:
        """The tensors of T tasks, for a model of `ways` classes."""
        labels, present, weight = map(ordinary, (examples.labels, examples.class_mask, examples.weight))
        return Side(task_items(examples.items), self._padded(labels), weight, ~self._padded(present))

    def _padded(self, ways_last: Tensor) -> Tensor:
        missing = self.ways - ways_last.shape[-1]
        if missing < 0:
            raise InputError(
                f"tasks of {ways_last.shape[-1]} classes given to a model of {self.ways}; train it with more ways"
            )
        if missing and not self.classifies:
            raise InputError(f"tasks of {ways_last.shape[-1]} numbers given to a model of {self.ways}; they must agree")
        return nn.functional.pad(ways_last, (0, missing))

    def _masked(self, predictions: Float[Tensor, "n ..."], absent: Bool[Tensor, " ways"]) -> Tensor:
        if predictions.ndim != 2 or predictions.shape[1] != self.ways:
            raise InputError(
                f"the model gives {list(predictions.shape[1:])} numbers for each item, and ways={self.ways} asks for "
                f"[{self.ways}]; give its last layer {self.ways} outputs"
            )
        return predictions.masked_fill(absent, -torch.inf) if self.classifies else predictions


def _grads(loss: Callable[[Parameters], Tensor], parameters: Parameters, second: bool, vectorized: bool) -> Parameters:
    """The gradient of a loss by each parameter; a function of them again if a second derivative is wanted."""
    if vectorized:
        grads: Parameters = grad(loss)(dict(parameters))
        return grads if second else {name: value.detach() for name, value in grads.items()}
    further = second and torch.is_grad_enabled()
    with torch.enable_grad():
        here = dict(parameters)
        if not further:
            here = {name: value.detach().requires_grad_() for name, value in parameters.items()}
        results = torch.autograd.grad(
            loss(here), list(here.values()), create_graph=further, allow_unused=True, materialize_grads=True
        )
    return dict(zip(here, results, strict=True))
