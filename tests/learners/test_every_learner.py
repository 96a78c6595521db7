"""What every learner promises. A new learner joins by one row, and by a plain loop to compare it with."""

from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from learner_rows import LEARNERS
from manyshot.learners import GradientLearner, Reptile, queries_see_each_other
from small_tasks import QUERIES, WAYS, assert_close, episode_of, gradients, logits_of, take, train, with_fewer_classes


@pytest.mark.parametrize("row", LEARNERS.values(), ids=LEARNERS)
class TestEveryLearner:
    def test_beats_chance_on_a_separable_task(self, row):
        learner, episode = row.make(), episode_of(tasks=20, spread=0.1)
        if row.needs_training:
            train(learner, episode_of(tasks=20, spread=0.1, seed=1), steps=30, learning_rate=0.002)
        answers = logits_of(learner, episode.support, episode.query).argmax(-1)
        assert (answers == episode.query.class_ids).double().mean() > 0.5

    def test_learns(self, row):
        learner, episode = row.make(), episode_of(tasks=4, spread=0.5)
        losses = train(learner, episode, *((30, 0.002) if row.needs_training else (8, 0.02)))
        assert losses[-1] < 0.8 * losses[0] or losses[-1] < 0.05

    def test_an_item_of_weight_two_counts_as_the_item_twice(self, row):
        learner, episode = row.make().eval(), episode_of()
        weight = episode.support.weight.clone()
        weight[:, 1] = 2
        twice = logits_of(learner, take(episode.support, torch.tensor([0, 1, 1, 2, 3, 4, 5])), episode.query)
        heavy = logits_of(learner, replace(episode.support, weight=weight), episode.query)
        assert torch.allclose(heavy, twice, atol=1e-10)
        plain = logits_of(learner, episode.support, episode.query)
        assert torch.allclose(plain, heavy) != row.counts_weights

    @pytest.mark.parametrize("training", [True, False])
    def test_an_item_of_weight_zero_counts_as_absent(self, row, training):
        learner, episode = row.make().train(training), episode_of()
        weight, items = episode.support.weight.clone(), episode.support.items.clone()
        weight[:, 3] = 0
        items[:, 3] = 1000.0
        kept = torch.tensor([0, 1, 2, 4, 5])
        light = replace(episode.support, weight=weight, items=items)
        with_it, without_it = (
            gradients(learner, learner.loss(replace(episode, support=support)))
            for support in (light, take(episode.support, kept))
        )
        assert_close(with_it, without_it)
        result = logits_of(learner, light, episode.query)
        assert torch.allclose(result, logits_of(learner, take(episode.support, kept), episode.query), atol=1e-10)

    @pytest.mark.parametrize("training", [True, False])
    def test_a_query_of_weight_zero_counts_as_absent(self, row, training):
        learner, episode = row.make().train(training), episode_of()
        weight, items = episode.query.weight.clone(), episode.query.items.clone()
        weight[:, 0] = 0
        items[:, 0] = 1000.0
        light = replace(episode, query=replace(episode.query, weight=weight, items=items))
        gone = replace(episode, query=take(episode.query, torch.arange(1, WAYS * QUERIES)))
        assert_close(gradients(learner, learner.loss(light)), gradients(learner, learner.loss(gone)))

    def test_no_answer_changes_with_another_query(self, row):
        learner, episode = row.make().eval(), episode_of()
        if queries_see_each_other(learner):
            pytest.skip("is transductive, and evaluations say so")
        items = episode.query.items.clone()
        items[:, 0] *= 1.5
        plain = logits_of(learner, episode.support, episode.query)
        other = logits_of(learner, episode.support, replace(episode.query, items=items))
        assert torch.allclose(plain[:, 1:], other[:, 1:], atol=1e-10)

    def test_does_not_care_about_the_order_of_support_items(self, row):
        learner, episode = row.make(), episode_of()
        order = torch.tensor([4, 1, 5, 0, 3, 2])
        assert torch.allclose(
            logits_of(learner, episode.support, episode.query),
            logits_of(learner, take(episode.support, order), episode.query),
            atol=1e-10,
        )

    def test_classes_in_another_order_get_their_logits_in_that_order(self, row):
        if row.named_classes:
            pytest.skip("its last layer has weights for each place")
        learner, episode = row.make(), episode_of()
        order = torch.tensor([2, 0, 1])
        turned = replace(episode.support, labels=episode.support.labels[:, :, order])
        assert torch.allclose(
            logits_of(learner, turned, episode.query),
            logits_of(learner, episode.support, episode.query)[:, :, order],
            atol=1e-10,
        )

    def test_soft_labels_matter(self, row):
        learner, episode = row.make().eval(), episode_of()
        mixed = 0.8 * episode.support.labels + 0.2 / WAYS
        plain, soft = (
            logits_of(learner, replace(episode.support, labels=labels), episode.query)
            for labels in (episode.support.labels, mixed)
        )
        assert torch.allclose(plain, soft) != row.soft

    @pytest.mark.parametrize("training", [True, False])
    def test_absent_classes_get_no_chance_and_no_gradient_is_lost_to_them(self, row, training):
        learner, episode = row.make().train(training), with_fewer_classes(episode_of(), task=1, ways=2)
        logits = logits_of(learner, episode.support, episode.query)
        there = episode.query.weight > 0
        assert (logits[1][there[1]][:, 2] == -torch.inf).all()
        assert logits[1][there[1]][:, :2].isfinite().all()
        assert logits[[0, 2]].isfinite().all()
        loss = learner.loss(episode)
        assert loss.isfinite()
        result = gradients(learner, loss)
        assert all(g.isfinite().all() for g in result.values())
        assert any((g != 0).any() for g in result.values())

    def test_gradients_reach_support_and_query_items(self, row):
        learner, episode = row.make().eval(), episode_of()
        support, query = (side.items.clone().requires_grad_() for side in (episode.support, episode.query))
        learner.loss(
            replace(
                episode,
                support=replace(episode.support, items=support),
                query=replace(episode.query, items=query),
            )
        ).backward()
        if isinstance(learner, Reptile):
            assert query.grad is None
            return
        assert query.grad.abs().sum() > 0
        first_order = isinstance(learner, GradientLearner) and not learner.second_order()
        assert first_order or support.grad.abs().sum() > 0

    def test_adapts_where_no_gradient_is_kept(self, row):
        learner, episode = row.make().eval(), episode_of()
        with torch.no_grad():
            quiet = logits_of(learner, episode.support, episode.query)
        assert not quiet.requires_grad
        assert torch.allclose(quiet, logits_of(learner, episode.support, episode.query), atol=1e-12)

    def test_adapting_leaves_its_weights_as_they_were(self, row):
        learner, episode = row.make().eval(), episode_of()
        before = {name: tensor.clone() for name, tensor in learner.state_dict().items()}
        logits_of(learner, episode.support, episode.query)
        assert all(tensor.equal(before[name]) for name, tensor in learner.state_dict().items())

    def test_survives_saving_and_loading(self, row, tmp_path):
        learner, episode = row.make(), episode_of()
        learner.loss(episode)  # moves running averages, if there are any
        save_file({n: t.contiguous() for n, t in learner.state_dict().items()}, tmp_path / "weights.safetensors")
        other = row.make()
        for parameter in other.parameters():
            nn.init.normal_(parameter)
        other.load_state_dict(load_file(tmp_path / "weights.safetensors"))
        learner.eval()
        other.eval()
        assert logits_of(other, episode.support, episode.query).equal(
            logits_of(learner, episode.support, episode.query)
        )

    def test_gives_the_same_bits_again(self, row):
        episode = episode_of()
        first, again = (gradients(learner, learner.loss(episode)) for learner in (row.make(), row.make()))
        assert all(first[name].equal(again[name]) for name in first)
