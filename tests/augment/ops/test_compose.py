"""Composition: order, fusing, nesting, and the ops that act now and then."""

import itertools

import pytest
import torch

from manyshot.augment.image import (
    Affine,
    Brightness,
    Crop,
    Elastic,
    Flip,
    FlipVertical,
    GridDistort,
    Noise,
    Perspective,
    ResizedCrop,
    SelfMix,
    ThinPlate,
    Turn,
)
from manyshot.augment.image.geometric import warp
from manyshot.augment.ops.compose import Compose, Sometimes
from manyshot.augment.ops.op import Op, take


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def blob(n: int, size: int = 64, sharpness: float = 8.0) -> torch.Tensor:
    """Smooth pictures without symmetry, which bilinear reading hardly changes."""
    points = warp.pixels(torch.zeros(n, 1, size, size))
    spots = [(0.2, -0.3, 1.0), (-0.4, 0.1, 0.6), (0.1, 0.5, 0.8)]
    return sum(
        height * torch.exp(-sharpness * ((points[..., 0] - x) ** 2 + (points[..., 1] - y) ** 2))
        for x, y, height in spots
    )[:, None].clamp(0, 1)


def one_by_one(ops, images, params):
    for index, op in enumerate(ops):
        images = op.apply(images, params[str(index)])
    return images


WARPS = {
    "affine": Affine(),
    "elastic": Elastic(),
    "crop": Crop(),
    "resized crop": ResizedCrop(),
    "flip": Flip(),
    "flip vertical": FlipVertical(),
    "turn": Turn(),
    "sometimes affine": Sometimes(Affine(degrees=40)),
}


@pytest.mark.parametrize("names", list(itertools.product(WARPS, WARPS, ("affine", "elastic"))), ids="-".join)
def test_a_fused_run_shows_what_op_by_op_shows(names):
    ops = tuple(WARPS[name] for name in names)
    images = blob(6)
    params = Compose(ops).sample(6, generator())
    difference = Compose(ops).apply(images, params) - one_by_one(ops, images, params)
    assert difference.abs().mean() < 0.003
    assert difference.abs().quantile(0.99) < 0.05


MORE_WARPS = {
    "perspective": Perspective(),
    "grid": GridDistort(),
    "thin plate": ThinPlate(0.05),
    "self mix": SelfMix(),
}


@pytest.mark.parametrize("first", MORE_WARPS)
@pytest.mark.parametrize("second", [*MORE_WARPS, "affine"])
def test_fused_distortions_show_what_op_by_op_shows(first, second):
    ops = (MORE_WARPS[first], (MORE_WARPS | WARPS)[second], Elastic(0.03))
    images = blob(6)
    params = Compose(ops).sample(6, generator())
    difference = Compose(ops).apply(images, params) - one_by_one(ops, images, params)
    # The rim of a copied rectangle is blended by two passes and sharp after one.
    rim = "self mix" in (first, second)
    assert difference.abs().mean() < (0.006 if rim else 0.004)
    assert difference.abs().quantile(0.95 if rim else 0.99) < 0.05


@pytest.mark.parametrize("padding_mode", ["zeros", "border", "reflection"])
def test_a_fused_run_shows_what_op_by_op_shows_beyond_the_edge_too(padding_mode):
    ops = (
        Affine(shift=0.8, padding_mode=padding_mode),
        Elastic(padding_mode=padding_mode),
        Affine(shift=0.8, degrees=60, padding_mode=padding_mode),
    )
    images = blob(16, sharpness=2.0)
    params = Compose(ops).sample(16, generator())
    difference = (Compose(ops).apply(images, params) - one_by_one(ops, images, params)).abs()
    # At the rim of a zero edge, two passes fade twice.
    assert difference.mean() < 0.006
    assert difference.quantile(0.95) < 0.03


