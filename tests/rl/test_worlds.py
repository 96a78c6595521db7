"""Every world beside a plain loop over its rows, and what all worlds promise."""

import math
from dataclasses import replace

import gymnasium
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from manyshot.augment.ops.op import take
from manyshot.rl.replace_rows import replace_rows
from manyshot.rl.worlds import WORLDS, Box, Discrete, State, World
from manyshot.rl.worlds.cart import Cart
from manyshot.rl.worlds.leap import Leap
from manyshot.rl.worlds.maze import maze
from manyshot.rl.worlds.point_world import Point
from manyshot.rl.worlds.rooms import Rooms
from manyshot.rl.worlds.world import Guided
from one_line_error import one_line_error

NAMES = [
    "leap",
    "leap(rise=7)",
    "leap(colors=yes)",
    "point",
    "point(sparse, sees_goal=yes, sees_controls=yes)",
    "rooms",
    "cart",
]
ROWS = 16
"""Rows of a batch, each of which is another example of a symmetry."""


def build(name: str) -> World:
    return WORLDS.build(name)


def random_contexts(world: World, n: int, generator: torch.Generator) -> Tensor:
    if world.names == ("level",):
        return torch.randint(1000, (n, 1), generator=generator).float()
    low, high = torch.tensor(world.bounds).T
    return low + (high - low) * torch.rand(n, len(world.names), generator=generator)


def random_actions(world: World, n: int, generator: torch.Generator) -> Tensor:
    if isinstance(world.actions, Discrete):
        return torch.randint(world.actions.n, (n,), generator=generator)
    return 2 * torch.randn(n, *world.actions.shape, generator=generator)


def loop_leap(world: Leap, context: list[float], actions: list[int]) -> list[tuple[float, bool, bool]]:
    """The rules of leap in plain Python: (reward, ended, solved) of each step."""
    obstacle, steps_in_air, told = round(context[1]), 0, []
    for x, action in enumerate(actions, start=1):
        if steps_in_air == 0 and action == 1:
            steps_in_air = 1
        elif steps_in_air > 0:
            steps_in_air += 1
            if steps_in_air == 2 * world.rise:
                steps_in_air = 0
        height = steps_in_air if steps_in_air <= world.rise else 2 * world.rise - steps_in_air
        touches = any(obstacle <= column < obstacle + 3 for column in (x, x + 1)) and height < 4
        arrived = not touches and x + 2 >= 32
        told.append((0.0 if touches else 1 / 32 + arrived, touches or arrived, arrived))
        if touches or arrived:
            break
    return told


def loop_point(world: Point, context: list[float], actions: list[list[float]]) -> list[tuple[float, bool, bool]]:
    """The rules of point in plain Python."""
    goal_x, goal_y, degrees = context
    x = y = 0.0
    told = []
    for step, (right, up) in enumerate(actions):
        length = max(1.0, math.hypot(right, up))
        cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
        before = math.hypot(goal_x - x, goal_y - y)
        x, y = x + 0.2 * (cos * right - sin * up) / length, y + 0.2 * (sin * right + cos * up) / length
        far = max(1.0, math.hypot(x, y) / 1.5)
        x, y = x / far, y / far
        after = math.hypot(goal_x - x, goal_y - y)
        solved = after <= 0.2
        told.append((solved + (before - after if world.reward == "dense" else 0.0), solved or step == 11, solved))
        if told[-1][1]:
            break
    return told


def loop_rooms(world: Rooms, context: list[float], actions: list[int], state: State) -> list[tuple[float, bool, bool]]:
    """The rules of rooms in plain Python, from the first cell on."""
    walls, goal = maze(int(context[0]), 9).walls.tolist(), tuple(state["goal"].tolist())
    row, column = state["place"].tolist()
    told = []
    for step, action in enumerate(actions):
        down, right = {0: (0, 1), 1: (-1, 0), 2: (0, -1), 3: (1, 0)}[action]
        if 0 <= row + down < 9 and 0 <= column + right < 9 and not walls[row + down][column + right]:
            row, column = row + down, column + right
        solved = (row, column) == goal
        told.append((solved - 0.01, solved or step == 39, solved))
        if told[-1][1]:
            break
    return told


