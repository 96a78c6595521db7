"""What single ops do to pitch, duration, loudness and frequencies, at the usual rate and at 8 kHz."""

import math

import pytest
import torch

from manyshot.augment.audio import Background, Bandpass, Clip, Hiss, MaskBand, MuLaw, Pitch, Reverb, Speed, Stretch
from manyshot.augment.audio.audio_op import resample, rms
from manyshot.augment.audio.timing import stretched
from manyshot.base.sound import to_samples
from manyshot.datasets.sound_files import encode_wav

RATES = pytest.mark.parametrize("rate", [8000, 16_000, 44_100])


def tone(hertz: float, rate: int, seconds: float = 0.5) -> torch.Tensor:
    return 0.5 * torch.sin(math.tau * hertz * torch.arange(int(rate * seconds), dtype=torch.float64) / rate)[None, None]


def pitch_of(sound: torch.Tensor, rate: int) -> float:
    """Frequency of the strongest term of the Fourier series of a windowed sound."""
    flat = sound.flatten()
    power = torch.fft.rfft(flat * torch.hann_window(len(flat), dtype=flat.dtype), 8 * len(flat)).abs()
    return float(power.argmax()) * rate / (8 * len(flat))


def stream() -> torch.Generator:
    return torch.Generator().manual_seed(0)


