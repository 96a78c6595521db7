"""Examples of several parts through the commands: fit, predict, evaluate, augment, data."""

import csv
import json
import random

import numpy as np
import pytest
from PIL import Image

from manyshot.classify import load_any_model, load_model
from manyshot.datasets import Columns
from manyshot.samples.export_parts import replay_parts

WORDS = {"cat": "purrs meows sleeps climbs", "dog": "barks fetches runs digs", "cow": "moos grazes stands chews"}


def write_table(path, seed: int, each: int = 6):
    """Pictures of a shade, texts and a number, each of which tells the class; every fourth text is missing."""
    draws, rows = random.Random(seed), []
    for c, (label, words) in enumerate(WORDS.items()):
        for number in range(each):
            file = f"{path.stem}-{label}-{number}.png"
            shade = np.full((8, 8, 3), 30 + 90 * c + draws.randrange(20), dtype=np.uint8)
            Image.fromarray(shade).save(path.parent / file)
            text = "" if number % 4 == 3 else " ".join(draws.choices(words.split(), k=4))
            rows.append((label, file, text, round(10 * c + draws.random(), 3)))
    with path.open("w", newline="", encoding="utf-8") as out:
        csv.writer(out).writerows([("label", "picture", "caption", "size"), *rows])
    return path


@pytest.fixture
def table(tmp_path):
    return write_table(tmp_path / "train.csv", 0)


PARTS = ("--parts", "caption=text size=number", "--encoder", "caption=ngrams")


