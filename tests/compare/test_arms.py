from dataclasses import replace

import numpy as np
import pytest
import torch

from manyshot.base import InputError, TrainingDiverged
from manyshot.cli.compare_presets import PRESETS
from manyshot.compare import Arm, Comparison, EvaluationSuite, check_arms, compare, run_comparisons, train_arms
from manyshot.compare.arm_result import ArmResult, arm_results
from manyshot.compare.preset_comparisons import COMPARISONS
from manyshot.learners import Prototypes, transductive
from manyshot.nets import Conv4
from manyshot.report.compare_page import result_rows
from manyshot.tasks import EpisodeSampler, Source
from manyshot.training import Config, Run, Settings, load_run

FIT = Settings(steps=3, meta_batch_size=2, save_every=2, seed=4)
CONFIG = Config("digits", encoder="conv4(4, 4, 4, 4)", ways=3, queries=2, validation=0.0, fit=FIT)
IMAGES = torch.randint(256, (80, 1, 16, 16), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
SAMPLER = EpisodeSampler(Source.of(IMAGES, [f"class {i % 8}" for i in range(80)]), 3, 2, 4)


def run(seed: int, test_plan: str = "none") -> Run:
    torch.manual_seed(seed)
    return Run(Config("digits", test_plan=test_plan), Prototypes(Conv4(1, 16, (4, 4, 4, 4))).eval(), 1, 16, [])


@pytest.mark.parametrize(
    ("text", "arm"),
    [
        ("none", Arm("none", "none")),
        ("handwriting", Arm("handwriting", "handwriting")),
        ("support: affine(30)", Arm("support: affine(30)", "support: affine(30)")),
        ("wide = support: affine(30)", Arm("wide", "support: affine(30)")),
        ("my arm-2=none", Arm("my arm-2", "none")),
        ("support: affine(degrees=30)", Arm("support: affine(degrees=30)", "support: affine(degrees=30)")),
        ("none => shots: 8 x flip", Arm("none => shots: 8 x flip", "none", "shots: 8 x flip")),
        ("a = none => shots: 2 x affine(degrees=3)", Arm("a", "none", "shots: 2 x affine(degrees=3)")),
        ("a = none | learner = maml(steps=5)", Arm("a", "none", settings=(("learner", "maml(steps=5)"),))),
        ("none | objective=plain", Arm("none | objective=plain", "none", settings=(("objective", "plain"),))),
        ("none | learning_rate=0.1", Arm("none | learning_rate=0.1", "none", settings=(("learning_rate", "0.1"),))),
        (
            "a=task: turn|learning-rate=1e-2|within-group=1",
            Arm("a", "task: turn", "none", (("learning_rate", "1e-2"), ("within_group", "1"))),
        ),
        ("turned classes, mlti = none", Arm("turned classes, mlti", "none")),
        ("maml (5 steps): p=none", Arm("maml (5 steps): p", "none")),
        ("a = none => none | learner=prototypes(nearest)", Arm("a", "none", test_learner="prototypes(nearest)")),
    ],
)
def test_an_arm_is_read_from_one_line(text, arm):
    assert Arm.parse(text) == arm


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("support: afine", "did you mean 'affine'"),
        ("a = ", "plan"),
        ("a = none =>", "no plan after '=>'"),
        ("none => shots: 8 x afine", "did you mean 'affine'"),
        ("", "plan"),
        ("none | learner=mamal", "did you mean 'maml'"),
        ("none | lerner=maml", "'lerner' cannot be set here; did you mean 'learner'"),
        ("none | learner=", "'learner=' sets nothing"),
        ("none | maml", "'maml' sets nothing"),
        ("none | objective=maxap", "maxup"),
        ("none | learning_rate=fast", "learning_rate=fast: give a number"),
        ("none | learning_rate=-1", "learning_rate=-1.0"),
        ("none | learning_rate=1 | learning_rate=2", "learning_rate is set twice"),
        ("none => none | learning_rate=1", "'learning_rate' cannot be set here"),
        ("= none", "no name before '='"),
        ("none => task: composites", "makes other tasks than those to be evaluated"),
        ("none => query: mixup", "mixes queries"),
    ],
)
def test_an_arm_that_cannot_be_read_is_named(text, message):
    with pytest.raises(InputError, match=message) as caught:
        Arm.parse(text)
    assert "\n" not in str(caught.value)


def test_an_arm_beside_itself_differs_by_exactly_nothing():
    plan = "support: noise(0.3)"
    result = compare({"one": [run(0, plan), run(1, plan)], "same": [run(0, plan), run(1, plan)]}, SAMPLER, tasks=30)
    assert (result["one"].accuracy == result["same"].accuracy).all()
    difference = result["same"].against_first
    assert (difference.difference, difference.low, difference.high) == (0, 0, 0)
    assert result["same"].p_value == 1
    assert result["one"].against_first is None


