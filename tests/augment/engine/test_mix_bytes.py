"""Mixup and CutMix on bytes beside the mixes themselves."""

import pytest
import torch

from manyshot.augment.engine import mix_bytes
from manyshot.augment.mix import CutMix, Mixup, Mosaic, partners_of
from manyshot.base import InputError


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("shape", [(3, 20, 13), (1, 28, 28), (3, 1, 1), (2, 5, 1)], ids=str)
@pytest.mark.parametrize("mix", [Mixup(1.0), CutMix(), Mosaic()], ids=repr)
def test_mixes_what_the_mix_mixes(mix, shape):
    images = torch.randint(256, (40, *shape), generator=generator(), dtype=torch.uint8)
    labels = torch.eye(5)[torch.arange(40) % 5]
    params = mix.sample(40, generator())
    partners = partners_of(params["partner"], torch.zeros(40, dtype=torch.long))
    wanted, shares = mix.apply(images.double() / 255, labels, params, partners)
    mixed, soft = mix_bytes(mix, images, labels, params, partners)
    assert (mixed.double() - wanted * 255).abs().max() <= 0.51
    assert torch.allclose(soft, shares, atol=1e-6)
    assert not mixed.equal(images)
    interleaved, same = mix_bytes(mix, images.permute(0, 2, 3, 1), labels, params, partners, layout="nhwc")
    assert interleaved.permute(0, 3, 1, 2).equal(mixed)
    assert same.equal(soft)


def test_an_empty_batch_stays_empty():
    images, labels = torch.zeros(0, 3, 4, 4, dtype=torch.uint8), torch.zeros(0, 2)
    params = Mixup().sample(0, generator())
    assert mix_bytes(Mixup(), images, labels, params, torch.zeros(0, 1, dtype=torch.long))[0].shape == (0, 3, 4, 4)


def test_refuses_another_layout():
    images = torch.zeros(1, 3, 4, 4, dtype=torch.uint8)
    with pytest.raises(InputError, match="did you mean 'nchw'"):
        mix_bytes(Mixup(), images, torch.eye(1), Mixup().sample(1, generator()), torch.zeros(1, 1).long(), "ncwh")
