"""Point ops beside Pillow, and their tables."""

import numpy as np
import pytest
import torch
from PIL import Image, ImageEnhance, ImageOps

from manyshot.augment.image import Autocontrast, Equalize, ForegroundGamma, Gamma, Posterize, Sharpness, Solarize
from manyshot.augment.image.intensity.curve_op import CurveOp, histogram
from manyshot.augment.image.intensity.gamma import otsu


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def pictures(n: int = 4, size: tuple[int, int] = (40, 33), low: int = 30, high: int = 200) -> torch.Tensor:
    """uint8 pictures whose channels have ranges of their own."""
    noise = torch.rand(n, 3, *size, generator=generator(1)) ** 2
    return (low + noise * torch.tensor([1.0, 0.5, 0.8]).view(3, 1, 1) * (high - low)).round().to(torch.uint8)


def as_pil(image: torch.Tensor) -> Image.Image:
    return Image.fromarray(image.permute(1, 2, 0).numpy())


def levels(images: torch.Tensor) -> np.ndarray:
    return (images * 255).round().permute(0, 2, 3, 1).numpy()


def apart(op, params, pil, images=None) -> float:
    """The largest difference in levels from what Pillow makes of the same pictures."""
    images = pictures() if images is None else images
    ours = levels(op.apply(images.float() / 255, params))
    theirs = np.stack([np.asarray(pil(as_pil(image))).astype(float) for image in images])
    return np.abs(ours - theirs).max()


ON = {"on": torch.ones(4, dtype=torch.bool)}


@pytest.mark.parametrize("bits", range(1, 9))
def test_posterize_is_that_of_pillow(bits):
    params = {"bits": torch.full((4,), bits)}
    assert apart(Posterize(), params, lambda image: ImageOps.posterize(image, bits)) == 0


@pytest.mark.parametrize("threshold", [0, 1, 100, 255])
def test_solarize_is_that_of_pillow(threshold):
    params = {"threshold": torch.full((4,), threshold / 255)}
    assert apart(Solarize(), params, lambda image: ImageOps.solarize(image, threshold)) == 0


def test_autocontrast_is_that_of_pillow():
    assert apart(Autocontrast(), ON, ImageOps.autocontrast) <= 1


@pytest.mark.parametrize("size", [(40, 33), (200, 150), (28, 28), (17, 16), (3, 3)])
def test_equalize_is_that_of_pillow(size):
    assert apart(Equalize(), ON, ImageOps.equalize, pictures(size=size)) == 0


@pytest.mark.parametrize("kind", [Autocontrast, Equalize])
def test_a_picture_of_one_level_stays(kind):
    flat = torch.full((4, 3, 30, 30), 0.3)
    assert torch.allclose(kind().apply(flat, ON), flat)


@pytest.mark.parametrize("factor", [0.0, 0.5, 1.0, 1.9])
def test_sharpness_is_that_of_pillow(factor):
    params = {"factor": torch.full((4,), factor)}
    assert apart(Sharpness(), params, lambda image: ImageEnhance.Sharpness(image).enhance(factor)) <= 1


def test_gamma_is_a_power_and_keeps_black_and_white():
    images = torch.linspace(0, 1, 11).view(1, 1, 1, 11)
    for exponent in (0.5, 1.0, 2.0):
        result = Gamma().apply(images, {"exponent": torch.tensor([exponent])})
        assert torch.allclose(result, images**exponent)


def test_the_gradient_of_gamma_is_finite_in_black():
    images = torch.zeros(1, 1, 2, 2, requires_grad=True)
    Gamma().apply(images, {"exponent": torch.tensor([0.5])}).sum().backward()
    assert images.grad.isfinite().all()


@pytest.mark.parametrize("foreground", ["bright", "dark"])
def test_foreground_gamma_changes_the_foreground_only(foreground):
    y, x = torch.meshgrid(torch.linspace(-1, 1, 32), torch.linspace(-1, 1, 32), indexing="ij")
    disc = (x**2 + y**2 < 0.4).float()
    image = (0.1 + 0.05 * x + disc * (0.6 + 0.2 * y))[None, None]
    image = 1 - image if foreground == "dark" else image
    result = ForegroundGamma(foreground=foreground).apply(image, {"exponent": torch.tensor([1.8])})
    assert torch.allclose(result[0, 0][disc == 0], image[0, 0][disc == 0], atol=1 / 255)
    assert (result - image)[0, 0][disc == 1].abs().mean() > 0.05


def test_otsu_parts_two_heaps_as_a_search_over_all_thresholds_does():
    counts = histogram(pictures(3).float() / 255).sum(1)
    values = torch.arange(256.0)
    for row, result in zip(counts, otsu(counts), strict=True):

        def between(t, row=row):
            low, high = row[: t + 1], row[t + 1 :]
            if not low.sum() or not high.sum():
                return 0.0
            means = [
                (part * value).sum() / part.sum() for part, value in ((low, values[: t + 1]), (high, values[t + 1 :]))
            ]
            return float(low.sum() * high.sum() * (means[0] - means[1]) ** 2)

        assert between(round(float(result) * 255)) == pytest.approx(max(map(between, range(256))), rel=1e-4)


POINT_OPS = [Gamma(), Posterize(), Solarize(), Autocontrast(), Equalize(), ForegroundGamma()]


@pytest.mark.parametrize("op", POINT_OPS, ids=lambda op: type(op).__name__)
def test_the_table_of_a_point_op_says_what_it_does_to_uint8_images(op: CurveOp):
    images = pictures()
    params = op.sample(4, generator())
    floats = images.float() / 255
    table = op.levels(params, histogram(floats))
    assert table.shape == (4, 3, 256)
    looked_up = table.gather(2, images.long().flatten(2)).view(floats.shape)
    assert torch.allclose(looked_up, op.apply(floats, params), atol=1e-5)


def test_a_histogram_counts_levels():
    images = pictures()
    counts = histogram(images.float() / 255)
    for i in range(4):
        for c in range(3):
            assert counts[i, c].long().equal(torch.bincount(images[i, c].flatten().long(), minlength=256))
