"""The base class of learners, and the functions that they share."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar, Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor, nn

from manyshot.base import InputError, did_you_mean
from manyshot.nets import Norm
from manyshot.tasks import Episode, Examples, Parts
from manyshot.tasks.items import flatten_tasks, floats, unflatten_tasks

MakeEncoder = Callable[[Norm], Any]
"""A function that builds an encoder with a given normalization."""


@runtime_checkable
class Classifier(Protocol):
    """A function from queries to logits, adapted to the support of T tasks."""

    def __call__(self, queries: Any, weight: Tensor | None = None) -> Tensor:  # noqa: ANN401 - a tensor, or lists for text
        """Classify the queries of T tasks.

        Args:
            queries: Items `[T, m, ...]`, or T lists of m sentences.
            weight: Weights `[T, m]` of the queries; None if all count. Queries of weight 0 are padding: their logits
                are meaningless, and they do not enter the statistics of batch normalization in training mode.

        Returns:
            Logits `[T, m, ways]`, -inf for classes that a task does not have.
        """
        ...


class Learner(nn.Module, ABC):
    """A few-shot learner: adapts to the support of T tasks at once, with soft labels and weights."""

    trains_on_tasks: ClassVar[bool] = True
    """Whether `loss` is a loss after adaptation to tasks; False for learners that train as a plain classifier."""

    has_query_losses: ClassVar[bool] = True
    """Whether `loss` is the mean of `query_losses`, the losses of the single query examples."""

    loss_differentiates_items: ClassVar[bool] = True
    """Whether `loss` has a derivative with respect to the items of the episode."""

    runs_stages: ClassVar[bool] = False
    """Whether it runs its encoder stage by stage itself, so that no objective can change a hidden layer."""

    takes_gradient_steps: ClassVar[bool] = False
    """Whether it adapts by gradient steps on its model, which needs parameters that require gradients."""

    transductive: bool = False
    """Whether predictions for one query example depend on the other query examples; results say so."""

    given_features: bool = False
    """Whether it takes the features of an encoder in place of items, see `on_features`."""

    classes: int = 0
    """Number of training classes that it was built for; 0 for learners that have no classifier of those."""

    @classmethod
    def build(cls, encoder: MakeEncoder, **options: Any) -> "Learner":  # noqa: ANN401 - by the constructor
        """Build the learner and its encoder, as `LEARNERS` does.

        Args:
            encoder: Function that builds an encoder with a given normalization.
            **options: Options of the constructor.
        """
        return cls(encoder("batch"), **options)

    @abstractmethod
    def adapt(self, support: Examples) -> Classifier:
        """Turn the support of T tasks into a classifier of their queries.

        Args:
            support: Support sets of T tasks.
        """

    def forward(self, episode: Episode) -> Float[Tensor, "t m ways"]:
        """Adapt to the support and classify the query: `learner(episode)`.

        Args:
            episode: T tasks; uint8 images are scaled to 0 to 1.

        Returns:
            Logits `[T, m, ways]` of the query examples; predictions in regression.
        """
        episode = episode.as_float()
        return self.adapt(episode.support)(episode.query.items, episode.query.weight)

    def on_features(self) -> "tuple[nn.Module, Learner] | None":
        """The encoder and a learner of its features, if adaptation does not change the encoder; otherwise None.

        Evaluation on many tasks then encodes each example once, not once for each task that it belongs to.
        """
        return None

    def second_order(self) -> bool:
        """Whether adaptation can be differentiated through."""
        return True

    def is_trainable(self) -> bool:
        """Whether training can change any weight."""
        return any(parameter.requires_grad for parameter in self.parameters())

    def made_transductive(self) -> "Learner | None":
        """A transductive learner with the same weights, if this class has a way of its own; see `transductive`."""
        return None

    def query_losses(self, episode: Episode) -> Float[Tensor, "t m"]:
        """The loss of each query example after adaptation: its cross-entropy, unless a subclass overrides it.

        Losses of examples of weight 0 are meaningless.

        Args:
            episode: T tasks of m queries each.
        """
        logits = self.adapt(episode.support)(episode.query.items, episode.query.weight)
        return item_losses(logits, episode.query.labels)

    def loss(self, episode: Episode) -> Float[Tensor, ""]:
        """The loss that meta-training minimizes: the mean of `query_losses`, weighted within each task.

        A learner whose loss is not a mean over query examples overrides this and sets `has_query_losses` to False.

        Args:
            episode: T tasks.
        """
        return weighted_mean(self.query_losses(episode), episode.query.weight).mean()

    def on_step_end(self) -> None:
        """Hook that training calls after each of its steps (default: does nothing)."""


def by_task(
    encoder: nn.Module,
    items: Any,  # noqa: ANN401 - a tensor, lists of sentences, or parts
    weight: Float[Tensor, "t n"] | None = None,
) -> Any:  # noqa: ANN401 - a tensor, or parts of tensors
    """Encode the items of T tasks in one batch.

    Args:
        encoder: Module from items `[n, ...]`, or n sentences, to features `[n, d]`.
        items: Items `[T, n, ...]`, where uint8 images are scaled to 0 to 1; T lists of n sentences; or `Parts`.
        weight: Weights `[T, n]`; items of weight 0 are not encoded, since they would enter batch statistics, and get
            zeros.

    Returns:
        Features `[T, n, d]`; of `Parts` those of each part.

    Example:
        >>> by_task(nn.Flatten(), torch.rand(2, 3, 1, 4, 4)).shape
        torch.Size([2, 3, 16])
    """
    if isinstance(items, Parts):
        return unflatten_tasks(encoder(flatten_tasks(floats(items))), *items.lead)
    if not isinstance(items, Tensor):
        texts: Tensor = encoder([text for task in items for text in task])
        texts = texts.reshape(len(items), -1, *texts.shape[1:])
        return texts if weight is None else texts * (weight > 0)[..., None]
    flat = floats(items).flatten(0, 1)
    real = None if weight is None else weight.flatten() > 0
    if real is None or bool(real.all()):
        encoded = _encode(encoder, flat)
        return encoded.reshape(*items.shape[:2], *encoded.shape[1:])
    encoded = _encode(encoder, flat[real])
    features = encoded.new_zeros(len(flat), *encoded.shape[1:])
    features[real] = encoded
    return features.reshape(*items.shape[:2], *encoded.shape[1:])


def _encode(encoder: nn.Module, items: Tensor) -> Tensor:
    """Encode in one batch if gradients or batch statistics need it, otherwise in parts, so that memory is bounded."""
    if torch.is_grad_enabled() or any(part.training for part in encoder.modules()) or not len(items):
        whole: Tensor = encoder(items)
        return whole
    return torch.cat([encoder(part) for part in torch.split(items, 256)])


def cross_entropy(logits: Float[Tensor, "t n ways"], examples: Examples) -> Float[Tensor, ""]:
    """Cross-entropy with soft labels and weights: weighted mean over the examples of a task, mean over tasks.

    L = 1/T sum_t sum_i w_ti (-sum_k y_tik log p_tik) / sum_i w_ti

    Args:
        logits: Logits `[T, n, ways]`, -inf for classes that a task does not have.
        examples: T tasks of n examples, whose labels and weights count.
    """
    return weighted_mean(item_losses(logits, examples.labels), examples.weight).mean()


def weighted_mean(losses: Float[Tensor, "*t n"], weight: Float[Tensor, "*t n"]) -> Float[Tensor, "*t"]:
    """sum_i w_i L_i / sum_i w_i, in which an example of weight 0 does not count even if its loss is infinite.

    Padding may be labeled with a class that the task does not have, whose logit is -inf; 0 * inf would be NaN.

    Args:
        losses: Losses `[..., n]`.
        weight: Weights `[..., n]`.
    """
    return (losses.masked_fill(weight <= 0, 0) * weight).sum(-1) / weight.sum(-1).clamp(min=1e-12)


def item_losses(logits: Float[Tensor, "*n ways"], labels: Float[Tensor, "*n ways"]) -> Float[Tensor, "*n"]:
    """-sum_k y_k log p_k of each example; classes of label 0 do not count, even if their logit is -inf.

    Args:
        logits: Logits `[..., ways]`.
        labels: Class probabilities `[..., ways]`.
    """
    return -(torch.where(labels > 0, logits.log_softmax(-1), 0) * labels).sum(-1)


def item_errors(predictions: Float[Tensor, "*n k"], targets: Float[Tensor, "*n k"]) -> Float[Tensor, "*n"]:
    """sum_k (p_k - y_k)^2 of each example, for regression.

    Args:
        predictions: Predictions `[..., k]`.
        targets: Targets `[..., k]`.
    """
    return (predictions - targets).square().sum(-1)


CRITERIA: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "cross-entropy": item_losses,
    "squared-error": item_errors,
}
"""Criteria for classification and regression: predictions and labels `[..., k]` to losses `[...]`."""


def criterion_named(name: str) -> Callable[[Tensor, Tensor], Tensor]:
    """The entry of `CRITERIA` of this name.

    Args:
        name: "cross-entropy" or "squared-error".

    Raises:
        InputError: If there is no criterion of this name.

    Example:
        >>> criterion_named("squared-error")(torch.tensor([[1.0]]), torch.tensor([[3.0]]))
        tensor([4.])
    """
    if name not in CRITERIA:
        raise InputError(f"criterion='{name}': {did_you_mean(name, CRITERIA)}")
    return CRITERIA[name]
