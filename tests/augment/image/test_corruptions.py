"""What spoils pictures: noise of other kinds, movement, compression, fewer pixels, uneven fields, ghosts."""

import io

import numpy as np
import pytest
import torch
from PIL import Image
from sklearn.datasets import load_sample_image
from torch.nn import functional

from manyshot.augment.image import JPEG, BiasField, Downscale, Ghosting, MotionBlur, RandomFilter, SaltPepper, Speckle
from manyshot.augment.image.corruption.jpeg import STEPS
from manyshot.augment.image.corruption.mri import POWERS
from manyshot.augment.image.corruption.noise import gaussian


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def photo(size: tuple[int, int] = (96, 96)) -> torch.Tensor:
    """A photograph as uint8 `[3, h, w]`."""
    image = Image.fromarray(load_sample_image("flower.jpg")).resize(size[::-1], Image.Resampling.BOX)
    return torch.from_numpy(np.asarray(image).copy()).permute(2, 0, 1)


class TestNoise:
    def test_speckle_grows_with_the_light_and_leaves_black(self):
        images = torch.tensor([0.0, 0.2, 0.4]).view(1, 3, 1, 1).expand(1, 3, 200, 200)
        params = {"strength": torch.tensor([0.1]), "seed": torch.tensor([1])}
        spread = Speckle().apply(images, params).std((2, 3))[0]
        assert torch.allclose(spread, torch.tensor([0.0, 0.02, 0.04]), rtol=0.03)

    def test_salt_and_pepper_change_the_drawn_fraction_of_pixels_half_white_all_channels_alike(self):
        images = torch.full((2, 3, 200, 200), 0.5)
        params = {"fraction": torch.tensor([0.02, 0.2]), "seed": torch.tensor([1, 2])}
        result = SaltPepper().apply(images, params)
        hit = result != 0.5
        assert hit[:, :1].expand_as(hit).equal(hit)
        assert torch.allclose(hit[:, 0].float().mean((1, 2)), params["fraction"], rtol=0.1)
        assert result[hit].mean() == pytest.approx(0.5, abs=0.03)


class TestMotionBlur:
    @pytest.mark.parametrize(("degrees", "axis"), [(0.0, 1), (90.0, 0)])
    def test_a_dot_becomes_a_line_of_the_length_and_direction_drawn(self, degrees, axis):
        dot = torch.zeros(1, 1, 21, 21)
        dot[..., 10, 10] = 1
        params = {"length": torch.tensor([7.0]), "degrees": torch.tensor([degrees])}
        line = MotionBlur(length=20).apply(dot, params)[0, 0]
        assert line.sum() == pytest.approx(1, abs=1e-4)
        along, across = line.sum(1 - axis), line.sum(axis)
        assert across[10] == pytest.approx(1, abs=1e-3)
        position = torch.arange(21.0)
        assert ((position - 10) ** 2 * along).sum() == pytest.approx(7**2 / 12, rel=0.1)

    def test_a_slanting_line_rises_to_the_right(self):
        dot = torch.zeros(1, 1, 21, 21)
        dot[..., 10, 10] = 1
        line = MotionBlur(length=9).apply(dot, {"length": torch.tensor([9.0]), "degrees": torch.tensor([45.0])})[0, 0]
        assert line[8, 12] > 0.05
        assert line[8, 8] < 1e-4

    def test_a_flat_picture_stays(self):
        flat = torch.full((3, 1, 9, 9), 0.4)
        assert torch.allclose(MotionBlur().apply(flat, MotionBlur().sample(3, generator())), flat, atol=1e-5)


class TestDownscale:
    @pytest.mark.parametrize("shrink", [1, 2, 3, 4])
    def test_whole_factors_are_those_of_pillow(self, shrink):
        size = (24, 36)
        image = photo(size)
        result = Downscale().apply(image[None].float() / 255, {"factor": torch.tensor([float(shrink)])})[0] * 255
        small = Image.fromarray(image.permute(1, 2, 0).numpy()).reduce(shrink)
        expected = np.asarray(small.resize(size[::-1], Image.Resampling.BILINEAR)).transpose(2, 0, 1)
        assert np.abs(result.numpy() - expected).max() <= 1.5

    def test_a_flat_picture_stays_at_any_factor(self):
        flat = torch.full((50, 1, 13, 7), 0.4)
        assert torch.allclose(Downscale(20).apply(flat, Downscale(20).sample(50, generator())), flat, atol=1e-5)


