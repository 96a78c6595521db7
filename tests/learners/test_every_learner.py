"""What every learner promises. A new learner joins by one row, and by a plain loop to compare it with."""

from copy import deepcopy
from dataclasses import dataclass, replace

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn
from torch.autograd.functional import hessian, jacobian
from torch.nn import functional as F

from manyshot.learners import (
    ANIL,
    MAML,
    BaselinePlusPlus,
    FineTune,
    GradientLearner,
    Learner,
    Logistic,
    MAMLPlusPlus,
    Matching,
    MetaSGD,
    Probe,
    Prototypes,
    Relation,
    Reptile,
    Ridge,
    queries_see_each_other,
)
from manyshot.nets import Conv4
from manyshot.tasks import Episode, Examples

WAYS, SHOTS, QUERIES, SIZE = 3, 2, 2, 8


def encoder(norm: str, width: int = 4) -> Conv4:
    torch.manual_seed(0)
    net = Conv4(1, SIZE, (width, width), norm).double()
    for module in net.norms:  # away from 1 and 0, where their gradients would not be told apart
        nn.init.normal_(module.weight, 1, 0.2)
        nn.init.normal_(module.bias, 0, 0.2)
    return net


def classifier(norm: str = "group") -> nn.Sequential:
    body = encoder(norm)
    return nn.Sequential(body, nn.Linear(body.features, WAYS).double())


def adapting(kind: type, norm: str = "group", **options) -> GradientLearner:
    """A gradient-based learner; its rates are made different, so that none can stand for another."""
    learner = kind(classifier(norm), WAYS, **({"step_size": 0.4} | options))
    if hasattr(learner, "rates"):
        generator = torch.Generator().manual_seed(2)
        for rate in learner.rates:
            rate.data += 0.1 * torch.randn(rate.shape, generator=generator, dtype=rate.dtype)
    return learner


def relation(norm: str) -> Relation:
    body = encoder(norm, 16)
    torch.manual_seed(1)
    return Relation(body, hidden=32, norm=norm).double()


def made_for_classes(kind: type, norm: str, **options) -> Learner:
    body = encoder(norm)
    torch.manual_seed(1)
    return kind(body, classes=WAYS, **options).double()


def real_classes(support: Examples) -> torch.Tensor:
    return support.class_mask[0].nonzero()[:, 0]


def prototypes_of_one_task(learner: Prototypes, support: Examples, queries: torch.Tensor) -> torch.Tensor:
    """Written out item by item."""
    features, logits = learner.encoder(support.items[0]), []
    for query in learner.encoder(queries[0]):
        row = []
        for c in range(WAYS):
            if not support.class_mask[0, c]:
                row.append(torch.tensor(-torch.inf, dtype=torch.float64))
                continue
            mass = [support.weight[0, i] * support.labels[0, i, c] for i in range(len(features))]
            mean = sum(m * f for m, f in zip(mass, features, strict=True)) / sum(mass)
            row.append(-((query - mean) ** 2).sum() / learner.temperature)
        logits.append(torch.stack(row))
    return torch.stack(logits)[None]


def nearest_of_one_task(learner: Prototypes, support: Examples, queries: torch.Tensor) -> torch.Tensor:
    features, logits = learner.encoder(support.items[0]), []
    for query in learner.encoder(queries[0]):
        row = [torch.tensor(-torch.inf, dtype=torch.float64)] * WAYS
        for i, feature in enumerate(features):
            c = int(support.labels[0, i].argmax())
            if support.weight[0, i] > 0:
                row[c] = torch.maximum(row[c], -((query - feature) ** 2).sum() / learner.temperature)
        logits.append(torch.stack(row))
    return torch.stack(logits)[None]


def ridge_of_one_task(learner: Ridge, support: Examples, queries: torch.Tensor) -> torch.Tensor:
    """By the normal equations, through an explicit inverse."""
    features, asked = (
        torch.cat([f, torch.ones(len(f), 1).double()], 1)
        for f in (learner.encoder(support.items[0]), learner.encoder(queries[0]))
    )
    weighted = features.T * support.weight[0]
    system = weighted @ features + learner.log_penalty.exp() * torch.eye(features.shape[1]).double()
    logits = learner.log_scale.exp() * asked @ torch.linalg.inv(system) @ weighted @ support.labels[0]
    return logits.masked_fill(~support.class_mask, -torch.inf)[None]


