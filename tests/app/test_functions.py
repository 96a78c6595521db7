"""What the page does, without a browser."""

import wave
import zipfile

import numpy as np
import pytest
from PIL import Image

from manyshot.app.augmenting import OFFERED, plan_text, preview_pictures, preview_sentences
from manyshot.app.collection import Collection, rows_of_table, sentences_of
from manyshot.app.exporting import open_model, write_file
from manyshot.app.fitting import Fitted, fit, report_html
from manyshot.app.html import classes_html
from manyshot.app.trying import ask
from manyshot.base import InputError, track
from manyshot.classify.encode.encode_examples import plan_op
from manyshot.classify.examples.read_examples import examples_from_arrays
from one_line_error import one_line_error
from small_classifiers import fit_small, questions


def save_pictures(folder, count, seed=0):
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    paths = [folder / f"{number}.png" for number in range(count)]
    for path in paths:
        Image.fromarray(rng.integers(0, 256, (20, 30, 3), dtype=np.uint8)).save(path)
    return paths


def test_pictures_go_into_classes_and_a_picture_that_is_there_is_not_added_again(tmp_path):
    cats, dogs = save_pictures(tmp_path / "a", 3), save_pictures(tmp_path / "b", 2, seed=1)
    collection = Collection().add(" dog ", dogs).add("cat", cats[:2]).add("cat", cats)
    examples = collection.examples()
    assert examples.class_names == ("cat", "dog")
    assert examples.labels.tolist() == [0, 0, 0, 1, 1]
    assert examples.names == ("cat/0.png", "cat/1.png", "cat/2.png", "dog/0.png", "dog/1.png")
    assert examples.pictures([4], 8).shape == (1, 3, 8, 8)
    assert list(collection.remove("cat").classes) == ["dog"]


def test_a_zip_without_a_class_name_brings_its_classes(tmp_path):
    archive = tmp_path / "shapes.zip"
    with zipfile.ZipFile(archive, "w") as file:
        for seed, name in enumerate(("circle", "square")):
            for path in save_pictures(tmp_path / name, 2, seed):
                file.write(path, f"{name}/{path.name}")
    assert {name: len(part) for name, part in Collection().add("", [archive]).classes.items()} == {
        "circle": 2,
        "square": 2,
    }


def test_examples_of_several_parts_are_refused_rather_than_read_in_part(tmp_path):
    archive, table = tmp_path / "shapes.zip", tmp_path / "shapes.csv"
    with zipfile.ZipFile(archive, "w") as file:
        for seed, name in enumerate(("circle", "square")):
            for path in save_pictures(tmp_path / name, 2, seed):
                file.write(path, f"{name}/{path.name}")
                file.writestr(f"{name}/{path.stem}.txt", f"a {name}")
    table.write_text("image,caption,label\ncircle/0.png,a ring,circle\nsquare/0.png,a box,square\n")
    for read, path in ((lambda one: Collection().add("", [one]), archive), (rows_of_table, table)):
        with one_line_error(f"{path.name}: holds examples of several parts", "use `manyshot fit`"):
            read(path)


def test_recordings_are_called_so(tmp_path):
    archive = tmp_path / "words.zip"
    with zipfile.ZipFile(archive, "w") as file:
        for name in ("yes/0.wav", "yes/1.wav", "no/0.wav", "no/1.wav"):
            with file.open(name, "w") as entry, wave.open(entry, "wb") as sound:
                sound.setparams((1, 2, 8000, 0, "NONE", ""))
                sound.writeframes(bytes(16_000))
    for read in (lambda one: Collection().add("", [one]), rows_of_table):
        with one_line_error("words.zip: holds sounds"):
            read(archive)


def test_what_cannot_be_collected_is_one_line(tmp_path):
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"no picture")
    good = save_pictures(tmp_path / "a", 1)
    for name, paths, message in [
        ("cat", [], "no pictures; drop some first"),
        ("", good, "write the name of their class first"),
        ("cat", [broken], "broken.png: not a complete image"),
        ("c" * 101, good, "at most 100"),
    ]:
        with pytest.raises(InputError, match=message):
            Collection().add(name, paths)
    with pytest.raises(InputError, match="1 classes; add pictures of at least 2"):
        Collection().add("cat", good).examples()
    with pytest.raises(InputError, match="no class 'dog'"):
        Collection().remove("dog")


def test_rows_of_sentences_are_checked(tmp_path):
    with pytest.raises(InputError, match="row 2 has no class"):
        sentences_of([["hello", "greet"], ["bye", ""]])
    with pytest.raises(InputError, match="write sentences of at least 2"):
        sentences_of([["hello", "greet"], ["", ""]])
    table = tmp_path / "faq.csv"
    table.write_text("text,label\nhello,greet\nbye,leave\n")
    assert sorted(rows_of_table(table)) == [["bye", "leave"], ["hello", "greet"]]


