"""ANIL, almost no inner loop: only the head adapts (Raghu, Raghu, Bengio and Vinyals 2020)."""

from collections.abc import Callable
from copy import copy

from jaxtyping import Float
from torch import Tensor, nn

from manyshot.base import InputError
from manyshot.learners.functional import call_with
from manyshot.learners.gradient_learner import GradientLearner
from manyshot.learners.inner_loop import Order, Parameters
from manyshot.learners.vmap_or_loop import TaskVectorizer
from manyshot.nets import TaskNorm


class ANIL(GradientLearner):
    """MAML in which only the head takes inner steps; all tasks share the body.

    h_t = h - alpha grad_h L(h, theta; support_t), `steps` times;   min over h and theta of sum_t L(h_t, theta; query_t)

    Args:
        model: Sequence of modules, the last of which is the head; it must not share parameters with the others.
        ways: Number of outputs of the model; tasks may have fewer classes.
        step_size: Inner learning rate alpha.
        steps: Number of inner gradient steps.
        order: 2 or 1, as in `MAML`.
        criterion: "cross-entropy", or "squared-error" for regression.
        vectorized: Whether tasks are computed together, see `GradientLearner`.

    Raises:
        InputError: As `GradientLearner`, and if the model is not a sequence, or head and body share a parameter.

    Example:
        >>> import torch
        >>> from manyshot.tasks import Examples
        >>> body, head = nn.Sequential(nn.Flatten(), nn.Linear(64, 16)), nn.Linear(16, 5)
        >>> learner = ANIL(nn.Sequential(body, head), ways=5)
        >>> learner.adapt(Examples.of(torch.rand(2, 5, 8, 8), torch.arange(5)))(torch.rand(2, 7, 8, 8)).shape
        torch.Size([2, 7, 5])
    """

    model: nn.Sequential

    def __init__(
        self,
        model: nn.Sequential,
        ways: int,
        step_size: float = 0.4,
        steps: int = 5,
        order: Order = 2,
        criterion: str = "cross-entropy",
        vectorized: bool | None = None,
    ) -> None:
        super().__init__(model, ways, step_size, steps, order, criterion, vectorized)
        if not isinstance(model, nn.Sequential) or len(model) < 2:
            raise InputError("ANIL takes nn.Sequential(body, head), whose last module is the head that adapts")
        if {*map(id, model[-1].parameters())} & {*map(id, model[:-1].parameters())}:
            raise InputError("ANIL: head and body share a parameter, which would adapt in one and not in the other")

    def on_features(self) -> "tuple[nn.Module, ANIL] | None":
        """The body, and ANIL on its features; None if the features depend on the statistics of a task."""
        body = self.model[:-1]
        if any(isinstance(module, TaskNorm) for module in body.modules()):
            return None
        head_only = copy(self)
        head_only._modules = dict(self._modules) | {"model": nn.Sequential(nn.Identity(), self.model[-1])}
        head_only.vectorizer = TaskVectorizer(self.vectorizer.vectorized)
        return body, head_only

    def adapts(self, name: str) -> bool:
        """Whether a parameter belongs to the head."""
        return name.startswith(f"{len(self.model) - 1}.")

    def predictor(self, items: Float[Tensor, "n ..."]) -> Callable[[Parameters], Float[Tensor, "n ways"]]:
        """Predictions as a function of the head's parameters; the body's features are computed once."""
        head, features = f"{len(self.model) - 1}.", self.model[:-1](items)
        return lambda parameters: call_with(
            self.model[-1], {name.removeprefix(head): value for name, value in parameters.items()}, (features,)
        )
