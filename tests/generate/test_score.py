"""Scores of models whose worth is known: they hand out real items, or what they are shown."""

from dataclasses import dataclass

import pytest
import torch
from torch import nn

from manyshot.generate import GenerativeModel
from manyshot.generate.generator_config import GeneratorConfig, GeneratorSources
from manyshot.generate.generator_run import GeneratorRun
from manyshot.generate.score import score_run
from manyshot.learners import Prototypes
from manyshot.sample_metrics import score
from manyshot.tasks import Source
from manyshot.training import Config
from manyshot.training.load_run import Run


def items_of(counts: list[int], seed: int, first: int = 0) -> Source:
    """Normal vectors about a center of each class, numbers `first` and up."""
    label = torch.arange(len(counts)).repeat_interleave(torch.tensor(counts))
    items = torch.randn(len(label), 8, generator=torch.Generator().manual_seed(seed)) + centers()[label + first]
    return Source.of(items, [f"class {k + first}" for k in label.tolist()])


def centers() -> torch.Tensor:
    return 6 * torch.randn(20, 8, generator=torch.Generator().manual_seed(99))


class Known(GenerativeModel):
    """Makes items by a rule."""

    def __init__(self, conditioning: str, rule, shape: tuple[int, ...]) -> None:
        super().__init__(shape, noise=8, classes=2)
        self.conditioning, self.rule = conditioning, rule
        self.place = nn.Parameter(torch.zeros(()))

    def code(self, condition):
        return (condition.label if condition.like is None else condition.like,)

    def decode(self, noise, code):
        return self.rule(noise, *code)


@dataclass(frozen=True)
class Judged:
    """What `score_run` is given."""

    training: Source
    test: Source

    def scores(self, monkeypatch, conditioning: str, rule):
        parts = GeneratorSources(self.training, test=self.test)
        monkeypatch.setattr("manyshot.generate.score.load_generator_sources", lambda *_: parts)
        shape = tuple(self.training.store.shape[1:])
        run = GeneratorRun(GeneratorConfig("digits"), Known(conditioning, rule, shape), self.training.class_names, [])
        pixels = Run(Config("digits"), Prototypes(nn.Flatten()), 1, 4, [])
        return score_run(run, pixels if len(shape) == 3 else None)


@pytest.fixture
def uneven() -> Judged:
    return Judged(items_of([900, 100], seed=0), items_of([900, 100], seed=1))


@pytest.fixture
def others() -> Judged:
    """A model's own classes, and twelve that it never saw."""
    return Judged(items_of([40] * 8, seed=0), items_of([40] * 12, seed=1, first=8))


def nearest_center(shown: torch.Tensor) -> torch.Tensor:
    return centers()[torch.cdist(shown, centers()).argmin(1)]


class TestUnevenClasses:
    def test_a_perfect_model_of_classes_scores_as_real_items_do(self, uneven, monkeypatch):
        result = uneven.scores(monkeypatch, "label", lambda z, label: centers()[label] + z)
        assert abs(result.generated.kernel_distance) < 3 * max(1, abs(result.real.kernel_distance))
        assert result.generated.frechet_distance < 2 * result.real.frechet_distance
        assert result.generated.recall == pytest.approx(result.real.recall, abs=0.05)
        assert result.generated.generated_to_real == pytest.approx(1, abs=0.01)

    def test_a_perfect_model_that_is_shown_items_does_so_too(self, uneven, monkeypatch):
        result = uneven.scores(monkeypatch, "item", lambda z, shown: nearest_center(shown) + z)
        assert abs(result.generated.kernel_distance) < 3 * max(1, abs(result.real.kernel_distance))

    def test_one_that_makes_all_classes_alike_is_seen(self, uneven, monkeypatch):
        result = uneven.scores(monkeypatch, "label", lambda z, label: centers()[0] + z)
        assert result.generated.kernel_distance > 10 * max(1, abs(result.real.kernel_distance))


