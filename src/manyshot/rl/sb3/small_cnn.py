"""A network for small images: the one of stable-baselines3 needs at least 36 x 36 pixels."""

import torch
from gymnasium import spaces
from jaxtyping import Float
from stable_baselines3.common.torch_layers import BaseFeaturesExtractor
from torch import Tensor, nn


class SmallCNN(BaseFeaturesExtractor):
    """Two convolutions, the second with stride 2, and a linear layer, for images from 5 x 5 to about 64 x 64 pixels.

    Args:
        observation_space: Images `[c, h, w]`.
        features_dim: Number of features.
        width: Channels of the first convolution; the second has twice as many.

    Example:
        >>> network = SmallCNN(spaces.Box(0, 255, (1, 32, 32)), features_dim=64)
        >>> network(torch.rand(8, 1, 32, 32)).shape
        torch.Size([8, 64])
    """

    def __init__(self, observation_space: spaces.Box, features_dim: int = 128, width: int = 16) -> None:
        super().__init__(observation_space, features_dim)
        convolutions = nn.Sequential(
            nn.Conv2d(
                observation_space.shape[0], width, 3, stride=2 if observation_space.shape[1] > 16 else 1, padding=1
            ),
            nn.ReLU(),
            nn.Conv2d(width, 2 * width, 3, stride=2, padding=1),
            nn.ReLU(),
            nn.Flatten(),
        )
        with torch.no_grad():
            size = convolutions(torch.zeros(1, *observation_space.shape)).shape[1]
        self.layers = nn.Sequential(convolutions, nn.Linear(size, features_dim), nn.ReLU())

    def forward(self, observations: Float[Tensor, "n c h w"]) -> Float[Tensor, "n features"]:
        """Features of images from 0 to 1, to which policies of stable-baselines3 scale bytes."""
        features: Tensor = self.layers(observations)
        return features
