import json
from pathlib import Path

import pytest

from manyshot.augment import Plan
from manyshot.base import InputError
from manyshot.samples.augment_squad import augment_squad
from one_line_error import one_line_error

ENGLISH = (
    "shots: oneof(eda aeda cut_off shuffle_sentences typos ocr misspell case contract numbers dates) "
    "someof(eda typos, 1)"
)
CHINESE = (
    "shots: oneof(swap_words delete_words aeda cut_off shuffle_sentences homophones lookalikes widths numbers dates) "
    "someof(aeda homophones, 1)"
)
ANSWERS = [{"text": "476", "answer_start": 13}]


def squad(path: Path, context: str = "Rome fell in 476 or thereabouts, they say.", **question) -> Path:
    asked = {"id": "a", "question": "When did old Rome fall?", "answers": ANSWERS} | question
    paragraph = {"context": context, "qas": [asked]}
    path.write_text(json.dumps({"version": "x", "data": [{"title": "Rome", "paragraphs": [paragraph]}]}), "utf-8")
    return path


def read(path: Path):
    return json.loads(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize(("language", "plan"), [("en", ENGLISH), ("zh", CHINESE)])
def test_every_answer_of_xquad_is_at_its_new_position(language, plan, real_data, tmp_path):
    source = real_data / "xquad" / f"xquad.{language}.json"
    generated = augment_squad(source, Plan(plan), 1, tmp_path / "more.json", seed=3)
    assert (generated.paragraphs, generated.questions, generated.answers) == (240, 1190, 1190)
    assert generated.changed > 200
    originals = {q["id"]: (q, p) for a in read(source)["data"] for p in a["paragraphs"] for q in p["qas"]}
    asked_otherwise, ids = 0, set()
    for article in read(tmp_path / "more.json")["data"]:
        for paragraph in article["paragraphs"]:
            for question in paragraph["qas"]:
                original, _ = originals[question["source"]]
                asked_otherwise += question["question"] != original["question"]
                ids.add(question["id"])
                assert [answer["text"] for answer in question["answers"]] == [a["text"] for a in original["answers"]]
                for answer in question["answers"]:
                    start = answer["answer_start"]
                    assert paragraph["context"][start : start + len(answer["text"])] == answer["text"]
    assert len(ids) == 1190
    assert asked_otherwise > 800


def test_what_cannot_be_answered_stays_so(tmp_path):
    likely = [{"text": "Rome", "answer_start": 0}]
    source = squad(tmp_path / "a.json", answers=[], is_impossible=True, plausible_answers=likely)
    augment_squad(source, Plan("shots: swap_words(0.5)"), 8, tmp_path / "b.json")
    for paragraph in read(tmp_path / "b.json")["data"][0]["paragraphs"]:
        (question,) = paragraph["qas"]
        assert question["is_impossible"] is True
        assert question["answers"] == []
        (answer,) = question["plausible_answers"]
        assert paragraph["context"][answer["answer_start"] :].startswith("Rome")


def test_the_same_seed_makes_the_same_file_and_another_another(tmp_path):
    source = squad(tmp_path / "a.json")
    plan = Plan("shots: typos(0.5)")
    texts = []
    for name, seed in (("b", 1), ("c", 1), ("d", 2)):
        augment_squad(source, plan, 4, tmp_path / name, seed)
        texts.append((tmp_path / name).read_text())
    assert texts[0] == texts[1]
    assert read(tmp_path / "b")["data"] != read(tmp_path / "d")["data"]
    assert read(tmp_path / "b")["manyshot"] == {"plan": "shots: typos(0.5)", "copies": 4, "seed": 1}
    assert read(tmp_path / "b")["version"] == "x"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[1]", "not in SQuAD's format"),
        ('{"data": 3}', "not in SQuAD's format"),
        ("{", "not valid JSON"),
        (
            '{"data": [{"title": "t", "paragraphs": [{"context": "c"}]}]}',
            "not in SQuAD's format: data[0].paragraphs[0]: no 'qas'",
        ),
        (
            '{"data": [{"title": "t", "paragraphs": [7]}]}',
            "not in SQuAD's format: data[0].paragraphs[0]: 7 is not an object",
        ),
        ('{"data": [{"paragraphs": 5}]}', "data[0].paragraphs: 5 is not a list"),
        ('{"data": [{"paragraphs": null}]}', "data[0].paragraphs: None is not a list"),
        ('{"data": [{"paragraphs": [{"context": "c", "qas": [[1]]}]}]}', "qas[0]: a list is not an object"),
        ('{"data": [{"paragraphs": [{"context": "c", "qas": ["abc"]}]}]}', "qas[0]: 'abc' is not an object"),
        ('{"data": [{"paragraphs": [{"context": 5, "qas": []}]}]}', "context: 5 is not a text"),
        ('{"data": [], "version": NaN}', "not valid JSON (NaN)"),
        ('{"data": [], "title": Infinity}', "not valid JSON (Infinity)"),
        ('{"data": 1' + "1" * 5000 + "}", "not valid JSON (a number of too many digits)"),
        ('{"data": ' + "[" * 100_000, "not valid JSON (nested more than 100 deep)"),
        (r'{"data": ["\ud800"]}', "not valid JSON (half of a surrogate pair"),
    ],
)
def test_a_file_of_another_format_is_one_line(content, message, tmp_path):
    (tmp_path / "a.json").write_text(content)
    with one_line_error(message):
        augment_squad(tmp_path / "a.json", Plan("shots: aeda"), 1, tmp_path / "b.json")
    assert not (tmp_path / "b.json").exists()


def test_an_answer_that_is_not_at_its_position_is_named(tmp_path):
    source = squad(tmp_path / "a.json", context="Rome fell in the year 476.")
    with pytest.raises(InputError, match=r"question a: the answer '476' is not at character 13"):
        augment_squad(source, Plan("shots: aeda"), 1, tmp_path / "b.json")


def test_plans_for_other_items_are_refused(tmp_path):
    with pytest.raises(InputError, match="Flip: changes images, and these items are texts"):
        augment_squad(squad(tmp_path / "a.json"), Plan("shots: flip"), 1, tmp_path / "b.json")
    with pytest.raises(InputError, match="copies=0"):
        augment_squad(squad(tmp_path / "a.json"), Plan("shots: aeda"), 0, tmp_path / "b.json")
