"""A learner whose encoder takes its items by another route, so that hidden layers can be mixed whatever the method."""

from copy import copy
from dataclasses import replace

from jaxtyping import Float
from torch import Tensor, nn

from manyshot.base import InputError
from manyshot.learners import Learner, by_task
from manyshot.nets import Route, StagedEncoder
from manyshot.tasks import Episode


def encoder_of(learner: Learner, objective: str) -> StagedEncoder:
    """The one encoder of stages in a learner.

    Args:
        learner: which holds it.
        objective: named in the error.

    Raises:
        InputError: if it holds none, or several, or runs it stage by stage itself.

    Example:
        >>> from manyshot.learners import Prototypes
        >>> from manyshot.nets import Conv4
        >>> encoder_of(Prototypes(Conv4(channels=1, size=28)), "mlti").depth
        4
    """
    if learner.runs_stages:
        raise InputError(
            f"{objective} changes hidden layers, which {type(learner).__name__} does itself, stage by stage; use "
            "another learner, or mix items themselves by hidden=no"
        )
    found = [module for module in learner.modules() if isinstance(module, StagedEncoder)]
    if len(found) != 1:
        raise InputError(
            f"{objective} needs one encoder of stages, such as conv4, to reach hidden layers, and "
            f"{type(learner).__name__} has {len(found) or 'none'}; use another, or mix items themselves by hidden=no"
        )
    return found[0]


def loss_by_route(learner: Learner, route: Route, episode: Episode, objective: str) -> Float[Tensor, ""]:
    """The learner's loss, with `route` in the place of its encoder's forward pass, in adaptation and afterwards.

    The learner itself is left alone: a shallow copy of it, with the same weights under the same names, does the work.

    Args:
        learner: of an encoder of stages.
        route: see `StagedEncoder.rerouted`.
        episode: of items that the route takes.
        objective: named in errors.

    Raises:
        InputError: if the learner has no encoder of stages, or does not go through its forward pass.
    """
    encoder = encoder_of(learner, objective)
    taken = False

    def noted(whole: StagedEncoder, items: Tensor) -> Tensor:
        nonlocal taken
        taken = True
        found: Tensor = route(whole, items)
        return found

    other = _with_part(learner, encoder, encoder.rerouted(noted))
    assert isinstance(other, Learner)
    loss = other.loss(episode)
    if not taken:
        raise InputError(
            f"{objective}: {type(learner).__name__} does not go through its encoder as a whole; use another learner"
        )
    return loss


def up_to(learner: Learner, layer: int, episode: Episode, objective: str) -> Episode:
    """The episode with the hidden layer of every item in its place, by the weights as they are before adaptation.

    Args:
        learner: of an encoder of stages.
        layer: from 0, the items themselves.
        episode: T tasks.
        objective: named in errors.
    """
    lower = encoder_of(learner, objective).rerouted(lambda whole, items: whole.run(items, 0, layer))
    support, query = (
        replace(side, items=by_task(lower, side.items, side.weight)) for side in (episode.support, episode.query)
    )
    return replace(episode, support=support, query=query)


def loss_from(learner: Learner, layer: int, episode: Episode, objective: str) -> Float[Tensor, ""]:
    """The learner's loss on tasks that begin at a hidden layer: it adapts the layers above alone.

    Args:
        learner: of an encoder of stages.
        layer: that the items of the episode are of.
        episode: T tasks, as `up_to` gives them.
        objective: named in errors.
    """
    return loss_by_route(learner, lambda whole, x: whole.run(x, layer, whole.depth), episode, objective)


def _with_part(whole: nn.Module, part: nn.Module, other: nn.Module) -> nn.Module:
    """A shallow copy of a module in which another stands for one of its parts."""
    if whole is part:
        return other
    parts = {
        name: module if module is None else _with_part(module, part, other) for name, module in whole._modules.items()
    }
    if all(parts[name] is module for name, module in whole._modules.items()):
        return whole
    changed = copy(whole)
    changed._modules = parts
    return changed
