import math

import numpy as np
import pytest
import torch

from manyshot.base import InputError
from manyshot.tasks import Sinusoids


def test_a_task_is_the_same_in_any_batch():
    one, many = Sinusoids(seed=3).batch(5, 1), Sinusoids(seed=3).batch(0, 9)
    assert one.support.items.equal(many.support.items[5:6])
    assert one.query.labels.equal(many.query.labels[5:6])


def test_support_and_query_lie_on_the_wave_of_their_task():
    waves = Sinusoids(shots=50, queries=50, seed=1)
    episode = waves.batch(0, 20)
    amplitude, phase = (torch.from_numpy(numbers)[:, None, None] for numbers in waves.waves(np.arange(20)))
    for side in (episode.support, episode.query):
        assert torch.allclose(side.labels.double(), amplitude * torch.sin(side.items.double() - phase), atol=1e-5)
        assert side.items.min() < -4
        assert side.items.max() > 4
    assert not episode.support.items.equal(episode.query.items)


def test_amplitudes_and_phases_fill_the_ranges_of_the_paper():
    amplitude, phase = Sinusoids().waves(np.arange(2000))
    assert 0.1 <= amplitude.min() < 0.15
    assert 4.95 < amplitude.max() <= 5
    assert 0 <= phase.min() < 0.02
    assert math.pi - 0.02 < phase.max() <= math.pi


def test_few_waves_come_back_at_other_points():
    episode = Sinusoids(tasks=3).batch(0, 6)
    assert episode.classes[:, 0].tolist() == [0, 1, 2, 0, 1, 2]
    assert not episode.support.items[0].equal(episode.support.items[3])


@pytest.mark.parametrize("values", [{"shots": 0}, {"queries": -2}, {"tasks": 0}, {"seed": -1}])
def test_what_cannot_be_drawn_is_said_in_one_line(values):
    with pytest.raises(InputError, match=next(iter(values))) as caught:
        Sinusoids(**values)
    assert "\n" not in str(caught.value)
