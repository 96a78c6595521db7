"""Trainings of agents: that they learn, go on after a kill, and refuse what they cannot use."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from child_processes import run_script
from manyshot.base import InputError
from manyshot.rl.adapt.registry import RL_LEARNERS
from manyshot.rl.interquartile_mean import interquartile_interval, interquartile_mean
from manyshot.rl.rl_arm import RLArm
from manyshot.rl.rl_compare import compare_agents
from manyshot.rl.rl_config import RLConfig, RLSettings
from manyshot.rl.rl_train import evaluate_run, load_agent, train_agent
from one_line_error import one_line_error

FIT = RLSettings(steps=96, games=4, rollout=12, width=8, minibatches=2, epochs=1)
FEW = RLConfig("point", worlds=2, validation=1, values="goal_x=0.2..0.8/0.2, goal_y=0.5, controls=0", fit=FIT)
"""A family of four worlds."""
PICTURES = RLConfig("leap", worlds=2, validation=1, values="floor=4, obstacle=9..12", fit=FIT)
"""The same of pictures."""


def test_a_training_that_is_killed_goes_on_bit_for_bit(tmp_path):
    run_script(Path(__file__).with_name("kill_agents.py"), str(tmp_path))


def test_an_agent_learns_to_reach_goals_that_it_sees():
    fit = RLSettings(steps=20_000, games=64, rollout=24, width=32, minibatches=2, eval_every=1000, learning_rate=5e-3)
    run = train_agent(RLConfig("point(sees_goal=yes)", worlds=20, fit=fit))
    print(run.rows)
    assert run.rows[-1]["held_out_solved"] > 0.9
    assert run.rows[0]["train_solved"] < 0.5


def test_a_run_is_loaded_with_its_weights_and_settings(tmp_path):
    config = replace(FEW, learner="rl2(memory=4)")
    run = train_agent(config, tmp_path / "run")
    loaded = load_agent(tmp_path / "run")
    assert loaded.config == config
    assert all(one.equal(other) for one, other in zip(run.policy.parameters(), loaded.policy.parameters(), strict=True))
    one, other = evaluate_run(run), evaluate_run(loaded)
    assert np.array_equal(one.returns, other.returns)
    assert one.solved.shape == (1, 2)
    assert np.array_equal(one.steps, other.steps)
    assert (one.steps >= 1).all()
    assert ((one.steps == 12) | (one.solved == 1)).all()  # what is not solved ends at the horizon


def test_evaluation_is_the_same_whatever_was_trained_before_and_depends_on_the_seed_of_drawn_actions():
    run = train_agent(FEW)
    first, again, other = (evaluate_run(run, trials=3, greedy=False, seed=seed).returns for seed in (0, 0, 1))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize("learner", ["maml(tasks=2)", "promp(tasks=2)", "reptile(updates=2)", "fine-tune(updates=1)"])
def test_learners_that_adapt_report_worlds_before_and_after(learner):
    run = train_agent(replace(FEW, learner=learner))
    results = evaluate_run(run)
    assert results.solved.shape == (1, 2)
    assert not np.array_equal(results.returns[:, 0], results.returns[:, 1])
    assert any("train_return" in row for row in run.rows)


def test_every_arm_begins_with_the_same_weights_and_ends_with_its_own():
    plain, shifted = (train_agent(replace(PICTURES, plan=plan)) for plan in ("none", "view: crop"))
    first, second = plain.rows[0], shifted.rows[0]
    assert first["explained_variance"] == second["explained_variance"]
    assert first["loss"] != second["loss"]
    assert not plain.policy.act.weight.equal(shifted.policy.act.weight)


def test_a_view_of_weight_zero_changes_nothing():
    fit = replace(FIT, view_weight=0.0)
    none, weightless = (train_agent(replace(PICTURES, plan=plan, fit=fit)) for plan in ("none", "view: crop"))
    assert none.policy.act.weight.equal(weightless.policy.act.weight)


def test_the_middle_half_of_scores_is_averaged():
    scores = np.array([[0.0, 1.0, 0.2, 0.4], [0.3, 0.5, 0.1, 0.9]])
    assert interquartile_mean(scores) == pytest.approx((0.2 + 0.3 + 0.4 + 0.5) / 4)
    low, high = interquartile_interval(scores)
    assert low <= interquartile_mean(scores) <= high


def test_arms_are_compared_on_the_same_worlds_with_an_interval(tmp_path):
    arms = [RLArm.parse("none"), RLArm.parse("turned = trial: turn | learning-rate=0.01")]
    compared = compare_agents(arms, FEW, 2, tmp_path / "cmp", jobs=1)
    answer = compared.as_dict()
    assert answer["held_out_worlds"] == 1
    assert set(answer["arms"]) == {"none", "turned"}
    assert "against_first" in answer["arms"]["turned"]
    assert answer["arms"]["turned"]["cpu_seconds_per_training"] > 0
    assert answer["arms"]["none"]["steps_per_training"] == 96


@pytest.mark.parametrize(
    ("change", "parts"),
    [
        ({"world": "leapp"}, ("leapp", "leap")),
        ({"plan": "trial: turn"}, ("leap has no symmetries",)),
        ({"plan": "view: crop", "choose": "bandit(crop, flip)"}, ("has views", "choose")),
        ({"plan": "view: crop", "learner": "maml"}, ("takes each world apart",)),
        ({"levels": "robust-plr", "learner": "rl2"}, ("leaves out steps", "plr")),
        ({"learner": "rl3"}, ("rl3", "rl2")),
        ({"worlds": 117}, ("117 training",)),
        ({"values": "floor=4..12"}, ("obstacle",)),
        ({"values": "floor"}, ("from..to/step",)),
        ({"division": "spreads"}, ("spread",)),
        ({"fit": replace(FIT, minibatches=1000)}, ("minibatches=1000", "give at most 48")),
        ({"fit": replace(FIT, minibatches=5), "learner": "rl2"}, ("minibatches=5", "4 games", "give at most 4")),
    ],
)
def test_what_cannot_be_used_is_refused_in_one_line(change, parts):
    with one_line_error(*parts):
        train_agent(replace(RLConfig("leap", fit=FIT), **change))


def test_vectors_cannot_be_cropped():
    with one_line_error("observations of point are vectors", "trial:"):
        train_agent(replace(FEW, plan="view: crop"))


@pytest.mark.parametrize("wrong", [{"steps": 0}, {"games": 0}, {"discount": 1.5}, {"games": 2**20, "rollout": 2}])
def test_settings_out_of_range_are_refused(wrong):
    with one_line_error(next(iter(wrong))):
        replace(FIT, **wrong)


def test_a_run_is_resumed_with_its_own_settings_alone(tmp_path):
    config = FEW
    train_agent(config, tmp_path / "run")
    with one_line_error("plan=trial: turn", "resume with the run's own settings"):
        train_agent(replace(config, plan="trial: turn"), tmp_path / "run", resume=True)
    with one_line_error("holds a run already"):
        train_agent(config, tmp_path / "run")


def test_weights_of_another_world_are_refused(tmp_path):
    train_agent(FEW, tmp_path / "point")
    train_agent(PICTURES, tmp_path / "leap")
    (tmp_path / "leap" / "last.safetensors").replace(tmp_path / "point" / "last.safetensors")
    with one_line_error("its weights are not those of its config.json"):
        load_agent(tmp_path / "point")


def test_a_folder_without_an_agent_is_refused(tmp_path):
    with one_line_error("no agent's run"):
        load_agent(tmp_path)


def test_memory_cannot_be_cleared_where_there_is_none():
    run = train_agent(FEW)
    with one_line_error("no memory to clear"):
        evaluate_run(run, resets_memory=True)
    with one_line_error("worlds 'test'"):
        evaluate_run(run, "test")


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("none | speed=3", ("'speed' cannot be set here",)),
        ("none | learner", ("sets nothing",)),
        ("none | steps=1 | steps=2", ("set twice",)),
        ("= none", ("write 'name = plan'",)),
    ],
)
def test_an_arm_that_cannot_be_read_is_refused(text, parts):
    with one_line_error(*parts):
        RLArm.parse(text)


def test_arms_with_other_held_out_worlds_are_refused(tmp_path):
    arms = [RLArm.parse("none"), RLArm.parse("fewer = none | worlds=1")]
    with one_line_error("arm 'fewer'", "other held-out worlds"):
        compare_agents(arms, FEW, 1, tmp_path / "cmp")
    assert not (tmp_path / "cmp").exists()


def test_every_learner_is_built_by_its_name():
    assert all(RL_LEARNERS.parse(name).build().phases >= 1 for name in RL_LEARNERS.names())
    with pytest.raises(InputError):
        RL_LEARNERS.parse("rl2(episodes=0)").build()
    assert torch.get_num_threads() >= 1
