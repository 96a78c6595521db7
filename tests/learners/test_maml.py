import pytest
import torch
from torch import nn

from manyshot.base import InputError
from manyshot.learners import LEARNERS, MAML, Prototypes, by_task, cross_entropy
from manyshot.nets import Conv4
from manyshot.tasks import Episode, Examples

WAYS = 3


def examples(tasks: int, each: int, seed: int) -> Examples:
    generator = torch.Generator().manual_seed(seed)
    return Examples(
        items=torch.randn(tasks, WAYS * each, 5, generator=generator, dtype=torch.float64),
        labels=torch.eye(WAYS, dtype=torch.float64).repeat_interleave(each, 0).expand(tasks, -1, -1),
        weight=torch.ones(tasks, WAYS * each, dtype=torch.float64),
        class_mask=torch.ones(tasks, WAYS, dtype=torch.bool),
    )


def model() -> nn.Module:
    torch.manual_seed(1)
    return nn.Sequential(nn.Linear(5, 6), nn.Tanh(), nn.Linear(6, WAYS)).double()


EPISODE = Episode(examples(3, 2, seed=0), examples(3, 2, seed=1), torch.zeros(3, WAYS, dtype=torch.long))


@pytest.mark.parametrize("steps", [1, 3])
def test_the_second_order_gradient_is_that_of_finite_differences(steps):
    learner = MAML(model(), WAYS, step_size=0.5, steps=steps)
    learner.loss(EPISODE).backward()
    for parameter in learner.parameters():
        numeric = torch.zeros_like(parameter)
        for index in range(parameter.numel()):
            sides = []
            for shift in (1e-5, -1e-5):
                with torch.no_grad():
                    parameter.view(-1)[index] += shift
                    sides.append(float(learner.loss(EPISODE)))
                    parameter.view(-1)[index] -= shift
            numeric.view(-1)[index] = (sides[0] - sides[1]) / 2e-5
        assert torch.allclose(parameter.grad, numeric, atol=1e-8, rtol=1e-6)


def test_the_first_order_gradient_is_another_one_and_its_loss_the_same():
    first, second = (MAML(model(), WAYS, step_size=0.5, steps=2, order=order) for order in (1, 2))
    losses = [learner.loss(EPISODE) for learner in (first, second)]
    assert torch.allclose(*losses, atol=1e-14)
    for loss in losses:
        loss.backward()
    gaps = [
        (a.grad - b.grad).norm() / b.grad.norm() for a, b in zip(first.parameters(), second.parameters(), strict=True)
    ]
    assert min(gaps) > 0.01


def test_more_steps_fit_the_support_better():
    support = EPISODE.support
    losses = [
        float(cross_entropy(MAML(model(), WAYS, 0.5, steps).adapt(support)(support.items), support).detach())
        for steps in (1, 5, 25)
    ]
    assert losses[0] > losses[1] > losses[2]


def test_tasks_of_fewer_classes_than_the_model_use_its_first_outputs():
    narrow = Examples(
        EPISODE.support.items[:, :4],
        EPISODE.support.labels[:, :4, :2],
        EPISODE.support.weight[:, :4],
        EPISODE.support.class_mask[:, :2],
    )
    padded = Examples(
        narrow.items,
        EPISODE.support.labels[:, :4],
        narrow.weight,
        torch.tensor([True, True, False]).expand(3, -1),
    )
    learner = MAML(model(), WAYS, 0.5, steps=2)
    narrow_logits, padded_logits = (learner.adapt(s)(EPISODE.query.items) for s in (narrow, padded))
    assert narrow_logits.shape == (3, 6, 2)
    assert torch.allclose(narrow_logits, padded_logits[..., :2], atol=1e-13)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: MAML(model(), WAYS, step_size=0), "step_size=0"),
        (lambda: MAML(model(), WAYS, step_size=float("nan")), "step_size=nan"),
        (lambda: MAML(model(), WAYS, steps=0), "steps=0"),
        (lambda: MAML(nn.Sequential(Conv4(1, 8, (4,)), nn.Linear(64, 3)), 3), r"layer 0.norms.0 \(BatchNorm2d\) is in"),
        (lambda: MAML(nn.Linear(5, 2).double(), 2).adapt(EPISODE.support), "tasks of 3 classes given to a model of 2"),
        (lambda: Prototypes(nn.Flatten(), temperature=0.0), "temperature=0.0"),
    ],
)
def test_what_cannot_be_used_is_said_in_one_line(make, message):
    with pytest.raises(InputError, match=message) as caught:
        make()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", [name for name in LEARNERS if name != "distributional-signatures"])  # takes sentences
def test_every_learner_of_the_table_can_be_made_for_images(name):
    learner = LEARNERS.build(name, encoder=lambda norm: Conv4(1, 16, (4, 4, 4, 4), norm), ways=WAYS)
    support = Examples(
        torch.rand(2, 3, 1, 16, 16), torch.eye(3).expand(2, 3, 3), torch.ones(2, 3), EPISODE.support.class_mask[:2]
    )
    assert learner.adapt(support)(torch.rand(2, 5, 1, 16, 16)).shape == (2, 5, WAYS)


def test_encoding_skips_items_that_are_not_there():
    seen = []

    class Double(nn.Module):
        def forward(self, items):
            seen.append(len(items))
            return items * 2

    items, weight = torch.rand(2, 3, 4), torch.tensor([[1.0, 0.0, 0.5], [1.0, 1.0, 0.0]])
    features = by_task(Double(), items, weight)
    assert seen == [4]
    assert torch.equal(features, items * 2 * (weight > 0)[..., None])


def test_cross_entropy_weighs_items_within_a_task_and_tasks_alike():
    labels = torch.tensor([[[1.0, 0.0], [0.5, 0.5]], [[0.0, 1.0], [0.0, 1.0]]])
    logits = torch.log(torch.tensor([[[0.8, 0.2], [0.4, 0.6]], [[0.3, 0.7], [0.9, 0.1]]]))
    weight = torch.tensor([[3.0, 1.0], [1.0, 0.0]])
    result = cross_entropy(logits, Examples(torch.zeros(2, 2, 1), labels, weight, torch.ones(2, 2, dtype=torch.bool)))
    first = (3 * -torch.tensor(0.8).log() - 0.5 * (torch.tensor(0.4).log() + torch.tensor(0.6).log())) / 4
    assert torch.allclose(result, (first - torch.tensor(0.7).log()) / 2)
