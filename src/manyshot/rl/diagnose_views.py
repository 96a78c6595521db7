"""What changes the right action, found before anything is trained: ops on views, symmetries, contexts."""

from collections.abc import Callable, Sequence
from copy import deepcopy
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Generator, Tensor

from manyshot.base import seeds as streams
from manyshot.rl.policy import ActorCritic
from manyshot.rl.rl_plan import RLPlan
from manyshot.rl.worlds.world import Discrete, Guided, State, World

GEOMETRIC_VIEWS = ("crop(0.25, border)", "crop(0.25)", "flip(1)", "flip_vertical(1)", "turn", "erase")
IMAGE_VIEWS = (*GEOMETRIC_VIEWS, "random_filter", "brightness", "contrast", "noise", "blur", "invert(1)")
"""Ops that are judged where none are given, and observations are images; with colors, also those below."""
COLOR_VIEWS = ("hue(0.5)", "channel_shuffle(1)", "grayscale(1)")
STATE_VIEWS = ("amplitude(0.2)", "noise(0.05)")
LEARNED_FROM, COMPARED, JUDGED = 6_000, 2_000, 300
"""Numbers of views of the whole family that an imitator learns from and that changed views are compared with, and of
views of training worlds that are changed."""
UPDATES, MORE, BATCH, WIDTH, RATE = 150, 60, 128, 64, 3e-3
"""How the imitator learns, and for how many updates more with changed views among its own."""
MISTAKES = 0.15
"""Share of random actions of the play that collects views, so that it meets what comes after a mistake, too."""
KEEPS, BREAKS = 0.8, 0.5
"""Scores, from 0 (chance) to 1 (as unchanged views), from which an op keeps, or below which it changes, the action."""
EXACT = 1e-4


def views_for(world: World) -> tuple[str, ...]:
    """The ops to judge for a kind of observation.

    Example:
        >>> from manyshot.rl.worlds.point_world import Point
        >>> views_for(Point())
        ('amplitude(0.2)', 'noise(0.05)')
    """
    if len(world.observation) != 3:
        return STATE_VIEWS
    return IMAGE_VIEWS + (COLOR_VIEWS if world.observation[0] == 3 else ())


@dataclass(frozen=True)
class ViewDiagnosis:
    """What an op does to what an agent sees in the training worlds.

    Args:
        op: The op, as a plan writes it.
        changed: Share of the views that it changes.
        kept: How often an imitator that learned from changed views, too, is right on changed views and on views as
            they are, the smaller of the two, over views in which some action is wrong; None if the world does not
            know right actions.
        unchanged: How often one that learned from views as they are is right on these.
        chance: The same of an action that this imitator takes on another view.
        unlike: Distance from a changed view to the nearest real one, by that of an unchanged view; None likewise.
    """

    op: str
    changed: float
    kept: float | None = None
    unchanged: float | None = None
    chance: float | None = None
    unlike: float | None = None

    @property
    def verdict(self) -> str:
        """In a few words."""
        if self.changed == 0:
            return "changes nothing here"
        if self.kept is None or self.unchanged is None or self.chance is None or self.unlike is None:
            return "train an agent to judge it"
        score = (self.kept - self.chance) / max(self.unchanged - self.chance, 1e-9)
        if score >= KEEPS:
            return "keeps the right action"
        return "changes the right action" if score < BREAKS else "sometimes changes it"


class Views(NamedTuple):
    """Views met in play, and which actions are right there."""

    seen: Float[Tensor, "n ..."]
    right: Bool[Tensor, "n a"]


