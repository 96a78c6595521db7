"""Every learner gives the losses, gradients and logits of a plain loop over tasks."""

import pytest
import torch

from learner_rows import LEARNERS
from plain_loops import base_loss_of_one_task
from small_tasks import EPISODE_KINDS, assert_close, episode_of, gradients, logits_of, take, task_alone, variant_of

PRETRAINED = {name: row for name, row in LEARNERS.items() if row.base_logits}


@pytest.mark.parametrize("kind", EPISODE_KINDS)
@pytest.mark.parametrize("row", LEARNERS.values(), ids=LEARNERS)
def test_equals_a_plain_loop_over_tasks(row, kind):
    if row.weights_statistics and kind == "weighted":
        pytest.skip("weights that are whole numbers are compared with repeated examples")
    learner, episode = row.make().train(not row.mixes_examples), variant_of(episode_of(), kind)

    def plain_loop() -> torch.Tensor:
        losses = []
        for task in range(3):
            alone = task_alone(episode, task)
            if row.base_logits:
                losses.append(base_loss_of_one_task(row, learner, alone))
                continue
            if row.loss_of_one_task:
                losses.append(row.loss_of_one_task(learner, alone))
                continue
            queries = alone.query.weight[0] > 0
            support = take(alone.support, (alone.support.weight[0] > 0).nonzero()[:, 0])
            logits = row.loop(learner, support, alone.query.items[:, queries])[0][:, alone.support.class_mask[0]]
            losses.append(row.loop_loss(logits, alone.query.class_ids[0, queries]))
        return torch.stack(losses).mean()

    together, apart = learner.loss(episode), plain_loop()
    assert torch.allclose(together, apart, atol=1e-10, rtol=1e-10)
    assert_close(gradients(learner, together), gradients(learner, apart))


@pytest.mark.parametrize("kind", EPISODE_KINDS)
@pytest.mark.parametrize("row", PRETRAINED.values(), ids=PRETRAINED)
def test_what_trains_by_classification_adapts_like_a_plain_loop(row, kind):
    learner, episode = row.make().eval(), variant_of(episode_of(), kind)
    together = logits_of(learner, episode.support, episode.query)
    for task in range(3):
        alone = task_alone(episode, task)
        support = take(alone.support, (alone.support.weight[0] > 0).nonzero()[:, 0])
        queries = alone.query.weight[0] > 0
        expected = row.loop(learner, support, alone.query.items[:, queries])
        assert torch.allclose(together[task : task + 1, queries], expected, atol=1e-10, rtol=1e-10)


@pytest.mark.parametrize("row", LEARNERS.values(), ids=LEARNERS)
def test_every_parameter_gets_a_gradient_so_that_constants_cannot_pass(row):
    learner = row.make().eval()
    result = gradients(learner, learner.loss(episode_of()))
    assert all((grad != 0).any() for grad in result.values())
