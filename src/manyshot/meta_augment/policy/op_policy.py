"""Base class of learned policies: which ops act, how often and how strongly, for each class of a task."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import ClassVar, Literal

import torch
from jaxtyping import Float
from torch import Generator, Tensor, nn

from manyshot.augment import Plan
from manyshot.augment.ops.compose import Compose
from manyshot.augment.ops.op import Op, Params
from manyshot.augment.plan.syntax_tree import Clause, Syntax
from manyshot.base.check_numbers import check_range
from manyshot.meta_augment.gates import Gates, sample_gates
from manyshot.meta_augment.learned_augmenter import Draws, LearnedAugmenter, Space, Varied
from manyshot.meta_augment.policy.initial_plan import initial_settings
from manyshot.meta_augment.policy.policy_ops import INITIAL_P, INITIAL_SWITCH_P, PolicyOp, op_names, policy_ops
from manyshot.meta_augment.support_context import per_example
from manyshot.meta_augment.weight_budget import WeightBudget
from manyshot.tasks import Examples

DifferentiableGates = Literal["straight-through", "relaxed"]
"""Gradient estimators of the gates that a policy can be trained with by itself."""
PARAMETER_SCALE = 10.0
"""Settings for all tasks are this factor times their parameters, so that a network's learning rate suits them."""
MAX_LOGIT = 3.0
"""Bound of the logits of probabilities: an op that never acts, or always does, gives no gradient."""
INITIAL_LIMIT = 0.95
"""Largest initial logit, relative to that bound."""
MIN_PROBABILITY = 0.06
"""Ops with a smaller probability, which cannot be learned to be 0, are left out in evaluation mode and in plans."""


