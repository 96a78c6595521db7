"""Relation networks (Sung, Yang, Zhang, Xiang, Torr and Hospedales 2018)."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from manyshot.base import InputError
from manyshot.learners.feature_learner import FeatureLearner, Head
from manyshot.nets import GroupNorm, Norm
from manyshot.tasks import Episode, Examples


class Relation(FeatureLearner):
    """Classify by a second network that scores pairs of a query and a class, from the feature maps of both.

    m_k = sum_i w_i y_ik f(x_i) / sum_i w_i y_ik,   r_k(q) = sigmoid(g([m_k, f(q)])),   L = mean (r_k(q) - y_qk)^2

    f gives feature *maps*, which are concatenated along channels; g is two blocks of convolution, normalization, ReLU
    and 2x2 max pooling (while the map has at least two pixels a side), and two linear layers. The logits are the inputs
    of the sigmoid.

    Where it differs from the paper: maps of a class are averaged, not summed, so that a learner trained with one number
    of shots can be used with another; with one shot both are the same. The encoder of the paper pools in its first two
    blocks only: `conv4(pools=2)`.

    Args:
        encoder: Module from items `[n, ...]` to features `[n, d]`, which are flattened maps of the shape
            `encoder.map_shape` (channels, height, width).
        hidden: Width of the last hidden layer.
        norm: Normalization of the relation module: "batch" or "group".

    Raises:
        InputError: If the encoder has no `map_shape`, or `hidden` is below 1.

    Example:
        >>> from manyshot.nets import Conv4
        >>> learner = Relation(Conv4(channels=1, size=28, pools=2))
        >>> support = Examples.of(torch.rand(2, 5, 1, 28, 28), torch.arange(5))
        >>> learner.adapt(support)(torch.rand(2, 7, 1, 28, 28)).shape
        torch.Size([2, 7, 5])
    """

    def __init__(self, encoder: nn.Module, hidden: int = 8, norm: Norm = "batch") -> None:
        super().__init__(encoder)
        if not hasattr(encoder, "map_shape"):
            raise InputError("relation needs an encoder that gives feature maps: conv4 or resnet12")
        if hidden < 1:
            raise InputError(f"hidden={hidden}: give at least 1")
        self.map_shape: tuple[int, int, int] = tuple(encoder.map_shape)  # type: ignore[arg-type]
        width, height, _ = self.map_shape
        blocks: list[nn.Module] = []
        for into in (2 * width, width):
            blocks += [nn.Conv2d(into, width, 3, padding=1, bias=False), _norm(norm, width), nn.ReLU()]
            if height >= 2:
                blocks.append(nn.MaxPool2d(2))
                height //= 2
        self.relate = nn.Sequential(
            *blocks, nn.Flatten(), nn.Linear(width * height**2, hidden), nn.ReLU(), nn.Linear(hidden, 1)
        )

    def head(self, features: Float[Tensor, "t n d"], support: Examples) -> Head:
        """Average the maps of each class."""
        mass = support.labels * support.weight[..., None]
        mean = mass.mT @ features / mass.sum(1).clamp(min=1e-12)[..., None]

        def classify(queries: Float[Tensor, "t m d"], weight: Tensor | None) -> Float[Tensor, "t m ways"]:
            # Pairs with padding or with an absent class are left out, since they would enter batch statistics.
            real = queries.new_ones(queries.shape[:2]) if weight is None else weight
            mask = support.class_mask[:, None] & (real > 0)[..., None]
            task, query, way = mask.nonzero(as_tuple=True)
            pairs = torch.cat([mean[task, way], queries[task, query]], -1).reshape(len(task), -1, *self.map_shape[1:])
            scores: Tensor = self.relate(pairs)[:, 0]
            return scores.new_zeros(mask.shape).index_put((task, query, way), scores)

        return classify

    def query_losses(self, episode: Episode) -> Float[Tensor, "t m"]:
        """The mean squared error of each query's relation scores with the classes of its task."""
        query = episode.query
        logits = self.adapt(episode.support)(query.items, query.weight)
        errors = (logits.sigmoid() - query.labels).square().masked_fill(~query.class_mask[:, None], 0)
        return errors.sum(-1) / query.class_mask.sum(-1, keepdim=True)


def _norm(norm: Norm, width: int) -> nn.Module:
    return nn.BatchNorm2d(width) if norm == "batch" else GroupNorm(1, width)