def logistic_of_one_task(learner: Logistic, support: Examples, queries: torch.Tensor) -> torch.Tensor:
    """A class at a time: Newton steps by autograd's gradient and Hessian."""
    features, asked = (
        torch.cat([f, torch.ones(len(f), 1).double()], 1)
        for f in (learner.encoder(support.items[0]), learner.encoder(queries[0]))
    )
    columns = []
    for c in range(WAYS):

        def loss(b: torch.Tensor, wanted: torch.Tensor = support.labels[0, :, c]) -> torch.Tensor:
            each = F.binary_cross_entropy_with_logits(features @ b, wanted, reduction="none")
            return (support.weight[0] * each).sum() + learner.log_penalty.exp() / 2 * b.square().sum()

        b = torch.zeros(features.shape[1]).double()
        for _ in range(learner.steps):
            slope, curvature = (by(loss, b, create_graph=True) for by in (jacobian, hessian))
            b = b - torch.linalg.solve(curvature, slope)
        columns.append(learner.log_scale.exp() * asked @ b)
    return torch.stack(columns, 1).masked_fill(~support.class_mask, -torch.inf)[None]


def matching_of_one_task(learner: Matching, support: Examples, queries: torch.Tensor) -> torch.Tensor:
    features, logits = learner.encoder(support.items[0]), []
    for query in learner.encoder(queries[0]):
        cosines = torch.stack([F.cosine_similarity(query, feature, dim=0) for feature in features])
        votes = (cosines * learner.log_scale.exp() + support.weight[0].log()).softmax(0)
        shares = (votes[:, None] * support.labels[0]).sum(0)
        logits.append(torch.where(support.class_mask[0], shares, 1).log())
    return torch.stack(logits).masked_fill(~support.class_mask, -torch.inf)[None]


def relation_of_one_task(learner: Relation, support: Examples, queries: torch.Tensor) -> torch.Tensor:
    """A query and a class at a time."""
    maps, logits = learner.encoder(support.items[0]).reshape(-1, *learner.map_shape), []
    for query in learner.encoder(queries[0]).reshape(-1, *learner.map_shape):
        row = []
        for c in range(WAYS):
            mass = support.weight[0] * support.labels[0, :, c]
            mean = (mass[:, None, None, None] * maps).sum(0) / mass.sum().clamp(min=1e-12)
            row.append(learner.relate(torch.cat([mean, query])[None])[0, 0])
        logits.append(torch.stack(row))
    return torch.stack(logits).masked_fill(~support.class_mask, -torch.inf)[None]


def squared_relations(logits: torch.Tensor, classes: torch.Tensor) -> torch.Tensor:
    return (logits.sigmoid() - F.one_hot(classes, logits.shape[1])).square().mean()


def linear_base(learner: Probe, features: torch.Tensor) -> torch.Tensor:
    return features @ learner.base.weight.T + learner.base.bias


def cosine_base(learner: BaselinePlusPlus, features: torch.Tensor) -> torch.Tensor:
    columns = [F.cosine_similarity(features, direction[None]) for direction in learner.base.weight]
    return learner.log_scale.exp() * torch.stack(columns, 1)


def base_loss_of_one_task(row, learner: Learner, alone: Episode) -> torch.Tensor:
    """An item at a time."""
    losses, weights = [], []
    for side in (alone.support, alone.query):
        for item, label, weight in zip(side.items[0], side.labels[0], side.weight[0], strict=True):
            if weight > 0:
                chances = row.base_logits(learner, learner.encoder(item[None]))[0].log_softmax(-1)
                shares = zip(alone.classes[0], label, strict=True)
                losses.append(-sum(share * chances[number] for number, share in shares if number >= 0) * weight)
                weights.append(weight)
    return torch.stack(losses).sum() / torch.stack(weights).sum()


def probe_weights(x: torch.Tensor, support: Examples, penalty: float, steps: int) -> torch.Tensor:
    """Accelerated gradient steps on the coefficients themselves, with autograd's gradient."""
    here = real_classes(support)
    y, weight = support.labels[0][:, here], support.weight[0]

    def slope(w: torch.Tensor) -> torch.Tensor:
        w = w.detach().requires_grad_()
        losses = F.cross_entropy(x @ w, y, reduction="none")
        (found,) = torch.autograd.grad((weight * losses).sum() + penalty / 2 * w.square().sum(), w)
        return found

    bound = penalty + (weight * (x @ x.T).abs()).sum(1).max() / 2
    ratio = (penalty / bound) ** 0.5
    w = ahead = torch.zeros(x.shape[1], len(here)).double()
    for _ in range(steps):
        before, w = w, ahead - slope(ahead) / bound
        ahead = w + (1 - ratio) / (1 + ratio) * (w - before)
    return w


