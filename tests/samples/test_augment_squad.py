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
        (r'{"data": ["\ud800"]}', "not in SQuAD's format: data[0]"),
    ],
)
def test_a_file_of_another_format_is_one_line(content, message, tmp_path):
    (tmp_path / "a.json").write_text(content)
    with one_line_error(message):
        augment_squad(tmp_path / "a.json", Plan("shots: aeda"), 1, tmp_path / "b.json")
    assert not (tmp_path / "b.json").exists()


def test_an_answer_that_is_not_at_its_position_is_named(tmp_path):
    source = squad(tmp_path / "a.json", context="Rome fell in the year 476.")
    with one_line_error("answers that are not at their answer_start: question a: '476' at 13; correct each"):
        augment_squad(source, Plan("shots: aeda"), 1, tmp_path / "b.json")


def test_misplaced_answers_are_named_together_and_moved_where_they_stand_once(tmp_path):
    context = "Tea is green, and tea is tea."
    answers = [("green", 8), ("Tea", 1), ("tea", 3), ("red", 0), ("green", 7)]
    qas = [
        {"id": f"q{number}", "question": "?", "answers": [{"text": text, "answer_start": start}]}
        for number, (text, start) in enumerate(answers)
    ]
    path, out = tmp_path / "tea.json", tmp_path / "more.json"
    path.write_text(json.dumps({"data": [{"paragraphs": [{"context": context, "qas": qas}]}]}))
    named = "question q0: 'green' at 8; question q1: 'Tea' at 1; question q2: 'tea' at 3 and 1 more"
    with one_line_error(f"{named}; correct each answer_start, or let --fix-offsets correct those it can"):
        augment_squad(path, Plan("shots: aeda"), 1, out)
    with one_line_error("question q2: 'tea' at 3; question q3: 'red' at 0; correct each answer_start"):
        augment_squad(path, Plan("shots: aeda"), 1, out, fix_offsets=True)
    path.write_text(json.dumps({"data": [{"paragraphs": [{"context": context, "qas": qas[:2]}]}]}))
    augment_squad(path, Plan("shots: aeda"), 1, out, fix_offsets=True)
    (paragraph,) = read(out)["data"][0]["paragraphs"]
    for question in paragraph["qas"]:
        (answer,) = question["answers"]
        assert paragraph["context"][answer["answer_start"] :].startswith(answer["text"])


def test_the_flat_form_is_read_and_other_keys_stay(tmp_path):
    row = {"id": "1", "title": "T", "context": "Tea is \ud83d green.", "question": "Which?"}
    flat = {"data": [row | {"answers": {"text": ["green"], "answer_start": [9]}}]}
    (tmp_path / "flat.json").write_text(json.dumps(flat))
    augment_squad(tmp_path / "flat.json", Plan("shots: case"), 1, tmp_path / "b.json")
    (article,) = read(tmp_path / "b.json")["data"]
    assert article["title"] == "T"
    assert "\ufffd" in article["paragraphs"][0]["context"]
    article = {"url": "https://tea.example", "paragraphs": [{"context": "Tea.", "qas": [], "document_id": 5}]}
    (tmp_path / "c.json").write_text(json.dumps({"data": [article]}))
    augment_squad(tmp_path / "c.json", Plan("shots: aeda"), 1, tmp_path / "d.json")
    (written,) = read(tmp_path / "d.json")["data"]
    assert (written["url"], written["paragraphs"][0]["document_id"]) == ("https://tea.example", 5)
    assert "title" not in written


def test_plans_for_other_items_are_refused(tmp_path):
    with pytest.raises(InputError, match="Flip: changes images, and these items are texts"):
        augment_squad(squad(tmp_path / "a.json"), Plan("shots: flip"), 1, tmp_path / "b.json")
    with pytest.raises(InputError, match="copies=0"):
        augment_squad(squad(tmp_path / "a.json"), Plan("shots: aeda"), 0, tmp_path / "b.json")
