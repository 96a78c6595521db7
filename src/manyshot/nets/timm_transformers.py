"""Encoders of other libraries by name: timm and transformers, imported when first used."""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from manyshot.base import InputError
from manyshot.base.hub_access import uses_local_files
from manyshot.nets.norm import Norm
from manyshot.nets.pretrained import PretrainedEncoder, require_own_normalization, require_package


class Timm(PretrainedEncoder):
    """Any pre-trained network of timm, `timm(resnet18.a1_in1k)`, with its own image size and normalization.

    Args:
        channels: Channels of the images: 1 or 3.
        model: Name of the network in timm.
        frozen: Whether the weights are not trained.
        norm: "batch"; others are refused.

    Raises:
        InputError: If timm is not installed or has no such network, or another norm is given.
    """

    def __init__(self, channels: int, model: str, frozen: bool = True, norm: Norm = "batch") -> None:
        require_own_normalization(norm, f"timm({model})")
        timm = require_package("timm")

        def load() -> tuple[nn.Module, Mapping[str, Any]]:
            net = timm.create_model(model, pretrained=True, num_classes=0)
            return net, timm.data.resolve_model_data_config(net)

        net, settings = _loaded(f"timm({model})", load)
        size, origin = settings["input_size"][-1], f"timm({model}), timm {timm.__version__}"
        super().__init__([net], channels, size, settings["mean"], settings["std"], frozen, origin)


class Transformers(PretrainedEncoder):
    """Any image model of transformers, by name or folder, `transformers(facebook/dinov2-small)`.

    The feature is the pooled output of the model; without one, the first token, or the mean over the last feature map.
    Images are resized and normalized by the settings of the model. Only weights stored as safetensors are loaded, and
    code that comes with a model is not executed.

    Args:
        channels: Channels of the images: 1 or 3.
        model: Name of the model on the hub, or a folder.
        frozen: Whether the weights are not trained.
        norm: "batch"; others are refused.

    Raises:
        InputError: If transformers is not installed, there is no such model, or another norm is given.
    """

    def __init__(self, channels: int, model: str, frozen: bool = True, norm: Norm = "batch") -> None:
        require_own_normalization(norm, f"transformers({model})")
        transformers = require_package("transformers")

        def load() -> tuple[nn.Module, Mapping[str, Any]]:
            local = uses_local_files(model)
            net = transformers.AutoModel.from_pretrained(
                model, trust_remote_code=False, use_safetensors=True, local_files_only=local
            )
            return net, transformers.ImageProcessingMixin.get_image_processor_dict(model, local_files_only=local)[0]

        net, settings = _loaded(f"transformers({model})", load)
        half = (0.5,) * 3
        mean, std = settings.get("image_mean", half), settings.get("image_std", half)
        origin = f"transformers({model}), transformers {transformers.__version__}"
        super().__init__([_Pooled(net)], channels, _side(settings), mean, std, frozen, origin)


def _loaded(what: str, load: Callable[[], tuple[nn.Module, Mapping[str, Any]]]) -> tuple[nn.Module, Mapping[str, Any]]:
    try:
        with torch.random.fork_rng(devices=[]):  # initial weights are drawn before the stored ones are loaded
            return load()
    except Exception as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise InputError(f"{what}: cannot be loaded ({reason}); check the name and the connection") from error


def _side(settings: Mapping[str, Any]) -> int:
    """The image size of a model, which its settings may give in several ways."""
    size = settings.get("crop_size") or settings.get("size") or 224
    if isinstance(size, Mapping):
        size = size.get("height") or size.get("shortest_edge") or 224
    return int(size)


class _Pooled(nn.Module):
    """A model of transformers whose output is one vector per image."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, images: Tensor) -> Tensor:
        output = self.net(pixel_values=images)
        pooled = getattr(output, "pooler_output", None)
        if pooled is None:
            last = output.last_hidden_state
            pooled = last[:, 0] if last.ndim == 3 else last.mean((2, 3))
        return torch.flatten(pooled, 1)
