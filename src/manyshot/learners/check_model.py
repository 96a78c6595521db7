"""Checks that a model can adapt by gradient steps."""

import torch
from torch import nn
from torch.nn.parameter import is_lazy

from manyshot.base import InputError
from manyshot.nets import TextEncoder


def check_model(model: nn.Module) -> None:
    """Check that a model can adapt by gradient steps.

    Args:
        model: Any module.

    Raises:
        InputError: If it encodes sentences, is compiled to TorchScript, has uninitialized parameters or parameters
            created under `torch.inference_mode`, or normalizes by the statistics of the current batch.

    Example:
        >>> check_model(nn.Linear(4, 3))
    """
    if any(isinstance(module, TextEncoder) for module in model.modules()):
        raise InputError(
            "gradient-based learners take tensors, and this encoder takes sentences; use a learner of features, "
            "such as prototypes, ridge or probe"
        )
    if any(isinstance(module, torch.jit.ScriptModule) for module in model.modules()):
        raise InputError(
            "the weights of a TorchScript module cannot be replaced; give the nn.Module that it was compiled from"
        )
    for name, value in model.named_parameters():
        if is_lazy(value):
            raise InputError(f"parameter {name} has no shape yet; call the model once on a batch of items")
        if value.is_inference():
            raise InputError(f"parameter {name} was created under torch.inference_mode; create the model outside of it")
    check_normalization(model)


def check_normalization(model: nn.Module) -> None:
    """Check that batch normalization uses its running averages.

    Args:
        model: Any module.

    Raises:
        InputError: If a layer normalizes by the statistics of the current batch.

    Example:
        >>> check_normalization(nn.BatchNorm1d(4).eval())
        >>> check_normalization(nn.BatchNorm1d(4))
        Traceback (most recent call last):
        manyshot.base.errors.InputError: the model (BatchNorm1d) is in training mode and normalizes by the batch at \
hand, through which queries of a task see each other; call its eval(), so that it keeps to its running averages, put \
nn.GroupNorm in its place, or manyshot.nets.with_task_norm(model), which normalizes by the support (norm="support")
    """
    for name, module in model.named_modules():
        if not isinstance(module, nn.modules.batchnorm._BatchNorm):
            continue
        if module.training or module.running_mean is None:
            state = "is in training mode" if module.training else "has no running averages"
            raise InputError(
                f"{f'layer {name}' if name else 'the model'} ({type(module).__name__}) {state} and normalizes by the "
                "batch at hand, through which queries of a task see each other; call its eval(), so that it keeps to "
                "its running averages, put nn.GroupNorm in its place, or manyshot.nets.with_task_norm(model), which "
                'normalizes by the support (norm="support")'
            )