class OpPolicy(LearnedAugmenter):
    """Apply ops to each copy, each with a learned probability and learned magnitudes.

    Op j acts on an image with probability p_j; its params are drawn uniformly up to its magnitudes. For a class k

        p_kj = sigmoid(3 tanh(a_kj / 3)),   magnitude_kj = most_j sigmoid(b_kj)

    where a and b are learned, see `settings`. Ops act in the order of `POLICY_OPS`, warps in one resampling and linear
    color ops in one map, as those of a plan. Gradients by magnitudes flow through the ops; those by probabilities are
    estimated by relaxed gates: an op with magnitudes then acts at partial strength, any other is blended with its
    input (see `gates`; for REINFORCE, see `manyshot.meta_augment.reinforce`). In evaluation mode, ops of a very small
    probability do not act.

    Args:
        channels: Number of channels; color ops are left out unless there are three.
        ops: A set (all, drawings, shapes, photographs), or names of ops with hyphens between them.
        gates: Gradient estimator of the gates.
        weight: Initial weight of all generated examples of a class at one shot, relative to one real example.
        initial_plan: Preset, or plan in quotes, to start from; if empty, every op starts at moderate settings.

    Raises:
        InputError: If an op or the initial plan is unknown, or the weight is out of range.
    """

    space: ClassVar[Space] = "items"

    def __init__(
        self,
        channels: int,
        ops: str = "all",
        gates: DifferentiableGates = "straight-through",
        weight: float = 4.0,
        initial_plan: str = "",
    ) -> None:
        OpPolicy.check_options(ops, weight, initial_plan)
        super().__init__()
        self.gates: Gates = gates
        self.ops: dict[str, PolicyOp] = policy_ops(op_names(ops), channels)
        self.magnitudes = [magnitude for op in self.ops.values() for magnitude in op.magnitudes]
        self.raw = len(self.ops) + len(self.magnitudes)
        most = torch.tensor([magnitude.most for magnitude in self.magnitudes])
        if initial_plan:
            probabilities, values = initial_settings(initial_plan, self.ops)
            limit = MAX_LOGIT * INITIAL_LIMIT  # beyond it, gradients vanish
            logits = MAX_LOGIT * (torch.tensor(probabilities).logit().clamp(-limit, limit) / MAX_LOGIT).atanh()
            fractions = (torch.tensor(values) / most).clamp(0.01, 0.99)
        else:
            logits = torch.tensor([INITIAL_SWITCH_P if op.switched else INITIAL_P for op in self.ops.values()]).logit()
            fractions = torch.tensor([magnitude.first for magnitude in self.magnitudes]) / most
        # Functions of the options, so they are not stored.
        self.register_buffer("first", torch.cat([logits, fractions.logit()]), persistent=False)
        self.register_buffer("most", most, persistent=False)
        self.first: Tensor
        self.most: Tensor
        self.budget = WeightBudget(weight)
        self.learned = nn.Parameter(torch.zeros(self.raw))

    @staticmethod
    def check_options(ops: str = "all", weight: float = 4.0, initial_plan: str = "") -> None:
        """Check the options.

        Raises:
            InputError: If an op or the initial plan is unknown, or the weight is out of range.
        """
        op_names(ops)
        check_range(1e-6, 1e6, weight=weight)
        if initial_plan:
            Plan(initial_plan).item_op()

    @abstractmethod
    def raw_settings(self, context: Examples) -> Float[Tensor, "t ways raw"]:
        """Learned offsets of each class from the initial settings."""

    def settings(self, context: Examples) -> tuple[Float[Tensor, "t ways ops"], Float[Tensor, "t ways magnitudes"]]:
        """The logit of each op's probability, and every magnitude, for the classes of a support set.

        Args:
            context: Support of T tasks.
        """
        raw = self.first + self.raw_settings(context)
        logits, fractions = torch.split(raw, [len(self.ops), len(self.magnitudes)], -1)
        return MAX_LOGIT * (logits / MAX_LOGIT).tanh(), self.most * fractions.sigmoid()

    def draw(self, support: Examples, copies: int, generator: Generator) -> Draws:
        """Draw a uniform number for each gate, and the params of each op at magnitude 1."""
        tasks, n = support.weight.shape
        m = n * copies
        drawn = {"gates": torch.rand(tasks, m, len(self.ops), generator=generator)}
        for name, op in self.ops.items():
            params = op.op.sample(tasks * m, generator)
            drawn |= {f"{name}.{param}": value.unflatten(0, (tasks, m)) for param, value in params.items()}
        return drawn

    def vary(self, support: Examples, copies: int, draws: Draws, context: Examples) -> Varied:
        """Apply the ops whose gates are open to every copy."""
        logits, magnitudes = (
            per_example(setting, support.labels).repeat_interleave(copies, 1) for setting in self.settings(context)
        )
        on = sample_gates(logits, draws["gates"], self.gates, exactly=not self.training).flatten(0, 1)
        if not self.training:
            on = on * (logits.sigmoid() >= MIN_PROBABILITY).flatten(0, 1)
        by_op = torch.split(magnitudes.flatten(0, 1), [len(op.magnitudes) for op in self.ops.values()], -1)
        items = support.items.repeat_interleave(copies, 1).flatten(0, 1)
        run: list[tuple[Op, Params]] = []
        for index, ((name, op), magnitude) in enumerate(zip(self.ops.items(), by_op, strict=True)):
            unit = {key.partition(".")[2]: d.flatten(0, 1) for key, d in draws.items() if key.startswith(f"{name}.")}
            if op.switched:
                items, run = _apply_all(items, run), []
                gate = on[:, index, None, None, None]
                items = items + gate * (op.op.apply(items, unit) - items)
            else:
                run.append((op.op, op.params(unit, magnitude * on[:, index, None])))
        items = _apply_all(items, run)
        return torch.unflatten(items, 0, draws["gates"].shape[:2]), self.budget(support, copies)

    def task_logits(self, support: Examples) -> Float[Tensor, "t ops"]:
        """Mean logits over the classes of each task."""
        mask = support.class_mask[..., None].to(support.weight)
        return (self.settings(support)[0] * mask).sum(1) / mask.sum(1)

    @torch.no_grad()
    def to_plan(self, copies: int, support: Examples) -> Plan:
        """Write the policy for a support set as a plan, which needs neither the policy nor its weights.

        Probabilities and magnitudes are averaged over the classes of all tasks; ops of a very small probability are
        left out.

        Args:
            copies: Number of extra shots per support example.
            support: Support that the policy is conditioned on.

        Example:
            >>> support = Examples.of(torch.rand(1, 2, 1, 28, 28), torch.arange(2))
            >>> from manyshot.meta_augment.policy import ContextFreePolicy
            >>> str(ContextFreePolicy(1, "elastic").to_plan(8, support))
            'shots: 8 x elastic(strength=0.04, p=0.5) weight 0.5'
        """
        mask = support.class_mask
        logits, magnitudes = self.settings(support)
        probabilities, values = logits.sigmoid()[mask].mean(0).tolist(), magnitudes[mask].mean(0).tolist()
        calls = []
        for op, p in zip(self.ops.values(), probabilities, strict=True):
            magnitudes_of_op, values = values[: len(op.magnitudes)], values[len(op.magnitudes) :]
            if p >= MIN_PROBABILITY:
                calls.append(op.written(magnitudes_of_op, p))
        if not calls:
            return Plan()
        mean = self.budget(support, copies)[support.weight.repeat_interleave(copies, 1) > 0].mean().item()
        weight = float(f"{mean:.4g}")
        return Plan(Syntax((Clause(("shots",), tuple(calls), copies, None if weight == 1 else weight),)))


def _apply_all(items: Tensor, run: Sequence[tuple[Op, Params]]) -> Tensor:
    """Apply adjacent ops, which share passes over the images where they can."""
    if not run:
        return items
    params = {str(index): params for index, (_, params) in enumerate(run)}
    result: Tensor = Compose(tuple(op for op, _ in run)).apply(items, params)
    return result