def test_a_fused_run_resamples_once(monkeypatch):
    calls = []
    monkeypatch.setattr("manyshot.augment.ops.compose.resample", lambda *args: calls.append(1) or warp.resample(*args))
    op = Compose(
        (
            Flip(),
            Compose((Affine(), Sometimes(Elastic()))),
            Crop(),
            Brightness(),
            Affine(),
            Affine(padding_mode="border"),
        )
    )
    images = blob(4, size=12)
    op.apply(images, op.sample(4, generator()))
    assert len(calls) == 1  # the first four; the last two differ in edge, and each is applied alone


def test_fusing_keeps_thin_strokes_sharper_than_op_by_op():
    image = torch.zeros(8, 1, 28, 28)
    image[..., 13] = 1
    ops = (Affine(), Elastic(), Affine(), Elastic())
    params = Compose(ops).sample(8, generator())
    fused, apart = Compose(ops).apply(image, params), one_by_one(ops, image, params)
    assert fused.square().sum() > 1.2 * apart.square().sum()


def test_ops_that_move_whole_pixels_stay_exact():
    op = Compose((Flip(), Crop(), Turn(), FlipVertical()))
    images = torch.rand(32, 3, 9, 9, generator=generator())
    params = op.sample(32, generator())
    assert op.apply(images, params).equal(one_by_one(op.ops, images, params))


def test_order_matters_and_is_that_of_the_list():
    images = torch.full((1, 1, 4, 4), 0.8)
    ops = (Brightness(0.5), Noise(0.3))
    params = Compose(ops).sample(1, generator())
    swapped = Compose(ops[::-1]).apply(images, {"0": params["1"], "1": params["0"]})
    assert Compose(ops).apply(images, params).equal(one_by_one(ops, images, params))
    assert not Compose(ops).apply(images, params).equal(swapped)


def test_no_ops_change_nothing():
    images = torch.rand(2, 1, 3, 3, generator=generator())
    assert Compose(()).apply(images, Compose(()).sample(2, generator())).equal(images)


def test_neighbors_draw_independently():
    params = Compose((Affine(), Affine())).sample(100, generator())
    assert not params["0"]["degrees"].equal(params["1"]["degrees"])


class TestSometimes:
    images = torch.rand(400, 1, 4, 4, generator=torch.Generator().manual_seed(0))

    @pytest.mark.parametrize("p", [0.0, 0.3, 1.0])
    def test_changes_the_fraction_asked_for_and_leaves_the_others_to_the_bit(self, p):
        op = Sometimes(Noise(), p=p)
        params = op.sample(400, generator())
        result = op.apply(self.images, params)
        changed = (result - self.images).abs().amax((1, 2, 3)) > 0
        assert changed.equal(params["on"])
        assert changed.float().mean() == pytest.approx(p, abs=0.06)

    def test_changes_an_item_as_the_op_alone_would(self):
        op = Sometimes(Affine())
        params = op.sample(400, generator())
        alone = Affine().apply(self.images, params["inner"])
        assert torch.allclose(op.apply(self.images, params)[params["on"]], alone[params["on"]], atol=1e-6)

    def test_takes_lists_such_as_sentences(self):
        class Shout(Op):
            def sample(self, n, generator):
                return {"marks": torch.randint(1, 4, (n,), generator=generator)}

            def apply(self, items, params):
                return [item + "!" * marks for item, marks in zip(items, params["marks"].tolist(), strict=True)]

        op = Sometimes(Shout())
        params = op.sample(20, generator())
        result = op.apply(["go"] * 20, params)
        assert [item != "go" for item in result] == params["on"].tolist()

    def test_rows_of_nested_params_can_be_taken(self):
        op = Compose((Sometimes(Compose((Affine(), Noise()))), Flip()))
        params = op.sample(400, generator())
        order = torch.randperm(400, generator=generator())
        shuffled = op.apply(self.images[order], take(params, order))
        assert torch.allclose(shuffled, op.apply(self.images, params)[order], atol=1e-6)
