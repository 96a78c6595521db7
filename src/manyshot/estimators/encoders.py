"""Frozen encoders for estimators: by name, as a module, or as any function."""

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from manyshot.base import InputError
from manyshot.learners import LEARNERS, Learner
from manyshot.nets import ENCODERS, PartsEncoder, PretrainedEncoder, TextEncoder
from manyshot.tasks import Parts

Encoder = str | nn.Module | Callable[[Any], Any] | None
"""Name of a pre-trained encoder, module, function, or None for the items themselves."""


class FunctionEncoder(nn.Module):
    """Encode by a function, such as the `encode` of a sentence-transformers model.

    Args:
        function: Images `[n, c, h, w]`, vectors `[n, d]` or a list of n sentences to an array or tensor `[n, d]`.
    """

    def __init__(self, function: Callable[[Any], Any]) -> None:
        super().__init__()
        self.function = function

    def forward(self, items: Any) -> Tensor:  # noqa: ANN401 - a tensor, or a list of sentences
        """Encode n items."""
        return torch.as_tensor(np.asarray(self.function(items)))


def takes_text(encoder: Encoder) -> bool:
    """Whether an encoder takes sentences, as far as is known: functions take whatever they are given.

    Example:
        >>> takes_text("ngrams"), takes_text("efficientnet-lite0"), takes_text(len)
        (True, False, True)
    """
    if isinstance(encoder, str):
        return getattr(ENCODERS.parse(encoder).factory, "takes", "images") == "text"
    if isinstance(encoder, nn.Module):
        return isinstance(encoder, TextEncoder)
    return encoder is not None


def frozen_encoder(encoder: Encoder, items: Tensor | list[str] | Parts) -> nn.Module:
    """Make an encoder whose weights stay as they are.

    Args:
        encoder: See `Encoder`. A module is copied, so that later training does not change what was fitted.
        items: The examples that it will encode, for the size and channels of images.

    Raises:
        InputError: If a named encoder has no pre-trained weights, or text is given to an encoder of images.
    """
    if isinstance(items, Parts):
        return _parts_encoder(encoder, items)
    if not isinstance(items, Tensor) and not takes_text(encoder):
        raise InputError(f"encoder={encoder!r} does not take sentences; give encoder='minilm' or 'ngrams'")
    if encoder is None:
        return nn.Flatten()
    if isinstance(encoder, str):
        channels, size = (items.shape[1], items.shape[-1]) if isinstance(items, Tensor) and items.ndim == 4 else (0, 0)
        if not takes_text(encoder) and not size:
            raise InputError(f"encoder={encoder!r} takes images, and X holds vectors; give encoder=None")
        module = ENCODERS.build(encoder, channels=channels, size=size, norm="batch")
        if not isinstance(module, PretrainedEncoder | TextEncoder):
            raise InputError(
                f"encoder={encoder!r} has no pre-trained weights; give a pre-trained one, such as "
                "'efficientnet-lite0', or a module that you trained"
            )
    else:
        module = deepcopy(encoder) if isinstance(encoder, nn.Module) else FunctionEncoder(encoder)
    return module.eval().requires_grad_(False)


def _parts_encoder(encoder: Encoder, parts: Parts) -> nn.Module:
    """The encoder of examples of several parts; None takes vectors as they are."""
    if encoder is None:
        others = [name for name, kind in parts.kinds.items() if kind != "features"]
        if others:
            raise InputError(f"encoder=None takes vectors, and '{others[0]}' holds others; give encoder='parts'")
        return nn.Identity()
    module = ENCODERS.build(encoder, channels=0, size=0, norm="batch") if isinstance(encoder, str) else encoder
    if not isinstance(module, PartsEncoder):
        raise InputError(f"encoder={encoder!r} does not take examples of several parts; give encoder='parts'")
    return module.eval()


def frozen_learner(text: str, encoder: nn.Module, ways: int) -> Learner:
    """Make a learner that needs no training, on a frozen encoder.

    Args:
        text: Name of the learner, with options.
        encoder: Its encoder.
        ways: Number of classes.

    Raises:
        InputError: If the name is unknown, or the learner has weights that have to be meta-trained.

    Example:
        >>> type(frozen_learner("ridge(penalty=0.1)", nn.Flatten(), ways=3)).__name__
        'Ridge'
    """
    if not hasattr(encoder, "features"):
        # Learners that ask for the width have weights of their own, and are refused below.
        encoder.features = 1  # type: ignore[assignment]
    learner = LEARNERS.build(text, encoder=lambda norm: encoder, ways=ways, classes=0)
    encoder_weights = {id(parameter) for parameter in encoder.parameters()}
    if any(parameter.ndim for parameter in learner.parameters() if id(parameter) not in encoder_weights):
        raise InputError(
            f"learner='{text}' has weights that have to be meta-trained first; give one without, such as 'logistic', "
            "'ridge' or 'prototypes'"
        )
    return learner.eval().requires_grad_(False)
