"""How a collection of pictures is stained: statistics of color and of the two stains, measured, stored and read."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from manyshot.augment.image.intensity.lab import to_lab
from manyshot.augment.image.stain.macenko import find_stains
from manyshot.base import InputError, read_json, write_json

FORMAT = "manyshot stain styles 1"
MOST_PICTURES = 2000
"""Number of pictures that are measured at most: more change nothing that matters."""

Three = tuple[float, float, float]


@dataclass(frozen=True)
class StainStyles:
    """Statistics of a collection of stained pictures.

    The first four are those of RandStainNA (Shen et al. 2022) in CIELAB; the others are the stains of Macenko et al.
    (2009). The defaults are published values: color of the NCT-CRC-HE-100K tiles, measured by the authors of
    RandStainNA, and hematoxylin and eosin as in Macenko's reference.

    Args:
        mean: Mean over pictures of the mean of each channel.
        mean_deviation: Standard deviation over pictures of the means.
        spread: Mean over pictures of the standard deviation of each channel.
        spread_deviation: Standard deviation over pictures of the spreads.
        stains: Optical density of red, green and blue of each of the two stains, of length 1.
        amounts: 99th percentile of the amount of each stain.
    """

    mean: Three = (61.97, 23.19, -11.19)
    mean_deviation: Three = (19.13, 10.96, 6.64)
    spread: Three = (14.47, 8.13, 6.13)
    spread_deviation: Three = (5.64, 2.82, 2.01)
    stains: tuple[Three, Three] = ((0.5626, 0.7201, 0.4062), (0.2159, 0.8012, 0.5581))
    amounts: tuple[float, float] = (0.8558, 0.4476)

    @staticmethod
    def of(pictures: Float[Tensor, "n 3 h w"]) -> "StainStyles":
        """Measure pictures; stains are the medians over those that show both.

        Raises:
            InputError: If there are fewer than two pictures, or they are not in color.

        Example:
            >>> import torch
            >>> styles = StainStyles.of(torch.rand(4, 3, 16, 16))
            >>> styles.mean[0] > 0
            True
        """
        if len(pictures) < 2 or pictures.shape[1] != 3:
            raise InputError(f"stain styles of pictures {list(pictures.shape)}: give at least two pictures in color")
        pictures = pictures[:: -(-len(pictures) // MOST_PICTURES)]
        lab = to_lab(pictures).flatten(2)
        means, spreads = lab.mean(2), lab.std(2)
        found = find_stains(pictures)
        stains, amounts = StainStyles.stains, StainStyles.amounts
        if bool(found.known.any()):
            shown = found.stains[found.known].double()
            middle = shown.median(0).values
            # The median of directions that point everywhere, as in noise, can be 0; their mean cannot.
            middle = torch.where(middle.norm(dim=1, keepdim=True) > 0, middle, shown.mean(0))
            first, second = (middle / middle.norm(dim=1, keepdim=True).clamp(min=1e-12)).tolist()
            most = found.amounts[found.known].double().median(0).values.tolist()
            stains, amounts = (_three(first), _three(second)), (most[0], most[1])
        rows = (means.mean(0), means.std(0), spreads.mean(0), spreads.std(0))
        mean, mean_deviation, spread, spread_deviation = (_three(row.tolist()) for row in rows)
        return StainStyles(mean, mean_deviation, spread, spread_deviation, stains, amounts)


def write_styles(path: Path | str, styles: StainStyles) -> None:
    """Write styles as JSON."""
    write_json(path, {"format": FORMAT, **asdict(styles)})


def read_styles(path: Path | str) -> StainStyles:
    """Read styles that `write_styles` wrote.

    Raises:
        InputError: If the file is missing, damaged or none.
    """
    stored = read_json(path)
    if not isinstance(stored, dict) or stored.get("format") != FORMAT:
        raise InputError(f"{path}: no stain styles; make them with `manyshot data styles`")
    try:
        color = [_three(stored[name]) for name in ("mean", "mean_deviation", "spread", "spread_deviation")]
        first, second = map(_three, stored["stains"])
        one, two = map(float, stored["amounts"])
    except (KeyError, TypeError, ValueError):
        raise InputError(f"{path}: damaged stain styles; make them again with `manyshot data styles`") from None
    return StainStyles(color[0], color[1], color[2], color[3], (first, second), (one, two))


def _three(values: Sequence[float]) -> Three:
    first, second, third = (float(value) for value in values)
    if not np.isfinite([first, second, third]).all():
        raise ValueError("not finite")
    return first, second, third
