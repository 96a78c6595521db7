"""AFHN's two terms, against loops and by what their grads do."""

import pytest
import torch
from torch.nn import functional as F

from manyshot.generate import MODELS, Batches, DataSpec
from manyshot.generate.afhn import anti_collapse, class_term
from manyshot.tasks import Source


def vectors(n: int, d: int, seed: int) -> torch.Tensor:
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def apart(a: torch.Tensor, b: torch.Tensor) -> float:
    return float(1 - a @ b / (a.norm() * b.norm()))


class TestAntiCollapse:
    def test_is_one_over_the_mean_ratio_of_features_to_noise(self):
        noise, other = vectors(2, 3, 0), vectors(2, 3, 1)
        generated, again = vectors(2, 5, 2), vectors(2, 5, 3)
        ratios = [apart(generated[i], again[i]) / apart(noise[i], other[i]) for i in range(2)]
        result = anti_collapse(noise, other, generated, again).item()
        assert result == pytest.approx(1 / (sum(ratios) / 2 + 1e-5))
        # Neither the inverse nor the mean of the inverses.
        assert result != pytest.approx(sum(ratios) / 2, rel=0.1)
        assert result != pytest.approx(sum(1 / ratio for ratio in ratios) / 2, rel=0.01)

    def test_falls_as_features_part_and_rises_as_noises_do(self):
        near, far = torch.tensor([[1.0, 0.1]]), torch.tensor([[0.0, 1.0]])
        one = torch.tensor([[1.0, 0.0]])
        assert anti_collapse(one, far, one, far) < anti_collapse(one, far, one, near)
        assert anti_collapse(one, far, one, near) > anti_collapse(one, near, one, near)

    def test_has_a_gradient_where_features_are_all_but_one(self):
        generated = torch.tensor([[1.0, 0.0], [0.0, 1.0]], requires_grad=True)
        again = torch.tensor([[1.0, 1e-4], [1e-4, 1.0]])
        anti_collapse(torch.eye(2), torch.eye(2).flip(0), generated, again).backward()
        assert (generated.grad.norm(dim=1) > 1).all()
        # Downhill is away from the other.
        assert generated.grad[0, 1] > 0

    def test_of_noises_in_one_direction_is_finite(self):
        noise = torch.ones(2, 3)
        generated = torch.eye(2)
        assert anti_collapse(noise, noise, generated, generated.flip(0)).isfinite()
        assert anti_collapse(noise, noise, generated, generated).item() == pytest.approx(1e5, rel=0.01)

    def test_training_spreads_what_had_all_but_collapsed(self):
        torch.manual_seed(0)
        objective = MODELS.parse("afhn(16, noise=4, keep=0)").build(spec=DataSpec((6,)))
        items = torch.rand(24, 6)
        batch = Batches(Source.of(items, [f"class {i % 3}" for i in range(24)]), "mean", size=24).batch(0)
        noise = torch.randn(24, 4)
        other = noise.roll(1, 0)
        with torch.no_grad():
            next(objective.model.body.parameters())[:, 6:] *= 0.05

        def distance() -> torch.Tensor:
            generated, again = (objective.model(z, batch.condition) for z in (noise, other))
            return (1 - F.cosine_similarity(generated, again, dim=1)).mean()

        before = distance().item()
        assert before < 1e-4
        optimizer = torch.optim.Adam(objective.model.parameters(), lr=1e-3)
        for _ in range(100):
            optimizer.zero_grad()
            objective.extra_generator_loss(batch, noise, objective.model(noise, batch.condition)).backward()
            optimizer.step()
        assert distance().item() > 100 * before


class TestClassTerm:
    def test_is_the_fraction_of_generated_items_of_its_class_for_each_real_one(self):
        real, generated, label = vectors(3, 4, 0), vectors(3, 4, 1), torch.tensor([0, 1, 1])
        wanted = 0.0
        for i in range(3):
            weight = [float(torch.exp(torch.tensor(10 * (1 - apart(real[i], generated[j]))))) for j in range(3)]
            own = sum(weight[j] for j in range(3) if label[j] == label[i])
            wanted -= float(torch.log(torch.tensor(own / sum(weight)))) / 3
        result = class_term(real, generated, label).item()
        assert result == pytest.approx(wanted, rel=1e-5)
        # Over the other axis made items would be classified by real ones.
        assert result != pytest.approx(class_term(generated, real, label).item(), rel=0.05)

    def test_teaches_generated_items_their_class(self):
        generated = vectors(2, 3, 0).requires_grad_()
        real = torch.eye(3, dtype=torch.float64)[:2]
        class_term(real, generated, torch.tensor([0, 1])).backward()
        moved = (generated - 0.1 * generated.grad).detach()
        assert class_term(real, moved, torch.tensor([0, 1])) < class_term(real, generated, torch.tensor([0, 1]))


class TestExtraGeneratorLoss:
    @pytest.fixture
    def parts(self):
        """A game's both terms alone, and the game's sum of them at given strengths."""
        torch.manual_seed(0)
        source = Source.of(torch.rand(24, 6), [f"class {i % 3}" for i in range(24)])
        batch, noise = Batches(source, "mean", size=8).batch(0), torch.randn(8, 4)
        options = MODELS.parse("afhn(16, noise=4)").build(spec=DataSpec((6,)))

        def extra_loss(keep: float, spread: float) -> float:
            options.keep, options.spread = keep, spread
            return options.extra_generator_loss(batch, noise, options.model(noise, batch.condition)).item()

        generated, again = (options.model(z, batch.condition) for z in (noise, noise.roll(1, 0)))
        terms = (
            class_term(batch.items, generated, batch.label),
            anti_collapse(noise, noise.roll(1, 0), generated, again),
        )
        return extra_loss, *(term.item() for term in terms)

    def test_each_term_counts_by_its_strength(self, parts):
        extra_loss, kept, spread = parts
        assert kept > 0.1
        assert extra_loss(2.0, 0.0) == pytest.approx(2 * kept, rel=1e-5)
        assert extra_loss(0.0, 3.0) == pytest.approx(3 * spread, rel=1e-5)
        assert extra_loss(1.0, 0.5) == pytest.approx(kept + spread / 2, rel=1e-5)
