"""Export pipelines as Python code for Albumentations or torchvision, for use where Manyshot is not installed.

The code imports only the other library. It uses the nearest transforms that the library has, so images follow nearly
the same distribution but are not the same draw by draw; the comments below say where they differ.
"""

import math
import re
from collections.abc import Callable, Mapping
from typing import Any

from manyshot.augment import image
from manyshot.augment.ops.compose import Compose, Sometimes
from manyshot.augment.ops.op import Op
from manyshot.augment.registry import NAMED
from manyshot.base import InputError

Row = Callable[[Any, str], str]
"""Function from an op and its probability to the call of the other library."""

BORDER_MODES = {"zeros": "cv2.BORDER_CONSTANT", "border": "cv2.BORDER_REPLICATE", "reflection": "cv2.BORDER_REFLECT"}


def _jitter(**ranges: str) -> str:
    unchanged = {"brightness": "(1, 1)", "contrast": "(1, 1)", "saturation": "(1, 1)", "hue": "(0, 0)"}
    return ", ".join(f"{name}={value}" for name, value in (unchanged | ranges).items())


def _around_one(strength: float) -> str:
    return f"({_n(max(0.0, 1 - strength))}, {_n(1 + strength)})"


def _symmetric(value: float) -> str:
    return f"({_n(-value)}, {_n(value)})"


def _n(value: float) -> str:
    return f"{value:.4g}"


def _tangent_degrees(shear: float) -> float:
    """Convert a tangent to degrees."""
    return math.degrees(math.atan(shear))


ALBUMENTATIONS: Mapping[type, Row] = {
    image.Flip: lambda op, p: f"A.HorizontalFlip(p={p})",
    image.FlipVertical: lambda op, p: f"A.VerticalFlip(p={p})",
    image.Turn: lambda op, p: f"A.RandomRotate90(p={p})",
    # The shift is a fraction of half the image here, of the whole image there; the order of the maps differs a little.
    image.Affine: lambda op, p: (
        f"A.Affine(rotate={_symmetric(op.degrees)}, scale=({_n(1 / op.scale)}, {_n(op.scale)}), balanced_scale=True, "
        f'keep_ratio=True, shear={{"x": {_symmetric(_tangent_degrees(op.shear))}, "y": (0, 0)}}, '
        f'translate_percent={{"x": {_symmetric(op.shift / 2)}, "y": {_symmetric(op.shift / 2)}}}, '
        f"border_mode={BORDER_MODES[op.padding_mode]}, p={p})"
    ),
    # A spline through normal displacements of as many points; their standard deviation is a tenth of the scale there.
    image.Elastic: lambda op, p: (
        f"A.ThinPlateSpline(scale_range=({_n(min(1.0, 5 * op.strength))}, {_n(min(1.0, 5 * op.strength))}), "
        f"num_control_points={op.cells + 1}, border_mode={BORDER_MODES[op.padding_mode]}, p={p})"
    ),
    # Only whole widths there, and gaps between strokes may close.
    image.StrokeWidth: lambda op, p: (
        f'A.OneOf([A.Morphological(scale=(1, {math.ceil(op.strength) + 1}), operation="dilation", p=1), '
        f'A.Morphological(scale=(1, {math.ceil(op.strength) + 1}), operation="erosion", p=1)], p={p})'
    ),
    image.Invert: lambda op, p: f"A.InvertImg(p={p})",
    image.Grayscale: lambda op, p: f"A.ToGray(p={p})",
    image.Brightness: lambda op, p: f"A.ColorJitter({_jitter(brightness=_around_one(op.strength))}, p={p})",
    image.Contrast: lambda op, p: f"A.ColorJitter({_jitter(contrast=_around_one(op.strength))}, p={p})",
    image.Saturation: lambda op, p: f"A.ColorJitter({_jitter(saturation=_around_one(op.strength))}, p={p})",
    image.Hue: lambda op, p: f"A.ColorJitter({_jitter(hue=_symmetric(op.strength))}, p={p})",
    # Exponents are uniform there, and uniform in the logarithm here.
    image.Gamma: lambda op, p: f"A.RandomGamma(gamma_limit=({_n(100 / op.strength)}, {_n(100 * op.strength)}), p={p})",
    image.Blur: lambda op, p: f"A.GaussianBlur(blur_limit=0, sigma_limit=(0, {_n(op.sigma)}), p={p})",
    image.Noise: lambda op, p: f"A.GaussNoise(std_range=(0, {_n(min(1.0, op.strength))}), p={p})",
    image.Erase: lambda op, p: f"A.Erasing(scale=({_n(op.area / 10)}, {_n(op.area)}), ratio=(0.333, 3), p={p})",
}
"""Ops with a counterpart in Albumentations 2.0."""


