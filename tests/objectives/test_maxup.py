import torch

from manyshot.objectives import MaxUp


def test_takes_the_largest_loss_of_each_query_item_over_the_draws(make):
    learner, episode = make.prototypes(), make.episode_of(padded=True)
    tasks = make.tasks_of(episode, "query: noise(0.5); support: noise(0.3)")
    expected = []
    for t in range(len(episode)):
        losses = torch.stack([learner.query_losses(tasks.draw(j))[t] for j in range(3)])
        weight = episode.query.weight[t]
        expected.append((losses.amax(0)[weight > 0] * weight[weight > 0]).sum() / weight.sum())
    result = MaxUp(3).loss(learner, tasks, make.draws())
    assert torch.allclose(result, torch.stack(expected).mean(), atol=1e-12)
    # The hardest draw differs from item to item, which a maximum over tasks would miss.
    every = torch.stack([learner.query_losses(tasks.draw(j))[0] for j in range(3)])
    assert len(every.argmax(0).unique()) > 1


def test_more_draws_are_harder(make):
    learner, episode = make.prototypes(), make.episode_of()
    tasks = make.tasks_of(episode, "query: noise(0.5)")
    losses = [float(MaxUp(m).loss(learner, tasks, make.draws()).detach()) for m in (2, 4, 8)]
    assert losses == sorted(losses)
    assert losses[0] < losses[-1]


def test_each_draw_augments_anew_at_every_placement(make):
    tasks = make.tasks_of(make.episode_of(), "support+query: noise")
    first, second = tasks.draw(0), tasks.draw(1)
    assert not torch.equal(first.support.items, second.support.items)
    assert not torch.equal(first.query.items, second.query.items)
    assert torch.equal(tasks.draw(1).query.items, second.query.items)


def test_an_item_that_some_draws_lack_counts_where_it_is(make):
    """Draws may differ in which classes are there; the weight is that of the draw that was chosen."""
    learner, episode = make.prototypes(), make.episode_of(padded=True)
    tasks = make.tasks_of(episode, "query: noise(0.3)")
    assert torch.isfinite(MaxUp(2).loss(learner, tasks, make.draws()))
