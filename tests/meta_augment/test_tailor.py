"""Stage two: samples for one new task, and adaptation to it by leave-one-out."""

import pytest
import torch
from torch import nn

from manyshot.base import InputError
from manyshot.learners import Ridge
from manyshot.meta_augment import AUGMENTERS
from manyshot.meta_augment.tailor import adapt_augmenter, generate_samples, leave_one_out, tailor
from manyshot.tasks import Examples

SIZE = 6


def support_of(*shots: int, size: int = SIZE) -> Examples:
    """One task whose class k has shots[k] items around a center of its own."""
    ways, draws = len(shots), torch.Generator().manual_seed(3)
    label = torch.arange(ways).repeat_interleave(torch.tensor(shots))
    items = 3 * torch.eye(ways, size)[label] + torch.randn(len(label), size, generator=draws)
    return Examples(
        items[None], torch.eye(ways)[label][None], torch.ones(1, len(label)), torch.ones(1, ways, dtype=torch.bool)
    )


@pytest.fixture
def hallucinator():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return AUGMENTERS.parse("hallucinator(noise=4, hidden=16)").build(shape=(SIZE,))


class TestMaking:
    def test_every_class_gets_as_many_samples_of_its_own_items_in_turn(self, hallucinator):
        generated = generate_samples(hallucinator, support_of(1, 3, 2), per_class=4)
        assert generated.items.shape == (1, 12, SIZE)
        assert generated.class_ids[0].tolist() == [0] * 4 + [1] * 4 + [2] * 4
        assert generated.origin[0].tolist() == [0, 0, 0, 0, 1, 2, 3, 1, 4, 5, 4, 5]

    def test_no_two_samples_are_the_same(self, hallucinator):
        generated = generate_samples(hallucinator, support_of(1, 3, 2), per_class=7).items[0]
        assert len(generated.unique(dim=0)) == 21

    def test_the_seed_decides(self, hallucinator):
        once, again, other = (generate_samples(hallucinator, support_of(2, 2), 3, seed).items for seed in (5, 5, 6))
        assert torch.equal(once, again)
        assert not torch.equal(once, other)

    def test_a_class_weighs_the_same_however_many_samples_are_generated(self, hallucinator):
        for shots in ((1, 1), (2, 3)):
            few, many = (generate_samples(hallucinator, support_of(*shots), n).weight for n in (3, 40))
            sums = [weight.unflatten(1, (2, -1)).sum(2) for weight in (few, many)]
            assert torch.allclose(*sums, rtol=1e-4)

    def test_they_are_what_the_augmenter_makes(self, hallucinator):
        from manyshot.base.seeds import generator

        support = support_of(1, 1)
        generated = hallucinator.make(support, 5, generator(0, "stage two"))
        samples = generate_samples(hallucinator, support, 5)
        assert torch.equal(samples.items, generated.items)
        assert torch.allclose(samples.weight, generated.weight)

    @pytest.mark.parametrize(
        ("shots", "per_class", "message"),
        [((1, 0), 3, "class 1 has no example"), ((1, 1), 0, "at least 1"), ((1, 1), 10**9, "give at most")],
    )
    def test_what_cannot_be_made_is_refused(self, hallucinator, shots, per_class, message):
        with pytest.raises(InputError, match=message):
            generate_samples(hallucinator, support_of(*shots), per_class)


class TestLeaveOneOut:
    def test_every_item_is_held_out_and_seen_by_the_other_folds(self):
        support = support_of(3, 3)
        folds = leave_one_out(support)
        assert folds.support.weight.tolist() == [[0, 1, 1] * 2, [1, 0, 1] * 2, [1, 1, 0] * 2]
        for fold in range(3):
            assert torch.equal(folds.query.items[fold], support.items[0][[fold, 3 + fold]])
            assert folds.query.class_ids[fold].tolist() == [0, 1]

    def test_a_small_class_holds_its_items_out_in_turn(self):
        folds = leave_one_out(support_of(2, 3))
        assert folds.support.weight.tolist() == [[0, 1, 0, 1, 1], [1, 0, 1, 0, 1], [0, 1, 1, 1, 0]]

    def test_one_example_of_a_class_is_too_few(self):
        with pytest.raises(InputError, match="give two of each class"):
            leave_one_out(support_of(2, 1))


