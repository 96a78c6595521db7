import pytest

TINY = ("--encoder", "conv4(4, 4, 4, 4)", "--steps", 2, "--meta-batch-size", 2, "--validation", 0, "--quiet")


@pytest.fixture
def run(manyshot, tmp_path):
    """A run of two steps, by MLTI on tasks with further classes."""
    plan = "task: more_classes(turn) permute_labels"
    answer = manyshot("train", "digits", "--objective", "mlti", "--plan", plan, "--out", tmp_path / "run", *TINY)
    assert answer.status == 0, answer.errors
    return tmp_path / "run"


def test_the_probe_stands_beside_the_accuracy(manyshot, run):
    answer = manyshot("evaluate", run, "digits", "--tasks", 20, "--shuffled-support", "--json", "--quiet")
    values = answer.json["shuffled_support"]
    assert values["true_support"] == answer.json["accuracy"]
    assert values["gap"] == pytest.approx(values["true_support"] - values["shuffled_support"])
    assert values["gap_interval"][0] <= values["gap"] <= values["gap_interval"][1]
    shown = manyshot("evaluate", run, "digits", "--tasks", 20, "--shuffled-support", "--quiet").out
    assert "with shuffled labels of the support" in shown
    assert "shuffled" not in manyshot("evaluate", run, "digits", "--tasks", 20, "--quiet").out


@pytest.mark.parametrize(
    ("plan", "told"),
    [
        ("task: composites", "leave its 'task:' clause out"),
        ("task: turn", "by a draw of its class"),
        ("query: mixup", "mixes queries"),
    ],
)
def test_a_plan_that_an_evaluation_cannot_use_is_refused(manyshot, run, plan, told):
    answer = manyshot("evaluate", run, "digits", "--tasks", 20, "--plan", plan, "--quiet")
    assert (answer.status, answer.errors.count("\n")) == (2, 1)
    assert told in answer.errors


def test_a_run_goes_on_with_its_own_objective_alone(manyshot, run):
    answer = manyshot("train", "digits", "--objective", "metamix", "--out", run, *TINY, "--resume")
    assert answer.status == 2
    assert "mlti" in answer.errors


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (("--objective", "mltii"), "did you mean 'mlti'"),
        (("--objective", "maxup"), "give a plan that draws"),
        (("--objective", "maxup(99)", "--plan", "query: noise"), "draws=99"),
        (("--objective", "mlti", "--learner", "probe"), "trains on single examples"),
        (("--objective", "metamix", "--learner", "reptile"), "Reptile"),
    ],
)
def test_what_cannot_be_is_reported_in_one_line(manyshot, tmp_path, options, named):
    answer = manyshot("train", "digits", "--out", tmp_path / "run", *TINY, *options)
    assert answer.status == 2
    assert named in answer.errors
    assert answer.errors.count("\n") == 1


def test_the_shuffled_support_is_no_matter_of_one_shot_runs(manyshot, run, one_shot_zip):
    answer = manyshot("evaluate", run, "--one-shot-runs", one_shot_zip, "--shuffled-support")
    assert answer.status == 2
    assert "--shuffled-support has no effect" in answer.errors
