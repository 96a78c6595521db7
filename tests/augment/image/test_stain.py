"""Stains: CIELAB, Macenko's stains, styles, and pictures that show nothing; artifacts that scale with the picture."""

import pytest
import torch

from manyshot.augment.image import BlackCorner, Characters, StainNormalize, StainStyle
from manyshot.augment.image.intensity.lab import from_lab, to_lab
from manyshot.augment.image.stain.macenko import find_stains
from manyshot.augment.image.stain.stain_style import transfer
from manyshot.augment.image.stain.stain_styles import StainStyles, read_styles, write_styles
from one_line_error import one_line_error

BLUE, PINK = (0.65, 0.70, 0.29), (0.07, 0.99, 0.11)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def stained(n: int = 2, gain: float = 1.0) -> torch.Tensor:
    """Pictures of two known stains in random amounts, with a strip of glass."""
    stains = torch.nn.functional.normalize(torch.tensor([BLUE, PINK], dtype=torch.float64), dim=1)
    amounts = gain * torch.rand(n, 2, 24, 24, generator=generator(), dtype=torch.float64).square()
    amounts[:, 1, :4], amounts[:, 0, 4:8] = 0, 0  # some pixels show one stain alone
    amounts[:, :, -4:] = 0
    density = torch.einsum("nkhw,kc->nchw", amounts, stains)
    return ((256 * 10**-density - 1) / 255).clamp(0, 1)


def plain(kind: str, size: int = 8) -> torch.Tensor:
    if kind == "random 4x4":
        return torch.rand(1, 3, 4, 4, generator=generator())
    color = {"white": (1, 1, 1), "black": (0, 0, 0), "one color": (0.6, 0.2, 0.5)}[kind]
    return torch.tensor(color, dtype=torch.float32).view(1, 3, 1, 1).expand(1, 3, size, size).clone()


PUBLISHED = {
    (1, 1, 1): (100, 0, 0),
    (0, 0, 0): (0, 0, 0),
    (0, 0, 1): (32.30, 79.19, -107.86),
    (0, 1, 0): (87.74, -86.18, 83.18),
}


@pytest.mark.parametrize(("rgb", "lab"), PUBLISHED.items())
def test_cielab_has_the_published_values(rgb, lab):
    found = to_lab(torch.tensor(rgb, dtype=torch.float64).view(1, 3, 1, 1)).flatten()
    assert torch.allclose(found, torch.tensor(lab, dtype=torch.float64), atol=0.02)


def test_cielab_comes_back_with_finite_gradients_at_black_and_white():
    images = torch.cat([plain("white"), plain("black"), torch.rand(1, 3, 8, 8, generator=generator())]).requires_grad_()
    back = from_lab(to_lab(images))
    assert torch.allclose(back, images, atol=1e-3)
    back.square().sum().backward()
    assert images.grad.isfinite().all()


def test_the_stains_that_a_picture_was_made_of_are_found():
    found = find_stains(stained())
    assert found.known.all()
    wanted = torch.nn.functional.normalize(torch.tensor([BLUE, PINK], dtype=torch.float64), dim=1)
    assert (found.stains @ wanted.mT)[:, [0, 1], [0, 1]].min() > 0.99


def test_pictures_stained_more_strongly_become_alike_and_glass_stays():
    weak, strong = stained(gain=0.6), stained(gain=1.2)
    for method, nearer in (("macenko", 0.4), ("reinhard", 0.6)):
        op = StainNormalize(method)
        done = [op(images, generator()) for images in (weak, strong)]
        assert (done[0] - done[1]).abs().mean() < nearer * (weak - strong).abs().mean()
        assert torch.allclose(done[0][:, :, -4:], weak[:, :, -4:], atol=1e-6)


@pytest.mark.parametrize("kind", ["white", "black", "one color", "random 4x4"])
@pytest.mark.parametrize("op", [StainNormalize(), StainNormalize("reinhard"), StainStyle(), StainStyle(keep=True)])
def test_pictures_that_show_nothing_stay_finite_and_white_stays_white_where_glass_is_kept(kind, op):
    images = plain(kind)
    done = op(images, generator())
    assert done.isfinite().all()
    assert done.min() >= 0
    assert done.max() <= 1
    if kind == "white" and op.keep:
        assert done.equal(images)


def test_a_style_gives_the_picture_its_mean_and_spread():
    images = 0.3 + 0.4 * torch.rand(2, 3, 16, 16, generator=generator(), dtype=torch.float64)
    mean, spread = torch.tensor([[55.0, 5, -5]] * 2), torch.tensor([[8.0, 3, 3]] * 2)
    lab = to_lab(transfer(images, mean.double(), spread.double(), keep=False)).flatten(2)
    assert torch.allclose(lab.mean(2), mean.double(), atol=0.1)
    assert torch.allclose(lab.std(2, correction=0), spread.double(), atol=0.1)


def test_styles_are_measured_stored_and_drawn_from(tmp_path):
    pictures = stained(20).float() * torch.linspace(0.7, 1, 20).view(20, 1, 1, 1)
    styles = StainStyles.of(pictures)
    assert styles.mean[0] == pytest.approx(float(to_lab(pictures)[:, 0].mean()), abs=1e-3)
    path = tmp_path / "styles.json"
    write_styles(path, styles)
    assert read_styles(path) == styles
    drawn = StainStyle(str(path)).sample(4000, generator())
    assert drawn["mean"].mean(0).tolist() == pytest.approx(styles.mean, abs=0.3)
    assert drawn["mean"].std(0).tolist() == pytest.approx(styles.mean_deviation, rel=0.1)
    path.write_text("{}")
    with one_line_error("no stain styles"):
        read_styles(path)


def test_artifacts_scale_with_the_picture():
    params = BlackCorner().sample(4, generator(1))
    usual = BlackCorner().apply(torch.ones(4, 1, 64, 64), params).mean()
    op = Characters(height=0.3)
    for size in (32, 128):
        shown = BlackCorner().apply(torch.ones(4, 1, size, size), params).mean()
        assert float(shown) == pytest.approx(float(usual), abs=0.02)
        letters = op.apply(torch.zeros(4, 1, size, size), op.sample(4, generator(2))).amax(3)[:, 0] > 0.2
        rows = letters.float().mean(1)
        assert rows.min() > 0.1
        assert rows.max() < 0.35


@pytest.mark.parametrize("seed", range(12))
def test_styles_of_noise_which_has_no_stains_are_finite(seed):
    pictures = torch.rand(4, 3, 16, 16, generator=torch.Generator().manual_seed(seed))
    styles = StainStyles.of(pictures)
    assert torch.tensor(styles.stains).isfinite().all()
    assert torch.tensor(styles.stains).norm(dim=1).allclose(torch.ones(2))


def test_stains_do_not_depend_on_the_precision_of_the_pixels():
    pictures = torch.randint(256, (24, 3, 19, 19), generator=torch.Generator().manual_seed(3), dtype=torch.uint8)
    single, double = find_stains(pictures.float() / 255), find_stains(pictures.double() / 255)
    assert single.known.equal(double.known)
    assert single.stains.double().allclose(double.stains, atol=1e-6)