def on_all_ways(found: torch.Tensor, support: Examples) -> torch.Tensor:
    logits = torch.full((1, len(found), WAYS), -torch.inf, dtype=torch.float64)
    return logits.index_copy(2, real_classes(support), found[None])


@torch.no_grad()
def probe_of_one_task(learner: Probe, support: Examples, queries: torch.Tensor) -> torch.Tensor:
    def prepared(items: torch.Tensor) -> torch.Tensor:
        features = learner.encoder(items)
        features = features / features.norm(dim=1, keepdim=True) if learner.normalise else features
        return torch.cat([features, torch.ones(len(features), 1).double()], 1)

    with torch.enable_grad():
        w = probe_weights(prepared(support.items[0]).detach(), support, learner.penalty, learner.steps)
    return on_all_ways(prepared(queries[0]) @ w, support)


def baseline_plus_plus_of_one_task(learner: BaselinePlusPlus, support: Examples, queries: torch.Tensor) -> torch.Tensor:
    here, scale = real_classes(support), learner.log_scale.exp()
    units, asked = (F.normalize(learner.encoder(items[0]), dim=1).detach() for items in (support.items, queries))
    y, weight = support.labels[0][:, here], support.weight[0]
    mass = y * weight[:, None]
    v = (mass.T @ units / mass.sum(0)[:, None]).requires_grad_()
    optimizer = torch.optim.SGD([v], lr=learner.step_size, momentum=0.9, dampening=0.9)
    for _ in range(learner.steps):
        losses = F.cross_entropy(scale.detach() * units @ F.normalize(v, dim=1).T, y, reduction="none")
        v.grad = torch.autograd.grad((weight * losses).sum() / weight.sum(), v)[0]
        optimizer.step()
    return on_all_ways(scale * asked @ F.normalize(v, dim=1).detach().T, support)


def fine_tune_of_one_task(learner: FineTune, support: Examples, queries: torch.Tensor) -> torch.Tensor:
    """The whole encoder is run in each step, by an optimiser of torch."""
    net, here = deepcopy(learner.encoder).eval(), real_classes(support)

    def with_ones(features: torch.Tensor) -> torch.Tensor:
        return torch.cat([features, torch.ones(len(features), 1).double()], 1)

    begun = with_ones(net(support.items[0])).detach()
    head = probe_weights(begun, support, learner.penalty, 200).requires_grad_()
    last = [*net.convolutions[-1].parameters(), *net.norms[-1].parameters()]
    optimizer = torch.optim.SGD([head, *last], lr=learner.step_size)
    for _ in range(learner.steps):
        optimizer.zero_grad()
        logits = with_ones(net(support.items[0])) @ head
        losses = F.cross_entropy(logits, support.labels[0][:, here], reduction="none")
        ((support.weight[0] * losses).sum() / support.weight[0].sum()).backward()
        optimizer.step()
    return on_all_ways((with_ones(net(queries[0])) @ head).detach(), support)


def plainly(parameters: dict, items: torch.Tensor, norm: str, statistics: list | None = None) -> tuple:
    """The classifier from torch's own functions alone, and the statistics that it normalised by."""
    x, found = items, []
    for block in range(2):
        x = F.conv2d(x, parameters[f"0.convolutions.{block}.weight"], padding=1)
        weight, bias = parameters[f"0.norms.{block}.weight"], parameters[f"0.norms.{block}.bias"]
        if norm == "group":
            x = F.group_norm(x, 4, weight, bias)
        else:
            found.append((x.mean((0, 2, 3)), x.var((0, 2, 3), correction=0)))
            if statistics is None:
                x = F.batch_norm(x, None, None, weight, bias, training=True)
            else:
                mean, variance = (numbers[:, None, None] for numbers in statistics[block])
                x = (x - mean) / (variance + 1e-5).sqrt() * weight[:, None, None] + bias[:, None, None]
        x = F.max_pool2d(F.relu(x), 2)
    return F.linear(x.flatten(1), parameters["1.weight"], parameters["1.bias"]), found


