"""Comparison of arms on the same test tasks: arms, evaluation suites, paired differences, presets."""

from manyshot.compare.arm import Arm
from manyshot.compare.arm_result import ArmResult, compare
from manyshot.compare.arm_training import check_arms, train_arms
from manyshot.compare.comparison import (
    Comparison,
    ComparisonResult,
    EvaluationSuite,
    override,
    run_comparison,
    run_comparisons,
)

__all__ = [
    "Arm",
    "ArmResult",
    "Comparison",
    "ComparisonResult",
    "EvaluationSuite",
    "check_arms",
    "compare",
    "override",
    "run_comparison",
    "run_comparisons",
    "train_arms",
]
