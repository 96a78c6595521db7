"""Context managers for training and evaluation mode."""

from collections.abc import Iterator
from contextlib import contextmanager

from torch import nn


@contextmanager
def kept_modes(*modules: object) -> Iterator[None]:
    """Restore the mode of every submodule at the end of the block, also after an error.

    Submodules may differ in mode, such as frozen normalization layers.

    Args:
        *modules: Modules; anything else, such as None, is ignored.

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
    """Put modules into evaluation mode within the block; the mode of every submodule is restored at its end.

    Args:
        *modules: Modules; anything else, such as None, is ignored.

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
