"""A training loop of one's own: clone, adapt, loss."""

import pytest
import torch
from torch import nn
from torch.func import functional_call
from torch.nn.functional import cross_entropy

from manyshot.base import InputError
from manyshot.learners import ANIL, MAML, MAMLPlusPlus, MetaSGD
from manyshot.nets import Conv4

ITEMS = torch.randn(12, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
CLASSES = torch.arange(12) % 3


def model() -> nn.Sequential:
    torch.manual_seed(1)
    return nn.Sequential(nn.Linear(4, 6), nn.LayerNorm(6), nn.Tanh(), nn.Linear(6, 3)).double()


def with_clone(learner, steps: int = 2) -> tuple[torch.Tensor, list[torch.Tensor | None]]:
    clone = learner.clone()
    for _ in range(steps):
        clone.adapt(cross_entropy(clone(ITEMS[:6]), CLASSES[:6]))
    loss = cross_entropy(clone(ITEMS[6:]), CLASSES[6:])
    loss.backward()
    return loss.detach(), [value.grad for value in learner.model.parameters()]


def by_hand(net: nn.Module, second: bool = True, adapts=lambda name: True) -> tuple[torch.Tensor, list[torch.Tensor]]:
    weights = {name: value for name, value in net.named_parameters() if value.requires_grad and adapts(name)}
    for _ in range(2):
        loss = cross_entropy(functional_call(net, weights, (ITEMS[:6],)), CLASSES[:6])
        grads = torch.autograd.grad(loss, list(weights.values()), create_graph=second)
        weights = {name: value - 0.3 * grad for (name, value), grad in zip(weights.items(), grads, strict=True)}
    loss = cross_entropy(functional_call(net, weights, (ITEMS[6:],)), CLASSES[6:])
    return loss.detach(), list(torch.autograd.grad(loss, [p for p in net.parameters() if p.requires_grad]))


@pytest.mark.parametrize("order", [1, 2])
def test_equals_a_plain_loop(order):
    loss, grads = with_clone(MAML(model(), 3, 0.3, order=order))
    expected, wanted = by_hand(model(), order == 2)
    torch.testing.assert_close(loss, expected, rtol=1e-12, atol=0)
    torch.testing.assert_close(grads, wanted, rtol=1e-9, atol=1e-12)


def test_frozen_parameters_stay():
    learner, net = MAML(model(), 3, 0.3), model()
    for one in (learner.model, net):
        one[0].requires_grad_(False)
    loss, grads = with_clone(learner)
    expected, wanted = by_hand(net)
    torch.testing.assert_close(loss, expected, rtol=1e-12, atol=0)
    assert grads[:2] == [None, None]
    torch.testing.assert_close(grads[2:], wanted, rtol=1e-9, atol=1e-12)


def test_anil_adapts_its_head_alone():
    loss, grads = with_clone(ANIL(model(), 3, 0.3))
    expected, wanted = by_hand(model(), adapts=lambda name: name.startswith("3."))
    torch.testing.assert_close(loss, expected, rtol=1e-12, atol=0)
    torch.testing.assert_close(grads, wanted, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("kind", [MetaSGD, MAMLPlusPlus])
def test_learned_rates_get_their_gradient(kind):
    learner = kind(model(), 3, 0.3, steps=2)
    loss, _ = with_clone(learner)
    torch.testing.assert_close(loss, by_hand(model())[0], rtol=1e-12, atol=0)
    assert all(rate.grad.abs().sum() > 0 for rate in learner.rates)


def test_attention_is_differentiated_twice():
    torch.manual_seed(0)
    layer = nn.TransformerEncoderLayer(4, 2, 8, 0.0, batch_first=True)
    net = nn.Sequential(nn.Unflatten(1, (1, 4)), layer, nn.Flatten(), nn.Linear(4, 3)).double()
    assert all(grad is not None for grad in with_clone(MAML(net, 3, 0.1))[1])


def test_the_learners_weights_stay_as_they_are():
    learner = MAML(model(), 3, 0.3)
    before = {name: value.clone() for name, value in learner.model.named_parameters()}
    with_clone(learner)
    assert all(value.equal(before[name]) for name, value in learner.model.named_parameters())


def test_unused_parameters_are_named_or_left_alone():
    class Spare(nn.Linear):
        def __init__(self) -> None:
            super().__init__(4, 3, dtype=torch.float64)
            self.spare = nn.Parameter(torch.ones(2))

    clone = MAML(Spare(), 3).clone()
    loss = cross_entropy(clone(ITEMS), CLASSES)
    with pytest.raises(InputError, match="does not depend on spare; give allow_unused=True"):
        clone.adapt(loss)
    clone = MAML(Spare(), 3).clone()
    clone.adapt(cross_entropy(clone(ITEMS), CLASSES), allow_unused=True)
    assert clone.fast_weights["spare"].equal(torch.ones(2))


def test_what_cannot_be_adapted_to_is_said_in_one_line():
    clone = MAML(model(), 3).clone()
    with pytest.raises(InputError, match=r"this one has shape \[12\]; take its mean"):
        clone.adapt(cross_entropy(clone(ITEMS), CLASSES, reduction="none"))
    with torch.no_grad(), pytest.raises(InputError, match="no recorded gradient"):
        clone.adapt(cross_entropy(clone(ITEMS), CLASSES))
    with pytest.raises(InputError, match="learning rates were learned for steps=1"):
        with_clone(MAMLPlusPlus(model(), 3, steps=1))
    body = Conv4(1, 8, (4, 4), "support")
    with pytest.raises(InputError, match="uses the statistics of the support"):
        MAML(nn.Sequential(body, nn.Linear(body.features, 3)), 3).clone()
