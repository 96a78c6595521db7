"""Learners that keep their encoder as it is, one task at a time, by plain loops."""

from copy import deepcopy

import torch
from torch.autograd.functional import hessian, jacobian
from torch.nn import functional as F

from manyshot.learners import (
    BaselinePlusPlus,
    FineTune,
    Learner,
    LinearProbe,
    Logistic,
    Matching,
    Prototypes,
    Relation,
    Ridge,
)
from manyshot.tasks import Episode, Examples
from small_tasks import WAYS


def real_classes(support: Examples) -> torch.Tensor:
    return support.class_mask[0].nonzero()[:, 0]


def prototypes_of_one_task(learner: Prototypes, support: Examples, queries: torch.Tensor) -> torch.Tensor:
    """Written out example by example."""
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
    features, query_features = (
        torch.cat([f, torch.ones(len(f), 1).double()], 1)
        for f in (learner.encoder(support.items[0]), learner.encoder(queries[0]))
    )
    weighted = features.T * support.weight[0]
    system = weighted @ features + learner.log_penalty.exp() * torch.eye(features.shape[1]).double()
    logits = learner.log_scale.exp() * query_features @ torch.linalg.inv(system) @ weighted @ support.labels[0]
    return logits.masked_fill(~support.class_mask, -torch.inf)[None]


def logistic_of_one_task(learner: Logistic, support: Examples, queries: torch.Tensor) -> torch.Tensor:
    """A class at a time: Newton steps by autograd's gradient and Hessian."""
    features, query_features = (
        torch.cat([f, torch.ones(len(f), 1).double()], 1)
        for f in (learner.encoder(support.items[0]), learner.encoder(queries[0]))
    )
    columns = []
    for c in range(WAYS):

        def loss(b: torch.Tensor, target: torch.Tensor = support.labels[0, :, c]) -> torch.Tensor:
            each = F.binary_cross_entropy_with_logits(features @ b, target, reduction="none")
            return (support.weight[0] * each).sum() + learner.log_penalty.exp() / 2 * b.square().sum()

        b = torch.zeros(features.shape[1]).double()
        for _ in range(learner.steps):
            grad, curvature = (by(loss, b, create_graph=True) for by in (jacobian, hessian))
            b = b - torch.linalg.solve(curvature, grad)
        columns.append(learner.log_scale.exp() * query_features @ b)
    return torch.stack(columns, 1).masked_fill(~support.class_mask, -torch.inf)[None]


def matching_of_one_task(learner: Matching, support: Examples, queries: torch.Tensor) -> torch.Tensor:
    features, logits = learner.encoder(support.items[0]), []
    for query in learner.encoder(queries[0]):
        cosines = torch.stack([F.cosine_similarity(query, feature, dim=0) for feature in features])
        votes = (cosines * learner.log_scale.exp() + support.weight[0].log()).softmax(0)
        p = (votes[:, None] * support.labels[0]).sum(0)
        logits.append(torch.where(support.class_mask[0], p, 1).log())
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


def linear_base(learner: LinearProbe, features: torch.Tensor) -> torch.Tensor:
    return features @ learner.base.weight.T + learner.base.bias


def cosine_base(learner: BaselinePlusPlus, features: torch.Tensor) -> torch.Tensor:
    columns = [F.cosine_similarity(features, direction[None]) for direction in learner.base.weight]
    return learner.log_scale.exp() * torch.stack(columns, 1)


def base_loss_of_one_task(row, learner: Learner, alone: Episode) -> torch.Tensor:
    """An example at a time."""
    losses, weights = [], []
    for side in (alone.support, alone.query):
        for item, label, weight in zip(side.items[0], side.labels[0], side.weight[0], strict=True):
            if weight > 0:
                log_p = row.base_logits(learner, learner.encoder(item[None]))[0].log_softmax(-1)
                targets = zip(alone.classes[0], label, strict=True)
                losses.append(-sum(target * log_p[number] for number, target in targets if number >= 0) * weight)
                weights.append(weight)
    return torch.stack(losses).sum() / torch.stack(weights).sum()


