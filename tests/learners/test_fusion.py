"""Fusion of parts: leave-one-out against a plain loop, weights that find the useful part, and missing parts."""

import pytest
import torch
from torch import nn

from manyshot.learners import FusedSupport, Fusion, Prototypes, Ridge
from manyshot.learners.part_features import SHORT, side_by_side, spread_of
from manyshot.learners.part_weights import PENALTIES, FusedKernels, choose_weights, simplex
from manyshot.tasks import Examples, Parts

WAYS = 3


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def make_tasks(tasks: int, each: int, noise: dict[str, float], seed: int = 0, missing: float = 0.0) -> Examples:
    """Features of parts, each a class mean and noise of its own strength."""
    random, means = generator(seed), generator(99)
    ids = torch.arange(WAYS).repeat_interleave(each)
    values, there = {}, {}
    for name, strength in noise.items():
        centers = torch.randn(tasks, WAYS, 48, generator=means)
        values[name] = centers[:, ids] + strength * torch.randn(tasks, len(ids), 48, generator=random)
        there[name] = torch.rand(tasks, len(ids), generator=random) >= missing
    return Examples.of(Parts(values, there), ids)


def accuracy(learner: nn.Module, support: Examples, query: Examples) -> float:
    answers = learner.adapt(support)(query.items).argmax(-1)
    return float((answers == query.class_ids).double().mean())


def fused_kernels(examples: Examples) -> FusedKernels:
    return FusedSupport(examples.items, examples).kernels