def loop_cart(world: Cart, context: list[float], actions: list[int], state: State) -> list[tuple[float, bool, bool]]:
    """Gymnasium's CartPole-v1 from the same first state."""
    env = gymnasium.make("CartPole-v1").unwrapped
    env.reset(seed=0)
    env.gravity, env.length, env.force_mag = context
    env.polemass_length = env.masspole * env.length
    env.state = state["body"].numpy()
    told = []
    for step, action in enumerate(actions):
        _, reward, fallen, _, _ = env.step(action)
        told.append((reward, fallen or step == 499, not fallen and step == 499))
        if told[-1][1]:
            break
    return told


LOOPS = {
    Leap: lambda world, context, actions, state: loop_leap(world, context, actions),
    Point: lambda world, context, actions, state: loop_point(world, context, actions),
    Rooms: loop_rooms,
    Cart: loop_cart,
}


@pytest.mark.parametrize("name", NAMES)
def test_a_batch_agrees_with_a_plain_loop_over_its_rows(name):
    world = build(name)
    generator = torch.Generator().manual_seed(0)
    contexts = random_contexts(world, 40, generator)
    if isinstance(world, Point | Cart):
        contexts = contexts.double()
    actions = torch.stack([random_actions(world, 40, generator) for _ in range(world.horizon)])
    if isinstance(world, Leap):
        actions = (torch.rand(actions.shape, generator=generator) < 0.1).long()
    elif isinstance(world, Point):
        actions = actions.double()
    state = start = world.start(contexts, torch.arange(40))
    outcomes = []
    for step in range(world.horizon):
        outcome = world.step(state, actions[step])
        outcomes.append(outcome)
        state = outcome.state
    ends = set()
    for row in range(40):
        one = {key: value[row] for key, value in start.items()}
        expected = LOOPS[type(world)](world, contexts[row].tolist(), actions[:, row].tolist(), one)
        for step, (reward, done, solved) in enumerate(expected):
            got = outcomes[step]
            assert float(got.reward[row]) == pytest.approx(reward, abs=1e-6)
            assert bool(got.done[row]) == done
            assert bool(got.solved[row]) == solved
        ends.add(expected[-1][1:])
    assert len(ends) == (1 if isinstance(world, Cart) else 2)  # some rows solve it, if chance can do so


@pytest.mark.parametrize("name", NAMES)
def test_a_step_leaves_its_state_alone_and_depends_on_each_row_alone(name):
    world, generator = build(name), torch.Generator().manual_seed(1)
    state = world.start(random_contexts(world, 6, generator), torch.arange(6))
    actions = random_actions(world, 6, generator)
    copy = {key: value.clone() for key, value in state.items()}
    whole = world.step(state, actions)
    assert all(state[key].equal(copy[key]) for key in state)
    rows = torch.tensor([4, 1])
    part = world.step(take(state, rows), actions[rows])
    assert all(part.state[key].equal(value[rows]) for key, value in whole.state.items())
    assert world.observe(part.state).equal(world.observe(whole.state)[rows])
    assert part.reward.equal(whole.reward[rows])


@pytest.mark.parametrize("name", NAMES)
def test_observations_have_the_announced_shape_and_limits_and_pictures_are_bytes(name):
    world, generator = build(name), torch.Generator().manual_seed(2)
    state = world.start(random_contexts(world, 50, generator), torch.arange(50))
    picture = world.draw(state, 3)
    for _ in range(world.horizon):
        seen = world.observe(state)
        assert seen.shape == (50, *world.observation)
        assert float(seen.min()) >= world.limits[0]
        assert float(seen.max()) <= world.limits[1]
        state = world.step(state, random_actions(world, 50, generator)).state
    assert picture.dtype == torch.uint8
    assert picture.shape[2] == 3
    assert len(picture.flatten(0, 1).unique(dim=0)) > 2


@pytest.mark.parametrize("name", NAMES)
def test_the_first_state_depends_on_context_and_seed_alone(name):
    world, generator = build(name), torch.Generator().manual_seed(4)
    contexts = random_contexts(world, 4, generator)
    whole = world.start(contexts, torch.tensor([3, 9, 3, 2**60]))
    part = world.start(contexts[[3, 1]], torch.tensor([2**60, 9]))
    assert all(part[key].equal(value[[3, 1]]) for key, value in whole.items())


@pytest.mark.parametrize("name", NAMES)
def test_every_episode_ends_within_the_horizon(name):
    world, generator = build(name), torch.Generator().manual_seed(3)
    state = world.start(world.standard(), torch.zeros(len(world.standard()), dtype=torch.int64))
    done = torch.zeros(len(world.standard()), dtype=torch.bool)
    for _ in range(world.horizon):
        outcome = world.step(state, random_actions(world, len(done), generator))
        assert not bool((outcome.terminated & outcome.truncated).any())
        done |= outcome.done
        state = outcome.state
    assert bool(done.all())