class TestTiming:
    @RATES
    def test_speed_moves_the_pitch_by_its_factor(self, rate):
        changed = Speed().apply(tone(500, rate), {"factor": torch.tensor([1.12])})
        assert abs(pitch_of(changed, rate) / 560 - 1) < 0.005

    @RATES
    def test_stretch_keeps_the_pitch_and_changes_the_duration(self, rate):
        sound = torch.cat([torch.zeros(1, 1, rate // 4), tone(500, rate), torch.zeros(1, 1, rate // 4)], 2)
        slow = Stretch(rate=rate).apply(sound, {"factor": torch.tensor([0.8])})
        assert abs(pitch_of(slow, rate) / 500 - 1) < 0.005
        sounding = (slow.abs() > 0.05).double().mean() / (sound.abs() > 0.05).double().mean()
        assert abs(float(sounding) - 1.25) < 0.08

    @RATES
    @pytest.mark.parametrize("semitones", [-4.0, 3.0])
    def test_pitch_moves_the_pitch_and_keeps_the_duration(self, rate, semitones):
        sound = torch.cat([torch.zeros(1, 1, rate // 4), tone(500, rate), torch.zeros(1, 1, rate // 4)], 2)
        changed = Pitch(rate=rate).apply(sound, {"semitones": torch.tensor([semitones])})
        assert abs(pitch_of(changed, rate) / (500 * 2 ** (semitones / 12)) - 1) < 0.006
        sounding = (changed.abs() > 0.05).double().mean() / (sound.abs() > 0.05).double().mean()
        assert abs(float(sounding) - 1) < 0.08

    def test_a_phase_vocoder_at_speed_one_returns_the_sound(self):
        sound = tone(500, 16_000)[0]
        torch.testing.assert_close(stretched(sound, 1.0, 16_000), sound, atol=1e-6, rtol=0)

    def test_resampling_loses_nothing_below_the_lower_rate_and_nothing_folds_back(self):
        low, high = tone(500, 16_000)[0], tone(6000, 16_000)[0]
        back = resample(resample(low + high, 4000), 8000)
        torch.testing.assert_close(back, low, atol=2e-3, rtol=0)


class TestLevels:
    def test_clip_cuts_at_a_fraction_of_the_peak(self):
        changed = Clip().apply(tone(500, 8000), {"amount": torch.tensor([0.6])})
        assert changed.abs().max().item() == pytest.approx(0.2, abs=1e-3)

    def test_mu_law_has_as_many_levels_as_it_says_and_little_noise_where_it_is_quiet(self):
        quiet = 0.01 * tone(500, 8000)
        params = {"bits": torch.tensor([8])}
        error = rms(MuLaw().apply(quiet, params) - quiet) / rms(quiet)
        even = rms((quiet * 127).round() / 127 - quiet) / rms(quiet)
        assert error < 0.1 * even

    @RATES
    def test_reverb_rings_after_the_sound_and_is_as_loud(self, rate):
        sound = torch.zeros(1, 1, rate, dtype=torch.float64)
        sound[..., 100] = 1
        params = {"seconds": torch.tensor([0.3]), "wet": torch.tensor([0.7]), "seed": torch.tensor([5])}
        heard = Reverb(rate=rate).apply(sound, params)
        torch.testing.assert_close(rms(heard), rms(sound))
        energy = heard.square()[..., 101:].flatten()
        early, late = energy[: rate // 20].sum(), energy[rate // 10 : rate // 10 + rate // 20].sum()
        # 60 decibels in 0.3 s are 20 in 0.1 s.
        assert 10 * math.log10(float(early / late)) == pytest.approx(20, abs=3)


class TestFrequencies:
    @RATES
    def test_bandpass_passes_the_middle_and_stops_the_sides(self, rate):
        params = {"low": torch.tensor([300.0]), "high": torch.tensor([2000.0])}
        op = Bandpass(rate=rate)
        kept = {
            hertz: float(rms(op.apply(tone(hertz, rate), params)) / rms(tone(hertz, rate))) for hertz in (75, 800, 3900)
        }
        assert kept[800] > 0.98
        assert kept[75] < 0.01
        assert kept[3900] < 0.1

    def test_bandpass_edges_stay_below_half_the_rate(self):
        params = Bandpass(rate=4000).sample(100, stream())
        assert params["high"].max() <= 2000
        assert params["low"].min() >= 20

    @RATES
    def test_mask_band_removes_a_band_and_nothing_else(self, rate):
        op = MaskBand(rate=rate)
        noise = torch.randn(1, 1, rate, dtype=torch.float64, generator=stream())
        changed = op.apply(noise, {"width": torch.tensor([0.2]), "start": torch.tensor([0.5])})
        ratio = torch.fft.rfft(changed).abs() / torch.fft.rfft(noise).abs()
        mel = 2595 * (1 + torch.arange(rate // 2 + 1) / 700).log10() / (2595 * math.log10(1 + rate / 2 / 700))
        inside = (mel >= 0.41) & (mel < 0.59)
        assert ratio.flatten()[inside].max() < 1e-6
        torch.testing.assert_close(ratio.flatten()[(mel < 0.39) | (mel > 0.61)].min().item(), 1.0)


class TestNoise:
    def test_hiss_has_its_ratio_and_its_color(self):
        sound = tone(500, 16_000, 2.0)
        for color in (0.0, 2.0):
            added = Hiss(color=color).apply(sound, {"snr": torch.tensor([10.0]), "seed": torch.tensor([3])}) - sound
            assert 20 * math.log10(float(rms(sound) / rms(added))) == pytest.approx(10, abs=1e-3)
            power = torch.fft.rfft(added.flatten()).abs().square()
            fall = float(power[500:1000].mean() / power[4000:8000].mean())
            assert 10 * math.log10(fall) == pytest.approx(3 * 3 * color, abs=1.5)

    def test_background_is_a_stretch_of_a_recording_at_the_ratio(self, tmp_path):
        recording = to_samples(0.3 * torch.randn(1, 9000, generator=stream()))
        (tmp_path / "street").mkdir()
        (tmp_path / "street" / "a.wav").write_bytes(encode_wav(recording, 16_000))
        op, sound = Background(str(tmp_path), snr=10, most=10), tone(500, 16_000, 0.1)
        added = op.apply(
            sound, {"snr": torch.tensor([10.0]), "which": torch.tensor([0.3]), "start": torch.tensor([0.5])}
        )
        added = (added - sound).flatten()
        stretch = recording.flatten().double()[3700:5300] / 32768
        assert torch.corrcoef(torch.stack([added, stretch]))[0, 1] > 0.999
        assert 20 * math.log10(float(rms(sound) / rms(added[None, None]))) == pytest.approx(10, abs=1e-2)
