"""What a look says of few held-out items."""

import numpy as np
import pytest
import torch

from manyshot.base import InputError
from manyshot.generate import MODELS, AdversarialObjective, DataSpec
from manyshot.generate.generator_config import GeneratorSettings
from manyshot.generate.generator_training_loop import fit_generator
from manyshot.generate.monitor import evaluate_snapshot
from manyshot.sample_metrics import kernel_distance
from manyshot.tasks import Source


def two_modes(n: int, seed: int = 0) -> Source:
    """Points about (-2, 0) and (2, 0)."""
    label = torch.arange(n) % 2
    noise = torch.randn(n, 2, generator=torch.Generator().manual_seed(seed))
    return Source.of(
        torch.stack([4.0 * label - 2, torch.zeros(n)], 1) + 0.3 * noise, [f"mode {k}" for k in label.tolist()]
    )


def gan_for(source: Source) -> AdversarialObjective:
    return MODELS.parse("gan(16, noise=4)").build(spec=DataSpec((2,)))


@pytest.mark.parametrize("held_out", [20, 50, 400])
def test_a_perfect_generator_is_precise_and_covers_however_few_the_held_out_items(held_out):
    source, fresh = two_modes(held_out), two_modes(512, seed=1)
    order = np.random.default_rng(0).permutation(512)
    model = gan_for(source).averaged
    model.sample = lambda count, **_: fresh.gather(order[:count])
    result = evaluate_snapshot(model, source, 512, seed=0)
    assert result.precision > 0.6
    assert result.recall > 0.6
    every, generated = source.gather(np.arange(held_out)), fresh.gather(order[:held_out])
    assert result.kernel_distance == pytest.approx(kernel_distance(every, generated))


@pytest.mark.parametrize("held_out", [2, 3])
def test_a_handful_of_held_out_items_can_be_compared_with(held_out):
    source = two_modes(held_out)
    result = evaluate_snapshot(gan_for(source).averaged, source, 512, seed=0)
    assert np.isfinite([result.precision, result.recall, result.kernel_distance]).all()


def test_one_held_out_item_is_refused():
    source = two_modes(64)
    with pytest.raises(InputError, match="1 example to compare generated ones with"):
        fit_generator(gan_for(source), source, GeneratorSettings(steps=1), held_out=two_modes(1))
