"""Examples from what is said of classes: a name as one more shot (after Lin et al. 2023; Xing et al. 2019)."""

from typing import Any, ClassVar

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional as F

from manyshot.base import InputError
from manyshot.base.check_numbers import check_range
from manyshot.meta_augment.learned_augmenter import Draws, LearnedAugmenter, Space, Varied
from manyshot.meta_augment.support_context import gaussian, per_example
from manyshot.meta_augment.text_map import ClassRows, choose_weight, fit_text_map
from manyshot.meta_augment.weight_budget import WeightBudget
from manyshot.tasks import Examples, Source

RESIDUALS = 512
"""Most residuals that are kept for noise."""


class ExamplesFromNames(LearnedAugmenter):
    """Predict each class's features from its name or description, and add them as examples, `naming(noise=0)`.

    z'_k = m + W (t_k - c) + A (m + W (t_k - c) - m) + s e,   e ~ N(0, Sigma)

    t_k is the vector of the text in `Examples.about`, of unit length. c, m and W are fitted on the classes to train on
    (`fit_text_map`): ridge regression from the vectors of texts to class means, whose penalty is the one that predicts
    held-out classes best. The weight of the predictions of a class falls with its shots (`WeightBudget`), and is chosen
    on tasks of the same classes, each predicted by a map that was fitted without it. A class of which nothing is said
    (zeros) gets examples of weight 0. Sigma is the covariance of the features around the predictions of held-out
    classes, so that s = 1 draws examples that such a class could have: hallucination from a text; s = 0 is the control.

    Differences from Lin et al.: text and features come from two encoders that were never trained together, so that a
    map between them is learned, on other classes; the name has a weight of its own. From Xing et al.: the mean of name
    and shots has one weight for all classes instead of a learned one for each.

    Args:
        features: Dimension d of the features.
        text: Encoder of sentences that reads what is said, such as "minilm" or "universal".
        noise: s, in standard deviations of the residuals.
        weight: Total weight of the predictions of a class at one shot, relative to one real example; chosen on the
            classes to train on if None.
        learned: Whether a linear correction A, which begins at 0, and the weights are trained through the learner. In
            training, the classes that W was fitted on are predicted by maps that were fitted without them.

    Raises:
        InputError: If an option is out of range.

    Example:
        >>> from dataclasses import replace
        >>> source = Source.of(torch.rand(40, 8), [i % 8 for i in range(40)])
        >>> naming = ExamplesFromNames(8)
        >>> naming.fit_statistics(replace(source, about=torch.rand(8, 5)))
        >>> support = replace(Examples.of(torch.rand(2, 3, 8), torch.arange(3)), about=torch.rand(2, 3, 5))
        >>> naming.make(support, 1, torch.Generator()).items.shape
        torch.Size([2, 3, 8])
    """

    space: ClassVar[Space] = "features"

    text_mean: Tensor
    feature_mean: Tensor
    matrix: Tensor
    residuals: Tensor
    known: Tensor
    held_out: Tensor

    def __init__(
        self,
        features: int,
        text: str = "minilm",
        noise: float = 0.0,
        weight: float | None = None,
        learned: bool = False,
    ) -> None:
        self.check_options(noise, weight)
        super().__init__()
        self.reads = text
        self.noise, self.weight = noise, weight
        sizes = {"text_mean": (0,), "feature_mean": (features,), "matrix": (0, features), "residuals": (0, features)}
        for name, shape in sizes.items():
            self.register_buffer(name, torch.zeros(shape))
        self.register_buffer("known", torch.zeros(0, 0), persistent=False)
        self.register_buffer("held_out", torch.zeros(0, features), persistent=False)
        self.budget = WeightBudget(1.0 if weight is None else weight)
        self.correction = nn.Linear(features, features, bias=False) if learned else None
        if self.correction is not None:
            nn.init.zeros_(self.correction.weight)
        for parameter in self.parameters():
            parameter.requires_grad_(learned)

    @staticmethod
    def check_options(noise: float = 0.0, weight: float | None = None) -> None:
        """Check the ranges of the options.

        Raises:
            InputError: If one is out of range.
        """
        check_range(0, 100, noise=noise)
        if weight is not None:
            check_range(1e-6, 1e6, weight=weight)

    def fit_statistics(self, source: Source) -> None:
        """Fit the map and choose the weight on the classes of which something is said.

        Raises:
            InputError: If nothing is said of the classes in vectors, or of fewer than four.
        """
        said = source.about
        if not isinstance(said, Tensor):
            raise InputError(f"{source.name}: nothing is said of its classes; call add_class_vectors(source, 'minilm')")
        known = said.abs().sum(1) > 0
        rows = ClassRows.of(source, known)
        texts = F.normalize(said[known].double(), dim=1)
        generator = torch.Generator().manual_seed(0)  # of what is tried, not of a result that varies
        fitted = fit_text_map(texts, rows, generator)
        self.text_mean, self.feature_mean, self.matrix = (
            part.to(self.feature_mean) for part in (fitted.text_mean, fitted.feature_mean, fitted.matrix)
        )
        self.known, self.held_out = texts.to(self.matrix), fitted.held_out.to(self.matrix)
        away = rows.items - fitted.held_out.repeat_interleave(rows.counts, 0)
        kept = torch.randperm(len(away), generator=generator)[:RESIDUALS] if self.noise else slice(0)
        self.residuals = away[kept].to(self.matrix)
        if self.weight is None:
            self.budget.set(*choose_weight(rows, fitted.held_out, generator))

    def draw(self, support: Examples, copies: int, generator: Generator) -> Draws:
        """Draw the noise along the residuals; no random numbers without noise."""
        tasks, n = support.weight.shape
        return {"noise": gaussian(tasks, n, copies, len(self.residuals), generator)} if self.noise else {}

    def vary(self, support: Examples, copies: int, draws: Draws, context: Examples) -> Varied:
        """Predict examples from what is said of the classes of the context.

        Raises:
            InputError: If the map was not fitted, or nothing is said of the classes in vectors of its length.
        """
        said = context.about
        if not len(self.text_mean):
            raise InputError("naming has no map from texts yet; train it first")
        if said is None or said.shape[-1] != len(self.text_mean):
            raise InputError(
                f"naming: nothing is said of these classes in vectors of length {len(self.text_mean)}; draw the tasks "
                f"from add_class_vectors(source, '{self.reads}')"
            )
        known = (said.abs().sum(-1) > 0).to(support.items)
        items = per_example(self._predicted(said.to(support.items)), support.labels).repeat_interleave(copies, 1)
        if self.noise:
            along = draws["noise"] @ self.residuals.to(items)
            items = items + self.noise / len(self.residuals) ** 0.5 * along
        there = per_example(known[..., None], support.labels)[..., 0].repeat_interleave(copies, 1)
        return items, self.budget(support, copies) * there

    def _predicted(self, said: Tensor) -> Tensor:
        """Predicted features `[T, ways, d]`."""
        texts = F.normalize(said, dim=-1)
        offset = (texts - self.text_mean.to(said)) @ self.matrix.to(said)
        if self.training and self.correction is not None and len(self.known):
            nearness, nearest = (texts @ self.known.to(said).mT).max(-1)
            own = self.held_out.to(said)[nearest] - self.feature_mean.to(said)
            offset = torch.where(nearness[..., None] > 1 - 1e-6, own, offset)
        if self.correction is not None:
            offset = offset + self.correction(offset)
        return self.feature_mean.to(said) + offset

    def _load_from_state_dict(self, state_dict: dict[str, Tensor], prefix: str, *rest: Any) -> None:  # noqa: ANN401
        """Take the length of texts and the number of residuals from the stored tensors."""
        stored = {name: state_dict.get(prefix + name) for name in ("text_mean", "matrix", "residuals")}
        for name, tensor in stored.items():
            current = getattr(self, name)
            if tensor is not None and tensor.shape[1:] == current.shape[1:]:
                setattr(self, name, current.new_zeros(tensor.shape))
        super()._load_from_state_dict(state_dict, prefix, *rest)
