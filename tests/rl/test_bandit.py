"""Bandits: what the published one does, and what the corrected one does instead."""

import pytest
import torch

from manyshot.base import InputError
from manyshot.rl.bandit import BANDITS, DiscountedUCB, PublishedUCB
from manyshot.rl.choose_view import Choice


def pulls(bandit, score, rounds=400):
    for number in range(rounds):
        arm = bandit.choose()
        bandit.update(arm, score(arm, number))
    return bandit.pulls


def test_the_published_bandit_pulls_the_first_arm_alone_where_returns_are_of_size_one():
    assert pulls(PublishedUCB(5), lambda arm, _: 1.2 if arm == 4 else 1.0).tolist() == [400, 0, 0, 0, 0]


def test_the_published_bandit_is_the_formula():
    bandit, draws = PublishedUCB(3, exploration=0.5, window=4), torch.Generator().manual_seed(0)
    kept = [[], [], []]
    for number in range(60):
        counts = [1 + len(scores) for scores in kept]
        bound = [
            (sum(s[-4:]) / len(s[-4:]) if s else 0.0)
            + 0.5 * (torch.log(torch.tensor(1.0 + number, dtype=torch.float64)).item() / n) ** 0.5
            for s, n in zip(kept, counts, strict=True)
        ]
        arm = bandit.choose()
        assert bound[arm] == pytest.approx(max(bound))
        score = torch.randn((), generator=draws, dtype=torch.float64).item()
        kept[arm].append(score)
        bandit.update(arm, score)


def test_the_corrected_bandit_tries_each_arm_first_and_finds_the_best_one():
    bandit = DiscountedUCB(5)
    first = []
    for _ in range(5):
        first.append(bandit.choose())
        bandit.update(first[-1], 0.0)
    assert sorted(first) == [0, 1, 2, 3, 4]
    draws = torch.Generator().manual_seed(0)
    found = pulls(bandit, lambda arm, _: (arm == 3) + 0.5 * torch.randn((), generator=draws).item())
    assert int(found.argmax()) == 3
    assert found[3] > 0.5 * found.sum()


def test_the_corrected_bandit_follows_when_another_arm_becomes_the_best():
    bandit = DiscountedUCB(3)
    pulls(bandit, lambda arm, _: float(arm == 0), 200)
    before = bandit.pulls.clone()
    pulls(bandit, lambda arm, _: float(arm == 2), 200)
    assert int((bandit.pulls - before).argmax()) == 2


def test_scores_that_only_grow_do_not_lock_the_corrected_bandit():
    found = pulls(DiscountedUCB(5), lambda arm, number: 1.0 / (1 + number))
    assert found.max() < 0.6 * found.sum()


def test_arms_that_lose_for_sure_are_tried_again_now_and_then():
    found = pulls(DiscountedUCB(3), lambda arm, number: 1.2 if arm == 2 else 1.0)
    assert found.argmax() == 2
    assert min(found) > 2


def test_discounted_means_are_those_of_a_loop():
    bandit, draws = DiscountedUCB(2, exploration=0.7, discount=0.9), torch.Generator().manual_seed(0)
    told = []
    for number in range(20):
        arm, score = number % 2, torch.randn((), generator=draws, dtype=torch.float64).item()
        bandit.update(arm, score)
        told.append((arm, score))
    weight = [0.9 ** (19 - index) for index in range(20)]
    count = [sum(w for w, (a, _) in zip(weight, told, strict=True) if a == arm) for arm in (0, 1)]
    mean = [sum(w * s for w, (a, s) in zip(weight, told, strict=True) if a == arm) / count[arm] for arm in (0, 1)]
    both = sum(mean) / 2  # arms weigh the same
    apart = [sum(w * (s - both) ** 2 for w, (a, s) in zip(weight, told, strict=True) if a == arm) for arm in (0, 1)]
    spread = (sum(one / number for one, number in zip(apart, count, strict=True)) / 2) ** 0.5
    total = torch.log(torch.tensor(sum(count), dtype=torch.float64)).item()
    bounds = [(mean[a] - both) / spread + 0.7 * (total / count[a]) ** 0.5 for a in (0, 1)]
    assert bandit.bounds().tolist() == pytest.approx(bounds)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("bandit(crop)", "at least two views"),
        ("bandit", "at least two views"),
        ("bandit(crop, flip", "choose"),
    ],
)
def test_a_choice_that_cannot_be_read_is_refused(text, message):
    with pytest.raises(InputError, match=message):
        Choice.parse(text)


def test_an_unknown_bandit_is_refused():
    with pytest.raises(InputError, match="ucb"):
        BANDITS.parse("ucbb")
