"""Runs used together."""

from dataclasses import replace

import pytest
import torch

from manyshot.base import InputError
from manyshot.datasets import load_dataset
from manyshot.tasks import EpisodeSampler
from manyshot.training import Config, Settings, classes_seen, evaluate_tasks, load_ensemble, load_run, train

CONFIG = Config("digits", encoder="conv4(8, 8, 8, 8)", fit=Settings(steps=3, validation_tasks=2))


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    for seed in (0, 1):
        train(CONFIG.with_seed(seed), folder / f"seed-{seed}")
    train(replace(CONFIG, centered=True), folder / "centered")
    train(replace(CONFIG, test=0.3), folder / "apart")
    for seed in (0, 1):
        train(replace(CONFIG, classes=5).with_seed(seed), folder / f"five-{seed}")
    return folder


def test_one_run_is_that_run(runs):
    alone, same = load_run(runs / "seed-0"), load_ensemble([runs / "seed-0"])
    assert same.folder == alone.folder
    assert type(same.learner) is type(alone.learner)


def test_two_runs_say_other_things_than_either_and_the_learner_may_change(runs):
    sampler = EpisodeSampler(load_dataset("digits", size=28), ways=5, queries=5)
    judged = [
        evaluate_tasks(load_ensemble([runs / name for name in names], learner).learner, sampler, 20).accuracy
        for names in (["seed-0"], ["seed-1"], ["seed-0", "seed-1"])
        for learner in (None, "prototypes(nearest)")
    ]
    assert not any((both == one).all() for both in judged[4:] for one in judged[:4])
    support = sampler.batch(0, 2).as_float()
    logits = load_ensemble([runs / "seed-0", runs / "seed-1"]).learner.adapt(support.support)(support.query.items)
    torch.testing.assert_close(logits.exp().sum(-1), torch.ones(2, 25))


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["seed-0", "seed-0"], "named twice"),
        (["seed-0", "centered"], "centered=True.*cannot go together"),
        (["apart", "seed-0"], r"test=0\.0, but .* has test=0\.3"),
        (["seed-0", "nothing"], "nothing"),
    ],
)
def test_runs_that_cannot_go_together_are_refused(runs, names, message):
    with pytest.raises(InputError, match=message):
        load_ensemble([runs / name for name in names])


def test_all_classes_that_any_member_may_have_seen_count_as_seen(runs):
    digits = load_dataset("digits", size=28)
    alone = classes_seen(load_run(runs / "five-0").config, "digits", digits)
    both = classes_seen(load_ensemble([runs / "five-0", runs / "five-1"]).config, "digits", digits)
    assert alone == 5
    assert both > 5
