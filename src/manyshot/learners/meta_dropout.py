"""Meta-Dropout: learning to perturb hidden features in the inner loop (Lee, Nam, Yang and Hwang 2020)."""

from collections.abc import Callable
from typing import Any, cast

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from manyshot.base import InputError
from manyshot.learners.functional import call_with
from manyshot.learners.inner_loop import Parameters
from manyshot.learners.maml import MAML
from manyshot.nets import StagedEncoder

NOISE = "noise."
"""Prefix of the names of the noise's parameters."""


class LearnedFactors(nn.Module):
    """Multiply hidden features by random factors whose distribution depends on the features.

    h' = h * softplus(g(h) + e),   e ~ N(0, I) while noise is on, e = 0 otherwise

    g is a linear map of the channels at each position. Noise comes from torch's global generator, as in dropout.

    Args:
        channels: Number of channels of the features.

    Example:
        >>> factors = LearnedFactors(8)
        >>> factors(torch.rand(5, 8, 7, 7), noisy=False).shape
        torch.Size([5, 8, 7, 7])
    """

    draws_noise = True

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(channels, channels))
        self.bias = nn.Parameter(
            torch.full((channels,), 0.5413)
        )  # softplus(0.5413) = 1, so the features do not change at first

    def forward(self, x: Float[Tensor, "n c ..."], noisy: bool = False) -> Float[Tensor, "n c ..."]:
        """Multiply features by their factors.

        Args:
            x: Hidden features `[n, c, ...]`.
            noisy: Whether the factors are random.
        """
        bias = self.bias.view(-1, *(1 for _ in x.shape[2:]))
        mean = torch.einsum("kc,nc...->nk...", self.weight, x) + bias
        return x * F.softplus(mean + torch.randn(x.shape, dtype=x.dtype, device=x.device) if noisy else mean)


class Perturbed(nn.Module):
    """An encoder and a linear layer, with learned factors after each stage of the encoder.

    Args:
        encoder: Encoder made of stages, with the attribute `features`, the length of a feature vector.
        ways: Number of outputs of the linear layer.

    Example:
        >>> from manyshot.nets import Conv4
        >>> Perturbed(Conv4(channels=1, size=28, widths=(8, 8, 8, 8), norm="group"), 5)(torch.rand(2, 1, 28, 28)).shape
        torch.Size([2, 5])
    """

    def __init__(self, encoder: StagedEncoder, ways: int) -> None:
        super().__init__()
        self.encoder = encoder
        features = cast(int, encoder.features)
        widths = [*encoder.widths[1:-1], features]
        self.noise = nn.ModuleList(LearnedFactors(width) for width in widths)
        self.head = nn.Linear(features, ways)

    def forward(self, items: Float[Tensor, "n ..."], noisy: bool = False) -> Float[Tensor, "n ways"]:
        """Compute logits or predictions.

        Args:
            items: Items `[n, ...]`.
            noisy: Whether the factors are random.
        """
        x = items
        for stage, factors in enumerate(self.noise):
            x = factors(self.encoder.run(x, stage, stage + 1), noisy)
        logits: Tensor = self.head(x)
        return logits


class MetaDropout(MAML):
    """MAML whose inner loop uses hidden features with learned noise, so that adaptation generalizes to the query.

    theta_t = theta - alpha grad L(theta, phi; noisy support_t), `steps` times
    min over theta and phi of sum_t L(theta_t, phi; query_t)

    After each stage l of the encoder, features h_l are multiplied by softplus(g_l(h_l) + e_l), e_l ~ N(0, I); phi, the
    weights of all g_l, is meta-learned and does not adapt. During training each inner step draws new noise. For queries
    and for the support of new tasks, e_l = 0.

    Where it differs from the paper: the factor of a stage depends on its own output, by a linear map of the channels,
    and not on its input by a convolution like that of the stage; on new tasks the inner loop draws no noise, so that
    the same support gives the same classifier.

    Args:
        model: Encoder with learned factors, and a linear layer.
        ways: Number of outputs of the model; tasks may have fewer classes.
        step_size: Inner learning rate alpha.
        steps: Number of inner gradient steps.
        vectorized: Whether tasks are computed together, see `GradientLearner`.

    Raises:
        InputError: As `MAML`.

    Example:
        >>> from manyshot.nets import Conv4
        >>> from manyshot.tasks import Examples
        >>> learner = MetaDropout(Perturbed(Conv4(channels=1, size=28, widths=(8, 8, 8, 8), norm="group"), 5), ways=5)
        >>> support = Examples.of(torch.rand(2, 5, 1, 28, 28), torch.arange(5))
        >>> learner.adapt(support)(torch.rand(2, 7, 1, 28, 28)).shape
        torch.Size([2, 7, 5])
    """

    runs_stages = True

    def __init__(
        self, model: Perturbed, ways: int, step_size: float = 0.1, steps: int = 5, vectorized: bool | None = None
    ) -> None:
        super().__init__(model, ways, step_size, steps, vectorized=vectorized)

    @staticmethod
    def build_model(encoder: Any, ways: int) -> Perturbed:  # noqa: ANN401 - a module with `features`
        """The encoder with learned factors after each stage, and a linear layer.

        Args:
            encoder: Encoder made of stages.
            ways: Number of outputs.

        Raises:
            InputError: If the encoder is not made of stages.
        """
        if not isinstance(encoder, StagedEncoder):
            raise InputError(
                "meta-dropout perturbs the stages of an encoder; use an encoder made of stages, such as conv4"
            )
        return Perturbed(encoder, ways)

    def adapts(self, name: str) -> bool:
        """Whether a parameter adapts: all but those of the noise."""
        return not name.startswith(NOISE)

    def predictor(self, items: Float[Tensor, "n ..."]) -> Callable[[Parameters], Float[Tensor, "n ways"]]:
        """Predictions for the support as a function of the parameters, with noise in training mode."""
        return lambda parameters: call_with(self.model, parameters, (items,), {"noisy": self.training})
