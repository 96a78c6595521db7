"""CutMix (Yun, Han, Oh, Chun, Choe and Yoo 2019)."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Generator, Tensor

from manyshot.augment.image.geometric.warp import pixels
from manyshot.augment.mix.mix import Images, Labels, Mix, Mixed, Partners
from manyshot.augment.ops.beta_dirichlet import beta
from manyshot.augment.ops.op import Params, check_number, uniform


@dataclass(frozen=True)
class CutMix(Mix):
    """Paste a rectangle of another image into each image, and mix the labels by area.

    The rectangle has the image's shape and the fraction `1 - lam` of its area, lam ~ Beta(alpha, alpha); what lies
    beyond the border is cut off. Labels are mixed by the number of pixels that are actually shown.

    Args:
        alpha: Parameter of the Beta distribution; at 1 all areas are equally likely.

    Raises:
        InputError: For an alpha out of range.

    Example:
        >>> images, labels = torch.stack((torch.zeros(1, 4, 4), torch.ones(1, 4, 4))), torch.eye(2)
        >>> params = {"side": torch.tensor([0.5, 0.0]), "center": torch.tensor([[0.5, 0.5], [0.0, 0.0]])}
        >>> mixed, soft = CutMix().apply(images, labels, params, torch.tensor([[1], [0]]))
        >>> mixed[0, 0, 3].tolist(), soft[0].tolist()
        ([0.0, 0.0, 1.0, 1.0], [0.75, 0.25])
    """

    alpha: float = 1.0

    def __post_init__(self) -> None:
        check_number(self, "alpha", low=1e-3, high=1e3)

    def sample(self, n: int, generator: Generator) -> Params:
        """Draw `side [n]`, a fraction of the image's sides, `center [n, 2]` (x, y), -1 to 1, and `partner [n, 1]`."""
        return {
            "side": (1 - beta(n, self.alpha, generator)).sqrt(),
            "center": uniform(2 * n, -1.0, 1.0, generator).view(n, 2),
            "partner": torch.rand(n, 1, generator=generator),
        }

    def change(self, images: Images, labels: Labels, params: Params, partners: Partners) -> Mixed:
        """Cut and paste whole pixels; differentiable in images and labels."""
        other = partners[:, 0].to(images.device)
        center, side = params["center"].to(images), params["side"].to(images)[:, None]
        x, y = _axes(images)
        in_column, in_row = (x - center[:, :1]).abs() < side, (y - center[:, 1:]).abs() < side
        mixed = torch.where((in_row[..., None] & in_column[:, None])[:, None], images[other], images)
        area = in_row.to(labels).mean(1, keepdim=True) * in_column.to(labels).mean(1, keepdim=True)
        return mixed, torch.lerp(labels, labels[other], area.expand_as(labels))


def _axes(images: Float[Tensor, "n c h w"]) -> tuple[Float[Tensor, "w"], Float[Tensor, "h"]]:
    """The coordinates of the columns and of the rows."""
    grid = pixels(images.new_empty(1, 1, *images.shape[2:]))
    return grid[0, 0, :, 0], grid[0, :, 0, 1]
