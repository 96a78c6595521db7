"""Plain measures of images, which tell what differs within classes and what between them."""

import math

import pytest
import torch

from manyshot.augment.image import Affine
from manyshot.meta_augment.image_moments import ImageMoments, image_traits
from manyshot.tasks import Examples


def moved(images: torch.Tensor, degrees: float = 0.0, scale: float = 1.0, shift: float = 0.0) -> torch.Tensor:
    n = len(images)
    params = {
        "degrees": torch.full((n,), degrees),
        "scale": torch.full((n,), scale),
        "shear": torch.zeros(n),
        "shift": torch.full((n, 2), shift),
    }
    return Affine().apply(images, params)


@pytest.fixture
def letter() -> torch.Tensor:
    """An L with soft edges, away from the frame."""
    image = torch.zeros(1, 1, 31, 31)
    image[..., 9:22, 11:14] = image[..., 19:22, 11:20] = 1
    return torch.nn.functional.avg_pool2d(image, 3, 1, 1).expand(1, 3, -1, -1)


def changed(before: torch.Tensor, after: torch.Tensor) -> set[str]:
    """The traits that are not what they were."""
    pairs = zip(image_traits(before).items(), image_traits(after).values(), strict=True)
    return {name for (name, one), other in pairs if (one - other).abs().max() > 0.06}


def test_each_change_shows_in_its_own_moments(letter):
    tint = torch.tensor([1.2, 1.0, 0.8])[:, None, None]
    assert changed(letter, moved(letter, shift=0.15)) == {"position"}
    assert changed(letter, moved(letter, degrees=90)) == {"angle"} | {"position"}
    assert changed(letter, letter * tint) == {"color"}
    assert changed(letter, letter / 2) == {"brightness"}
    assert "size" in changed(letter, moved(letter, scale=1.4))
    blurred = torch.nn.functional.avg_pool2d(letter, 5, 1, 2)
    assert {"edges"} <= changed(letter, blurred) <= {"edges", "brightness", "size", "angle"}


def test_moments_turn_with_the_image(letter):
    for degrees in (30.0, 90.0, 140.0):
        before = torch.view_as_complex(image_traits(letter)["angle"].view(4, 2))
        after = torch.view_as_complex(image_traits(moved(letter, degrees=degrees))["angle"].view(4, 2))
        ratio = after / before
        for power, result in zip((2, 3, 2, 4), ratio, strict=True):
            either = [torch.polar(torch.tensor(1.0), torch.tensor(s * math.radians(power * degrees))) for s in (1, -1)]
            assert min(float((result - one).abs()) for one in either) < 0.25


@pytest.mark.parametrize(("kept", "where"), [(True, 0), (False, 1)])
def test_what_differs_within_classes_shows_there_and_what_differs_between_them_there(letter, kept, where):
    quarters = [0, 90, 180, 270] if kept else [0, 0, 90, 90]
    items = torch.cat([moved(letter, degrees=float(degrees)) for degrees in quarters])[None]
    same = torch.cat([letter] * 4)[None]
    traits = ImageMoments(3)
    result, still = (
        traits.describe(Examples.of(each, torch.tensor([0, 0, 1, 1])))[0, 0].unflatten(0, (6, 3))
        for each in (items, same)
    )
    turn = (result - still)[2]  # log deviation: of the class, within classes, between them
    assert turn[1 + where] > 1
    assert (turn[0] > 1) == kept
    assert abs(float((result - still)[5].abs().max())) < 0.05  # colors


def test_a_gray_image_has_no_colors():
    assert "color" not in image_traits(torch.rand(2, 1, 9, 9))
    assert ImageMoments(1).features == 15


def test_an_empty_image_is_reported_with_a_gradient():
    images = torch.zeros(1, 3, 9, 9, requires_grad=True)
    sum(trait.sum() for trait in image_traits(images).values()).backward()
    assert images.grad.isfinite().all()
