"""Learners that adapt by gradient steps, one task at a time, by plain loops of autograd."""

from dataclasses import replace

import torch
from torch.nn import functional as F

from manyshot.learners import ANIL, GradientLearner, MAMLPlusPlus, MetaSGD, Reptile
from manyshot.tasks import Episode, Examples
from plain_loops import real_classes
from small_tasks import WAYS, take


def forward_pass(parameters: dict, items: torch.Tensor, norm: str, statistics: list | None = None) -> tuple:
    """The classifier from torch's own functions alone, and the statistics that it normalized by."""
    x, normalized_by = items, []
    for block in range(2):
        x = F.conv2d(x, parameters[f"0.convolutions.{block}.weight"], padding=1)
        weight, bias = parameters[f"0.norms.{block}.weight"], parameters[f"0.norms.{block}.bias"]
        if norm == "group":
            x = F.group_norm(x, 4, weight, bias)
        else:
            normalized_by.append((x.mean((0, 2, 3)), x.var((0, 2, 3), correction=0)))
            if statistics is None:
                x = F.batch_norm(x, None, None, weight, bias, training=True)
            else:
                mean, variance = (numbers[:, None, None] for numbers in statistics[block])
                x = (x - mean) / (variance + 1e-5).sqrt() * weight[:, None, None] + bias[:, None, None]
        x = F.max_pool2d(F.relu(x), 2)
    return F.linear(x.flatten(1), parameters["1.weight"], parameters["1.bias"]), normalized_by


def learning_rate_of(learner: GradientLearner, number: int, name: str, step: int) -> object:
    """How far a learner moves one of its weights in a step."""
    if isinstance(learner, MetaSGD):
        return learner.rates[number]
    if isinstance(learner, MAMLPlusPlus):
        return learner.rates[number][step]
    return 0.0 if isinstance(learner, ANIL) and not name.startswith("1.") else learner.step_size


def weights_after_every_step(learner: GradientLearner, norm: str, support: Examples, batches: int = 1) -> list[dict]:
    """The textbook's loop: no vmap, no functional call, no derivative by hand. Items that count twice stand twice."""
    present, parameters, path = real_classes(support), dict(learner.model.named_parameters()), []
    for step in range(learner.steps):
        part = slice(step % batches, None, batches)
        weight = support.weight[0, part]
        logits = forward_pass(parameters, support.items[0, part], norm)[0][:, present]
        losses = F.cross_entropy(logits, support.labels[0, part][:, present], reduction="none")
        loss = (losses * weight).sum() / weight.sum()
        grads = torch.autograd.grad(loss, list(parameters.values()), create_graph=learner.second_order())
        parameters = {
            name: value - learning_rate_of(learner, number, name, step) * grad
            for number, ((name, value), grad) in enumerate(zip(parameters.items(), grads, strict=True))
        }
        path.append(parameters)
    return path


def query_logits(parameters: dict, norm: str, support: Examples, queries: torch.Tensor) -> torch.Tensor:
    statistics = forward_pass(parameters, support.items[0], norm)[1] if norm == "support" else None
    present = real_classes(support)
    logits = torch.full((1, queries.shape[1], WAYS), -torch.inf, dtype=torch.float64)
    return logits.index_copy(2, present, forward_pass(parameters, queries[0], norm, statistics)[0][:, present][None])


def gradient_loop(norm: str = "group") -> object:
    def of_one_task(learner: GradientLearner, support: Examples, queries: torch.Tensor) -> torch.Tensor:
        return query_logits(weights_after_every_step(learner, norm, support)[-1], norm, support, queries)

    return of_one_task


def reptile_loss_of_one_task(learner: Reptile, alone: Episode) -> torch.Tensor:
    """The query loss, with the path of the weights in place of its gradient."""
    data = alone.support.joined(alone.query)
    data = take(replace(data, origin=None), (data.weight[0] > 0).nonzero()[:, 0])
    last = weights_after_every_step(learner, "group", data, learner.batches)[-1]
    real = alone.query.weight[0] > 0
    logits = query_logits(last, "group", data, alone.query.items[:, real])[0][:, data.class_mask[0]]
    value = F.cross_entropy(logits, alone.query.class_ids[0, real]).detach()
    for name, before in learner.model.named_parameters():
        direction = (before - last[name]).detach() / (learner.step_size * learner.steps)
        value = value + (direction * (before - before.detach())).sum()
    return value
