"""Objectives: what meta-training minimises, where it is more than the learner's own loss. One file a paper."""

from manyshot.objectives.maxup import MaxUp
from manyshot.objectives.objective import Objective, StepTasks
from manyshot.objectives.plain import Plain
from manyshot.objectives.table import OBJECTIVES, parse_objective

__all__ = ["OBJECTIVES", "MaxUp", "Objective", "Plain", "StepTasks", "parse_objective"]
