"""What every objective promises, with every learner. A new objective joins by one row."""

from dataclasses import replace

import pytest
import torch

from manyshot.base import InputError
from manyshot.learners import LEARNERS, Prototypes
from manyshot.learners.train_on_base_classes import BaseClassesLearner
from manyshot.objectives import (
    MLTI,
    OBJECTIVES,
    Adversarial,
    ChannelShuffle,
    MaxUp,
    MetaMix,
    Plain,
    ProtAugment,
)

ROWS = {
    "plain": Plain(),
    "maxup": MaxUp(2),
    "metamix": MetaMix(),
    "metamix of items": MetaMix(hidden=False),
    "channel shuffle": ChannelShuffle(mix=False),
    "channel shuffle and metamix": ChannelShuffle(),
    "mlti": MLTI(),
    "mlti, cutmix": MLTI(mix="cutmix"),
    "mlti, shared labels": MLTI(labels="shared"),
    "mlti of items": MLTI(hidden=False),
    "adversarial": Adversarial(),
    "adversarial, two steps on items": Adversarial(steps=2, hidden=False),
}


def test_every_objective_of_the_table_has_a_row():
    alone = {ProtAugment}  # takes learners of features alone, so it has a file of its own
    assert {type(objective) for objective in ROWS.values()} | alone == set(OBJECTIVES.values())


CLASSIFIERS = [name for name, learner in LEARNERS.items() if issubclass(learner, BaseClassesLearner)]
NOT_BY_ITEMS = [*CLASSIFIERS, "reptile"]
OF_SENTENCES = ["distributional-signatures"]
BY_STAGES = ["meta-dropout"]
HIDDEN = {
    name: row
    for name, row in ROWS.items()
    if isinstance(row, ChannelShuffle) or (isinstance(row, (MetaMix, MLTI, Adversarial)) and row.hidden)
}


@pytest.mark.parametrize("name", NOT_BY_ITEMS)
@pytest.mark.parametrize("objective", [row for row in ROWS.values() if row != Plain()], ids=str)
def test_a_learner_that_trains_by_no_loss_of_tasks_and_items_is_refused(make, objective, name):
    with pytest.raises(InputError, match=r"trains on single examples|by items|no loss of each query example"):
        make.loss_of(objective, make.of_table(name), make.episode_of())


@pytest.mark.parametrize("name", BY_STAGES)
@pytest.mark.parametrize("objective", HIDDEN.values(), ids=HIDDEN)
def test_hidden_layers_of_a_learner_that_runs_its_encoder_by_stages_are_refused(make, objective, name):
    with pytest.raises(InputError, match="stage by stage"):
        make.loss_of(objective, make.of_table(name), make.episode_of())


ONE_OF_EACH_KIND = ("prototypes", "relation", "ridge", "maml")
"""Learners that compare features, that learn to, that solve for a classifier, and that take gradient steps."""
FIRST = {type(row): row for row in reversed(ROWS.values())}
PAIRS = {
    f"{title}-{name}": (row, name)
    for title, row in ROWS.items()
    for name in LEARNERS
    if name not in (*NOT_BY_ITEMS, *OF_SENTENCES) and (row == FIRST[type(row)] or name in ONE_OF_EACH_KIND)
}
"""The first row of each objective with every learner, its other options with one of each kind."""


@pytest.mark.parametrize(("objective", "name"), PAIRS.values(), ids=PAIRS)
def test_gives_a_loss_whose_gradient_reaches_the_first_layer_of_every_learner(make, objective, name):
    learner = make.of_table(name)
    if learner.runs_stages and objective in HIDDEN.values():
        pytest.skip("runs its encoder stage by stage, and is refused above")
    if isinstance(objective, MaxUp) and not learner.has_query_losses:
        pytest.skip("has no loss of each query example, and is refused below")
    loss = make.loss_of(objective, learner, make.episode_of(padded=True))
    assert loss.shape == ()
    assert torch.isfinite(loss)
    loss.backward()
    (first,) = [w for n, w in learner.named_parameters() if n.endswith("convolutions.0.weight")]
    assert first.grad is not None
    assert torch.isfinite(first.grad).all()
    assert first.grad.abs().max() > 0