def rate_of(learner: GradientLearner, number: int, name: str, step: int) -> object:
    """How far a learner moves one of its weights in a step."""
    if isinstance(learner, MetaSGD):
        return learner.rates[number]
    if isinstance(learner, MAMLPlusPlus):
        return learner.rates[number][step]
    return 0.0 if isinstance(learner, ANIL) and not name.startswith("1.") else learner.step_size


def weights_after_every_step(learner: GradientLearner, norm: str, support: Examples, batches: int = 1) -> list[dict]:
    """The textbook's loop: no vmap, no functional call, no derivative by hand. Items that count twice stand twice."""
    here, parameters, path = real_classes(support), dict(learner.model.named_parameters()), []
    for step in range(learner.steps):
        part = slice(step % batches, None, batches)
        weight = support.weight[0, part]
        logits = plainly(parameters, support.items[0, part], norm)[0][:, here]
        losses = F.cross_entropy(logits, support.labels[0, part][:, here], reduction="none")
        loss = (losses * weight).sum() / weight.sum()
        grads = torch.autograd.grad(loss, list(parameters.values()), create_graph=learner.second_order())
        parameters = {
            name: value - rate_of(learner, number, name, step) * slope
            for number, ((name, value), slope) in enumerate(zip(parameters.items(), grads, strict=True))
        }
        path.append(parameters)
    return path


def judged(parameters: dict, norm: str, support: Examples, queries: torch.Tensor) -> torch.Tensor:
    statistics = plainly(parameters, support.items[0], norm)[1] if norm == "support" else None
    here = real_classes(support)
    logits = torch.full((1, queries.shape[1], WAYS), -torch.inf, dtype=torch.float64)
    return logits.index_copy(2, here, plainly(parameters, queries[0], norm, statistics)[0][:, here][None])


def gradient_loop(norm: str = "group") -> object:
    def of_one_task(learner: GradientLearner, support: Examples, queries: torch.Tensor) -> torch.Tensor:
        return judged(weights_after_every_step(learner, norm, support)[-1], norm, support, queries)

    return of_one_task


def reptile_loss_of_one_task(learner: Reptile, alone: Episode) -> torch.Tensor:
    """The query loss, with the way that the weights went in place of its gradient."""
    data = alone.support.joined(alone.query)
    data = take(replace(data, origin=None), (data.weight[0] > 0).nonzero()[:, 0])
    last = weights_after_every_step(learner, "group", data, learner.batches)[-1]
    there = alone.query.weight[0] > 0
    logits = judged(last, "group", data, alone.query.items[:, there])[0][:, data.class_mask[0]]
    value = F.cross_entropy(logits, alone.query.class_ids[0, there]).detach()
    for name, before in learner.model.named_parameters():
        way = (before - last[name]).detach() / (learner.step_size * learner.steps)
        value = value + (way * (before - before.detach())).sum()
    return value


@dataclass(frozen=True)
class Row:
    """A learner: how to make it, how a task goes by a plain loop, and what does not hold for it."""

    make: object
    loop: object
    mixes_items: bool = False  # a batch normalisation in training mode: not the same for each task alone
    named_classes: bool = False  # classes have weights of their own
    counts_weights: bool = True  # 2 is not the same as 1
    loop_loss: object = F.cross_entropy  # of a task's logits and classes
    base_logits: object = None  # what training by classification answers about an item's features
    knows_nothing: bool = False  # before it is trained
    loss_of_one_task: object = None  # where it is no mean over query items
    weighs_statistics: bool = False  # weights count for the normalisation too: the plain loop knows none
    soft: bool = True  # a share in a class matters even if it is not the largest


