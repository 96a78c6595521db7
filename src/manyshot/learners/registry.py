"""The learners that a run can name, with their options: one row a method."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Protocol, cast, runtime_checkable

from torch import nn

from manyshot.base import InputError, did_you_mean
from manyshot.base.registry import Registry
from manyshot.learners.anil import ANIL
from manyshot.learners.baseline_plus_plus import BaselinePlusPlus
from manyshot.learners.distributional_signatures import DistributionalSignatures
from manyshot.learners.fine_tune import FineTune
from manyshot.learners.gradient_learner import Order
from manyshot.learners.learner import Learner
from manyshot.learners.linear_probe import Probe
from manyshot.learners.logistic import Logistic
from manyshot.learners.maml import MAML
from manyshot.learners.maml_plus_plus import MAMLPlusPlus
from manyshot.learners.matching import Matching
from manyshot.learners.meta_dropout import MetaDropout, Perturbed
from manyshot.learners.meta_sgd import MetaSGD
from manyshot.learners.prototypes import Match, Prototypes
from manyshot.learners.relation import Relation
from manyshot.learners.reptile import Reptile
from manyshot.learners.ridge import Ridge
from manyshot.nets import Norm, StagedEncoder

MakeEncoder = Callable[[Norm], Any]
"""Builds an encoder with the given kind of normalisation."""


@runtime_checkable
class LearnerOptions(Protocol):
    """The options of a learner; makes it once encoder and ways are known."""

    def make(self, encoder: MakeEncoder, ways: int) -> Learner:
        """Build the learner for tasks of at most `ways` classes."""
        ...


@runtime_checkable
class ClassifierOptions(LearnerOptions, Protocol):
    """The options of a learner that trains as a classifier of all training classes."""

    @property
    def classes(self) -> int:
        """How many; 0 if not known yet."""
        ...

    def for_classes(self, classes: int) -> LearnerOptions:
        """The same, for so many."""
        ...


@dataclass(frozen=True)
class PrototypesOptions:
    """Nearest class mean in feature space, `prototypes`, or nearest support item, `prototypes(nearest)`.

    Args:
        match: "mean" or "nearest".
        temperature: divides the distances.
    """

    match: str = "mean"
    temperature: float = 1.0

    def make(self, encoder: MakeEncoder, ways: int) -> Prototypes:
        """Build the learner; any number of ways will do."""
        return Prototypes(encoder("batch"), cast(Match, self.match), self.temperature)


@dataclass(frozen=True)
class MAMLOptions:
    """Weights from which a few gradient steps make a classifier, `maml(steps=5, step_size=0.1)`.

    Args:
        steps: inner gradient steps.
        step_size: the inner learning rate.
        order: 2, or 1 for first-order MAML.
        norm: "group" (each item alone), "support" (by the statistics of the task's support) or "query" (a query by
            those of the query set: transductive, which results name).
    """

    steps: int = 1
    step_size: float = 0.4
    order: int = 2
    norm: str = "group"

    def make(self, encoder: MakeEncoder, ways: int) -> MAML:
        """Build the learner with a linear layer of `ways` outputs on the encoder."""
        model = _classifier(encoder, ways, self.norm)
        return MAML(model, ways, self.step_size, self.steps, cast(Order, self.order))


@dataclass(frozen=True)
class ANILOptions:
    """MAML whose last layer alone adapts, `anil(steps=5)`.

    Args:
        steps: inner gradient steps.
        step_size: the inner learning rate.
        order: 2 or 1.
        norm: "group", "support" or "query", as of `maml`.
    """

    steps: int = 5
    step_size: float = 0.4
    order: int = 2
    norm: str = "group"

    def make(self, encoder: MakeEncoder, ways: int) -> ANIL:
        """Build the learner with a linear layer of `ways` outputs on the encoder."""
        model = _classifier(encoder, ways, self.norm)
        return ANIL(model, ways, self.step_size, self.steps, cast(Order, self.order))


@dataclass(frozen=True)
class MetaSGDOptions:
    """MAML with a learned rate for each weight, `meta-sgd`.

    Args:
        steps: inner gradient steps.
        step_size: of every weight at first.
        order: 2 or 1.
        norm: "group", "support" or "query", as of `maml`.
    """

    steps: int = 1
    step_size: float = 0.1
    order: int = 2
    norm: str = "group"

    def make(self, encoder: MakeEncoder, ways: int) -> MetaSGD:
        """Build the learner with a linear layer of `ways` outputs on the encoder."""
        model = _classifier(encoder, ways, self.norm)
        return MetaSGD(model, ways, self.step_size, self.steps, cast(Order, self.order))


@dataclass(frozen=True)
class MAMLPlusPlusOptions:
    """MAML with learned rates a layer and step, and a loss after every step at first, `maml-plus-plus(annealing=1000)`.

    Args:
        steps: inner gradient steps.
        step_size: every rate at first.
        annealing: training steps until only the last inner step's loss counts.
        first_order: training steps until inner gradients are differentiated through.
        norm: "group", "support" or "query", as of `maml`.
    """

    steps: int = 5
    step_size: float = 0.1
    annealing: int = 500
    first_order: int = 0
    norm: str = "group"

    def make(self, encoder: MakeEncoder, ways: int) -> MAMLPlusPlus:
        """Build the learner with a linear layer of `ways` outputs on the encoder."""
        model = _classifier(encoder, ways, self.norm)
        return MAMLPlusPlus(model, ways, self.step_size, self.steps, self.annealing, self.first_order)


@dataclass(frozen=True)
class MetaDropoutOptions:
    """MAML whose support is seen through learned noise, `meta-dropout(steps=5)`; needs an encoder of stages.

    Args:
        steps: inner gradient steps.
        step_size: the inner learning rate.
        norm: "group", "support" or "query", as of `maml`.
    """

    steps: int = 5
    step_size: float = 0.1
    norm: str = "group"

    def make(self, encoder: MakeEncoder, ways: int) -> MetaDropout:
        """Build the learner with learned factors behind each stage and a linear layer of `ways` outputs."""
        body = encoder(_norm(self.norm))
        if not isinstance(body, StagedEncoder):
            raise InputError("meta-dropout perturbs the stages of an encoder, such as conv4; take one of stages")
        return MetaDropout(Perturbed(body, ways), ways, self.step_size, self.steps)


@dataclass(frozen=True)
class ReptileOptions:
    """Plain training on each task, and a move towards where it led, `reptile(steps=8)`.

    Args:
        steps: inner gradient steps.
        step_size: the inner learning rate.
        batches: mini-batches that a training task's support and query are divided into.
        norm: "group", "support" or "query", as of `maml`.
    """

    steps: int = 8
    step_size: float = 0.1
    batches: int = 4
    norm: str = "group"

    def make(self, encoder: MakeEncoder, ways: int) -> Reptile:
        """Build the learner with a linear layer of `ways` outputs on the encoder."""
        model = _classifier(encoder, ways, self.norm)
        return Reptile(model, ways, self.step_size, self.steps, self.batches)


def _classifier(encoder: MakeEncoder, ways: int, norm: str) -> nn.Sequential:
    """An encoder with a linear layer."""
    body = encoder(_norm(norm))
    return nn.Sequential(body, nn.Linear(body.features, ways))


def _norm(norm: str) -> Norm:
    """A normalization for gradient-based learners.

    Raises:
        InputError: If there is none of this name.
    """
    known = ("group", "support", "query")
    if norm not in known:
        raise InputError(f"norm='{norm}': {did_you_mean(norm, known)}")
    return cast(Norm, norm)


@dataclass(frozen=True)
class RidgeOptions:
    """R2-D2: ridge regression in closed form as the last layer, `ridge(penalty=0.1)`.

    Args:
        penalty: lambda at first; meta-training learns it.
        scale: alpha, which multiplies the answers, at first; learned too.
    """

    penalty: float = 1.0
    scale: float = 10.0

    def make(self, encoder: MakeEncoder, ways: int) -> Ridge:
        """Build the learner; any number of ways will do."""
        return Ridge(encoder("batch"), self.penalty, self.scale)


@dataclass(frozen=True)
class LogisticOptions:
    """LR-D2: logistic regression by Newton steps as the last layer, `logistic(steps=5)`.

    Args:
        steps: Newton steps.
        penalty: lambda at first; meta-training learns it.
        scale: alpha, which multiplies the logits, at first; learned too.
    """

    steps: int = 5
    penalty: float = 1.0
    scale: float = 1.0

    def make(self, encoder: MakeEncoder, ways: int) -> Logistic:
        """Build the learner; any number of ways will do."""
        return Logistic(encoder("batch"), self.steps, self.penalty, self.scale)


@dataclass(frozen=True)
class MatchingOptions:
    """Matching networks: support items vote by the cosine of their features, `matching(scale=20)`.

    Args:
        scale: alpha, which multiplies the cosines, at first; meta-training learns it.
    """

    scale: float = 10.0

    def make(self, encoder: MakeEncoder, ways: int) -> Matching:
        """Build the learner; any number of ways will do."""
        return Matching(encoder("batch"), self.scale)


@dataclass(frozen=True)
class RelationOptions:
    """Relation networks: a second network compares feature maps, `relation`; its paper's encoder is `conv4(pools=2)`.

    Args:
        hidden: width of the last hidden layer.
    """

    hidden: int = 8

    def make(self, encoder: MakeEncoder, ways: int) -> Relation:
        """Build the learner; any number of ways will do."""
        return Relation(encoder("batch"), self.hidden)


@dataclass(frozen=True)
class DistributionalSignaturesOptions:
    """Ridge regression on words weighed by how rare they are and how much they tell, `distributional-signatures`.

    Args:
        hidden: width of the LSTM that makes the weights, each way.
        penalty: lambda of the regressions, at first; meta-training learns it.
        scale: alpha, which multiplies the answers, at first; meta-training learns it.
    """

    hidden: int = 50
    penalty: float = 1.0
    scale: float = 10.0

    def make(self, encoder: MakeEncoder, ways: int) -> DistributionalSignatures:
        """Build the learner, on an encoder of sentences; any number of ways will do."""
        return DistributionalSignatures(encoder("batch"), self.hidden, self.penalty, self.scale)


@dataclass(frozen=True)
class ProbeOptions:
    """Logistic regression on features of unit length; the encoder is trained as a classifier, or given, `probe`.

    Args:
        penalty: lambda of the regression.
        steps: of the regression.
        normalise: whether features are divided by their length.
        classes: how many classes the training classifier tells apart; a training fills in those of its data.
    """

    penalty: float = 1.0
    steps: int = 200
    normalise: bool = True
    classes: int = 0

    def for_classes(self, classes: int) -> "ProbeOptions":
        """The same, trained on so many classes."""
        return replace(self, classes=classes)

    def make(self, encoder: MakeEncoder, ways: int) -> Probe:
        """Build the learner; any number of ways will do."""
        body = encoder("batch")
        return Probe(body, _to_train(body, self.classes), self.penalty, self.steps, self.normalise)


@dataclass(frozen=True)
class BaselinePlusPlusOptions:
    """Cosine classifier, trained on all classes and fitted anew to each task, `baseline-plus-plus`.

    Args:
        steps: gradient steps on the support.
        step_size: of those.
        scale: alpha, which multiplies the cosines, at first; training learns it.
        classes: how many classes the training classifier tells apart; a training fills in those of its data.
    """

    steps: int = 100
    step_size: float = 0.1
    scale: float = 10.0
    classes: int = 0

    def for_classes(self, classes: int) -> "BaselinePlusPlusOptions":
        """The same, trained on so many classes."""
        return replace(self, classes=classes)

    def make(self, encoder: MakeEncoder, ways: int) -> BaselinePlusPlus:
        """Build the learner; any number of ways will do."""
        body = encoder("batch")
        return BaselinePlusPlus(body, _to_train(body, self.classes), self.steps, self.step_size, self.scale)


@dataclass(frozen=True)
class FineTuneOptions:
    """A linear probe, then the probe and the encoder's last stage tuned together, `fine-tune(steps=50)`.

    Args:
        steps: gradient steps.
        step_size: of those.
        penalty: lambda of the probe.
        classes: how many classes the training classifier tells apart; a training fills in those of its data.
    """

    steps: int = 20
    step_size: float = 0.01
    penalty: float = 1.0
    classes: int = 0

    def for_classes(self, classes: int) -> "FineTuneOptions":
        """The same, trained on so many classes."""
        return replace(self, classes=classes)

    def make(self, encoder: MakeEncoder, ways: int) -> FineTune:
        """Build the learner; any number of ways will do."""
        body = encoder("batch")
        return FineTune(body, _to_train(body, self.classes), self.steps, self.step_size, self.penalty)


def _to_train(encoder: nn.Module, classes: int) -> int:
    """How many classes to train an encoder on: none, where its weights are frozen."""
    return classes if any(parameter.requires_grad for parameter in encoder.parameters()) else 0


LEARNERS: Registry[LearnerOptions] = Registry(
    "learner",
    {
        "prototypes": PrototypesOptions,
        "maml": MAMLOptions,
        "anil": ANILOptions,
        "meta-sgd": MetaSGDOptions,
        "maml-plus-plus": MAMLPlusPlusOptions,
        "meta-dropout": MetaDropoutOptions,
        "reptile": ReptileOptions,
        "ridge": RidgeOptions,
        "logistic": LogisticOptions,
        "matching": MatchingOptions,
        "relation": RelationOptions,
        "distributional-signatures": DistributionalSignaturesOptions,
        "probe": ProbeOptions,
        "baseline-plus-plus": BaselinePlusPlusOptions,
        "fine-tune": FineTuneOptions,
    },
    group="manyshot.learners",
)
