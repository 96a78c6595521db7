"""What every op on sounds promises. A new one joins by one row."""

from dataclasses import dataclass, replace
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from manyshot.augment import Plan
from manyshot.augment.audio import OPS, AudioOp, Background, at_rate
from manyshot.augment.ops.compose import Compose, Sometimes
from manyshot.augment.ops.op import take
from manyshot.augment.registry import NAMED, build_op
from manyshot.base.call_syntax import Call
from manyshot.base.sound import to_samples
from manyshot.datasets.sound_files import encode_wav
from one_line_error import one_line_error

N, LENGTH = 4, 2000


@dataclass(frozen=True)
class Row:
    """Options of an op, its continuous params, and what is special about it."""

    options: dict[str, Any]
    continuous: tuple[str, ...] = ()
    wrong: tuple[dict[str, Any], ...] = ()
    smooth: bool = True
    """Whether the result is differentiable in the sounds."""


ROWS = {
    "shift_time": Row({"fraction": 0.2}, wrong=({"fraction": 2},)),
    "speed": Row({"factor": 1.3}, wrong=({"factor": 0.5}, {"factor": 5})),
    "stretch": Row({"factor": 1.3}, wrong=({"factor": 0.5}, {"rate": 500})),
    "pitch": Row({"semitones": 3.0}, wrong=({"semitones": 30}, {"rate": 500})),
    "gain": Row({}, ("decibels",), wrong=({"decibels": -1},)),
    "hiss": Row({"color": 1.0}, ("snr",), wrong=({"snr": 50}, {"color": 9})),
    "background": Row({}, ("snr",), wrong=({"snr": 50}, {"folder": "/nowhere"})),
    "reverb": Row({"seconds": 0.1}, ("wet",), wrong=({"seconds": 0}, {"wet": -1})),
    "bandpass": Row({}, ("low", "high"), wrong=({"low": 5000}, {"high": 1})),
    "clip": Row({}, ("amount",), wrong=({"amount": 1},)),
    "mu_law": Row({}, wrong=({"bits": 9}, {"bits": 1}, {"most": 20}), smooth=False),
    "mask_time": Row({}, wrong=({"fraction": -0.1},)),
    "mask_band": Row({}, wrong=({"fraction": 1.1},)),
    "polarity": Row({"p": 1.0}, wrong=({"p": 2},)),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("street")
    for name, length in (("long", 5000), ("short", 300)):
        samples = to_samples(0.1 * torch.randn(1, length, generator=stream(9)))
        (path / f"{name}.wav").write_bytes(encode_wav(samples, 16_000))
    return str(path)


def stream(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def sounds(n: int = N, channels: int = 1, length: int = LENGTH, rate: int = 16_000) -> torch.Tensor:
    """Chords that fade in and out, and a little noise, in float64."""
    time = torch.arange(length, dtype=torch.float64) / rate
    notes = torch.tensor([220.0, 330.0, 710.0, 1530.0], dtype=torch.float64)
    base = torch.stack(
        [torch.sin(6.283 * (note * (1 + 0.1 * k)) * time) for k in range(n * channels) for note in notes]
    )
    wave = base.view(n, channels, len(notes), length).mean(2) * torch.hann_window(length, dtype=torch.float64)
    return 0.7 * wave + 0.01 * torch.randn(n, channels, length, dtype=torch.float64, generator=stream(3))


def built(name: str, folder: str, **changed: Any) -> AudioOp:
    options = ROWS[name].options | ({"folder": folder} if name == "background" else {}) | changed
    op = OPS[name](**options)
    assert isinstance(op, AudioOp)
    return op


def test_each_op_has_a_row_and_a_name_in_plans():
    assert set(ROWS) == set(OPS)
    assert all(name in NAMED for name in OPS)


@pytest.mark.parametrize("name", ROWS)
class TestEveryOp:
    def test_keeps_shape_and_type(self, name, folder):
        op = built(name, folder)
        for channels in (1, 2):
            for dtype in (torch.float16, torch.float32, torch.float64):
                given_ = sounds(channels=channels).to(dtype)
                result = op(given_, stream())
                assert (result.shape, result.dtype) == (given_.shape, dtype)
                assert result.isfinite().all()
            samples = to_samples(sounds(channels=channels))
            assert op(samples, stream()).dtype == torch.int16

    def test_has_an_effect_and_changes_nothing_in_place(self, name, folder):
        before = sounds()
        kept = before.clone()
        changed = built(name, folder)(before, stream())
        assert ((changed - before).abs().amax((1, 2)) > 1e-4).sum() >= N - 1
        assert before.equal(kept)

    def test_replays_and_draws_anew(self, name, folder):
        op, given_ = built(name, folder), sounds()
        params = op.sample(N, stream(1))
        assert op.apply(given_, params).equal(op.apply(given_, params))
        if name != "polarity":
            assert not op.apply(given_, params).equal(op.apply(given_, op.sample(N, stream(2))))

    def test_is_the_same_alone_and_in_any_batch(self, name, folder):
        op, given_ = built(name, folder), sounds()
        params = op.sample(N, stream())
        whole = op.apply(given_, params)
        order = torch.tensor([2, 0, 3, 1])
        torch.testing.assert_close(op.apply(given_[order], take(params, order)), whole[order])
        torch.testing.assert_close(op.apply(given_[1:2], take(params, torch.tensor([1]))), whole[1:2])

    def test_takes_one_sound_and_none(self, name, folder):
        op = built(name, folder)
        assert op(sounds()[0], stream()).shape == (1, LENGTH)
        assert op(sounds()[:0], stream()).shape == (0, 1, LENGTH)

    def test_takes_silence_and_single_samples(self, name, folder):
        op = built(name, folder)
        assert op(torch.zeros(2, 1, 400), stream()).abs().max() < 1e-6
        assert op(torch.full((1, 1, 1), 0.5), stream()).isfinite().all()

    def test_16_bit_samples_differ_by_rounding_alone(self, name, folder):
        op, samples = built(name, folder), to_samples(0.5 * sounds())
        params = op.sample(N, stream())
        fine = op.apply(samples.double() / 32768, params)
        coarse = op.apply(samples, params).double() / 32768
        assert (coarse - fine.clamp(-1, 32767 / 32768)).abs().max() < 1e-3

    def test_is_differentiable_in_the_sounds(self, name, folder):
        if not ROWS[name].smooth:
            pytest.skip("rounds")
        op, given_ = built(name, folder), sounds(2, length=600)
        params = op.sample(2, stream())
        weight = torch.randn(given_.shape, dtype=torch.float64, generator=stream(4))
        direction = torch.randn(given_.shape, dtype=torch.float64, generator=stream(5))
        leaf = given_.clone().requires_grad_()
        (slope,) = torch.autograd.grad((op.apply(leaf, params) * weight).sum(), leaf)
        up, down = ((op.apply(given_ + by * direction, params) * weight).sum() for by in (1e-6, -1e-6))
        torch.testing.assert_close((slope * direction).sum(), (up - down) / 2e-6, rtol=1e-4, atol=1e-5)

    def test_is_differentiable_in_its_continuous_params(self, name, folder):
        op, given_ = built(name, folder), sounds(2, length=600)
        params = op.sample(2, stream())
        for param in ROWS[name].continuous:
            leaf = params[param].double().requires_grad_()
            weight = torch.randn(given_.shape, dtype=torch.float64, generator=stream(4))

            def value(at, param=param, weight=weight):
                return (op.apply(given_, {**params, param: at}) * weight).sum()

            (slope,) = torch.autograd.grad(value(leaf), leaf)
            step = torch.full_like(leaf, 1e-5)
            numeric = (value(leaf.detach() + step) - value(leaf.detach() - step)) / 2e-5
            torch.testing.assert_close(slope.sum(), numeric, rtol=1e-3, atol=1e-5)

    def test_refuses_wrong_options_and_wrong_items(self, name, folder):
        for wrong in ROWS[name].wrong:
            with one_line_error(type(built(name, folder)).__name__):
                built(name, wrong.get("folder", folder), **{key: wrong[key] for key in wrong if key != "folder"})(
                    sounds(), stream()
                )
        for items in (torch.zeros(2, 3, 8, 8), torch.zeros(2, 8, dtype=torch.uint8), ["a text"], torch.zeros(1, 0, 5)):
            with one_line_error(type(built(name, folder)).__name__):
                built(name, folder).check(items)

    def test_works_in_a_composition_and_a_plan(self, name, folder):
        op = Compose((built(name, folder), Sometimes(built(name, folder), 0.5)))
        assert op(sounds(), stream()).shape == (N, 1, LENGTH)
        options = {"folder": folder} if name == "background" else {}
        call = Call(name, (), tuple(options.items()))
        assert type(build_op(call)) is OPS[name]
        assert Plan(f"support: {call}").placements

    def test_is_right_at_eight_kilohertz(self, name, folder):
        op = at_rate(built(name, folder), 8000)
        result = op(sounds(rate=8000), stream())
        assert result.isfinite().all()
        assert result.abs().max() < 4


@given(st.integers(1, 3), st.integers(1, 300), st.sampled_from([name for name in ROWS if name != "background"]))
def test_any_length_and_number_of_channels_stays_as_it_is(channels, length, name):
    given_ = torch.rand(2, channels, length) - 0.5
    assert built(name, "")(given_, stream(length)).shape == given_.shape


def test_the_rate_reaches_every_op_of_a_composition(folder):
    op = Compose((Sometimes(Background(folder), 0.5), OPS["bandpass"](), OPS["gain"]()))
    changed = at_rate(op, 8000)
    assert (changed.ops[0].op.rate, changed.ops[1].rate) == (8000, 8000)
    assert changed.ops[2] == op.ops[2]
    assert at_rate(changed, 16_000) == replace(op)