LEARNERS = {
    "prototypes": Row(lambda: Prototypes(encoder("group")), prototypes_of_one_task),
    "prototypes, warmer": Row(lambda: Prototypes(encoder("group"), temperature=20.0), prototypes_of_one_task),
    "prototypes, batch norm": Row(lambda: Prototypes(encoder("batch")), prototypes_of_one_task, mixes_items=True),
    "nearest": Row(
        lambda: Prototypes(encoder("group"), "nearest"), nearest_of_one_task, counts_weights=False, soft=False
    ),
    "ridge, fewer items than features": Row(lambda: Ridge(encoder("group")).double(), ridge_of_one_task),
    "ridge, more items than features": Row(
        lambda: Ridge(nn.Sequential(encoder("group"), nn.Linear(16, 3)), penalty=0.2).double(), ridge_of_one_task
    ),
    "logistic, fewer items than features": Row(lambda: Logistic(encoder("group")).double(), logistic_of_one_task),
    "logistic, more items than features": Row(
        lambda: Logistic(nn.Sequential(encoder("group"), nn.Linear(16, 3)), steps=2, penalty=0.2).double(),
        logistic_of_one_task,
    ),
    "matching": Row(lambda: Matching(encoder("group")).double(), matching_of_one_task),
    "relation": Row(lambda: relation("group"), relation_of_one_task, knows_nothing=True, loop_loss=squared_relations),
    "relation, batch norm": Row(
        lambda: relation("batch"),
        relation_of_one_task,
        mixes_items=True,
        knows_nothing=True,
        loop_loss=squared_relations,
    ),
    "probe": Row(lambda: made_for_classes(Probe, "group"), probe_of_one_task, base_logits=linear_base),
    "probe of raw features, batch norm": Row(
        lambda: made_for_classes(Probe, "batch", normalise=False, steps=40),
        probe_of_one_task,
        mixes_items=True,
        base_logits=linear_base,
    ),
    "baseline++": Row(
        lambda: made_for_classes(BaselinePlusPlus, "group", steps=30),
        baseline_plus_plus_of_one_task,
        base_logits=cosine_base,
    ),
    "fine-tuning": Row(
        lambda: made_for_classes(FineTune, "group", steps=3, step_size=0.05, chunk=2),
        fine_tune_of_one_task,
        base_logits=linear_base,
    ),
    "fine-tuning, batch norm": Row(
        lambda: made_for_classes(FineTune, "batch", steps=3),
        fine_tune_of_one_task,
        mixes_items=True,
        base_logits=linear_base,
    ),
    "maml, 1 step": Row(lambda: adapting(MAML), gradient_loop(), named_classes=True),
    "maml, 5 steps": Row(lambda: adapting(MAML, steps=5), gradient_loop(), named_classes=True),
    "first-order maml, 1 step": Row(lambda: adapting(MAML, order=1), gradient_loop(), named_classes=True),
    "first-order maml, 5 steps": Row(lambda: adapting(MAML, order=1, steps=5), gradient_loop(), named_classes=True),
    "maml, support's statistics": Row(
        lambda: adapting(MAML, "support", steps=2), gradient_loop("support"), named_classes=True, weighs_statistics=True
    ),
    "maml, query's statistics": Row(
        lambda: adapting(MAML, "query", steps=5),
        gradient_loop("query"),
        named_classes=True,
        weighs_statistics=True,
    ),
    "anil": Row(lambda: adapting(ANIL, steps=5), gradient_loop(), named_classes=True),
    "anil, support's statistics": Row(
        lambda: adapting(ANIL, "support", steps=2), gradient_loop("support"), named_classes=True, weighs_statistics=True
    ),
    "first-order anil": Row(lambda: adapting(ANIL, steps=2, order=1), gradient_loop(), named_classes=True),
    "meta-sgd": Row(lambda: adapting(MetaSGD), gradient_loop(), named_classes=True),
    "meta-sgd, 5 steps": Row(lambda: adapting(MetaSGD, steps=5, step_size=0.1), gradient_loop(), named_classes=True),
    "maml++": Row(lambda: adapting(MAMLPlusPlus, annealing=0), gradient_loop(), named_classes=True),
    "reptile": Row(
        lambda: adapting(Reptile, step_size=0.1, steps=5, batches=2),
        gradient_loop(),
        named_classes=True,
        loss_of_one_task=reptile_loss_of_one_task,
    ),
}


def episode_of(tasks: int = 3, spread: float = 1.0, seed: int = 0) -> Episode:
    """Tasks whose classes are blurred points of the image space."""
    generator = torch.Generator().manual_seed(seed)
    centres = torch.randn(tasks, WAYS, 1, 1, SIZE, SIZE, generator=generator, dtype=torch.float64)

    def side(each: int) -> Examples:
        noise = torch.randn(tasks, WAYS, each, 1, SIZE, SIZE, generator=generator, dtype=torch.float64)
        return Examples(
            items=(centres + spread * noise).flatten(1, 2),
            labels=torch.eye(WAYS, dtype=torch.float64).repeat_interleave(each, 0).expand(tasks, -1, -1),
            weight=torch.ones(tasks, WAYS * each, dtype=torch.float64),
            class_mask=torch.ones(tasks, WAYS, dtype=torch.bool),
        )

    return Episode(side(SHOTS), side(QUERIES), torch.arange(WAYS).expand(tasks, -1))