def diagnose_views(
    world: World, contexts: Float[Tensor, "w k"], ops: Sequence[str] = (), seed: int = 0
) -> tuple[ViewDiagnosis, ...]:
    """Diagnose ops before anything is trained, by the right actions that the world knows.

    A small network learns the right actions on views of the whole family, by imitation: it stands for an agent that
    knows all worlds. Then it learns on, from changed views with the same right actions as well, which is what `view:`
    asks of an agent. An op keeps the right action if one network can be right on both. It cannot where the op hides
    what matters, or turns a view into that of another situation, in which another action is right. An op may keep the
    right action and still be of no use: one whose results are far from all real views prepares for no other world.

    Args:
        world: The world; one that does not know right actions gets only the share of changed views.
        contexts: Contexts of the training worlds.
        ops: Ops as a `view:` clause has them; a choice for the kind of observation if there are none.
        seed: Seed of play and draws.

    Raises:
        InputError: If an op does not exist or does not fit the observations.

    Example:
        >>> from manyshot.rl.worlds.leap import Leap
        >>> (shift,) = diagnose_views(Leap(), Leap().standard()[::10], ("crop(0.25, border)",))
        >>> shift.verdict
        'keeps the right action'
    """
    plans = {op: RLPlan(f"view: {op}", world) for op in ops or views_for(world)}
    generator = streams.generator(seed, "diagnose")
    if not isinstance(world, Guided):
        state = _spread(world, contexts, JUDGED, seed)
        seen = world.observe(state)
        changed = {op: _changed(plan.view(seen, generator), seen) for op, plan in plans.items()}
        return tuple(ViewDiagnosis(op, float(on.double().mean())) for op, on in changed.items())
    training_views = _collect(world, _anywhere(world, seed), LEARNED_FROM, generator, seed)
    views = _decisive(_collect(world, contexts, 8 * JUDGED, generator, seed), generator)
    imitator = _imitator(world, seed)
    _imitate(imitator, training_views, UPDATES, generator)
    real = training_views.seen[:COMPARED]
    unit = max(float(_distance(views.seen, real, beyond=EXACT).median()), 1e-9)
    plain_alone = deepcopy(imitator)
    _imitate(plain_alone, training_views, MORE, generator, lambda seen: seen)  # as long as those that see changed views
    answers = _answers(plain_alone, views.seen)
    unchanged, chance = _share_right(answers, views), _share_right(answers.roll(1), views)
    judged = []
    for op, plan in plans.items():
        seen = plan.view(views.seen, generator)
        share = float(_changed(seen, views.seen).double().mean())
        both = deepcopy(imitator)
        _imitate(both, training_views, MORE, generator, partial(plan.view, generator=generator))
        kept, plain = (_share_right(_answers(both, items), views) for items in (seen, views.seen))
        unlike = float(_distance(seen, real).median()) / unit
        judged.append(ViewDiagnosis(op, share, min(kept, plain), unchanged, chance, unlike))
    return tuple(judged)


def symmetry_errors(world: World, contexts: Float[Tensor, "w k"], seed: int = 0, steps: int = 20) -> dict[str, float]:
    """By how much each symmetry fails to be one: the largest difference of observations and rewards on both ways.

    step(g s, a) is compared with g step(s, g^-1 a), for random actions.

    Args:
        world: The world.
        contexts: Contexts to try.
        seed: Seed of starts, draws and actions.
        steps: Number of steps.

    Example:
        >>> from manyshot.rl.worlds.rooms import Rooms
        >>> symmetry_errors(Rooms(), Rooms().standard()[:50])
        {'turn': 0.0, 'mirror': 0.0}
    """
    generator = streams.generator(seed, "symmetries")
    errors = {}
    for name, symmetry in world.symmetries.items():
        state = _spread(world, contexts, len(contexts), seed)
        params = symmetry.sample(len(contexts), generator)
        moved, worst = symmetry.move(state, params), 0.0
        for _ in range(steps):
            said = _random_actions(world, len(contexts), generator)
            there, here = world.step(state, symmetry.act(said, params)), world.step(moved, said)
            state, moved = there.state, here.state
            seen = symmetry.observe(world.observe(state), params) - world.observe(moved)
            worst = max(worst, float(seen.abs().max()), float((there.reward - here.reward).abs().max()))
        errors[name] = worst
    return errors


def idle_contexts(world: World, seed: int = 0, tries: int = 32) -> tuple[str, ...]:
    """Numbers of the context that change nothing: neither what is seen nor rewards, from one bound to the other.

    Args:
        world: The world.
        seed: Seed of contexts, starts and actions.
        tries: Number of contexts whose number is set to either bound.

    Example:
        >>> from manyshot.rl.worlds.leap import Leap
        >>> idle_contexts(Leap())
        ()
    """
    generator = streams.generator(seed, "contexts")
    low, high = torch.tensor(world.bounds).T
    drawn = low + (high - low) * torch.rand(tries, len(low), generator=generator)
    idle = []
    for column, name in enumerate(world.names):
        states = []
        for bound in (low, high):
            contexts = drawn.clone()
            contexts[:, column] = bound[column]
            states.append(world.start(contexts, torch.arange(tries)))
        same = torch.ones(tries, dtype=torch.bool)
        for _ in range(min(world.horizon, 50)):
            actions = _random_actions(world, tries, generator)
            outcomes = [world.step(state, actions) for state in states]
            seen = [world.observe(state).flatten(1) for state in states]
            same &= (seen[0] == seen[1]).all(1) & (outcomes[0].reward == outcomes[1].reward)
            states = [outcome.state for outcome in outcomes]
        if bool(same.all()):
            idle.append(name)
    return tuple(idle)


