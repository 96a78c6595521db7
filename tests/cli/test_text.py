"""Sentences on the command line: what is there, new ones, judging and training; bad input is one line."""

import csv
import json

import pytest

from manyshot.samples.export_text import replay_sentence

GREETINGS = ("hello there my friend", "good morning to all of you", "hi how are you today", "nice to meet you again")
SHOPPING = ("where can i buy green tea", "how much is the red bag", "do you sell any shoes here", "i want to pay now")
WEATHER = ("will it rain in the evening", "is it cold outside right now", "how hot is it in rome", "show me the sun")


@pytest.fixture
def faq(tmp_path):
    path = tmp_path / "faq.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("question", "topic"))
        for topic, texts in (("greet", GREETINGS), ("shop", SHOPPING), ("weather", WEATHER)):
            writer.writerows((text, topic) for text in texts)
    return path


COLUMNS = ("--text-column", "question", "--label-column", "topic")


class TestData:
    def test_classes_and_sizes_are_shown(self, faq, manyshot):
        answer = manyshot("data", "show", faq, *COLUMNS)
        assert answer.status == 0
        assert "12 sentences of 3 classes" in answer.out
        assert manyshot("data", "show", faq, *COLUMNS, "--json").json["sizes"] == {"greet": 4, "shop": 4, "weather": 4}

    def test_a_whole_table_is_said_to_be(self, faq, manyshot):
        assert "12 sentences of 3 classes, none broken" in manyshot("data", "check", faq, *COLUMNS).out

    def test_data_sets_of_sentences_are_listed(self, manyshot):
        listed = {row["name"]: row for row in manyshot("data", "list", "--json").json}
        assert listed["clinc150"]["size"] is None


class TestAugment:
    def test_new_sentences_tell_where_they_come_from_and_can_be_made_again(self, faq, tmp_path, manyshot):
        out = tmp_path / "more.csv"
        done = manyshot("augment", faq, *COLUMNS, "--plan", "shots: aeda", "--per-class", 6, "--out", out, "--json")
        assert done.json["classes"] == {"greet": 6, "shop": 6, "weather": 6}
        lines = faq.read_text().splitlines()
        with out.open() as file:
            generated = list(csv.DictReader(file))
        assert len(generated) == 18
        for row in generated:
            source, topic = next(csv.reader([lines[int(row["source_row"]) - 1]]))
            assert topic == row["topic"]
            assert row["question"] != source
            assert replay_sentence(row, source) == row["question"]
        again = tmp_path / "again.csv"
        manyshot("augment", faq, *COLUMNS, "--plan", "shots: aeda", "--per-class", 6, "--out", again)
        assert again.read_bytes() == out.read_bytes()

    def test_asking_for_more_gives_the_same_and_further_ones(self, faq, tmp_path, manyshot):
        generated = []
        for count in (2, 5):
            out = tmp_path / f"{count}.jsonl"
            manyshot("augment", faq, *COLUMNS, "--plan", "shots: aeda", "--per-class", count, "--out", out)
            rows = [json.loads(line) for line in out.read_text().splitlines()]
            generated.append({(row["topic"], row["number"]): row["question"] for row in rows})
        assert generated[0].items() <= generated[1].items()
        assert len(generated[1]) == 15

    def test_question_answering_keeps_its_answers(self, tmp_path, manyshot):
        path, out = tmp_path / "rome.json", tmp_path / "more.json"
        answers = [{"text": "476", "answer_start": 20}]
        paragraph = {
            "context": "The city of Rome in 476 fell to its foes at last.",
            "qas": [{"id": "a", "question": "When did Rome fall?", "answers": answers}],
        }
        path.write_text(json.dumps({"version": "1.1", "data": [{"title": "Rome", "paragraphs": [paragraph]}]}))
        done = manyshot("augment", path, "--plan", "shots: aeda", "--per-item", 3, "--out", out, "--json").json
        assert (done["paragraphs"], done["answers"]) == (3, 3)
        for generated in json.loads(out.read_text())["data"][0]["paragraphs"]:
            (answer,) = generated["qas"][0]["answers"]
            assert generated["context"][answer["answer_start"] :].startswith("476")

    @pytest.mark.parametrize(
        ("words", "message"),
        [
            (("--out", "more"), "give a file name that ends with .csv"),
            (("--out", "faq.csv"), "is the source itself"),
            (("--per-class", 0, "--out", "more.csv"), "give 1 to 100,000"),
            (("--per-item", 3, "--out", "more.csv"), "--per-item has no effect on a table"),
            (("--text-column", "questio", "--out", "more.csv"), "no column 'questio'; did you mean 'question'"),
            (("--encoding", "utf-17", "--out", "more.csv"), "encoding 'utf-17': unknown"),
            (("--split", "train", "--out", "more.csv"), "--split has no effect on sentences"),
            (("--plan", "support: mixup", "--out", "more.csv"), "mixes classes"),
        ],
    )
    def test_what_cannot_be_done_is_one_line_and_leaves_nothing(self, faq, manyshot, monkeypatch, words, message):
        monkeypatch.chdir(faq.parent)
        plan = () if "--plan" in words else ("--plan", "shots: aeda")
        columns = () if "--text-column" in words else COLUMNS
        answer = manyshot("augment", faq, *columns, *plan, *words)
        assert answer.status == 2
        assert message in answer.errors
        assert answer.errors.strip().count("\n") == 0
        assert [path.name for path in faq.parent.iterdir()] == ["faq.csv"]

    def test_a_broken_row_is_named_and_leaves_nothing(self, faq, manyshot):
        faq.write_text(faq.read_text() + "one, two, three\n")
        answer = manyshot("augment", faq, *COLUMNS, "--plan", "shots: aeda", "--out", faq.with_name("more.csv"))
        assert answer.status == 2
        assert "faq.csv: line 14: 3 columns, but the header has 2" in answer.errors
        assert not faq.with_name("more.csv").exists()

    def test_chinese_in_another_encoding_comes_out_as_utf_8(self, tmp_path, manyshot):
        faq, out = tmp_path / "faq.csv", tmp_path / "more.csv"
        faq.write_bytes("text,label\n今天 天气 真好,天气\n".encode("gb18030"))
        refused = manyshot("augment", faq, "--plan", "shots: swap_words", "--out", out)
        assert refused.status == 2
        assert "line 2: byte" in refused.errors
        words = ("--encoding", "gb18030", "--plan", "shots: aeda", "--per-class", 1, "--out", out)
        assert manyshot("augment", faq, *words).status == 0
        assert "天气" in out.read_text(encoding="utf-8")


