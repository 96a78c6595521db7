"""Sources, and the tasks sampled from them; independent of modality and model."""

from manyshot.tasks.episode import Episode, Examples
from manyshot.tasks.join_sources import join_sources
from manyshot.tasks.parts import Parts
from manyshot.tasks.regression import RegressionTasks
from manyshot.tasks.sampler import EpisodeSampler
from manyshot.tasks.sinusoids import Sinusoids
from manyshot.tasks.source import Source
from manyshot.tasks.task_dataset import TaskDataset, TaskStream
from manyshot.tasks.task_indices import TaskIndices

__all__ = [
    "Episode",
    "EpisodeSampler",
    "Examples",
    "Parts",
    "RegressionTasks",
    "Sinusoids",
    "Source",
    "TaskDataset",
    "TaskIndices",
    "TaskStream",
    "join_sources",
]
