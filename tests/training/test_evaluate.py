from contextlib import nullcontext
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from manyshot.augment import Plan
from manyshot.base import InputError
from manyshot.learners import MAML, Ensemble, Learner, Prototypes
from manyshot.meta_augment.augmented_learner import AugmentedLearner
from manyshot.meta_augment.feature_shift import Shift
from manyshot.nets import Conv4
from manyshot.tasks import Episode, EpisodeSampler, Examples, Source
from manyshot.training import evaluate
from manyshot.training.evaluate import evaluate_tasks
from manyshot.training.memorization_probe import probe
from manyshot.training.seed_intervals import mean_interval


class Says(Learner):
    """A learner that reads its logits off the query items."""

    def adapt(self, support):
        def classify(queries, weight=None):
            return queries.flatten(2).masked_fill(~support.class_mask[:, None], -torch.inf)

        return classify


def episode_of(logits, answers, weight, classes) -> Episode:
    logits = torch.tensor(logits)
    tasks, _, ways = logits.shape
    present = torch.tensor(classes) >= 0
    query = Examples(logits, torch.eye(ways)[torch.tensor(answers)], torch.tensor(weight), present)
    support = Examples(
        torch.zeros(tasks, ways, ways), torch.eye(ways).expand(tasks, -1, -1), torch.ones(tasks, ways), present
    )
    return Episode(support, query, torch.tensor(classes))


# Two tasks of three queries; the second has two classes only, and its last query is padding.
BY_HAND = episode_of(
    logits=[[[3.0, 0.0, 0.0], [0.0, 1.0, 0.0], [2.0, 0.0, 0.0]], [[0.0, 4.0, 9.0], [0.0, 1.0, 9.0], [5.0, 0.0, 9.0]]],
    answers=[[0, 1, 2], [1, 0, 2]],
    weight=[[1.0, 1.0, 1.0], [1.0, 1.0, 0.0]],
    classes=[[7, 3, 5], [3, 7, -1]],
)


def test_accuracy_is_that_counted_by_hand():
    result = evaluate(Says(), [BY_HAND])
    assert result.accuracy.tolist() == pytest.approx([2 / 3, 1 / 2])
    assert result.mean == pytest.approx(7 / 12)
    assert result.interval == mean_interval(result.accuracy, least=0, most=1) == (0, 1)


def test_accuracy_per_class_leaves_padding_out():
    result = evaluate(Says(), [BY_HAND])
    # Class 7: right, then (as the second task's way 1) right; class 3: right, then wrong; class 5: wrong.
    assert result.per_class == {3: 0.5, 5: 0.0, 7: 1.0}
    names = tuple(f"letter {i}" for i in range(8))
    assert result.as_dict(names)["per_class"] == {"letter 3": 0.5, "letter 5": 0.0, "letter 7": 1.0}
    assert result.as_dict()["tasks"] == 2
    assert result.as_dict()["error"] == pytest.approx(5 / 12)


def test_the_calibration_error_is_that_of_a_loop_over_queries():
    result = evaluate(Says(), [BY_HAND])
    queries = []
    for task in range(2):
        for i in range(3):
            if BY_HAND.query.weight[task, i] > 0:
                row = BY_HAND.query.items[task, i][BY_HAND.query.class_mask[task]].softmax(-1)
                queries.append((float(row.max()), int(row.argmax()) == int(BY_HAND.query.class_ids[task, i])))
    gap = 0.0
    for b in range(15):
        inside = [q for q in queries if b / 15 <= q[0] < (b + 1) / 15]
        if inside:
            sure, right = np.mean([q[0] for q in inside]), np.mean([q[1] for q in inside])
            gap += len(inside) / len(queries) * abs(sure - right)
    assert result.calibration_error == pytest.approx(gap, abs=1e-6)
    assert result.reliability[:, 0].sum() == pytest.approx(1)


def test_a_sure_and_right_learner_is_calibrated_and_a_sure_and_wrong_one_is_not():
    logits = [[[200.0, 0.0], [0.0, 200.0]]]
    right, wrong = (
        evaluate(Says(), [episode_of(logits, answers, [[1.0, 1.0]], [[0, 1]])]) for answers in ([[0, 1]], [[1, 0]])
    )
    assert right.calibration_error == pytest.approx(0)
    assert wrong.calibration_error == pytest.approx(1)
    assert right.reliability[-1].tolist() == [1, 1, 1]


def test_batches_of_any_size_give_the_same():
    source = Source.of(
        torch.rand(40, 1, 8, 8, generator=torch.Generator().manual_seed(0)), [f"c{i % 5}" for i in range(40)]
    )
    sampler = EpisodeSampler(source, (2, 4), (1, 2), 3)
    learner = Prototypes(Conv4(1, 8, (4, 4)))
    one, several = (evaluate(learner, sampler.batches(11, size)) for size in (11, 4))
    assert np.allclose(one.accuracy, several.accuracy)
    assert one.per_class == pytest.approx(several.per_class)
    assert one.calibration_error == pytest.approx(several.calibration_error)
    assert np.allclose(evaluate_tasks(learner, sampler, 11).accuracy, one.accuracy)


