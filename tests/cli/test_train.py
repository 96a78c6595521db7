import pytest

TINY = ("--encoder", "conv4(4, 4, 4, 4)", "--steps", 3, "--tasks-per-step", 1, "--quiet")


@pytest.fixture
def run(manyshot, tmp_path):
    """A run of three steps, with test classes set aside."""
    out = tmp_path / "run"
    answer = manyshot("train", "digits", "--validation", 0.2, "--test", 0.2, "--out", out, *TINY)
    assert answer.status == 0, answer.errors
    return out


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
        assert "another test" in other.errors

    @pytest.mark.parametrize(
        ("options", "named"),
        [
            (("--plan", "support: afine"), "affine"),
            (("--learner", "mamal"), "maml"),
            (("--learner", "maml(step=3)"), "steps"),
            (("--encoder", "conv4(0)"), "conv4"),
            (("--ways", "five"), "--ways five"),
            (("--ways", 9), "lower the ways"),
            (("--shots", 0), "shots=0"),
            (("--rate", -1), "rate=-1"),
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

    def test_a_folder_that_does_not_exist_is_named(self, manyshot, tmp_path):
        answer = manyshot("train", tmp_path / "nowhere", "--out", tmp_path / "run", *TINY)
        assert answer.status == 2
        assert "nowhere" in answer.errors
        assert not (tmp_path / "run").exists()

    def test_a_training_that_diverges_says_so_and_keeps_good_weights(self, manyshot, tmp_path):
        out = tmp_path / "run"
        answer = manyshot("train", "digits", "--rate", 1e30, "--optimizer", "sgd", "--out", out, *TINY, "--steps", 40)
        assert answer.status == 1
        assert answer.errors.count("\n") == 1
        assert "learning rate" in answer.errors
        assert manyshot("evaluate", out, "digits", "--tasks", 3, "--json").json["accuracy"] > 0


class TestEvaluate:
    def test_judges_the_classes_set_aside(self, manyshot, run):
        answer = manyshot("evaluate", run, "--ways", 2, "--tasks", 7, "--json").json
        assert answer["tasks"] == 7
        assert answer["interval"][0] <= answer["accuracy"] <= answer["interval"][1]
        assert len(answer["per_class"]) == 2
        assert 0 <= answer["calibration_error"] <= 1

    def test_judges_another_data_set_by_another_learner_and_plan(self, manyshot, run):
        plan = ("--plan", "shots: 2 x affine", "--learner", "prototypes(nearest)")
        answer = manyshot("evaluate", run, "glyphs", "--split", "greek", "--queries", 2, "--tasks", 3, *plan, "--json")
        assert answer.json["learner"] == "prototypes(nearest)"
        assert answer.json["plan"] == "shots: 2 x affine"

    def test_the_same_seed_gives_the_same_answer(self, manyshot, run):
        words = ("evaluate", run, "digits", "--tasks", 5, "--plan", "shots: 2 x affine", "--json")
        assert manyshot(*words).out == manyshot(*words).out
        assert manyshot(*words).out != manyshot(*words, "--seed", 1).out

    def test_one_shot_runs(self, manyshot, run, one_shot_zip):
        answer = manyshot("evaluate", run, "--one-shot-runs", one_shot_zip, "--json").json
        assert set(answer["runs"]) == {"run01", "run02"}
        assert answer["trials"] == 6
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


def test_a_comparison_trains_every_arm_and_reports(manyshot, tmp_path):
    words = ("compare", "digits", "--split-by", "item", "--arms", "none", "--arms", "turned = task: turn", "--seeds", 1)
    words = (*words, "--queries", 2, "--tasks", 20, "--out", tmp_path / "out", *TINY)
    answer = manyshot(*words, "--json").json
    assert list(answer["arms"]) == ["none", "turned"]
    gap = answer["arms"]["turned"]["against_first"]
    assert gap["difference"] == pytest.approx(answer["arms"]["turned"]["accuracy"] - answer["arms"]["none"]["accuracy"])
    assert (tmp_path / "out" / "report.html").stat().st_size > 10_000


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (("--arms", "none", "--arms", "none"), "called 'none'"),
        (("--arms", "none", "--test", 0), "--test-data"),
        (("--arms", "none => "), "after '=>'"),
        (("--arms", "x = suport: flip"), "support"),
        (("--arms", "none", "--seeds", 0), "seeds=0"),
    ],
)
def test_a_comparison_names_what_is_wrong_in_one_line(manyshot, tmp_path, options, named):
    answer = manyshot("compare", "digits", "--split-by", "item", *options, "--out", tmp_path / "out", *TINY)
    assert answer.status == 2
    assert answer.errors.count("\n") == 1
    assert named in answer.errors
