"""Perspective, grids, thin plates and copied parts: what they do to places that can be told."""

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.interpolate import RBFInterpolator

from manyshot.augment.image import GridDistort, Perspective, SelfMix, ThinPlate
from manyshot.augment.image.geometric.warp import pixels


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def at(op, params, points: torch.Tensor) -> torch.Tensor:
    """Where `[n, m, 2]` places of the output come from."""
    return op.source_points(points[:, None], params, (16, 16))[:, 0]


CORNERS = torch.tensor([[-1.0, -1.0], [1.0, -1.0], [1.0, 1.0], [-1.0, 1.0]])


class TestPerspective:
    def test_the_corners_show_the_displaced_corners(self):
        op = Perspective(strength=0.4)
        params = op.sample(50, generator())
        shown = at(op, params, CORNERS.expand(50, 4, 2))
        assert torch.allclose(shown, CORNERS + params["corners"], atol=1e-5)

    def test_straight_lines_stay_straight(self):
        op = Perspective(strength=0.4)
        params = op.sample(50, generator())
        line = torch.stack((torch.linspace(-1, 1, 9), torch.linspace(-0.7, 0.4, 9)), -1)
        shown = at(op, params, line.expand(50, 9, 2)).double()
        a, b = shown[:, 1:] - shown[:, :1], (shown[:, -1:] - shown[:, :1])
        assert (a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0]).abs().max() < 1e-5

    def test_is_the_quadrilateral_map_of_pillow(self):
        op = Perspective(strength=0.3)
        params = op.sample(1, generator(4))
        y, x = np.mgrid[0:64, 0:64]
        image = (127 + 60 * np.sin(x / 7) + 60 * np.cos(y / 9)).astype(np.uint8)
        matrix = op.matrix(params)[0].double().numpy()
        # Pillow counts in pixels from the outer corner, as shares of 32 with the center at 32 do here.
        to_shares = np.array([[1 / 32, 0, -1], [0, 1 / 32, -1], [0, 0, 1]])
        pixel_map = np.linalg.inv(to_shares) @ matrix @ to_shares
        pixel_map /= pixel_map[2, 2]
        expected = Image.fromarray(image).transform(
            (64, 64), Image.Transform.PERSPECTIVE, tuple(pixel_map.flatten()[:8]), Image.Resampling.BILINEAR
        )
        ours = op.apply(torch.from_numpy(image)[None, None].float() / 255, params)[0, 0] * 255
        inside = at(op, params, pixels(torch.zeros(1, 1, 64, 64)).flatten(1, 2)).abs().amax(-1).view(64, 64) < 0.95
        assert np.abs(ours.numpy() - np.asarray(expected))[inside.numpy()].max() <= 2


class TestGridDistort:
    def test_edges_stay_and_order_is_kept(self):
        op = GridDistort(strength=3.0, cells=5)
        params = op.sample(20, generator())
        assert torch.allclose(at(op, params, CORNERS.expand(20, 4, 2)), CORNERS.expand(20, 4, 2), atol=1e-5)
        line = torch.linspace(-1, 1, 101)
        shown = at(op, params, torch.stack((line, line), -1).expand(20, 101, 2))
        assert (shown.diff(dim=1) > 0).all()

    def test_a_cell_is_as_wide_as_its_factor_says(self):
        params = {"stretch": torch.tensor([[[1.0, 3.0], [1.0, 1.0]]])}
        shown = at(GridDistort(cells=2), params, torch.tensor([[[0.0, 0.0], [0.5, 0.5]]]))
        assert torch.allclose(shown, torch.tensor([[[-0.5, 0.0], [0.25, 0.5]]]))


class TestThinPlate:
    @pytest.mark.parametrize("cells", [1, 2, 4])
    def test_is_the_thin_plate_spline_of_scipy(self, cells):
        op = ThinPlate(strength=0.2, cells=cells)
        params = op.sample(3, generator())
        points = torch.rand(3, 40, 2, generator=generator(1), dtype=torch.float64) * 2 - 1
        shown = at(op, {"displacement": params["displacement"].double()}, points)
        line = np.linspace(-1, 1, cells + 1)
        corners = np.stack(np.meshgrid(line, line, indexing="xy"), -1).reshape(-1, 2)
        for i in range(3):
            spline = RBFInterpolator(corners, params["displacement"][i].numpy(), kernel="thin_plate_spline")
            assert np.allclose(shown[i].numpy(), points[i].numpy() + spline(points[i].numpy()), atol=1e-6)


class TestSelfMix:
    def test_shows_pixels_of_the_same_image_only_and_copies_a_rectangle(self):
        op = SelfMix(area=0.3)
        images = torch.arange(400.0).view(1, 1, 20, 20).expand(50, -1, -1, -1) / 400
        params = op.sample(50, generator())
        result = op.apply(images, params)
        assert set(result.flatten().tolist()) <= set(images[0].flatten().tolist())
        changed = (result != images).float().mean((1, 2, 3))
        assert (changed <= params["side"].prod(-1) + 0.08).all()
        assert changed.mean() > 0.05

    def test_the_target_shows_the_source(self):
        image = torch.rand(1, 3, 8, 8, generator=generator())
        params = {
            "side": torch.tensor([[0.25, 0.5]]),
            "source": torch.tensor([[-0.75, -0.5]]),
            "target": torch.tensor([[0.25, 0.5]]),
        }
        result = SelfMix().apply(image, params)
        assert result[..., 4:8, 4:6].equal(image[..., 0:4, 0:2])
        assert result[..., :4, :].equal(image[..., :4, :])
