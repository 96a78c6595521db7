"""The objectives that a run can name, with their options: one row a method."""

from manyshot.augment.plan.build import build
from manyshot.augment.plan.language import parse_call
from manyshot.objectives.adversarial import Adversarial
from manyshot.objectives.channel_shuffle import ChannelShuffle
from manyshot.objectives.maxup import MaxUp
from manyshot.objectives.metamix import MetaMix
from manyshot.objectives.mlti import MLTI
from manyshot.objectives.objective import Objective
from manyshot.objectives.plain import Plain
from manyshot.objectives.protaugment import ProtAugment

OBJECTIVES: dict[str, type[Objective]] = {
    "plain": Plain,
    "maxup": MaxUp,
    "metamix": MetaMix,
    "channel_shuffle": ChannelShuffle,
    "mlti": MLTI,
    "adversarial": Adversarial,
    "protaugment": ProtAugment,
}
"""Every objective by its name; its options are the fields of the class."""


def parse_objective(text: str) -> Objective:
    """Read an objective, such as "maxup(4)".

    Raises:
        InputError: if it or an option is unknown, or a value out of range.

    Example:
        >>> parse_objective("maxup(8)")
        MaxUp(draws=8)
    """
    objective: Objective = build(parse_call(text, "objective"), OBJECTIVES, "objective")
    return objective
