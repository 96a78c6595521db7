import csv
from pathlib import Path
from shutil import copytree

import numpy as np
import pytest

from manyshot.compare.arm import SETTINGS

TINY = ("--encoder", "conv4(4, 4, 4, 4)", "--steps", 3, "--meta-batch-size", 1, "--quiet")


@pytest.fixture
def run(trained_run, tmp_path):
    """A run of three steps, with test classes set aside."""
    return Path(copytree(trained_run, tmp_path / "run"))


class TestTrain:
    def test_writes_a_run_and_a_report(self, run):
        assert {"config.json", "last.safetensors", "best.safetensors", "metrics.jsonl", "report.html"} <= {
            file.name for file in run.iterdir()
        }

    def test_json_is_all_that_stands_on_standard_output(self, manyshot, tmp_path):
        answer = manyshot("train", "digits", "--plan", "support: flip", "--out", tmp_path / "run", *TINY, "--json")
        assert answer.json["steps"] == 3
        assert answer.json["validation_accuracy"] > 0

    def test_does_not_write_over_a_run(self, manyshot, run):
        answer = manyshot("train", "digits", "--out", run, *TINY)
        assert answer.status == 2
        assert "--resume" in answer.errors
        assert answer.errors.count("\n") == 1

    def test_resumes_only_with_the_same_settings(self, manyshot, run):
        before = (run / "last.safetensors").read_bytes()
        again = manyshot("train", "digits", "--validation", 0.2, "--test", 0.2, "--out", run, *TINY, "--resume")
        assert again.status == 0
        assert (run / "last.safetensors").read_bytes() == before
        other = manyshot("train", "digits", "--validation", 0.2, "--out", run, *TINY, "--resume")
        assert other.status == 2
        assert "test=0.0, but the run" in other.errors

    @pytest.mark.parametrize(
        ("options", "named"),
        [
            (("--plan", "support: afine"), "affine"),
            (("--learner", "mamal"), "maml"),
            (("--learner", "maml(step=3)"), "steps"),
            (("--encoder", "conv4(0)"), "conv4"),
            (("--ways", "five"), "--ways five"),
            (("--ways", 11), "lower the ways"),
            (("--ways", 999_999_999), "ways=999999999"),
            (("--meta-batch-size", 999_999_999), "meta_batch_size=999999999"),
            (("--shots", 0), "shots=0"),
            (("--classes", 1), "classes=1"),
            (("--classes", 11), "classes=11, but digits has 10"),
            (("--classes", 3), "3 classes, but ways=5"),
            (("--learning-rate", -1), "learning_rate=-1"),
            (("--validation", 1.5), "validation=1.5"),
            (("--schedule", "cosin"), "cosine"),
            (("--split", "train"), "no split"),
            (("--size", 8), "size"),
            (("--device", "cuba"), "cuba"),
        ],
    )
    def test_names_what_is_wrong_in_one_line(self, manyshot, tmp_path, options, named):
        answer = manyshot("train", "digits", "--out", tmp_path / "run", *TINY, *options)
        assert answer.status == 2
        assert answer.errors.count("\n") == 1
        assert named in answer.errors

    def test_what_was_wrong_does_not_stand_in_the_way_of_the_corrected_command(self, manyshot, tmp_path):
        words = ("train", "digits", "--validation", 0, "--out", tmp_path / "run", *TINY)
        for wrong in (("--ways", 11), ("--queries", 500), ("--ways", "3-2"), ("--device", "cuba")):
            assert manyshot(*words, *wrong).status == 2
        assert manyshot(*words).status == 0

    def test_holds_nothing_out_where_there_are_too_few_classes_unless_told_to(self, manyshot, tmp_path):
        words = ("train", "digits", "--ways", 9, "--out", tmp_path / "run", *TINY[:-1])
        strict = manyshot(*words, "--validation", 0.2)
        assert strict.status == 2
        assert "(training part): 8 classes, but ways=9" in strict.errors
        kind = manyshot(*words, "--json")
        assert kind.json["validation_accuracy"] is None
        assert "Note: digits has too few classes" in kind.errors

    def test_a_folder_that_does_not_exist_is_named(self, manyshot, tmp_path):
        answer = manyshot("train", tmp_path / "nowhere", "--out", tmp_path / "run", *TINY)
        assert answer.status == 2
        assert "nowhere" in answer.errors
        assert not (tmp_path / "run").exists()

    def test_a_training_that_diverges_says_so_and_keeps_good_weights(self, manyshot, tmp_path):
        out = tmp_path / "run"
        answer = manyshot(
            "train", "digits", "--learning-rate", 1e30, "--optimizer", "sgd", "--out", out, *TINY, "--steps", 40
        )
        assert answer.status == 1
        assert answer.errors.count("\n") == 1
        assert "learning rate" in answer.errors
        assert manyshot("evaluate", out, "digits", "--tasks", 3, "--json").json["accuracy"] > 0