def smaller(episode: Episode, task: int, ways: int) -> Episode:
    """The same, with the last classes of a task taken away as a sampler pads them."""

    def cut(side: Examples) -> Examples:
        present, weight, items = side.class_mask.clone(), side.weight.clone(), side.items.clone()
        present[task, ways:] = False
        gone = side.class_ids[task] >= ways
        weight[task, gone] = 0
        items[task, gone] = 1000.0
        return replace(side, class_mask=present, weight=weight, items=items)

    classes = episode.classes.clone()
    classes[task, ways:] = -1
    return Episode(cut(episode.support), cut(episode.query), classes)


KINDS = ("plain", "weighted", "soft", "fewer classes")


def changed(episode: Episode, kind: str) -> Episode:
    generator, support = torch.Generator().manual_seed(5), episode.support
    if kind == "weighted":
        weight = torch.rand(support.weight.shape, generator=generator, dtype=torch.float64) + 0.2
        return replace(episode, support=replace(support, weight=weight))
    if kind == "soft":
        logits = 2 * torch.randn(support.labels.shape, generator=generator, dtype=torch.float64)
        labels = (logits + 4 * support.labels).softmax(-1)
        return replace(episode, support=replace(support, labels=labels))
    return smaller(episode, task=1, ways=2) if kind == "fewer classes" else episode


def take(examples: Examples, places: torch.Tensor) -> Examples:
    """The items at these places of every task."""
    return replace(
        examples, items=examples.items[:, places], labels=examples.labels[:, places], weight=examples.weight[:, places]
    )


def one(episode: Episode, task: int) -> Episode:
    def side(examples: Examples) -> Examples:
        parts = {name: getattr(examples, name)[task : task + 1] for name in ("items", "labels", "weight", "class_mask")}
        return replace(examples, **parts)

    return Episode(side(episode.support), side(episode.query), episode.classes[task : task + 1])


def gradients(learner: Learner, loss: torch.Tensor) -> dict[str, torch.Tensor]:
    learner.zero_grad()
    loss.backward()
    return {n: torch.zeros_like(p) if p.grad is None else p.grad.clone() for n, p in learner.named_parameters()}


def train(learner: Learner, episode: Episode, steps: int, rate: float) -> list[float]:
    optimizer = torch.optim.Adam(learner.parameters(), lr=rate)
    losses = []
    for _ in range(steps):
        optimizer.zero_grad()
        loss = learner.loss(episode)
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    return losses


def assert_close(actual: dict, expected: dict, tolerance: float = 1e-10) -> None:
    for name, value in expected.items():
        assert torch.allclose(actual[name], value, rtol=tolerance, atol=tolerance), name


def logits_of(learner: Learner, support: Examples, query: Examples) -> torch.Tensor:
    return learner.adapt(support)(query.items, query.weight)


