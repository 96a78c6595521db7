"""What a task is and how tasks are drawn. Knows no modality and no model."""

from manyshot.tasks.episode import Episode, Examples
from manyshot.tasks.kind import has_classes
from manyshot.tasks.regression import RegressionTasks
from manyshot.tasks.sampler import EpisodeSampler
from manyshot.tasks.sinusoids import Sinusoids
from manyshot.tasks.source import Source
from manyshot.tasks.stream import TaskStream
from manyshot.tasks.task_index import TaskTable

__all__ = [
    "Episode",
    "EpisodeSampler",
    "Examples",
    "RegressionTasks",
    "Sinusoids",
    "Source",
    "TaskStream",
    "TaskTable",
    "has_classes",
]