@pytest.mark.parametrize("name", [name for name in NAMES if build(name).symmetries])
@settings(max_examples=15)
@given(seed=st.integers(0, 2**31))
def test_acting_through_a_symmetry_is_living_in_the_changed_world(name, seed):
    world, generator = build(name), torch.Generator().manual_seed(seed)
    for symmetry in world.symmetries.values():
        contexts = random_contexts(world, ROWS, generator).double()
        if isinstance(world, Point):
            contexts[:, :2] *= 0.7  # in the disc, so that a turned goal is one within the bounds
        state = world.start(contexts, torch.arange(ROWS))
        params = symmetry.sample(ROWS, generator)
        moved = symmetry.move(state, params)
        for _ in range(4):
            said = random_actions(world, ROWS, generator)
            said = said.double() if isinstance(world.actions, Box) else said
            outcome = world.step(state, symmetry.act(said, params))
            expected = world.step(moved, said)
            state, moved = outcome.state, expected.state
            assert torch.allclose(symmetry.observe(world.observe(state), params), world.observe(moved), atol=1e-6)
            assert torch.allclose(outcome.reward, expected.reward, atol=1e-6)
            assert outcome.solved.equal(expected.solved)
            assert outcome.done.equal(expected.done)


def test_in_leap_exactly_two_positions_clear_an_obstacle_and_only_the_distance_counts():
    world = Leap()
    for context in ([2.0, 9.0], [18.0, 21.0]):
        state = world.start(torch.tensor(context).expand(30, 2), torch.arange(30))
        solved = torch.zeros(30, dtype=torch.bool)
        alive = ~solved
        for step in range(world.horizon):
            outcome = world.step(state, (torch.arange(30) == step).long())
            solved |= outcome.solved & alive
            alive &= ~outcome.done
            state = outcome.state
        good = solved.nonzero().flatten()
        assert (int(context[1]) - good).tolist() == [6, 5]


@pytest.mark.parametrize("name", ["leap", "leap(rise=7)", "rooms"])
def test_a_guided_world_is_solved_by_right_actions_alone(name):
    world, generator = build(name), torch.Generator().manual_seed(5)
    assert isinstance(world, Guided)
    contexts = world.standard()[:60]
    state = world.start(contexts, torch.arange(60))
    solved = torch.zeros(60, dtype=torch.bool)
    for _ in range(world.horizon):
        right = world.right(state)
        assert bool((right.any(1) | solved).all())
        chosen = (right.double() + 1e-9).multinomial(1, generator=generator)[:, 0]
        outcome = world.step(state, chosen)
        solved |= outcome.solved
        state = outcome.state
    assert bool(solved.all())


def test_in_leap_a_wrong_action_is_never_mended():
    world, generator = Leap(), torch.Generator().manual_seed(6)
    state = world.start(random_contexts(world, 300, generator), torch.zeros(300, dtype=torch.int64))
    alive, wrong = torch.ones(300, dtype=torch.bool), torch.zeros(300, dtype=torch.bool)
    for _ in range(world.horizon):
        right = world.right(state)
        chosen = (torch.rand(300, generator=generator) < 0.08).long()
        wrong |= alive & ~right.gather(1, chosen[:, None])[:, 0]
        outcome = world.step(state, chosen)
        assert not bool((outcome.solved & alive & wrong).any())
        assert not bool((outcome.terminated & ~outcome.solved & alive & ~wrong).any())
        alive &= ~outcome.done
        state = outcome.state
    assert 20 < int(wrong.sum()) < 300


def test_in_rooms_right_actions_are_a_shortest_way_and_episodes_start_at_random():
    world = Rooms()
    state = first = world.start(torch.full((80, 1), 5.0), torch.arange(80))
    assert len({tuple(place) for place in first["place"].tolist()}) > 10
    left = first["distance"][torch.arange(80), first["place"][:, 0], first["place"][:, 1]]
    assert int(left.min()) >= 3
    for step in range(1, int(left.max()) + 1):
        outcome = world.step(state, world.right(state).long().argmax(1))
        assert outcome.solved[left == step].all()
        assert not outcome.solved[left > step].any()
        state = outcome.state


