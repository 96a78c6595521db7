import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chisquare, kstest

from manyshot.base.seeds import bits, generator, integers, uniform

WORDS = st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1, max_size=4)


@given(WORDS)
def test_an_address_always_gives_the_same_bits(words):
    assert bits(*words) == bits(*words)


def test_the_numbers_of_an_address_do_not_depend_on_its_company():
    together = uniform(3, np.arange(1000), np.arange(4)[:, None])
    assert together[2, 700] == uniform(3, 700, 2)


def test_the_hash_is_pinned_so_that_old_seeds_keep_their_tasks():
    assert [int(b) for b in bits(0, np.arange(3))] == [10640244180235670149, 10698543617947631683, 17701926653090987459]


@pytest.mark.parametrize("vary", [0, 1, 2])
def test_numbers_are_uniform_along_every_word_of_an_address(vary):
    words = [5, 5, 5]
    words[vary] = np.arange(20_000)
    numbers = uniform(*words)
    assert numbers.min() >= 0
    assert numbers.max() < 1
    assert kstest(numbers, "uniform").pvalue > 1e-3


def test_neighboring_addresses_are_not_correlated():
    numbers = uniform(np.arange(300)[:, None], np.arange(300)) - 0.5
    for a, b in ((numbers[1:], numbers[:-1]), (numbers[:, 1:], numbers[:, :-1]), (numbers, numbers.T)):
        off_diagonal = ~np.eye(*a.shape, dtype=bool)
        assert abs((a * b)[off_diagonal].mean() / numbers.var()) < 0.02


def test_swapping_two_words_gives_another_address():
    assert bits(1, 2) != bits(2, 1)
    assert bits(1) != bits(1, 0)


@given(st.integers(1, 2**40))
def test_integers_stay_below_their_bound(below):
    drawn = integers(below, 0, np.arange(64))
    assert ((drawn >= 0) & (drawn < below)).all()


def test_integers_reach_every_value_equally_often():
    assert chisquare(np.bincount(integers(7, 1, np.arange(14_000)), minlength=7)).pvalue > 1e-3


def test_each_row_may_have_its_own_bound():
    bounds = np.array([1, 2, 1000])
    drawn = integers(bounds, 0, np.arange(3), np.arange(500)[:, None])
    assert (drawn < bounds).all()
    assert drawn[:, 2].max() > 900


def test_generators_of_different_names_and_numbers_have_different_streams():
    streams = [generator(0, "plan", 1), generator(0, "plan", 2), generator(0, "evaluate", 1), generator(1, "plan", 1)]
    firsts = [float(torch.rand((), generator=g)) for g in streams]
    assert len(set(firsts)) == len(firsts)


def test_a_name_that_is_no_text_has_a_stream_of_its_own():
    names = ("cl\udcffass", "cl\udcfeass", "class")
    assert len({int(torch.randint(2**40, (), generator=generator(0, name))) for name in names}) == 3
