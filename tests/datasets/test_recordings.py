"""Recordings of one's own and of FSDD: formats, rates, lengths, speakers, and what is wrong with files."""

import wave
import zipfile

import numpy as np
import pytest
import torch

from manyshot.base.sound import RATE, to_samples
from manyshot.datasets import load_dataset
from manyshot.datasets.recordings import holds_recordings, load_recordings
from manyshot.datasets.sound_files import decode_sound, encode_wav, read_sound, resampled
from manyshot.datasets.table_reader import Columns
from one_line_error import one_line_error


def tone(seconds: float = 0.5, rate: int = 8000, hertz: float = 400.0, channels: int = 1) -> torch.Tensor:
    time = torch.arange(round(seconds * rate)) / rate
    return 0.5 * torch.sin(6.2832 * hertz * time).expand(channels, -1)


def write(path, sound, rate=8000):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(encode_wav(to_samples(sound.clone()), rate))


@pytest.fixture
def folder(tmp_path):
    root = tmp_path / "words"
    for word in ("yes", "no"):
        for speaker in ("ann", "bob"):
            for number in range(2):
                write(root / word / f"{speaker}_{number}.wav", tone(0.3 + 0.1 * number))
    return root


class TestFiles:
    def test_wav_of_16_bits_comes_back_bit_for_bit(self):
        samples = torch.randint(-32768, 32768, (2, 500)).to(torch.int16)
        sound, rate = decode_sound(encode_wav(samples, 44_100), "a.wav")
        assert to_samples(sound).equal(samples)
        assert rate == 44_100

    @pytest.mark.parametrize("kind", ["flac", "ogg", "mp3", "24 bit wav", "float wav"])
    def test_other_formats_are_read_by_soundfile(self, kind, tmp_path):
        soundfile = pytest.importorskip("soundfile")
        path = tmp_path / f"a.{'wav' if 'wav' in kind else kind}"
        subtype = {"24 bit wav": "PCM_24", "float wav": "FLOAT"}.get(kind)
        soundfile.write(path, tone().numpy().T, 8000, subtype=subtype)
        result = read_sound(path, 8000).float() / 32768
        error = (result[:4000] - tone()[0]).abs().mean()
        assert error < {"ogg": 0.02, "mp3": 0.05}.get(kind, 1e-4)

    @pytest.mark.parametrize("rate", [8000, 11_025, 22_050, 44_100, 48_000])
    def test_resampling_keeps_a_tone(self, rate):
        sound = resampled(tone(1.0, rate), rate, RATE)
        assert sound.shape == (1, RATE)
        expected = tone(1.0, RATE)
        torch.testing.assert_close(sound[:, 500:-500], expected[:, 500:-500], atol=5e-3, rtol=0)

    def test_wrong_files_are_named(self, tmp_path):
        whole = encode_wav(to_samples(tone().clone()), 8000)
        for data in (b"", b"no sound", whole[:200], whole[:20]):
            with one_line_error("a.wav"):
                decode_sound(data, "a.wav")
        pytest.importorskip("soundfile")
        with one_line_error("a.wav: is no complete sound file (Format not recognised)"):
            decode_sound(b"no sound", "a.wav")
        with one_line_error("has no samples"):
            decode_sound(encode_wav(torch.zeros(1, 0, dtype=torch.int16), 8000), "a.wav")
        with one_line_error("not a plausible rate"):
            decode_sound(encode_wav(torch.zeros(1, 9, dtype=torch.int16), 10), "a.wav")

    def test_formats_without_soundfile_say_how_to_install_it(self, monkeypatch):
        monkeypatch.setitem(__import__("sys").modules, "soundfile", None)
        with one_line_error("manyshot[audio]"):
            decode_sound(b"fLaC", "a.flac")