def test_a_picture_of_rooms_shows_the_walker_in_the_middle_and_a_far_goal_at_the_border():
    world = Rooms()
    state = world.start(torch.arange(200.0)[:, None], torch.arange(200))
    seen = world.observe(state)
    assert seen[:, 1].flatten(1).sum(1).tolist() == [1.0] * 200
    assert float(seen[:, 0, 3, 3].max()) == 0
    away = state["goal"] - state["place"]
    for row in range(200):
        at = seen[row, 1].nonzero()[0] - 3
        assert at.tolist() == away[row].clamp(-3, 3).tolist()
        column = int(state["place"][row, 1])
        assert seen[row, 0, 3, :].tolist() == [
            1.0 if not 0 <= column + k < 9 else float(state["walls"][row, state["place"][row, 0], column + k])
            for k in range(-3, 4)
        ]


def test_the_pictures_of_leap_show_the_runner_above_the_floor_and_in_colors_of_its_scheme():
    gray = Leap()
    state = gray.start(torch.tensor([[4.0, 12.0]]), torch.tensor([0]))
    image = gray.observe(state)[0, 0]
    assert image[31 - 4, 0] == 1.0
    assert image[31 - 3, 0] == pytest.approx(0.4)
    assert image[31 - 4, 12] == pytest.approx(0.7)
    assert image[0, 31] == 0.0
    colored = Leap(colors=True)
    contexts = torch.tensor([[4.0, 12.0, 0.0], [4.0, 12.0, 1.0]])
    first, second = colored.observe(colored.start(contexts, torch.tensor([0, 0])))
    assert not first.equal(second)
    assert [len(image.flatten(1).unique(dim=1).T) for image in (first, second)] == [4, 4]


def test_what_stands_out_from_the_sky_of_leap_is_lighter_in_some_schemes_and_darker_in_others():
    world = Leap(colors=True)
    contexts = torch.tensor([[4.0, 12.0, float(scheme)] for scheme in range(1000)])
    images = world.observe(world.start(contexts, torch.zeros(1000, dtype=torch.int64)))
    sky = images[:, :, 0, 31]
    for row, column in ((31 - 4, 0), (31 - 3, 20), (31 - 4, 12)):  # runner, ground, obstacle
        difference = images[:, :, row, column] - sky
        assert float(difference.abs().min()) >= 0.3 - 1e-6
        assert 0.4 < float((difference > 0).double().mean()) < 0.6


def test_an_update_through_point_can_be_differentiated():
    world = Point(sees_goal=True)
    state = world.start(torch.tensor([[0.8, 0.0, 0.0]]), torch.tensor([0]))
    action = torch.tensor([[0.3, 0.1]], requires_grad=True)
    world.step(state, action).reward.sum().backward()
    assert float(action.grad[0, 0]) > 0


def test_rows_are_put_back_where_they_were_taken():
    state = {"t": torch.arange(4), "inner": {"x": torch.arange(8).reshape(4, 2)}}
    fresh = {"t": torch.tensor([-1, -2]), "inner": {"x": torch.zeros(2, 2, dtype=torch.int64)}}
    put_back = replace_rows(state, torch.tensor([3, 0]), fresh)
    assert put_back["t"].tolist() == [-2, 1, 2, -1]
    assert put_back["inner"]["x"].tolist() == [[0, 0], [2, 3], [4, 5], [0, 0]]
    assert state["t"].tolist() == [0, 1, 2, 3]


def test_wrong_contexts_actions_and_names_are_refused_in_one_line():
    world, point = Leap(), Point()
    with one_line_error("leap: floor=nan in row 1", "2 to 18"):
        world.start(torch.tensor([[4.0, 9.0], [math.nan, 9.0]]), torch.arange(2))
    with one_line_error("leap: contexts of shape [1, 3]"):
        world.start(torch.zeros(1, 3), torch.arange(1))
    state = world.start(torch.tensor([[4.0, 9.0]]), torch.arange(1))
    with one_line_error("leap: actions from 2 to 2", "0 to 1"):
        world.step(state, torch.tensor([2]))
    with one_line_error("point: the action of row 0 is not finite"):
        point.step(point.start(torch.zeros(1, 3), torch.arange(1)), torch.tensor([[math.inf, 0.0]]))
    with one_line_error("'lep'", "unknown world; did you mean 'leap'?"):
        build("lep")
    with one_line_error("rise=9", "6 to 8"):
        build("leap(rise=9)")


def test_worlds_are_plain_frozen_values():
    assert replace(build("leap"), rise=7) == build("leap(rise=7)")
    assert isinstance(build("point"), World)
    assert build("point").actions == Box(-1.0, 1.0, (2,))
