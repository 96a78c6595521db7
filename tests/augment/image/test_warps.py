"""Warps beside oracles: numpy in double precision, torch's own index operations, and the geometry that they promise."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.ndimage import map_coordinates
from torch.nn import functional as F

from manyshot.augment.image import Affine, Crop, Elastic, Flip, FlipVertical, ResizedCrop, Turn
from manyshot.augment.image.geometric.warp import PADDING_MODES, pixels, settle
from manyshot.base import InputError


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def affine_params(degrees=0.0, scale=1.0, shear=0.0, shift=(0.0, 0.0)):
    return {
        "degrees": torch.tensor([degrees]),
        "scale": torch.tensor([scale]),
        "shear": torch.tensor([shear]),
        "shift": torch.tensor([shift]),
    }


def affine_in_numpy(
    image: np.ndarray, degrees: float, scale: float, shear: float, shift: tuple, padding_mode: str
) -> np.ndarray:
    """The map written out forwards in pixels from the center, inverted, and read with scipy."""
    _, h, w = image.shape
    angle = np.deg2rad(degrees)
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    forward = turn @ (scale * np.eye(2)) @ np.array([[1, -shear], [0, 1]])
    x, y = np.meshgrid(np.arange(w) - (w - 1) / 2, np.arange(h) - (h - 1) / 2)
    out = np.stack((x.ravel() - shift[0] * w / 2, y.ravel() - shift[1] * h / 2))
    source = np.linalg.inv(forward) @ out
    places = np.stack((source[1] + (h - 1) / 2, source[0] + (w - 1) / 2))
    mode = {"zeros": "grid-constant", "border": "nearest", "reflection": "reflect"}[padding_mode]
    return np.stack([map_coordinates(c, places, order=1, mode=mode).reshape(h, w) for c in image])


class TestAffine:
    @given(
        padding_mode=st.sampled_from(list(PADDING_MODES)),
        size=st.tuples(st.integers(2, 12), st.integers(2, 12)),
        degrees=st.floats(-180, 180),
        scale=st.floats(0.5, 2),
        shear=st.floats(-0.5, 0.5),
        shift=st.tuples(st.floats(-0.5, 0.5), st.floats(-0.5, 0.5)),
    )
    def test_agrees_with_numpy(self, padding_mode, size, degrees, scale, shear, shift):
        image = torch.rand(1, 2, *size, generator=generator(), dtype=torch.float64)
        params = {k: v.double() for k, v in affine_params(degrees, scale, shear, shift).items()}
        drawn = [params[name].item() for name in ("degrees", "scale", "shear")]
        expected = affine_in_numpy(image[0].numpy(), *drawn, params["shift"][0].tolist(), padding_mode)
        assert np.allclose(Affine(padding_mode=padding_mode).apply(image, params)[0].numpy(), expected, atol=1e-9)

    @pytest.mark.parametrize("quarters", [-1, 0, 1, 2])
    def test_a_turn_of_90_degrees_is_rot90(self, quarters):
        image = torch.rand(1, 3, 9, 9, generator=generator())
        turned = Affine().apply(image, affine_params(degrees=90.0 * quarters))
        assert torch.allclose(turned, image.rot90(quarters, (2, 3)), atol=1e-5)

    def test_turns_a_picture_that_is_not_square_without_shearing_it(self):
        image = torch.zeros(1, 1, 11, 41)
        image[..., 5, 16:25] = 1
        turned = Affine().apply(image, affine_params(degrees=90.0))
        expected = torch.zeros(1, 1, 11, 41)
        expected[..., 1:10, 20] = 1
        assert torch.allclose(turned, expected, atol=1e-4)

    def test_a_scale_of_two_doubles_and_a_shift_of_one_moves_by_half_the_image(self):
        image = torch.zeros(1, 1, 8, 8)
        image[..., 3:5, 3:5] = 1
        assert Affine().apply(image, affine_params(scale=2.0)).sum() == pytest.approx(16, abs=1e-3)
        moved = Affine().apply(image, affine_params(shift=(1.0, -1.0)))
        assert torch.allclose(moved[..., :1, 7:], torch.ones(1), atol=1e-4)

    def test_a_positive_shear_slants_like_italics(self):
        stem = torch.zeros(1, 1, 9, 9)
        stem[..., 4] = 1
        slanted = Affine().apply(stem, affine_params(shear=0.5))[0, 0]
        assert slanted[0].argmax() == 6
        assert slanted[8].argmax() == 2

    def test_draws_within_its_limits_and_as_often_smaller_as_larger(self):
        op = Affine(degrees=30, scale=2, shear=0.3, shift=0.2)
        params = op.sample(4000, generator())
        for name, limit in (("degrees", 30), ("shear", 0.3), ("shift", 0.2)):
            assert params[name].abs().max() <= limit
            assert params[name].abs().max() > 0.95 * limit
            assert params[name].mean().abs() < 0.05 * limit
        assert params["scale"].min() >= 0.499
        assert params["scale"].max() <= 2.001
        assert (params["scale"] > 1).float().mean() == pytest.approx(0.5, abs=0.03)


class TestElastic:
    def test_displaces_by_the_drawn_amount_at_the_corners_of_its_cells(self):
        op = Elastic(cells=2)
        params = op.sample(2, generator())
        corners = torch.stack(torch.meshgrid(*[torch.linspace(-1, 1, 3)] * 2, indexing="xy"), -1).expand(2, 3, 3, 2)
        moved = op.source_points(corners, params, (28, 28)) - corners
        assert torch.allclose(moved.permute(0, 3, 1, 2), params["displacement"], atol=1e-5)

    def test_one_displacement_for_all_corners_is_a_shift(self):
        image = torch.rand(1, 1, 8, 8, generator=generator())
        params = {"displacement": torch.tensor([0.5, 0.0]).view(1, 2, 1, 1).expand(1, 2, 5, 5)}
        assert torch.allclose(Elastic().apply(image, params), F.pad(image, (0, 2))[..., 2:], atol=1e-5)

    def test_is_smooth_between_the_corners(self):
        op = Elastic(cells=3)
        points = pixels(torch.zeros(4, 1, 64, 64))
        field = op.source_points(points, op.sample(4, generator()), (64, 64)) - points
        bends = field[:, :, 2:] - 2 * field[:, :, 1:-1] + field[:, :, :-2]
        assert bends.abs().max() < 0.05 * field.abs().max()

    def test_has_the_strength_that_was_asked_for(self):
        assert Elastic(strength=0.2).sample(500, generator())["displacement"].std() == pytest.approx(0.2, rel=0.03)


class TestExactWarps:
    images = torch.rand(4, 2, 6, 6, generator=torch.Generator().manual_seed(0))

    def test_flips_are_exact_and_their_own_inverse(self):
        params = {"flipped": torch.tensor([True, False, True, False])}
        for op, axis in ((Flip(), -1), (FlipVertical(), -2)):
            flipped = op.apply(self.images, params)
            assert flipped[::2].equal(self.images[::2].flip(axis))
            assert flipped[1::2].equal(self.images[1::2])
            assert op.apply(flipped, params).equal(self.images)

    def test_turns_are_rot90_to_the_bit(self):
        turned = Turn().apply(self.images, {"quarters": torch.arange(4)})
        assert all(turned[k].equal(self.images[k].rot90(k, (1, 2))) for k in range(4))

    def test_half_turns_take_any_shape_and_quarter_turns_are_refused_with_the_mend(self):
        wide = torch.rand(2, 1, 3, 5, generator=generator())
        turned = Turn(degrees=180).apply(wide, {"quarters": torch.tensor([0, 2])})
        assert turned[1].equal(wide[1].rot90(2, (1, 2)))
        with pytest.raises(InputError, match=r"3 x 5 pixels .* crop them to squares, or give fit=yes or degrees=180"):
            Turn().apply(wide, {"quarters": torch.tensor([0, 1])})

    def test_turns_that_fit_are_half_turns_of_oblong_pictures_and_any_turns_of_square_ones(self):
        quarters = {"quarters": torch.arange(4)}
        for wide in (torch.rand(4, 1, 3, 5, generator=generator()), torch.rand(4, 2, 6, 1, generator=generator())):
            turned = Turn(fit=True).apply(wide, quarters)
            assert all(turned[k].equal(wide[k].rot90(k - k % 2, (1, 2))) for k in range(4))
        assert Turn(fit=True).apply(self.images, quarters).equal(Turn().apply(self.images, quarters))

    @pytest.mark.parametrize("padding_mode", PADDING_MODES)
    @pytest.mark.parametrize("shift", [(0.0, 0.0), (0.5, 0.0), (-1 / 3, 1 / 3), (-1.0, 1.0)])
    def test_a_crop_is_a_window_of_the_padded_image(self, padding_mode, shift):
        mode = {"zeros": "constant", "border": "edge", "reflection": "symmetric"}[padding_mode]
        padded = np.pad(self.images.numpy(), ((0, 0), (0, 0), (6, 6), (6, 6)), mode=mode)
        x, y = 6 + round(6 * shift[0]), 6 + round(6 * shift[1])
        cropped = Crop(padding_mode=padding_mode).apply(self.images, {"shift": torch.tensor([shift]).expand(4, 2)})
        assert np.array_equal(cropped.numpy(), padded[:, :, y : y + 6, x : x + 6])

    @pytest.mark.parametrize(
        "op", [Flip(), FlipVertical(), Turn(), Crop(0.4), Crop(0.4, "border"), Crop(0.4, "reflection")]
    )
    def test_reading_at_where_gives_what_apply_gives(self, op):
        images = torch.rand(32, 2, 7, 7, generator=generator())
        params = op.sample(32, generator())
        points = op.source_points(pixels(images), params, (7, 7))
        read = F.grid_sample(images, points, padding_mode=op.padding_mode or "zeros", align_corners=False)
        assert torch.allclose(read, op.apply(images, params), atol=1e-5)


class TestResizedCrop:
    def test_of_the_whole_image_is_the_image(self):
        images = torch.rand(2, 3, 7, 5, generator=generator())
        whole = {"center": torch.zeros(2, 2), "side": torch.ones(2, 2)}
        assert torch.allclose(ResizedCrop().apply(images, whole), images, atol=1e-5)

    def test_of_a_quarter_doubles_its_size(self):
        image = torch.rand(1, 1, 8, 8, generator=generator())
        corner = {"center": torch.tensor([[-0.5, 0.5]]), "side": torch.tensor([[0.5, 0.5]])}
        part = F.interpolate(image[..., 4:, :4], scale_factor=2, mode="bilinear", align_corners=False)
        assert torch.allclose(ResizedCrop().apply(image, corner)[..., 1:-1, 1:-1], part[..., 1:-1, 1:-1], atol=1e-5)

    def test_stays_inside_the_image(self):
        params = ResizedCrop(area=0.1, ratio=3).sample(1000, generator())
        assert (params["center"].abs() + params["side"]).max() <= 1 + 1e-6

    def test_of_a_uniform_picture_has_no_dark_rim(self):
        result = ResizedCrop(area=0.2).apply(torch.ones(20, 1, 8, 8), ResizedCrop(area=0.2).sample(20, generator()))
        assert result.min() > 0.999


@given(x=st.floats(-7, 7), y=st.floats(-7, 7), padding_mode=st.sampled_from(list(PADDING_MODES)))
def test_a_settled_point_shows_what_the_point_itself_shows(x, y, padding_mode):
    image = torch.rand(1, 1, 5, 5, generator=generator(), dtype=torch.float64)
    point = torch.tensor([x, y], dtype=torch.float64).view(1, 1, 1, 2)
    seen, settled = (
        F.grid_sample(image, p, padding_mode=padding_mode, align_corners=False)
        for p in (point, settle(point, padding_mode, (5, 5)))
    )
    beyond = max(abs(x), abs(y)) > 1
    # Within half a pixel of a zero edge, sampling fades out, and settling cuts off.
    assert settled.item() == (0 if padding_mode == "zeros" and beyond else pytest.approx(seen.item(), abs=1e-9))
