"""Ops that change values in place: color, noise, blur, erasing and stroke width."""

import colorsys

import pytest
import torch
from scipy.ndimage import gaussian_filter

from manyshot.augment.image import Blur, Brightness, Contrast, Erase, Hue, Noise, Saturation, StrokeWidth
from manyshot.augment.image.corruption.noise import gaussian, uniforms
from manyshot.augment.image.intensity.color import LUMA, ColorOp
from manyshot.base import InputError

COLOR = {"brightness": Brightness(), "contrast": Contrast(), "saturation": Saturation(), "hue": Hue()}


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def pictures(*shape: int) -> torch.Tensor:
    return torch.rand(shape, generator=generator(1)) * 0.4 + 0.3


def luma(images: torch.Tensor) -> torch.Tensor:
    return (images * torch.tensor(LUMA)[:, None, None]).sum(1)


class TestColor:
    def test_brightness_multiplies(self):
        images = pictures(2, 3, 4, 4)
        result = Brightness().apply(images, {"factor": torch.tensor([1.2, 0.0])})
        assert torch.allclose(result, images * torch.tensor([1.2, 0.0])[:, None, None, None])

    def test_contrast_keeps_the_mean_gray_and_scales_the_spread(self):
        images = pictures(3, 3, 6, 6)
        result = Contrast().apply(images, {"factor": torch.tensor([0.0, 0.5, 1.2])})
        assert torch.allclose(luma(result).mean((1, 2)), luma(images).mean((1, 2)), atol=1e-5)
        assert torch.allclose(result.std((2, 3)), images.std((2, 3)) * torch.tensor([[0.0], [0.5], [1.2]]), atol=1e-5)

    def test_saturation_keeps_luma_and_removes_or_adds_color(self):
        images = pictures(2, 3, 4, 4)
        gray, vivid = Saturation().apply(images, {"factor": torch.tensor([0.0, 1.2])})
        assert torch.allclose(luma(gray[None]), luma(images[:1]), atol=1e-5)
        assert torch.allclose(gray[0], gray[2], atol=1e-6)
        assert torch.allclose(luma(vivid[None]), luma(images[1:]), atol=1e-5)
        assert (vivid.amax(0) - vivid.amin(0)).mean() > (images[1].amax(0) - images[1].amin(0)).mean()

    def test_hue_keeps_luma_and_grays_and_a_whole_turn_is_nothing(self):
        images = pictures(2, 3, 4, 4)
        turned, whole = Hue().apply(images, {"turn": torch.tensor([0.2, 1.0])})
        assert torch.allclose(luma(turned[None]), luma(images[:1]), atol=1e-5)
        assert torch.allclose(whole, images[1], atol=1e-5)
        gray = torch.full((1, 3, 1, 1), 0.4)
        assert torch.allclose(Hue().apply(gray, {"turn": torch.tensor([0.3])}), gray, atol=1e-4)

    def test_hue_turns_red_towards_the_color_that_the_color_wheel_has_there(self):
        red = torch.tensor([0.5, 0.3, 0.3]).view(1, 3, 1, 1)
        hues = [
            colorsys.rgb_to_hsv(*Hue().apply(red, {"turn": torch.tensor([t])}).flatten().tolist())[0]
            for t in (0.1, -0.1)
        ]
        assert sorted(round(hue, 1) for hue in hues) == [0.1, 0.9]

    @pytest.mark.parametrize("op", [Saturation(), Hue()])
    def test_saturation_and_hue_leave_gray_images_and_refuse_two_channels(self, op):
        gray, params = pictures(4, 1, 5, 5), op.sample(4, generator())
        assert op.apply(gray, params).equal(gray)
        with pytest.raises(InputError, match="2 channels"):
            op.apply(pictures(4, 2, 5, 5), params)

    @pytest.mark.parametrize("op", [Brightness(), Contrast()])
    def test_brightness_and_contrast_take_any_number_of_channels(self, op):
        assert op.apply(pictures(4, 5, 3, 3), op.sample(4, generator())).shape == (4, 5, 3, 3)

    @pytest.mark.parametrize("first", COLOR.values(), ids=COLOR)
    @pytest.mark.parametrize("second", COLOR.values(), ids=COLOR)
    def test_two_maps_multiply_into_one(self, first: ColorOp, second: ColorOp):
        images = pictures(4, 3, 5, 5)
        one, two = first.sample(4, generator()), second.sample(4, generator(1))
        mean = images.mean((2, 3))
        a = first.maps(one, mean)
        b = second.maps(two, (a[..., :3] @ mean[..., None] + a[..., 3:])[..., 0])
        linear, offset = b[..., :3] @ a[..., :3], b[..., :3] @ a[..., 3:] + b[..., 3:]
        fused = (linear @ images.flatten(2) + offset).view_as(images)
        assert torch.allclose(fused, second.apply(first.apply(images, one), two), atol=1e-5)


