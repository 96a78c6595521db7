import json
import zipfile
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from manyshot.augment import Plan
from manyshot.base import InputError
from manyshot.compare.arm_result import arm_results
from manyshot.compare.omniglot_ladder import (
    BENT,
    CONFIG,
    LADDER,
    NEAREST,
    SIZE,
    TRAINED,
    LadderResult,
    practice_runs,
    run_ladder,
)
from manyshot.datasets import load_one_shot_runs
from manyshot.report.one_shot_page import one_shot_page, one_shot_rows
from manyshot.training.evaluate import evaluate
from manyshot.training.load_run import load_run


@pytest.fixture
def two_runs(real_data, tmp_path):
    """The first two practice runs."""
    few = tmp_path / "few.zip"
    with zipfile.ZipFile(real_data / "omniglot" / "practice_runs.zip") as whole, zipfile.ZipFile(few, "w") as part:
        names = whole.namelist()
        for run in ("run01/", "run02/"):
            for name in names:
                if run in name and not name.endswith("/"):
                    part.writestr(name[name.index(run) :], whole.read(name))
    return few


def test_each_arm_has_what_the_one_before_it_has():
    for lower, upper in pairwise(LADDER[1:]):
        assert lower.plan.split("support+query: ")[1] == upper.plan.split("support+query: ")[1]
    trained = [arm for arm in LADDER if arm.test_plan == "none"]
    assert trained[-1].name == TRAINED
    assert {arm.plan for arm in LADDER[len(trained) :]} == {trained[-1].plan}


@pytest.mark.usefixtures("forked_workers")
def test_members_of_an_ensemble_count_the_same_and_the_matching_has_no_seed(two_runs, real_data, tmp_path):
    arms = [replace(arm, plan="none") for arm in LADDER if arm.name in (TRAINED, NEAREST)]
    arms[1] = replace(arms[1], test_plan="shots: 2 x affine(7); query: 3 x affine(7)")
    small = replace(CONFIG, root=str(real_data), encoder="conv4(4, 4, 4, 4)", fit=replace(CONFIG.fit, steps=2))
    result = run_ladder(small, two_runs, 2, tmp_path / "out", jobs=1, arms=tuple(arms))
    output = result.as_dict()
    assert (output["trials"], output["runs"], output["steps"]) == (40, 2, 2)
    assert list(output["arms"]) == [
        TRAINED,
        NEAREST,
        BENT,
        f"{BENT} and composites",
        "ensemble of the 2 seeds",
        f"ensemble of the 2 seeds and {BENT}",
        f"{BENT} and nearest of variants",
        "ensemble of the 2 seeds, nearest of variants",
        f"ensemble of the 2 seeds, nearest of variants and {BENT}",
    ]
    first, second = output["arms"][BENT]["by_seed"]
    assert first == second < 0.3
    assert output["arms"][BENT]["against_first"]["difference"] < 0  # of errors: fewer
    runs = load_one_shot_runs(two_runs, SIZE, CONFIG.centered).episode
    for arm in arms:
        run = load_run(tmp_path / "out" / "arm-0" / "seed-1").with_test_plan(arm.test_plan, arm.test_learner)
        alone = evaluate(run.learner, [runs[0:1], runs[1:2]], Plan(arm.test_plan), CONFIG.fit.seed)
        assert output["arms"][arm.name]["by_seed"][1] == pytest.approx(1 - alone.mean)
    trained = output["arms"][TRAINED]
    assert trained["cpu_seconds_total"] == pytest.approx(2 * trained["cpu_seconds_per_training"])
    assert trained["cpu_seconds_total"] > 0


def test_the_page_tells_errors_and_that_an_ensemble_is_one():
    rng = np.random.default_rng(0)
    worse = (rng.uniform(size=(3, 20)) < 0.7).astype(float)
    better = np.clip(worse + (rng.uniform(size=(3, 20)) < 0.7), 0, 1)
    result = LadderResult(arm_results({"nothing": worse, "ensemble": better}), {"nothing": 7.2}, (400, 20), 600)
    rows = one_shot_rows(result)
    assert rows[0][0] == "nothing"
    assert rows[0][-1] == "2"
    assert rows[1][1].startswith(f"{100 * (1 - better.mean()):.1f} [")
    assert rows[1][2].startswith("−")
    page = one_shot_page("Challenge", result, "manyshot compare")
    assert "'ensemble' has the lowest error" in page.summary
    json.dumps(result.as_dict())


def test_runs_that_are_not_there_are_reported(tmp_path):
    with pytest.raises(InputError, match=r"no practice_runs\.zip in .*--one-shot-runs"):
        practice_runs(tmp_path)


def test_the_practice_runs_are_those_beside_omniglot(real_data):
    assert practice_runs(real_data).name == "practice_runs.zip"
