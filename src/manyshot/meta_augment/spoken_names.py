"""Examples of sounds from the names of their classes, said by a speech synthesizer."""

from typing import Any, ClassVar

import torch
from torch import Generator, Tensor

from manyshot.base import InputError
from manyshot.base.check_numbers import check_range
from manyshot.meta_augment.learned_augmenter import Draws, LearnedAugmenter, Space, Varied
from manyshot.meta_augment.support_context import per_example
from manyshot.meta_augment.text_map import ClassRows, choose_weight
from manyshot.meta_augment.weight_budget import WeightBudget
from manyshot.tasks import Examples, Source


class SpokenNames(LearnedAugmenter):
    """Add features of the name of each class, said in many voices, `spoken-names(voices=12)`.

    z'_kj = f(voice j says the text of class k) + m - s

    For classes of recordings of what their names say: words, digits, commands. The program eSpeak NG says the texts
    (`manyshot.datasets.speech_synthesis`); f is the learner's encoder. m and s are the means of the real and of the
    spoken features of the classes to train on, so that what is common to all synthetic speech is taken out. The
    predictions weigh as those of `ExamplesFromNames` do; so do classes of which nothing is said.

    Args:
        features: Dimension d of the features.
        voices: Number of voices; each generated example takes another one, from a random one on.
        language: Language of the texts, such as "en-us" or "de".
        weight: Total weight of the generated examples of a class at one shot, relative to one real example; chosen on
            the classes to train on if None. For tasks across speakers give it: tasks of theirs are not tried.

    Raises:
        InputError: If an option is out of range.
    """

    space: ClassVar[Space] = "features"

    shift: Tensor

    def __init__(self, features: int, voices: int = 12, language: str = "en-us", weight: float | None = None) -> None:
        self.check_options(voices, weight)
        super().__init__()
        self.speaks = (language, voices)
        self.voices, self.weight = voices, weight
        self.register_buffer("shift", torch.zeros(features))
        self.budget = WeightBudget(1.0 if weight is None else weight).requires_grad_(False)

    @staticmethod
    def check_options(voices: int = 12, weight: float | None = None) -> None:
        """Check the ranges of the options.

        Raises:
            InputError: If one is out of range.
        """
        check_range(1, 36, whole=True, voices=voices)
        if weight is not None:
            check_range(1e-6, 1e6, weight=weight)

    def fit_statistics(self, source: Source) -> None:
        """Estimate what is common to synthetic speech, and choose the weight.

        Raises:
            InputError: If the names of the source's classes are not said.
        """
        spoken = self._spoken(source.about, source.name).double()
        rows = ClassRows.of(source, torch.ones(len(spoken), dtype=torch.bool))
        means = rows.means()
        said = spoken.abs().sum((1, 2)) > 0
        self.shift = (means[said].mean(0) - spoken[said].mean((0, 1))).to(self.shift)
        if self.weight is None:
            predicted = torch.where(said[:, None], spoken.mean(1) + self.shift.double(), means.mean(0))
            generator = torch.Generator().manual_seed(0)  # of what is tried, not of a result that varies
            self.budget.set(*choose_weight(rows, predicted, generator))

    def draw(self, support: Examples, copies: int, generator: Generator) -> Draws:
        """Draw the first voice of each example; its copies take the following ones."""
        tasks, n = support.weight.shape
        first = torch.randint(self.voices, (tasks, n, 1), generator=generator)
        return {"voice": ((first + torch.arange(copies)) % self.voices).flatten(1)}

    def vary(self, support: Examples, copies: int, draws: Draws, context: Examples) -> Varied:
        """Look up what the voices say of the classes of the context.

        Raises:
            InputError: If the names of these classes are not said.
        """
        spoken = self._spoken(context.about, "these tasks").to(support.items) + self.shift.to(support.items)
        labels = support.labels.repeat_interleave(copies, 1)
        by_voice = torch.einsum("tmk,tkvd->tmvd", labels, spoken)
        voice = draws["voice"].long()[..., None, None].expand(-1, -1, 1, by_voice.shape[-1])
        said = (context.about.abs().sum(-1) > 0).to(support.items)  # type: ignore[union-attr]
        there = per_example(said[..., None], labels)[..., 0]
        return by_voice.gather(2, voice)[:, :, 0], self.budget(support, copies) * there

    def _spoken(self, about: Any, where: str) -> Tensor:  # noqa: ANN401 - texts, vectors or nothing
        """What is said, `[..., voices, d]`."""
        features = len(self.shift)
        if not isinstance(about, Tensor) or about.shape[-1] != self.voices * features:
            raise InputError(
                f"spoken-names: the names of the classes of {where} are not said by {self.voices} voices; evaluate a "
                "source of sounds, or use say(source, encoder)"
            )
        return about.reshape(*about.shape[:-1], self.voices, features)
