"""Both ways between our worlds and Gymnasium; importing this registers our worlds there.

Needs the extra `manyshot[rl]`.
"""

from manyshot.base import InputError

try:
    import gymnasium
except ModuleNotFoundError as error:
    if error.name != "gymnasium":
        raise
    raise InputError('this needs gymnasium, which is not installed: pip install "manyshot[rl]"') from None

from manyshot.rl.gym.adapter import GymWorld
from manyshot.rl.gym.envs import WorldEnv, WorldVectorEnv
from manyshot.rl.gym.wrappers import AugmentObservation, VectorAugmentObservation

__all__ = ["AugmentObservation", "GymWorld", "VectorAugmentObservation", "WorldEnv", "WorldVectorEnv"]

for _name in ("leap", "point", "rooms"):
    if f"manyshot/{_name.capitalize()}-v0" not in gymnasium.registry:
        gymnasium.register(
            id=f"manyshot/{_name.capitalize()}-v0",
            entry_point="manyshot.rl.gym.envs:WorldEnv",
            vector_entry_point="manyshot.rl.gym.envs:WorldVectorEnv",
            kwargs={"world": _name},
        )
