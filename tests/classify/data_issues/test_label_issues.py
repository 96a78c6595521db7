import numpy as np
import torch

from manyshot.classify.data_issues.label_issues import find_confusions, find_label_issues
from manyshot.classify.heads import Logistic, Transform, leave_one_out


def test_injected_wrong_labels_are_found_without_suspecting_many_others():
    rng = np.random.default_rng(0)
    truth = np.arange(5).repeat(20)
    x = torch.from_numpy(rng.normal(size=(100, 30)) + 3.0 * rng.normal(size=(5, 30))[truth])
    labels, wrong = truth.copy(), rng.permutation(100)[:10]
    labels[wrong] = (labels[wrong] + rng.integers(1, 5, 10)) % 5
    y, w, ids = torch.eye(5)[labels], torch.ones(1, 100), torch.arange(100)
    logits = leave_one_out(Transform(), [Logistic(0.1)], x, y, w, ids)
    suspects = find_label_issues((3 * logits[0, 0]).softmax(-1).numpy(), labels)  # sharper, as by a temperature
    found = {one.example for one in suspects}
    assert len(found & set(wrong.tolist())) >= 7
    assert len(found - set(wrong.tolist())) <= 1
    assert all(one.suggestion == truth[one.example] for one in suspects if one.example in wrong)
    assert [one.probability for one in suspects] == sorted((one.probability for one in suspects), reverse=True)


def test_a_label_that_is_impossible_is_certainly_wrong():
    (suspect,) = find_label_issues(np.array([[1.0, 0.0], [1.0, 0.0]]), np.array([0, 1]))
    assert (suspect.example, suspect.probability) == (1, 1.0)
    assert suspect.as_dict(("x.png", "y.png"), ("cat", "dog")) == {
        "example": "y.png",
        "label": "dog",
        "suggestion": "cat",
        "probability": 1.0,
    }


def test_confusions_are_those_counted_by_hand():
    labels = np.array([0, 0, 0, 1, 1, 2, 2, 2])
    answers = np.array([1, 0, 0, 0, 1, 2, 2, 0])
    found = find_confusions(np.eye(3)[answers], labels)
    assert [(pair.classes, pair.wrong, pair.examples) for pair in found] == [((0, 1), 2, 5), ((0, 2), 1, 6)]
    assert find_confusions(np.eye(3)[answers], labels, most=1, least=2)[0].classes == (0, 1)
    assert find_confusions(np.eye(3)[labels], labels) == []