def test_fit_predict_and_evaluate(manyshot, table, tmp_path):
    model = tmp_path / "model"
    answer = manyshot("fit", table, "--out", model, *PARTS)
    assert answer.status == 0, answer.errors
    assert "caption (text; 3 missing), numbers (number: size)" in " ".join(answer.errors.split())
    assert "accuracy on new examples" in answer.out
    test = write_table(tmp_path / "test.csv", 1)
    predicted = manyshot("predict", model, test, "--out", tmp_path / "answers.csv", "--next", 2)
    assert predicted.status == 0, predicted.errors
    with (tmp_path / "answers.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 18
    assert sum(row["prediction"] == label for row, label in zip(rows, np.repeat(list(WORDS), 6), strict=True)) >= 17
    judged = manyshot("evaluate", model, test, "--json")
    assert judged.json["accuracy"] > 0.9


def test_a_model_comes_back_as_it_was_and_is_checked(manyshot, table, tmp_path):
    model = tmp_path / "model"
    assert manyshot("fit", table, "--out", model, *PARTS).status == 0
    assert load_any_model(model).kinds == {"caption": "texts", "numbers": "features"}
    with pytest.raises(Exception, match="several parts, which this does not take"):
        load_model(model)
    stored = json.loads((model / "model.json").read_text(encoding="utf-8"))
    for change, message in (
        ({"temperature": -1.0}, "temperature"),
        ({"numbers": []}, "numbers without names"),
        ({"surprise": 1}, "unknown key"),
        ({"sha256": "0" * 64}, "not the file that belongs"),
    ):
        (model / "model.json").write_text(json.dumps(stored | change), encoding="utf-8")
        answer = manyshot("predict", model, table)
        assert answer.status == 2
        assert message in answer.errors


def test_a_query_without_its_text_is_predicted_from_the_rest(manyshot, table, tmp_path):
    model = tmp_path / "model"
    assert manyshot("fit", table, "--out", model, *PARTS).status == 0
    new = tmp_path / "new.csv"
    new.write_text("caption,size\n,0.5\n,20.5\nbarks runs,\n", encoding="utf-8")
    answer = manyshot("predict", model, new, "--json")
    assert [one["prediction"] for one in answer.json["predictions"]] == ["cat", "cow", "dog"]


def test_columns_and_files_may_be_missing_altogether(manyshot, table, tmp_path):
    model, folder = tmp_path / "model", tmp_path / "folder"
    assert manyshot("fit", table, "--out", model, *PARTS).status == 0
    for text, words in (("size\n0.5\n20.5\n", ["cat", "cow"]), ("caption\nbarks runs\n", ["dog"])):
        (tmp_path / "new.csv").write_text(text, encoding="utf-8")
        answer = manyshot("predict", model, tmp_path / "new.csv", "--json")
        assert [one["prediction"] for one in answer.json["predictions"]] == words
        assert "taken as missing in all examples" in answer.errors
    for label, words in WORDS.items():
        (folder / label).mkdir(parents=True)
        for number in range(3):
            (folder / label / f"{number}.txt").write_text(words, encoding="utf-8")
            Image.new("RGB", (8, 8), (number, 9, 9)).save(folder / label / f"{number}.png")
    options = ("--parts", "text picture", "--encoder", "text=ngrams")
    assert manyshot("fit", folder, "--out", tmp_path / "second", *options).status == 0
    (tmp_path / "flat").mkdir()
    (tmp_path / "flat" / "a.txt").write_text("barks fetches", encoding="utf-8")
    answer = manyshot("predict", tmp_path / "second", tmp_path / "flat", "--json")
    assert [(one["file"], one["prediction"]) for one in answer.json["predictions"]] == [("a", "dog")]
    answer = manyshot("predict", model, tmp_path / "flat", "--json")
    assert "text: taken as the part 'caption' of the model" in answer.errors
    assert [one["prediction"] for one in answer.json["predictions"]] == ["dog"]


def test_chinese_columns_in_another_encoding_are_fitted_and_exported(manyshot, tmp_path):
    table, new, out = tmp_path / "训练.csv", tmp_path / "新的.csv", tmp_path / "模型.onnx"
    says = {"猫": "小猫在左边睡觉", "狗": "小狗在右边跑步", "牛": "奶牛在草地吃草"}
    rows = [
        f"{label},{text}{'。' * number},{number + 10 * c}"
        for c, (label, text) in enumerate(says.items())
        for number in range(3)
    ]
    table.write_bytes("\n".join(["标签,说明,重量", *rows, "猫,,1"]).encode("gb18030"))
    new.write_bytes("说明,重量\n奶牛在草地吃草,20\n,0.5\n".encode("gb18030"))
    options = ("--parts", "说明=text 重量=number", "--encoder", "说明=ngrams", "--label-column", "标签")
    options = (*options, "--encoding", "gb18030")
    answer = manyshot("fit", table, "--out", tmp_path / "模型", *options, "--plan", "drop(0.5)", "--json")
    assert answer.status == 0, answer.errors
    assert list(answer.json["parts"]) == ["说明", "numbers"]
    found = manyshot("predict", tmp_path / "模型", new, "--encoding", "gb18030", "--json").json
    assert [one["prediction"] for one in found["predictions"]] == ["牛", "猫"]
    exported = manyshot("export", tmp_path / "模型", "--out", out, "--like", table, "--json")
    assert exported.status == 2
    assert "gb18030" in exported.errors
    like = tmp_path / "like.csv"
    like.write_text(table.read_bytes().decode("gb18030"), encoding="utf-8")
    exported = manyshot("export", tmp_path / "模型", "--out", out, "--like", like, "--json")
    assert exported.status == 0, exported.errors
    assert exported.json["difference"] < 1e-4


def test_a_file_of_several_parts_is_checked_on_examples(manyshot, table, tmp_path):
    model = tmp_path / "model"
    assert manyshot("fit", table, "--out", model, *PARTS).status == 0
    answer = manyshot("export", model, "--to", "torch", "--out", tmp_path / "model.pt2", "--json")
    assert answer.json["difference"] < 1e-4
    assert answer.json["checked"] == 18
    table.unlink()
    answer = manyshot("export", model, "--to", "torch", "--out", tmp_path / "again.pt2")
    assert answer.status == 2
    assert "--like" in answer.errors


@pytest.mark.parametrize("head", ["auto", "nearest"])
def test_heads_plans_names_and_pages(manyshot, table, tmp_path, head):
    model, page = tmp_path / "model", tmp_path / "page.html"
    options = ("--head", head, "--plan", "typos drop(0.5)", "--report", page, "--json")
    answer = manyshot("fit", table, "--out", model, *PARTS, *options).json
    assert answer["chosen"]["head"] == ("fusion" if head == "auto" else head)
    assert answer["chosen"]["plan"] == "4 x typos drop(0.5)"
    assert answer["accuracy"] > 0.8
    assert set(answer["augmentation"]) == {"difference", "interval", "clear"}
    assert answer["parts"]["caption"]["missing"] == 3
    assert "accuracy alone" in page.read_text(encoding="utf-8")
    judged = tmp_path / "judged.html"
    test = write_table(tmp_path / "test.csv", 1)
    assert manyshot("evaluate", model, test, "--report", judged, "--json").json["accuracy"] > 0.8
    assert judged.is_file()


def test_keys_are_those_of_examples_of_one_part(manyshot, table, tmp_path):
    single = manyshot(
        "fit", table, "--out", tmp_path / "one", "--text-column", "caption", "--json", "--encoder", "ngrams"
    )
    several = manyshot("fit", table, "--out", tmp_path / "several", *PARTS, "--json")
    assert set(several.json) == set(single.json) | {"parts"}


def test_what_is_unlike_every_class_is_unknown(manyshot, table, tmp_path):
    model, new = tmp_path / "model", tmp_path / "new.csv"
    assert manyshot("fit", table, "--out", model, *PARTS).status == 0
    new.write_text("caption,size\npurrs meows sleeps,0.4\nqqq www zzz,900\n,900\n", encoding="utf-8")
    answer = manyshot("predict", model, new, "--json").json
    assert [one["prediction"] for one in answer["predictions"]] == ["cat", "unknown", "unknown"]
    assert 0 < answer["false_alarms"] < 0.2


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--head", "ridgy"), "unknown head; did you mean 'ridge'"),
        (("--plan", "pitch"), "Pitch: changes sounds, and the parts are caption (texts), numbers (features)"),
        (("--plan", "mixup"), "mixes classes"),
        (("--metric", "auroc"), "--metric has no effect on examples of several parts"),
        (("--budget", "60"), "--budget has no effect on examples of several parts"),
        (("--encoder", "minilm"), "take an encoder for each part or kind"),
        (("--encoder", "caption=efficientnet-lite0"), "takes pictures, and 'caption' holds texts"),
        (("--parts", "capton"), "no column 'capton'; did you mean 'caption'"),
    ],
)
def test_options_that_do_not_fit_are_refused(manyshot, table, tmp_path, options, message):
    answer = manyshot("fit", table, "--out", tmp_path / "model", *PARTS, *options)
    assert answer.status == 2
    assert message in " ".join(answer.errors.split())