class TestFolders:
    def test_become_sounds_of_one_length_at_one_rate(self, folder):
        source = load_dataset(folder)
        assert source.class_names == ("no", "yes")
        assert (source.store.shape, source.store.dtype) == ((8, 1, 6400), torch.int16)
        assert source.texts == ("no", "yes")

    def test_speakers_become_authors(self, folder):
        source = load_recordings(folder, speakers=r"(ann|bob)_")
        assert source.author_names == ("ann", "bob")
        assert len(source.subset(authors=["ann"])) == 4
        with one_line_error("does not match"):
            load_recordings(folder, speakers="carl")
        with one_line_error("not a regular expression"):
            load_recordings(folder, speakers="(")

    def test_long_ones_are_cut_around_the_loudest_part(self, tmp_path):
        silence = torch.zeros(1, 8000)
        for word in ("a", "b"):
            write(tmp_path / "w" / word / "1.wav", torch.cat([silence, tone(0.5), silence], 1))
        sound = load_recordings(tmp_path / "w", seconds=0.5).store[0, 0].float() / 32768
        assert sound.square().mean() > 0.11

    def test_zips_and_splits_work_as_for_pictures(self, folder, tmp_path):
        archive = tmp_path / "words.zip"
        with zipfile.ZipFile(archive, "w") as packed:
            for path in sorted(folder.rglob("*.wav")):
                packed.write(path, f"train/{path.relative_to(folder)}")
        assert holds_recordings(archive)
        assert load_dataset(archive, "train").store.equal(load_dataset(folder).store)

    def test_several_channels_are_averaged(self, tmp_path):
        for word in ("a", "b"):
            write(tmp_path / "w" / word / "1.wav", torch.stack([tone()[0], torch.zeros(4000)]))
        mono = load_recordings(tmp_path / "w").store[0, 0].float() / 32768
        assert mono.abs().max().item() == pytest.approx(0.25, abs=0.01)

    def test_options_for_pictures_and_wrong_lengths_are_refused(self, folder):
        with one_line_error("no pictures"):
            load_dataset(folder, size=28)
        with one_line_error("seconds=0"):
            load_recordings(folder, seconds=0)
        with one_line_error("no columns"):
            load_recordings(folder, columns=Columns(label="x"))

    def test_a_damaged_file_is_named(self, folder):
        (folder / "yes" / "ann_0.wav").write_bytes(b"RIFF")
        with one_line_error("ann_0.wav"):
            load_dataset(folder)


class TestTables:
    def test_name_paths_classes_and_speakers(self, folder, tmp_path):
        table = tmp_path / "list.csv"
        rows = [f"words/{word}/{who}_0.wav,{word},{who}" for word in ("yes", "no") for who in ("ann", "bob")]
        table.write_text("\n".join(["path,label,speaker", *rows]))
        assert holds_recordings(table)
        source = load_dataset(table, columns=Columns(group="speaker"))
        assert source.author_names == ("ann", "bob")
        assert len(source) == 4

    def test_missing_files_are_named_with_their_line(self, tmp_path):
        table = tmp_path / "list.csv"
        table.write_text("path,label\nmissing.wav,yes\n")
        with one_line_error("line 2", "missing.wav"):
            load_dataset(table)


class TestFSDD:
    def archive(self, tmp_path, broken=False):
        path = tmp_path / "fsdd" / "recordings.zip"
        path.parent.mkdir()
        with zipfile.ZipFile(path, "w") as packed:
            for digit in range(10):
                for speaker in ("jackson", "theo"):
                    for number in (0, 7):
                        data = encode_wav(to_samples(tone(0.2).clone()), 8000)
                        packed.writestr(f"recordings/{digit}_{speaker}_{number}.wav", data[:100] if broken else data)
        return tmp_path

    def test_has_digits_with_their_words_and_speakers(self, tmp_path):
        source = load_dataset("fsdd", root=self.archive(tmp_path))
        assert source.texts[7] == "seven"
        assert source.author_names == ("jackson", "theo")
        assert source.store.shape == (40, 1, 16_000)

    def test_its_split_is_the_authors(self, tmp_path):
        root = self.archive(tmp_path)
        assert len(load_dataset("fsdd", "train", root=root)) == len(load_dataset("fsdd", "test", root=root)) == 20

    def test_truncated_files_are_named(self, tmp_path):
        with one_line_error("0_jackson_0.wav"):
            load_dataset("fsdd", root=self.archive(tmp_path, broken=True))


def test_waves_are_what_pythons_reader_reads(tmp_path):
    path = tmp_path / "a.wav"
    write(path, tone(channels=2))
    with wave.open(str(path)) as file:
        assert file.getparams()[:4] == (2, 2, 8000, 4000)
        assert np.abs(np.frombuffer(file.readframes(10), "<i2")).max() > 0
