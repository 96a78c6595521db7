from dataclasses import dataclass

import pytest
import torch

from manyshot.augment.ops.op import Op
from manyshot.augment.ops.variants import balanced_variants, change, pool_variants, variants
from manyshot.tasks import Examples
from shift_op import Shift


@dataclass(frozen=True)
class Suffix(Op):
    """Number the sentences."""

    def sample(self, n, generator):
        return {"number": torch.arange(n)}

    def apply(self, items, params):
        return [f"{item}{number}" for item, number in zip(items, params["number"].tolist(), strict=True)]


def examples_of(items, tasks: int, n: int) -> Examples:
    weight = torch.ones(tasks, n)
    weight[:, -1] = 0
    labels = torch.eye(n).expand(tasks, n, n)
    return Examples(items, labels, weight, torch.ones(tasks, n, dtype=torch.bool))


def generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def test_every_item_changes_by_its_own_draw():
    changed = change(examples_of(torch.zeros(3, 4, 7), 3, 4), Shift(), generator())
    assert len(changed.items[..., 0].unique()) == 12
    assert changed.origin is None


def test_variants_of_an_item_stand_together_and_know_it():
    examples = examples_of(10.0 * torch.arange(12).view(3, 4, 1), 3, 4)
    generated = variants(examples, Shift(), 5, generator(), weight=0.5)
    assert torch.equal(generated.items.floor().int(), examples.items.int().repeat_interleave(5, 1))
    assert len(generated.items.unique()) == 60
    assert generated.origin.tolist() == [[i for i in range(4) for _ in range(5)]] * 3
    assert torch.equal(generated.class_ids[0], torch.arange(4).repeat_interleave(5))
    assert generated.weight[0].tolist() == [0.5] * 15 + [0.0] * 5


class TestBalanced:
    def test_all_classes_of_a_task_have_as_many_items_afterwards(self):
        labels = torch.eye(3)[torch.tensor([[0, 0, 0, 0, 1, 1, 2], [0, 1, 1, 2, 2, 2, 2]])]
        examples = Examples(
            10.0 * torch.arange(14).view(2, 7, 1), labels, torch.ones(2, 7), torch.ones(2, 3, dtype=torch.bool)
        )
        made = balanced_variants(examples, Shift(), 2, generator(), weight=0.5)
        counts = (labels * examples.weight[..., None]).sum(1) + (made.labels * (made.weight > 0)[..., None]).sum(1)
        assert counts.tolist() == [[12.0] * 3] * 2
        assert set(made.weight.unique().tolist()) == {0.5}
        assert made.origin[0].bincount().tolist() == [2, 2, 2, 2, 5, 5, 11]
        assert len(made.items.unique()) == made.items.numel()
        assert torch.equal(made.items.floor().int()[..., 0], examples.items[..., 0].gather(1, made.origin).int())

    def test_classes_of_one_size_get_what_they_get_without_it(self):
        examples = Examples.of(torch.rand(2, 6, 4), torch.arange(3).repeat_interleave(2))
        plain, balanced = (make(examples, Shift(), 3, generator()) for make in (variants, balanced_variants))
        assert torch.equal(plain.items, balanced.items)
        assert torch.equal(plain.origin, balanced.origin)

    def test_padding_gets_none_and_tasks_that_need_fewer_are_padded(self):
        texts, labels = (
            [["a", "b", "c", ""], ["d", "e", "f", "g"]],
            torch.eye(2)[torch.tensor([[0, 0, 1, 1], [0, 0, 0, 1]])],
        )
        weight = torch.tensor([[1.0, 1, 1, 0], [1, 1, 1, 1]])
        made = balanced_variants(Examples(texts, labels, weight, torch.ones(2, 2) > 0), Suffix(), 1, generator())
        kept = [
            [text[0] for text, w in zip(row, own, strict=True) if w]
            for row, own in zip(made.items, made.weight.tolist(), strict=True)
        ]
        assert kept == [["a", "b", "c", "c", "c"], ["d", "e", "f", "g", "g", "g", "g", "g"]]


def test_sentences_are_changed_in_one_call_and_stay_with_their_tasks():
    examples = examples_of([["a", "b"], ["c", "d"]], 2, 2)
    assert change(examples, Suffix(), generator()).items == [["a0", "b1"], ["c2", "d3"]]
    generated = variants(examples, Suffix(), 2, generator())
    assert generated.items == [["a0", "a1", "b2", "b3"], ["c4", "c5", "d6", "d7"]]


def test_the_items_given_are_left_alone():
    items = torch.zeros(2, 3, 4)
    variants(examples_of(items, 2, 3), Shift(), 2, generator())
    change(examples_of(items, 2, 3), Shift(), generator())
    assert not items.any()


def test_pooling_averages_log_probabilities_over_the_variants_of_an_item():
    logits = torch.randn(2, 12, 5, dtype=torch.float64)
    pooled = pool_variants(logits, 4)
    for task in range(2):
        for item in range(3):
            probabilities = logits[task, 4 * item : 4 * item + 4].softmax(-1)
            mean = probabilities.prod(0) ** 0.25
            assert torch.allclose(pooled[task, item].exp(), mean / mean.sum())


def test_pooling_one_variant_gives_its_log_probabilities():
    logits = torch.randn(2, 3, 5)
    assert torch.allclose(pool_variants(logits, 1), logits.log_softmax(-1), atol=1e-6)


def test_pooling_keeps_absent_classes_impossible():
    logits = torch.randn(1, 4, 3)
    logits[..., 2] = -torch.inf
    pooled = pool_variants(logits, 2)
    assert torch.equal(pooled[..., 2], torch.full((1, 2), -torch.inf))
    assert torch.isfinite(pooled[..., :2]).all()


def test_pooling_no_items_gives_none():
    assert pool_variants(torch.zeros(0, 4, 3), 2).shape == (0, 2, 3)


def test_logits_that_do_not_divide_into_variants_are_refused():
    with pytest.raises(ValueError, match="5 variants"):
        pool_variants(torch.zeros(1, 5, 3), 2)