class TestEvaluate:
    def test_evaluates_the_classes_set_aside(self, manyshot, run):
        answer = manyshot("evaluate", run, "--ways", 2, "--tasks", 7, "--json").json
        assert answer["tasks"] == 7
        assert answer["interval"][0] <= answer["accuracy"] <= answer["interval"][1]
        assert answer["interval_over"] == "examples"
        assert answer["tasks_per_example"] >= 1
        assert len(answer["per_class"]) == 2
        assert 0 <= answer["calibration_error"] <= 1

    def test_writes_each_tasks_accuracy_beside_the_run_or_where_asked(self, manyshot, run, tmp_path):
        words = ("evaluate", run, "digits", "--tasks", 7, "-q")
        answer = manyshot(*words, "--json").json
        assert answer["tasks_file"] == str(run / "tasks.csv")
        other = manyshot(*words, "--shuffled-support", "--tasks-file", tmp_path / "mine" / "a.csv", "--json").json
        names = ["arm", "seed", "task", "accuracy"]
        for output, columns in ((answer, names), (other, [*names, "shuffled_support"])):
            with Path(output["tasks_file"]).open(newline="") as file:
                rows = list(csv.DictReader(file))
            assert list(rows[0]) == columns
            assert [row["task"] for row in rows] == [str(task) for task in range(7)]
            assert np.mean([float(row["accuracy"]) for row in rows]) == pytest.approx(output["accuracy"], abs=1e-12)
        output = np.mean([float(row["shuffled_support"]) for row in rows])
        assert output == pytest.approx(other["shuffled_support"]["shuffled_support"], abs=1e-12)

    def test_says_where_tasks_cannot_be_written(self, manyshot, run, tmp_path):
        (tmp_path / "file").touch()
        answer = manyshot("evaluate", run, "digits", "--tasks", 3, "--tasks-file", tmp_path / "file" / "a.csv")
        assert (answer.status, answer.errors.splitlines()[-1].count("--tasks-file")) == (2, 1)

    def test_evaluates_another_data_set_by_another_learner_and_plan(self, manyshot, run):
        plan = ("--plan", "shots: 2 x affine", "--learner", "prototypes(nearest)")
        answer = manyshot("evaluate", run, "glyphs", "--split", "greek", "--queries", 2, "--tasks", 3, *plan, "--json")
        assert answer.json["learner"] == "prototypes(nearest)"
        assert answer.json["plan"] == "shots: 2 x affine"

    def test_writes_a_page_with_calibration_and_every_class(self, manyshot, run, tmp_path):
        page = tmp_path / "page.html"
        assert manyshot("evaluate", run, "digits", "--tasks", 3, "--report", page).status == 0
        assert "Calibration error" in page.read_text(encoding="utf-8")

    def test_transductive_answers_are_others_and_are_named_wherever_they_are_reported(
        self, manyshot, run, one_shot_zip
    ):
        page = run / "page.html"
        words = ("evaluate", run, "digits", "--ways", 5, "--tasks", 20, "-q")
        plain, switched = (manyshot(*words, *more, "--json").json for more in ((), ("--transductive",)))
        assert (plain["transductive"], switched["transductive"]) == (False, True)
        assert plain["per_class"] != switched["per_class"]
        output = manyshot(*words, "--transductive", "--report", page)
        assert "transductive accuracy" in output.out
        assert "transductive: each query" in page.read_text(encoding="utf-8")
        runs = ("evaluate", run, "--one-shot-runs", one_shot_zip, "--transductive")
        assert manyshot(*runs, "--json").json["transductive"] is True
        assert "transductive error" in manyshot(*runs).out

    def test_the_same_seed_gives_the_same_answer(self, manyshot, run):
        words = ("evaluate", run, "digits", "--tasks", 5, "--plan", "shots: 2 x affine", "--json")
        assert manyshot(*words).out == manyshot(*words).out
        assert manyshot(*words).out != manyshot(*words, "--seed", 1).out

    def test_says_how_many_classes_were_trained_on(self, manyshot, run):
        whole = manyshot("evaluate", run, "digits", "--tasks", 3, "--json")
        assert whole.json["seen_in_training"] == 6
        assert "Note: the run was trained on 6 of these 10 classes" in whole.errors
        apart = manyshot("evaluate", run, "--ways", 2, "--tasks", 3, "--json")
        assert apart.json["seen_in_training"] == 0
        assert "Note" not in apart.errors

    def test_one_shot_runs(self, manyshot, run, one_shot_zip):
        answer = manyshot("evaluate", run, "--one-shot-runs", one_shot_zip, "--json").json
        assert set(answer["runs"]) == {"run01", "run02"}
        assert answer["trials"] == 6
        with Path(answer["tasks_file"]).open(newline="") as file:
            rows = list(csv.DictReader(file))
        assert {row["name"]: 1 - float(row["accuracy"]) for row in rows} == pytest.approx(answer["runs"])
        assert answer["error"] == pytest.approx(sum(answer["runs"].values()) / 2)

    def test_prints_tables_for_people(self, manyshot, run, one_shot_zip):
        assert "over 3 tasks of digits" in manyshot("evaluate", run, "digits", "--tasks", 3).out
        assert "over 6 trials of 2 runs" in manyshot("evaluate", run, "--one-shot-runs", one_shot_zip).out

    @pytest.mark.parametrize(
        ("words", "named"),
        [
            ((".", "digits"), "holds no run"),
            (("RUN", "digits", "--one-shot-runs", "x.zip"), "not both"),
            (("RUN", "--one-shot-runs", "nowhere.zip"), "nowhere.zip"),
            (("RUN", "digits", "--ways", 11), "ways=11"),
            (("RUN", "digits", "--tasks", 0), "--tasks 0"),
            (("RUN", "digits", "--learner", "maml"), "other weights"),
            (("RUN", "digit"), "digits"),
            (("RUN", "--split", "small1"), "--split has no effect without DATA"),
            (("RUN", "--root", "."), "--root has no effect without DATA"),
            (("RUN", "--one-shot-runs", "x.zip", "--ways", 5), "--ways has no effect with --one-shot-runs"),
            (("RUN", "--one-shot-runs", "x.zip", "--tasks", 600), "--tasks has no effect"),
            (("RUN", "--one-shot-runs", "x.zip", "--within-group", 1), "--within-group has no effect"),
            (("RUN", "digits", "--device", "foo"), "device='foo'"),
            (("RUN", "digits", "--device", "meta"), "device='meta'"),
        ],
    )
    def test_names_what_is_wrong_in_one_line(self, manyshot, run, words, named):
        answer = manyshot("evaluate", *(run if word == "RUN" else word for word in words))
        assert answer.status == 2
        assert answer.errors.count("\n") == 1
        assert named in answer.errors

    def test_weights_that_were_cut_short_are_named(self, manyshot, run):
        weights = run / "best.safetensors"
        weights.write_bytes(weights.read_bytes()[:1000])
        answer = manyshot("evaluate", run, "digits")
        assert answer.status == 2
        assert "best.safetensors" in answer.errors

    def test_a_run_without_test_classes_asks_for_data(self, manyshot, tmp_path):
        manyshot("train", "digits", "--out", tmp_path / "run", *TINY)
        answer = manyshot("evaluate", tmp_path / "run")
        assert answer.status == 2
        assert "DATA" in answer.errors


