"""Traits of images that ops change, such as position, size and angle, and their variance within and between classes."""

import torch
from jaxtyping import Float
from torch import Tensor

from manyshot.meta_augment.support_encoder import SupportEncoder, class_moments, log_std
from manyshot.tasks import Examples

FLOOR = 1e-4
"""Added to variances: smaller differences of a trait do not count."""
EPSILON = 1e-6
"""Added under square roots, so that their derivative stays finite."""


class ImageMoments(SupportEncoder):
    """Describe which traits differ between the shots of a class, and which between the classes.

    For each trait of `image_traits`, let s_k be the variance of class k over its shots, summed over the trait's
    entries, <s> its mean over classes, and a the variance of the class means. The description of a class is log s_k,
    log <s> and log a, each halved. An op that changes a trait keeps the class where the trait differs within classes;
    it may turn it into another one where the trait differs between classes only.

    Args:
        channels: Number of channels of the images.

    Example:
        >>> traits = ImageMoments(1)
        >>> support = Examples.of(torch.rand(1, 3, 1, 28, 28), torch.tensor([0, 1, 1]))
        >>> traits(support).shape, traits.features
        (torch.Size([1, 2, 15]), 15)
    """

    def __init__(self, channels: int) -> None:
        super().__init__(3 * (6 if channels == 3 else 5))

    def describe(self, support: Examples) -> Float[Tensor, "t ways features"]:
        """Compute the logarithms above, trait by trait."""
        described = []
        for trait in image_traits(support.items.flatten(0, 1)).values():
            f = torch.unflatten(trait, 0, support.items.shape[:2])
            _, variance, _, within, between = (moment.sum(-1, keepdim=True) for moment in class_moments(f, support))
            of_task = torch.cat([within, between], -1)[:, None].expand(-1, variance.shape[1], -1)
            described.append(log_std(torch.cat([variance, of_task], -1), FLOOR))
        return torch.cat(described, -1)


def image_traits(images: Float[Tensor, "n c h w"]) -> dict[str, Float[Tensor, "n _"]]:
    """Measure the traits of images that ops change, each by a few numbers.

    Let g be the brightness, taken as a mass; r the offset of a pixel from the center of mass as a complex number, in
    units of the radius of gyration; and v the gradient of g as a complex number:

        position:   center of mass                   size:   log radius
        angle:      <r^2>, <r^3> weighted by g, <(v / |v|)^2>, <(v / |v|)^4> weighted by |v|; a rotation by t
                    multiplies r^k by e^ikt
        brightness: mean and standard deviation of g  edges:  log (mean |v| / mean g)
        color:      mean of each channel over the mean of all, if there are three

    Args:
        images: Images with values from 0 to 1.

    Returns:
        Values of each trait `[n, numbers]`, by its name.

    Example:
        >>> bar = torch.zeros(1, 1, 9, 9)
        >>> bar[..., 4] = 1
        >>> rotated = image_traits(bar.mT)["angle"]
        >>> total = image_traits(bar)["angle"] + rotated  # a quarter turn negates <r^2>
        >>> [round(number, 2) for number in total[0, :2].tolist()]
        [0.0, 0.0]
    """
    gray = images.mean(1)
    height, width = gray.shape[1:]
    mass = gray.mean((1, 2)).clamp(min=FLOOR)
    rows = torch.linspace(-1, 1, height).to(gray)[:, None]
    columns = torch.linspace(-1, 1, width).to(gray)
    x, y = ((gray * axis).mean((1, 2)) / mass for axis in (columns, rows))
    dx, dy = columns - x[:, None, None], rows - y[:, None, None]
    r = torch.complex(dx.expand_as(gray), dy.expand_as(gray))
    radius = ((gray * r.abs().square()).mean((1, 2)) / mass + FLOOR).sqrt()
    r = r / radius[:, None, None]

    grad_x, grad_y = gray[:, 1:-1, 2:] - gray[:, 1:-1, :-2], gray[:, 2:, 1:-1] - gray[:, :-2, 1:-1]
    norm = (grad_x.square() + grad_y.square() + EPSILON).sqrt()
    direction = torch.complex(grad_x, grad_y) / norm
    mean_norm = norm.mean((1, 2))
    angle = [(gray * r**k).mean((1, 2)) / mass for k in (2, 3)]
    angle += [(norm * direction**k).mean((1, 2)) / mean_norm for k in (2, 4)]
    std = ((gray - gray.mean((1, 2), keepdim=True)).square().mean((1, 2)) + EPSILON).sqrt()
    traits = {
        "position": torch.stack([x, y], -1),
        "size": radius.log()[:, None],
        "angle": torch.view_as_real(torch.stack(angle, -1)).flatten(1),
        "brightness": torch.stack([mass, std], -1),
        "edges": (mean_norm / mass).log()[:, None],
    }
    if images.shape[1] == 3:
        traits["color"] = images.mean((2, 3)) / mass[:, None]
    return traits
