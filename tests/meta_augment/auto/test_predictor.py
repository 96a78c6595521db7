"""The learned part of `auto`: fitting, what it looks at, files."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from manyshot.base import InputError
from manyshot.meta_augment.auto.menu import CANDIDATES, OPS
from manyshot.meta_augment.auto.predictor import SHOTS, GainPredictor, lead, read_predictor, write_predictor
from manyshot.meta_augment.auto.train_predictor import Fit, KnownTasks, fit_predictor
from manyshot.meta_augment.auto.traits import TASK_NAMES
from manyshot.meta_augment.auto.variant_gram import TaskEvidence

MANY = len(CANDIDATES) - 1


def tasks(shots, sets=16, each=15, noise=0.1, seed=0):
    """Sets that each have a plan of their own which gains 20 points, besides the one that gains 10 on all."""
    random = torch.Generator().manual_seed(seed)
    gains = torch.zeros(sets, MANY)
    gains[:, 7] = 0.1
    own = torch.randint(8, MANY, (sets,), generator=random)
    gains[torch.arange(sets), own] = 0.2
    gains = gains.repeat_interleave(each, 0)
    scores = gains[..., None] + noise * torch.randn(*gains.shape, 3, generator=random)
    task = torch.zeros(len(gains), len(TASK_NAMES))
    task[:, TASK_NAMES.index("shots")] = np.log(shots) / 3
    origin = torch.arange(sets).repeat_interleave(each)
    seen = TaskEvidence(task, torch.zeros(len(gains), len(OPS), 14), scores)
    return KnownTasks(seen, gains, origin, origin // 2, np.ones(len(gains), bool))


@pytest.fixture(scope="module")
def fitted():
    return fit_predictor({shots: tasks(shots, noise=0.12) for shots in SHOTS})


def chosen(predictor, known):
    gains = torch.cat([torch.zeros(len(known.gains), 1), known.gains], 1)
    return gains.gather(1, predictor(known.seen).argmax(1, keepdim=True)).mean().item()


def test_what_is_usual_and_what_is_seen_are_together_better_than_each_alone(fitted):
    new = tasks(5, noise=0.12, seed=1)
    blind = chosen(fit_predictor({shots: tasks(shots) for shots in SHOTS}, Fit(blind=True)), new)
    assert blind == pytest.approx(0.1)
    by_scores = new.gains.gather(1, new.seen.scores[..., :2].sum(2).argmax(1, keepdim=True)).mean().item()
    assert chosen(fitted, new) > max(blind, by_scores)


def test_another_task_misleads_it(fitted):
    new = tasks(5, noise=0.12, seed=1)
    other = TaskEvidence(new.seen.task, new.seen.op_effects, new.seen.scores.roll(100, 0))
    assert chosen(fitted, new) > chosen(fitted, replace(new, seen=other)) + 0.02


def test_evidence_that_is_mere_noise_is_not_looked_at():
    fits = {shots: replace(tasks(shots), gains=tasks(shots).gains.roll(50, 0)) for shots in SHOTS}
    noisy = fit_predictor(fits)
    new = tasks(5, noise=3.0, seed=2)
    assert chosen(noisy, new) > 0.09  # nearly always the plan that gains 10 points everywhere


def test_families_weigh_the_same_and_sets_with_nuisances_do_not_change_means():
    known = tasks(5, sets=3, each=10)
    family = torch.tensor([0] * 20 + [1] * 10)
    as_is = np.array([True] * 10 + [False] * 10 + [True] * 10)
    known = replace(known, family=family, as_is=as_is)
    means = fit_predictor(dict.fromkeys(SHOTS, known)).means[0]
    torch.testing.assert_close(means[1:], (known.gains[:10].mean(0) + known.gains[20:].mean(0)) / 2)
    assert known.weights(0.5)[10:20].sum() == pytest.approx(0.2)


def test_nothing_gains_nothing_and_shots_between_are_interpolated(fitted):
    seen = tasks(5, sets=2, each=2).seen
    shots = torch.tensor([1.0, 2.0, 2**0.5, 40.0])  # two that are known, one between them, one beyond
    seen.task[:, TASK_NAMES.index("shots")] = shots.log() / 3
    each = [fitted.of_size(seen, size) for size in range(3)]
    expected = torch.stack([each[0][0], each[1][1], (each[0][2] + each[1][2]) / 2, each[2][3]])
    found = fitted(seen)
    torch.testing.assert_close(found, expected - expected[:, :1])
    assert bool((found[:, 0] == 0).all())


def test_a_prediction_is_the_formula():
    predictor, seen = GainPredictor(), tasks(1, sets=1, each=3).seen
    predictor.means[0, 4], predictor.noise[0] = 0.03, 0.5
    predictor.slopes[0], predictor.thresholds[0] = 0.02, 0.1
    z = lead(seen.scores, 4) / 0.5
    expected = predictor.means[0] + 0.02 * (z - 0.1).clamp(min=0)
    torch.testing.assert_close(predictor(seen), expected - expected[:, :1])


def test_weights_survive_a_file_and_other_files_are_refused(fitted, tmp_path, monkeypatch):
    path = tmp_path / "auto.safetensors"
    write_predictor(path, fitted, {"sources": "none"})
    seen = tasks(2).seen
    torch.testing.assert_close(read_predictor(path)(seen), fitted(seen))
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(InputError, match="damaged"):
        read_predictor(path)
    small = GainPredictor()
    small.means = torch.zeros(2, 2)
    write_predictor(path, small, {})
    with pytest.raises(InputError, match="do not fit"):
        read_predictor(path)
    monkeypatch.setattr("manyshot.meta_augment.auto.predictor.CANDIDATES", CANDIDATES[:3])
    with pytest.raises(InputError, match="other plans"):
        read_predictor(path)
