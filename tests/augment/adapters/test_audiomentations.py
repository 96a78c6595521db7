"""Transforms of audiomentations as ops on sounds, and ours as theirs."""

import numpy as np
import pytest
import torch

from manyshot.augment.adapters.audiomentations import FromAudiomentations, ToAudiomentations
from manyshot.augment.audio import Bandpass, Gain
from manyshot.augment.ops.compose import Compose
from one_line_error import one_line_error


def sounds(n: int = 3, channels: int = 1, length: int = 4000) -> torch.Tensor:
    return 0.2 * torch.randn(n, channels, length, generator=torch.Generator().manual_seed(0))


def noisy(samples: np.ndarray, sample_rate: int) -> np.ndarray:
    return samples + np.random.normal(0, 0.1, samples.shape).astype(np.float32)  # noqa: NPY002


def test_draws_are_replayed_and_do_not_touch_global_generators():
    op = Compose((FromAudiomentations(noisy), Gain()))
    params = op.sample(3, torch.Generator().manual_seed(1))
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    first = op.apply(sounds(), params)
    assert first.equal(op.apply(sounds(), params))
    assert not first.equal(op.apply(sounds(), op.sample(3, torch.Generator().manual_seed(2))))
    assert (np.random.get_state()[1] == before).all()  # noqa: NPY002


def test_another_length_is_brought_back_and_other_channels_are_refused():
    twice = FromAudiomentations(lambda samples, rate: np.concatenate([samples, samples], -1))
    assert twice(sounds()).shape == (3, 1, 4000)
    with one_line_error("2 channels became 1"):
        FromAudiomentations(lambda samples, rate: samples[0])(sounds(channels=2))


def test_our_ops_get_the_rate_of_their_samples():
    seen = []

    class Spy(Bandpass):
        def change(self, sounds, params):
            seen.append(self.rate)
            return sounds

    ToAudiomentations(Spy())(np.zeros(100, np.float32), 8000)
    assert seen == [8000]
    assert ToAudiomentations(Gain())(np.ones((2, 50), np.float32), 8000).shape == (2, 50)


class TestWithTheLibrary:
    @pytest.mark.parametrize("name", ["AddGaussianNoise", "PitchShift", "TimeStretch", "Shift", "ClippingDistortion"])
    def test_its_transforms_run_as_ops(self, name):
        library = pytest.importorskip("audiomentations")
        op = FromAudiomentations(getattr(library, name)(p=1.0))
        params = op.sample(3, torch.Generator().manual_seed(0))
        changed = op.apply(sounds(), params)
        assert changed.equal(op.apply(sounds(), params))
        assert (changed != sounds()).any()

    def test_our_ops_run_in_its_compositions(self):
        library = pytest.importorskip("audiomentations")
        both = library.Compose([library.Gain(p=1.0), ToAudiomentations(Bandpass())])
        assert both(samples=np.zeros(1000, np.float32), sample_rate=16_000).shape == (1000,)