@pytest.mark.parametrize("tasks", [3, 200])
def test_encoding_each_item_once_gives_what_encoding_each_task_gives(tasks):
    images = torch.randint(256, (40, 1, 8, 8), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    sampler = EpisodeSampler(Source.of(images, [f"c{i % 5}" for i in range(40)]), 3, 1, 3)
    learner = Prototypes(Conv4(1, 8, (4, 4)))
    at_once, by_task = evaluate_tasks(learner, sampler, tasks), evaluate(learner, sampler.batches(tasks))
    assert np.allclose(at_once.accuracy, by_task.accuracy)
    assert at_once.calibration_error == pytest.approx(by_task.calibration_error, abs=1e-5)


class Counts(nn.Module):
    """The mean of an image; keeps what it was shown."""

    def __init__(self):
        super().__init__()
        self.seen = []

    def forward(self, images):
        self.seen.append(images.clone())
        return images.flatten(1)


def test_variants_of_a_query_are_averaged():
    episode = EpisodeSampler(
        Source.of(torch.rand(12, 1, 4, 4, generator=torch.Generator().manual_seed(0)), ["a", "b"] * 6), 2, 1, 2
    ).batch(0, 5)
    plan = Plan("query: 8 x noise(0.3)")
    encoder = Counts()
    result = evaluate(Prototypes(encoder), [episode], plan)
    support, queries = torch.cat(encoder.seen).split([10, 160])
    assert len(result.accuracy) == 5
    by_hand = []
    for t in range(5):
        shown, asked = support.flatten(1)[2 * t : 2 * t + 2], queries.flatten(1).view(5, 4, 8, 16)[t]
        chances = (-(asked[:, :, None] - shown).square().sum(-1)).log_softmax(-1).mean(1)
        by_hand.append((chances.argmax(-1) == episode.query.class_ids[t]).double().mean())
    assert result.accuracy.tolist() == pytest.approx(torch.stack(by_hand).tolist())


def test_a_plans_draws_follow_the_seed():
    source = Source.of(torch.rand(60, 1, 4, 4, generator=torch.Generator().manual_seed(0)), ["a", "b", "c"] * 20)
    sampler, plan = EpisodeSampler(source, 3, 1, 5), Plan("support: noise(0.5)")
    first, again, other = (
        evaluate(Prototypes(nn.Flatten()), sampler.batches(20), plan, seed).accuracy for seed in (0, 0, 1)
    )
    assert (first == again).all()
    assert (first != other).any()


def test_evaluation_neither_trains_nor_moves_running_averages_and_leaves_the_mode_as_it_was():
    learner = Prototypes(Conv4(1, 8, (4, 4))).train()
    before = {name: tensor.clone() for name, tensor in learner.state_dict().items()}
    source = Source.of(torch.rand(20, 1, 8, 8), ["a", "b"] * 10)
    evaluate(learner, EpisodeSampler(source, 2, 1, 2).batches(4))
    assert learner.training
    assert all(tensor.equal(before[name]) for name, tensor in learner.state_dict().items())


def test_answers_that_are_no_numbers_are_wrong():
    items = BY_HAND.query.items.clone()
    items[0, 0] = torch.nan
    result = evaluate(Says(), [replace(BY_HAND, query=replace(BY_HAND.query, items=items))])
    assert result.accuracy.tolist() == pytest.approx([1 / 3, 1 / 2])
    assert np.isfinite(result.calibration_error)


def test_padding_does_not_change_what_is_said_of_the_queries():
    images = torch.rand(40, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    batch = EpisodeSampler(Source.of(images, [f"c{i % 5}" for i in range(40)]), (2, 5), 1, 3).batch(0, 8)
    padding = batch.query.weight == 0
    assert padding.any()
    items = batch.query.items.clone()
    items[padding] = 100.0
    other = replace(batch, query=replace(batch.query, items=items))
    torch.manual_seed(0)
    learner = MAML(nn.Sequential(Conv4(1, 8, (4, 4), norm="query"), nn.Linear(16, 5)), 5)
    result, padded = evaluate(learner, [batch]), evaluate(learner, [other])
    assert (result.accuracy == padded.accuracy).all()
    assert np.allclose(result.reliability, padded.reliability)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("query: mixup", "mixes queries"),
        ("query: 4 x noise cutmix(p=0.5)", "mixes queries"),
        ("support+query: mixup", "mixes queries"),
        ("query-cutmix", "mixes queries"),
        ("task: composites", "makes other tasks"),
        ("task: invert(0.5)", "by a draw of its class"),
        ("task+support: noise", "by a draw of its class"),
    ],
)
def test_a_plan_whose_answers_would_need_other_queries_or_the_label_is_refused(text, message):
    source = Source.of(torch.rand(20, 3, 8, 8), ["a", "b"] * 10)
    learner, sampler = Prototypes(nn.Flatten()), EpisodeSampler(source, 2, 1, 2)
    plan = Plan(text)
    with pytest.raises(InputError, match=message):
        evaluate(learner, sampler.batches(2), plan)
    with pytest.raises(InputError, match=message):
        evaluate_tasks(learner, sampler, 2, plan)