def probe_weights(x: torch.Tensor, support: Examples, penalty: float, steps: int) -> torch.Tensor:
    """Accelerated gradient steps on the coefficients themselves, with autograd's gradient."""
    present = real_classes(support)
    y, weight = support.labels[0][:, present], support.weight[0]

    def gradient(w: torch.Tensor) -> torch.Tensor:
        w = w.detach().requires_grad_()
        losses = F.cross_entropy(x @ w, y, reduction="none")
        (value,) = torch.autograd.grad((weight * losses).sum() + penalty / 2 * w.square().sum(), w)
        return value

    bound = penalty + (weight * (x @ x.T).abs()).sum(1).max() / 2
    ratio = (penalty / bound) ** 0.5
    w = ahead = torch.zeros(x.shape[1], len(present)).double()
    for _ in range(steps):
        before, w = w, ahead - gradient(ahead) / bound
        ahead = w + (1 - ratio) / (1 + ratio) * (w - before)
    return w


def on_all_ways(logits_of_present: torch.Tensor, support: Examples) -> torch.Tensor:
    logits = torch.full((1, len(logits_of_present), WAYS), -torch.inf, dtype=torch.float64)
    return logits.index_copy(2, real_classes(support), logits_of_present[None])


@torch.no_grad()
def probe_of_one_task(learner: LinearProbe, support: Examples, queries: torch.Tensor) -> torch.Tensor:
    def prepared(items: torch.Tensor) -> torch.Tensor:
        features = learner.encoder(items)
        features = features / features.norm(dim=1, keepdim=True) if learner.normalize else features
        return torch.cat([features, torch.ones(len(features), 1).double()], 1)

    with torch.enable_grad():
        w = probe_weights(prepared(support.items[0]).detach(), support, learner.penalty, learner.steps)
    return on_all_ways(prepared(queries[0]) @ w, support)


def baseline_plus_plus_of_one_task(learner: BaselinePlusPlus, support: Examples, queries: torch.Tensor) -> torch.Tensor:
    present, scale = real_classes(support), learner.log_scale.exp()
    units, query_features = (
        F.normalize(learner.encoder(items[0]), dim=1).detach() for items in (support.items, queries)
    )
    y, weight = support.labels[0][:, present], support.weight[0]
    mass = y * weight[:, None]
    v = (mass.T @ units / mass.sum(0)[:, None]).requires_grad_()
    optimizer = torch.optim.SGD([v], lr=learner.step_size, momentum=0.9, dampening=0.9)
    for _ in range(learner.steps):
        losses = F.cross_entropy(scale.detach() * units @ F.normalize(v, dim=1).T, y, reduction="none")
        v.grad = torch.autograd.grad((weight * losses).sum() / weight.sum(), v)[0]
        optimizer.step()
    return on_all_ways(scale * query_features @ F.normalize(v, dim=1).detach().T, support)


def fine_tune_of_one_task(learner: FineTune, support: Examples, queries: torch.Tensor) -> torch.Tensor:
    """The whole encoder is run in each step, by an optimizer of PyTorch."""
    net, present = deepcopy(learner.encoder).eval(), real_classes(support)

    def with_ones(features: torch.Tensor) -> torch.Tensor:
        return torch.cat([features, torch.ones(len(features), 1).double()], 1)

    before = with_ones(net(support.items[0])).detach()
    head = probe_weights(before, support, learner.penalty, 200).requires_grad_()
    last = [*net.convolutions[-1].parameters(), *net.norms[-1].parameters()]
    optimizer = torch.optim.SGD([head, *last], lr=learner.step_size)
    for _ in range(learner.steps):
        optimizer.zero_grad()
        logits = with_ones(net(support.items[0])) @ head
        losses = F.cross_entropy(logits, support.labels[0][:, present], reduction="none")
        ((support.weight[0] * losses).sum() / support.weight[0].sum()).backward()
        optimizer.step()
    return on_all_ways((with_ones(net(queries[0])) @ head).detach(), support)
