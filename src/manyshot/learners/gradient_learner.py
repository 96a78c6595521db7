"""Learners that take gradient steps on the support of each task: the inner loop of all tasks, and the losses."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import copy
from typing import Any, ClassVar, Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from manyshot.base import InputError
from manyshot.learners.check_model import check_model, check_normalization
from manyshot.learners.chunked_grad import mean_with_chunked_grad
from manyshot.learners.cloned_model import ClonedModel
from manyshot.learners.functional import call_with
from manyshot.learners.inner_loop import InnerLoop, Order, Parameters
from manyshot.learners.learner import Classifier, Learner, MakeEncoder, criterion_named, weighted_mean
from manyshot.learners.task_tensors import Side, Task, ordinary, task_count, task_items, task_slice
from manyshot.learners.vmap_or_loop import CHUNK, TaskVectorizer, may_use_threads, twin
from manyshot.nets import TaskNorm, batch_statistics, stored_statistics
from manyshot.tasks import Episode, Examples

NOTHING_TO_SWITCH = (
    "transductive: the learner normalizes each example alone, so there is nothing to switch; train one with batch "
    "normalization (prototypes, ridge, ...) or norm=support (maml, ...)"
)
"""The error message about a learner that cannot become transductive."""


class GradientLearner(InnerLoop):
    """Takes gradient steps on each task's support; subclasses choose which weights adapt, the update, and the loss.

    Frozen parameters (`requires_grad=False`) do not adapt. `loss` computes its gradient a few tasks at a time, so it
    needs the memory of one task per core, or of 16 vectorized tasks.

    Args:
        model: Any module that maps items `[n, ...]` to logits `[n, ways]`, or to predictions of `ways` numbers. Batch
            normalization must be in evaluation mode, where it uses its running averages and then stays.
        ways: Number of outputs of the model; tasks may have fewer classes.
        step_size: Inner learning rate.
        steps: Number of inner gradient steps.
        order: 2 to differentiate through the inner gradients, 1 to treat them as constants.
        criterion: "cross-entropy", or "squared-error" for regression.
        vectorized: True to compute 16 tasks together by `torch.vmap`, False to loop over tasks; None chooses, see
            `TaskVectorizer`. Results are the same up to rounding.

    Raises:
        InputError: If an argument is out of range, the model cannot adapt by gradient steps or does not have `ways`
            outputs, a task has more classes than that, or `vectorized=True` and `torch.vmap` cannot run the model.
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
            encoder: Function that builds an encoder with a given normalization; the attribute `features` of the encoder
                is the length of a feature vector.
            ways: Number of outputs.
            norm: "group" (each example on its own), "support" (statistics of the task's support) or "query" (queries
                by the statistics of the query set, which makes the learner transductive).
            **options: Options of the constructor.
        """
        return cls(cls.build_model(encoder(norm), ways), ways, **options)

    @staticmethod
    def build_model(encoder: Any, ways: int) -> nn.Module:  # noqa: ANN401 - a module with `features`
        """The model that adapts: the encoder and a linear layer.

        Args:
            encoder: Encoder with the attribute `features`, the length of a feature vector.
            ways: Number of outputs.
        """
        return nn.Sequential(encoder, nn.Linear(encoder.features, ways))

    def train(self, mode: bool = True) -> "GradientLearner":
        """Set the training mode, except for batch normalization, which keeps using its running averages."""
        super().train(mode)
        for module in self.model.modules():
            if isinstance(module, nn.modules.batchnorm._BatchNorm):
                module.eval()
        return self

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
        """A copy of the model with fast weights, which differentiates to the learner's, for your own training loop.

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
        """Predictions for the queries of a task, normalized by the support's statistics or, if transductive, their own.

        Args:
            parameters: Adapted parameters, by name.
            queries: Items `[m, ...]` of the queries.
            weight: Weights `[m]` of the queries.
            support: Support set of the same task.
        """
        if self.transductive or not any(isinstance(module, TaskNorm) for module in self.model.modules()):
            with batch_statistics(weight):
                return self._masked(call_with(self.model, parameters, (queries,)), support.absent)
        with batch_statistics(support.weight, keep=True) as statistics:
            call_with(self.model, parameters, (support.items,))
        with stored_statistics(statistics):
            return self._masked(call_with(self.model, parameters, (queries,)), support.absent)

    def task_losses(self, task: Task) -> Float[Tensor, " m"]:
        """The loss of each query of a task after adaptation.

        Args:
            task: Support to adapt to, and queries.
        """
        return self.query_losses_with(self.inner_trajectory(task.support)[-1], task)

    def query_losses(self, episode: Episode) -> Float[Tensor, "t m"]:
        """The loss of each query after adaptation."""
        with self._ordinary_tensors():
            losses: Tensor = self._run(lambda: self._losses_of_tasks(episode))
            return losses

    def loss(self, episode: Episode) -> Float[Tensor, ""]:
        """The mean of `query_losses`, whose gradient is computed a few tasks at a time."""
        return self.mean_in_chunks(
            lambda learner, chunk: weighted_mean(learner._losses_of_tasks(chunk), chunk.query.weight), episode
        )

    def mean_in_chunks(
        self, losses: Callable[[Any, Episode], Float[Tensor, " t"]], episode: Episode
    ) -> Float[Tensor, ""]:
        """The mean of the losses of tasks, see `mean_with_chunked_grad`.

        Args:
            losses: Function of a learner and some of the tasks; the learner is this one, or a copy of it for each
                thread that shares its weights.
            episode: T tasks.
        """

        def compute() -> Tensor:
            together = self.vectorized
            threads = torch.get_num_threads() if not together and may_use_threads(self) else 1
            # functional_call puts the weights into the modules during the call, which two threads must not share.
            learner: Callable[[], Any] = (lambda: twin(self)) if threads > 1 else (lambda: self)
            size = CHUNK if together else 1
            return mean_with_chunked_grad(
                lambda chunk: losses(learner(), chunk), list(self.parameters()), episode, size, threads
            )

        with self._ordinary_tensors():
            mean: Tensor = self._run(compute)
            return mean

    def _losses_of_tasks(self, episode: Episode) -> Tensor:
        return self._stacked(self.task_losses, Task(self.side_of(episode.support), self.side_of(episode.query)))

    def query_losses_with(self, parameters: Parameters, task: Task) -> Float[Tensor, " m"]:
        """The loss of each query of a task with given parameters, normalized as in `predict`.

        Args:
            parameters: Parameters, by name.
            task: Support and queries.
        """
        predictions = self.predict(parameters, task.query.items, task.query.weight, task.support)
        return self.criterion(predictions, task.query.labels)

    @contextmanager
    def _ordinary_tensors(self) -> Iterator[None]:
        """Leave `torch.inference_mode`, in which inner gradients cannot be computed."""
        check_normalization(self.model)
        if not torch.is_inference_mode_enabled():
            yield
            return
        with torch.inference_mode(False), torch.no_grad():
            yield

    def _run(self, compute: Callable[[], Any]) -> Any:  # noqa: ANN401 - whatever is computed
        return self.vectorizer.run(self.model, compute)

    def _each(self, function: Callable[..., Any], *arguments: Any) -> Any:  # noqa: ANN401 - tensors, or dicts of them
        """Apply a function of one task to all tasks; returns a list of results, or stacked results if vectorized."""
        if self.vectorized and not any(isinstance(argument, list) for argument in arguments):
            return torch.vmap(function, randomness="different", chunk_size=CHUNK)(*arguments)
        tasks = range(task_count(arguments[0]))
        return [function(*(task_slice(argument, task) for argument in arguments)) for task in tasks]

    def _stacked(self, function: Callable[..., Tensor], *arguments: Any) -> Tensor:  # noqa: ANN401 - the same
        results = self._each(function, *arguments)
        return torch.stack(results) if isinstance(results, list) else results

    def side_of(self, examples: Examples) -> Side:
        """The tensors of T tasks, padded to the `ways` outputs of the model.

        Args:
            examples: Support or query of T tasks.
        """
        labels, class_mask, weight = map(ordinary, (examples.labels, examples.class_mask, examples.weight))
        return Side(task_items(examples.items), self._padded(labels), weight, ~self._padded(class_mask))

    def _padded(self, ways_last: Tensor) -> Tensor:
        missing = self.ways - ways_last.shape[-1]
        if missing < 0:
            raise InputError(
                f"tasks of {ways_last.shape[-1]} classes given to a model of {self.ways} outputs; train with more ways"
            )
        if missing and not self.classifies:
            raise InputError(
                f"tasks of {ways_last.shape[-1]} targets given to a model of {self.ways} outputs; they must agree"
            )
        return nn.functional.pad(ways_last, (0, missing))
