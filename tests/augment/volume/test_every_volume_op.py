"""What every op on volumes promises. A new op joins by one row in `OPS_UNDER_TEST`."""

import json
from dataclasses import dataclass, fields, replace

import pytest
import torch

from manyshot import ops
from manyshot.augment import Compose, Plan, Sometimes
from manyshot.augment.ops.op import Op, take
from manyshot.augment.volume import OPS
from manyshot.base import InputError

SIZE = (7, 10, 9)
EDGE = {"padding_mode": "zero"}


@dataclass(frozen=True)
class Case:
    """An op, the share of volumes that it changes at least, its continuous params, and options that it refuses."""

    op: Op
    changes: float = 0.95
    continuous: tuple[str, ...] = ()
    wrong: tuple[dict, ...] = ()


OPS_UNDER_TEST = {
    "affine3": Case(
        ops.Affine3(),
        continuous=("degrees", "scale", "shear", "shift"),
        wrong=({"degrees": -1}, {"scale": 0.5}, {"shear": -1}, {"shift": -0.1}, {"aspect": 0}, EDGE),
    ),
    "affine3, in plane, border": Case(ops.Affine3(in_plane=True, padding_mode="border"), continuous=("scale",)),
    "affine3, reflection": Case(ops.Affine3(padding_mode="reflection", aspect=4.0), continuous=("degrees", "shift")),
    "elastic3": Case(ops.Elastic3(), continuous=("displacement",), wrong=({"strength": -1}, {"cells": 0}, EDGE)),
    "elastic3, one cell, border": Case(ops.Elastic3(cells=1, padding_mode="border"), continuous=("displacement",)),
    "flip3": Case(ops.Flip3(), changes=0.3, wrong=({"axis": "w"}, {"p": 2}, {"swap": "1"}, {"swap": "1-2 2-3"})),
    "bias_field3": Case(ops.BiasField3(), continuous=("coefficients",), wrong=({"strength": -1},)),
    "anisotropy3": Case(ops.Anisotropy3(), changes=0.9, wrong=({"factor": 0.5}, {"axis": "w"})),
    "blur3": Case(ops.Blur3(), changes=0.7, continuous=("sigma",), wrong=({"sigma": -1},)),
    "ghosting3": Case(
        ops.Ghosting3(ghosts=3),
        changes=0.8,
        continuous=("intensity",),
        wrong=({"strength": 2}, {"ghosts": 1}, {"axis": "w"}),
    ),
    "motion3": Case(
        ops.Motion3(),
        changes=0.8,
        continuous=("degrees", "shift"),
        wrong=({"degrees": -1}, {"times": 0}, {"axis": "w"}),
    ),
    "spike3": Case(ops.Spike3(), continuous=("intensity", "phase"), wrong=({"strength": -1}, {"waves": 0})),
    "gibbs3": Case(ops.Gibbs3(), changes=0.7, wrong=({"strength": 2},)),
}
EXTRA = {
    "compose": Case(Compose((ops.Flip3("y"), ops.Affine3(), Sometimes(ops.Elastic3()), ops.Gamma(), ops.Noise()))),
    "brightness": Case(ops.Brightness(), continuous=("factor",)),
    "contrast": Case(ops.Contrast(), continuous=("factor",)),
    "invert": Case(ops.Invert(p=0.5), changes=0.3),
    "gamma": Case(ops.Gamma(), continuous=("exponent",)),
    "foreground_gamma": Case(ops.ForegroundGamma(), continuous=("exponent",)),
    "posterize": Case(ops.Posterize()),
    "solarize": Case(ops.Solarize(0.9), changes=0.7),
    "noise": Case(ops.Noise(), continuous=("strength",)),
    "speckle": Case(ops.Speckle(), continuous=("strength",)),
    "salt_pepper": Case(ops.SaltPepper(), changes=0.8),
    "rician": Case(ops.Rician(), continuous=("strength",)),
}
EVERY = {**OPS_UNDER_TEST, **EXTRA}
EVERY_OP = pytest.mark.parametrize("case", EVERY.values(), ids=EVERY)
CONTINUOUS = {name: case for name, case in EVERY.items() if case.continuous}


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def volumes(n: int = 6, c: int = 2, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    return torch.rand(n, c, *SIZE, generator=generator(7), dtype=dtype) * 0.6 + 0.2


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
class TestEveryOpOnVolumes:
    def test_changes_the_share_of_items_that_it_should(self, case):
        items = volumes(60)
        changed = (case.op.apply(items, case.op.sample(60, generator())) - items).abs().flatten(1).amax(1) > 1e-4
        assert changed.float().mean() >= case.changes

    def test_replays_from_params_written_as_json(self, case):
        params = case.op.sample(4, generator())
        again = from_lists(json.loads(json.dumps(as_lists(params), allow_nan=False)), params)
        assert case.op.apply(volumes(4), params).equal(case.op.apply(volumes(4), again))

    def test_draws_the_same_from_the_same_seed_and_other_from_another(self, case):
        draws = [as_lists(case.op.sample(32, generator(seed))) for seed in (1, 1, 2)]
        assert draws[0] == draws[1] != draws[2]

    def test_leaves_its_input_as_it_was(self, case):
        items, params = volumes(), case.op.sample(6, generator())
        before, drawn = items.clone(), as_lists(params)
        case.op.apply(items, params)
        assert items.equal(before)
        assert as_lists(params) == drawn

    @pytest.mark.parametrize("dtype", [torch.float16, torch.float32, torch.float64])
    def test_keeps_dtype_and_shape(self, case, dtype):
        items = volumes().to(dtype)
        result = case.op.apply(items, case.op.sample(6, generator()))
        assert (result.dtype, result.shape) == (dtype, items.shape)
        assert result.isfinite().all()

    def test_gives_bytes_for_bytes(self, case):
        items, params = volumes().mul(255).to(torch.uint8), case.op.sample(6, generator())
        expected = case.op.apply(items.float() / 255, params).clamp(0, 1).mul(255).round()
        assert case.op.apply(items, params).equal(expected.to(torch.uint8))

    def test_in_double_precision_torch_does_what_the_kernel_does(self, case):
        items, params = volumes(), case.op.sample(6, generator())
        assert torch.allclose(case.op.apply(items.double(), params).float(), case.op.apply(items, params), atol=1e-5)

    @pytest.mark.parametrize("shape", [(2, 1, 1, 1, 1), (2, 1, 1, 5, 7), (2, 3, 4, 1, 6), (0, 1, 4, 4, 4)])
    def test_takes_any_shape(self, case, shape):
        items = torch.rand(shape, generator=generator())
        for values in (items, items.double()):
            result = case.op.apply(values, case.op.sample(shape[0], generator()))
            assert result.shape == shape
            assert result.isfinite().all()

    def test_takes_volumes_that_are_not_contiguous(self, case):
        items, params = volumes(), case.op.sample(6, generator())
        strided = items.permute(2, 3, 4, 1, 0).contiguous().permute(4, 3, 0, 1, 2)
        assert torch.allclose(case.op.apply(strided, params), case.op.apply(items, params), atol=1e-6)

    def test_an_item_does_not_depend_on_its_neighbors(self, case):
        items, params = volumes(), case.op.sample(6, generator())
        order = torch.tensor([3, 5, 0, 3])
        alone = case.op.apply(items[order], take(params, order))
        assert torch.allclose(alone, case.op.apply(items, params)[order], atol=1e-6)

    def test_has_a_finite_gradient_in_the_items_that_is_not_zero(self, case):
        items = volumes().requires_grad_()
        case.op.apply(items, case.op.sample(6, generator())).square().sum().backward()
        assert items.grad.isfinite().all()
        assert (items.grad.abs().flatten(1).amax(1) > 0).all()

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
    z, y, x = torch.meshgrid(*[torch.linspace(-1, 1, side, dtype=torch.float64) for side in SIZE], indexing="ij")
    items = 0.5 + 0.2 * torch.stack([torch.sin(2 * x + 3 * y - z), x * y * z]).expand(n, 2, *SIZE)
    params = {
        name: value.double() if value.is_floating_point() else value
        for name, value in case.op.sample(n, generator(3)).items()
    }
    weight = torch.rand(items.shape, generator=generator(), dtype=torch.float64)

    def score(**changed):
        return (case.op.apply(items, {**params, **changed}) * weight).flatten(1).sum(1)

    for name in case.continuous:
        value = params[name].clone().requires_grad_()
        (gradient,) = torch.autograd.grad(score(**{name: value}).sum(), value)
        direction = torch.randn(value.shape, generator=generator(5), dtype=torch.float64)
        ahead, behind = (score(**{name: params[name] + sign * 1e-7 * direction}) for sign in (1, -1))
        measured = (ahead - behind) / 2e-7
        assert (measured.abs() > 1e-6).any(), f"{name} has no effect"
        assert torch.allclose((gradient * direction).reshape(n, -1).sum(1), measured, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", OPS)
class TestEveryOpOfTheTable:
    def test_brings_params_to_the_device_of_the_items(self, name):
        items = torch.empty(4, 1, 4, 5, 6, device="meta")
        assert OPS[name]().apply(items, OPS[name]().sample(4, generator())).device == items.device

    def test_has_plain_fields(self, name):
        assert all(isinstance(getattr(OPS[name](), field.name), (int, float, str)) for field in fields(OPS[name]))

    def test_stands_in_a_plan(self, name):
        plan = Plan(f"shots: 2 x {name}")
        assert Plan(str(plan)) == plan

    @pytest.mark.parametrize("shape", [(4, 1, 8, 8), (4, 8, 8), (2, 4, 1, 8, 8, 8)])
    def test_refuses_what_is_no_volume_in_one_line(self, name, shape):
        with pytest.raises(InputError, match=r"^\w+3: volumes of shape \[.*\]: give .*\[n, c, d, h, w\]") as caught:
            OPS[name]()(torch.rand(shape))
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("op", [ops.Flip(), ops.Affine(), ops.Blur(), Compose((ops.Noise(), ops.Turn()))])
def test_an_op_on_images_alone_refuses_volumes(op):
    with pytest.raises(InputError, match=r"images of shape .*volumes\.transpose"):
        op(volumes())
