"""Training and evaluation mode for a while."""

from collections.abc import Iterator
from contextlib import contextmanager

from torch import nn


@contextmanager
def kept_modes(*modules: object) -> Iterator[None]:
    """Give every part of these modules its present mode back at the end, also where something fails in between.

    A part may differ from the whole, as a frozen normalisation does, so each gets its own.

    Args:
        modules: Modules; anything else, such as None, is passed over.

    Example:
        >>> model = nn.Sequential(nn.Linear(2, 2), nn.Dropout().eval())
        >>> with kept_modes(model):
        ...     _ = model.train()
        >>> model.training, model[1].training
        (True, False)
    """
    modes = [(part, part.training) for module in modules if isinstance(module, nn.Module) for part in module.modules()]
    try:
        yield
    finally:
        for part, training in modes:
            part.training = training


@contextmanager
def evaluation_mode(*modules: object) -> Iterator[None]:
    """Put modules into evaluation mode for a while; at the end every part has the mode that it had, see `kept_modes`.

    Args:
        modules: Modules; anything else, such as None, is passed over.

    Example:
        >>> model = nn.Dropout()
        >>> with evaluation_mode(model):
        ...     print(model.training)
        False
        >>> model.training
        True
    """
    with kept_modes(*modules):
        for module in modules:
            if isinstance(module, nn.Module):
                module.eval()
        yield
