import math

import pytest
import torch
from torch import nn

from manyshot.generate import MODELS, AdversarialObjective, Batch, Condition, DataSpec
from manyshot.generate.diff_augment import no_augmentation
from manyshot.generate.discriminator import UnconditionalDiscriminator
from manyshot.generate.losses import LOSSES, gradient_penalty, r1_penalty

REAL = torch.tensor([2.0, -1.0, 0.3], dtype=torch.float64)
MADE = torch.tensor([-0.7, 1.5], dtype=torch.float64)


def chance(score: float) -> float:
    return 1 / (1 + math.exp(-score))


def mean(values) -> float:
    values = list(values)
    return sum(values) / len(values)


# As written in the papers, number by number.
DISCRIMINATOR = {
    "minimax": lambda r, m: -mean(math.log(chance(s)) for s in r) - mean(math.log(1 - chance(s)) for s in m),
    "non_saturating": lambda r, m: -mean(math.log(chance(s)) for s in r) - mean(math.log(1 - chance(s)) for s in m),
    "hinge": lambda r, m: mean(max(0, 1 - s) for s in r) + mean(max(0, 1 + s) for s in m),
    "wasserstein": lambda r, m: mean(m) - mean(r),
}
GENERATOR = {
    "minimax": lambda m: mean(math.log(1 - chance(s)) for s in m),
    "non_saturating": lambda m: -mean(math.log(chance(s)) for s in m),
    "hinge": lambda m: -mean(m),
    "wasserstein": lambda m: -mean(m),
}


@pytest.mark.parametrize("name", LOSSES)
class TestEveryLoss:
    def test_equals_its_formula(self, name):
        loss = LOSSES[name]
        wanted = DISCRIMINATOR[name](REAL.tolist(), MADE.tolist())
        assert loss.discriminator(REAL, MADE).item() == pytest.approx(wanted, abs=1e-12)
        assert loss.generator(MADE).item() == pytest.approx(GENERATOR[name](MADE.tolist()), abs=1e-12)

    def test_has_the_gradient_of_a_finite_difference(self, name):
        real, generated = REAL.clone().requires_grad_(), MADE.clone().requires_grad_()
        assert torch.autograd.gradcheck(LOSSES[name].discriminator, (real, generated))
        assert torch.autograd.gradcheck(LOSSES[name].generator, (generated,))

    def test_the_generator_wants_higher_scores_of_what_it_makes(self, name):
        generated = MADE.clone().requires_grad_()
        LOSSES[name].generator(generated).backward()
        assert (generated.grad < 0).all()

    def test_stays_finite_where_the_discriminator_is_sure(self, name):
        sure = torch.tensor([-500.0, 500.0])
        assert LOSSES[name].discriminator(sure, sure).isfinite()
        assert LOSSES[name].generator(sure).isfinite()


def test_the_minimax_gradient_vanishes_where_the_discriminator_is_sure_and_the_non_saturating_one_does_not():
    grads = {}
    for name in ("minimax", "non_saturating"):
        generated = torch.tensor([-30.0], requires_grad=True)
        LOSSES[name].generator(generated).backward()
        grads[name] = generated.grad.item()
    assert abs(grads["minimax"]) < 1e-12
    assert grads["non_saturating"] == pytest.approx(-1)


@pytest.mark.parametrize("name", LOSSES)
def test_a_loss_is_said_to_saturate_where_its_gradient_vanishes(name):
    generated = torch.tensor([-30.0], requires_grad=True)
    LOSSES[name].generator(generated).backward()
    assert LOSSES[name].saturates == (generated.grad.abs().item() < 1e-6)


class TestPenalties:
    def test_a_linear_critic_has_the_penalty_of_its_gradient(self):
        weight = torch.tensor([[1.0, -2.0], [0.5, 3.0]], dtype=torch.float64)
        real, generated, share = torch.rand(5, 2, 2).double(), torch.rand(5, 2, 2).double(), torch.rand(5).double()

        def score(x):
            return (x * weight).sum((1, 2)) + 7

        norm = weight.norm().item()
        assert gradient_penalty(score, real, generated, share).item() == pytest.approx((norm - 1) ** 2)
        assert r1_penalty(score, real).item() == pytest.approx(norm**2 / 2)

    def test_gradients_are_taken_between_real_and_generated(self):
        # The slope of |x|^2 / 2 is x itself.
        real, generated = torch.tensor([[4.0, 0.0]]), torch.tensor([[0.0, 2.0]])

        def score(x):
            return x.square().sum(1) / 2

        at_real = gradient_penalty(score, real, generated, torch.tensor([1.0])).item()
        at_made = gradient_penalty(score, real, generated, torch.tensor([0.0])).item()
        between = gradient_penalty(score, real, generated, torch.tensor([0.5])).item()
        assert (at_real, at_made) == pytest.approx((9, 1))
        assert between == pytest.approx((math.sqrt(5) - 1) ** 2)
        assert r1_penalty(score, real).item() == pytest.approx(8)

    @pytest.mark.parametrize("kind", ["gradient", "r1"])
    def test_the_gradient_by_the_critics_weights_is_that_of_a_finite_difference(self, kind):
        torch.manual_seed(0)
        critic = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 1), nn.Flatten(0)).double()
        real, generated, share = torch.rand(6, 3).double(), torch.rand(6, 3).double(), torch.rand(6).double()
        names, values = zip(*[(n, p.detach().requires_grad_()) for n, p in critic.named_parameters()], strict=True)

        def penalty(*weights):
            def score(x):
                return torch.func.functional_call(critic, dict(zip(names, weights, strict=True)), (x,))

            return gradient_penalty(score, real, generated, share) if kind == "gradient" else r1_penalty(score, real)

        # The last bias moves no slope; gradcheck would ask for a gradient that is not there.
        assert torch.autograd.gradcheck(lambda *first: penalty(*first, values[-1]), values[:-1])

    @pytest.mark.parametrize(("penalty", "added"), [("none", 0), ("gradient", 10 * (5 - 1) ** 2), ("r1", 25 / 2)])
    def test_an_adversarial_objective_adds_it_at_the_strength_of_its_paper(self, penalty, added):
        # The slope of 3 x + 4 y has the norm 5 everywhere.
        judge = UnconditionalDiscriminator(nn.Flatten(), 2)
        judge.load_state_dict({"head.weight": torch.tensor([[3.0, 4.0]]), "head.bias": torch.zeros(1)})
        objective = AdversarialObjective(
            MODELS.parse("gan(4, noise=3)").build(spec=DataSpec((2,))).model, judge, "wasserstein", penalty
        )
        batch = Batch(torch.rand(6, 2), Condition(), torch.zeros(6).long())
        sides = objective.discriminator_loss(batch, torch.randn(6, 3), torch.rand(6), no_augmentation)
        assert (sides.loss - sides.adversarial).item() == pytest.approx(added, abs=1e-4)
        assert sides.adversarial.item() == pytest.approx((sides.generated.mean() - sides.real.mean()).item(), abs=1e-5)

    def test_nothing_of_the_penalty_reaches_the_generator(self):
        generated = torch.rand(4, 2, requires_grad=True)
        weight = torch.tensor([3.0, 4.0], requires_grad=True)
        gradient_penalty(lambda x: x.square() @ weight, torch.rand(4, 2), generated, torch.rand(4)).backward()
        assert generated.grad is None
        assert (weight.grad != 0).all()