@pytest.mark.usefixtures("forked_workers")
def test_a_comparison_trains_every_arm_and_reports(manyshot, tmp_path):
    words = ("compare", "digits", "--split-by", "item", "--arms", "none", "--arms", "turned = task: turn", "--seeds", 1)
    words = (*words, "--queries", 2, "--tasks", 20, "--jobs", 1, "--out", tmp_path / "out", *TINY)
    answer = manyshot(*words, "--json").json
    assert list(answer["arms"]) == ["none", "turned"]
    gap = answer["arms"]["turned"]["against_first"]
    assert gap["difference"] == pytest.approx(answer["arms"]["turned"]["accuracy"] - answer["arms"]["none"]["accuracy"])
    assert (gap["interval"], gap["p_value"]) == (None, None)
    assert answer["cpu_seconds_total"] == answer["cpu_seconds_per_training"]
    with Path(answer["tasks_file"]).open(newline="") as file:
        rows = list(csv.DictReader(file))
    for arm, output in answer["arms"].items():
        own = [float(row["accuracy"]) for row in rows if row["arm"] == arm]
        assert len(own) == 20
        assert np.mean(own) == pytest.approx(output["accuracy"], abs=1e-12)
    shown = manyshot(*words).out
    assert "one training of each arm" in shown
    assert "over tasks alone" in shown
    assert (tmp_path / "out" / "report.html").stat().st_size > 10_000
    assert answer["arms"]["turned"]["plan"] == "task: turn"


