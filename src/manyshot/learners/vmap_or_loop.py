"""Computing the tasks of a batch together by `torch.vmap`, or one by one where that is not possible."""

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, TypeVar

import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from manyshot.base import InputError
from manyshot.learners.vmap_replacement_ops import WRONG_EVERYWHERE, RefuseUnsafe, VmapReplacementOps, VmapUnsafeError

CHUNK = 16
"""Number of tasks that are vectorized together."""

Result = TypeVar("Result")

_PLAIN = tuple(f"torch.nn.modules.{file}" for file in ("container", "conv", "dropout", "flatten", "linear", "pooling"))
_PLAIN_TYPES = (nn.ReLU, nn.LeakyReLU, nn.ELU, nn.GELU, nn.SiLU, nn.Tanh, nn.Sigmoid, nn.Softplus, nn.GroupNorm)
_DRAWING = (
    nn.modules.dropout._DropoutNd,
    nn.RReLU,
    nn.MultiheadAttention,
    nn.RNNBase,
    nn.FractionalMaxPool2d,
    nn.FractionalMaxPool3d,
)


class TaskVectorizer:
    """Computes the tasks of a learner together where that is correct, otherwise one by one, and remembers which.

    Models without convolutions, and all models on a GPU, are tried with `torch.vmap`. A model that does not support it,
    because it branches on the values of its input, writes into its buffers or uses an operation without a batching
    rule, is run in a loop over tasks from then on. On the CPU, models with convolutions always run in a loop, where the
    overhead of many small steps is less than the arithmetic.

    Args:
        vectorized: True to require `torch.vmap`, False for a loop; None chooses.

    Example:
        >>> TaskVectorizer().together(nn.Linear(2, 3)), TaskVectorizer().together(nn.Conv2d(1, 1, 3))
        (True, False)
    """

    def __init__(self, vectorized: bool | None = None) -> None:
        self.vectorized = vectorized
        self._cannot: str | None = None
        self._checked: set[bool] = set()

    def together(self, model: nn.Module) -> bool:
        """Whether tasks are computed together.

        Args:
            model: Model of the learner.
        """
        if self.vectorized is not None or self._cannot is not None:
            return bool(self.vectorized)
        first = next(model.parameters(), None)
        on_cpu = first is None or first.device.type == "cpu"
        return not (on_cpu and any(isinstance(module, nn.modules.conv._ConvNd) for module in model.modules()))

    def run(self, model: nn.Module, compute: Callable[[], Result]) -> Result:
        """Run a computation on a batch of tasks, which follows `together`.

        Args:
            model: Model that the computation calls.
            compute: The computation; it is called again, with the same random numbers, if `torch.vmap` fails.

        Raises:
            InputError: If `vectorized=True` and `torch.vmap` cannot run the model, or torch lacks a second derivative.
        """
        with twice_differentiable(model):
            if not self.together(model):
                return _named_derivatives(compute)
            states, buffers = _random_states(model), _Buffers(model)
            try:
                with self._checked_operations(model):
                    result = _named_derivatives(compute) if self.vectorized else compute()
                buffers.check()
                return result
            except (InputError, torch.OutOfMemoryError):
                raise
            except (RuntimeError, NotImplementedError, TypeError, ValueError) as error:
                reason = f"{type(error).__name__}: {error}".splitlines()[0]
                if self.vectorized:
                    buffers.restore()
                    raise InputError(
                        f"vectorized=True: torch.vmap cannot run this model ({reason}); leave the argument out to "
                        "loop over tasks"
                    ) from error
                self._cannot = reason
            for state, restore in states:
                restore(state)
            buffers.restore()
            try:
                return _named_derivatives(compute)
            except Exception:
                self._cannot = None  # vectorization was not the cause
                raise

    @contextmanager
    def _checked_operations(self, model: nn.Module) -> Iterator[None]:
        """Make second derivatives correct under `torch.vmap`; the operators of a model's first pass are checked."""
        if all(map(_is_plain, model.modules())):
            yield
            return
        with ExitStack() as stack:
            stack.enter_context(VmapReplacementOps())
            if model.training not in self._checked:
                stack.enter_context(RefuseUnsafe())  # type: ignore[no-untyped-call]
            yield
            self._checked.add(model.training)


@contextmanager
def twice_differentiable(model: nn.Module) -> Iterator[None]:
    """Context in which attention and weight norm use implementations whose second derivative is correct.

    Args:
        model: Model that is called in the context.

    Example:
        >>> with twice_differentiable(nn.MultiheadAttention(4, 1)):
        ...     torch.backends.cuda.flash_sdp_enabled()
        False
    """
    if all(map(_is_plain, model.modules())):
        yield
        return
    fast = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with sdpa_kernel(SDPBackend.MATH), VmapReplacementOps(WRONG_EVERYWHERE):
            yield
    finally:
        torch.backends.mha.set_fastpath_enabled(fast)