def test_tasks_of_a_table(manyshot, table):
    options = ("--ways", 3, "--shots", 2, "--queries", 2, "--tasks", 5, "--json", "--parts", "caption size")
    answer = manyshot("evaluate", table, "--encoder", "parts(texts=ngrams)", "--learner", "fusion", *options)
    assert answer.status == 0, answer.errors
    assert answer.json["accuracy"] > 0.8


def test_data_says_what_parts_there_are(manyshot, table):
    checked = manyshot("data", "check", table, "--parts", "auto", "--json").json
    assert checked["parts"]["caption"] == {"kind": "texts", "missing": 3}
    shown = manyshot("data", "show", table, "--parts", "auto")
    assert "picture (images), caption (texts), numbers (features)" in shown.out


def test_augment_writes_a_table_with_its_files_back(manyshot, table, tmp_path):
    out, plan = tmp_path / "more", "shots: flip(1) typos drop(0.5)"
    arguments = ("augment", table, "--parts", "auto", "--plan", plan, "--per-class", 8, "--seed", 3)
    answer = manyshot(*arguments, "--out", out)
    assert answer.status == 0, answer.errors
    with (out / "table.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 24
    assert [*rows[0]] == ["label", "picture", "caption", "size", "source", "number"]
    assert any(not row["picture"] for row in rows)
    assert all((out / row["picture"]).is_file() for row in rows if row["picture"])
    lines = [json.loads(line) for line in (out / "manifest.jsonl").read_text(encoding="utf-8").splitlines()]
    again = replay_parts(lines[1], table, Columns(parts="auto"))
    assert again["caption"][0] == rows[1]["caption"]
    if rows[1]["picture"]:
        with Image.open(out / rows[1]["picture"]) as image:
            assert (np.asarray(image) == again["picture"][0].permute(1, 2, 0).numpy()).all()
    assert manyshot("fit", out / "table.csv", "--out", tmp_path / "model", *PARTS).status == 0


def test_augment_says_which_part_an_op_misses(manyshot, table, tmp_path):
    answer = manyshot("augment", table, "--parts", "auto", "--plan", "shots: pitch", "--out", tmp_path / "more")
    assert answer.status == 2
    assert "Pitch: changes sounds, and the parts are picture" in " ".join(answer.errors.split())


def test_compare_plans_on_tasks_of_a_table(manyshot, table, tmp_path):
    options = ("--ways", 3, "--shots", 2, "--queries", 2, "--tasks", 5, "--parts", "caption size", "--json")
    arms = ("--arms", "none", "--arms", "drop = shots: 1 x drop(0.5)")
    encoder = ("--encoder", "parts(texts=ngrams)")
    answer = manyshot("compare", table, *arms, *encoder, *options, "--out", tmp_path / "compared")
    assert answer.status == 0, answer.errors
    assert answer.json["encoder"] == "parts(texts=ngrams)"
    assert (tmp_path / "compared" / "report.html").is_file()
