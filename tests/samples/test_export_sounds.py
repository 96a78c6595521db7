"""Exported recordings: rate, channels and length stay, and every file comes again from its line of the manifest."""

import json

import pytest
import torch
from typer.testing import CliRunner

from manyshot.augment import Plan
from manyshot.base.sound import to_samples
from manyshot.cli.main import app
from manyshot.datasets.sound_files import decode_sound, encode_wav
from manyshot.nets.mel import spectrogram_picture
from manyshot.samples.export_sounds import export_sounds, replay_sound
from one_line_error import one_line_error

PLAN = Plan("shots: speed(1.1) pitch(2) hiss(snr=10) bandpass")


@pytest.fixture
def folder(tmp_path):
    for word, rate, channels in (("yes", 8000, 1), ("no", 22_050, 2)):
        (tmp_path / "words" / word).mkdir(parents=True)
        for number in range(2):
            time = torch.arange(rate // 2 + 100 * number) / rate
            sound = 0.3 * torch.sin(6.28 * 440 * (1 + number) * time).expand(channels, -1)
            (tmp_path / "words" / word / f"{number}.wav").write_bytes(encode_wav(to_samples(sound.clone()), rate))
    return tmp_path / "words"


def test_files_keep_rate_channels_and_length_and_can_be_replayed(folder, tmp_path):
    exported = export_sounds(folder, PLAN, 3, tmp_path / "new", seed=1)
    lines = [json.loads(line) for line in exported.manifest.read_text().splitlines()]
    assert len(lines) == 6
    for line in lines:
        sound, rate = decode_sound((exported.folder / line["file"]).read_bytes(), "new")
        original, own = decode_sound((folder / line["source"]).read_bytes(), "old")
        assert (sound.shape, rate) == (original.shape, own)
        assert (sound - original).abs().max() > 0.01
        again, _ = replay_sound(line, folder)
        assert again.equal(to_samples(sound))


def test_the_same_seed_gives_the_same_bytes_and_more_contain_fewer(folder, tmp_path):
    few = export_sounds(folder, PLAN, 2, tmp_path / "few")
    more = export_sounds(folder, PLAN, 4, tmp_path / "more")
    for path in few.folder.rglob("*.wav"):
        assert path.read_bytes() == (more.folder / path.relative_to(few.folder)).read_bytes()


def test_ops_of_pictures_are_refused(folder, tmp_path):
    with one_line_error("Flip", "sounds"):
        export_sounds(folder, Plan("shots: flip"), 1, tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_the_command_writes_them(folder, tmp_path):
    command = ["augment", str(folder), "--plan", "shots: gain", "--per-class", "2", "--out", str(tmp_path / "new")]
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 0, result.output
    assert "4 new recordings of 2 classes" in result.output
    assert len(list((tmp_path / "new").rglob("*.wav"))) == 4


def test_a_picture_of_a_tone_has_a_line_at_its_height():
    low, high = (
        spectrogram_picture(torch.sin(6.2832 * hertz * torch.arange(16_000) / 16_000)[None], 16_000)[0].float().mean(1)
        for hertz in (300, 3000)
    )
    assert int(low.argmax()) > int(high.argmax())


def test_rarer_words_are_filled_up(folder, tmp_path):
    (folder / "yes" / "1.wav").unlink()
    exported = export_sounds(folder, PLAN, 2, tmp_path / "new", fill_up=True)
    assert exported.generated == {"no": 0, "yes": 1}
    assert {file.name for file in exported.folder.iterdir()} == {"yes", "yes.sheet.png", "manifest.jsonl"}
