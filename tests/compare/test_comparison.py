import csv
import json
from dataclasses import replace

import numpy as np
import pytest

from manyshot.augment import Plan
from manyshot.base import InputError
from manyshot.cli.compare_presets import PRESETS
from manyshot.compare import Comparison, EvaluationSuite, override, run_comparisons
from manyshot.compare.memorization import ARMS, run_memorization
from manyshot.compare.preset_comparisons import COMPARISONS
from small_comparison import ARMS as SMALL_ARMS
from small_comparison import CONFIG, small_comparison

SMALL = small_comparison(5, "five classes")


class TestPresets:
    def test_the_help_tells_every_preset_as_it_is(self):
        assert {name: preset.summary for name, preset in COMPARISONS.items()}.items() <= PRESETS.items()
        assert set(PRESETS) - set(COMPARISONS) == {"memorization", "omniglot-challenge"}

    @pytest.mark.parametrize("name", COMPARISONS)
    def test_arms_differ_and_the_first_one_has_no_augmentation(self, name):
        comparisons = COMPARISONS[name].comparisons
        assert len({one.name for one in comparisons}) == len(comparisons)
        for one in comparisons:
            assert all(one.name for one in comparisons)
            assert len({arm.name for arm in one.arms}) == len(one.arms)
            assert len({arm.configure(one.config) for arm in one.arms}) == len(one.arms)
            assert one.arms[0].configure(one.config).plan == "none"
            assert one.arms[0].settings == ()
            assert one.seeds >= 3
            assert all(Plan(arm.plan).placements for arm in one.arms if not arm.settings and arm.name != "without")

    @pytest.mark.parametrize("name", COMPARISONS)
    def test_no_test_class_is_trained_on(self, name):
        for one in COMPARISONS[name].comparisons:
            for suite in one.suites:
                apart = suite.data is None and one.config.test > 0
                assert apart or (suite.data, suite.split) != (one.config.data, one.config.split)


class TestEvaluationSuite:
    def test_names_what_is_missing(self):
        with pytest.raises(InputError, match="test=0: nothing is left to test on"):
            Comparison("", replace(CONFIG, test=0.0), SMALL_ARMS, (EvaluationSuite("all"),)).samplers()
        with pytest.raises(InputError, match="tasks=1: give at least 2"):
            EvaluationSuite("all", tasks=1)


@pytest.mark.usefixtures("forked_workers")
def test_comparisons_run_one_after_the_other_each_in_its_folder(tmp_path):
    other = small_comparison(6, "Six classes")
    five, six = run_comparisons([SMALL, other], tmp_path, jobs=1)
    assert {path.name for path in tmp_path.iterdir() if path.is_dir()} == {"five-classes", "six-classes"}
    assert five.results["all"]["turned"].accuracy.shape == (1, 4)
    assert six.runs["without"][0].config.classes == 6
    answer = json.loads(json.dumps(five.as_dict()))
    assert answer["arms"]["turned"]["plan"] == "task: turn"
    turned = answer["arms"]["turned"]
    assert turned["cpu_seconds_total"] == turned["cpu_seconds_per_training"] > 0
    with (tmp_path / "five-classes" / "tasks.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["suite", "arm", "seed", "task", "accuracy"]
    for arm, result in five.results["all"].items():
        own = [row for row in rows if row["arm"] == arm]
        assert [(row["suite"], row["seed"], row["task"]) for row in own] == [("all", "0", str(t)) for t in range(4)]
        assert np.mean([float(row["accuracy"]) for row in own]) == pytest.approx(result.mean, abs=1e-12)
    assert answer["suites"]["all"]["ways"] == 2
    assert list(answer["suites"]["all"]["arms"]) == ["without", "turned"]
    assert answer["suites"]["all"]["test"] == "digits (test part)"


def test_what_is_wrong_with_a_later_comparison_is_reported_before_any_training(tmp_path):
    wrong = replace(SMALL, name="other", config=replace(CONFIG, classes=9))
    with pytest.raises(InputError, match="classes=9"):
        run_comparisons([SMALL, wrong], tmp_path / "out", jobs=1)
    assert not (tmp_path / "out").exists()


def test_a_comparison_can_be_made_smaller_or_moved():
    built = override(SMALL, "/data", seeds=5, steps=7, tasks=9, seed=11, device="cuda")
    assert (built.config.root, built.seeds, built.config.fit.steps) == ("/data", 5, 7)
    assert (built.suites[0].tasks, built.config.fit.seed, built.config.fit.device) == (9, 11, "cuda")
    assert built.arms == SMALL.arms
    assert override(SMALL) == SMALL


class TestMemorization:
    def test_noise_is_the_only_difference_between_the_arms(self):
        result = run_memorization(4, seeds=2, steps=4, tasks=8)
        first, second = ARMS
        assert result.errors(first).shape == (2, 8)
        assert not np.allclose(result.errors(first), result.errors(second))
        gap = result.against_first(second)
        assert gap.difference == pytest.approx((result.errors(second) - result.errors(first)).mean())
        output = result.as_dict()[second]
        assert output["error"] == pytest.approx(np.mean(output["by_seed"]))
        assert output["error"] == pytest.approx(output["new_waves"]["true_support"])

    def test_the_same_seed_finds_the_same(self):
        one, again, other = (
            run_memorization(3, seeds=1, steps=2, tasks=3, seed=seed).errors("without") for seed in (1, 1, 2)
        )
        assert np.array_equal(one, again)
        assert not np.array_equal(one, other)

    def test_few_waves_are_learned_by_heart_and_noise_keeps_from_it(self):
        result = run_memorization(4, seeds=1, steps=150, tasks=40).as_dict()
        without, noise = result["without"], result["label-shared noise"]
        assert without["error"] > 2 * without["training_waves"]["true_support"]
        assert noise["error"] < without["error"]
