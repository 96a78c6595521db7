import pytest
import torch

from manyshot.base import InputError
from manyshot.tasks import Sinusoids


def test_each_wave_has_an_interval_of_x_to_itself():
    episode = Sinusoids(tasks=10, disjoint=True).batch(0, 40)
    for side in (episode.support, episode.query):
        for t, x in enumerate(side.items[..., 0]):
            first = -5 + (t % 10)
            assert (x >= first).all()
            assert (x < first + 0.5).all()
    assert not torch.equal(episode.support.items[0], episode.support.items[10])


def test_targets_are_those_of_the_wave():
    tasks = Sinusoids(tasks=4, disjoint=True, seed=3)
    episode = tasks.batch(0, 4)
    amplitude, phase = (torch.from_numpy(numbers)[:, None] for numbers in tasks.waves(episode.classes[:, 0].numpy()))
    expected = amplitude * torch.sin(episode.query.items[..., 0].double() - phase)
    assert torch.allclose(episode.query.labels[..., 0].double(), expected, atol=1e-5)


def test_without_a_number_of_waves_there_are_no_intervals():
    with pytest.raises(InputError, match="give tasks"):
        Sinusoids(disjoint=True)
