"""`fit`, `predict` and `evaluate` on recordings."""

import pytest
import torch

from manyshot.base.sound import to_samples
from manyshot.classify import fit_model, load_model, save_model
from manyshot.classify.data_issues.find_duplicate_examples import find_duplicate_examples
from manyshot.classify.encode.encode_examples import encode_examples
from manyshot.classify.examples.read_examples import load_examples, load_unlabeled
from manyshot.datasets.sound_files import encode_wav
from one_line_error import one_line_error

pytest.importorskip("livekit.wakeword")


def chirp(low: float, high: float, seed: int, seconds: float = 0.6) -> torch.Tensor:
    time = torch.arange(int(16_000 * seconds)) / 16_000
    phase = 6.2832 * (low * time + (high - low) * time**2 / 2 / seconds)
    noise = 0.02 * torch.randn(len(time), generator=torch.Generator().manual_seed(seed))
    return (0.4 * torch.sin(phase) + noise)[None]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    root = tmp_path_factory.mktemp("sounds") / "train"
    for name, (low, high) in {"rising": (300, 2000), "falling": (2000, 300), "flat": (800, 800)}.items():
        (root / name).mkdir(parents=True)
        for number in range(4):
            factor = 1 + 0.05 * number
            sound = chirp(low * factor, high * factor, number, 0.5 + 0.1 * number)
            (root / name / f"{number}.wav").write_bytes(encode_wav(to_samples(sound), 16_000))
    return root


def test_recordings_are_listed_as_sounds_and_shown_as_spectrograms(folder):
    examples = load_examples(folder)
    assert examples.kind == "sounds"
    assert examples.class_names == ("falling", "flat", "rising")
    lengths = {sound.shape[1] for sound in examples.sounds([0, 1])}
    assert lengths == {8000, 9600}
    pictures = examples.pictures([0, 4], size=64)
    assert pictures.shape == (2, 3, 64, 64)
    assert pictures[0].ne(pictures[1]).any()


def test_files_lists_and_tables_name_recordings(folder, tmp_path):
    file = folder / "flat" / "0.wav"
    assert load_unlabeled([file]).kind == "sounds"
    listing = tmp_path / "list.txt"
    listing.write_text(f"{file}\n")
    assert load_unlabeled([listing]).kind == "sounds"
    table = folder.parent / "table.csv"
    table.write_text("path,label\ntrain/flat/0.wav,flat\ntrain/rising/0.wav,rising\n")
    assert load_examples(table).kind == "sounds"


def test_variants_depend_on_the_recording_alone(folder):
    examples = load_examples(folder)
    whole = encode_examples("speech", examples, plan="speed hiss(snr=20)", copies=2)
    some = encode_examples("speech", examples.select([3, 1]), plan="speed hiss(snr=20)", copies=1)
    torch.testing.assert_close(some[:, 0], whole[[3, 1], 0])
    with one_line_error("Flip", "sounds"):
        encode_examples("speech", examples, plan="flip")


def test_a_model_is_fitted_kept_and_used(folder, tmp_path):
    examples = load_examples(folder)
    fitted, _ = fit_model(examples, encoder="speech", plan="speed(1.05)")
    save_model(fitted, tmp_path / "model")
    model = load_model(tmp_path / "model")
    assert model.kind == "sounds"
    found = model.predict(load_examples(folder)).probabilities.argmax(1)
    assert (found == examples.labels).mean() > 0.9
    with one_line_error("holds sounds"):
        load_unlabeled([folder / "flat" / "0.wav"], kind="pictures")


def test_other_encoders_are_refused(folder):
    with one_line_error("takes sentences", "sounds"):
        fit_model(load_examples(folder), encoder="ngrams")


def test_copies_of_a_recording_are_found(folder, tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "1.wav").write_bytes((folder / "flat" / "0.wav").read_bytes())
    (found,) = find_duplicate_examples(load_examples(tmp_path))
    assert (found.first, found.second, found.kind) == (0, 1, "exact")