class TestCompare:
    WORDS = ("--encoder", "ngrams(256)", "--ways", 3, "--queries", 2, "--tasks", 6)

    def test_plans_and_learners_are_evaluated_on_the_same_tasks_and_shown(self, faq, tmp_path, manyshot):
        arms = ("--arms", "none", "--arms", "aeda = shots: 2 x aeda", "--arms", "ridge = none => none | learner=ridge")
        answer = manyshot("compare", faq, *COLUMNS, *self.WORDS, *arms, "--out", tmp_path / "out", "--json").json
        reached = answer["suites"][""]["arms"]
        assert list(reached) == ["none", "aeda", "ridge"]
        assert reached["none"]["against_first"] is None
        assert 0 < reached["aeda"]["accuracy"] <= 1
        page = (tmp_path / "out" / "report.html").read_text()
        assert "Sentences augmented by &#39;aeda&#39;" in page
        assert GREETINGS[0] in page

    def test_sentences_are_mixed_by_their_vectors(self, faq, tmp_path, manyshot):
        arms = ("--arms", "none", "--arms", "mixup = shots: 3 x mixup(1)")
        words = (*self.WORDS, "--learner", "ridge", *arms, "--out", tmp_path / "out", "--json")
        reached = manyshot("compare", faq, *COLUMNS, *words).json["suites"][""]["arms"]
        assert reached["mixup"]["accuracy"] > 0

    def test_a_single_arm_is_enough(self, faq, tmp_path, manyshot):
        answer = manyshot("compare", faq, *COLUMNS, *self.WORDS, "--arms", "none", "--out", tmp_path / "out")
        assert "6 tasks of faq.csv, nothing trained" in answer.out

    @pytest.mark.parametrize(
        ("words", "message"),
        [
            (
                ("--arms", "none", "--steps", 5),
                "--steps has no effect on sentences, scans and examples of several parts, where",
            ),
            (("--arms", "a = support: aeda => shots: 2 x aeda"), "nothing is trained here, so it has one plan"),
            (("--arms", "a = none | learning_rate=0.1"), "learning_rate=0.1: nothing is trained here"),
            (("--arms", "none", "--arms", "none"), "two arms are called 'none'"),
            (("--arms", "a = none | learner=relation"), "relation"),
            (("--arms", "none", "--ways", 9), "3 classes, but ways=9"),
            (("--arms", "shots: 2 x flip"), "changes images"),
        ],
    )
    def test_what_cannot_be_compared_is_one_line(self, faq, tmp_path, manyshot, words, message):
        size = self.WORDS if "--ways" not in words else self.WORDS[:2]
        answer = manyshot("compare", faq, *COLUMNS, *size, *words, "--out", tmp_path / "out")
        assert answer.status == 2
        assert message in answer.errors
        assert answer.errors.strip().count("\n") == 0

    def test_columns_are_refused_for_pictures(self, tmp_path, manyshot):
        answer = manyshot("compare", "digits", "--arms", "none", "--text-column", "x", "--out", tmp_path / "out")
        assert "--text-column has no effect on anything but sentences" in answer.errors


