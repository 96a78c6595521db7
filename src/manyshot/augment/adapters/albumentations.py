"""Albumentations: its transforms as ops, our ops as its transforms, with masks, boxes and keypoints."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor

from manyshot.augment.adapters.external_op import ExternalOp, require, to_array, to_image
from manyshot.augment.ops.map_points import jacobian
from manyshot.augment.ops.op import Op, Params
from manyshot.augment.ops.targets import apply_to
from manyshot.base.seeds import generator


@dataclass(frozen=True)
class FromAlbumentations(ExternalOp):
    """Any Albumentations transform, or a composition of them, as an op.

    Images are converted to uint8, so the op is not differentiable.

    Args:
        transform: Albumentations transform, such as `A.RandomBrightnessContrast()`, that keeps the size of the image.

    Raises:
        InputError: When applied, if the transform changes the size.

    Example:
        >>> class Negative:  # same interface as albumentations.InvertImg
        ...     def __call__(self, image):
        ...         return {"image": 255 - image}
        >>> op = FromAlbumentations(Negative())
        >>> op.apply(torch.zeros(1, 3, 2, 2), {"seed": torch.tensor([0])}).min()
        tensor(1.)
    """

    def transformed(self, image: Float[Tensor, "c h w"], seed: int) -> Tensor:
        """Seed the transform's own generator and call it."""
        if hasattr(self.transform, "set_random_seed"):
            self.transform.set_random_seed(seed)
        return to_image(self.transform(image=to_array(image))["image"])


def to_albumentations(op: Op, p: float = 1.0) -> Any:  # noqa: ANN401 - a class of the other library
    """Convert an op to an Albumentations transform for images, masks, boxes and keypoints.

    It draws from the generator of the `A.Compose` that holds it, as all Albumentations transforms do.

    Args:
        op: Op on images.
        p: Probability that a call changes the image.

    Returns:
        An `albumentations.DualTransform`.

    Raises:
        InputError: If Albumentations is not installed; when applied to masks, boxes or keypoints, if the op cannot map
            points.
    """
    albumentations = require("albumentations", "albumentations")
    targets = albumentations.core.type_definitions.Targets

    class ManyshotTransform(albumentations.DualTransform):  # type: ignore[misc, name-defined] # imported at run time
        _targets = (targets.IMAGE, targets.MASK, targets.BBOXES, targets.KEYPOINTS)

        def get_params(self) -> dict[str, Any]:
            seed = self.py_random.randrange(2**31)
            return {"drawn": op.sample(1, generator(seed))}

        def apply(self, img: NDArray[Any], drawn: Params, **_: object) -> NDArray[Any]:
            return _pixelwise(img, lambda image: op.apply(image, drawn))

        def apply_to_mask(self, mask: NDArray[Any], drawn: Params, **_: object) -> NDArray[Any]:
            return _pixelwise(mask, lambda image: apply_to(op, drawn, masks=image).masks)

        def apply_to_bboxes(self, bboxes: NDArray[Any], drawn: Params, **params: Any) -> NDArray[Any]:  # noqa: ANN401
            return _moved_boxes(op, drawn, bboxes, params["shape"][:2]) if len(bboxes) else bboxes

        def apply_to_keypoints(self, keypoints: NDArray[Any], drawn: Params, **params: Any) -> NDArray[Any]:  # noqa: ANN401
            if not len(keypoints):
                return keypoints
            return _moved_keypoints(op, drawn, keypoints, params["shape"][:2], self._drops_invisible())

        def _drops_invisible(self) -> bool:
            rules = getattr(self, "processors", {}).get("keypoints")
            return rules is None or bool(rules.params.remove_invisible)

        def get_transform_init_args_names(self) -> tuple[str, ...]:
            return ()

        def __reduce__(self) -> tuple[Any, ...]:
            # A local class cannot be pickled by name, so spawned workers create it again.
            return to_albumentations, (op, p), self.__dict__

    return ManyshotTransform(p=p)


def _pixelwise(image: NDArray[Any], change: Callable[[Tensor], Tensor | None]) -> NDArray[Any]:
    """The result of a function of images `[1, c, h, w]`, given one image `[h, w]` or `[h, w, c]`."""
    planes = image[..., None] if image.ndim == 2 else image
    changed = change(torch.from_numpy(np.ascontiguousarray(planes)).permute(2, 0, 1)[None])
    assert changed is not None
    return np.ascontiguousarray(changed[0].permute(1, 2, 0).numpy()).reshape(image.shape)


def _moved_boxes(op: Op, params: Params, boxes: NDArray[Any], size: tuple[int, int]) -> NDArray[Any]:
    """The boxes of an image after the op; further columns stay."""
    # Albumentations passes boxes as fractions of the sides, and clips them by its own rules afterwards.
    scale = np.array([size[1], size[0]] * 2, dtype=np.float64)
    pixels = torch.from_numpy(np.asarray(boxes[:, :4], dtype=np.float64) * scale)[None]
    moved = apply_to(op, params, boxes=pixels, size=size, clip=False).boxes
    assert moved is not None
    return np.concatenate((moved[0].numpy() / scale, boxes[:, 4:]), 1).astype(boxes.dtype)


def _moved_keypoints(
    op: Op, params: Params, keypoints: NDArray[Any], size: tuple[int, int], drop_invisible: bool
) -> NDArray[Any]:
    """The keypoints of an image after the op, with their angles and scales."""
    before = torch.from_numpy(np.asarray(keypoints[:, :2], dtype=np.float64))[None]
    moved = apply_to(op, params, keypoints=before, size=size, clip=False)
    assert moved.keypoints is not None
    assert moved.visible is not None
    points, visible = moved.keypoints[0], moved.visible[0]
    others = _other_columns(op, params, points, keypoints, size)
    if drop_invisible:
        # A keypoint that is not visible is put outside the image, where Albumentations drops it.
        points = torch.where(visible[:, None], points, -1.0)
    return np.concatenate((points.numpy(), others), 1).astype(keypoints.dtype)


def _other_columns(
    op: Op, params: Params, moved: Float[Tensor, "k 2"], keypoints: NDArray[Any], size: tuple[int, int]
) -> NDArray[Any]:
    """Return the columns of keypoints after x and y (z, angle, scale and labels), with angle and scale transformed.

    An angle is a direction (cos, sin) in pixels, y downwards, and rotates like a short line at that point; a scale
    grows by the largest stretch.
    """
    rest = np.array(keypoints[:, 2:], dtype=np.float64)
    if rest.shape[1] < 3:
        return rest
    sides = torch.tensor([size[1], size[0]], dtype=torch.float64)
    change = jacobian(op, (2 * moved[None] + 1) / sides - 1, params, size)[0].numpy()
    x, y = np.einsum("kij,jk->ik", change, np.stack((np.cos(rest[:, 1]), np.sin(rest[:, 1]))))
    rest[:, 1] = np.arctan2(y, x) % (2 * np.pi)
    rest[:, 2] *= np.linalg.norm(change, ord=2, axis=(1, 2))
    return rest
