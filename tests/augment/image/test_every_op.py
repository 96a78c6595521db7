"""What every image op promises. A new op joins by one row in `OPS_UNDER_TEST`."""

import json
from dataclasses import dataclass, fields, replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from manyshot import ops
from manyshot.augment.image import OPS
from manyshot.augment.ops.compose import Compose, Sometimes
from manyshot.augment.ops.op import Op, take
from manyshot.base import InputError


@dataclass(frozen=True)
class Case:
    """An op strong enough to be seen, the share of items that it changes at least, how many results it has for one item
    at least, and its continuous params."""

    op: Op
    changes: float = 0.95
    distinct: int = 15
    continuous: tuple[str, ...] = ()
    square: bool = False
    wrong: tuple[dict, ...] = ()


EDGE = {"padding_mode": "zero"}
OPS_UNDER_TEST = {
    "affine": Case(
        ops.Affine(),
        continuous=("degrees", "scale", "shear", "shift"),
        wrong=({"degrees": -1}, {"degrees": 400}, {"scale": 0.5}, {"shear": -1}, {"shift": float("nan")}, EDGE),
    ),
    "affine, border": Case(ops.Affine(padding_mode="border"), continuous=("degrees", "scale", "shear", "shift")),
    "affine, reflection": Case(
        ops.Affine(padding_mode="reflection"), continuous=("degrees", "scale", "shear", "shift")
    ),
    "elastic": Case(
        ops.Elastic(),
        continuous=("displacement",),
        wrong=({"strength": -0.1}, {"strength": float("inf")}, {"cells": 0}, EDGE),
    ),
    "elastic, one cell, border": Case(ops.Elastic(cells=1, padding_mode="border"), continuous=("displacement",)),
    "crop": Case(ops.Crop(), changes=0.85, wrong=({"padding": -0.1}, {"padding": 1.5}, EDGE)),
    "crop, border": Case(ops.Crop(padding_mode="border"), changes=0.85),
    "crop, reflection": Case(ops.Crop(padding_mode="reflection"), changes=0.85),
    "resized_crop": Case(
        ops.ResizedCrop(), continuous=("center", "side"), wrong=({"area": 0}, {"area": 2}, {"ratio": 0.5})
    ),
    "flip": Case(ops.Flip(), changes=0.3, wrong=({"p": 1.5}, {"p": -0.5})),
    "flip_vertical": Case(ops.FlipVertical(), changes=0.3, wrong=({"p": 1.5},)),
    "turn": Case(ops.Turn(), changes=0.6, square=True, wrong=({"degrees": 45},)),
    "turn, fit": Case(ops.Turn(fit=True), changes=0.3),
    "turn, half": Case(ops.Turn(degrees=180), changes=0.3),
    "brightness": Case(ops.Brightness(), continuous=("factor",), wrong=({"strength": -1},)),
    "contrast": Case(ops.Contrast(), continuous=("factor",), wrong=({"strength": -1},)),
    "saturation": Case(ops.Saturation(), continuous=("factor",), wrong=({"strength": -1},)),
    "hue": Case(ops.Hue(), continuous=("turn",), wrong=({"strength": 0.6},)),
    "noise": Case(ops.Noise(), continuous=("strength",), wrong=({"strength": -1},)),
    "blur": Case(ops.Blur(), continuous=("sigma",), changes=0.7, wrong=({"sigma": -1},)),
    "erase": Case(ops.Erase(), wrong=({"area": 2}, {"holes": 0}, {"fill": "white"})),
    "erase, three holes, mean": Case(ops.Erase(area=0.1, holes=3, fill="mean")),
    "erase, noise": Case(ops.Erase(fill="noise")),
    "stroke": Case(ops.StrokeWidth(), continuous=("width",), wrong=({"strength": -1},)),
    "perspective": Case(
        ops.Perspective(), continuous=("corners",), wrong=({"strength": 0.5}, {"strength": -0.1}, EDGE)
    ),
    "perspective, border": Case(ops.Perspective(padding_mode="border"), continuous=("corners",)),
    "grid_distort": Case(ops.GridDistort(), continuous=("stretch",), wrong=({"strength": 0.5}, {"cells": 0})),
    "thin_plate": Case(ops.ThinPlate(), continuous=("displacement",), wrong=({"strength": -1}, {"cells": 0}, EDGE)),
    "self_mix": Case(ops.SelfMix(), wrong=({"area": 2},)),
    "temperature": Case(ops.Temperature(), continuous=("warmth",), wrong=({"strength": -1},)),
    "grayscale": Case(ops.Grayscale(p=0.5), changes=0.3, wrong=({"p": 2.0},)),
    "invert": Case(ops.Invert(p=0.5), changes=0.3, wrong=({"p": 2.0},)),
    "channel_shuffle": Case(ops.ShuffleChannels(), changes=0.3, wrong=({"p": 2.0},)),
    "channel_drop": Case(ops.ChannelDrop(), changes=0.3, wrong=({"p": 2.0},)),
    "gamma": Case(ops.Gamma(), continuous=("exponent",), wrong=({"strength": 0.5},)),
    "foreground_gamma": Case(
        ops.ForegroundGamma(), continuous=("exponent",), wrong=({"strength": 0.5}, {"foreground": "light"})
    ),
    "foreground_gamma, dark": Case(ops.ForegroundGamma(foreground="dark"), continuous=("exponent",)),
    "posterize": Case(ops.Posterize(), distinct=4, wrong=({"bits": 0}, {"bits": 9})),
    "solarize": Case(ops.Solarize(strength=0.9), changes=0.7, wrong=({"strength": 2},)),
    "autocontrast": Case(ops.Autocontrast(), changes=0.3, wrong=({"p": 2.0},)),
    "equalize": Case(ops.Equalize(), changes=0.3, wrong=({"p": 2.0},)),
    "sharpness": Case(ops.Sharpness(), continuous=("factor",), wrong=({"strength": -1},)),
    "speckle": Case(ops.Speckle(), continuous=("strength",), wrong=({"strength": -1},)),
    "salt_pepper": Case(ops.SaltPepper(), changes=0.8, wrong=({"fraction": 2},)),
    "motion_blur": Case(ops.MotionBlur(), continuous=("length", "degrees"), wrong=({"length": -1},)),
    "random_filter": Case(ops.RandomFilter(), wrong=({"size": 2}, {"size": 0}, {"size": 33})),
    "downscale": Case(ops.Downscale(), changes=0.9, distinct=8, wrong=({"factor": 0.5},)),
    "jpeg": Case(ops.JPEG(), wrong=({"quality": 0}, {"quality": 101})),
    "stain_jitter": Case(ops.StainJitter(), continuous=("gain", "offset"), wrong=({"strength": -1},)),
    "stain_style": Case(
        ops.StainStyle(), continuous=("mean", "spread"), wrong=({"strength": -1}, {"file": "missing.json"})
    ),
    "stain_style, tissue": Case(ops.StainStyle(keep=True), continuous=("mean", "spread")),
    "stain_normalize": Case(
        ops.StainNormalize(method="reinhard", keep=False, p=0.5),
        changes=0.3,
        wrong=({"method": "vahadane"}, {"file": "missing.json"}, {"p": 2.0}),
    ),
    "stain_normalize, macenko": Case(ops.StainNormalize(p=0.5), changes=0.3),
    "black_corner": Case(
        ops.BlackCorner(), continuous=("radius", "center"), wrong=({"radius": 0}, {"radius": 2}, {"shift": -1})
    ),
    "bubbles": Case(
        ops.Bubbles(), continuous=("strength", "radius", "center"), wrong=({"strength": 2}, {"size": 0}, {"count": 0})
    ),
    "ink": Case(ops.Ink(), continuous=("strength", "ends"), wrong=({"strength": 2}, {"width": 0}, {"count": 0})),
    "characters": Case(ops.Characters(height=0.3), wrong=({"height": 0}, {"height": 1}, {"strength": 2})),
    "bias_field": Case(ops.BiasField(), continuous=("coefficients",), wrong=({"strength": -1},)),
    "ghosting": Case(ops.Ghosting(), continuous=("intensity",), wrong=({"strength": 2}, {"ghosts": 1})),
    "rician": Case(ops.Rician(), continuous=("strength",), wrong=({"strength": -1},)),
    "stroke, wide": Case(ops.StrokeWidth(strength=2.5), continuous=("width",)),
    "sometimes": Case(Sometimes(ops.Affine(), p=0.5), changes=0.3, wrong=({"p": 2.0},)),
    "sometimes, color": Case(Sometimes(ops.Brightness(), p=0.5), changes=0.3),
    "compose": Case(Compose((ops.Affine(), ops.Elastic(), ops.StrokeWidth(), ops.Noise()))),
    "compose of all": Case(Compose(tuple(op() for name, op in OPS.items() if name != "turn"))),
    "nested": Case(Compose((ops.Flip(), Compose((ops.Affine(), Sometimes(ops.Elastic()), ops.Crop()))))),
}
CONTINUOUS = {name: case for name, case in OPS_UNDER_TEST.items() if case.continuous}
EVERY_OP = pytest.mark.parametrize("case", OPS_UNDER_TEST.values(), ids=OPS_UNDER_TEST)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def pictures(n: int = 32, c: int = 3, h: int = 16, w: int = 16, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    """Busy pictures without values near 0 and 1, where clamping would hide an effect."""
    return torch.rand(n, c, h, w, generator=generator(7), dtype=dtype) * 0.6 + 0.2


def as_lists(params):
    return {k: v.tolist() if isinstance(v, torch.Tensor) else as_lists(v) for k, v in params.items()}


def from_lists(lists, like):
    return {
        k: torch.tensor(v, dtype=like[k].dtype) if isinstance(like[k], torch.Tensor) else from_lists(v, like[k])
        for k, v in lists.items()
    }


def test_every_op_of_the_table_is_tested():
    assert set(OPS) <= set(OPS_UNDER_TEST)
    assert all(type(OPS_UNDER_TEST[name].op) is op for name, op in OPS.items())


@EVERY_OP
class TestEveryOp:
    def test_changes_the_fraction_of_items_that_it_should(self, case):
        images = pictures(200)
        changed = (case.op.apply(images, case.op.sample(200, generator())) - images).abs().amax((1, 2, 3)) > 1e-4
        assert changed.float().mean() >= case.changes

    def test_gives_each_item_its_own_change(self, case):
        images = pictures(1).expand(40, 3, 16, 16)
        results = case.op.apply(images, case.op.sample(40, generator()))
        assert len(results.flatten(1).unique(dim=0)) >= (2 if case.changes < 0.7 else case.distinct)

    def test_replays_from_params_written_as_json(self, case):
        params = case.op.sample(8, generator())
        again = from_lists(json.loads(json.dumps(as_lists(params), allow_nan=False)), params)
        assert case.op.apply(pictures(8), params).equal(case.op.apply(pictures(8), again))

    def test_draws_the_same_from_the_same_seed_and_other_from_another(self, case):
        draws = [as_lists(case.op.sample(32, generator(seed))) for seed in (1, 1, 2)]
        assert draws[0] == draws[1] != draws[2]

    def test_leaves_its_input_as_it_was(self, case):
        images, params = pictures(8), case.op.sample(8, generator())
        before, drawn = images.clone(), as_lists(params)
        case.op.apply(images, params)
        assert images.equal(before)
        assert as_lists(params) == drawn

    @pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
    def test_keeps_dtype_shape_and_range(self, case, dtype):
        images = (torch.rand(64, 3, 12, 12, generator=generator(), dtype=dtype) > 0.5).to(dtype)
        result = case.op.apply(images, case.op.sample(64, generator()))
        assert (result.dtype, result.shape) == (dtype, images.shape)
        assert result.isfinite().all()
        assert result.min() >= 0
        assert result.max() <= 1

    @pytest.mark.parametrize(
        "shape", [(5, 1, 1, 1), (5, 1, 1, 7), (5, 3, 9, 1), (5, 3, 8, 13), (0, 3, 8, 8), (0, 1, 1, 1)]
    )
    def test_takes_any_shape(self, case, shape):
        if case.square and shape[2] != shape[3]:
            shape = (*shape[:3], shape[2])  # quarter turns are for square pictures
        images = torch.rand(shape, generator=generator())
        result = case.op.apply(images, case.op.sample(shape[0], generator()))
        assert result.shape == shape
        assert result.isfinite().all()

    def test_takes_images_that_are_not_contiguous(self, case):
        images, params = pictures(6), case.op.sample(6, generator())
        strided = images.permute(2, 3, 1, 0).contiguous().permute(3, 2, 0, 1)
        assert not strided.is_contiguous()
        assert torch.allclose(case.op.apply(strided, params), case.op.apply(images, params), atol=1e-6)

    def test_an_item_does_not_depend_on_its_neighbors(self, case):
        images, params = pictures(10), case.op.sample(10, generator())
        order = torch.tensor([3, 9, 0, 3])
        alone = case.op.apply(images[order], take(params, order))
        assert torch.allclose(alone, case.op.apply(images, params)[order], atol=1e-6)

    def test_has_a_finite_gradient_in_the_items_that_is_not_zero(self, case):
        images = pictures(8).requires_grad_()
        case.op.apply(images, case.op.sample(8, generator())).square().sum().backward()
        assert images.grad.isfinite().all()
        assert (images.grad.abs().amax((1, 2, 3)) > 0).all()

    def test_can_be_printed_and_rebuilt(self, case):
        assert replace(case.op) == case.op
        assert hash(replace(case.op)) == hash(case.op)

    def test_refuses_wrong_options_naming_op_option_and_value(self, case):
        for wrong in case.wrong:
            with pytest.raises(InputError) as caught:
                replace(case.op, **wrong)
            (option, value), message = next(iter(wrong.items())), str(caught.value)
            assert type(case.op).__name__ in message
            assert f"{option}={value!r}" in message
            assert "\n" not in message


@pytest.mark.parametrize("case", CONTINUOUS.values(), ids=CONTINUOUS)
def test_gradient_in_continuous_params_agrees_with_finite_differences(case):
    n = 3
    y, x = torch.meshgrid(*[torch.linspace(-1, 1, 9, dtype=torch.float64)] * 2, indexing="ij")
    images = 0.5 + 0.2 * torch.stack([torch.sin(2 * x + 3 * y), torch.cos(3 * x - y), x * y]).expand(n, 3, 9, 9)
    params = {
        name: value.double() if value.is_floating_point() else value
        for name, value in case.op.sample(n, generator(3)).items()
    }
    weight = torch.rand(images.shape, generator=generator(), dtype=torch.float64)

    def score(**changed):
        return (case.op.apply(images, {**params, **changed}) * weight).sum((1, 2, 3))

    for name in case.continuous:
        value = params[name].clone().requires_grad_()
        (gradient,) = torch.autograd.grad(score(**{name: value}).sum(), value)
        direction = torch.randn(value.shape, generator=generator(5), dtype=torch.float64)
        step = 1e-7
        ahead, behind = (score(**{name: params[name] + sign * step * direction}) for sign in (1, -1))
        measured = (ahead - behind) / (2 * step)
        assert (measured.abs() > 1e-6).any(), f"{name} has no effect"
        predicted = (gradient * direction).reshape(n, -1).sum(1)
        assert torch.allclose(predicted, measured, rtol=1e-4, atol=1e-5)


@given(
    name=st.sampled_from([name for name in OPS if name != "turn"]),
    shape=st.tuples(st.integers(0, 4), st.sampled_from([1, 3]), st.integers(1, 9), st.integers(1, 9)),
    seed=st.integers(0, 2**31),
)
def test_keeps_shape_and_range_on_any_picture(name, shape, seed):
    op = OPS[name]()
    images = torch.rand(shape, generator=generator(seed))
    result = op.apply(images, op.sample(shape[0], generator(seed)))
    assert result.shape == shape
    assert ((result >= 0) & (result <= 1)).all()


@pytest.mark.parametrize("name", OPS)
def test_brings_params_to_the_device_of_the_items(name):
    # torch's meta device holds no values, but refuses like any other to mix with the CPU, where params are drawn.
    images = torch.empty(4, 3, 8, 8, device="meta")
    for op in {OPS[name](), *(case.op for case in OPS_UNDER_TEST.values() if type(case.op) is OPS[name])}:
        assert op.apply(images, op.sample(4, generator())).device == images.device


@pytest.mark.parametrize("name", OPS)
def test_the_fields_of_an_op_are_plain(name):
    assert all(field.type in (float, int, str, bool, "float", "int", "str", "bool") for field in fields(OPS[name]))
    assert all(isinstance(getattr(OPS[name](), field.name), (int, float, str)) for field in fields(OPS[name]))
