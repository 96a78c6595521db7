import numpy as np
import pytest
import torch

from manyshot.augment import Plan
from manyshot.base import InputError
from manyshot.compare import Comparison
from manyshot.compare.arm_result import arm_results
from manyshot.learners import Prototypes
from manyshot.report.compare_page import columns_of, result_rows
from manyshot.tasks import EpisodeSampler, Source
from manyshot.training import Config, Settings, train
from manyshot.training.evaluate import evaluate_tasks
from manyshot.training.task_measures import sensitivity
from manyshot.training.validation_thresholds import thresholds_of


def test_arms_are_compared_by_the_metric_that_is_named():
    one, other = np.full((2, 30), 0.5), np.full((2, 30), 1.5)
    found = arm_results({"plain": one, "worse": other}, metric="brier")
    told = found["worse"].as_dict()
    assert told["brier"] == 1.5
    assert "accuracy" not in told
    assert told["against_first"]["difference"] == 1.0  # beyond what a difference of accuracies can be
    assert found["worse"].task_rows(arm="worse")[0]["brier"] == 1.5
    assert columns_of(found)[1] == "Brier score %"
    assert result_rows(found)[1][2].startswith("+100.0")


def test_an_unknown_metric_is_refused_before_anything_is_trained():
    with pytest.raises(InputError, match="did you mean 'auroc'"):
        Comparison("", Config("digits"), (), (), metric="auc")


def test_the_area_can_tell_arms_apart_that_accuracy_cannot():
    """A learner that always says the same class, but is less sure where it is wrong."""
    labels = torch.arange(80) % 2
    items = torch.stack([labels.float(), torch.ones(80)], 1)
    sampler = EpisodeSampler(Source.of(items, labels), ways=2, shots=1, queries=6)
    found = evaluate_tasks(Prototypes(torch.nn.Identity()), sampler, 10)
    assert found.by_task("auroc").tolist() == [1.0] * 10
    assert found.by_task("accuracy").tolist() == [1.0] * 10


class TestThresholds:
    def run(self, validation):
        fit = Settings(steps=1, seed=0)
        return train(Config("digits", encoder="conv4(4, 4, 4, 4)", ways=2, validation=validation, fit=fit))

    def sampler(self, source, config):
        return EpisodeSampler(source, ways=2, shots=1, queries=5)

    def test_come_from_the_validation_part_and_keep_its_specificity(self):
        run = self.run(0.4)
        found = thresholds_of(run, Plan(), self.sampler)
        assert sorted(found) == [0.9, 0.95]
        assert 0 < found[0.9] <= found[0.95] <= 1

    def test_without_a_validation_part_there_are_none(self):
        assert thresholds_of(self.run(0.0), Plan(), self.sampler) == {}

    def test_sensitivity_falls_as_the_threshold_rises(self):
        found = evaluate_tasks(self.run(0.0).learner, self.sampler(*self.data()), 20)
        values = [sensitivity(found.answers, at).values.mean() for at in (0.0, 0.4, 0.6, 1.0)]
        assert values == sorted(values, reverse=True)
        assert values[0] == 1
        assert values[-1] == 0

    def data(self):
        from manyshot.datasets import load_dataset

        return load_dataset("digits"), None