class TestAdapting:
    @torch.no_grad()
    def loss(self, augmenter, support: Examples) -> float:
        folds, total = leave_one_out(support), 0.0
        learner = Ridge(nn.Identity())
        for seed in range(20):
            generated = augmenter.make(folds.support, 4, torch.Generator().manual_seed(seed))
            joined = type(folds)(folds.support.joined(generated), folds.query, folds.classes)
            total += float(learner.query_losses(joined).mean())
        return total / 20

    def test_the_loss_on_what_is_held_out_falls(self, hallucinator):
        support, learner = support_of(3, 3, 3), Ridge(nn.Identity())
        after = adapt_augmenter(hallucinator, learner, support, copies=4, steps=30)
        assert self.loss(after, support) < self.loss(hallucinator, support) - 0.005

    def test_neither_the_augmenter_nor_the_learner_is_changed(self, hallucinator):
        learner = Ridge(nn.Linear(SIZE, SIZE))
        before = [weight.clone() for weight in (*hallucinator.parameters(), *learner.parameters())]
        adapt_augmenter(hallucinator, learner, support_of(2, 2), copies=2, steps=2)
        after = [*hallucinator.parameters(), *learner.parameters()]
        assert all(torch.equal(one, other) for one, other in zip(before, after, strict=True))
        assert all(weight.grad is None for weight in learner.parameters())

    def test_no_steps_leave_it_as_it_is_even_with_one_shot(self, hallucinator):
        assert adapt_augmenter(hallucinator, Ridge(nn.Identity()), support_of(1, 1), copies=2, steps=0) is hallucinator

    def test_what_learns_from_no_learners_loss_cannot_adapt(self, hallucinator):
        hallucinator.requires_grad_(False)
        with pytest.raises(InputError, match="cannot adapt"):
            adapt_augmenter(hallucinator, Ridge(nn.Identity()), support_of(2, 2), copies=2, steps=1)


class TestTailoring:
    def images(self, n: int):
        return torch.randint(0, 256, (n, 1, 2, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))

    def test_samples_carry_the_labels_that_were_given_in_the_order_in_which_they_came(self, hallucinator):
        generated = tailor(hallucinator, Ridge(nn.Flatten()), self.images(4), ["b", "a", "b", "c"], per_class=3)
        assert generated.labels == ["b"] * 3 + ["a"] * 3 + ["c"] * 3
        assert generated.origin.tolist() == [0, 2, 0, 1, 1, 1, 3, 3, 3]
        assert generated.items.shape == (9, SIZE)
        assert len(generated) == 9

    def test_bytes_are_what_their_values_from_0_to_1_are(self, hallucinator):
        images, learner = self.images(2), Ridge(nn.Flatten())
        once, again = (tailor(hallucinator, learner, i, [0, 1], per_class=2) for i in (images, images.float() / 255))
        assert torch.equal(once.items, again.items)
        assert torch.equal(once.support, images.flatten(1).float() / 255)

    def test_adaptation_changes_what_is_generated(self, hallucinator):
        images, learner = self.images(4), Ridge(nn.Flatten())
        plain, own = (
            tailor(hallucinator, learner, images, [0, 0, 1, 1], per_class=2, adapt_steps=steps) for steps in (0, 3)
        )
        assert not torch.equal(plain.items, own.items)

    def test_each_image_needs_its_label(self, hallucinator):
        with pytest.raises(InputError, match="2 images and 1 labels"):
            tailor(hallucinator, Ridge(nn.Flatten()), self.images(2), ["a"])