def test_names_of_classes_are_not_read_as_html(tmp_path):
    assert "&lt;script&gt;" in classes_html(Collection().add("<script>", save_pictures(tmp_path, 1)))


@pytest.mark.parametrize("op", OFFERED, ids=lambda op: op.name)
def test_every_offered_op_takes_the_values_of_its_slider(op):
    for value in (op.low, op.start, op.high):
        plan_op(plan_text({op.name: value}))


def test_a_preview_shows_variants_that_differ_from_the_example(tmp_path):
    collection = Collection().add("a", save_pictures(tmp_path / "a", 2)).add("b", save_pictures(tmp_path / "b", 2, 1))
    plain = preview_pictures(collection.examples(), "none", seed=0)
    shown = preview_pictures(collection.examples(), plan_text({"affine": 30.0}), seed=0)
    assert plain.count("<img") == 3
    assert shown.count("<img") == 18
    assert len(set(shown.split("base64,"))) == 19
    assert preview_pictures(collection.examples(), "affine(30)", seed=0) == shown
    assert preview_pictures(collection.examples(), "affine(30)", seed=1) != shown


def test_a_preview_of_sentences_lists_them_beside_their_variants():
    shown = preview_sentences(questions(), plan_text({"swap_words": 0.5}), seed=0)
    assert "where is my parcel" in shown
    assert shown.count("<tr>") == 16


def test_a_question_is_answered_with_probabilities_and_nearest_examples():
    examples = questions()
    fitted = Fitted(fit_small(examples, encoder="ngrams(256)"), examples)
    answer = ask(fitted, examples_from_arrays(["where is the parcel"]))
    assert set(answer.probabilities) == {"parcel", "tea"}
    assert sum(answer.probabilities.values()) == pytest.approx(1)
    assert "<strong>parcel</strong>" in answer.headline
    assert "where is my parcel" in answer.nearest
    strange = ask(Fitted(fitted.model), examples_from_arrays(["zzzzqqqqxxxx"]))
    assert "unlike every class" in strange.headline
    assert "row" in strange.nearest


def test_a_model_is_downloaded_as_a_zip_and_opened_again(tmp_path):
    examples = questions()
    fitted = Fitted(fit_small(examples, encoder="ngrams(64)"), examples)
    archive, _ = write_file(fitted, "zip", tmp_path)
    again = open_model(archive).model
    texts = examples_from_arrays(["green tea"])
    np.testing.assert_array_equal(again.predict(texts).probabilities, fitted.model.predict(texts).probabilities)
    program, words = write_file(fitted, "torch", tmp_path)
    assert program.name == "model.pt2"
    assert "It was run on 8 examples" in words


def test_what_is_no_model_is_refused(tmp_path):
    torn, empty = tmp_path / "torn.zip", tmp_path / "empty.zip"
    torn.write_bytes(b"PK no zip")
    with zipfile.ZipFile(empty, "w") as file:
        file.writestr("readme.txt", "hello")
    for path, message in [(torn, "not a complete zip"), (empty, "not a model of Manyshot")]:
        with pytest.raises(InputError, match=message):
            open_model(path)


def test_a_fit_reports_its_progress_and_can_be_ended(monkeypatch):
    fit_module = pytest.importorskip("manyshot.classify.fit_model")

    def small_fit(examples, *, progress, **settings):
        progress("encoding 8 sentences")
        for _ in track(range(2), "encode"):
            pass
        return fit_small(examples, encoder="ngrams(64)"), None

    monkeypatch.setattr(fit_module, "fit_model", small_fit)
    heard = []
    fitted = fit(questions(), 10, "auto", "none", lambda fraction, what: heard.append((fraction, what)))
    assert fitted.model.class_names == ("parcel", "tea")
    assert heard == [(0.0, "encoding 8 sentences"), (0.5, "encode"), (1.0, "encode")]

    def stop(fraction, what):
        raise InputError("stopped")

    with pytest.raises(InputError, match="stopped"):
        fit(questions(), 10, "auto", "none", stop)


def test_a_report_says_how_sure_it_is():
    report = {
        "accuracy": 0.8,
        "interval": [0.6, 0.9],
        "examples": 10,
        "classes": {"a": 5, "b": 5},
        "chosen": {"encoder": "ngrams", "head": "ridge", "plan": "none"},
        "why": "it did best",
        "augmentation": {"difference": 0.02, "interval": [-0.01, 0.05], "clear": False},
        "suspects": [{"name": "<b>.png", "probability": 0.9}],
    }
    page = report_html(report)
    assert "<strong>80%</strong>" in page
    assert "60% to 90%" in page
    assert "which is not clear" in page
    assert "&lt;b&gt;.png" in page
    assert "nothing can be held out" in report_html(report | {"accuracy": None})