class TestJPEG:
    @pytest.mark.parametrize("quality", [5, 20, 50, 75, 95])
    @pytest.mark.parametrize("size", [(64, 64), (45, 37)])
    @pytest.mark.parametrize("gray", [True, False])
    def test_gives_the_pixels_of_the_usual_library(self, quality, size, gray):
        image = photo(size)[:1] if gray else photo(size)
        ours = JPEG().apply(image[None].float() / 255, {"quality": torch.tensor([quality])})[0] * 255
        pil, file = Image.fromarray(image[0].numpy() if gray else image.permute(1, 2, 0).numpy()), io.BytesIO()
        pil.save(file, "JPEG", quality=quality)
        theirs = torch.from_numpy(np.asarray(Image.open(file)).copy())
        theirs = theirs[None] if gray else theirs.permute(2, 0, 1)
        error = (ours - theirs.float()).abs()
        done = (image.float() - theirs.float()).abs()
        # A frequency half-way between two steps may be rounded to the other one: far less than what compression does.
        assert error.mean() < 0.3 + 0.3 * done.mean()
        assert error.square().mean() < 0.5 + 0.1 * done.square().mean()

    def test_steps_are_the_ones_that_pillow_writes_at_quality_50(self):
        file = io.BytesIO()
        Image.new("RGB", (8, 8)).save(file, "JPEG", quality=50)
        tables = Image.open(file).quantization
        assert tables[0] == [step for row in STEPS["luma"] for step in row]
        assert tables[1] == [step for row in STEPS["chroma"] for step in row]

    def test_lower_quality_changes_more(self):
        image = photo()[None].float() / 255
        change = [(JPEG().apply(image, {"quality": torch.tensor([q])}) - image).abs().mean() for q in (95, 50, 20, 5)]
        assert change == sorted(change)


class TestScan:
    def test_a_bias_field_is_the_exponential_of_a_polynomial(self):
        images = torch.full((2, 1, 12, 17), 0.2, dtype=torch.float64)
        params = {"coefficients": BiasField(0.1).sample(2, generator())["coefficients"].double()}
        x, y = ((2 * np.arange(size) + 1) / size - 1 for size in (17, 12))
        for result, row in zip(BiasField().apply(images, params), params["coefficients"].numpy(), strict=True):
            table = np.zeros((4, 4))
            for (i, j), value in zip(POWERS, row, strict=True):
                table[j, i] = value
            assert np.allclose(result[0].numpy(), 0.2 * np.exp(np.polynomial.polynomial.polygrid2d(y, x, table)))

    @pytest.mark.parametrize("vertical", [False, True])
    def test_a_ghost_stands_a_fraction_of_the_image_away(self, vertical):
        image = torch.zeros(1, 1, 24, 24)
        image[..., 5, 5] = 1
        params = {"intensity": torch.tensor([0.6]), "ghosts": torch.tensor([3]), "vertical": torch.tensor([vertical])}
        # A faint gray lifts the weakened copies over black, where they would be clamped.
        result = Ghosting().apply(image * 0.5 + 0.3, params)[0, 0]
        line = result[:, 5] if vertical else result[5]
        background = line[[0, 3, 9, 16]].mean()
        assert (line[[13, 21]] < background - 0.05).all()
        assert line[5] > background + 0.3

    def test_the_mean_of_a_ghosted_picture_stays(self):
        images = torch.rand(20, 3, 16, 15, generator=generator()) * 0.2 + 0.4
        result = Ghosting().apply(images, Ghosting(strength=0.3).sample(20, generator()))
        assert torch.allclose(result.mean((2, 3)), images.mean((2, 3)), atol=1e-4)


class TestRandomFilter:
    def test_is_a_convolution_of_all_channels_stretched_to_the_whole_range(self):
        images = torch.rand(3, 2, 7, 9, dtype=torch.float64, generator=generator())
        op = RandomFilter(size=3)
        params = op.sample(3, generator(1))
        result = op.apply(images, params)
        weights = gaussian(params["seed"], 36).double().view(3, 3, 3, 2, 2)
        for image, kernel, filtered in zip(images, weights, result, strict=True):
            padded = functional.pad(image[None], (1, 1, 1, 1), mode="replicate")
            expected = functional.conv2d(padded, kernel.permute(3, 2, 0, 1))[0]
            low, high = expected.amin((1, 2), keepdim=True), expected.amax((1, 2), keepdim=True)
            assert torch.allclose(filtered, (expected - low) / (high - low), atol=1e-9)

    def test_keeps_edges_where_they_are_and_makes_flat_channels_gray(self):
        image = torch.zeros(1, 1, 8, 8)
        image[..., 4:] = 1
        op = RandomFilter()
        for seed in range(5):
            filtered = op(image, generator(seed))[0, 0]
            assert filtered[:, :3].std(0).max() == filtered[:, 5:].std(0).max() == 0
            assert filtered[:, 0].equal(filtered[:, 2])
            assert filtered[0, 0] != filtered[0, 7]
        assert op(torch.full((2, 3, 4, 4), 0.3), generator()).unique().tolist() == [0.5]
