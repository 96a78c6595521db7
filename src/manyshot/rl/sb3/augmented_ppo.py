"""PPO of stable-baselines3 with augmentation of rollouts (RAD) and of the loss (DrAC)."""

from collections.abc import Iterator
from contextlib import contextmanager
from copy import copy
from typing import Any

import torch
from gymnasium import spaces
from jaxtyping import Float, Shaped
from stable_baselines3 import PPO
from stable_baselines3.common.distributions import Distribution, kl_divergence
from torch import Tensor

from manyshot.base import seeds as streams
from manyshot.base.check_numbers import check_range
from manyshot.rl.gym.spaces import Seen
from manyshot.rl.rl_plan import RLPlan
from manyshot.rl.sb3.vec_env import AugmentedVecEnv


class AugmentedPPO(PPO):
    """PPO whose agent sees augmented observations, in rollouts, in the loss, or in both.

    A `rollout:` clause changes what the agent sees while it acts, by one draw an episode (Laskin et al. 2020, RAD). A
    `view:` clause adds to the loss (Raileanu et al. 2021, DrAC)

        view_weight mean [ KL(pi(s) || pi(f s)) + (V(s) - V(f s))^2 / 2 ],

    where f is a fresh draw for each observation, and no gradient flows through pi(s) and V(s). Evaluate the agent in
    an environment of its own, which is not augmented. Contexts and symmetries belong to the environment, as in
    `WorldVecEnv(..., plan="world: jitter; trial: turn")`.

    `train` is that of stable-baselines3: the gradient of the term is added between `zero_grad` and `backward`, so it is
    clipped together with PPO's. The value term needs rewards of a usual size, such as those of `VecNormalize`.

    Args:
        policy: As for `PPO`.
        env: Any environment whose observations are vectors or images.
        plan: What is augmented; "none" makes it plain PPO.
        view_weight: Weight of the term.
        view_value: Whether values are regularized as well.
        frames: Number of frames that are stacked in the channels of an image; they share a draw.
        **options: As for `PPO`.

    Raises:
        InputError: If the plan does not fit the observations, or the weight is negative.

    Example:
        >>> from manyshot.rl.sb3 import AugmentedPPO
        >>> model = AugmentedPPO("MlpPolicy", "CartPole-v1", plan="view: amplitude(0.2)", n_steps=64, seed=0)
        >>> _ = model.learn(64)
    """

    def __init__(
        self,
        policy: Any,  # noqa: ANN401 - a name or a class
        env: Any,  # noqa: ANN401 - of Gymnasium or of stable-baselines3, or its name
        plan: str = "none",
        view_weight: float = 0.1,
        view_value: bool = True,
        frames: int = 1,
        **options: Any,  # noqa: ANN401
    ) -> None:
        check_range(0, view_weight=view_weight)
        self.plan_text, self.view_weight, self.view_value, self.frames = plan, view_weight, view_value, frames
        super().__init__(policy, env, **options)

    def _setup_model(self) -> None:
        self._see = Seen(self.observation_space, self.frames)
        self._plan = RLPlan(self.plan_text, self._see.environment, self.frames)
        self._view_generator = streams.generator(self.seed or 0, "view")
        self._augment_env()
        super()._setup_model()

    def _augment_env(self) -> None:
        if self.env is None or isinstance(self.env, AugmentedVecEnv) or not self._plan.has("rollout"):
            return
        rollout = "rollout: " + " ".join(map(str, self._plan.calls("rollout")))
        self.env = AugmentedVecEnv(self.env, rollout, self.frames, self.seed or 0)

    def set_env(self, env: Any, force_reset: bool = True) -> None:  # noqa: ANN401 - as `PPO.set_env`
        """Change the environment; it is augmented as the first one was."""
        super().set_env(env, force_reset)
        self._augment_env()

    def _excluded_save_params(self) -> list[str]:
        return [*super()._excluded_save_params(), "_see", "_plan", "_view_generator"]

    def train(self) -> None:
        """One update, with the views in the loss."""
        if not self._plan.has("view"):
            super().train()
            return
        with self._views_in_the_loss() as parts:
            super().train()
        divergence, difference = torch.tensor(parts).mean(0).tolist()
        self.logger.record("train/view_kl", divergence)
        self.logger.record("train/view_value", difference)

    @contextmanager
    def _views_in_the_loss(self) -> Iterator[list[tuple[float, float]]]:
        """Add the gradient of the term to that of every minibatch, and tell both parts of the term."""
        policy, optimizer = self.policy, self.policy.optimizer
        evaluate, clear = policy.evaluate_actions, optimizer.zero_grad
        observed: list[Tensor] = []
        parts: list[tuple[float, float]] = []

        def remember(observations: Tensor, actions: Tensor) -> Any:  # noqa: ANN401 - what SB3 returns
            observed[:] = [observations]
            return evaluate(observations, actions)

        def clear_and_regularize(set_to_none: bool = True) -> None:
            clear(set_to_none)
            divergence, difference = self.view_terms(observed[0])
            torch.autograd.backward(self.view_weight * (divergence + difference))
            parts.append((float(divergence.detach()), float(difference.detach())))

        # Attributes of these two objects hide the methods of their classes until they are deleted.
        policy.evaluate_actions = remember  # type: ignore[method-assign, assignment]
        optimizer.zero_grad = clear_and_regularize  # type: ignore[method-assign]
        try:
            yield parts
        finally:
            del policy.evaluate_actions, optimizer.zero_grad

    def view_terms(self, observations: Shaped[Tensor, "n ..."]) -> tuple[Float[Tensor, ""], Float[Tensor, ""]]:
        """The mean divergence, and half the mean squared difference of values (0 without `view_value`)."""
        with torch.no_grad():
            plain, plain_value = self._answers(observations)
        changed, changed_value = self._answers(self._viewed(observations))
        divergence = kl_divergence(plain, changed)
        divergence = divergence.flatten(1).sum(1) if divergence.ndim > 1 else divergence
        difference = 0.5 * (plain_value - changed_value).square().mean() * self.view_value
        return divergence.mean(), difference

    def _answers(self, observations: Tensor) -> tuple[Distribution, Tensor]:
        """Distribution over actions, and values, by one pass through shared features."""
        policy: Any = self.policy
        features = policy.extract_features(observations)
        latent = (
            policy.mlp_extractor(features)
            if policy.share_features_extractor
            else (
                policy.mlp_extractor.forward_actor(features[0]),
                policy.mlp_extractor.forward_critic(features[1]),
            )
        )
        distribution: Distribution = policy._get_action_dist_from_latent(latent[0])
        return copy(distribution), policy.value_net(latent[1])  # the policy fills one and the same object again

    def _viewed(self, observations: Tensor) -> Tensor:
        """A fresh draw for each observation, in the type and layout of the buffer."""
        space = self.observation_space
        as_bytes = isinstance(space, spaces.Box) and len(space.shape) == 3 and space.dtype.kind == "u"
        given = observations.to(torch.uint8) if as_bytes else observations
        moved = given.movedim(-1, 1) if self._see.last else given
        changed = self._plan.view(moved.contiguous(), self._view_generator)
        return (changed.movedim(1, -1) if self._see.last else changed).to(observations.dtype)
