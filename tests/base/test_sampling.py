from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chisquare

from manyshot.base.sampling import choose


@given(st.integers(1, 40).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n))), st.integers(0, 2**32))
def test_chosen_integers_differ_and_lie_below_n(sizes, seed):
    n, k = sizes
    chosen = choose(np.full(6, n), k, seed, np.arange(6))
    assert chosen.shape == (6, k)
    assert ((chosen >= 0) & (chosen < n)).all()
    assert all(len(set(row)) == k for row in chosen.tolist())


@pytest.mark.parametrize(("n", "k"), [(3, 3), (4, 2), (5, 1), (4, 3)])
def test_every_ordered_choice_is_equally_likely(n, k):
    rows = 24_000
    drawn = map(tuple, choose(np.full(rows, n), k, 11, np.arange(rows)).tolist())
    tally = dict.fromkeys(permutations(range(n), k), 0)
    for choice in drawn:
        tally[choice] += 1
    assert chisquare(list(tally.values())).pvalue > 1e-3


def test_a_row_does_not_depend_on_its_company():
    sizes = np.array([5, 9, 100, 7])
    together = choose(sizes, 4, 0, np.array([3, 1, 4, 1]), np.array([0, 1, 2, 3]))
    alone = choose(sizes[2:3], 4, 0, np.array([4]), np.array([2]))
    assert (together[2] == alone[0]).all()


def test_each_row_chooses_from_its_own_number():
    sizes = np.array([2, 50])
    chosen = choose(np.tile(sizes, 500), 2, 0, np.arange(1000)).reshape(500, 2, 2)
    assert chosen[:, 0].max() == 1
    assert chosen[:, 1].max() == 49
