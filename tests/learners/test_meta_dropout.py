"""Meta-Dropout beside the textbook's loop, with the same draws."""

from dataclasses import replace

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from manyshot.base import InputError
from manyshot.learners import LEARNERS, MAML, MetaDropout, Perturbed
from manyshot.learners.task_tensors import Side
from manyshot.nets import Conv4
from manyshot.tasks import Episode, Examples

WAYS, SIZE, TASKS = 3, 8, 2


def learner(steps: int = 2) -> MetaDropout:
    torch.manual_seed(0)
    other_learner = MetaDropout(
        Perturbed(Conv4(1, SIZE, (4, 4), "group"), WAYS), WAYS, step_size=0.4, steps=steps
    ).double()
    for factors in other_learner.model.noise:
        nn.init.normal_(factors.weight, std=0.5)
    return other_learner


def episode() -> Episode:
    torch.manual_seed(1)

    def side(each: int) -> Examples:
        labels = torch.eye(WAYS, dtype=torch.float64).repeat_interleave(each, 0).expand(TASKS, -1, -1)
        items = torch.randn(TASKS, WAYS * each, 1, SIZE, SIZE, dtype=torch.float64)
        return Examples(items, labels, torch.ones_like(labels[..., 0]), torch.ones(TASKS, WAYS) > 0)

    return Episode(side(2), side(4), torch.arange(WAYS).expand(TASKS, -1))


def plainly(parameters: dict, items: torch.Tensor, noisy: bool) -> torch.Tensor:
    """The classifier from torch's own functions alone."""
    x = items
    for stage in range(2):
        x = F.conv2d(x, parameters[f"encoder.convolutions.{stage}.weight"], padding=1)
        x = F.group_norm(x, 4, parameters[f"encoder.norms.{stage}.weight"], parameters[f"encoder.norms.{stage}.bias"])
        x = F.max_pool2d(F.relu(x), 2)
        weight, bias = parameters[f"noise.{stage}.weight"], parameters[f"noise.{stage}.bias"]
        if stage == 1:
            x = x.flatten(1)
            mean = x @ weight.T + bias
        else:
            mean = F.conv2d(x, weight[:, :, None, None], bias)
        x = x * F.softplus(mean + torch.randn_like(x) if noisy else mean)
    return F.linear(x, parameters["head.weight"], parameters["head.bias"])


def looped(learner: MetaDropout, tasks: Episode, noisy: bool) -> torch.Tensor:
    """The mean query loss, a task after the other."""
    losses = []
    for task in range(TASKS):
        parameters = dict(learner.model.named_parameters())
        own = [name for name in parameters if not name.startswith("noise.")]
        for _ in range(learner.steps):
            logits = plainly(parameters, tasks.support.items[task], noisy)
            loss = F.cross_entropy(logits, tasks.support.labels[task])
            grads = torch.autograd.grad(loss, [parameters[name] for name in own], create_graph=True)
            parameters |= {n: parameters[n] - learner.step_size * s for n, s in zip(own, grads, strict=True)}
        losses.append(F.cross_entropy(plainly(parameters, tasks.query.items[task], False), tasks.query.labels[task]))
    return torch.stack(losses).mean()


@pytest.mark.parametrize("noisy", [True, False])
def test_equals_the_textbooks_loop_with_the_same_draws(noisy):
    own, tasks = learner().train(noisy), episode()
    result, grads = [], []
    for loss in (lambda: own.loss(tasks), lambda: looped(own, tasks, noisy)):
        torch.manual_seed(5)
        own.zero_grad()
        value = loss()
        value.backward()
        result.append(value.detach())
        grads.append([parameter.grad.clone() for parameter in own.parameters()])
    torch.testing.assert_close(result[0], result[1])
    for ours, theirs in zip(*grads, strict=True):
        torch.testing.assert_close(ours, theirs)
        assert ours.abs().sum() > 0


def test_the_noise_is_there_in_training_alone():
    own, tasks = learner(), episode()
    with torch.no_grad():
        assert len({own.train().loss(tasks).item() for _ in range(3)}) == 3
        assert len({own.eval().loss(tasks).item() for _ in range(3)}) == 1


def test_the_weights_of_the_noise_are_no_tasks_own():
    own, tasks = learner(), episode()
    support = Side(
        tasks.support.items[0], tasks.support.labels[0], tasks.support.weight[0], torch.zeros(WAYS, dtype=torch.bool)
    )
    last = own.inner_trajectory(support)[-1]
    assert not any(name.startswith("noise.") for name in last)
    assert len(last) == len(list(own.model.parameters())) - 4


def test_it_begins_as_maml():
    torch.manual_seed(0)
    model = Perturbed(Conv4(1, SIZE, (4, 4), "group"), WAYS).double()
    own, tasks = MetaDropout(model, WAYS, 0.4, 2).eval(), episode()
    plain = MAML(nn.Sequential(model.encoder, model.head), WAYS, 0.4, 2).eval()
    result, expected = (each.adapt(tasks.support)(tasks.query.items) for each in (own, plain))
    torch.testing.assert_close(result, expected, rtol=1e-3, atol=1e-3)


def test_a_padded_class_changes_nothing():
    own, tasks = learner().eval(), episode()
    wider = replace(
        tasks.support,
        labels=F.pad(tasks.support.labels, (0, 1)),
        class_mask=F.pad(tasks.support.class_mask, (0, 1)),
    )
    torch.manual_seed(0)
    wide = MetaDropout(Perturbed(Conv4(1, SIZE, (4, 4), "group"), WAYS + 1), WAYS + 1, 0.4, 2).double().eval()
    assert wide.adapt(wider)(tasks.query.items)[..., WAYS].isneginf().all()
    assert own.adapt(tasks.support)(tasks.query.items).isfinite().all()


def test_it_can_be_named_and_needs_stages():
    other_learner = LEARNERS.build("meta-dropout", encoder=lambda norm: Conv4(1, 28, (8, 8, 8, 8), norm), ways=5)
    assert other_learner.steps == 5
    with pytest.raises(InputError, match="stages"):
        LEARNERS.build("meta-dropout", encoder=lambda norm: nn.Flatten(), ways=5)
