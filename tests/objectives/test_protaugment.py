"""Unlabeled items and the prototypes of their own variants."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from manyshot.augment import Plan
from manyshot.base import InputError
from manyshot.learners import MAML, Prototypes
from manyshot.nets import TextEncoder
from manyshot.nets.ngrams import NGrams
from manyshot.objectives import ProtAugment, StepTasks
from manyshot.objectives.protaugment import own_prototype_losses
from manyshot.tasks import EpisodeSampler, Examples, Source

VECTORS = torch.Generator().manual_seed(0)


def tasks(step: int = 100, plan: str = "shots: noise(0.2)", share: slice | None = None) -> StepTasks:
    source = Source.of(torch.rand(60, 1, 4, 4, generator=VECTORS), [f"class {i % 4}" for i in range(60)])
    clean = EpisodeSampler(source, ways=3, shots=1, queries=4).batch(0, 4)
    return StepTasks(clean, Plan(plan), (0, "plan", step), share)


def learner() -> Prototypes:
    torch.manual_seed(0)
    return Prototypes(nn.Sequential(nn.Flatten(), nn.Linear(16, 5)))


def loss(objective: ProtAugment, on: StepTasks, seed: int = 0, of: Prototypes | None = None) -> torch.Tensor:
    return objective.loss(of or learner(), on, torch.Generator().manual_seed(seed))


def test_each_item_is_matched_with_the_mean_of_its_own_variants():
    body, built = learner(), torch.rand(1, 6, 1, 4, 4)
    items = torch.rand(1, 3, 1, 4, 4)
    weight = torch.tensor([[1.0, 1.0, 0.0]])
    result = own_prototype_losses(
        body,
        Examples(items, torch.zeros(1, 3, 2), weight, torch.ones(1, 2) > 0),
        Examples(built, torch.zeros(1, 6, 2), weight.repeat_interleave(2, 1), torch.ones(1, 2) > 0),
        copies=2,
    )
    f = body.encoder(items[0])
    prototypes = body.encoder(built[0]).reshape(3, 2, -1).mean(1)
    for u in range(2):
        logits = torch.stack([-((f[u] - prototypes[v]) ** 2).sum() for v in range(2)])  # the third is padding
        assert torch.allclose(result[0, u], -logits.log_softmax(0)[u], atol=1e-6)


def test_begins_with_the_learners_loss_and_ends_with_its_own():
    objective, plain = ProtAugment(fade=100, power=1.0), tasks(0)
    assert loss(objective, plain) == learner().loss(plain.draw())
    halfway, end, beyond = (loss(objective, tasks_at(plain, step)) for step in (50, 100, 900))
    assert torch.allclose(halfway, (learner().loss(tasks_at(plain, 50).draw()) + end) / 2, atol=1e-6)
    assert end == beyond


def tasks_at(like: StepTasks, step: int) -> StepTasks:
    return replace(like, address=(0, "plan", step))


def test_a_small_power_brings_its_own_part_in_early():
    on = tasks(10)
    early, late = (loss(ProtAugment(fade=100, power=p), on) for p in (0.1, 10.0))
    plain, own = learner().loss(on.draw()), loss(ProtAugment(fade=1), on)
    assert abs(early - own) < abs(late - own)
    assert torch.allclose(late, plain, atol=1e-4)


def test_labels_of_the_queries_are_not_looked_at():
    on = tasks()
    labels = on.clean.query.labels.flip(-1)
    other = replace(on, clean=replace(on.clean, query=replace(on.clean.query, labels=labels)))
    assert loss(ProtAugment(fade=1), on) == loss(ProtAugment(fade=1), other)


def test_is_a_function_of_its_draws():
    on = tasks()
    assert loss(ProtAugment(fade=1), on) == loss(ProtAugment(fade=1), on)
    assert loss(ProtAugment(fade=1), on) != loss(ProtAugment(fade=1), on, seed=1)


def test_shares_of_several_processes_add_up_to_the_whole():
    on, objective = tasks(), ProtAugment(fade=200)
    halves = [loss(objective, replace(on, task_slice=share)) for share in (slice(0, 2), slice(2, 4))]
    assert torch.allclose(sum(halves) / 2, loss(objective, on), atol=1e-6)


def test_training_brings_items_near_their_variants():
    on, of = tasks(), learner()
    optimizer = torch.optim.Adam(of.parameters(), lr=0.02)
    losses = []
    for _ in range(15):
        optimizer.zero_grad()
        value = loss(ProtAugment(fade=1), on, of=of)
        value.backward()
        optimizer.step()
        losses.append(float(value.detach()))
    assert losses[-1] < 0.8 * losses[0]


def test_sentences_have_variants_too():
    texts = [f"{word} number {i} is here" for i in range(10) for word in ("apples", "pears")]
    source = Source.of(texts, ["fruit", "other"] * 10)
    clean = EpisodeSampler(source, ways=2, shots=1, queries=4).batch(0, 2)
    on = StepTasks(clean, Plan("shots: aeda"), (0, "plan", 5))
    of = Prototypes(TextEncoder(NGrams(64), project=8))
    value = loss(ProtAugment(fade=1), on, of=of)
    value.backward()
    assert of.encoder.project.weight.grad.abs().sum() > 0


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: ProtAugment(unlabeled=1), "unlabeled=1"),
        (lambda: ProtAugment(power=0), "power=0"),
        (lambda: loss(ProtAugment(), tasks(plan="query: noise")), "does not say how to make samples"),
        (
            lambda: ProtAugment().loss(
                MAML(nn.Sequential(nn.Flatten(), nn.Linear(16, 3)), 3), tasks(), torch.Generator()
            ),
            "MAML has no features to match",
        ),
    ],
)
def test_what_does_not_fit_is_one_line(make, message):
    with pytest.raises(InputError, match=message):
        make()
