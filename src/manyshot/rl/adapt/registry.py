"""Learners of reinforcement learning by name."""

from manyshot.base.registry import Registry
from manyshot.rl.adapt.fine_tune import FineTune
from manyshot.rl.adapt.maml_rl import MAML, ProMP
from manyshot.rl.adapt.ppo_learner import RL2, PlainPPO
from manyshot.rl.adapt.reptile import Reptile
from manyshot.rl.adapt.rl_learner import RLLearner

RL_LEARNERS: Registry[RLLearner] = Registry(
    "agent's learner",
    {"ppo": PlainPPO, "rl2": RL2, "maml": MAML, "promp": ProMP, "reptile": Reptile, "fine-tune": FineTune},
    base=RLLearner,
    group="manyshot.rl_learners",
)
"""Learners by name, such as `rl2(episodes=2)`."""
