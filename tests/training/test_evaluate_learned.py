"""EvaluationSuite with a plan whose shots a learned augmenter makes, of items or of features."""

from dataclasses import dataclass, replace

import pytest
import torch
from torch import nn

from manyshot.augment import Plan
from manyshot.base import InputError
from manyshot.learners import Prototypes, Ridge
from manyshot.meta_augment import AUGMENTERS
from manyshot.nets import Conv4
from manyshot.tasks import EpisodeSampler, Examples, Source
from manyshot.training.evaluate import evaluate, evaluate_tasks
from manyshot.training.load_run import make_learner
from manyshot.training.run_config import Config

PLAN = Plan("shots: 4 x learned")


@dataclass(frozen=True)
class Oracle:
    """Copies each item; of features, moved far towards a corner that its class number names, which is cheating."""

    space: str
    strength: float = 100.0

    def make(self, support: Examples, copies: int, generator: torch.Generator) -> Examples:
        items = support.items.repeat_interleave(copies, 1)
        labels = support.labels.repeat_interleave(copies, 1)
        if self.space == "features":
            items = items + self.strength * torch.nn.functional.pad(labels, (0, items.shape[-1] - 3))
        return replace(
            support, items=items, labels=labels, weight=support.weight.repeat_interleave(copies, 1), origin=None
        )


@pytest.fixture(scope="module")
def sampler() -> EpisodeSampler:
    """Noisy pictures of four classes that differ in brightness."""
    draws = torch.Generator().manual_seed(0)
    level = torch.arange(4).repeat_interleave(15)[:, None, None, None] * 50
    pixels = level + torch.randint(0, 60, (60, 1, 16, 16), generator=draws)
    source = Source.of(pixels.to(torch.uint8), [f"class {c}" for c in range(4) for _ in range(15)])
    return EpisodeSampler(source, ways=3, shots=1, queries=5)


@pytest.fixture(scope="module")
def learner() -> Prototypes:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return Prototypes(Conv4(channels=1, size=16, widths=(4, 4, 4, 4)))


def test_shots_of_pictures_reach_the_learner(sampler, learner):
    plain = evaluate_tasks(learner, sampler, 20)
    copied = evaluate_tasks(learner, sampler, 20, PLAN.with_augmenter(Oracle("items")))
    assert copied.accuracy.tolist() == plain.accuracy.tolist()  # copies leave a prototype where it was


def test_shots_of_features_stand_between_the_encoder_and_the_head(sampler, learner):
    plain = evaluate_tasks(learner, sampler, 20)
    none = evaluate_tasks(learner, sampler, 20, PLAN.with_augmenter(Oracle("features", strength=0.0)))
    far = evaluate_tasks(learner, sampler, 20, PLAN.with_augmenter(Oracle("features")))
    assert none.accuracy == pytest.approx(plain.accuracy)
    assert far.mean != pytest.approx(plain.mean)


def test_items_are_encoded_to_the_same_features_once_or_task_by_task(sampler, learner):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        augmenter = AUGMENTERS.parse("hallucinator").build(shape=(4,))
    plan = PLAN.with_augmenter(augmenter)
    at_once = evaluate_tasks(learner, sampler, 20, plan)
    by_task = evaluate(learner, sampler.batches(20, 10), plan)
    assert at_once.accuracy == pytest.approx(by_task.accuracy)


def test_the_augmenter_is_evaluated_in_evaluation_mode_and_left_as_it_was(sampler, learner):
    modes = []

    class Watched(nn.Module):
        space = "items"

        def make(self, support, copies, generator):
            modes.append(self.training)
            return Oracle("items").make(support, copies, generator)

    augmenter = Watched()
    evaluate_tasks(learner, sampler, 10, PLAN.with_augmenter(augmenter))
    assert modes == [False]
    assert augmenter.training


@pytest.mark.parametrize(
    "text",
    ["support: flip; shots: 2 x learned", "shots: 2 x learned; query: noise"],
)
def test_features_go_with_no_ops_of_pictures(sampler, learner, text):
    with pytest.raises(InputError, match="generates features, which other ops cannot change"):
        evaluate_tasks(learner, sampler, 10, Plan(text).with_augmenter(Oracle("features")))


def test_features_need_a_learner_that_leaves_its_encoder_alone(sampler):
    learner = make_learner(Config("digits", learner="maml(steps=1)", encoder="conv4(4, 4, 4, 4)", ways=3), 1, 16)
    with pytest.raises(InputError, match="adapts its encoder"):
        evaluate_tasks(learner, sampler, 10, PLAN.with_augmenter(Oracle("features")))


def test_a_learner_of_features_takes_them_as_they_are(sampler, learner):
    source = Source.of(torch.rand(60, 6, generator=torch.Generator().manual_seed(0)), [f"{i % 4}" for i in range(60)])
    _, head = Ridge(nn.Identity()).on_features()
    result = evaluate_tasks(
        head, EpisodeSampler(source, ways=3, shots=1, queries=5), 10, PLAN.with_augmenter(Oracle("features"))
    )
    assert len(result.accuracy) == 10
