"""Mixup and CutMix on uint8 batches, labels included."""

import numpy as np
import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor

from manyshot.augment.engine.kernel_call import LAYOUTS
from manyshot.augment.engine.kernels import mix_images
from manyshot.augment.engine.kernels.matrices import fill_rectangles
from manyshot.augment.image.image_op import to_bytes
from manyshot.augment.mix import CutMix, Mix, Mixup
from manyshot.augment.ops.op import Params
from manyshot.base import InputError, did_you_mean


def mix_bytes(
    mix: Mix,
    images: UInt8[Tensor, "n a b c"],
    labels: Float[Tensor, "n ways"],
    params: Params,
    partners: Int[Tensor, "n others"],
    layout: str = "nchw",
) -> tuple[UInt8[Tensor, "n a b c"], Float[Tensor, "n ways"]]:
    """Apply a mix to uint8 images: mixup and CutMix by kernels, any other mix by torch.

    Args:
        mix: Mix to apply.
        images: Images in uint8 on the CPU, `[n, c, h, w]` or `[n, h, w, c]` according to `layout`.
        labels: Soft or one-hot labels.
        params: Params drawn by the mix.
        partners: Indices of the images mixed into each image; see `manyshot.augment.mix.partners_of`.
        layout: "nchw" or "nhwc".

    Returns:
        Mixed images of the same layout, rounded, and soft labels.

    Raises:
        InputError: If images are not on the CPU, or the layout is unknown.

    Example:
        >>> images, labels = torch.tensor([0, 200], dtype=torch.uint8).view(2, 1, 1, 1), torch.eye(2)
        >>> params = {"lam": torch.tensor([0.75, 1.0])}
        >>> mixed, mixed_labels = mix_bytes(Mixup(), images, labels, params, torch.tensor([[1], [0]]))
        >>> mixed.flatten().tolist(), mixed_labels.tolist()
        ([50, 200], [[0.75, 0.25], [0.0, 1.0]])
    """
    if layout not in LAYOUTS:
        raise InputError(f"mix_bytes: layout='{layout}': {did_you_mean(layout, LAYOUTS)}")
    if images.device.type != "cpu":
        raise InputError(f"mix_bytes: images on {images.device}: move them to the CPU, or call the mix itself")
    if not len(images):
        return images, labels
    source = images.contiguous()
    if type(mix) not in (Mixup, CutMix):
        return _by_torch(mix, source, labels, params, partners, layout)
    others = partners[:, 0].cpu().numpy()
    given = labels.detach().cpu().contiguous().numpy()
    target, mixed = np.empty(source.shape, np.uint8), np.empty_like(given)
    flat, out = source.view(-1).numpy(), target.reshape(-1)
    if type(mix) is Mixup:
        mix_images.mixup(flat, others, params["lam"].numpy(), len(flat) // len(images), out, given, mixed)
    else:
        n = len(images)
        h, w = images.shape[2:] if layout == "nchw" else images.shape[1:3]
        planes, step = (images.shape[1], 1) if layout == "nchw" else (1, images.shape[3])
        places = np.empty((n, 1, 4), np.int32)
        side = np.broadcast_to(params["side"].numpy()[:, None, None], (n, 1, 2))
        fill_rectangles(params["center"].numpy()[:, None], side, np.ones(n, bool), h, w, places)
        mix_images.cutmix(flat, others, places, planes, h, w, step, out, given, mixed)
    return torch.from_numpy(target), torch.from_numpy(mixed).to(labels.device)


def _by_torch(
    mix: Mix, source: Tensor, labels: Tensor, params: Params, partners: Tensor, layout: str
) -> tuple[Tensor, Tensor]:
    planar = source if layout == "nchw" else source.permute(0, 3, 1, 2)
    mixed, mixed_labels = mix.apply(planar.float() / 255, labels, params, partners)
    result = to_bytes(mixed)
    return (result if layout == "nchw" else result.permute(0, 2, 3, 1).contiguous()), mixed_labels
