"""Comparison of arms on the same test tasks: arms, test suites, paired differences, named comparisons."""

from manyshot.compare.arm import Arm
from manyshot.compare.comparison import (
    Comparison,
    ComparisonResult,
    EvaluationSuite,
    adjusted,
    run_comparison,
    run_comparisons,
)
from manyshot.compare.run_arms import ArmResult, check_arms, compare, train_arms

__all__ = [
    "Arm",
    "ArmResult",
    "Comparison",
    "ComparisonResult",
    "EvaluationSuite",
    "adjusted",
    "check_arms",
    "compare",
    "run_comparison",
    "run_comparisons",
    "train_arms",
]
