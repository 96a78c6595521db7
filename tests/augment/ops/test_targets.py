"""Masks, keypoints and boxes follow the pixels: tested against pictures of dots and of rectangles."""

import pytest
import torch

from manyshot import ops
from manyshot.augment import Compose, OneOf, SomeOf, Sometimes
from manyshot.augment.ops.targets import apply_to
from manyshot.augment.policies import AugMix, RandAugment, TrivialAugment
from manyshot.base import InputError

H, W = 48, 64
N, K = 12, 5


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


GEOMETRY = {
    "affine": ops.Affine(),
    "affine, far": ops.Affine(degrees=90, scale=1.5, shear=0.4, shift=0.4),
    "perspective": ops.Perspective(0.3),
    "elastic": ops.Elastic(),
    "grid": ops.GridDistort(2.0),
    "thin plate": ops.ThinPlate(0.12),
    "crop": ops.Crop(),
    "crop, border": ops.Crop(padding_mode="border"),
    "resized crop": ops.ResizedCrop(0.4),
    "flip": ops.Flip(),
    "flip vertical": ops.FlipVertical(),
    "half turn": ops.Turn(180),
    "sometimes": Sometimes(ops.Affine(degrees=60)),
    "compose": Compose(
        (ops.Flip(), ops.Affine(), ops.Brightness(), ops.Elastic(0.04), ops.ResizedCrop(0.6), ops.Noise(0.01))
    ),
    "one of": OneOf((ops.Affine(), ops.Flip(p=1), ops.Perspective())),
    "some of": SomeOf((ops.Affine(), ops.Flip(p=1), ops.Elastic(0.04)), 2),
}
EVERY = pytest.mark.parametrize("op", GEOMETRY.values(), ids=GEOMETRY)


def dots(keypoints: torch.Tensor, width: float = 1.5) -> torch.Tensor:
    """One picture a keypoint: a soft dot on black."""
    y, x = torch.meshgrid(torch.arange(H), torch.arange(W), indexing="ij")
    square = (x - keypoints[..., 0, None, None]) ** 2 + (y - keypoints[..., 1, None, None]) ** 2
    return (-square / (2 * width**2)).exp()


def random_keypoints() -> torch.Tensor:
    return torch.rand(N, K, 2, generator=generator(3)) * torch.tensor([W - 16, H - 16]) + 8


@EVERY
def test_a_keypoint_stands_where_the_dot_went(op):
    keypoints, params = random_keypoints(), op.sample(N, generator())
    # One channel a dot.
    moved = apply_to(op, params, images=dots(keypoints), keypoints=keypoints)
    assert moved.visible.float().mean() > 0.5
    y, x = torch.meshgrid(torch.arange(float(H)), torch.arange(float(W)), indexing="ij")
    errors = []
    for image, points, visible in zip(
        moved.images.flatten(0, 1), moved.keypoints.flatten(0, 1), moved.visible.flatten(), strict=True
    ):
        inside = (points > 6).all() and points[0] < W - 7 and points[1] < H - 7
        if visible and inside:
            near = ((x - points[0]).abs() < 6) & ((y - points[1]).abs() < 6)
            mass = image * near
            center = torch.stack(((mass * x).sum(), (mass * y).sum())) / mass.sum()
            errors.append((center - points).abs().max())
    # A dot that is bent or stretched unevenly has its center a little off.
    assert len(errors) > 15
    assert torch.stack(errors).median() < 0.2
    assert max(errors) < 1.2


@EVERY
def test_a_keypoint_that_is_not_visible_has_left_the_picture(op):
    keypoints, params = random_keypoints(), op.sample(N, generator(1))
    moved = apply_to(op, params, images=dots(keypoints, width=0.6), keypoints=keypoints)
    peak = moved.images.amax((2, 3))
    assert (peak[~moved.visible] < 0.6).all()


@EVERY
def test_a_mask_stays_on_the_thing_that_it_marks(op):
    image = torch.zeros(N, 1, H, W)
    image[..., 12:36, 20:40] = 1
    params = op.sample(N, generator())
    moved = apply_to(op, params, images=image, masks=(image[:, 0] > 0).long() * 7)
    assert set(moved.masks.unique().tolist()) == {0, 7}
    assert moved.masks.dtype == torch.int64
    assert ((moved.images[:, 0] > 0.5) == (moved.masks == 7)).float().mean() > 0.985


@EVERY
def test_masks_of_several_planes_move_alike(op):
    masks = torch.rand(N, 2, H, W, generator=generator()) > 0.5
    masks[:, 1] = masks[:, 0]
    moved = apply_to(op, op.sample(N, generator()), masks=masks).masks
    assert moved.dtype == torch.bool
    assert moved[:, 0].equal(moved[:, 1])


