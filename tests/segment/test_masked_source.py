"""Sources with masks, and the tasks that are drawn from them."""

import pytest
import torch

from manyshot.augment import Plan
from manyshot.segment.masked_source import Label, MaskedSource, draw_task
from manyshot.segment.segmenter import support_of
from one_line_error import one_line_error


def source(n: int = 6, patients: list[str] | None = None) -> MaskedSource:
    masks = torch.zeros(n, 8, 8, dtype=torch.uint8)
    masks[:, 2:4, 2:6] = 3
    masks[1::2, 5:7] = 9
    items = torch.arange(n, dtype=torch.uint8).view(n, 1, 1, 1).expand(n, 1, 8, 8)
    return MaskedSource.of(items, masks, patients=patients)


def test_support_and_query_share_no_patient():
    given = source(6, ["a", "a", "b", "b", "c", "d"])
    for seed in range(20):
        support, query = draw_task(given, 2, None, torch.Generator().manual_seed(seed))
        whose = [given.patients[i] for i in support]
        assert len(set(whose)) == 2
        assert not set(whose) & {given.patients[i] for i in query}


def test_the_support_shows_every_label():
    for seed in range(20):
        support, _ = draw_task(source(), 1, None, torch.Generator().manual_seed(seed))
        assert source().targets[support].unique().tolist() == [0, 1, 2]


def test_the_same_seed_draws_the_same_task_and_others_draw_others():
    draws = [draw_task(source(), 2, 3, torch.Generator().manual_seed(seed)) for seed in (1, 1, 2, 3, 4)]
    assert draws[0] == draws[1]
    assert len({str(draw) for draw in draws}) > 1


def test_too_few_patients_and_labels_that_nothing_shows_are_errors_with_a_remedy():
    with one_line_error("3 shots of 2 patients", "give more patients"):
        draw_task(source(4, ["a", "a", "b", "b"]), 3, None, torch.Generator())
    missing = MaskedSource.of(source().items, source().masks, [Label("nothing", (77,))])
    with one_line_error("no 1 items show every label"):
        draw_task(missing, 1, None, torch.Generator())


def test_one_of_the_labels_can_be_a_task_and_values_can_be_merged():
    assert source().only(["9"]).targets.unique().tolist() == [0, 1]
    merged = MaskedSource.of(source().items, source().masks, [Label("both", (3, 9))])
    assert bool(((merged.targets == 1) == (merged.masks > 0)).all())
    with one_line_error("label '8'", "known: 3, 9"):
        source().only(["8"])


def test_masks_of_another_size_and_values_of_two_labels_are_refused():
    with one_line_error("masks of shape [6, 8, 7]"):
        MaskedSource.of(source().items, source().masks[:, :, :7])
    with one_line_error("give each value"):
        MaskedSource.of(source().items, source().masks, [Label("a", (3,)), Label("b", (3, 9))])


def test_shots_add_variants_once_and_support_changes_with_every_draw():
    given = source(1)
    random = torch.Generator().manual_seed(0)
    support = support_of(given.items, given.masks, given.labels, Plan("shots: 3 x flip(1)"), random)
    assert len(support.pairs.items) == 4
    assert support.pairs.masks[1].equal(given.masks[0].flip(1))
    assert support.op is None
    live = support_of(given.items, given.masks, given.labels, Plan("support: affine"), random)
    assert len(live.pairs.items) == 1
    first, second = live.draw(4, random), live.draw(4, random)
    assert not first.masks.equal(second.masks)


@pytest.mark.parametrize("plan", ["query: flip", "task: turn", "support: mixup", "shots: 2 x learned"])
def test_what_has_no_meaning_for_masks_is_refused(plan):
    given = source(1)
    with one_line_error("plan:"):
        support_of(given.items, given.masks, given.labels, Plan(plan), torch.Generator())