def test_results_stand_by_arm_seed_and_task():
    actual = compare({"a": [run(0), run(1)], "b": [run(2), run(3)], "c": [run(4), run(5)]}, SAMPLER, tasks=30)
    assert list(actual) == ["a", "b", "c"]
    assert all(result.accuracy.shape == (2, 30) for result in actual.values())
    gap = actual["b"].accuracy - actual["a"].accuracy
    assert actual["b"].against_first.difference == pytest.approx(gap.mean())
    raw = [actual[name].against_first.p_value for name in "bc"]
    assert min(actual[name].p_value for name in "bc") == pytest.approx(min(1.0, 2 * min(raw)))
    written = actual["b"].as_dict()
    assert written["by_seed"] == pytest.approx(actual["b"].accuracy.mean(1).tolist())
    assert written["against_first"]["p_value_holm"] == actual["b"].p_value
    assert actual["a"].as_dict()["against_first"] is None


def test_single_trainings_give_a_difference_without_interval_or_p_value():
    result = compare({"a": [run(0)], "b": [run(2)]}, SAMPLER, tasks=30)
    gap = result["b"].accuracy.mean() - result["a"].accuracy.mean()
    assert result["b"].difference == pytest.approx(gap)
    assert result["b"].against_first is result["b"].p_value is None
    written = result["b"].as_dict()["against_first"]
    assert written.pop("difference") == pytest.approx(gap)
    assert "several seeds" in written.pop("note")
    assert written == {"interval": None, "interval_over": None, "p_value": None, "p_value_holm": None}
    (_, _, output, p_value) = result_rows(result)[1]
    assert output == f"{100 * gap:+.1f}".replace("-", "−")
    assert p_value == ""


def test_intervals_say_what_they_cover():
    trained = compare({"a": [run(0), run(1)], "b": [run(2), run(3)]}, SAMPLER, tasks=30)["b"].as_dict()
    assert (trained["interval_over"], trained["against_first"]["interval_over"]) == ("tasks", "tasks and seeds")
    frozen = compare({"a": [run(0)], "b": [run(2)]}, SAMPLER, tasks=30, trained=False)["b"].as_dict()
    assert (frozen["interval_over"], frozen["against_first"]["interval_over"]) == ("tasks", "tasks")
    low, high = frozen["against_first"]["interval"]
    assert low < frozen["against_first"]["difference"] < high


def test_intervals_of_accuracies_and_their_differences_stay_where_those_can_be():
    accuracy = {"a": np.array([[0.9, 0.1], [0.9, 0.2]]), "b": np.array([[1.0, 0.6], [0.1, 1.0]])}
    result = arm_results(accuracy)
    assert result["a"].interval == (0, 1)
    assert (result["b"].against_first.low, result["b"].against_first.high) == (-1, 1)


def test_an_arm_whose_queries_see_each_other_is_named():
    seeing = [replace(one, learner=transductive(one.learner)) for one in (run(0), run(1))]
    actual = compare({"apart": [run(0), run(1)], "seeing": seeing}, SAMPLER, tasks=10)
    assert [result.as_dict()["transductive"] for result in actual.values()] == [False, True]
    assert (actual["apart"].accuracy != actual["seeing"].accuracy).any()
    assert [name for name, *_ in result_rows(actual)] == ["apart", "seeing (transductive)"]


def test_the_mean_of_an_arm_lies_in_its_interval():
    result = ArmResult(np.random.default_rng(0).uniform(size=(3, 40)))
    assert result.interval[0] < result.mean < result.interval[1]


@pytest.mark.parametrize(
    ("arms", "seeds", "message"),
    [
        (["none", "none"], 1, "two arms are called 'none'"),
        (["none"], 0, r"seeds=0: .* \(--seeds\)"),
    ],
)
def test_arms_that_cannot_be_trained_are_named(arms, seeds, message, tmp_path):
    with pytest.raises(InputError, match=message):
        train_arms([Arm.parse(arm) for arm in arms], CONFIG, seeds, tmp_path)


@pytest.mark.parametrize("name", list(COMPARISONS))
def test_the_arms_of_every_preset_can_be_written_by_a_person(name):
    for comparison in COMPARISONS[name].comparisons:
        for arm in comparison.arms:
            settings = "".join(f" | {key}={value}" for key, value in arm.settings)
            assert Arm.parse(f"{arm.name} = {arm.plan}{settings} => {arm.test_plan}") == arm


def test_the_command_line_names_the_comparisons_that_there_are():
    assert {name: PRESETS.get(name) for name in COMPARISONS} == {n: preset.summary for n, preset in COMPARISONS.items()}


