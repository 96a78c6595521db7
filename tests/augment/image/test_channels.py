"""Ops that swap, drop and weigh channels, and stains."""

import numpy as np
import pytest
import torch

from manyshot.augment.image import ChannelDrop, Grayscale, Invert, ShuffleChannels, StainJitter, Temperature
from manyshot.augment.image.intensity.color import LUMA
from manyshot.augment.image.stain.stain_jitter import STAINS
from manyshot.base import InputError


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def pictures(n: int = 6, c: int = 3, size: int = 8) -> torch.Tensor:
    return torch.rand(n, c, size, size, generator=generator(1))


def on(n: int = 6) -> torch.Tensor:
    return torch.ones(n, dtype=torch.bool)


@pytest.mark.parametrize("kind", [Grayscale, Invert, ShuffleChannels, ChannelDrop])
def test_the_fraction_p_of_images_is_changed_and_no_other(kind):
    images = pictures(1).expand(600, 3, 8, 8)
    op = kind(p=0.25)
    params = op.sample(600, generator())
    changed = (op.apply(images, params) - images).abs().amax((1, 2, 3)) > 1e-3
    assert not changed[~params["on"]].any()
    # One order in six is the one that was there.
    assert changed.float().mean() == pytest.approx(0.25 * (5 / 6 if kind is ShuffleChannels else 1), abs=0.05)


def test_grayscale_shows_luma_in_every_channel():
    images = pictures()
    luma = torch.einsum("c,nchw->nhw", torch.tensor(LUMA), images)
    assert torch.allclose(Grayscale().apply(images, {"on": on()}), luma[:, None].expand_as(images), atol=1e-6)


def test_invert_is_one_minus_and_twice_is_nothing():
    images = pictures(c=5)
    negative = Invert().apply(images, {"on": on()})
    assert torch.allclose(negative, 1 - images)
    assert torch.allclose(Invert().apply(negative, {"on": on()}), images)


def test_warmth_moves_red_up_and_blue_down():
    images = pictures() / 2
    warm = Temperature().apply(images, {"warmth": torch.full((6,), 0.3)})
    assert torch.allclose(warm[:, 0], images[:, 0] * np.exp(0.3), atol=1e-6)
    assert torch.allclose(warm[:, 1], images[:, 1])
    assert torch.allclose(warm[:, 2], images[:, 2] * np.exp(-0.3), atol=1e-6)


@pytest.mark.parametrize("channels", [2, 3, 7])
def test_shuffling_keeps_every_channel_and_reaches_every_order(channels):
    images = torch.arange(channels).float().div(channels).view(1, channels, 1, 1).expand(500, -1, 1, 1)
    result = ShuffleChannels(p=1).apply(images, ShuffleChannels(p=1).sample(500, generator())).flatten(1)
    assert torch.allclose(result.sort(1).values, images.flatten(1))
    if channels == 3:
        assert len(result.unique(dim=0)) == 6


@pytest.mark.parametrize("channels", [2, 3, 4])
def test_dropping_blackens_exactly_one_channel_each_as_often(channels):
    op = ChannelDrop(p=1)
    black = op.apply(torch.ones(900, channels, 2, 2), op.sample(900, generator())).amax((2, 3)) == 0
    assert (black.sum(1) == 1).all()
    assert torch.allclose(black.float().mean(0), torch.full((channels,), 1 / channels), atol=0.06)


def test_a_channel_that_stands_alone_is_not_dropped():
    images = pictures(c=1)
    assert ChannelDrop(p=1).apply(images, ChannelDrop(p=1).sample(6, generator())).equal(images)


def test_stain_jitter_is_what_numpy_makes_of_optical_densities():
    images = pictures(4).double()
    params = {name: value.double() for name, value in StainJitter(strength=0.2).sample(4, generator()).items()}
    mixing = np.array(STAINS)
    for image, gain, offset, result in zip(
        images.numpy(),
        params["gain"].numpy(),
        params["offset"].numpy(),
        StainJitter().apply(images, params),
        strict=True,
    ):
        density = -np.log10((image.reshape(3, -1).T * 255 + 1) / 256)
        near = np.clip((density.mean(1, keepdims=True) - 0.05) / 0.1, 0, 1)
        stains = density @ np.linalg.inv(mixing) * gain + near**2 * (3 - 2 * near) * offset
        expected = np.clip((256 * 10 ** -(stains @ mixing) - 1) / 255, 0, 1).T.reshape(image.shape)
        assert np.allclose(result.numpy(), expected, atol=1e-9)


def test_white_glass_stays_white_however_much_the_stains_change():
    glass = torch.cat((torch.ones(200, 3, 1, 1), torch.full((200, 3, 1, 1), 0.94)), -1)
    tissue = torch.tensor([0.75, 0.5, 0.7]).view(1, 3, 1, 1).expand(200, 3, 1, 1)
    op = StainJitter(0.5)
    result = op.apply(torch.cat((glass, tissue), -1), op.sample(200, generator()))
    assert torch.allclose(result[..., 0], torch.ones(()), atol=1e-6)
    assert (result[..., 1] - 0.94).abs().max() < 0.06
    assert (result[..., 2] - tissue[..., 0]).abs().mean() > 0.1


def test_the_change_of_a_stain_grows_smoothly_from_glass_to_tissue():
    image = torch.linspace(0.5, 1, 200).expand(1, 3, 1, 200)
    params = {"gain": torch.ones(1, 3), "offset": torch.full((1, 3), 0.2)}
    change = StainJitter().apply(image, params) - image
    assert change.diff(dim=-1).abs().max() < 0.02
    assert change[..., -1].abs().max() < 1e-6


def test_more_haematoxylin_makes_a_purple_picture_darker_in_red():
    image = torch.tensor([0.6, 0.4, 0.7]).view(1, 3, 1, 1)
    more = {"gain": torch.tensor([[1.4, 1.0, 1.0]]), "offset": torch.zeros(1, 3)}
    change = StainJitter().apply(image, more) - image
    assert (change < 0).all()


@pytest.mark.parametrize("op", [Grayscale(p=1), Temperature(), StainJitter()])
def test_color_ops_leave_gray_images_and_refuse_two_channels(op):
    gray, params = pictures(c=1), op.sample(6, generator())
    assert op.apply(gray, params).equal(gray)
    with pytest.raises(InputError, match="2 channels"):
        op.apply(pictures(c=2), params)
