"""Objectives inside a training."""

from dataclasses import dataclass
from typing import ClassVar

import pytest
import torch

from manyshot.augment import Plan
from manyshot.learners import MAMLPlusPlus, Prototypes
from manyshot.nets import Conv4
from manyshot.objectives import OBJECTIVES, Adversarial, MaxUp, Plain
from manyshot.tasks import EpisodeSampler, Source
from manyshot.training.fit_settings import Settings
from manyshot.training.training_loop import fit

SETTINGS = Settings(steps=5, meta_batch_size=2, save_every=2, warmup_steps=0)


def sampler() -> EpisodeSampler:
    pixels = torch.Generator().manual_seed(0)
    items = torch.randint(256, (60, 1, 8, 8), generator=pixels, dtype=torch.uint8)
    return EpisodeSampler(Source.of(items, [f"{i % 6}" for i in range(60)]), ways=3, shots=2, queries=2)


def learner() -> Prototypes:
    torch.manual_seed(0)
    return Prototypes(Conv4(1, 8, (4, 4)))


PLAN = "query: noise; shots: 1 x noise"
"""Some objectives choose among variants of queries, one takes its variants from the shots."""


class Killed(Exception):
    pass


@dataclass(frozen=True)
class Dies:
    """An objective that is killed in step 4."""

    inner: object
    needs_plan: ClassVar[bool] = False

    def loss(self, learner, tasks, generator):
        if tasks.address[-1] == 3:
            raise Killed
        return self.inner.loss(learner, tasks, generator)


@pytest.mark.parametrize("name", OBJECTIVES)
def test_a_killed_training_goes_on_with_the_same_bits(name, tmp_path):
    plan, objective = Plan(PLAN), OBJECTIVES[name]()
    whole, part = learner(), learner()
    rows = fit(whole, sampler(), SETTINGS, plan, folder=tmp_path / "whole", objective=objective)
    with pytest.raises(Killed):
        fit(part, sampler(), SETTINGS, plan, folder=tmp_path / "part", objective=Dies(objective))
    resumed = learner()
    again = fit(resumed, sampler(), SETTINGS, plan, folder=tmp_path / "part", resume=True, objective=objective)
    assert again == rows
    for name, tensor in whole.state_dict().items():
        assert torch.equal(tensor, resumed.state_dict()[name]), name


def test_objectives_train_to_other_weights():
    plan, result = Plan(PLAN), []
    for kind in OBJECTIVES.values():
        trained = learner()
        fit(trained, sampler(), SETTINGS, plan, objective=kind())
        result.append(trained.encoder.convolutions[1].weight.detach())
    for i, one in enumerate(result):
        assert not any(torch.equal(one, other) for other in result[:i])


@pytest.mark.parametrize("objective", [Plain(), MaxUp(2), Adversarial(steps=1)], ids=["plain", "maxup", "adversarial"])
def test_a_step_counts_once_however_often_an_objective_asks_for_a_loss(objective, tmp_path):
    def made() -> MAMLPlusPlus:
        torch.manual_seed(0)
        encoder = Conv4(1, 8, (4, 4), "group")
        return MAMLPlusPlus(torch.nn.Sequential(encoder, torch.nn.Linear(encoder.features, 3)), 3, steps=2, annealing=8)

    asked = []

    @dataclass(frozen=True)
    class Noted:
        needs_plan: ClassVar[bool] = False

        def loss(self, learner, tasks, generator):
            before = learner.importance().tolist()
            result = objective.loss(learner, tasks, generator)
            asked.append((before, learner.importance().tolist()))
            return result

    plan = Plan(PLAN)
    whole, part, resumed = made(), made(), made()
    rows = fit(whole, sampler(), SETTINGS, plan, folder=tmp_path / "whole", objective=Noted())
    assert int(whole.training_steps) == SETTINGS.steps
    assert all(before == after for before, after in asked)
    if isinstance(objective, MaxUp):
        with pytest.raises(Killed):
            fit(part, sampler(), SETTINGS, plan, folder=tmp_path / "part", objective=Dies(objective))
        going_on = fit(resumed, sampler(), SETTINGS, plan, folder=tmp_path / "part", resume=True, objective=objective)
        assert going_on == rows
        for name, tensor in whole.state_dict().items():
            assert torch.equal(tensor, resumed.state_dict()[name]), name
