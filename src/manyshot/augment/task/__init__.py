"""Augmentation of whole tasks: draws that support and query share, new classes, changed labels."""

from manyshot.augment.task.composites import Composites
from manyshot.augment.task.label_noise import LabelNoise
from manyshot.augment.task.more_classes import MoreClasses
from manyshot.augment.task.permute_labels import PermuteLabels
from manyshot.augment.task.task_op import TaskOp

TASK_OPS: dict[str, type[TaskOp]] = {
    "more_classes": MoreClasses,
    "composites": Composites,
    "permute_labels": PermuteLabels,
    "label_noise": LabelNoise,
}
"""Every task op by its name in a plan."""

__all__ = ["TASK_OPS", "Composites", "LabelNoise", "MoreClasses", "PermuteLabels", "TaskOp"]
