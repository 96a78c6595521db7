from dataclasses import dataclass, field, replace
from types import SimpleNamespace

import numpy as np
import pytest

from manyshot.base import InputError
from manyshot.classify.evaluate.evaluate_model import evaluate_model
from manyshot.classify.examples.read_examples import examples_from_arrays

SURE = {"bee bee": (0.1, 0.9), "bee ant": (0.4, 0.6), "ant": (0.8, 0.2), "ant ant": (0.99, 0.01)}


@dataclass(frozen=True)
class WordModel:
    """Knows the probabilities of a few sentences by heart."""

    class_names: tuple[str, ...] = ("ant", "bee")
    report: dict = field(default_factory=dict)

    def predict(self, examples, device="cpu", title=None):
        probabilities = np.array([SURE[text] for text in examples.texts(np.arange(len(examples)))])
        return SimpleNamespace(probabilities=probabilities, unknown=np.arange(len(examples)) == 0)


EXAMPLES = examples_from_arrays(["ant ant", "bee bee", "bee ant", "ant"], ["bee", "bee", "ant", "ant"])


def test_answers_are_compared_by_the_names_of_classes():
    found = evaluate_model(WordModel(), EXAMPLES).as_dict()
    assert found["accuracy"] == 0.5
    assert found["examples"] == 4
    assert {"interval", "balanced_accuracy", "calibration_error"} <= set(found)
    assert found["confusion"] == [[1, 1], [1, 1]]
    assert found["unknown"] == 0.25
    only_bees = examples_from_arrays(["bee bee"], ["bee"])
    assert evaluate_model(WordModel(), only_bees).as_dict()["accuracy"] == 1


def test_the_most_confident_mistakes_come_first():
    evaluation = evaluate_model(WordModel(), EXAMPLES)
    assert evaluation.mistakes() == [0, 2]
    assert evaluation.mistakes(1) == [0]
    worst = evaluation.as_dict()["worst_mistakes"][0]
    assert (worst["class"], worst["prediction"], worst["probability"]) == ("bee", "ant", 0.99)


def test_intervals_are_over_groups_where_there_are_groups():
    grouped = replace(EXAMPLES, groups=np.array([0, 0, 1, 1]))
    assert evaluate_model(WordModel(), grouped).as_dict()["interval_over"] == "groups"
    assert evaluate_model(WordModel(), EXAMPLES).as_dict()["interval_over"] == "examples"


@pytest.mark.parametrize(
    ("examples", "message"),
    [
        (examples_from_arrays(["ant", "ant"], ["ant", "bees"]), "class 'bees' is none of the model's; .*bee"),
        (examples_from_arrays(["ant", "ant"], ["dog", "cat"]), r"class 'cat' .* \(nor are 1 others\)"),
        (examples_from_arrays(["ant", "ant"]), "has no label, as 2 of 2 examples"),
        (EXAMPLES.select([]), "no examples to evaluate"),
    ],
)
def test_examples_that_cannot_be_evaluated_are_one_clear_line(examples, message):
    with pytest.raises(InputError, match=message):
        evaluate_model(WordModel(), examples)