class TestRuns:
    SIZE = ("--ways", 3, "--shots", 1, "--queries", 2)

    def test_an_encoder_is_evaluated_as_it_is(self, faq, manyshot):
        words = ("--encoder", "ngrams(256)", "--learner", "ridge", "--tasks", 20, *self.SIZE, "--json")
        answer = manyshot("evaluate", faq, *COLUMNS, *words).json
        assert answer["encoder"] == "ngrams(256)"
        assert 0 < answer["accuracy"] <= 1

    def test_a_plan_of_sentences_acts_at_use(self, faq, manyshot):
        words = ("--encoder", "ngrams(256)", "--plan", "shots: 2 x aeda", "--tasks", 5, *self.SIZE, "--json")
        assert manyshot("evaluate", faq, *COLUMNS, *words).json["plan"] == "shots: 2 x aeda"

    def test_a_projection_is_trained_stored_and_evaluated(self, faq, tmp_path, manyshot):
        words = ("--encoder", "ngrams(256, project=16)", "--steps", 3, "--validation", 0, "--out", tmp_path / "run")
        assert manyshot("train", faq, *COLUMNS, *words, *self.SIZE, "--plan", "support: aeda").status == 0
        answer = manyshot("evaluate", tmp_path / "run", faq, *COLUMNS, "--tasks", 5, *self.SIZE, "--json").json
        assert answer["seen_in_training"] == 3

    def test_an_augmenter_of_vectors_is_learned_from_sentences_and_used(self, tmp_path, manyshot):
        table, run, augmenter = tmp_path / "many.csv", tmp_path / "run", tmp_path / "augmenter"
        rows = [f"topic{c} word{c % 5} number {i} is here,c{c}" for c in range(12) for i in range(8)]
        table.write_text("\n".join(["text,label", *rows]))
        size = ("--ways", 2, "--queries", 2, "--steps", 3)
        words = ("--stage", "learner", "--encoder", "ngrams(64)", "--learner", "ridge", "--out", run)
        assert manyshot("train", table, *words, *size).status == 0
        words = ("--stage", "augmenter", "--learner", run, "--augmenter", "hallucinator(hidden=16)", "--out", augmenter)
        assert manyshot("train", table, *words, "--head", "ridge", *size).status == 0
        words = ("--augmenter", augmenter, "--plan", "shots: 2 x learned", "--ways", 3, "--queries", 3, "--tasks", 5)
        answer = manyshot("evaluate", run, table, *words, "--json")
        assert answer.json["plan"] == "shots: 2 x learned"

    @pytest.mark.parametrize(
        ("words", "message"),
        [
            (("train", "faq.csv", *COLUMNS), "encoder 'conv4' takes pictures, and the data are sentences; try minilm"),
            (("train", "digits", "--encoder", "ngrams"), "encoder 'ngrams' takes sentences, and the data are pictures"),
            (("train", "faq.csv", *COLUMNS, "--encoder", "ngrams"), "nothing to train"),
            (("train", "faq.csv", "--encoder", "ngrams"), "columns: question, topic"),
            (("train", "digits", "--text-column", "x"), "only tables of sentences have columns"),
            (("evaluate", "faq.csv", *COLUMNS, "--encoder", "ngrams", "--learner", "maml"), "learner"),
        ],
    )
    def test_what_does_not_fit_is_one_line(self, faq, manyshot, monkeypatch, words, message):
        monkeypatch.chdir(faq.parent)
        size = (*self.SIZE, "--validation", 0) if words[0] == "train" else self.SIZE
        answer = manyshot(*words, *size)
        assert answer.status == 2
        assert message in answer.errors
        assert answer.errors.strip().count("\n") == 0