def test_a_training_that_fails_last_fails_the_comparison(tmp_path):
    """And a comparison whose trainings have failed does not judge their untrained weights. Its process starts anew."""
    explodes = replace(
        CONFIG, fit=replace(CONFIG.fit, learning_rate=1e12, grad_clip=1e12, optimizer="sgd", warmup_steps=0)
    )
    with pytest.raises(TrainingDiverged):
        train_arms([Arm("none", "none")], explodes, 1, tmp_path / "out")


@pytest.mark.parametrize(("seeds", "jobs", "named"), [(0, None, "--seeds"), (1, 0, "--jobs")])
def test_numbers_out_of_range_leave_no_trace_of_a_comparison(seeds, jobs, named, tmp_path):
    few = Comparison(
        "", replace(CONFIG, test=0.3), (Arm("none", "none"),), (EvaluationSuite("", ways=2, tasks=2),), seeds
    )
    with pytest.raises(InputError, match=named):
        run_comparisons([few], tmp_path / "out", jobs)
    assert not (tmp_path / "out").exists()


def test_a_folder_of_other_things_is_not_written_over(tmp_path):
    (tmp_path / "report.html").write_text("mine")
    with pytest.raises(InputError, match="is not empty and holds no comparison; choose another folder"):
        train_arms([Arm("none", "none")], CONFIG, 1, tmp_path)
    (tmp_path / "compare.json").write_text("{}")
    check_arms([Arm("none", "none")], tmp_path)


@pytest.mark.parametrize(
    ("arm", "message"),
    [
        ("none | within-group=1", "no group|no groups"),
        ("none => none | learner=maml", "learner 'maml' has other weights than 'prototypes'"),
        ("none | encoder=conv4(4, 4, 4, 4) | learning_rate=0", "learning_rate=0"),
    ],
)
def test_an_arm_that_could_not_be_trained_or_used_is_reported_before_any_training(arm, message, tmp_path):
    with pytest.raises(InputError, match=message):
        train_arms([Arm.parse("none"), Arm.parse(arm)], CONFIG, 1, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.usefixtures("forked_workers")
def test_arms_of_different_learners_stand_beside_each_other_and_arms_that_differ_in_use_alone_share_a_training(
    tmp_path,
):
    arms = [
        Arm.parse("plain = none"),
        Arm.parse("nearest = none => shots: 2 x flip(1) | learner=prototypes(nearest)"),
        Arm.parse("maml = none | learner=maml(steps=2) | learning_rate=0.01"),
    ]
    runs, seconds = train_arms(arms, CONFIG, 1, tmp_path, jobs=1)
    assert sorted(path.name for path in tmp_path.glob("arm-*")) == ["arm-0", "arm-2"]
    assert seconds["plain"] == seconds["nearest"] > 0
    plain, nearest, maml = (runs[arm.name][0] for arm in arms)
    assert (maml.config.learner, maml.config.fit.learning_rate) == ("maml(steps=2)", 0.01)
    assert (plain.config.fit.learning_rate, plain.config.test_plan) == (CONFIG.fit.learning_rate, "none")
    assert nearest.config.test_plan == "shots: 2 x flip(1)"
    assert (plain.learner.match, nearest.learner.match) == ("mean", "nearest")
    assert all(a.equal(b) for a, b in zip(plain.learner.parameters(), nearest.learner.parameters(), strict=True))


def test_arms_start_from_the_same_weights_and_finished_ones_are_not_trained_again(tmp_path):
    arms = [
        Arm.parse("plain = none"),
        Arm.parse("same = support: noise(0)"),
        Arm.parse("noisy = support: noise(0.5) => shots: 2 x noise"),
    ]
    runs, seconds = train_arms(arms, CONFIG, 1, tmp_path, jobs=1)
    losses = {name: [row["loss"] for row in trained[0].rows] for name, trained in runs.items()}
    assert losses["plain"] == losses["same"] != losses["noisy"]
    assert all(taken > 0 for taken in seconds.values())
    assert runs["noisy"][0].config.test_plan == "shots: 2 x noise"
    assert runs["noisy"][0].config.fit.seed == 4

    assert load_run(tmp_path / "arm-2" / "seed-4").config.test_plan == "none"
    arms[2] = replace(arms[2], test_plan="shots: 3 x noise")
    files = {path: path.read_bytes() for path in sorted(tmp_path.rglob("*.safetensors"))}
    stamps = {path: path.stat().st_mtime_ns for path in files}
    assert len(files) == 3
    again, in_all = train_arms(arms, CONFIG, 1, tmp_path, jobs=1)
    assert in_all == seconds
    assert {path: path.stat().st_mtime_ns for path in files} == stamps
    assert again["noisy"][0].rows == runs["noisy"][0].rows
    assert again["noisy"][0].config.test_plan == "shots: 3 x noise"
