"""A model's folder: what was written is read again, and whatever is wrong with it is one line."""

import errno
import json
import os
from importlib.metadata import version

import pytest
import torch
from safetensors.torch import load_file, save_file

from manyshot.base import InputError
from manyshot.classify.examples.read_examples import examples_from_arrays
from manyshot.classify.model.printable_names import check_class_names
from manyshot.classify.model.save_load_model import SETTINGS, TENSORS, load_model, save_model
from small_classifiers import fit_small, questions

NEW = examples_from_arrays(["my parcel, please", "green tea", "what?"])


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    folder = tmp_path_factory.mktemp("saved") / "model"
    save_model(fit_small(questions()), folder)
    return folder


@pytest.fixture
def folder(saved, tmp_path):
    """A copy to damage."""
    copy = tmp_path / "model"
    copy.mkdir()
    for path in saved.iterdir():
        (copy / path.name).write_bytes(path.read_bytes())
    return copy


def change_settings(folder, **changes):
    path = folder / SETTINGS
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def change_tensors(folder, **changes):
    """Change tensors and the digest with them, as somebody would who tampers with a model; None removes one."""
    from manyshot.classify.model.save_load_model import _digest

    tensors = load_file(folder / TENSORS) | changes
    save_file({name: value for name, value in tensors.items() if value is not None}, folder / TENSORS)
    change_settings(folder, sha256=_digest(folder / TENSORS))


@pytest.mark.parametrize("head", ["ridge", "nearest"])
def test_a_model_predicts_the_same_after_it_was_saved_and_loaded(tmp_path, head):
    model = fit_small(questions(), head=head)
    save_model(model, tmp_path / "model")
    loaded = load_model(tmp_path / "model")
    before, after = model.predict(NEW), loaded.predict(NEW)
    assert (before.probabilities == after.probabilities).all()
    assert (before.unknown == after.unknown).all()
    assert (before.novelty == after.novelty).all()
    assert loaded.candidate == model.candidate
    assert loaded.class_names == model.class_names
    assert loaded.reference.names == model.reference.names
    assert loaded.report == model.report


def test_the_folder_holds_two_files_and_the_version(saved):
    assert sorted(path.name for path in saved.iterdir()) == [SETTINGS, TENSORS]
    assert json.loads((saved / SETTINGS).read_text())["manyshot"] == version("manyshot")


def test_nothing_is_overwritten_unasked(saved, tmp_path):
    model = fit_small(questions(), temperature=2.0)
    with pytest.raises(InputError, match="holds a model already"):
        save_model(model, saved)
    (tmp_path / "notes.txt").write_text("mine")
    for overwrite in (False, True):
        with pytest.raises(InputError, match="is not empty and holds no model"):
            save_model(model, tmp_path, overwrite)
    with pytest.raises(InputError, match="a file, and a model is a folder"):
        save_model(model, tmp_path / "notes.txt")
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_a_model_is_overwritten_when_asked_and_other_files_stay(folder):
    (folder / "answers.csv").write_text("mine")
    save_model(fit_small(questions(), temperature=2.0), folder, overwrite=True)
    assert load_model(folder).temperature == 2.0
    assert (folder / "answers.csv").read_text() == "mine"


def test_a_writer_that_fails_leaves_the_model_that_was_there(folder, monkeypatch):
    from manyshot.classify.model import save_load_model

    def fail(path, tensors):
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    monkeypatch.setattr(save_load_model, "write_tensors", fail)
    with pytest.raises(OSError, match="No space left"):
        save_model(fit_small(questions(), temperature=2.0), folder, overwrite=True)
    assert load_model(folder).temperature == 0.5


