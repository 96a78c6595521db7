"""Targets that must come out exactly, those that the picture no longer shows, and none at all."""

import pytest
import torch
from torch.nn import functional as F

from manyshot.augment import Compose, OneOf, Sometimes
from manyshot.augment.image import (
    Affine,
    Blur,
    Crop,
    Elastic,
    Flip,
    FlipVertical,
    GridDistort,
    Perspective,
    ResizedCrop,
    SelfMix,
    ThinPlate,
    Turn,
)
from manyshot.augment.image.geometric.warp import PADDING_MODES, pixels, resample
from manyshot.augment.ops.boxes import clip_polygons
from manyshot.augment.ops.map_points import jacobian, map_to_output
from manyshot.augment.ops.targets import apply_to
from manyshot.augment.policies import RandAugment, TrivialAugment

SIDES = [(8, 8), (7, 10), (33, 64), (224, 101)]


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def grid(h: int, w: int) -> torch.Tensor:
    """Every pixel's center."""
    return torch.cartesian_prod(torch.arange(float(w)), torch.arange(float(h)))[None]


def shift(x: float, y: float, n: int = 1) -> dict[str, torch.Tensor]:
    zero = torch.zeros(n)
    return {"degrees": zero, "scale": zero + 1, "shear": zero, "shift": torch.tensor([[x, y]]).expand(n, 2)}


