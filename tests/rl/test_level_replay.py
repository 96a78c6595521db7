"""Prioritized level replay, by hand on four levels."""

import pytest
import torch

from manyshot.base import InputError
from manyshot.rl.level_replay import LEVELS, LevelReplay


def told(replay, levels, values):
    replay.after(torch.tensor(levels), torch.tensor(values))


def test_probabilities_by_hand_on_four_levels():
    replay = LevelReplay(4, temperature=0.5, staleness=0.2)
    told(replay, [[0, 1], [2, 3]], [[1.0, -4.0], [2.0, -3.0]])
    assert replay.scores.tolist() == [1, 4, 2, 3]
    replay.last, replay.clock = torch.tensor([4, 6, 9, 1]), torch.tensor(10)
    by_rank = [1 / 16, 1, 1 / 9, 1 / 4]  # ranks 4, 1, 3, 2 to the power of -1 / 0.5
    stale = [6, 4, 1, 9]
    expected = [0.8 * r / sum(by_rank) + 0.2 * s / 20 for r, s in zip(by_rank, stale, strict=True)]
    assert replay.probabilities().tolist() == pytest.approx(expected)


def test_levels_that_were_not_played_are_never_replayed_and_come_first_in_half_of_the_trials():
    replay = LevelReplay(4)
    told(replay, [[0, 1]], [[1.0, 2.0]])
    assert replay.probabilities()[2:].tolist() == [0, 0]
    levels, _ = replay.choose(1000, torch.Generator().manual_seed(0))
    assert (levels >= 2).float().mean().item() == pytest.approx(0.5, abs=0.06)


def test_the_score_is_the_mean_over_a_levels_steps_and_only_levels_that_were_played_change():
    replay = LevelReplay(3, score="positive")
    told(replay, [[0, 1], [0, 1]], [[3.0, -5.0], [-1.0, 1.0]])
    assert replay.scores.tolist() == [1.5, 0.5, 0]
    told(replay, [[2]], [[7.0]])
    assert replay.scores.tolist() == [1.5, 0.5, 7]


def test_a_level_that_was_not_chosen_for_long_gets_likelier():
    replay = LevelReplay(3, staleness=0.5)
    told(replay, [[0, 1, 2]], [[3.0, 2.0, 1.0]])
    replay.last, replay.clock = torch.tensor([10, 9, 0]), torch.tensor(10)
    assert replay.probabilities()[2] > replay.probabilities()[1]


def test_the_robust_variant_learns_from_replayed_trials_alone():
    replay = LEVELS.parse("robust-plr").build(levels=100)
    told(replay, [[0, 1]], [[1.0, 2.0]])
    levels, learns = replay.choose(200, torch.Generator().manual_seed(0))
    assert learns.equal(levels < 2)
    assert LEVELS.parse("plr").build(levels=9).choose(9, torch.Generator())[1].all()


def test_its_memory_is_part_of_the_checkpoint():
    replay = LevelReplay(3)
    told(replay, [[0, 1, 2]], [[3.0, 2.0, 1.0]])
    replay.choose(5, torch.Generator().manual_seed(0))
    twin = LevelReplay(3)
    twin.load_state_dict(replay.state_dict())
    draws = [one.choose(20, torch.Generator().manual_seed(1))[0] for one in (replay, twin)]
    assert draws[0].equal(draws[1])


@pytest.mark.parametrize("text", ["plr(score=best)", "plr(temperature=0)", "plr(staleness=2)", "plrr"])
def test_options_out_of_range_are_refused(text):
    with pytest.raises(InputError):
        LEVELS.parse(text).build(levels=3)
