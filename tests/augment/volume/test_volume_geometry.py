"""Geometry of volumes beside oracles: scipy, the ops on slices, dots that are followed, faults reported elsewhere."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.interpolate import BSpline
from scipy.ndimage import map_coordinates

from manyshot import ops
from manyshot.augment import Compose, OneOf, Sometimes
from manyshot.augment.ops.targets import apply_to
from manyshot.augment.volume.elastic3 import spline
from manyshot.base import InputError

D, H, W = 12, 16, 14


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def smooth(n: int = 3, c: int = 1) -> torch.Tensor:
    coarse = torch.rand(n, c, 4, 4, 4, generator=generator(1))
    return torch.nn.functional.interpolate(coarse, (D, H, W), mode="trilinear")


def sphere(size: tuple[int, int, int], spacing: tuple[float, float, float], radius: float) -> torch.Tensor:
    axes = [(torch.arange(s) - (s - 1) / 2) * step for s, step in zip(size, spacing, strict=True)]
    z, y, x = torch.meshgrid(*axes, indexing="ij")
    return (x**2 + y**2 + z**2 < radius**2).float()[None, None]


class TestAffine3:
    @given(
        degrees=st.tuples(*[st.floats(-90, 90)] * 3),
        scale=st.floats(0.6, 1.6),
        shear=st.tuples(*[st.floats(-0.5, 0.5)] * 3),
        shift=st.tuples(*[st.floats(-0.4, 0.4)] * 3),
        mode=st.sampled_from([("zeros", "grid-constant"), ("border", "nearest"), ("reflection", "reflect")]),
    )
    @settings(max_examples=30)
    def test_agrees_with_scipy(self, degrees, scale, shear, shift, mode):
        def turn(angle, first, second):
            matrix = np.eye(3)
            matrix[[first, second], [first, second]] = np.cos(angle)
            matrix[first, second], matrix[second, first] = np.sin(angle), -np.sin(angle)
            return matrix

        a, b, c = np.deg2rad(degrees)
        slant = np.array([[1, -shear[0], -shear[1]], [0, 1, -shear[2]], [0, 0, 1]])
        forward = turn(c, 0, 1) @ turn(b, 2, 0) @ turn(a, 1, 2) * scale @ slant
        sides = np.array([W, H, D])
        voxels = np.stack(np.meshgrid(*[np.arange(s) for s in (D, H, W)], indexing="ij"))[::-1].reshape(3, -1)
        middle = (sides - 1)[:, None] / 2
        source = np.linalg.inv(forward) @ (voxels - middle - np.array(shift)[:, None] * sides[:, None] / 2) + middle
        volume = smooth(1)
        expected = map_coordinates(volume[0, 0].double().numpy(), source[::-1], order=1, mode=mode[1])
        params = {
            "degrees": torch.tensor([degrees]),
            "scale": torch.tensor([scale]),
            "shear": torch.tensor([shear]),
            "shift": torch.tensor([shift]),
        }
        op = ops.Affine3(padding_mode=mode[0])
        assert np.allclose(op.apply(volume.double(), params).numpy().ravel(), expected, atol=1e-5)
        assert np.allclose(op.apply(volume, params).numpy().ravel(), expected, atol=2e-4)

    def test_in_plane_it_is_the_affine_map_of_each_slice(self):
        volumes, op = smooth(), ops.Affine3(degrees=40, shear=0.3, in_plane=True)
        params = op.sample(3, generator())
        flat = {
            "degrees": params["degrees"][:, 2],
            "scale": params["scale"],
            "shear": params["shear"][:, 0],
            "shift": params["shift"][:, :2],
        }
        slices = torch.stack([ops.Affine().apply(volumes[:, :, z], flat) for z in range(D)], 2)
        assert torch.allclose(op.apply(volumes, params), slices, atol=1e-4)

    @pytest.mark.parametrize("op", [ops.Affine3(in_plane=True), ops.Elastic3(in_plane=True)], ids=("affine", "elastic"))
    def test_in_plane_a_slice_does_not_know_the_others_bit_for_bit(self, op):
        volumes, params = smooth(), op.sample(3, generator())
        others = volumes.clone()
        others[:, :, [0, 3, 5]] = 1e6
        kept = [z for z in range(D) if z not in (0, 3, 5)]
        assert op.apply(volumes, params)[:, :, kept].equal(op.apply(others, params)[:, :, kept])

    def test_a_sphere_in_thick_slices_stays_a_sphere(self):
        size, spacing = (25, 121, 121), (5.0, 0.43, 0.43)
        ball = sphere(size, spacing, 18.0)
        op = ops.Affine3(degrees=5, scale=1, shear=0, shift=0, aspect=5 / 0.43)
        params = {"degrees": torch.tensor([[5.0, -5.0, 5.0]]), "scale": torch.ones(1)}
        params |= {"shear": torch.zeros(1, 3), "shift": torch.zeros(1, 3)}
        moved = op.apply(ball, params) > 0.5
        for axis, step in enumerate(spacing):
            extents = [
                mask.any(2 + (axis + 1) % 3, True).any(2 + (axis + 2) % 3, True).sum() for mask in (ball > 0.5, moved)
            ]
            assert abs(int(extents[0]) - int(extents[1])) * step <= max(step, 0.9)

    def test_a_positive_shift_moves_towards_the_end_of_the_axis_by_a_share_of_half_the_volume(self):
        volume = torch.zeros(1, 1, 8, 8, 8)
        volume[0, 0, 4, 4, 4] = 1
        params = {"degrees": torch.zeros(1, 3), "scale": torch.ones(1), "shear": torch.zeros(1, 3)}
        moved = ops.Affine3().apply(volume, {**params, "shift": torch.tensor([[0.25, 0.5, -0.25]])})
        assert moved.round(decimals=4).nonzero().tolist() == [[0, 0, 3, 6, 5]]


class TestElastic3:
    def test_its_field_is_the_cubic_b_spline_of_scipy(self):
        cells = 3
        control = torch.randn(1, 1, 6, 6, 6, generator=generator(), dtype=torch.float64)
        points = torch.rand(1, 40, 3, generator=generator(2), dtype=torch.float64) * 2 - 1
        at = (points[0].numpy() + 1) / 2 * cells
        knots = np.arange(-3, cells + 4)
        basis = np.stack([[BSpline(knots, np.eye(6)[k], 3)(at[:, axis]) for k in range(6)] for axis in range(3)])
        expected = np.einsum("zyx,xp,yp,zp->p", control[0, 0].numpy(), *basis)
        assert np.allclose(spline(control, points)[0, :, 0].numpy(), expected)

    def test_its_displacement_has_the_stated_deviation_and_no_drift(self):
        op = ops.Elastic3(strength=0.1, cells=3)
        corners = torch.tensor([[-1.0, -1, -1], [-1 / 3, 1 / 3, 1], [1, 1, 1]]).expand(1000, 3, 3)
        moved = spline(op.sample(1000, generator())["displacement"], corners)
        assert torch.allclose(moved.std((0, 1)), torch.tensor(0.1), rtol=0.06)
        everywhere = torch.rand(1000, 8, 3, generator=generator(3)) * 2 - 1
        field = spline(op.sample(1000, generator(4))["displacement"], everywhere).mean(1)
        assert (field.mean(0).abs() < 3 * field.std(0) / 1000**0.5).all()


class TestFlip3:
    @pytest.mark.parametrize(("axis", "dim"), [("x", 4), ("y", 3), ("z", 2)])
    def test_mirrors_the_axis_of_its_name(self, axis, dim):
        volumes, op = smooth(), ops.Flip3(axis, p=1)
        assert op.apply(volumes, op.sample(3, generator())).equal(volumes.flip(dim))

    def test_refuses_masks_of_labels_with_a_side_unless_pairs_are_named(self):
        masks = torch.randint(4, (2, D, H, W))
        op = Compose((ops.Noise(), ops.Flip3("x", p=1)))
        with pytest.raises(InputError, match=r"mirrors left and right.*swap=none"):
            apply_to(op, op.sample(2, generator()), masks=masks, size=(D, H, W))

    def test_exchanges_the_named_pairs_where_it_mirrors(self):
        masks = torch.randint(4, (16, D, H, W), dtype=torch.int16)
        op = ops.Flip3("x", swap="1-3")
        params = op.sample(16, generator())
        moved = apply_to(op, params, masks=masks, size=(D, H, W)).masks
        expected = torch.tensor([0, 3, 2, 1], dtype=torch.int16)[masks.flip(-1).long()]
        assert moved.dtype == torch.int16
        assert moved.equal(torch.where(params["flipped"][:, None, None, None], expected, masks))

    @pytest.mark.parametrize("op", [ops.Flip3("y", p=1), ops.Flip3("x", p=1, swap="none"), ops.Flip3("x", p=0)])
    def test_moves_masks_where_no_side_is_confused(self, op):
        masks = torch.randint(4, (1, D, H, W))
        volumes = masks[:, None].float() / 4
        moved = apply_to(op, op.sample(1, generator()), images=volumes, masks=masks)
        assert moved.masks.equal((moved.images[:, 0] * 4).round().long())


WARPS = {
    "affine": ops.Affine3(degrees=30, scale=1.3),
    "affine, border": ops.Affine3(degrees=30, shift=0.4, padding_mode="border"),
    "elastic": ops.Elastic3(0.08),
    "elastic, reflection": ops.Elastic3(0.08, padding_mode="reflection"),
    "flip": ops.Flip3("z"),
    "both": Compose((ops.Affine3(degrees=30), ops.Gamma(), ops.Elastic3(0.06))),
    "fused": Compose((ops.Elastic3(0.06), ops.Flip3("y"), Sometimes(ops.Affine3(degrees=30, shift=0.3)))),
    "fused, reflection": Compose(
        (ops.Elastic3(0.1, padding_mode="reflection"), ops.Affine3(30, shift=0.4, padding_mode="reflection"))
    ),
    "one of": OneOf((ops.Affine3(), ops.Elastic3())),
}
EVERY_WARP = pytest.mark.parametrize("op", WARPS.values(), ids=WARPS)


@EVERY_WARP
class TestTargets:
    @pytest.mark.parametrize("dtype", [torch.uint8, torch.int16, torch.int64, torch.bool, torch.float64], ids=str)
    def test_masks_keep_their_type_and_get_no_new_values(self, op, dtype):
        masks = (torch.randint(3, (4, D, H, W), generator=generator()) * 40).to(dtype)
        moved = apply_to(op, op.sample(4, generator()), images=smooth(4), masks=masks).masks
        assert moved.dtype == dtype
        assert set(moved.unique().tolist()) <= set(masks.unique().tolist()) | {0}

    def test_a_mask_lies_where_its_volume_lies(self, op):
        volumes = torch.nn.functional.interpolate(torch.rand(4, 1, 3, 3, 3, generator=generator(5)), (40, 40, 40))
        labels = (volumes > 0.5).long()[:, 0]
        moved = apply_to(op, op.sample(4, generator()), images=labels[:, None].float(), masks=labels)
        assert (moved.masks == (moved.images[:, 0] > 0.5)).float().mean() > 0.985

    def test_the_kernel_takes_the_voxels_that_torch_takes(self, op):
        masks, params = torch.randint(9, (4, D, H, W), generator=generator()), op.sample(4, generator())
        fast = apply_to(op, params, masks=masks, size=(D, H, W)).masks
        slow = apply_to(op, tracked(params), masks=masks, size=(D, H, W)).masks
        assert (fast == slow).float().mean() > 0.999

    def test_masks_of_another_resolution_follow(self, op):
        volumes = (torch.nn.functional.interpolate(torch.rand(4, 1, 3, 3, 3, generator=generator(5)), 32) > 0.5).float()
        params = op.sample(4, generator())
        fine = apply_to(op, params, images=volumes).images > 0.5
        coarse = apply_to(op, params, images=volumes, masks=volumes[:, 0, ::2, ::2, ::2].long()).masks
        assert (coarse == fine[:, 0, ::2, ::2, ::2]).float().mean() > 0.9

    def test_keypoints_stand_where_dots_went(self, op):
        places = torch.rand(4, 5, 3, generator=generator(3)) * torch.tensor([24.0, 24, 24]) + 12
        z, y, x = torch.meshgrid(*[torch.arange(48.0)] * 3, indexing="ij")
        square = sum((axis - places[..., i, None, None, None]) ** 2 for i, axis in enumerate((x, y, z)))
        moved = apply_to(op, op.sample(4, generator()), images=(-square / 8).exp(), keypoints=places)
        assert moved.visible.any()
        for item, dot in moved.visible.nonzero().tolist():
            column, row, depth = moved.keypoints[item, dot].round().long().tolist()
            assert moved.images[item, dot, depth, row, column] > 0.5


@pytest.mark.parametrize(
    ("op", "size"), [(ops.Affine3(shift=0.8), (8, 8, 8)), (ops.Affine(shift=0.8), (16, 16))], ids=("volume", "image")
)
def test_beyond_the_border_a_mask_is_background_or_what_the_image_shows_there(op, size):
    masks = torch.full((4, *size), 7)
    for mode, expected in (("zeros", [0, 7]), ("border", [7]), ("reflection", [7])):
        one = replace(op, padding_mode=mode)
        moved = apply_to(one, one.sample(4, generator()), masks=masks, size=size).masks
        assert moved.unique().tolist() == expected


def tracked(params):
    """The same params, which something may be differentiated by, so that the kernels decline."""
    return {
        name: tracked(value)
        if isinstance(value, dict)
        else value.clone().requires_grad_()
        if value.is_floating_point()
        else value
        for name, value in params.items()
    }


def test_boxes_of_volumes_are_refused():
    op = ops.Affine3()
    with pytest.raises(InputError, match="boxes follow in images only"):
        apply_to(op, op.sample(1, generator()), images=smooth(1), boxes=torch.zeros(1, 1, 4))


@EVERY_WARP
def test_fused_and_one_by_one_agree_in_double_precision_and_by_kernel(op):
    volumes, params = smooth(4, 2), op.sample(4, generator())
    assert torch.allclose(op.apply(volumes, params).double(), op.apply(volumes.double(), params), atol=1e-5)


def test_a_fused_run_blurs_once():
    volume = torch.rand(1, 1, 32, 32, 32, generator=generator())
    there, back = ops.Affine3(degrees=10, padding_mode="border"), ops.Affine3(degrees=10, padding_mode="border")
    op = Compose((there, back))
    still = {"scale": torch.ones(1), "shear": torch.zeros(1, 3), "shift": torch.zeros(1, 3)}
    turn = torch.tensor([[0.0, 0.0, 10.0]])
    params = {"0": {"degrees": turn, **still}, "1": {"degrees": -turn, **still}}
    inner = (slice(None), slice(None), *[slice(8, 24)] * 3)
    fused = op.apply(volume, params)[inner] - volume[inner]
    twice = back.apply(there.apply(volume, params["0"]), params["1"])[inner] - volume[inner]
    assert fused.abs().max() < 1e-4
    assert twice.abs().mean() > 0.05


@EVERY_WARP
def test_the_same_draw_gives_the_same_bytes_in_any_batch(op):
    volumes, params = smooth(4), op.sample(4, generator())
    together = op.apply(volumes, params)
    from manyshot.augment import take

    for index in range(4):
        alone = op.apply(volumes[index : index + 1], take(params, torch.tensor([index])))
        assert alone.equal(together[index : index + 1])
