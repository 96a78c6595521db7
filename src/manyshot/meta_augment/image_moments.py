"""What images of a task differ in: plain measures of the kind that an op changes, within classes and between them."""

import torch
from jaxtyping import Float
from torch import Tensor

from manyshot.meta_augment.support_encoder import SupportEncoder, half_log, spreads
from manyshot.tasks import Examples

FLOOR = 1e-4
"""What is added to variances: smaller differences of a trait are none."""
LEAST = 1e-6


class ImageMoments(SupportEncoder):
    """Tell which traits differ between the shots of a class, and which between the classes.

    For each trait (see `image_traits`), with the variance s_k of class k over its shots, added over the trait's
    numbers, <s> the mean over classes and a the variance of the class means, a class is described by log s_k, log <s>
    and log a. An op that changes a trait keeps the class where the trait differs within classes; it may make another
    one where it differs between classes only.

    Args:
        channels: of the images.

    Example:
        >>> traits = ImageMoments(1)
        >>> labels = torch.eye(2)[[0, 1, 1]][None]
        >>> support = Examples(torch.rand(1, 3, 1, 28, 28), labels, torch.ones(1, 3), torch.ones(1, 2) > 0)
        >>> traits(support).shape, traits.features
        (torch.Size([1, 2, 15]), 15)
    """

    def __init__(self, channels: int) -> None:
        super().__init__(3 * (6 if channels == 3 else 5))

    def tell(self, support: Examples) -> Float[Tensor, "t ways features"]:
        """The logarithms above, trait by trait."""
        told = []
        for trait in image_traits(support.items.flatten(0, 1)).values():
            f = torch.unflatten(trait, 0, support.items.shape[:2])
            _, own, _, within, apart = (each.sum(-1, keepdim=True) for each in spreads(f, support))
            of_task = torch.cat([within, apart], -1)[:, None].expand(-1, own.shape[1], -1)
            told.append(half_log(torch.cat([own, of_task], -1), FLOOR))
        return torch.cat(told, -1)


def image_traits(images: Float[Tensor, "n c h w"]) -> dict[str, Float[Tensor, "n _"]]:
    """A few numbers of each image for every trait that ops change.

    With the brightness g as a mass, at r from its centre as a complex number in units of its radius, and the gradient
    v of g as one, too:

        place:  the centre                  size:   log radius
        turn:   <r^2>, <r^3> by g, <(v / |v|)^2>, <(v / |v|)^4> by |v|; a turn by t multiplies r^k by e^ikt
        light:  mean and deviation of g     edges:  log (mean |v| / mean g)
        colour: the channels' means over their mean, where there are three

    Args:
        images: from 0 to 1.

    Example:
        >>> bar = torch.zeros(1, 1, 9, 9)
        >>> bar[..., 4] = 1
        >>> turned = image_traits(bar.mT)["turn"]
        >>> total = image_traits(bar)["turn"] + turned  # <r^2> has turned round
        >>> [round(number, 2) for number in total[0, :2].tolist()]
        [0.0, 0.0]
    """
    grey = images.mean(1)
    height, width = grey.shape[1:]
    mass = grey.mean((1, 2)).clamp(min=FLOOR)
    rows = torch.linspace(-1, 1, height).to(grey)[:, None]
    columns = torch.linspace(-1, 1, width).to(grey)
    x, y = ((grey * axis).mean((1, 2)) / mass for axis in (columns, rows))
    right, low = columns - x[:, None, None], rows - y[:, None, None]
    r = torch.complex(right.expand_as(grey), low.expand_as(grey))
    radius = ((grey * r.abs().square()).mean((1, 2)) / mass + FLOOR).sqrt()
    r = r / radius[:, None, None]

    across, down = grey[:, 1:-1, 2:] - grey[:, 1:-1, :-2], grey[:, 2:, 1:-1] - grey[:, :-2, 1:-1]
    steep = (across.square() + down.square() + LEAST).sqrt()
    slope = torch.complex(across, down) / steep
    steepness = steep.mean((1, 2))
    turn = [(grey * r**k).mean((1, 2)) / mass for k in (2, 3)]
    turn += [(steep * slope**k).mean((1, 2)) / steepness for k in (2, 4)]
    deviation = ((grey - grey.mean((1, 2), keepdim=True)).square().mean((1, 2)) + LEAST).sqrt()
    traits = {
        "place": torch.stack([x, y], -1),
        "size": radius.log()[:, None],
        "turn": torch.view_as_real(torch.stack(turn, -1)).flatten(1),
        "light": torch.stack([mass, deviation], -1),
        "edges": (steepness / mass).log()[:, None],
    }
    if images.shape[1] == 3:
        traits["colour"] = images.mean((2, 3)) / mass[:, None]
    return traits
