"""Hidden layers of any learner: its loss with a replaced forward pass of the encoder, or from a hidden layer on."""

from copy import copy
from dataclasses import replace

from jaxtyping import Float
from torch import Tensor, nn

from manyshot.base import InputError
from manyshot.learners import Learner, by_task
from manyshot.nets import ForwardPass, StagedEncoder
from manyshot.tasks import Episode


def encoder_of(learner: Learner, objective: str) -> StagedEncoder:
    """The only staged encoder of a learner.

    Args:
        learner: Learner with an encoder made of stages.
        objective: Name of the objective, for error messages.

    Raises:
        InputError: If the learner has no or several such encoders, or runs it stage by stage itself.

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
    encoders = [module for module in learner.modules() if isinstance(module, StagedEncoder)]
    if len(encoders) != 1:
        raise InputError(
            f"{objective} needs one encoder of stages, such as conv4, to reach hidden layers, and "
            f"{type(learner).__name__} has {len(encoders) or 'none'}; use another, or mix items themselves by hidden=no"
        )
    return encoders[0]


def loss_with_forward(learner: Learner, forward: ForwardPass, episode: Episode, objective: str) -> Float[Tensor, ""]:
    """The loss of a learner whose encoder has another forward pass, in adaptation and for queries.

    The learner does not change: the loss is that of a shallow copy with the same weights under the same names.

    Args:
        learner: Learner with an encoder made of stages.
        forward: Forward pass of the encoder, see `StagedEncoder.with_forward`.
        episode: Tasks of items that the forward pass takes.
        objective: Name of the objective, for error messages.

    Raises:
        InputError: If the learner has no encoder made of stages, or does not call its forward pass.
    """
    encoder = encoder_of(learner, objective)
    taken = False

    def recorded(encoder: StagedEncoder, items: Tensor) -> Tensor:
        nonlocal taken
        taken = True
        result: Tensor = forward(encoder, items)
        return result

    other = _with_part(learner, encoder, encoder.with_forward(recorded))
    assert isinstance(other, Learner)
    loss = other.loss(episode)
    if not taken:
        raise InputError(
            f"{objective}: {type(learner).__name__} does not call its encoder as a whole; use another learner"
        )
    return loss


def episode_at_layer(learner: Learner, layer: int, episode: Episode, objective: str) -> Episode:
    """The episode with hidden layers in place of items, by the weights before adaptation.

    Args:
        learner: Learner with an encoder made of stages.
        layer: Index of the hidden layer; 0 for the items.
        episode: T tasks.
        objective: Name of the objective, for error messages.
    """
    lower = encoder_of(learner, objective).with_forward(lambda whole, items: whole.run(items, 0, layer))
    support, query = (
        replace(side, items=by_task(lower, side.items, side.weight)) for side in (episode.support, episode.query)
    )
    return replace(episode, support=support, query=query)


def loss_from_layer(learner: Learner, layer: int, episode: Episode, objective: str) -> Float[Tensor, ""]:
    """The loss of a learner on tasks of hidden layers; only the layers above adapt.

    Args:
        learner: Learner with an encoder made of stages.
        layer: Index of the hidden layer that the items of the episode are.
        episode: T tasks from `episode_at_layer`.
        objective: Name of the objective, for error messages.
    """
    return loss_with_forward(learner, lambda whole, x: whole.run(x, layer, whole.depth), episode, objective)


def _with_part(whole: nn.Module, part: nn.Module, other: nn.Module) -> nn.Module:
    """A shallow copy of a module with one of its submodules replaced."""
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