def _with_probability(transform: str, p: str) -> str:
    return transform if p == "1" else f"v2.RandomApply([{transform}], p={p})"


TORCHVISION: Mapping[type, Row] = {
    image.Flip: lambda op, p: f"v2.RandomHorizontalFlip(p={p})",
    image.FlipVertical: lambda op, p: f"v2.RandomVerticalFlip(p={p})",
    image.Turn: lambda op, p: _with_probability(
        "v2.RandomChoice([v2.Identity(), *[v2.RandomRotation((turn, turn)) for turn in (90, 180, 270)]])", p
    ),
    # Factors are uniform there, and uniform in the logarithm here; padding is black.
    image.Affine: lambda op, p: _with_probability(
        f"v2.RandomAffine(degrees={_n(op.degrees)}, translate=({_n(min(1.0, op.shift / 2))}, "
        f"{_n(min(1.0, op.shift / 2))}), scale=({_n(1 / op.scale)}, {_n(op.scale)}), "
        f"shear={_symmetric(_tangent_degrees(op.shear))}, interpolation=v2.InterpolationMode.BILINEAR)",
        p,
    ),
    image.Elastic: lambda op, p: _with_probability(f"Elastic(strength={_n(op.strength)}, cells={op.cells})", p),
    image.StrokeWidth: lambda op, p: _with_probability(f"StrokeWidth(strength={_n(op.strength)})", p),
    image.Invert: lambda op, p: f"v2.RandomInvert(p={p})",
    image.Grayscale: lambda op, p: f"v2.RandomGrayscale(p={p})",
    image.Brightness: lambda op, p: _with_probability(f"v2.ColorJitter(brightness={_around_one(op.strength)})", p),
    image.Contrast: lambda op, p: _with_probability(f"v2.ColorJitter(contrast={_around_one(op.strength)})", p),
    image.Saturation: lambda op, p: _with_probability(f"v2.ColorJitter(saturation={_around_one(op.strength)})", p),
    image.Hue: lambda op, p: _with_probability(f"v2.ColorJitter(hue={_n(op.strength)})", p),
    image.Gamma: lambda op, p: _with_probability(f"Gamma(strength={_n(op.strength)})", p),
    image.Blur: lambda op, p: _with_probability(
        f"v2.GaussianBlur(kernel_size={2 * math.ceil(3 * op.sigma) + 1}, sigma=(0.001, {_n(op.sigma)}))", p
    ),
    image.Noise: lambda op, p: _with_probability(f"Noise(strength={_n(op.strength)})", p),
    image.Erase: lambda op, p: f"v2.RandomErasing(scale=({_n(op.area / 10)}, {_n(op.area)}), ratio=(0.333, 3), p={p})",
}
"""Ops with a counterpart in torchvision's transforms v2, or in `HELPERS`."""


def _of_strength(name: str, about: str, lines: str) -> str:
    """Code of a module with one option, `strength`; `lines` are those of `forward`."""
    return f'''
class {name}(torch.nn.Module):
    """{about}"""

    def __init__(self, strength):
        super().__init__()
        self.strength = strength

    def forward(self, image):{lines}'''


HELPERS = {
    "Elastic": '''
class Elastic(torch.nn.Module):
    """Displace each image by a smooth field of normal displacements at the corners of cells x cells squares."""

    def __init__(self, strength, cells):
        super().__init__()
        self.strength, self.cells = strength, cells

    def forward(self, image):
        height, width = image.shape[-2:]
        corners = self.strength * torch.randn(1, 2, self.cells + 1, self.cells + 1)
        field = F.interpolate(corners, (height, width), mode="bicubic", align_corners=True)
        still = F.affine_grid(torch.eye(2, 3)[None], [1, 1, height, width], align_corners=False)
        where = (still + field.permute(0, 2, 3, 1)).to(image)
        return F.grid_sample(image[None], where, align_corners=False)[0]
''',
    "StrokeWidth": _of_strength(
        "StrokeWidth",
        "Thicken or thin bright strokes by up to `strength` pixels; narrow gaps may close.",
        """
        width = float(torch.empty(()).uniform_(-self.strength, self.strength))
        sign = -1.0 if width < 0 else 1.0
        before, width = sign * image, abs(width)
        for step in range(math.ceil(width)):
            grown = F.max_pool2d(before[None], 3, stride=1, padding=1)[0]
            before = before + min(1.0, width - step) * (grown - before)
        return sign * before
""",
    ),
    "Gamma": _of_strength(
        "Gamma",
        "Raise every value to a random power, up to `strength` or down to its inverse.",
        """
        power = float(torch.empty(()).uniform_(-1, 1))
        return image.clamp(0, 1) ** (self.strength**power)
""",
    ),
    "Noise": _of_strength(
        "Noise",
        "Add Gaussian noise of a random standard deviation, up to `strength`.",
        """
        return (image + self.strength * torch.rand(()) * torch.randn_like(image)).clamp(0, 1)
""",
    ),
}
"""Code of modules that torchvision lacks: float images `[c, h, w]`, 0 to 1, in and out."""


