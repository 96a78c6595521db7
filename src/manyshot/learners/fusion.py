"""Late fusion of several parts: encoders apart, one ridge regression on all of them, weights by leave-one-out."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from manyshot.learners.feature_learner import FeatureLearner
from manyshot.learners.learner import Classifier, by_task
from manyshot.learners.part_features import PartScale, scales_of, spread_of
from manyshot.learners.part_weights import FusedKernels, choose_weights, present_weight
from manyshot.learners.ridge import log_parameter
from manyshot.tasks import Examples, Parts


class Fusion(FeatureLearner):
    """Classify examples of several parts, any of which may be missing, by ridge regression on the features of all.

    k(x, x') = sum_p w_p <f_p(x), f_p(x')> / sqrt(s(x) s(x')),   s(x) = sum of w_p over the parts that x has

    Each part is encoded, centered by the support and brought to length 1 (`PartScale`). The weights w_p of the parts
    and the penalty come from leave-one-out errors on the support in closed form (`choose_weights`); with one example of
    a class parts count by their spread. Queries that lack parts are classified by a head of their own, with weights of
    their own, from the support examples' features of just the parts that these queries have. What a missing part costs
    is then what it knew, and no more.

    Args:
        encoder: Module from `Parts` to `Parts` of features, such as the encoder `parts`.
        equal: Whether all parts count alike, for comparison.
        scale: Factor of the logits, since least-squares outputs lie between 0 and 1; training learns it.

    Raises:
        InputError: If the scale is not positive.

    Example:
        >>> parts = Parts.of({"a": torch.rand(10, 64), "b": torch.rand(10, 3)}, {"b": [True] * 9 + [False]})
        >>> support = Examples.of(parts.both(lambda value: value[None]), torch.arange(5).repeat_interleave(2))
        >>> Fusion(nn.Identity()).adapt(support)(support.items).shape
        torch.Size([1, 10, 5])
    """

    def __init__(self, encoder: nn.Module, equal: bool = False, scale: float = 10.0) -> None:
        super().__init__(encoder)
        self.equal = equal
        self.log_scale = log_parameter("scale", scale)

    def adapt(self, support: Examples) -> Classifier:
        """Encode the support; heads are solved when queries with these parts are seen."""
        body = nn.Identity() if self.given_features else self.body()
        fused = FusedSupport(_parts(by_task(body, support.items, support.weight)), support, self.equal)

        def classify(queries: Any, weight: Tensor | None = None) -> Tensor:  # noqa: ANN401 - `Parts`, or a tensor
            logits = self.log_scale.exp() * fused(_parts(by_task(body, queries, weight)))
            return logits.to(support.labels).masked_fill(~support.class_mask[:, None], -torch.inf)

        return classify

    def head(self, features: Any, support: Examples) -> Any:  # noqa: ANN401 - see `FeatureLearner`
        """The same on features that are given."""
        fused = FusedSupport(_parts(features), support, self.equal)
        return lambda queries, _: self.log_scale.exp() * fused(_parts(queries))


class FusedSupport:
    """The support of T tasks, scaled, with heads for each combination of parts.

    Args:
        features: Features `[T, n, d]` of each part.
        support: Their labels, weights and origins.
        equal: Whether all parts count alike.
    """

    def __init__(self, features: Parts, support: Examples, equal: bool = False) -> None:
        self.equal = equal
        features = features.with_values(lambda value: value.double())
        self.weight = support.weight.detach().double() if not support.weight.requires_grad else support.weight.double()
        self.scales: Mapping[str, PartScale] = scales_of(features, self.weight)
        self.rows = {name: scale(features[name], features.there[name]) for name, scale in self.scales.items()}
        own = torch.arange(self.weight.shape[1], device=self.weight.device).expand_as(self.weight)
        origin = support.known_origin
        self.kernels = FusedKernels(
            torch.stack([rows @ rows.mT for rows in self.rows.values()]),
            torch.stack([features.there[name] for name in self.rows]),
            support.labels.double(),
            self.weight,
            torch.where(origin >= 0, origin, own),
            spread_of(features, self.weight).detach(),
        )
        self.heads: dict[tuple[int, ...], tuple[Tensor, Tensor]] = {}

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the parts."""
        return tuple(self.rows)

    def weights(self, parts: Sequence[str] | None = None) -> Float[Tensor, "t p"]:
        """The weights of parts `[T, P]` for queries that have just these.

        Args:
            parts: Names; all if None.
        """
        chosen = range(len(self.names)) if parts is None else [self.names.index(name) for name in parts]
        return self.head_of(tuple(chosen))[0]

    def joined_rows(self, chosen: Sequence[int], weights: Float[Tensor, "t p"]) -> Float[Tensor, "t n d"]:
        """The support's scaled features of some parts side by side, whose inner products are the fused kernel.

        x_i = [sqrt(w_p / s_i) r_p(i) for the parts p], s_i = sum of w_p over those of them that example i has

        Args:
            chosen: Indices of parts.
            weights: Their weights.
        """
        there = self.kernels.there[list(chosen)]
        rows = [
            self.rows[self.names[index]] * weights[:, place, None, None].sqrt() for place, index in enumerate(chosen)
        ]
        return torch.cat(rows, -1) * present_weight(there, weights).rsqrt()[..., None]

    def head_of(self, chosen: tuple[int, ...]) -> tuple[Float[Tensor, "t p"], Float[Tensor, "t n ways"]]:
        """Weights of parts and dual coefficients of the support for queries that have just these parts.

        Args:
            chosen: Indices of parts, in order.
        """
        if chosen not in self.heads:
            fused = self.kernels.of(list(chosen))
            weights, penalty = choose_weights(fused)
            if self.equal:
                weights = torch.full_like(weights, 1 / len(chosen))
            self.heads[chosen] = weights, fused.duals(weights, penalty)
        return self.heads[chosen]

    def __call__(self, queries: Parts) -> Float[Tensor, "t m ways"]:
        """Outputs of the regressions for queries.

        Args:
            queries: Features `[T, m, d]` of each part.

        Raises:
            InputError: If the queries have other parts than the support.
        """
        queries = queries.only(self.names).with_values(lambda value: value.double())
        there = torch.stack([queries.there[name] for name in self.names])  # [P, T, m]
        rows = {name: self.scales[name](queries[name], queries.there[name]) for name in self.names}
        kernels = torch.stack([rows[name] @ self.rows[name].mT for name in self.names])
        outputs = self.kernels.offset.expand(-1, there.shape[2], -1)
        for pattern in torch.unique(there.flatten(1), dim=1).mT.tolist():
            chosen = tuple(index for index, present in enumerate(pattern) if present)
            if chosen:
                like = (there == torch.tensor(pattern, device=there.device)[:, None, None]).all(0)
                outputs = torch.where(like[..., None], self._logits(chosen, kernels, there), outputs)
        return outputs

    def _logits(
        self, chosen: tuple[int, ...], kernels: Float[Tensor, "p t m n"], there: Bool[Tensor, "p t m"]
    ) -> Tensor:
        weights, duals = self.head_of(chosen)
        parts = list(chosen)
        fused = self.kernels.of(parts)
        kernel = torch.einsum("tp,ptmn->tmn", weights, kernels[parts])
        kernel = kernel * present_weight(fused.there, weights).rsqrt()[:, None]
        kernel = kernel * present_weight(there[parts], weights).rsqrt()[..., None]
        return kernel @ duals + fused.offset


def _parts(features: Any) -> Parts:  # noqa: ANN401 - `Parts`, or a tensor of one part
    """Features as parts; a tensor `[T, n, d]` is one part."""
    if isinstance(features, Parts):
        return features
    there = torch.ones(features.shape[:2], dtype=torch.bool, device=features.device)
    return Parts({"features": features}, {"features": there})
