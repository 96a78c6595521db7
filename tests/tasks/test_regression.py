from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from manyshot.base import InputError
from manyshot.learners import MAML, Ridge
from manyshot.tasks import RegressionTasks, Source, TaskStream
from manyshot.training import Settings, fit

GROUPS, EACH = 6, 12


def number_of(items: torch.Tensor) -> torch.Tensor:
    """Which item of the table each is: its first column."""
    return items[..., 0].long()


@pytest.fixture(scope="module")
def table() -> tuple[Source, torch.Tensor]:
    """Items that hold their own number, of six groups in turn; a line of another slope for each group."""
    n = GROUPS * EACH
    group = torch.arange(n) % GROUPS
    x = torch.linspace(-1, 1, n)
    source = Source.of(torch.stack([torch.arange(n).float(), x], 1), [f"machine {g}" for g in group.tolist()])
    return source, (group - 2.0) * x


@given(shots=st.integers(1, 6), queries=st.integers(1, 6), seed=st.integers(0, 2**63 - 1), first=st.integers(0, 1000))
@settings(max_examples=25, deadline=None)
def test_a_task_is_of_one_group_and_has_no_item_twice(table, shots, queries, seed, first):
    source, targets = table
    episode = RegressionTasks(source, targets, shots, queries, seed).batch(first, 5)
    for task in range(5):
        drawn = torch.cat([number_of(side.items[task]) for side in (episode.support, episode.query)])
        assert len(set(drawn.tolist())) == shots + queries
        assert (drawn % GROUPS == episode.classes[task]).all()
        for side in (episode.support, episode.query):
            assert side.labels[task, :, 0].equal(targets[number_of(side.items[task])])


def test_a_task_is_the_same_in_any_batch(table):
    tasks = RegressionTasks(*table, shots=3, queries=2, seed=7)
    one, many = tasks.batch(5, 1), tasks.batch(0, 9)
    assert one.support.items.equal(many.support.items[5:6])
    assert one.query.labels.equal(many.query.labels[5:6])
    assert [len(part) for part in tasks.batches(9, size=4)] == [4, 4, 1]
    assert not one.support.items.equal(RegressionTasks(*table, shots=3, queries=2, seed=8).batch(5, 1).support.items)


def test_every_group_and_every_item_has_its_turn(table):
    episode = RegressionTasks(*table, shots=2, queries=2).batch(0, 600)
    assert np.bincount(episode.classes[:, 0], minlength=GROUPS).min() > 60
    assert len(number_of(episode.support.items).unique()) == GROUPS * EACH


def test_groups_set_aside_are_not_drawn_and_keep_their_targets(table):
    source, targets = table
    parts = source.split((0.5, 0.5), seed=0)
    drawn = []
    for part in parts:
        episode = RegressionTasks(part, targets, shots=2, queries=2).batch(0, 100)
        numbers = number_of(episode.query.items)
        assert episode.query.labels[..., 0].equal(targets[numbers])
        drawn.append(set((numbers % GROUPS).flatten().tolist()))
    assert drawn[0] | drawn[1] == set(range(GROUPS))
    assert not drawn[0] & drawn[1]


def test_several_numbers_may_be_asked_for_of_items_of_any_kind():
    texts = [f"sentence {i}" for i in range(12)]
    targets = torch.arange(36.0, dtype=torch.float64).reshape(12, 3)
    tasks = RegressionTasks(Source.of(texts, ["a", "b"] * 6), targets, shots=2, queries=1)
    assert isinstance(tasks, TaskStream)
    episode = tasks.batch(0, 4)
    assert not episode.has_classes
    assert episode.support.labels.shape == (4, 2, 3)
    assert episode.support.class_mask.shape == episode.classes.shape == (4, 3)
    for text, label in zip(episode.query.items[0], episode.query.labels[0], strict=True):
        assert label.equal(targets[texts.index(text)].float())


@pytest.mark.parametrize(
    "learner",
    [
        lambda: Ridge(nn.Linear(2, 2), penalty=10.0, scale=1.0, criterion="squared-error"),
        lambda: MAML(nn.Linear(2, 1), ways=1, step_size=0.5, steps=3, criterion="squared-error"),
    ],
    ids=["ridge", "maml"],
)
def test_a_training_learns_to_read_the_support_of_groups_that_it_never_saw(table, learner):
    source, targets = table
    source = Source.of(source.store[:, 1:].repeat(1, 2), [source.class_names[c] for c in np.arange(len(source)) % 6])
    known, new = source.split((0.67, 0.33), seed=0)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        built = learner()
    fit(built, RegressionTasks(known, targets, shots=5, queries=5), Settings(steps=150, learning_rate=0.02))
    judged = RegressionTasks(new, targets, shots=5, queries=5, seed=1).batch(0, 50)
    error = built.loss(judged).item()
    mirrored = replace(judged, support=replace(judged.support, labels=-judged.support.labels))
    assert error < 0.3 * judged.query.labels.square().mean().item()
    assert built.loss(mirrored).item() > 3 * error


def test_what_cannot_be_drawn_is_said_in_one_line(table):
    source, targets = table
    wrong = targets.clone()
    wrong[5] = torch.nan
    for values, named in (
        ({"shots": 0}, "shots=0: give a whole number"),
        ({"queries": -2}, "queries=-2: give a whole number"),
        ({"seed": -1}, "seed=-1"),
        ({"shots": 10, "queries": 3}, r"group 'machine 0' has 12 examples, but shots \+ queries = 10 \+ 3 = 13"),
        ({"targets": targets[:5]}, r"targets of shape \(5,\) for 72 items"),
        ({"targets": wrong}, "target 5 is not a finite number"),
    ):
        with pytest.raises(InputError, match=named) as caught:
            RegressionTasks(**{"source": source, "targets": targets} | values)
        assert "\n" not in str(caught.value)
    tasks = RegressionTasks(source, targets, shots=5, queries=5)
    for first, count in ((-1, 2), (0, 0)):
        with pytest.raises(InputError, match="give a first of at least 0"):
            tasks.batch(first, count)