def may_use_threads(model: nn.Module) -> bool:
    """Whether parts of a batch may be computed in several threads, each with a copy of the model's modules.

    That is limited to modules of torch and of this package, since others may hold references that a copy would not
    follow, and to modules that draw no random numbers, whose order would change.

    Args:
        model: Model to inspect.

    Example:
        >>> may_use_threads(nn.Linear(2, 3)), may_use_threads(nn.Dropout())
        (True, False)
    """
    return not any(
        draws_noise(module) or _has_hooks(module) or not _is_known(module) or _writes_buffers(module)
        for module in model.modules()
    )


def draws_noise(module: nn.Module) -> bool:
    """Whether a module may draw random numbers: some of torch's, and those with a true attribute `draws_noise`."""
    return isinstance(module, _DRAWING) or bool(getattr(module, "draws_noise", False))


def twin(module: Any) -> Any:  # noqa: ANN401 - a module, and the same kind of one
    """A copy of a module and its submodules that shares their weights; a submodule that is used twice stays shared.

    Example:
        >>> layer = nn.Linear(2, 3)
        >>> twin(layer).weight is layer.weight, twin(layer) is layer
        (True, False)
    """
    return _twin(module, {})


def _twin(module: Any, known: dict[int, Any]) -> Any:  # noqa: ANN401 - the same
    if id(module) in known:
        return known[id(module)]
    other: Any = object.__new__(type(module))
    known[id(module)] = other
    other.__dict__.update(module.__dict__)
    other._parameters, other._buffers = dict(module._parameters), dict(module._buffers)
    other._modules = {name: None if part is None else _twin(part, known) for name, part in module._modules.items()}
    return other


def _is_known(module: nn.Module) -> bool:
    return type(module).__module__.startswith(("manyshot.", "torch.nn.modules."))


def _is_plain(module: nn.Module) -> bool:
    """Whether a module is known to use no operation that `torch.vmap` computes incorrectly."""
    name = type(module).__module__
    plain = name in _PLAIN or name.startswith("manyshot.") or type(module) in _PLAIN_TYPES
    return plain and not _has_hooks(module)


def _has_hooks(module: nn.Module) -> bool:
    return bool(module._forward_hooks or module._forward_pre_hooks)


def _writes_buffers(module: nn.Module) -> bool:
    return bool(getattr(module, "track_running_stats", False)) and module.training


def _named_derivatives(compute: Callable[[], Result]) -> Result:
    """Explain what to do if torch lacks a second derivative."""
    try:
        return compute()
    except (RuntimeError, NotImplementedError) as error:
        missing = re.search(r"derivative for '?(?:aten::)?(\w+?)(?:_backward)?'? is not implemented", str(error))
        if missing is None and "don't support automatic differentiation" not in str(error):
            raise
        name = missing[1].strip("_") if missing else "a layer of this model"
        raise InputError(
            f"torch has no second derivative of {name}; use first-order gradients (order=1), or replace the layer"
        ) from error


class _Buffers:
    """The buffers of modules of other libraries, which may write into them."""

    def __init__(self, model: nn.Module) -> None:
        unknown = [] if all(map(_is_plain, model.modules())) else list(model.modules())
        self.kept = [(module, dict(module._buffers)) for module in unknown]
        self.copies = [
            (value, value._version, value.detach().clone())
            for _, buffers in self.kept
            for value in buffers.values()
            if value is not None
        ]

    def check(self) -> None:
        """Raise if the pass wrote into buffers: once for all tasks, where a loop would write for each task."""
        same = all(
            len(module._buffers) == len(before) and all(module._buffers.get(name) is before[name] for name in before)
            for module, before in self.kept
        )
        if not same or any(value._version != version for value, version, _ in self.copies):
            raise VmapUnsafeError("the model writes into its buffers")

    def restore(self) -> None:
        """Undo what was written."""
        for module, before in self.kept:
            module._buffers.clear()
            module._buffers.update(before)
        for value, version, copy in self.copies:
            if value._version != version:
                with torch.no_grad():
                    value.copy_(copy)


def _random_states(model: nn.Module) -> list[tuple[Tensor, Callable[[Tensor], None]]]:
    """The states of torch's global generators that the model may use, with functions that restore them."""
    states: list[tuple[Tensor, Callable[[Tensor], None]]] = [(torch.get_rng_state(), torch.set_rng_state)]
    device = next((value.device for value in model.parameters()), torch.device("cpu"))
    if device.type == "cuda":
        states.append((torch.cuda.get_rng_state(device), lambda state: torch.cuda.set_rng_state(state, device)))
    return states
