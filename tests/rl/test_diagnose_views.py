"""Which augmentations keep the right action, found before anything is trained, and by an agent."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import pytest
import torch

from manyshot.rl.diagnose_agent import diagnose_agent
from manyshot.rl.diagnose_views import ViewDiagnosis, diagnose_views, idle_contexts, symmetry_errors
from manyshot.rl.rl_config import RLConfig, RLSettings
from manyshot.rl.rl_train import train_agent
from manyshot.rl.symmetries import Symmetry
from manyshot.rl.worlds.cart import Cart
from manyshot.rl.worlds.leap import Leap
from manyshot.rl.worlds.point_world import Point
from manyshot.rl.worlds.rooms import Rooms, Turn
from one_line_error import one_line_error


def test_in_rooms_brightness_keeps_the_right_action_and_turns_flips_and_exchanged_channels_do_not():
    world = Rooms()
    views = ("brightness", "flip(1)", "turn", "channel_shuffle(1)", "hue(0)")
    judged = {one.op: one for one in diagnose_views(world, world.standard()[:100], views)}
    assert judged["brightness"].verdict == "keeps the right action"
    assert judged["turn"].verdict == judged["channel_shuffle(1)"].verdict == "changes the right action"
    assert judged["flip(1)"].kept < judged["brightness"].kept - 0.15
    assert judged["hue(0)"].verdict == "changes nothing here"
    assert judged["turn"].changed == pytest.approx(0.75, abs=0.1)


def test_in_leap_a_shift_keeps_the_right_action_and_what_hides_the_obstacle_does_not():
    world = Leap()
    shift, hidden = diagnose_views(world, world.standard(), ("crop(0.25, border)", "erase(1, 4)"))
    assert shift.verdict == "keeps the right action"
    assert hidden.verdict == "changes the right action"


def test_a_judgment_compares_with_chance_and_with_unchanged_views():
    def verdict(kept):
        return ViewDiagnosis("op", 1.0, kept, unchanged=0.9, chance=0.5, unlike=1.0).verdict

    assert verdict(0.89) == "keeps the right action"
    assert verdict(0.75) == "sometimes changes it"
    assert verdict(0.55) == "changes the right action"


def test_a_world_that_does_not_know_right_actions_tells_so():
    scaled, still = diagnose_views(Cart(), Cart().standard(), ("amplitude(0.3)", "amplitude(0)"))
    assert scaled.verdict == "train an agent to judge it"
    assert still.verdict == "changes nothing here"


@dataclass(frozen=True)
class WrongTurn(Turn):
    """Turns pictures and not the steps."""

    def act(self, actions, params):
        return actions


class WrongRooms(Rooms):
    @property
    def symmetries(self) -> Mapping[str, Symmetry]:
        return {**super().symmetries, "wrong": WrongTurn()}


@pytest.mark.parametrize("world", [Rooms(), Point(), Point(sees_goal=True, sees_controls=True), Cart()])
def test_the_symmetries_of_all_worlds_hold(world):
    contexts = world.standard()[:40]
    assert max(symmetry_errors(world, contexts).values()) < 1e-4


def test_a_symmetry_that_does_not_hold_is_found():
    errors = symmetry_errors(WrongRooms(), Rooms().standard()[:40])
    assert errors["turn"] == errors["mirror"] == 0
    assert errors["wrong"] > 0.9


def test_contexts_that_change_nothing_are_named():
    from manyshot.rl.gym import GymWorld

    assert idle_contexts(Point()) == ()
    world = GymWorld("CartPole-v1", vary="length 0.25..1, screen_width 100..200", steps=20)
    assert idle_contexts(world, tries=3) == ("screen_width",)


def test_an_agent_tells_how_it_answers_changed_views(tmp_path):
    fit = RLSettings(steps=32, games=4, rollout=8, width=8)
    run = train_agent(RLConfig("rooms", worlds=4, fit=replace(fit, width=64)))
    with torch.no_grad():
        run.policy.act.weight.normal_(0, 3, generator=torch.Generator().manual_seed(0))  # an agent with an opinion
    same, other = diagnose_agent(run, ("brightness(0)", "turn"))
    assert same.agrees == 1
    assert same.divergence == same.value == pytest.approx(0, abs=1e-5)
    assert other.agrees < 1
    assert other.divergence > 0.01
    real = train_agent(RLConfig("point(sees_goal=yes)", worlds=4, fit=fit))
    (scaled,) = diagnose_agent(real, ("amplitude(0.2)",))
    assert 0 <= scaled.agrees <= 1
    assert scaled.verdict


def test_an_op_that_does_not_fit_is_one_line():
    with one_line_error("observations of point are vectors"):
        diagnose_views(Point(), Point().standard(), ("crop",))
