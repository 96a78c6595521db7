"""The learned part of `auto`: training, objectives, files."""

from dataclasses import replace

import pytest
import torch

from manyshot.base import InputError
from manyshot.meta_augment.auto.bank import Looks
from manyshot.meta_augment.auto.menu import CANDIDATES, OPS, USES
from manyshot.meta_augment.auto.predictor import Ensemble, GainPredictor, read_predictor, write_predictor
from manyshot.meta_augment.auto.train_predictor import (
    KnownTasks,
    PredictorTraining,
    blindfold,
    predictor_loss,
    train_predictor,
)
from manyshot.meta_augment.auto.traits import TASK_NAMES

QUICK = PredictorTraining(steps=120, batch=64, rate=1e-2)


def tasks(n=300, seed=0):
    """Tasks whose first row of the menu gains what its first measurement says, and whose others gain nothing."""
    random = torch.Generator().manual_seed(seed)
    moves = torch.randn(n, len(OPS), 14, generator=random)
    gains = torch.zeros(n, len(CANDIDATES))
    gains[:, 1 : 1 + len(USES)] = 0.1 * moves[:, 0, :1].sign()
    seen = Looks(torch.randn(n, len(TASK_NAMES), generator=random), moves, torch.zeros(n, len(OPS), 9))
    return KnownTasks(seen, gains, torch.ones(n))


@pytest.mark.parametrize("objective", ["regression", "choice", "both"])
def test_every_objective_learns_to_choose_by_what_is_seen(objective):
    predictor = train_predictor(tasks(), replace(QUICK, objective=objective))
    other = tasks(seed=1)
    gain = other.gains.gather(1, predictor(other.seen).argmax(1, keepdim=True)).mean()
    assert gain > 0.035  # 0.05 is the most, since half of the tasks have nothing to gain


def test_a_blind_predictor_answers_the_same_for_all_tasks_of_a_size():
    predictor = train_predictor(tasks(), replace(QUICK, blind=True))
    seen = tasks(5, seed=1).seen
    seen.task[:, -6:-3] = 0.5
    answers = predictor(blindfold(seen))
    torch.testing.assert_close(answers, answers[:1].expand_as(answers))


def test_training_is_a_function_of_its_seed():
    one, again, other = (train_predictor(tasks(), replace(QUICK, steps=5, seed=seed)) for seed in (1, 1, 2))
    seen = tasks(4).seen
    assert torch.equal(one(seen), again(seen))
    assert not torch.equal(one(seen), other(seen))


def test_the_choice_objective_is_minus_the_expected_gain_of_the_softmax_choice():
    gains = torch.tensor([[0.0, 0.1, -0.2]])
    predicted = torch.tensor([[0.0, 0.01, 0.02]], requires_grad=True)
    how = PredictorTraining(objective="choice", temperature=0.01)
    chance = torch.tensor([0.0, 1.0, 2.0]).exp()
    expected = (chance / chance.sum() * gains[0]).sum()
    torch.testing.assert_close(predictor_loss(predicted, gains, how), -10 * expected)


def test_weights_survive_a_file_and_other_files_are_refused(tmp_path):
    ensemble = Ensemble([GainPredictor(), GainPredictor()]).eval()
    path = tmp_path / "auto.safetensors"
    write_predictor(path, ensemble, {"sources": "none"})
    seen = tasks(3).seen
    torch.testing.assert_close(read_predictor(path)(seen), ensemble(seen))
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(InputError, match="damaged"):
        read_predictor(path)
    write_predictor(path, Ensemble([GainPredictor(ops=3)]), {})
    with pytest.raises(InputError, match="do not fit"):
        read_predictor(path)


def test_predictions_are_mixed_with_known_means_by_shots():
    predictor, seen = GainPredictor().eval(), tasks(4).seen
    shots = torch.tensor([1.0, 2.0, 2**1.5, 40.0])  # two that are known, one between 2 and 4, one beyond
    seen.task[:, TASK_NAMES.index("shots")] = shots.log() / 3
    means = torch.randn(4, len(CANDIDATES), generator=torch.Generator().manual_seed(2)) / 10
    means[:, 0] = 0
    before = predictor(seen)
    predictor.pull([1, 2, 4, 8], means, [0.0, 0.5, 0.7, 1.0])
    expected = torch.stack(
        [before[0], (before[1] + means[1]) / 2, 0.4 * before[2] + 0.6 * (means[1] + means[2]) / 2, means[3]]
    )
    torch.testing.assert_close(predictor(seen), expected)