@pytest.mark.parametrize("objective", ROWS.values(), ids=ROWS)
class TestEveryObjective:
    def test_is_a_function_of_its_draws(self, make, objective):
        learner, episode = make.prototypes(), make.episode_of()
        first, again = (float(make.loss_of(objective, learner, episode).detach()) for _ in range(2))
        assert first == again
        other = float(make.loss_of(objective, learner, episode, seed=1, step=1).detach())
        assert other != first

    def test_ignores_the_global_generator(self, make, objective):
        learner, episode = make.prototypes(), make.episode_of()
        torch.manual_seed(1)
        first = float(make.loss_of(objective, learner, episode).detach())
        torch.manual_seed(2)
        assert float(make.loss_of(objective, learner, episode).detach()) == first

    def test_leaves_learner_and_tasks_as_they_were(self, make, objective):
        learner, episode = make.maml(), make.episode_of()
        items, labels = episode.query.items.clone(), episode.query.labels.clone()
        before = float(learner.loss(episode).detach())
        make.loss_of(objective, learner, episode)
        assert float(learner.loss(episode).detach()) == before
        assert torch.equal(episode.query.items, items)
        assert torch.equal(episode.query.labels, labels)

    def test_what_padding_holds_changes_nothing(self, make, objective):
        learner = make.prototypes()
        one, other = make.episode_of(padded=True), make.episode_of(padded=True)
        for side in (other.support, other.query):
            side.items[side.weight == 0] = -500.0
        assert torch.allclose(
            make.loss_of(objective, learner, one), make.loss_of(objective, learner, other), atol=1e-12
        )

    def test_lowers_the_loss_in_training(self, make, objective):
        learner, episode = make.prototypes(), make.episode_of()
        optimizer = torch.optim.Adam(learner.parameters(), lr=0.02)
        losses = []
        for _ in range(12):
            optimizer.zero_grad()
            loss = make.loss_of(objective, learner, episode)
            loss.backward()
            optimizer.step()
            losses.append(float(loss.detach()))
        assert losses[-1] < 0.9 * losses[0]


@pytest.mark.parametrize("name", ["metamix", "channel_shuffle", "mlti", "adversarial"])
def test_a_learner_whose_encoder_cannot_be_reached_is_refused(make, name):
    objective, episode = OBJECTIVES.build(name), make.episode_of()
    with pytest.raises(InputError, match="Prototypes has none"):
        make.loss_of(objective, Prototypes(torch.nn.Flatten()), episode)


def test_a_learner_that_does_not_go_through_its_encoder_is_refused(make):
    class Sideways(Prototypes):
        def adapt(self, support):
            return Prototypes(make.encoder()).adapt(support)

    with pytest.raises(InputError, match="does not call its encoder"):
        make.loss_of(MLTI(), Sideways(make.encoder()), make.episode_of())


@pytest.mark.parametrize("name", ["metamix", "channel_shuffle", "mlti", "adversarial"])
def test_items_that_cannot_be_mixed_are_refused(make, name):
    episode = make.episode_of()
    words = [["word"] * episode.support.weight.shape[1]] * len(episode)
    episode = replace(episode, support=replace(episode.support, items=words))
    tasks = make.tasks_of(episode)
    with pytest.raises(InputError, match="not items such as text"):
        OBJECTIVES.build(name).loss(make.prototypes(), tasks, make.draws())


def test_maxup_is_refused_where_query_items_have_no_losses(make):
    class Whole(Prototypes):
        has_query_losses = False

    with pytest.raises(InputError, match="no loss of each query example"):
        make.loss_of(MaxUp(), Whole(make.encoder()), make.episode_of())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("maxap", "did you mean 'maxup'"),
        ("maxup(1)", "draws=1: give a whole number from 2 to 64"),
        ("metamix(alpha=0)", "alpha=0"),
        ("mlti(labels=together)", "labels='together'"),
        ("mlti(mix=cut)", "did you mean 'cutmix'"),
        ("channel_shuffle(mix=3)", "give yes or no"),
    ],
)
def test_a_wrong_objective_is_reported_in_one_line(text, message):
    with pytest.raises(InputError, match=message.replace("(", r"\(")) as caught:
        OBJECTIVES.parse(text)
    assert "\n" not in str(caught.value)