@pytest.mark.parametrize("row", LEARNERS.values(), ids=LEARNERS)
class TestEveryLearner:
    def test_beats_chance_on_a_separable_task(self, row):
        learner, episode = row.make(), episode_of(tasks=20, spread=0.1)
        if row.knows_nothing:
            train(learner, episode_of(tasks=20, spread=0.1, seed=1), steps=30, rate=0.002)
        answers = logits_of(learner, episode.support, episode.query).argmax(-1)
        assert (answers == episode.query.class_ids).double().mean() > 0.5

    def test_learns(self, row):
        learner, episode = row.make(), episode_of(tasks=4, spread=0.5)
        losses = train(learner, episode, *((30, 0.002) if row.knows_nothing else (8, 0.02)))
        assert losses[-1] < 0.8 * losses[0] or losses[-1] < 0.05

    def test_an_item_of_weight_two_counts_as_the_item_twice(self, row):
        learner, episode = row.make().eval(), episode_of()
        weight = episode.support.weight.clone()
        weight[:, 1] = 2
        twice = logits_of(learner, take(episode.support, torch.tensor([0, 1, 1, 2, 3, 4, 5])), episode.query)
        heavy = logits_of(learner, replace(episode.support, weight=weight), episode.query)
        assert torch.allclose(heavy, twice, atol=1e-10)
        plain = logits_of(learner, episode.support, episode.query)
        assert torch.allclose(plain, heavy) != row.counts_weights

    @pytest.mark.parametrize("training", [True, False])
    def test_an_item_of_weight_zero_counts_as_absent(self, row, training):
        learner, episode = row.make().train(training), episode_of()
        weight, items = episode.support.weight.clone(), episode.support.items.clone()
        weight[:, 3] = 0
        items[:, 3] = 1000.0
        kept = torch.tensor([0, 1, 2, 4, 5])
        light = replace(episode.support, weight=weight, items=items)
        with_it, without_it = (
            gradients(learner, learner.loss(replace(episode, support=support)))
            for support in (light, take(episode.support, kept))
        )
        assert_close(with_it, without_it)
        found = logits_of(learner, light, episode.query)
        assert torch.allclose(found, logits_of(learner, take(episode.support, kept), episode.query), atol=1e-10)

    @pytest.mark.parametrize("training", [True, False])
    def test_a_query_of_weight_zero_counts_as_absent(self, row, training):
        learner, episode = row.make().train(training), episode_of()
        weight, items = episode.query.weight.clone(), episode.query.items.clone()
        weight[:, 0] = 0
        items[:, 0] = 1000.0
        light = replace(episode, query=replace(episode.query, weight=weight, items=items))
        gone = replace(episode, query=take(episode.query, torch.arange(1, WAYS * QUERIES)))
        assert_close(gradients(learner, learner.loss(light)), gradients(learner, learner.loss(gone)))

    def test_no_answer_changes_with_another_query(self, row):
        learner, episode = row.make().eval(), episode_of()
        if queries_see_each_other(learner):
            pytest.skip("is transductive, and evaluations say so")
        items = episode.query.items.clone()
        items[:, 0] *= 1.5
        plain = logits_of(learner, episode.support, episode.query)
        other = logits_of(learner, episode.support, replace(episode.query, items=items))
        assert torch.allclose(plain[:, 1:], other[:, 1:], atol=1e-10)

    def test_does_not_care_about_the_order_of_support_items(self, row):
        learner, episode = row.make(), episode_of()
        order = torch.tensor([4, 1, 5, 0, 3, 2])
        assert torch.allclose(
            logits_of(learner, episode.support, episode.query),
            logits_of(learner, take(episode.support, order), episode.query),
            atol=1e-10,
        )

    @pytest.mark.parametrize("kind", KINDS)
    def test_equals_a_plain_loop_over_tasks(self, row, kind):
        if row.weighs_statistics and kind == "weighted":
            pytest.skip("weights that are whole numbers are compared with repeated items")
        learner, episode = row.make().train(not row.mixes_items), changed(episode_of(), kind)

        def plain_loop() -> torch.Tensor:
            losses = []
            for task in range(3):
                alone = one(episode, task)
                if row.base_logits:
                    losses.append(base_loss_of_one_task(row, learner, alone))
                    continue
                if row.loss_of_one_task:
                    losses.append(row.loss_of_one_task(learner, alone))
                    continue
                there = alone.query.weight[0] > 0
                real = take(alone.support, (alone.support.weight[0] > 0).nonzero()[:, 0])
                logits = row.loop(learner, real, alone.query.items[:, there])[0][:, alone.support.class_mask[0]]
                losses.append(row.loop_loss(logits, alone.query.class_ids[0, there]))
            return torch.stack(losses).mean()

        together, apart = learner.loss(episode), plain_loop()
        assert torch.allclose(together, apart, atol=1e-10, rtol=1e-10)
        assert_close(gradients(learner, together), gradients(learner, plain_loop()))

    @pytest.mark.parametrize("kind", KINDS)
    def test_what_trains_by_classification_adapts_like_a_plain_loop(self, row, kind):
        if not row.base_logits:
            pytest.skip("compared above")
        learner, episode = row.make().eval(), changed(episode_of(), kind)
        together = logits_of(learner, episode.support, episode.query)
        for task in range(3):
            alone = one(episode, task)
            real = take(alone.support, (alone.support.weight[0] > 0).nonzero()[:, 0])
            there = alone.query.weight[0] > 0
            expected = row.loop(learner, real, alone.query.items[:, there])
            assert torch.allclose(together[task : task + 1, there], expected, atol=1e-10, rtol=1e-10)

    def test_classes_in_another_order_get_their_logits_in_that_order(self, row):
        if row.named_classes:
            pytest.skip("its last layer has weights for each place")
        learner, episode = row.make(), episode_of()
        order = torch.tensor([2, 0, 1])
        turned = replace(episode.support, labels=episode.support.labels[:, :, order])
        assert torch.allclose(
            logits_of(learner, turned, episode.query),
            logits_of(learner, episode.support, episode.query)[:, :, order],
            atol=1e-10,
        )

    def test_soft_labels_matter(self, row):
        learner, episode = row.make().eval(), episode_of()
        mixed = 0.8 * episode.support.labels + 0.2 / WAYS
        plain, soft = (
            logits_of(learner, replace(episode.support, labels=labels), episode.query)
            for labels in (episode.support.labels, mixed)
        )
        assert torch.allclose(plain, soft) != row.soft

    @pytest.mark.parametrize("training", [True, False])
    def test_absent_classes_get_no_chance_and_no_gradient_is_lost_to_them(self, row, training):
        learner, episode = row.make().train(training), smaller(episode_of(), task=1, ways=2)
        logits = logits_of(learner, episode.support, episode.query)
        there = episode.query.weight > 0
        assert (logits[1][there[1]][:, 2] == -torch.inf).all()
        assert logits[1][there[1]][:, :2].isfinite().all()
        assert logits[[0, 2]].isfinite().all()
        loss = learner.loss(episode)
        assert loss.isfinite()
        found = gradients(learner, loss)
        assert all(g.isfinite().all() for g in found.values())
        assert any((g != 0).any() for g in found.values())

    def test_gradients_reach_support_and_query_items(self, row):
        learner, episode = row.make().eval(), episode_of()
        support, query = (side.items.clone().requires_grad_() for side in (episode.support, episode.query))
        learner.loss(
            replace(
                episode,
                support=replace(episode.support, items=support),
                query=replace(episode.query, items=query),
            )
        ).backward()
        if isinstance(learner, Reptile):
            assert query.grad is None
            return
        assert query.grad.abs().sum() > 0
        first_order = isinstance(learner, GradientLearner) and not learner.second_order()
        assert first_order or support.grad.abs().sum() > 0

    def test_adapts_where_no_gradient_is_kept(self, row):
        learner, episode = row.make().eval(), episode_of()
        with torch.no_grad():
            quiet = logits_of(learner, episode.support, episode.query)
        assert not quiet.requires_grad
        assert torch.allclose(quiet, logits_of(learner, episode.support, episode.query), atol=1e-12)

    def test_adapting_leaves_its_weights_as_they_were(self, row):
        learner, episode = row.make().eval(), episode_of()
        before = {name: tensor.clone() for name, tensor in learner.state_dict().items()}
        logits_of(learner, episode.support, episode.query)
        assert all(tensor.equal(before[name]) for name, tensor in learner.state_dict().items())

    def test_survives_saving_and_loading(self, row, tmp_path):
        learner, episode = row.make(), episode_of()
        learner.loss(episode)  # moves running averages, if there are any
        save_file({n: t.contiguous() for n, t in learner.state_dict().items()}, tmp_path / "weights.safetensors")
        other = row.make()
        for parameter in other.parameters():
            nn.init.normal_(parameter)
        other.load_state_dict(load_file(tmp_path / "weights.safetensors"))
        learner.eval()
        other.eval()
        assert logits_of(other, episode.support, episode.query).equal(
            logits_of(learner, episode.support, episode.query)
        )

    def test_gives_the_same_bits_again(self, row):
        episode = episode_of()
        first, again = (gradients(learner, learner.loss(episode)) for learner in (row.make(), row.make()))
        assert all(first[name].equal(again[name]) for name in first)


class TestPlainLoopsAreNotTrivial:
    """The comparison above would pass if both sides were constant."""

    @pytest.mark.parametrize("row", LEARNERS.values(), ids=LEARNERS)
    def test_every_parameter_gets_a_gradient(self, row):
        learner = row.make().eval()
        found = gradients(learner, learner.loss(episode_of()))
        assert all((g != 0).any() for g in found.values())