def albumentations_source(op: Op, title: str) -> str:
    """Return Python code for Albumentations 2: a module that defines `pipeline`.

    Args:
        op: Op on images.
        title: First line of the module, a comment.

    Raises:
        InputError: If an op has no counterpart in the library.

    Example:
        >>> print(albumentations_source(Compose((image.Flip(), Sometimes(image.Noise(0.1), 0.25))), "Flips and grain."))
        # Flips and grain.
        # Written by Manyshot for Albumentations 2; does not need Manyshot.
        import albumentations as A
        import cv2
        <BLANKLINE>
        cv2.setNumThreads(0)
        pipeline = A.Compose(
            [
                A.HorizontalFlip(p=0.5),
                A.GaussNoise(std_range=(0, 0.1), p=0.25),
            ]
        )
        <BLANKLINE>
    """
    calls = _calls(op, 1.0, ALBUMENTATIONS, "Albumentations")
    return (
        f"# {title}\n# Written by Manyshot for Albumentations 2; does not need Manyshot.\n"
        "import albumentations as A\nimport cv2\n\ncv2.setNumThreads(0)\npipeline = A.Compose(\n    [\n"
        + "".join(f"        {call},\n" for call in calls)
        + "    ]\n)\n"
    )


def torchvision_source(op: Op, title: str) -> str:
    """Return Python code for torchvision's transforms v2: a module that defines `pipeline`.

    It takes uint8 or float images `[c, h, w]` and returns float images from 0 to 1.

    Args:
        op: Op on images.
        title: First line of the module, a comment.

    Raises:
        InputError: As `albumentations_source`.

    Example:
        >>> print(torchvision_source(Compose((image.Flip(),)), "Flips."))
        # Flips.
        # Written by Manyshot for torchvision's transforms v2; does not need Manyshot.
        import torch
        from torchvision.transforms import v2
        <BLANKLINE>
        pipeline = v2.Compose(
            [
                v2.ToImage(),
                v2.ToDtype(torch.float32, scale=True),
                v2.RandomHorizontalFlip(p=0.5),
            ]
        )
        <BLANKLINE>
    """
    calls = ["v2.ToImage()", "v2.ToDtype(torch.float32, scale=True)", *_calls(op, 1.0, TORCHVISION, "torchvision")]
    helpers = [text for name, text in HELPERS.items() if any(re.search(rf"(?<![\w.]){name}\(", c) for c in calls)]
    imports = ["import math\n\n"] if any("math." in text for text in helpers) else []
    imports += ["import torch\n"]
    imports += ["import torch.nn.functional as F\n"] if any("F." in text for text in helpers) else []
    return (
        f"# {title}\n# Written by Manyshot for torchvision's transforms v2; does not need Manyshot.\n"
        + "".join(imports)
        + "from torchvision.transforms import v2\n"
        + "".join(f"\n{text}" for text in helpers)
        + ("\n\n" if helpers else "\n")
        + "pipeline = v2.Compose(\n    [\n"
        + "".join(f"        {call},\n" for call in calls)
        + "    ]\n)\n"
    )


def _calls(op: Op, p: float, table: Mapping[type, Row], library: str) -> list[str]:
    """Return the calls for an op that acts with probability p."""
    if isinstance(op, Compose):
        if p == 1 or len(op.ops) == 1:
            return [call for inner in op.ops for call in _calls(inner, p, table, library)]
        raise InputError(f"{library} cannot apply several ops together with a probability; give each its own p")
    if isinstance(op, Sometimes):
        return _calls(op.op, p * op.p, table, library)
    if type(op) not in table:
        name = next((name for name, kind in NAMED.items() if kind is type(op)), type(op).__name__)
        raise InputError(f"'{name}' has no counterpart in {library}; leave it out, or write JSON (--to json)")
    return [table[type(op)](op, _n(p * getattr(op, "p", 1.0)))]