class TestNoise:
    def test_is_standard_normal_and_independent_of_seed_and_position(self):
        z = gaussian(torch.arange(2000), 99).double()
        assert z.mean().abs() < 0.01
        assert z.var() == pytest.approx(1, abs=0.02)
        assert z.pow(4).mean() == pytest.approx(3, abs=0.1)
        assert torch.corrcoef(z.T).fill_diagonal_(0).abs().max() < 0.12
        assert torch.corrcoef(z[:200]).fill_diagonal_(0).abs().max() < 0.6

    def test_uniforms_fill_their_range_evenly(self):
        for part in uniforms(torch.arange(100), 1000):
            assert part.min() > 0
            assert part.max() <= 1
            counts = part.flatten().histc(10, 0, 1)
            assert (counts / 10_000 - 1).abs().max() < 0.05

    def test_has_the_strength_that_was_drawn(self):
        images = torch.full((2, 3, 50, 50), 0.5)
        params = {"strength": torch.tensor([0.02, 0.1]), "seed": torch.tensor([1, 2])}
        assert torch.allclose((Noise().apply(images, params) - 0.5).std((1, 2, 3)), params["strength"], rtol=0.05)

    def test_the_numbers_of_a_seed_never_change(self):
        # Manifests name a seed: a change here would make old samples impossible to make again.
        expected = torch.tensor([[-1.1912, -2.2443, -0.7924]])
        assert torch.allclose(gaussian(torch.tensor([42]), 3), expected, atol=1e-4)


class TestBlur:
    @pytest.mark.parametrize("sigma", [0.5, 1.0, 2.0])
    def test_agrees_with_scipy(self, sigma):
        images = torch.rand(2, 1, 12, 15, generator=generator())
        result = Blur(sigma=sigma).apply(images, {"sigma": torch.full((2,), sigma)})
        for image, blurred in zip(images, result, strict=True):
            expected = gaussian_filter(image[0].double().numpy(), sigma, mode="nearest", truncate=3.0)
            assert torch.allclose(blurred[0].double(), torch.from_numpy(expected), atol=1e-3)

    def test_by_nothing_is_nothing(self):
        images = pictures(2, 3, 5, 5)
        assert torch.allclose(Blur(sigma=2).apply(images, {"sigma": torch.zeros(2)}), images)


class TestErase:
    @pytest.mark.parametrize(("area", "holes"), [(0.2, 1), (1.0, 1), (0.05, 4)])
    def test_holes_have_the_area_asked_for(self, area, holes):
        op = Erase(area=area, holes=holes)
        params = op.sample(500, generator())
        shares = params["side"].prod(-1)
        assert shares.max() <= area + 1e-6
        assert shares.min() >= area / 10 - 1e-6
        assert (params["center"].abs() + params["side"]).max() <= 1 + 1e-6
        erased = 1 - op.apply(torch.ones(500, 1, 64, 64), params).mean((1, 2, 3))
        if holes == 1:
            assert torch.allclose(erased, shares[:, 0], atol=0.04)
        else:
            assert (erased <= shares.sum(1) + 0.04).all()

    def test_fills_with_zero_mean_or_noise(self):
        images = pictures(1, 3, 9, 9)
        everything = {"center": torch.zeros(1, 1, 2), "side": torch.ones(1, 1, 2), "seed": torch.tensor([3])}
        assert Erase(fill="zero").apply(images, everything).abs().max() == 0
        mean = images.mean((2, 3), keepdim=True).expand_as(images)
        assert torch.allclose(Erase(fill="mean").apply(images, everything), mean)
        assert Erase(fill="noise").apply(images, everything).std() == pytest.approx(12**-0.5, abs=0.05)


class TestStrokeWidth:
    def width(self, images: torch.Tensor, width: float) -> torch.Tensor:
        return StrokeWidth(strength=3).apply(images, {"width": torch.full((len(images),), width)})

    def bar(self, thickness: int) -> torch.Tensor:
        image = torch.zeros(1, 1, 21, 21)
        start = 10 - thickness // 2
        image[..., start : start + thickness] = 1
        return image

    @pytest.mark.parametrize("width", [-2.0, -1.0, 0.0, 1.0, 2.0, 3.0])
    def test_a_bar_gains_or_loses_whole_widths_on_each_side(self, width):
        assert torch.allclose(self.width(self.bar(7), width), self.bar(7 + 2 * int(width)))

    def test_ink_grows_with_the_width(self):
        images = (torch.rand(1, 1, 21, 21, generator=generator()) > 0.9).float()
        ink = [self.width(images, width).sum().item() for width in (-2.5, -1.5, -0.5, 0.0, 0.5, 1.5, 2.5)]
        assert ink == sorted(ink)
        assert ink[0] < ink[3] < ink[-1]

    def test_a_stroke_of_one_pixel_pales_but_never_vanishes(self):
        assert torch.allclose(self.width(self.bar(1), -3.0), self.bar(1) / 2)

    def test_a_gap_of_one_pixel_darkens_but_never_closes(self):
        assert torch.allclose(self.width(1 - self.bar(1), 3.0), 1 - self.bar(1) / 2)

    def test_a_dot_grows_to_a_cross_then_to_an_octagon(self):
        dot = torch.zeros(1, 1, 9, 9)
        dot[..., 4, 4] = 1
        assert self.width(dot, 1.0).sum() == 5
        assert self.width(dot, 2.0).sum() == 21

    def test_a_width_of_zero_changes_nothing(self):
        images = pictures(2, 1, 8, 8)
        assert self.width(images, 0.0).equal(images)
