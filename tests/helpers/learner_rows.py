"""The table of learners under test: how each is built, and the plain loop that it has to equal."""

from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional as F

from manyshot import learners
from manyshot.learners import GradientLearner, Learner
from manyshot.nets import Conv4
from plain_gradient_loops import gradient_loop, reptile_loss_of_one_task
from plain_loops import (
    baseline_plus_plus_of_one_task,
    cosine_base,
    fine_tune_of_one_task,
    linear_base,
    logistic_of_one_task,
    matching_of_one_task,
    nearest_of_one_task,
    probe_of_one_task,
    prototypes_of_one_task,
    relation_of_one_task,
    ridge_of_one_task,
    squared_relations,
)
from small_tasks import SIZE, WAYS


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
    """A gradient-based learner; its learning rates differ, so that none can stand for another."""
    learner = kind(classifier(norm), WAYS, **({"step_size": 0.4} | options))
    if hasattr(learner, "rates"):
        generator = torch.Generator().manual_seed(2)
        for rate in learner.rates:
            rate.data += 0.1 * torch.randn(rate.shape, generator=generator, dtype=rate.dtype)
    return learner


def relation(norm: str) -> learners.Relation:
    body = encoder(norm, 16)
    torch.manual_seed(1)
    return learners.Relation(body, hidden=32, norm=norm).double()


def pretrained(kind: type, norm: str, **options) -> Learner:
    body = encoder(norm)
    torch.manual_seed(1)
    return kind(body, classes=WAYS, **options).double()


@dataclass(frozen=True)
class Row:
    """A learner: how to build it, the plain loop over one task that it equals, and where it is an exception."""

    make: object
    loop: object
    mixes_examples: bool = False  # by batch normalization in training mode: a task alone gives other results
    named_classes: bool = False  # classes have weights of their own
    counts_weights: bool = True  # an example of weight 2 is not one of weight 1
    loop_loss: object = F.cross_entropy  # of a task's logits and classes
    base_logits: object = None  # logits of the pretraining classifier for features
    needs_training: bool = False  # answers at random before it is trained
    loss_of_one_task: object = None  # where the loss is no mean over queries
    weights_statistics: bool = False  # weights count in the normalization too, not so in the plain loop
    soft: bool = True  # every entry of a soft label matters, not only the largest


LEARNERS = {
    "prototypes": Row(lambda: learners.Prototypes(encoder("group")), prototypes_of_one_task),
    "prototypes, warmer": Row(lambda: learners.Prototypes(encoder("group"), temperature=20.0), prototypes_of_one_task),
    "prototypes, batch norm": Row(
        lambda: learners.Prototypes(encoder("batch")), prototypes_of_one_task, mixes_examples=True
    ),
    "nearest": Row(
        lambda: learners.Prototypes(encoder("group"), "nearest"), nearest_of_one_task, counts_weights=False, soft=False
    ),
    "ridge, fewer items than features": Row(lambda: learners.Ridge(encoder("group")).double(), ridge_of_one_task),
    "ridge, more items than features": Row(
        lambda: learners.Ridge(nn.Sequential(encoder("group"), nn.Linear(16, 3)), penalty=0.2).double(),
        ridge_of_one_task,
    ),
    "logistic, fewer items than features": Row(
        lambda: learners.Logistic(encoder("group")).double(), logistic_of_one_task
    ),
    "logistic, more items than features": Row(
        lambda: learners.Logistic(nn.Sequential(encoder("group"), nn.Linear(16, 3)), steps=2, penalty=0.2).double(),
        logistic_of_one_task,
    ),
    "matching": Row(lambda: learners.Matching(encoder("group")).double(), matching_of_one_task),
    "relation": Row(lambda: relation("group"), relation_of_one_task, needs_training=True, loop_loss=squared_relations),
    "relation, batch norm": Row(
        lambda: relation("batch"),
        relation_of_one_task,
        mixes_examples=True,
        needs_training=True,
        loop_loss=squared_relations,
    ),
    "probe": Row(lambda: pretrained(learners.LinearProbe, "group"), probe_of_one_task, base_logits=linear_base),
    "probe of raw features, batch norm": Row(
        lambda: pretrained(learners.LinearProbe, "batch", normalize=False, steps=40),
        probe_of_one_task,
        mixes_examples=True,
        base_logits=linear_base,
    ),
    "baseline++": Row(
        lambda: pretrained(learners.BaselinePlusPlus, "group", steps=30),
        baseline_plus_plus_of_one_task,
        base_logits=cosine_base,
    ),
    "fine-tuning": Row(
        lambda: pretrained(learners.FineTune, "group", steps=3, step_size=0.05, chunk=2),
        fine_tune_of_one_task,
        base_logits=linear_base,
    ),
    "fine-tuning, batch norm": Row(
        lambda: pretrained(learners.FineTune, "batch", steps=3),
        fine_tune_of_one_task,
        mixes_examples=True,
        base_logits=linear_base,
    ),
    "maml, 1 step": Row(lambda: adapting(learners.MAML), gradient_loop(), named_classes=True),
    "maml, 5 steps": Row(lambda: adapting(learners.MAML, steps=5), gradient_loop(), named_classes=True),
    "first-order maml, 1 step": Row(lambda: adapting(learners.MAML, order=1), gradient_loop(), named_classes=True),
    "first-order maml, 5 steps": Row(
        lambda: adapting(learners.MAML, order=1, steps=5), gradient_loop(), named_classes=True
    ),
    "maml, support's statistics": Row(
        lambda: adapting(learners.MAML, "support", steps=2),
        gradient_loop("support"),
        named_classes=True,
        weights_statistics=True,
    ),
    "maml, query's statistics": Row(
        lambda: adapting(learners.MAML, "query", steps=5),
        gradient_loop("query"),
        named_classes=True,
        weights_statistics=True,
    ),
    "anil": Row(lambda: adapting(learners.ANIL, steps=5), gradient_loop(), named_classes=True),
    "anil, support's statistics": Row(
        lambda: adapting(learners.ANIL, "support", steps=2),
        gradient_loop("support"),
        named_classes=True,
        weights_statistics=True,
    ),
    "first-order anil": Row(lambda: adapting(learners.ANIL, steps=2, order=1), gradient_loop(), named_classes=True),
    "meta-sgd": Row(lambda: adapting(learners.MetaSGD), gradient_loop(), named_classes=True),
    "meta-sgd, 5 steps": Row(
        lambda: adapting(learners.MetaSGD, steps=5, step_size=0.1), gradient_loop(), named_classes=True
    ),
    "maml++": Row(lambda: adapting(learners.MAMLPlusPlus, annealing=0), gradient_loop(), named_classes=True),
    "reptile": Row(
        lambda: adapting(learners.Reptile, step_size=0.1, steps=5, batches=2),
        gradient_loop(),
        named_classes=True,
        loss_of_one_task=reptile_loss_of_one_task,
    ),
}
