"""Families of worlds as sources."""

import numpy as np
import pytest
import torch

from manyshot.base import InputError
from manyshot.rl.contexts import contexts_of, episode_seeds, family, ids_of, split_worlds
from manyshot.rl.rl_config import RLConfig
from manyshot.rl.world_split import PARTS, WorldSplit
from manyshot.rl.worlds.leap import Leap
from manyshot.rl.worlds.point_world import Point
from one_line_error import one_line_error


def test_the_standard_family_of_leap_has_117_worlds_in_bands_of_floors():
    source = family(Leap())
    assert len(source.class_names) == 117
    assert contexts_of(source).equal(Leap().standard())
    assert dict.fromkeys(source.groups) == dict.fromkeys(
        ["floor 2 to 6", "floor 8 to 10", "floor 12 to 14", "floor 16 to 18"]
    )


def test_a_drawn_family_grows_without_changing():
    small, large = (contexts_of(family(Point(), count=count, seed=3)) for count in (5, 9))
    assert small.equal(large[:5])
    assert not small.equal(contexts_of(family(Point(), count=5, seed=4)))
    low, high = torch.tensor(Point().bounds).T
    assert bool(((large >= low) & (large <= high)).all())


@pytest.mark.parametrize("kind", ["random", "spread", "extrapolation"])
def test_the_parts_of_a_split_share_no_world_and_keep_their_numbers(kind):
    source = family(Leap())
    parts = split_worlds(source, training=12, validation=20, seed=1, kind=kind)
    ids = [ids_of(part) for part in parts]
    assert torch.cat(ids).unique().numel() == 117
    for part, rows in zip(parts, ids, strict=True):
        assert contexts_of(part).equal(contexts_of(source)[rows])


def test_spread_worlds_cover_the_family_better_than_random_ones():
    source = family(Leap())

    def farthest_from_training(kind):
        parts = split_worlds(source, training=12, validation=20, seed=0, kind=kind)
        scale = torch.tensor([16.0, 12.0])
        return float(torch.cdist(contexts_of(source) / scale, contexts_of(parts.training) / scale).amin(1).max())

    assert farthest_from_training("spread") < farthest_from_training("random")


def test_extrapolation_evaluates_beyond_the_training_worlds():
    parts = split_worlds(family(Leap()), training=39, validation=26, seed=0, kind="extrapolation")
    floors = [contexts_of(part)[:, 0] for part in parts]
    assert float(floors[0].max()) < float(floors[1].min()) < float(floors[2].min())
    assert float(floors[1].max()) < float(floors[2].min())


def test_an_extrapolation_is_in_the_order_of_the_number_that_the_values_name_first():
    values = "scheme=0..9, floor=4..8/4, obstacle=11..15/4"
    split = WorldSplit.of(RLConfig("leap(colors=yes)", 12, 8, values, division="extrapolation"))
    schemes = [split.part_contexts(part)[:, 2].unique().tolist() for part in PARTS]
    assert schemes == [[0, 1, 2], [3, 4], [5, 6, 7, 8, 9]]
    assert len(split.training) == 12  # every floor and obstacle in every scheme
    with pytest.raises(InputError, match="first"):
        split_worlds(family(Leap()), 12, 8, 0, "extrapolation", first=2)


def test_seeds_of_episodes_depend_on_seed_world_and_episode_alone():
    worlds, episodes = torch.tensor([0, 1, 1, 9]), torch.tensor([4, 4, 5, 0])
    seeds = episode_seeds(7, worlds, episodes)
    order = torch.tensor([2, 0])
    assert episode_seeds(7, worlds[order], episodes[order]).equal(seeds[order])
    assert np.unique(seeds.numpy()).size == 4
    assert int(seeds.min()) >= 0
    assert not episode_seeds(8, worlds, episodes).equal(seeds)


def test_wrong_families_and_splits_are_refused_in_one_line():
    with one_line_error("unknown context 'flor'", "floor"):
        family(Leap(), {"flor": [1], "obstacle": [9]})
    with one_line_error("no values of 'obstacle'"):
        family(Leap(), {"floor": [4]})
    with one_line_error("obstacle=40 in row 1"):
        family(Leap(), {"floor": [4], "obstacle": [9, 40]})
    with one_line_error("same context"):
        family(Leap(), {"floor": [4, 4], "obstacle": [9]})
    with one_line_error("leap: 100 training and 20 validation worlds of 117"):
        split_worlds(family(Leap()), training=100, validation=20, seed=0)
    with one_line_error("values and count"):
        family(Leap(), {"floor": [4], "obstacle": [9]}, count=3)