def _random_actions(world: World, n: int, generator: Generator) -> Tensor:
    if isinstance(world.actions, Discrete):
        return torch.randint(world.actions.n, (n,), generator=generator)
    space = world.actions
    return space.low + (space.high - space.low) * torch.rand(n, *space.shape, generator=generator)


def _spread(world: World, contexts: Tensor, rows: int, seed: int) -> State:
    """First states of a number of rows, in the given contexts in turn."""
    return world.start(contexts[torch.arange(rows) % len(contexts)], torch.arange(rows) + seed)


def _anywhere(world: World, seed: int) -> Tensor:
    """Contexts of the standard family, and as many between the bounds."""
    standard = world.standard()
    low, high = standard.new_tensor(world.bounds).T
    generator = streams.generator(seed, "anywhere")
    return torch.cat((standard, low + (high - low) * torch.rand(standard.shape, generator=generator)))


def _collect(world: Guided, contexts: Tensor, count: int, generator: Generator, seed: int) -> Views:
    """Views of play that is mostly right, until there are enough."""
    parts: list[Views] = []
    while sum(len(part.seen) for part in parts) < count:
        rows = torch.randint(len(contexts), (256,), generator=generator)
        state = world.start(contexts[rows], torch.randint(2**31, (256,), generator=generator))
        alive = torch.ones(256, dtype=torch.bool)
        for _ in range(world.horizon):
            right = world.right(state)
            keep = alive & right.any(1)
            parts.append(Views(world.observe(state)[keep], right[keep]))
            chosen = (right.double() + 1e-9).multinomial(1, generator=generator)[:, 0]
            wrong = torch.rand(256, generator=generator) < MISTAKES
            outcome = world.step(state, torch.where(wrong, _random_actions(world, 256, generator), chosen))
            state, alive = outcome.state, alive & ~outcome.done
            if not bool(alive.any()):
                break
    joined = Views(*(torch.cat(columns) for columns in zip(*parts, strict=True)))
    order = torch.randperm(len(joined.seen), generator=generator)[:count]
    return Views(*(part[order] for part in joined))


def _decisive(views: Views, generator: Generator) -> Views:
    """Views in which some action is wrong, drawn so that all sets of right actions are equally frequent."""
    decisive = (~views.right.all(1)).nonzero().flatten()
    drawn = _weights(views.right[decisive]).multinomial(JUDGED, replacement=True, generator=generator)
    return Views(*(part[decisive[drawn]] for part in views))


def _weights(right: Bool[Tensor, "n a"]) -> Float[Tensor, "n"]:
    """Weights by which every set of right actions is drawn equally often."""
    codes = (right * 2 ** torch.arange(right.shape[1])).sum(1)
    return 1.0 / codes.bincount()[codes].double()


def _imitator(world: World, seed: int) -> ActorCritic:
    """A network before it has learned anything."""
    with torch.random.fork_rng([]):
        torch.manual_seed(seed)
        return ActorCritic(world.observation, world.actions, WIDTH)


def _imitate(
    network: ActorCritic,
    training_views: Views,
    updates: int,
    generator: Generator,
    view: Callable[[Tensor], Tensor] | None = None,
) -> None:
    """Train a network to take right actions, by the probability of all that are right; with `view`, on both views."""
    optimizer = torch.optim.Adam(network.parameters(), RATE)
    weights = _weights(training_views.right)
    for _ in range(updates):
        rows = weights.multinomial(BATCH, replacement=True, generator=generator)
        seen, right = training_views.seen[rows], training_views.right[rows]
        if view is not None:
            seen, right = torch.cat((seen, view(seen))), torch.cat((right, right))
        log_probs = network(network.inputs(seen)).policy.log_probs()[0]
        loss = -log_probs.masked_fill(~right, -torch.inf).logsumexp(1).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def _answers(network: ActorCritic, seen: Tensor) -> Int[Tensor, "n"]:
    """The likeliest action on each view."""
    with torch.no_grad():
        taken: Tensor = network(network.inputs(seen)).policy.mode()[0]
        return taken


def _distance(seen: Tensor, real: Tensor, beyond: float = -1.0) -> Float[Tensor, "n"]:
    """Distance of each view to the nearest real one that is farther away than a number."""
    distance = torch.cdist(seen.flatten(1), real.flatten(1), compute_mode="donot_use_mm_for_euclid_dist")
    return distance.masked_fill(distance <= beyond, torch.inf).amin(1)


def _share_right(actions: Int[Tensor, "n"], views: Views) -> float:
    return float(views.right.gather(1, actions[:, None]).double().mean())


def _changed(after: Tensor, before: Tensor) -> Bool[Tensor, "n"]:
    return ((after - before).abs().flatten(1) > EXACT).any(1)
