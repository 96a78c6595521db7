"""Where to compute."""

import torch

from manyshot.base import InputError


def require_device(name: str) -> torch.device:
    """The device of this name.

    Raises:
        InputError: If there is no such kind of device, or this machine has none.

    Example:
        >>> require_device("cpu")
        device(type='cpu')
        >>> require_device("cuba")
        Traceback (most recent call last):
        manyshot.base.errors.InputError: device='cuba': not on this machine; give cpu, or cuda where there is a GPU
    """
    try:
        device = torch.device(name)
        if device.type == "meta":
            raise RuntimeError("it holds no numbers")
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError, ImportError):  # each kind of device has its own way to be absent
        raise InputError(f"device='{name}': not on this machine; give cpu, or cuda where there is a GPU") from None
    return device


def device_or_cpu(name: str) -> torch.device:
    """The device of this name where this machine has it, else the processor: for runs that were trained elsewhere.

    Example:
        >>> device_or_cpu("cuba")
        device(type='cpu')
    """
    try:
        return require_device(name)
    except InputError:
        return torch.device("cpu")