class TestModelsThatAreShownItems:
    def test_one_that_hands_on_what_it_is_shown_is_a_copier_without_diversity(self, others, monkeypatch):
        result = others.scores(monkeypatch, "item", lambda z, shown: shown + 0 * z)
        assert result.generated.copies == 1
        assert result.generated.diversity_per_example == 0
        # What no other measure says.
        assert result.generated.diversity == pytest.approx(1, abs=0.1)
        assert result.generated.recall == pytest.approx(result.real.recall, abs=0.05)

    def test_real_items_are_no_copies_and_as_diverse_as_their_class(self, others, monkeypatch):
        result = others.scores(monkeypatch, "item", lambda z, shown: shown + 0 * z)
        assert result.real.copies < 0.15
        assert result.real.diversity_per_example == result.real.diversity == pytest.approx(1, abs=0.1)

    @pytest.mark.parametrize("conditioning", ["item", "mean"])
    def test_a_perfect_one_scores_as_real_items_do(self, others, monkeypatch, conditioning):
        result = others.scores(monkeypatch, conditioning, lambda z, shown: nearest_center(shown) + z)
        assert result.generated.copies == pytest.approx(result.real.copies, abs=0.06)
        assert result.generated.diversity_per_example == pytest.approx(1, abs=0.1)

    def test_noise_that_moves_half_as_far_has_half_of_the_diversity(self, others, monkeypatch):
        result = others.scores(monkeypatch, "item", lambda z, shown: shown + z / 2)
        assert result.generated.diversity_per_example == pytest.approx(0.5, abs=0.05)

    def test_the_mean_itself_is_a_copy(self, others, monkeypatch):
        result = others.scores(monkeypatch, "mean", lambda z, mean: mean + 0 * z)
        assert result.generated.copies == 1
        assert result.generated.diversity_per_example == 0

    def test_are_not_evaluated_on_what_they_are_shown(self, others, monkeypatch):
        shown = []

        def rule(z, like):
            shown.append(like)
            return like + z

        judged = []
        monkeypatch.setattr("manyshot.generate.score.score", lambda *parts: judged.append(parts[1]) or score(*parts))
        result = others.scores(monkeypatch, "item", rule)
        # No judged item lies where a shown one does.
        assert float(torch.cdist(judged[0], torch.cat(shown)).min()) > 1e-3
        assert len(judged[0]) == result.examples == 12 * 20

    def test_copies_of_training_items_are_seen_too(self, others, monkeypatch):
        own = others.training.gather(range(len(others.training)))
        result = others.scores(monkeypatch, "item", lambda z, shown: own[: len(z)] + 0 * z)
        assert result.generated.copies == 1

    def test_pictures_stand_beside_those_that_were_shown_or_learned(self, monkeypatch):
        def pictures(seed: int, names: str) -> Source:
            items = torch.randint(256, (40, 1, 4, 4), generator=torch.Generator().manual_seed(seed), dtype=torch.uint8)
            return Source.of(items, list(names) * 20)

        judged = Judged(pictures(0, "ab"), pictures(1, "cd"))
        known = judged.training.gather(range(40)) / 255
        # Half of what is made is what was shown, half is what was learned from.
        result = judged.scores(
            monkeypatch, "item", lambda z, shown: torch.where((z[:, 0] > 0).view(-1, 1, 1, 1), shown, known[: len(z)])
        )
        generated, nearest = result.pairs
        assert len(generated) == 20
        assert generated.equal(nearest)
        of_training = (generated[:, None] == judged.training.store).flatten(2).all(2).any(1)
        assert 0 < of_training.sum() < 20


class TestModelsThatAreShownNothing:
    def test_copies_are_of_training_items_and_not_of_the_test_items(self, uneven, monkeypatch):
        own, held = (source.gather(range(1000)) for source in (uneven.training, uneven.test))
        learned = uneven.scores(monkeypatch, "nothing", lambda z, *_: own[: len(z)])
        lucky = uneven.scores(monkeypatch, "nothing", lambda z, *_: held[: len(z)])
        assert learned.generated.copies == 1
        assert lucky.generated.copies < 0.15
        assert learned.generated.diversity_per_example is None
        assert learned.real.diversity_per_example is None