@pytest.mark.usefixtures("forked_workers")
def test_a_comparison_puts_learners_beside_each_other_trained_on_few_classes(manyshot, tmp_path):
    arms = (
        "--arms",
        "prototypes = none",
        "--arms",
        "maml = none | learner=maml(steps=2, step_size=0.2) | learning_rate=0.01",
    )
    arms = (*arms, "--arms", "nearest = none => shots: 2 x affine | learner=prototypes(nearest)")
    words = ("compare", "digits", *arms, "--ways", 3, "--classes", 4, "--seeds", 1, "--tasks", 5)
    answer = manyshot(*words, "--out", tmp_path / "out", *TINY, "--json").json
    assert answer["arms"]["maml"]["settings"] == {"learner": "maml(steps=2, step_size=0.2)", "learning_rate": "0.01"}
    assert answer["arms"]["nearest"]["test_learner"] == "prototypes(nearest)"
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    for output in (
        "learner=maml(steps=2, step_size=0.2) learning_rate=0.01",
        "shots: 2 x affine by prototypes(nearest)",
    ):
        assert output in page


def test_the_help_of_a_comparison_names_all_that_an_arm_may_set(manyshot):
    help_ = manyshot("compare", "--help").out
    assert all(name.replace("_", "-") in help_ for name in SETTINGS)


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (("--arms", "none", "--arms", "none"), "called 'none'"),
        (("--arms", "none", "--test", 0), "--test-data"),
        (("--arms", "none => "), "after '=>'"),
        (("--arms", "x = suport: flip"), "support"),
        (("--arms", "none", "--seeds", 0), "seeds=0"),
        (("--arms", "none", "--test-split", "test"), "--test-split has no effect without --test-data"),
        (("--arms", "none", "--test", 0.2, "--test-data", "glyphs"), "--test has no effect with --test-data"),
        (
            ("--arms", "none", "--queries", 500),
            "(--ways, --shots, --queries; the test part: --test 0.3 --split-by item)",
        ),
    ],
)
def test_a_comparison_names_what_is_wrong_in_one_line(manyshot, tmp_path, options, named):
    answer = manyshot("compare", "digits", "--split-by", "item", *options, "--out", tmp_path / "out", *TINY)
    assert answer.status == 2
    assert answer.errors.count("\n") == 1
    assert named in answer.errors


def test_a_comparison_is_not_started_by_torchrun(manyshot, tmp_path, monkeypatch):
    for name, value in {"RANK": "0", "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1"}.items():
        monkeypatch.setenv(name, value)
    answer = manyshot("compare", "digits", "--arms", "none", "--out", tmp_path / "out")
    assert answer.status == 2
    assert "compare spreads its trainings over processes itself" in answer.errors
    assert not (tmp_path / "out").exists()


def test_a_comparison_reads_its_arms_before_its_data(manyshot, tmp_path):
    answer = manyshot("compare", tmp_path / "nowhere", "--arms", "support: flp", "--out", tmp_path / "out", *TINY)
    assert "did you mean 'flip'" in answer.errors


def test_a_comparison_does_not_write_over_other_things(manyshot, tmp_path):
    (tmp_path / "report.html").write_text("mine")
    answer = manyshot("compare", "digits", "--arms", "none", "--out", tmp_path, *TINY)
    assert (answer.status, answer.errors.count("\n")) == (2, 1)
    assert "holds no comparison" in answer.errors
    assert (tmp_path / "report.html").read_text() == "mine"
