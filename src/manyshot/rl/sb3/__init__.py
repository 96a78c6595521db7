"""Augmentation for agents of stable-baselines3, and our worlds as its environments.

Needs the extra `manyshot[sb3]`.
"""

from manyshot.base import InputError

try:
    import stable_baselines3  # noqa: F401
except ModuleNotFoundError as error:
    if error.name != "stable_baselines3":
        raise
    raise InputError('this needs stable-baselines3, which is not installed: pip install "manyshot[sb3]"') from None

from manyshot.rl.sb3.augmented_ppo import AugmentedPPO
from manyshot.rl.sb3.small_cnn import SmallCNN
from manyshot.rl.sb3.vec_env import AugmentedVecEnv, WorldVecEnv

__all__ = ["AugmentedPPO", "AugmentedVecEnv", "SmallCNN", "WorldVecEnv"]
