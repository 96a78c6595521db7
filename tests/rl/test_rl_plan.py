"""Plans for reinforcement learning: what they do at each placement, and what they refuse."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from manyshot.augment.image import Crop, Hue
from manyshot.rl.augment_observations import change_view
from manyshot.rl.context_ops import Jitter, Mix, Wide
from manyshot.rl.contexts import contexts_of, family
from manyshot.rl.replace_rows import replace_rows
from manyshot.rl.rl_plan import RLPlan
from manyshot.rl.state_ops import Amplitude, SensorNoise
from manyshot.rl.worlds.leap import Leap
from manyshot.rl.worlds.point_world import Point
from one_line_error import one_line_error


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def test_a_plan_prints_and_compares_as_its_text():
    text = "world: jitter(0.3) mix; trial: turn mirror(p=0.5); rollout: amplitude(0.1); view: noise"
    plan = RLPlan(text, Point())
    assert str(plan) == text
    assert plan == RLPlan(f" {text} ", Point())
    assert plan != RLPlan(text, Point(sees_goal=True))
    assert [plan.has(name) for name in ("world", "trial", "rollout", "view")] == [True] * 4
    nothing = RLPlan("none", Point())
    assert not any(nothing.has(name) for name in ("world", "trial", "rollout", "view"))


def test_a_plan_that_is_none_changes_nothing():
    plan, world = RLPlan("none", Point()), Point()
    contexts, seen, said = world.standard(), torch.rand(36, 2), torch.rand(36, 2)
    assert plan.world(contexts, generator()).equal(contexts)
    assert plan.view(seen, generator()) is seen
    assert plan.look(seen, plan.rollout.sample(36, generator())) is seen
    params = plan.trial.sample(36, generator())
    assert plan.trial.observe(seen, params).equal(seen)
    assert plan.trial.act(said, params).equal(said)


@given(amount=st.floats(0, 1), seed=st.integers(0, 1000))
def test_jitter_stays_near_and_within_bounds_and_changes_the_named_number_alone(amount, seed):
    world = Leap()
    contexts = world.standard()
    near = Jitter(amount, of="floor").apply(world, contexts, contexts, generator(seed))
    assert float((near[:, 0] - contexts[:, 0]).abs().max()) <= 16 * amount + 1e-4
    assert near[:, 1].equal(contexts[:, 1])
    assert float(near[:, 0].min()) >= 2
    assert float(near[:, 0].max()) <= 18


def test_mixed_worlds_lie_between_training_worlds_and_wide_ones_anywhere():
    world = Point()
    quarter = contexts_of(family(world))[:9]  # goals from 0 to 80 degrees
    contexts = quarter.repeat(200, 1)
    mixed = Mix().apply(world, contexts, quarter, generator())
    assert not mixed.equal(contexts)
    assert float(mixed[:, :2].min()) >= -1e-6
    assert float(mixed[:, :2].norm(dim=1).max()) <= 0.8 + 1e-6
    # a point between two goals: the triangle of both and the mixture has no area for some partner
    area = (mixed[:, None, 0] - contexts[:, None, 0]) * (quarter[None, :, 1] - contexts[:, None, 1]) - (
        mixed[:, None, 1] - contexts[:, None, 1]
    ) * (quarter[None, :, 0] - contexts[:, None, 0])
    assert float(area.abs().amin(1).max()) < 1e-6
    wide = Wide().apply(world, contexts, quarter, generator())
    assert float(wide[:, :2].min()) < -0.9
    assert float(wide[:, 2].max()) > 150
    some = Wide(of="controls", p=0.5).apply(world, contexts, quarter, generator())
    assert some[:, :2].equal(contexts[:, :2])
    assert 0.4 < float((some[:, 2] != 0).double().mean()) < 0.6


def test_a_trial_draws_one_symmetry_a_row_that_acts_forth_on_what_is_seen_and_back_on_what_is_done():
    plan = RLPlan("trial: turn mirror", Point())
    params = plan.trial.sample(500, generator())
    there = torch.tensor([[1.0, 0.0]]).expand(500, 2)
    seen = plan.trial.observe(there, params)
    assert torch.allclose(plan.trial.act(seen, params), there, atol=1e-6)
    for quadrant in range(4):  # all directions are met
        angle = torch.atan2(seen[:, 1], seen[:, 0]).rad2deg() % 360
        assert 80 < int(((angle // 90) == quadrant).sum()) < 170
    up = plan.trial.observe(torch.tensor([[0.0, 1.0]]).expand(500, 2), params)
    handed = seen[:, 0] * up[:, 1] - seen[:, 1] * up[:, 0]
    assert 200 < int((handed < 0).sum()) < 300  # half of them are mirrored


def test_a_rollout_holds_its_draw_until_rows_are_put_and_a_view_draws_afresh():
    plan = RLPlan("rollout: crop(0.25); view: crop(0.25)", Leap())
    seen = torch.rand(4, 1, 32, 32)
    held = plan.rollout.sample(4, generator())
    assert plan.look(seen, held).equal(plan.look(seen, held))
    rows = torch.tensor([1, 3])
    changed = replace_rows(held, rows, plan.rollout.sample(2, generator(1)))
    same = [plan.look(seen, held)[row].equal(plan.look(seen, changed)[row]) for row in range(4)]
    assert same == [True, False, True, False]
    stream = generator()
    assert not plan.view(seen, stream).equal(plan.view(seen, stream))
    assert plan.view(seen, generator(5)).equal(plan.view(seen, generator(5)))


@pytest.mark.parametrize("bytes_", [False, True])
def test_stacked_frames_share_a_draw(bytes_):
    one = torch.rand(6, 3, 8, 8)
    stack = one.repeat(1, 4, 1, 1)
    if bytes_:
        stack = (stack * 255).round().to(torch.uint8)
    op = Hue()
    changed = change_view(op, stack, op.sample(6, generator()), frames=4)
    assert changed.dtype == stack.dtype
    assert not changed.equal(stack)
    for frame in range(1, 4):
        assert changed[:, :3].equal(changed[:, 3 * frame : 3 * frame + 3])


def test_bytes_go_through_the_engine_and_agree_with_floats():
    images = (torch.rand(6, 1, 16, 16) * 255).round().to(torch.uint8)
    op = Crop(0.25)
    params = op.sample(6, generator())
    assert change_view(op, images, params).equal((change_view(op, images / 255, params) * 255).round().to(torch.uint8))


def test_vectors_are_scaled_and_disturbed_by_one_draw_each():
    seen = torch.randn(1000, 3)
    scaled = Amplitude(0.2)(seen, generator()) / seen
    assert float(scaled.std(1).max()) < 1e-4
    assert 0.79 < float(scaled.min()) < 0.85
    assert 1.15 < float(scaled.max()) < 1.21
    op = SensorNoise(0.05)
    params = op.sample(1000, generator())
    offset = op.apply(seen, params) - seen
    assert float(offset.std()) == pytest.approx(0.05, rel=0.05)
    assert op.apply(seen, params).equal(op.apply(seen, params))


@pytest.mark.parametrize(
    ("text", "world", "parts"),
    [
        ("view: crop", Point(), ["'crop' (character 7)", "vectors", "amplitude or noise", "turn, mirror, controls"]),
        ("trial: turn", Leap(), ["'turn' (character 8)", "leap has no symmetries"]),
        ("trial: trun", Point(), ["not a symmetry of point", "did you mean 'turn'"]),
        ("trial: turn(90)", Point(), ["takes p alone", "turn(p=0.5)"]),
        ("trial: turn(p=2)", Point(), ["p=2", "0 to 1"]),
        ("world: jitter(3)", Point(), ["'jitter(3)' (character 8)", "amount=3", "0 to 1"]),
        ("world: jitter(of=goal)", Point(), ["unknown context 'goal'", "goal_y"]),
        ("world: turn", Point(), ["'turn' (character 8)", "op on contexts"]),
        ("view: jitter", Leap(), ["changes worlds", "'world: jitter'"]),
        ("view: mixup", Leap(), ["'mixup' (character 7)", "changes labels"]),
        ("view: typos", Leap(), ["changes texts"]),
        ("support: crop", Leap(), ["unknown placement 'support'", "rollout, trial, view, world", "view: crop"]),
        ("crop", Leap(), ["unknown placement 'crop'", "'view: crop'"]),
        ("view: 4 x crop", Leap(), ["neither a count nor a weight"]),
        ("view: crop weight 0.5", Leap(), ["neither a count nor a weight"]),
        ("view: crop; view: flip", Leap(), ["two clauses for 'view'"]),
        ("", Leap(), ["empty plan"]),
    ],
)
def test_a_plan_that_does_not_fit_is_refused_in_one_line(text, world, parts):
    with one_line_error("plan", *parts):
        RLPlan(text, world)