@pytest.mark.parametrize(
    "text", ["support: mixup", "shots: 2 x flip mixup", "query: 3 x noise", "task: noise(per=task)"]
)
def test_under_other_plans_no_answer_changes_with_another_query(text):
    """An item of its own in the place of the last query leaves the answers to the others alone."""
    source = Source.of(torch.rand(60, 3, 8, 8, generator=torch.Generator().manual_seed(0)), ["a", "b", "c"] * 20)
    batch = EpisodeSampler(source, 3, 2, 3).batch(0, 20)
    items = batch.query.items.clone()
    items[:, -1] = 0.3
    weight = batch.query.weight.clone()
    weight[:, -1] = 0
    others = [replace(batch, query=replace(batch.query, items=i, weight=weight)) for i in (batch.query.items, items)]
    one, other = (evaluate(Prototypes(nn.Flatten()), [each], Plan(text)) for each in others)
    assert (one.accuracy == other.accuracy).all()
    assert one.calibration_error == other.calibration_error


@pytest.mark.parametrize(
    ("make", "leaks"),
    [
        (lambda: Prototypes(Conv4(1, 8, (4, 4), norm="support")), True),
        (lambda: Prototypes(nn.Sequential(nn.BatchNorm2d(1, track_running_stats=False), nn.Flatten())), True),
        (lambda: Prototypes(Conv4(1, 8, (4, 4))), False),
        (lambda: MAML(nn.Sequential(Conv4(1, 8, (4, 4), norm="support"), nn.Linear(16, 2)), 2), False),
        (lambda: MAML(nn.Sequential(Conv4(1, 8, (4, 4), norm="query"), nn.Linear(16, 2)), 2), True),
        (lambda: AugmentedLearner(Prototypes(Conv4(1, 8, (4, 4), norm="support")), Shift(16), 1), True),
        (lambda: Ensemble([Prototypes(nn.Flatten()), Prototypes(Conv4(1, 8, (4, 4), norm="support"))]), True),
    ],
)
def test_what_lets_queries_see_each_other_is_called_transductive(make, leaks):
    torch.manual_seed(0)
    learner = make().eval()
    batch = EpisodeSampler(Source.of(torch.rand(20, 1, 8, 8), ["a", "b"] * 10), 2, 1, 3).batch(0, 4)
    assert evaluate(learner, [batch]).transductive == leaks
    items = batch.query.items.clone()
    items[:, -1] *= 3
    with torch.no_grad():
        logits, other = (learner.adapt(batch.support)(each)[:, :-1] for each in (batch.query.items, items))
    assert (not torch.allclose(logits, other, atol=1e-5)) == leaks


class Frozen(Learner):
    """Fails when it is used, or not; holds a part that stays in evaluation mode."""

    def __init__(self, fails):
        super().__init__()
        self.fails, self.encoder, self.frozen = fails, nn.Sequential(nn.Flatten(), nn.Dropout()), nn.Dropout().eval()

    def adapt(self, support):
        assert not any(part.training for part in self.modules())
        if self.fails:
            raise InputError("this support cannot be adapted to")
        return lambda queries, weight=None: queries.flatten(2)[..., : support.labels.shape[-1]]


@pytest.mark.parametrize("fails", [False, True])
@pytest.mark.parametrize("judge", [evaluate, probe])
def test_each_part_keeps_its_mode_even_where_something_fails(judge, fails):
    learner = Frozen(fails).train()
    learner.frozen.eval()
    batch = EpisodeSampler(Source.of(torch.rand(20, 1, 8, 8), ["a", "b"] * 10), 2, 1, 3).batch(0, 4)
    with pytest.raises(InputError) if fails else nullcontext():
        judge(learner, [batch])
    assert (learner.training, learner.encoder.training, learner.encoder[1].training) == (True, True, True)
    assert not learner.frozen.training


def test_no_tasks_are_too_few():
    with pytest.raises(InputError, match="no tasks to evaluate"):
        evaluate(Says(), [])


def test_a_device_that_is_not_there_is_named():
    source = Source.of(torch.zeros(12, 1, 4, 4, dtype=torch.uint8), ["a", "b", "c"] * 4)
    learner, sampler = Prototypes(nn.Flatten()), EpisodeSampler(source, 2, 1, 2)
    with pytest.raises(InputError, match="device='foo'"):
        evaluate(learner, [sampler.batch(0, 1)], device="foo")
    with pytest.raises(InputError, match="device='meta'"):
        evaluate_tasks(learner, sampler, 1, device="meta")
