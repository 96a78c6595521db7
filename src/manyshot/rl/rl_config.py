"""Settings of the training of an agent, as plain data."""

import re
from dataclasses import dataclass, field, replace

from manyshot.base import InputError, did_you_mean, plain_numbers
from manyshot.base.check_numbers import check_range
from manyshot.base.seeds import check_seed
from manyshot.rl.drac import DrAC
from manyshot.rl.ppo import PPO, Clipping
from manyshot.runtime.loop_settings import LoopSettings
from manyshot.runtime.stored_settings import StoredSettings

MOST_STEPS = 10**12
MOST_ROWS = 1_000_000
"""Upper bound of the steps of one rollout, which all lie in memory at once; catches typos."""
MOST_VALUES = 100_000
DIVISIONS = ("random", "spread", "extrapolation")
NUMBER = r"(-?[0-9]+(?:\.[0-9]+)?)"
RANGE = re.compile(rf"(\w+)={NUMBER}(?:\.\.{NUMBER}(?:/{NUMBER})?)?\s*(?:,|$)")


@dataclass(frozen=True, kw_only=True)
class RLSettings(LoopSettings, Clipping):
    """Settings of the training loop of an agent.

    Args:
        steps: Number of steps in the world, all games together.
        games: Number of games played side by side.
        rollout: Number of steps of each game between two updates.
        learning_rate: Learning rate of Adam.
        clip: How far PPO's ratio of probabilities may move.
        epochs: Passes over a rollout.
        minibatches: Updates per pass.
        width: Number of features of the network.
        eval_every: Rollouts between two evaluations on training and held-out worlds.
        save_every: Rollouts between two checkpoints.
        discount: Factor of a reward a step later.
        trace: Weight of longer returns in the advantages, 0 to 1 (lambda).
        entropy: Weight of the entropy.
        view_weight: Weight of the regularization by changed views.
        view_value: Whether a changed view should keep the value as well as the policy.
        seed: Seed of the weights and of all draws.
        device: "cpu", "cuda", ... for the network; the world stays on the processor.

    Raises:
        InputError: If a value is out of range.
    """

    steps: int = 400_000
    games: int = 32
    rollout: int = 64
    learning_rate: float = 5e-4
    width: int = 128
    eval_every: int = 20
    save_every: int = 20
    discount: float = 0.99
    trace: float = 0.95
    entropy: float = 0.01
    view_weight: float = 0.1
    view_value: bool = True

    def check(self) -> None:
        """Refuse numbers that are out of range; called once all settings are plain numbers."""
        check_range(1, MOST_STEPS, whole=True, steps=self.steps)
        check_range(1, MOST_ROWS, whole=True, games=self.games, rollout=self.rollout)
        check_range(1, 65_536, whole=True, width=self.width, eval_every=self.eval_every, save_every=self.save_every)
        check_range(0, 1, discount=self.discount, trace=self.trace)
        check_range(1e-12, 1e3, learning_rate=self.learning_rate)
        _ = self.ppo, self.drac
        if self.games * self.rollout > MOST_ROWS:
            raise InputError(f"games={self.games}, rollout={self.rollout}: give at most {MOST_ROWS:,} steps a rollout")

    @property
    def ppo(self) -> PPO:
        """The algorithm."""
        return PPO(self.clip, self.epochs, self.minibatches, entropy_weight=self.entropy)

    @property
    def drac(self) -> DrAC:
        """The regularization by changed views."""
        return DrAC(self.view_weight, self.view_value)


@dataclass(frozen=True)
class RLConfig(StoredSettings):
    """Settings of the training of an agent, stored in its run's `config.json`.

    Args:
        world: World with its options, such as "leap" or "point(reward=sparse)".
        worlds: Number of training worlds, drawn from the world's family.
        validation: Number of validation worlds, which choose among plans; all others are held out.
        values: Values of every number of a context, whose combinations are the family, such as
            "floor=4..12/2, obstacle=15"; the world's standard family if empty.
        division: How training worlds are drawn: "random", "spread" (held-out worlds lie between them) or
            "extrapolation" (held-out worlds lie beyond them, in the order of the number that `values` names first).
        division_seed: Seed of the division, the same for all arms and seeds.
        plan: Augmentation, such as "view: crop(0.25)".
        choose: Choice among views while training, such as "bandit(crop, random-filter, flip)", or "none".
        levels: How training worlds are chosen: "uniform", "plr" or "robust-plr", with options.
        learner: Learner with its options, such as "ppo" or "rl2(episodes=2)".
        fit: Settings of the training loop.

    Raises:
        InputError: If a value is out of range, or a name is unknown.

    Example:
        >>> RLConfig("leap", plan="view: crop").learner
        'ppo'
    """

    described = "an agent's settings"

    world: str
    worlds: int = 12
    validation: int = 8
    values: str = ""
    division: str = "random"
    division_seed: int = 0
    plan: str = "none"
    choose: str = "none"
    levels: str = "uniform"
    learner: str = "ppo"
    fit: RLSettings = field(default_factory=RLSettings)

    def __post_init__(self) -> None:
        plain_numbers(self)
        check_seed(self.division_seed)
        check_range(1, 10**9, whole=True, worlds=self.worlds, validation=self.validation)
        if self.division not in DIVISIONS:
            raise InputError(f"division='{self.division}': {did_you_mean(self.division, DIVISIONS)}")
        _ = self.family_values

    @property
    def family_values(self) -> dict[str, list[float]] | None:
        """The values of every number of a context; None for the world's standard family.

        Raises:
            InputError: If the text cannot be read.

        Example:
            >>> RLConfig("leap", values="floor=4..8/2, obstacle=15").family_values
            {'floor': [4.0, 6.0, 8.0], 'obstacle': [15.0]}
        """
        if not self.values:
            return None
        found = {name: (first, last, step) for name, first, last, step in RANGE.findall(self.values)}
        if RANGE.sub("", self.values).strip(" ,") or not found:
            raise InputError(f"values='{self.values}': write 'floor=4..12/2, obstacle=15': from..to/step, or a number")
        return {name: _range(name, *map(float, (a, b or a, step or 1))) for name, (a, b, step) in found.items()}

    def with_seed(self, seed: int) -> "RLConfig":
        """The same settings with another seed of weights and draws; the division of worlds stays."""
        return replace(self, fit=replace(self.fit, seed=seed))


def _range(name: str, first: float, last: float, step: float) -> list[float]:
    count = int((last - first) / step + 1e-9) + 1 if step > 0 else 0
    check_range(1, MOST_VALUES, whole=True, **{f"number of values of {name}": count})
    return [first + step * index for index in range(count)]
