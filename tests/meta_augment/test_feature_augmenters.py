"""What each augmenter of features is for, on toys whose answer is known."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from manyshot.base import InputError, quieten
from manyshot.learners import Prototypes, Ridge
from manyshot.meta_augment import AUGMENTERS
from manyshot.meta_augment.augmented_learner import AugmentedLearner, AugmenterObjective
from manyshot.meta_augment.distribution_calibration import Calibration
from manyshot.meta_augment.embedding_noise import EmbeddingNoise
from manyshot.meta_augment.feature_vae import FeatureVAE
from manyshot.meta_augment.hallucinator import Hallucinator
from manyshot.meta_augment.support_context import gaussian, task_context
from manyshot.meta_augment.weight_budget import WeightBudget
from manyshot.tasks import EpisodeSampler, Examples, Source
from manyshot.training import Settings, evaluate_tasks, fit

DIMENSIONS, NOISY = 8, 3
"""The last three dimensions of the toy say nothing of the class, and vary most."""


def toy(classes: int, seed: int) -> Source:
    """Classes around their means, blurred along the last dimensions: what they share is worth learning."""
    draw = torch.Generator().manual_seed(seed)
    means = torch.randn(classes, 1, DIMENSIONS, generator=draw)
    means[..., -NOISY:] = 0
    spread = torch.full((DIMENSIONS,), 0.3)
    spread[-NOISY:] = 3.0
    items = means + spread * torch.randn(classes, 20, DIMENSIONS, generator=draw)
    return Source.of(items.flatten(0, 1), [f"class {i // 20:03d}" for i in range(20 * classes)])


def head() -> Ridge:
    learner = Ridge(nn.Identity(), penalty=1.0)
    learner.given_features = True
    return learner.eval().requires_grad_(False)


def trained(text: str, source: Source, steps: int = 80) -> AugmentedLearner:
    quieten(True)
    torch.manual_seed(0)
    augmenter = AUGMENTERS.parse(text).build(shape=(DIMENSIONS,))
    augmenter.fit_statistics(source)
    learner = AugmentedLearner(head(), augmenter, copies=6)
    if any(parameter.requires_grad for parameter in augmenter.parameters()):
        settings = Settings(steps=steps, meta_batch_size=8, learning_rate=1e-2, save_every=1000)
        fit(learner, EpisodeSampler(source, 5, 1, 5), settings, objective=AugmenterObjective())
    quieten(False)
    return learner.eval()


def gain(learner: AugmentedLearner) -> float:
    """In accuracy on new classes, beside the head alone."""
    tasks = EpisodeSampler(toy(30, seed=1), 5, 1, 5, seed=3)
    return evaluate_tasks(learner, tasks, 150).mean - evaluate_tasks(head(), tasks, 150).mean


@pytest.mark.parametrize(
    "text",
    [
        "hallucinator(hidden=16)",
        "feature_vae(latent=4, hidden=32)",
        "calibration(power=1)",
        "lemda(hidden=16)",
        "modals",
    ],
)
def test_what_differs_within_known_classes_helps_with_new_ones(text):
    assert gain(trained(text, toy(60, seed=0))) > 0.05


def test_noise_that_is_the_same_everywhere_does_not():
    assert gain(trained("embedding_noise(learned=no)", toy(60, seed=0))) < 0.05


def test_with_prototypes_noise_of_pairs_changes_nothing():
    tasks = EpisodeSampler(toy(30, seed=1), 5, 2, 5).batch(0, 4)
    head = Prototypes(nn.Identity())
    noisy = AugmentedLearner(head, EmbeddingNoise(DIMENSIONS, strength=1.0), copies=4).eval()
    result, plain = (each.adapt(tasks.support)(tasks.query.items) for each in (noisy, head))
    torch.testing.assert_close(result, plain, rtol=1e-4, atol=1e-4)


def support(shots: int, dimensions: int = DIMENSIONS) -> Examples:
    torch.manual_seed(1)
    labels = torch.eye(3, dtype=torch.float64).repeat_interleave(shots, 0)[None]
    items = torch.randn(1, 3 * shots, dimensions, dtype=torch.float64)
    return Examples(items, labels, torch.ones(1, 3 * shots, dtype=torch.float64), torch.ones(1, 3) > 0)


def test_generated_items_of_a_class_count_less_the_more_real_ones_there_are():
    budget = WeightBudget(2.0).double()
    totals = [budget(support(shots), copies=4).sum().item() / 3 for shots in (1, 2, 4)]
    assert totals == pytest.approx([2.0, 2.0 / math.sqrt(2), 1.0], rel=1e-6)


def test_the_scale_of_the_features_plays_no_part():
    small = support(2)
    large = replace(small, items=10 * small.items)
    for text in ("hallucinator", "feature_vae", "embedding_noise", "shift", 'lemda(parts="5+3")'):
        torch.manual_seed(0)
        augmenter = AUGMENTERS.parse(text).build(shape=(DIMENSIONS,)).double()
        draws = augmenter.draw(small, 3, torch.Generator().manual_seed(0))
        ones, tens = (augmenter.replay(side, 3, draws).items for side in (small, large))
        torch.testing.assert_close(tens, 10 * ones)


def test_the_context_is_that_of_a_plain_loop():
    side = replace(support(2), weight=torch.tensor([[1.0, 2.0, 1.0, 1.0, 0.0, 1.0]], dtype=torch.float64))
    seen = task_context(side.items, side)
    z, w = side.items[0], side.weight[0]
    means = [(w[2 * k] * z[2 * k] + w[2 * k + 1] * z[2 * k + 1]) / (w[2 * k] + w[2 * k + 1]) for k in range(3)]
    middle = sum(means) / 3
    torch.testing.assert_close(seen.classes[0], torch.stack(means))
    torch.testing.assert_close(seen.task[0], middle)
    squares = sum(w[i] * ((z[i] - middle) ** 2).sum() for i in range(6)) / (w.sum() * DIMENSIONS)
    torch.testing.assert_close(seen.spread[0], squares.sqrt())
    assert seen.shots[0].tolist() == [3, 2, 1]


def test_noise_comes_in_pairs_and_each_is_standard_normal():
    noise = gaussian(50, 4, 5, 20, torch.Generator().manual_seed(0)).unflatten(1, (4, 5))
    assert noise[:, :, 3].equal(-noise[:, :, 0])
    assert noise[:, :, 4].equal(-noise[:, :, 1])
    assert abs(float(noise.mean())) < 0.03
    assert abs(float(noise.std()) - 1) < 0.03


def test_the_hallucinators_noise_begins_as_items_of_a_class_differ():
    augmenter = Hallucinator(DIMENSIONS, noise=DIMENSIONS)
    source = toy(60, seed=0)
    augmenter.fit_statistics(source)
    covariance = augmenter.linear.weight @ augmenter.linear.weight.mT
    items = source.store.unflatten(0, (60, 20))
    rest = (items - items.mean(1, keepdim=True)).flatten(0, 1)
    unit = (source.store - source.store.mean(0)).square().mean()
    torch.testing.assert_close(covariance, rest.mT @ rest / len(rest) / unit, rtol=1e-3, atol=1e-3)


def test_calibration_samples_the_distribution_that_it_says():
    source = toy(6, seed=0)
    augmenter = Calibration(DIMENSIONS, nearest=2, alpha=0.5, power=1.0).double()
    augmenter.fit_statistics(replace(source, store=source.store.double()))
    side = support(1)
    generated = augmenter.make(side, 40_000, torch.Generator().manual_seed(0)).items[0].unflatten(0, (3, -1))
    classes = source.store.double().unflatten(0, (6, 20))
    means = classes.mean(1)
    for index, item in enumerate(side.items[0]):
        nearest = (means - item).norm(dim=1).argsort()[:2]
        center = (means[nearest].sum(0) + item) / 3
        variance = np.mean([np.cov(classes[c].numpy().T) for c in nearest], axis=0)
        rest = classes - means[:, None]
        variance += 0.5 * float(rest.square().mean()) * np.eye(DIMENSIONS)
        torch.testing.assert_close(generated[index].mean(0), center, rtol=0.02, atol=1e-6)
        torch.testing.assert_close(generated[index].mT.cov(), torch.from_numpy(variance), rtol=0.05, atol=0.15)


def test_tukeys_ladder_is_climbed_down_again():
    augmenter = Calibration(4, power=0.3).double()
    items = torch.tensor([-2.0, 0.0, 1e-4, 3.0], dtype=torch.float64)
    torch.testing.assert_close(augmenter._inverse_transform(augmenter._transform(items)), items)


def test_calibration_names_what_it_lacks():
    with pytest.raises(InputError, match="lower nearest"):
        Calibration(DIMENSIONS, nearest=3).fit_statistics(toy(2, seed=0))
    with pytest.raises(InputError, match="train it first"):
        Calibration(DIMENSIONS).double().make(support(1), 2, torch.Generator())


def test_the_autoencoders_bound_is_that_of_its_networks():
    """The divergence and the likelihood, written out by torch's distributions; constants aside."""
    torch.manual_seed(0)
    augmenter = FeatureVAE(DIMENSIONS, latent=3, hidden=5).double()
    augmenter.log_scale.data += 0.3
    source = toy(4, seed=0)
    tasks = EpisodeSampler(replace(source, store=source.store.double()), 3, 1, 2).batch(0, 1)
    tasks = tasks.to("cpu", torch.float64)
    result = augmenter.standalone_loss(tasks, torch.Generator().manual_seed(7))
    seen = task_context(tasks.support.items, tasks.support)
    noise = torch.randn(1, 6, 3, generator=torch.Generator().manual_seed(7)).double()[0]
    unit, total = seen.spread[0], 0.0
    for index, (item, k) in enumerate(zip(tasks.query.items[0], tasks.query.class_ids[0].tolist(), strict=True)):
        z = tasks.support.items[0, k]
        known = torch.cat([z, seen.classes[0, k], seen.task[0]]) / unit
        differs = (item - z) / unit
        mean, log_variance = augmenter.encoder(torch.cat([differs, known])).chunk(2)
        posterior = torch.distributions.Normal(mean, (log_variance / 2).exp())
        prior = torch.distributions.Normal(torch.zeros(3).double(), torch.ones(3).double())
        latent = mean + posterior.scale * noise[index]
        likely = torch.distributions.Normal(augmenter.decoder(torch.cat([latent, known])), augmenter.log_scale.exp())
        bound = likely.log_prob(differs).sum() - torch.distributions.kl_divergence(posterior, prior).sum()
        total = total - bound / DIMENSIONS - math.log(2 * math.pi) / 2
    torch.testing.assert_close(result, total / 6)