WRONG_SETTINGS = {
    "later version": ({"format": 99}, "format 99, and this version of Manyshot reads 1; update Manyshot"),
    "no format": ({"format": None}, "no 'format'"),
    "unknown key": ({"color": 1}, "unknown key 'color'"),
    "kind": ({"kind": "smells"}, "kind 'smells'"),
    "one class": ({"classes": ["parcel"]}, "1 classes"),
    "twice the same class": ({"classes": ["tea", "tea"]}, "two classes have one name"),
    "escapes": ({"classes": ["\x1b[2Jparcel", "tea"]}, "holds a control character"),
    "reversed text": ({"classes": ["par\u202ecel", "tea"]}, "holds a control character"),
    "more classes than weights": ({"classes": ["parcel", "tea", "other"]}, "'weight' is float64"),
    "classes are a text": ({"classes": "ab"}, "classes: 'ab' is not a list"),
    "temperature": ({"temperature": 0}, "temperature 0"),
    "views": ({"views": [["typos", 10**9]]}, "['typos', 1000000000] is no plan and its number of copies"),
    "views of no plan": ({"views": [["flipp", 2]]}, "did you mean 'flip'"),
    "views of no kind": ({"views": [[1]]}, "[1] is no plan and its number of copies"),
    "no blocks": ({"blocks": []}, "no encoders"),
    "other examples": ({"examples": ["row 1"]}, "'reference.labels' is int64"),
    "digest": ({"sha256": "0" * 64}, "is not the file that belongs to model.json"),
}


@pytest.mark.parametrize("case", WRONG_SETTINGS)
def test_settings_that_were_tampered_with_are_one_line(folder, case):
    changes, message = WRONG_SETTINGS[case]
    change_settings(folder, **changes)
    with pytest.raises(InputError) as caught:
        load_model(folder)
    assert message in str(caught.value)
    assert str(folder) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert "\x1b" not in str(caught.value)


def test_a_missing_setting_is_named(folder):
    values = json.loads((folder / SETTINGS).read_text())
    del values["temperature"]
    (folder / SETTINGS).write_text(json.dumps(values))
    with pytest.raises(InputError, match="no 'temperature'"):
        load_model(folder)


WRONG_TENSORS = {
    "NaN": ({"weight": torch.full((1, 2, 2048), torch.nan, dtype=torch.float64)}, "NaN"),
    "shape": ({"weight": torch.zeros(1, 2, 7, dtype=torch.float64)}, "'weight' is float64 [1, 2, 7]"),
    "type": ({"bias": torch.zeros(1, 2)}, "'bias' is float32 [1, 2], and float64 [1, 2] is expected"),
    "missing": ({"bias": None}, "no 'bias'"),
    "unknown": ({"code": torch.zeros(1)}, "unknown tensor 'code'"),
    "label": ({"reference.labels": torch.full((8,), 9)}, "classes that are not there"),
}


@pytest.mark.parametrize("case", WRONG_TENSORS)
def test_tensors_that_were_tampered_with_are_one_line(folder, case):
    changes, message = WRONG_TENSORS[case]
    change_tensors(folder, **changes)
    with pytest.raises(InputError) as caught:
        load_model(folder)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_damage_is_noticed(folder):
    path = folder / TENSORS
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    with pytest.raises(InputError, match="is not the file that belongs to"):
        load_model(folder)
    path.unlink()
    with pytest.raises(InputError, match="no such file"):
        load_model(folder)


def test_an_enormous_file_is_refused_before_it_is_read(folder):
    os.truncate(folder / TENSORS, 1 << 33)
    with pytest.raises(InputError, match="at most 4,294,967,296 are read"):
        load_model(folder)


def test_an_encoder_with_other_weights_is_named(folder):
    values = json.loads((folder / SETTINGS).read_text())
    values["blocks"][0]["fingerprint"] = "other"
    (folder / SETTINGS).write_text(json.dumps(values))
    with pytest.raises(InputError, match="encoder 'ngrams' has other weights here"):
        load_model(folder)


def test_an_encoder_that_is_not_there_is_named(folder):
    values = json.loads((folder / SETTINGS).read_text())
    values["blocks"][0]["encoder"] = "ngram"
    (folder / SETTINGS).write_text(json.dumps(values))
    with pytest.raises(InputError, match="did you mean 'ngrams'"):
        load_model(folder)


def test_names_of_classes_may_be_in_any_script():
    check_class_names(["猫", "قطة", "chat noir", "👩‍🚀"], "photos")
