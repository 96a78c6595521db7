"""Ridge regression by inner products, against the head that has the features."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from manyshot.classify.heads import Ridge, Transform
from manyshot.meta_augment.auto.gram_ridge import fit_gram_ridge


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 1000), penalty=st.floats(0.01, 10), left_out=st.integers(0, 4))
def test_it_predicts_what_the_head_with_features_predicts(seed, penalty, left_out):
    random = torch.Generator().manual_seed(seed)
    rows, query = (torch.rand(n, 20, generator=random, dtype=torch.float64) for n in (12, 7))
    weights = torch.rand(1, 12, generator=random, dtype=torch.float64) + 0.1
    weights[0, :left_out] = 0
    targets = F.one_hot(torch.arange(12) % 3).double()
    fitted = Transform().fit(rows, weights)
    head = Ridge(penalty).fit(fitted(rows), targets, weights)
    expected = fitted(query) @ head.weight.mT + head.bias[:, None]

    by_products = fit_gram_ridge((rows @ rows.T)[None], targets[None], weights, penalty)
    found = by_products((query @ rows.T)[None], query.square().sum(1)[None])

    torch.testing.assert_close(found, expected)


def test_many_fits_at_once_equal_each_alone():
    rows = torch.rand(3, 10, 30, dtype=torch.float64)
    targets, weights = F.one_hot(torch.arange(10) % 2).double().expand(3, -1, -1), torch.ones(3, 10).double()
    gram = rows @ rows.mT

    together = fit_gram_ridge(gram, targets, weights)(gram, gram.diagonal(dim1=1, dim2=2))
    alone = [
        fit_gram_ridge(gram[i : i + 1], targets[:1], weights[:1])(
            gram[i : i + 1], gram[i : i + 1].diagonal(dim1=1, dim2=2)
        )
        for i in range(3)
    ]

    torch.testing.assert_close(together, torch.cat(alone))


@pytest.mark.parametrize("copies", [1, 3])
def test_an_example_that_is_there_twice_counts_like_one_of_weight_two(copies):
    rows = torch.rand(6, 15, dtype=torch.float64)
    targets = F.one_hot(torch.arange(6) % 2).double()
    twice = torch.cat([rows, rows[:1].expand(copies, -1)])
    weights = torch.ones(1, 6).double()
    weights[0, 0] += copies

    once = fit_gram_ridge((rows @ rows.T)[None], targets[None], weights)
    more = fit_gram_ridge(
        (twice @ twice.T)[None],
        torch.cat([targets, targets[:1].expand(copies, -1)])[None],
        torch.ones(1, len(twice)).double(),
    )

    query = torch.rand(4, 15, dtype=torch.float64)
    squares = query.square().sum(1)[None]
    torch.testing.assert_close(once((query @ rows.T)[None], squares), more((query @ twice.T)[None], squares))
