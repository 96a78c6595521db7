"""Mixing of sentences' vectors and of sequences of words' vectors."""

import pytest
import torch

from manyshot.augment import Plan
from manyshot.augment.mix import CutMix, Mixup, SometimesMix, mix_examples
from manyshot.base import InputError
from manyshot.tasks import Episode, Examples


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def examples(*shape, missing=False):
    weight = torch.ones(2, 4)
    weight[:, -1] = 0.0 if missing else 1.0
    return Examples(torch.rand(2, 4, *shape), torch.eye(4).expand(2, 4, 4), weight, torch.ones(2, 4) > 0)


@pytest.mark.parametrize("shape", [(6,), (5, 6)])
@pytest.mark.parametrize("mix", [Mixup(1.0), SometimesMix(Mixup(1.0), 0.5)])
def test_vectors_are_blended_with_their_labels_and_with_none_that_is_missing(shape, mix):
    plain = examples(*shape, missing=True)
    mixed = mix_examples(mix, plain, generator())
    rebuilt = torch.einsum("tnk,tk...->tn...", mixed.labels, plain.items)
    assert torch.allclose(mixed.items[:, :3], rebuilt[:, :3], atol=1e-6)
    assert mixed.items[:, 3].equal(plain.items[:, 3])
    assert (mixed.labels[:, :3, 3] == 0).all()
    assert (mixed.labels[:, :3].amax(-1) < 1).any()


def test_plain_batches_of_vectors_are_blended_too():
    items, labels = Mixup(1.0)(torch.eye(8), torch.eye(8), generator())
    assert torch.allclose(items, labels)


def test_a_plan_mixes_vectors():
    side = examples(6)
    changed = Plan("support: mixup(1)").apply(Episode(side, side, torch.zeros(2, 4, dtype=torch.long)), generator())
    assert (changed.support.labels.amax(-1) < 1).any()
    assert changed.query.items.equal(side.items)


def test_vectors_have_nothing_to_cut():
    with pytest.raises(InputError, match="CutMix: only images can be mixed"):
        mix_examples(CutMix(), examples(6), generator())