class TestLeaveOneOut:
    def test_errors_equal_a_plain_loop(self):
        kernels = fused_kernels(make_tasks(2, 3, {"a": 1.0, "b": 2.0}, missing=0.2))
        weights = torch.tensor([[0.3, 0.7], [0.6, 0.4]]).double()
        found = kernels.left_out_errors(weights)
        joined, residual = kernels.joined(weights), kernels.labels - kernels.offset
        for p, penalty in enumerate(PENALTIES):
            for t in range(2):
                total = 0.0
                for i in range(9):
                    rest = [j for j in range(9) if j != i and kernels.weight[t, j] > 0]
                    if kernels.weight[t, i] == 0:
                        continue
                    system = joined[t][rest][:, rest] + penalty * torch.eye(len(rest)).double()
                    guess = joined[t][i, rest] @ torch.linalg.solve(system, residual[t][rest])
                    total += float((residual[t, i] - guess).square().sum())
                assert float(found[p, t]) == pytest.approx(total, rel=1e-6)

    def test_variants_of_an_example_are_left_out_together(self):
        kernels = fused_kernels(make_tasks(1, 4, {"a": 1.0}))
        group = torch.arange(12)[None] // 2
        grouped = FusedKernels(kernels.kernels, kernels.there, kernels.labels, kernels.weight, group, kernels.spread)
        weights = torch.ones(1, 1).double()
        joined, residual = kernels.joined(weights)[0], (kernels.labels - kernels.offset)[0]
        total = 0.0
        for g in range(6):
            out, rest = [2 * g, 2 * g + 1], [j for j in range(12) if j // 2 != g]
            system = joined[rest][:, rest] + PENALTIES[1] * torch.eye(10).double()
            guess = joined[out][:, rest] @ torch.linalg.solve(system, residual[rest])
            total += float((residual[out] - guess).square().sum())
        assert float(grouped.left_out_errors(weights)[1, 0]) == pytest.approx(total, rel=1e-6)

    def test_finds_the_part_that_knows_the_class(self):
        weights, _ = choose_weights(fused_kernels(make_tasks(20, 5, {"good": 0.5, "noise": 20.0})))
        assert (weights[:, 0] > weights[:, 1]).double().mean() > 0.9
        assert torch.allclose(weights.sum(1), torch.ones(20).double())

    def test_with_one_example_of_a_class_parts_count_by_their_spread(self):
        kernels = fused_kernels(make_tasks(3, 1, {"good": 0.5, "noise": 20.0}))
        weights, _ = choose_weights(kernels)
        assert torch.allclose(weights, kernels.spread / kernels.spread.sum(1, keepdim=True))

    def test_the_spread_of_a_part_in_which_examples_are_alike_is_small(self):
        examples = make_tasks(3, 2, {"alike": 1.0, "other": 1.0})
        alike = examples.items.replaced("alike", 10 + 0.1 * examples.items["alike"])
        spread = spread_of(alike, examples.weight)
        assert (spread[:, 0] < 0.01).all()
        assert (spread[:, 1] > 0.8).all()

    @pytest.mark.parametrize("parts", [1, 2, 3, 4, 5])
    def test_grid_covers_the_simplex(self, parts):
        grid = list(simplex(parts, 4))
        assert all(sum(w) == pytest.approx(1) and min(w) >= 0 for w in grid)
        assert len(set(grid)) == len(grid)


class TestFusion:
    def test_two_parts_are_better_than_each(self):
        noise = {"a": 4.0, "b": 4.0}
        support, query = (make_tasks(60, each, noise, seed) for each, seed in ((3, 0), (10, 1)))
        both = accuracy(Fusion(nn.Identity()), support, query)
        for name in noise:
            one = [Examples(e.items.only([name]), e.labels, e.weight, e.class_mask) for e in (support, query)]
            assert both > accuracy(Fusion(nn.Identity()), *one) + 0.02

    def test_a_query_without_a_part_is_classified_as_if_the_part_did_not_exist(self):
        noise = {"a": 2.0, "b": 2.0}
        support, query = make_tasks(5, 3, noise), make_tasks(5, 4, noise, seed=1)
        gone = query.items.replaced(
            "b", torch.full_like(query.items["b"], 7.0), torch.zeros_like(query.items.there["b"])
        )
        logits = Fusion(nn.Identity()).adapt(support)(gone)
        one = Examples(support.items.only(["a"]), support.labels, support.weight, support.class_mask)
        alone = Fusion(nn.Identity()).adapt(one)(query.items.only(["a"]))
        assert torch.allclose(logits, alone, atol=1e-6)

    def test_what_a_missing_part_holds_does_not_matter(self):
        support, query = (make_tasks(4, 4, {"a": 1.0, "b": 1.0}, seed, missing=0.3) for seed in (0, 1))
        noisy = [
            Parts({n: torch.where(e.items.there[n][..., None], e.items[n], 1e3) for n in e.items.names}, e.items.there)
            for e in (support, query)
        ]
        other = Examples(noisy[0], support.labels, support.weight, support.class_mask)
        first = Fusion(nn.Identity()).adapt(support)(query.items)
        assert torch.allclose(first, Fusion(nn.Identity()).adapt(other)(noisy[1]), atol=1e-6)

    def test_a_mask_loses_less_than_zeros_as_features_where_queries_lack_the_stronger_part(self):
        noise = {"strong": 1.0, "weak": 4.0}
        support, query = make_tasks(60, 5, noise), make_tasks(60, 10, noise, seed=1)
        nothing = torch.zeros_like(query.items["strong"])
        there = query.items.there["strong"]
        masked, naive = (
            accuracy(
                Fusion(nn.Identity()),
                support,
                Examples(query.items.replaced("strong", nothing, mask), query.labels, query.weight, query.class_mask),
            )
            for mask in (torch.zeros_like(there), there)
        )
        assert masked > naive + 0.05

    def test_padding_counts_as_absent(self):
        support = make_tasks(2, 3, {"a": 1.0, "b": 1.0})
        weight = support.weight.clone()
        weight[:, 4] = 0
        padded = Examples(support.items, support.labels, weight, support.class_mask)
        kept = torch.tensor([0, 1, 2, 3, 5, 6, 7, 8])
        short = Examples(
            support.items.both(lambda v: v[:, kept]), support.labels[:, kept], weight[:, kept], support.class_mask
        )
        queries = make_tasks(2, 2, {"a": 1.0, "b": 1.0}, seed=3).items
        first, second = (Fusion(nn.Identity()).adapt(one)(queries) for one in (padded, short))
        assert torch.allclose(first, second, atol=1e-6)

    def test_gradients_reach_the_features_of_support_and_query(self):
        support, query = (make_tasks(2, 3, {"a": 1.0, "b": 1.0}, seed) for seed in (0, 1))
        leaves = [e.items["a"].requires_grad_() for e in (support, query)]
        Fusion(nn.Identity()).adapt(support)(query.items).sum(0)[0, 0].backward()
        assert all(leaf.grad is not None and bool((leaf.grad != 0).any()) for leaf in leaves)

    def test_numbers_are_standardized(self):
        ids = torch.arange(2).repeat_interleave(4)
        size = torch.stack([1e6 * ids + torch.rand(8, generator=generator()), torch.rand(8, generator=generator(1))], 1)
        assert size.shape[1] < SHORT
        support = Examples.of(Parts.of({"size": size}).both(lambda v: v[None]), ids)
        assert accuracy(Fusion(nn.Identity()), support, support) == 1

    def test_a_class_may_lie_between_two_others(self):
        ids = torch.arange(3).repeat_interleave(5)
        size = 10.0 * ids[:, None] + torch.rand(15, 1, generator=generator())
        support = Examples.of(Parts.of({"size": size}).both(lambda v: v[None]), ids)
        assert accuracy(Fusion(nn.Identity()), support, support) == 1

    def test_other_learners_see_all_parts_side_by_side(self):
        noise = {"a": 1.0, "b": 1.0}
        support, query = make_tasks(20, 3, noise, missing=0.2), make_tasks(20, 5, noise, seed=1, missing=0.2)
        assert side_by_side(support.items).shape == (20, 9, 96)
        for learner in (Prototypes(nn.Identity()), Ridge(nn.Identity())):
            assert accuracy(learner, support, query) > 0.7