@pytest.mark.parametrize(("h", "w"), SIDES)
class TestWholePixelsStayWhole:
    def test_flips(self, h, w):
        points, flipped = grid(h, w), {"flipped": torch.tensor([True])}
        across = apply_to(Flip(), flipped, keypoints=points, size=(h, w))
        assert across.keypoints.equal(torch.stack((w - 1 - points[..., 0], points[..., 1]), -1))
        down = apply_to(FlipVertical(), flipped, keypoints=points, size=(h, w))
        assert down.keypoints.equal(torch.stack((points[..., 0], h - 1 - points[..., 1]), -1))
        assert across.visible.all()
        assert down.visible.all()

    def test_half_turns(self, h, w):
        points = grid(h, w)
        moved = apply_to(Turn(180), {"quarters": torch.tensor([2])}, keypoints=points, size=(h, w))
        assert moved.keypoints.equal(torch.tensor([w - 1.0, h - 1.0]) - points)

    def test_crops_and_translations(self, h, w):
        points = grid(h, w)
        for x, y in ((1, 0), (-3, 2), (w // 2, -h // 2)):
            window = {"shift": torch.tensor([[-x / w, -y / h]])}
            for op, params in ((Crop(), window), (Affine(), shift(2 * x / w, 2 * y / h))):
                moved = apply_to(op, params, keypoints=points, size=(h, w))
                wanted = points + torch.tensor([float(x), float(y)])
                assert moved.keypoints.equal(wanted)
                inside = (wanted >= 0) & (wanted < torch.tensor([w, h]))
                assert moved.visible.equal(inside.all(-1))

    def test_boxes(self, h, w):
        boxes = torch.tensor([[[0.0, 1.0, 3.0, 4.0], [w - 2.0, h - 5.0, w, h], [0.0, 0.0, w, h]]])
        left, top, right, bottom = boxes.unbind(-1)
        moved = apply_to(Flip(), {"flipped": torch.tensor([True])}, boxes=boxes, size=(h, w))
        assert moved.boxes.equal(torch.stack((w - right, top, w - left, bottom), -1))
        assert moved.visible_area.equal(torch.ones(1, 3))
        moved = apply_to(Crop(), {"shift": torch.tensor([[2 / w, 0.0]])}, boxes=boxes, size=(h, w))
        assert moved.boxes.equal(torch.stack(((left - 2).clamp(min=0), top, right - 2, bottom), -1))
        assert torch.allclose(moved.visible_area, torch.tensor([[1 / 3, 1.0, 1 - 2 / w]]))

    def test_nothing_but_color_leaves_every_number_as_it_was(self, h, w):
        points = torch.rand(1, 50, 2, generator=generator()) * torch.tensor([w, h])
        assert torch.allclose(apply_to(Blur(), {}, keypoints=points, size=(h, w)).keypoints, points, atol=1e-4)


def test_quarter_turns_of_square_pictures_are_whole():
    points = grid(9, 9)
    moved = apply_to(Turn(), {"quarters": torch.tensor([1])}, keypoints=points, size=(9, 9)).keypoints
    assert moved.equal(torch.stack((points[..., 1], 8 - points[..., 0]), -1))


class TestWhatOneOpCutOffStaysLost:
    points = torch.tensor([[[2.0, 1.0], [7.0, 1.0]]])
    boxes = torch.tensor([[[0.0, 0.0, 5.0, 4.0], [3.0, 0.0, 8.0, 4.0]]])

    @pytest.mark.parametrize("padding_mode", PADDING_MODES)
    def test_after_the_next_brings_its_position_back(self, padding_mode):
        op = Compose((Crop(0.5, padding_mode), Crop(0.5, padding_mode)))
        params = {"0": {"shift": torch.tensor([[0.5, 0.0]])}, "1": {"shift": torch.tensor([[-0.5, 0.0]])}}
        moved = apply_to(op, params, keypoints=self.points, boxes=self.boxes, size=(4, 10))
        assert moved.visible.tolist() == [[False, True]]
        assert moved.boxes.tolist() == [[[0, 0, 0, 0], [5, 0, 8, 4]]]
        assert torch.allclose(moved.visible_area, torch.tensor([[0.0, 0.6]]))

    def test_for_the_images_alone_that_it_was_cut_off_from(self):
        op = Compose((Sometimes(Affine()), Affine()))
        params = {
            "0": {"on": torch.tensor([True, False]), "inner": shift(-1.0, 0.0, 2)},
            "1": shift(1.0, 0.0, 2),
        }
        points, boxes = self.points.expand(2, 2, 2), self.boxes.expand(2, 2, 4)
        moved = apply_to(op, params, keypoints=points, boxes=boxes, size=(4, 10))
        assert moved.visible.tolist() == [[False, True], [True, False]]
        assert moved.boxes[0].tolist() == [[0, 0, 0, 0], [5, 0, 8, 4]]
        assert moved.boxes[1].tolist() == [[5, 0, 10, 4], [8, 0, 10, 4]]

    def test_where_a_later_zoom_shows_the_rim_of_a_crop(self):
        op = Compose((ResizedCrop(), Affine()))
        params = {
            "0": {"center": torch.tensor([[0.0, 0.0]]), "side": torch.tensor([[0.5, 0.5]])},
            "1": {**shift(0.0, 0.0), "scale": torch.tensor([0.5])},
        }
        points = torch.tensor([[[31.5, 31.5], [12.0, 31.5], [18.0, 31.5]]])
        moved = apply_to(op, params, keypoints=points, boxes=torch.tensor([[[8.0, 24, 24, 40]]]), size=(64, 64))
        assert moved.visible.tolist() == [[True, False, True]]
        assert moved.boxes.tolist() == [[[16, 24, 24, 40]]]
        assert torch.allclose(moved.visible_area, torch.tensor([[0.5]]))

    @pytest.mark.parametrize("padding_mode", PADDING_MODES)
    def test_a_point_is_visible_exactly_where_pictures_of_dots_still_show_it(self, padding_mode):
        ops = (
            Affine(degrees=30, shift=0.7, padding_mode=padding_mode),
            Elastic(0.05, padding_mode=padding_mode),
            ResizedCrop(0.5),
            Perspective(0.2, padding_mode),
            Affine(degrees=30, scale=1.5, shift=0.7, padding_mode=padding_mode),
        )
        op, n, k, h, w = Compose(ops), 40, 8, 48, 64
        params = op.sample(n, generator(2))
        points = torch.rand(n, k, 2, generator=generator(3)) * torch.tensor([w - 1.0, h - 1.0])
        moved = apply_to(op, params, keypoints=points, size=(h, w))
        y, x = torch.meshgrid(torch.arange(float(h)), torch.arange(float(w)), indexing="ij")
        # Op by op, pictures of where each pixel stood before, and of whether it ever left the frame.
        pictures = torch.cat((torch.stack((x, y)), torch.ones(1, h, w))).expand(n, 3, h, w)
        for index, now in enumerate(ops):
            pictures = resample(pictures, now.source_points(pixels(pictures), params[str(index)], (h, w)), "zeros")
        origin, kept = pictures[:, None, :2], pictures[:, None, 2]
        apart = (origin - points[..., None, None]).norm(dim=2)
        lost = F.max_pool2d(1 - kept, 5, 1)
        shows = ((apart[..., 2:-2, 2:-2] < 0.5) & (lost < 1e-3)).flatten(2).any(-1)
        far = ((apart > 3) | (kept < 1e-3)).flatten(2).all(-1)
        assert shows.float().mean() > 0.1
        assert (shows & ~moved.visible).sum() == 0
        assert (far & moved.visible).sum() == 0
        assert 0.1 < moved.visible.float().mean() < 0.7


EVERY = {
    "affine": Affine(),
    "perspective": Perspective(),
    "elastic": Elastic(),
    "grid": GridDistort(),
    "thin plate": ThinPlate(),
    "crop": Crop(),
    "resized crop": ResizedCrop(),
    "flip": Flip(),
    "turn": Turn(),
    "self mix": SelfMix(),
    "blur": Blur(),
    "compose": Compose((Flip(), Affine(), Sometimes(Elastic()), Crop())),
    "one of": OneOf((Flip(), Affine())),
    "policy": RandAugment(),
    "trivial": TrivialAugment(),
}


@pytest.mark.parametrize("op", EVERY.values(), ids=EVERY)
@pytest.mark.parametrize("n", [0, 3])
def test_no_boxes_and_no_points_stay_none(op, n):
    params = op.sample(n, generator())
    moved = apply_to(op, params, boxes=torch.zeros(n, 0, 4), keypoints=torch.zeros(n, 0, 2), size=(8, 8))
    assert (moved.boxes.shape, moved.visible_area.shape) == ((n, 0, 4), (n, 0))
    assert (moved.keypoints.shape, moved.visible.shape) == ((n, 0, 2), (n, 0))
    moved = apply_to(op, params, boxes=torch.zeros(n, 0, 4), clip=False, size=(8, 8))
    assert moved.boxes.shape == (n, 0, 4)


def test_points_given_outside_are_moved_but_not_visible():
    moved = apply_to(Flip(), {"flipped": torch.tensor([True])}, keypoints=torch.tensor([[[-3.0, 2.0]]]), size=(8, 8))
    assert moved.keypoints.tolist() == [[[10.0, 2.0]]]
    assert not moved.visible.any()


def test_boxes_that_are_not_clipped_keep_what_lies_beyond_the_edge():
    boxes = torch.tensor([[[4.0, 2, 8, 6], [0.0, 0, 2, 2]]])
    moved = apply_to(Affine(), shift(1.5, 0.0), boxes=boxes, size=(8, 8), clip=False)
    assert moved.boxes.tolist() == [[[10, 2, 14, 6], [6, 0, 8, 2]]]
    assert moved.visible_area.tolist() == [[1, 1]]


def test_what_is_not_clipped_is_still_lost_between_two_ops():
    op, there, back = Compose((Affine(), Affine())), shift(1.5, 0.0), shift(-1.5, 0.0)
    points = torch.tensor([[[4.0, 2.0], [1.0, 2.0], [-1.0, 2.0]]])
    boxes = torch.tensor([[[4.0, 2, 8, 6], [0.0, 0, 4, 2]]])
    params = {"0": there, "1": back}
    moved = apply_to(op, params, keypoints=points, boxes=boxes, size=(8, 8), clip=False)
    assert moved.visible.tolist() == [[False, True, True]]
    assert moved.boxes.tolist() == [[[0, 0, 0, 0], [0, 0, 2, 2]]]
    assert moved.visible_area.tolist() == [[0, 0.5]]


def test_the_visible_fraction_is_the_part_of_the_area_that_is_left():
    # A square on its corner, of which the picture's right edge cuts off half.
    params = {**shift(1.0, 0.0), "degrees": torch.tensor([45.0])}
    moved = apply_to(Affine(), params, boxes=torch.tensor([[[24.0, 24, 40, 40]]]), size=(64, 64))
    assert torch.allclose(moved.visible_area, torch.tensor([[0.5]]), atol=1e-6)


def test_polygons_that_surround_the_picture_become_the_picture():
    around = torch.tensor([[[[-3.0, -3.0], [3.0, -3.0], [3.0, 3.0], [-3.0, 3.0]]]])
    corners = clip_polygons(around.double())[0, 0].round(decimals=9)
    assert corners.unique(dim=0).tolist() == [
        [-1, -1],
        [-1, 1],
        [1, -1],
        [1, 1],
    ]


def test_the_derivative_is_that_of_the_way_there():
    op = Compose((Flip(), Affine(degrees=60, scale=1.5, shear=0.3), Elastic(0.05)))
    params, size = op.sample(6, generator()), (40, 60)
    places = (torch.rand(6, 4, 2, generator=generator(), dtype=torch.float64) - 0.5) * 0.6
    half = torch.tensor([30.0, 20.0], dtype=torch.float64)
    step = torch.tensor([0.01, 0.0], dtype=torch.float64)
    (there, _), (ahead, _) = (
        map_to_output(op, places, params, size),
        map_to_output(op, places + step / half, params, size),
    )
    measured = (ahead - there) * half / 0.01
    assert torch.allclose(jacobian(op, there, params, size)[..., 0], measured, atol=5e-3)