@EVERY
def test_a_box_holds_the_thing_that_it_frames_and_little_else(op):
    image = torch.zeros(N, 1, H, W)
    image[..., 18:30, 24:40] = 1
    boxes = torch.tensor([24.0, 18.0, 40.0, 30.0]).expand(N, 1, 4)
    moved = apply_to(op, op.sample(N, generator()), images=image, boxes=boxes)
    for picture, box, share in zip(moved.images[:, 0] > 0.3, moved.boxes[:, 0], moved.visible_area[:, 0], strict=True):
        rows, columns = picture.any(1).nonzero().flatten(), picture.any(0).nonzero().flatten()
        if share < 0.3:
            continue
        tight = torch.stack((columns[0], rows[0], columns[-1] + 1, rows[-1] + 1)).float()
        assert (box - tight).abs().max() < 2.0


EXACT = [
    ops.Flip(),
    ops.FlipVertical(),
    ops.Crop(),
    ops.Crop(padding_mode="reflection"),
    ops.Crop(padding_mode="border"),
    ops.Turn(180),
    ops.SelfMix(),
]


@pytest.mark.parametrize("op", EXACT, ids=str)
def test_masks_of_ops_that_move_whole_pixels_are_exact(op):
    image = torch.rand(N, 1, H, W, generator=generator())
    moved = apply_to(op, op.sample(N, generator()), images=image, masks=image)
    assert moved.masks.equal(moved.images)


def test_quarter_turns_move_keypoints_of_square_pictures():
    moved = apply_to(
        ops.Turn(), {"quarters": torch.tensor([1])}, keypoints=torch.tensor([[[7.0, 0.0], [0.0, 0.0]]]), size=(8, 8)
    )
    assert torch.allclose(moved.keypoints, torch.tensor([[[0.0, 0.0], [0.0, 7.0]]]), atol=1e-5)


def test_a_covered_keypoint_is_not_visible():
    params = {
        "side": torch.tensor([[0.25, 0.25]]),
        "source": torch.tensor([[-0.5, -0.5]]),
        "target": torch.tensor([[0.5, 0.5]]),
    }
    keypoints = torch.tensor([[[47.5, 35.5], [10.0, 40.0]]])
    assert apply_to(ops.SelfMix(), params, keypoints=keypoints, size=(H, W)).visible.tolist() == [[False, True]]


def test_a_box_that_leaves_the_picture_has_no_visible_fraction():
    params = {
        "degrees": torch.zeros(2),
        "scale": torch.ones(2),
        "shear": torch.zeros(2),
        "shift": torch.tensor([[2.5, 0.0], [1.0, 0.0]]),
    }
    boxes = torch.tensor([16.0, 8.0, 48.0, 40.0]).expand(2, 1, 4)
    moved = apply_to(ops.Affine(), params, boxes=boxes, size=(H, W))
    assert torch.allclose(moved.visible_area, torch.tensor([[0.0], [0.5]]), atol=1e-4)
    assert torch.allclose(moved.boxes[1, 0], torch.tensor([48.0, 8.0, 64.0, 40.0]), atol=1e-3)


@pytest.mark.parametrize("op", [RandAugment(3, 20), TrivialAugment()])
def test_targets_follow_policies(op):
    names = list(op.space())
    moving = torch.tensor([names.index(n) for n in ("shear_x", "shear_y", "translate_x", "translate_y", "rotate")])
    params = op.sample(60, generator())
    params = {**params, "choice": moving[params["choice"] % len(moving)]}
    image = torch.zeros(60, 3, H, W)
    image[..., 14:34, 20:44] = 1
    moved = apply_to(op, params, images=image, masks=image[:, 0] > 0)
    assert (moved.masks != (image[:, 0] > 0)).any((1, 2)).float().mean() > 0.7
    assert (moved.masks == (moved.images[:, 0] > 0.5)).float().mean() > 0.98


def test_policies_that_only_recolor_leave_masks_alone():
    params = {"choice": torch.tensor([list(TrivialAugment.space()).index("solarize")]), "strength": torch.ones(1)}
    masks = torch.rand(1, H, W, generator=generator())
    assert apply_to(TrivialAugment(), params, masks=masks).masks.equal(masks)


def test_a_blend_of_geometries_is_refused():
    op = Compose((ops.Flip(), AugMix()))
    with pytest.raises(InputError, match="AugMix does not say where pixels come from"):
        apply_to(op, op.sample(2, generator()), masks=torch.zeros(2, 8, 8))


def test_an_unknown_size_is_refused():
    with pytest.raises(InputError, match=r"size=\(height, width\)"):
        apply_to(ops.Flip(), ops.Flip().sample(1, generator()), keypoints=torch.zeros(1, 1, 2))


def test_an_empty_batch_and_no_keypoints_pass():
    moved = apply_to(
        ops.Affine(), ops.Affine().sample(0, generator()), masks=torch.zeros(0, 8, 8), keypoints=torch.zeros(0, 3, 2)
    )
    assert (moved.masks.shape, moved.keypoints.shape) == ((0, 8, 8), (0, 3, 2))
    moved = apply_to(ops.Affine(), ops.Affine().sample(2, generator()), keypoints=torch.zeros(2, 0, 2), size=(8, 8))
    assert moved.visible.shape == (2, 0)
