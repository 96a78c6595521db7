"""LeMDA: its objectives beside plain loops and differences, its parts, and noise of the same size."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from manyshot.augment import Plan
from manyshot.base import InputError
from manyshot.learners import Ridge
from manyshot.meta_augment.augmented_learner import AugmentedLearner, AugmenterObjective
from manyshot.meta_augment.equal_noise import EqualNoise
from manyshot.meta_augment.lemda import LeMDA, change_sizes
from manyshot.meta_augment.part_layout import part_sizes
from manyshot.objectives import StepTasks
from manyshot.tasks import Episode, EpisodeSampler, Examples, Source

WAYS, TASKS, SIZE = 3, 2, 6


def episode() -> Episode:
    torch.manual_seed(1)

    def side(each: int) -> Examples:
        labels = torch.eye(WAYS).double().repeat_interleave(each, 0).expand(TASKS, -1, -1)
        items = labels @ torch.eye(WAYS, SIZE).double() + 0.5 * torch.randn(TASKS, WAYS * each, SIZE).double()
        return Examples(items, labels, torch.ones_like(items[..., 0]), torch.ones(TASKS, WAYS, dtype=torch.bool))

    return Episode(side(2), side(4), torch.arange(WAYS).expand(TASKS, -1))


def lemda(**options) -> LeMDA:
    torch.manual_seed(0)
    return LeMDA(SIZE, **{"parts": "4+2", "latent": 3, "hidden": 8} | options).double()


def head(scale: float = 5.0) -> Ridge:
    learner = Ridge(nn.Identity(), scale=scale).double()
    learner.given_features = True
    return learner


def stream(seed: int = 5) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def loss_of(augmenter: LeMDA, learner: Ridge, tasks: Episode) -> torch.Tensor:
    draws = augmenter.draw(tasks.support, 2, stream(3))
    return augmenter.learner_loss(learner, tasks, draws, stream())


def test_the_published_objective_is_that_of_a_plain_loop():
    augmenter, learner, tasks = lemda(adversarial=True, consistency=2.0, confidence=0.4, kl=0.0), head(), episode()
    noise = augmenter.draw(tasks.query, 1, stream())
    changed = augmenter.replay(tasks.query, 1, noise, tasks.support).items
    classify, values = learner.adapt(tasks.support), []
    clean, fooled = classify(tasks.query.items).softmax(-1), classify(changed).softmax(-1)
    for t in range(TASKS):
        for i in range(tasks.query.labels.shape[1]):
            p, q = clean[t, i], fooled[t, i]
            value = (tasks.query.labels[t, i] * q.log()).sum()
            if p.max() > 0.4:
                value = value + 2.0 * (p * (p / q).log()).sum()
            values.append(value)
    torch.testing.assert_close(loss_of(augmenter, learner, tasks), torch.stack(values).mean())


@pytest.mark.parametrize("options", [{"adversarial": True}, {"kl": 0.3, "pull": 0.2}], ids=["published", "beside"])
def test_gradients_agree_with_differences_and_leave_the_learner_alone(options):
    augmenter, learner, tasks = lemda(**options), head(), episode()
    parameters = list(augmenter.parameters())
    loss = loss_of(augmenter, learner, tasks)
    assert all(
        g is None for g in torch.autograd.grad(loss, list(learner.parameters()), retain_graph=True, allow_unused=True)
    )
    grads = torch.autograd.grad(loss, parameters, allow_unused=True, materialize_grads=True)
    torch.manual_seed(2)
    directions = [torch.randn_like(parameter) for parameter in parameters]
    expected = sum((g * d).sum() for g, d in zip(grads, directions, strict=True))

    def moved(by: float) -> torch.Tensor:
        with torch.no_grad():
            for parameter, direction in zip(parameters, directions, strict=True):
                parameter += by * direction
            value = loss_of(augmenter, learner, tasks)
            for parameter, direction in zip(parameters, directions, strict=True):
                parameter -= by * direction
        return value

    assert expected.abs() > 1e-3
    torch.testing.assert_close((moved(1e-5) - moved(-1e-5)) / 2e-5, expected, rtol=1e-4, atol=1e-7)


def test_only_confident_predictions_must_be_kept():
    tasks, learner = episode(), head()
    plain = loss_of(lemda(adversarial=True, consistency=0.0), learner, tasks)
    never = loss_of(lemda(adversarial=True, consistency=9.0, confidence=1.0), learner, tasks)
    always = loss_of(lemda(adversarial=True, consistency=9.0, confidence=0.0), learner, tasks)
    torch.testing.assert_close(never, plain)
    assert always > plain


def test_labels_may_be_soft():
    tasks = episode()
    tasks = replace(tasks, query=replace(tasks.query, labels=0.8 * tasks.query.labels + 0.2 / WAYS))
    assert loss_of(lemda(adversarial=True), head(), tasks).isfinite()


def test_the_adversary_learns_to_fool_a_classifier():
    source = Source.of(episode().query.items.flatten(0, 1).float(), [f"{i // 4}" for i in range(24)])
    augmenter = lemda(adversarial=True, consistency=0.0, kl=0.0).float()
    learner = AugmentedLearner(head().float(), augmenter, copies=2)
    tasks = EpisodeSampler(source, 3, 1, 3, seed=0)
    optimizer = torch.optim.Adam(augmenter.parameters(), 0.02)
    losses = []
    for step in range(40):
        drawn = StepTasks(tasks.batch(step, 8), Plan(), (0, "plan", step))
        loss = AugmenterObjective().loss(learner, drawn, stream(step))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert sum(losses[-5:]) < sum(losses[:5]) - 1


def test_parts_change_together_or_apart():
    tasks = episode().support
    other = tasks.items.clone()
    other[..., 4:] = other[..., 4:].flip(1)  # another second part, of the same mean and spread
    for joint in (True, False):
        augmenter = lemda(joint=joint)
        draws = augmenter.draw(tasks, 2, stream())
        changes = []
        for items in (tasks.items, other):
            side = Examples(items, tasks.labels, tasks.weight, tasks.class_mask)
            changed = augmenter.replay(side, 2, draws).items - items.repeat_interleave(2, 1)
            changes.append(changed[..., :4])
        assert torch.allclose(*changes, atol=1e-4) != joint


def test_equal_noise_is_as_large_and_weighs_as_much_but_points_elsewhere():
    augmenter, side = lemda(), episode().support
    control = EqualNoise(augmenter)
    draws = control.draw(side, 4, stream())
    learned, noise = augmenter.replay(side, 4, draws), control.replay(side, 4, draws)
    base = side.items.repeat_interleave(4, 1)
    changes = learned.items - base, noise.items - base
    torch.testing.assert_close(*(change_sizes(change, [4, 2]) for change in changes))
    assert learned.weight.equal(noise.weight)
    cosines = torch.cosine_similarity(*changes, dim=-1)
    assert abs(cosines.mean()) < 0.35
    assert cosines.abs().max() < 0.999


def test_wrong_lengths_of_parts_are_refused():
    assert part_sizes(6, "4+2") == [4, 2]
    for text, message in (("4+3", "add up to 7"), ("4+x", "lengths joined"), ("4+", "lengths joined")):
        with pytest.raises(InputError, match=message):
            LeMDA(SIZE, parts=text)
