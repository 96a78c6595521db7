"""Ops of whole tasks: what support and query share, and that the effect happens."""

from dataclasses import replace

import pytest
import torch

from manyshot.augment import Plan
from manyshot.augment.image import Flip, Turn
from manyshot.augment.task import TASK_OPS, Composites, LabelNoise, MoreClasses, PermuteLabels
from manyshot.base import InputError
from manyshot.tasks import Episode, Examples
from one_line_error import one_line_error

WAYS, SHOTS, QUERIES = 3, 2, 3


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def episode_of(tasks: int = 4, padded: bool = False, uint8: bool = False, seed: int = 0) -> Episode:
    """Random pictures; padded: task 1 lacks the last class, and task 0 its first class's last items."""
    draws = generator(seed)

    def side(each: int) -> Examples:
        items = torch.randint(1, 256, (tasks, WAYS * each, 1, 8, 8), generator=draws, dtype=torch.uint8)
        examples = Examples.of(items if uint8 else items.float() / 255, torch.arange(WAYS).repeat_interleave(each))
        if padded:
            examples.class_mask[1, -1] = False
            examples.weight[1, (WAYS - 1) * each :] = 0
            examples.labels[1, (WAYS - 1) * each :] = 0
            examples.weight[0, each - 1] = 0
            examples.labels[0, each - 1] = 0
        return examples

    support, query = side(SHOTS), side(QUERIES)
    classes = torch.arange(tasks * WAYS).view(tasks, WAYS)
    if padded:
        classes[1, -1] = -1
    return Episode(support, query, classes)


def targets_of(tasks: int = 4) -> Episode:
    """Regression: one output."""

    def side(n: int, seed: int) -> Examples:
        draws = generator(seed)
        return Examples(
            torch.rand(tasks, n, 1, generator=draws),
            torch.randn(tasks, n, 1, generator=draws),
            torch.ones(tasks, n),
            torch.ones(tasks, 1, dtype=torch.bool),
        )

    return Episode(side(5, 1), side(7, 2), torch.zeros(tasks, 1, dtype=torch.long))


def applied(op, episode: Episode, seed: int = 0) -> Episode:
    return op.apply(episode, op.sample(len(episode), episode.classes.shape[1], generator(seed)))


def sides(episode: Episode) -> tuple[Examples, Examples]:
    return episode.support, episode.query


EVERY = {
    "more_classes": (MoreClasses(Flip(p=1.0)), episode_of),
    "composites": (Composites(), episode_of),
    "permute_labels": (PermuteLabels(), episode_of),
    "label_noise": (LabelNoise(), targets_of),
}


@pytest.mark.parametrize(("op", "tasks"), EVERY.values(), ids=EVERY)
class TestEveryTaskOp:
    def test_replays_its_params(self, op, tasks):
        episode = tasks(6)
        params = op.sample(6, episode.classes.shape[1], generator())
        one, again = op.apply(episode, params), op.apply(episode, params)
        for first, second in zip(sides(one), sides(again), strict=True):
            assert torch.equal(first.items, second.items)
            assert torch.equal(first.labels, second.labels)

    def test_changes_the_fraction_p_of_the_tasks_and_leaves_the_others_alone(self, op, tasks):
        episode = tasks(60)
        some = applied(replace(op, p=0.5), episode)
        before, after = episode.query, some.query
        m, ways = before.labels.shape[1:]
        changed = (after.labels[:, :m, :ways] != before.labels).flatten(1).any(1) | (after.weight[:, m:] > 0).any(1)
        assert 10 < int(changed.sum()) < 50
        assert torch.equal(after.items[:, :m], before.items)
        kept = some.support.weight[~changed].sum(1)
        assert torch.equal(kept, episode.support.weight[~changed].sum(1))
        none, every = (applied(replace(op, p=p), episode) for p in (0.0, 1.0))
        assert none.query.weight.sum() == before.weight.sum()
        assert every.query.weight.sum() >= before.weight.sum()

    def test_says_how_many_classes_there_are_at_most(self, op, tasks):
        episode = tasks(4)
        ways = episode.classes.shape[1]
        changed = applied(op, episode)
        assert changed.classes.shape[1] == changed.support.labels.shape[2] == op.most_ways(ways)
        assert changed.support.class_mask.shape == changed.query.class_mask.shape == changed.classes.shape

    def test_stands_in_a_plan(self, op, tasks):
        (name,) = (name for name, kind in TASK_OPS.items() if isinstance(op, kind))
        plan = Plan(f"task: {name}(flip(1))" if name == "more_classes" else f"task: {name}")
        assert plan.changes_tasks
        episode = tasks(4)
        changed = plan.apply(episode, generator())
        same_labels = changed.support.labels.shape == episode.support.labels.shape
        assert not (same_labels and torch.equal(changed.support.labels, episode.support.labels))


def test_every_task_op_is_tested():
    assert set(TASK_OPS) == set(EVERY)


class TestMoreClasses:
    def test_a_new_class_is_turned_alike_in_support_and_query_and_unlike_other_classes(self):
        episode, op = episode_of(8), MoreClasses(Turn())
        params = op.sample(8, WAYS, generator(1))
        more = op.apply(episode, params)
        quarters = params["inner"]["quarters"].view(8, WAYS)
        assert any(len(set(row.tolist())) > 1 for row in quarters)
        for before, after in zip(sides(episode), sides(more), strict=True):
            n = before.items.shape[1]
            for t in range(8):
                for i, way in enumerate(before.class_ids[t].tolist()):
                    turns = int(quarters[t, way])
                    expected = before.items[t, i].rot90(turns, (1, 2))
                    assert torch.equal(after.items[t, n + i], expected)
                    assert bool(after.weight[t, n + i] > 0) == (turns != 0)
                    if turns:
                        assert after.class_ids[t, n + i] == WAYS + way

    def test_a_class_that_the_op_leaves_alone_is_not_added_a_second_time(self):
        more = applied(MoreClasses(Flip(p=0.0)), episode_of())
        assert not more.support.class_mask[:, WAYS:].any()
        assert (more.support.weight[:, WAYS * SHOTS :] == 0).all()
        assert (more.query.labels[:, WAYS * QUERIES :] == 0).all()

    def test_padding_stays_padding(self):
        more = applied(MoreClasses(Flip(p=1.0)), episode_of(padded=True))
        assert more.support.class_mask[1].tolist() == [True, True, False, True, True, False]
        assert more.support.weight[1].tolist() == [1, 1, 1, 1, 0, 0] * 2
        assert more.support.weight[0, WAYS * SHOTS :].tolist() == [1, 0, 1, 1, 1, 1]

    def test_uint8_pictures_stay_uint8(self):
        more = applied(MoreClasses(Flip(p=1.0)), episode_of(uint8=True))
        assert more.support.items.dtype == torch.uint8
        assert torch.equal(more.support.items[:, WAYS * SHOTS :], episode_of(uint8=True).support.items.flip(-1))

    def test_generated_items_name_the_item_that_they_came_from(self):
        more = applied(MoreClasses(Flip(p=1.0)), episode_of())
        assert more.support.known_origin[0].tolist() == [-1] * 6 + [0, 1, 2, 3, 4, 5]

    def test_a_task_of_more_classes_can_be_learned(self):
        from manyshot.learners import Prototypes

        episode = episode_of(padded=True)
        more = applied(MoreClasses(Flip(p=1.0)), episode)
        logits = Prototypes(torch.nn.Flatten()).adapt(more.support)(more.support.items)
        right = (logits.argmax(-1) == more.support.class_ids)[more.support.weight > 0]
        assert right.all()


class TestComposites:
    @pytest.mark.parametrize("how", ["halves", "mean", "max"])
    def test_support_and_query_are_put_together_of_the_same_classes_by_the_same_cut(self, how):
        episode, op = episode_of(8), Composites(how, count=2)
        params = op.sample(8, WAYS, generator())
        more = op.apply(episode, params)
        order = params["rank"].argsort(1)
        for before, after, each in zip(sides(episode), sides(more), (SHOTS, QUERIES), strict=True):
            for t in range(8):
                for k in range(2):
                    first, second = order[t, k], order[t, (k + 1) % WAYS]
                    for i in range(each):
                        a = before.items[t, int(first) * each + i, 0]
                        b = before.items[t, int(second) * each + i, 0]
                        row = WAYS * each + k * each + i
                        generated = after.items[t, row, 0]
                        assert after.class_ids[t, row] == WAYS + k
                        if how == "mean":
                            assert torch.allclose(generated, (a + b) / 2)
                        elif how == "max":
                            assert torch.equal(generated, torch.maximum(a, b))
                        else:
                            at = (torch.arange(8) * 2 + 1) / 8 - 1 > params["cut"][t, k]
                            beyond = at[:, None].expand(8, 8) if params["down"][t, k] else at[None].expand(8, 8)
                            assert torch.equal(generated, torch.where(beyond, b, a))
                            assert (generated == a).any()
                            assert (generated == b).any()

    def test_new_classes_differ_in_what_they_are_made_of(self):
        params = Composites(count=3).sample(50, WAYS, generator())
        assert len({tuple(row) for row in params["rank"].argsort(1).tolist()}) == 6
        assert params["down"].any()
        assert not params["down"].all()
        assert len(params["cut"].unique()) == 150

    def test_padding_goes_into_no_composite(self):
        more = applied(Composites("mean", count=3), episode_of(padded=True))
        assert more.support.class_mask[1].tolist() == [True, True, False, True, True, False]
        each = SHOTS
        there = more.support.weight[0, WAYS * each :].view(3, each)
        assert there.sum() == 4  # class 0 has one item, and stands in two of the three pairs

    def test_rounding_uint8(self):
        episode = episode_of(uint8=True)
        more = applied(Composites("mean"), episode)
        assert more.query.items.dtype == torch.uint8
        exact = applied(Composites("mean"), episode.as_float())
        assert ((more.query.items.float() / 255 - exact.query.items).abs() <= 0.5 / 255 + 1e-6).all()

    def test_items_that_are_not_images_are_refused(self):
        episode = episode_of()
        flat = Episode(*(replace(s, items=s.items.flatten(2)) for s in sides(episode)), episode.classes)
        with pytest.raises(InputError, match="only images"):
            applied(Composites(), flat)


class TestPermuteLabels:
    def test_support_and_query_have_the_same_permutation_and_tasks_have_others(self):
        episode = episode_of(40)
        swapped = applied(PermuteLabels(), episode)
        result = set()
        for t in range(40):
            new = [int(swapped.support.class_ids[t, k * SHOTS]) for k in range(WAYS)]
            assert sorted(new) == [0, 1, 2]
            assert swapped.support.class_ids[t].tolist() == [new[k] for k in episode.support.class_ids[t].tolist()]
            assert swapped.query.class_ids[t].tolist() == [new[k] for k in episode.query.class_ids[t].tolist()]
            assert [int(swapped.classes[t, new[k]]) for k in range(WAYS)] == episode.classes[t].tolist()
            result.add(tuple(new))
        assert len(result) == 6

    def test_classes_that_a_task_lacks_stay_behind_the_others(self):
        for seed in range(6):
            swapped = applied(PermuteLabels(), episode_of(padded=True), seed)
            assert swapped.support.class_mask[1].tolist() == [True, True, False]
            assert swapped.classes[1, 2] == -1
            assert (swapped.support.labels[1, -SHOTS:] == 0).all()

    def test_targets_are_refused(self):
        with pytest.raises(InputError, match="PermuteLabels is for tasks with classes"):
            applied(PermuteLabels(), targets_of())


class TestLabelNoise:
    @pytest.mark.parametrize("kind", ["uniform", "normal"])
    def test_is_one_draw_a_task_added_to_support_and_query_alike(self, kind):
        episode = targets_of(50)
        moved = applied(LabelNoise(2.0, kind), episode)
        by = moved.support.labels - episode.support.labels
        assert torch.allclose(by, by[:, :1].expand_as(by), atol=1e-5)
        by_query = moved.query.labels - episode.query.labels
        assert torch.allclose(by_query, by[:, :1].expand_as(by_query), atol=1e-5)
        assert len(by[:, 0, 0].unique()) == 50
        assert by.abs().max() > 1
        if kind == "uniform":
            assert by.abs().max() <= 2
        assert torch.equal(moved.support.items, episode.support.items)

    def test_classes_are_refused(self):
        with pytest.raises(InputError, match="permute_labels"):
            applied(LabelNoise(), episode_of())


class TestPlans:
    def test_acts_where_it_stands_between_ops_of_items(self):
        """Turned before or after the class was added once more: then both, or the new one alone, are turned anew."""
        episode = episode_of(6)
        before = Plan("task: turn more_classes(flip(1))").apply(episode, generator())
        n = WAYS * SHOTS
        assert torch.equal(before.support.items[:, n:], before.support.items[:, :n].flip(-1))
        after = Plan("task: more_classes(flip(1)) turn").apply(episode, generator())
        assert not torch.equal(after.support.items[:, n:], after.support.items[:, :n].flip(-1))

    def test_ops_of_items_draw_as_they_did_without_an_op_of_tasks(self):
        episode = episode_of(6)
        plain = Plan("task: turn").apply(episode, generator())
        also = Plan("task: turn permute_labels").apply(episode, generator())
        assert torch.equal(plain.support.items, also.support.items)
        assert not torch.equal(plain.support.labels, also.support.labels)

    def test_further_clauses_act_on_the_changed_task(self):
        episode = episode_of(uint8=True)
        plan = Plan("task: more_classes(flip(1)) composites; shots: 2 x noise; query: cutmix")
        changed = plan.apply(episode, generator())
        ways = plan.most_ways(WAYS)
        assert ways == 7
        assert changed.support.labels.shape == (4, 3 * (12 + SHOTS), 7)
        assert changed.query.items.is_floating_point()
        assert changed.support.weight.sum(1).tolist() == [42] * 4

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("support: permute_labels", "'permute_labels' (character 10) changes whole tasks"),
            ("task+support: composites", "'task:' clause of its own"),
            ("task: composites(per=task)", "is drawn once a task: leave per out"),
            ("support: oneof(permute_labels noise)", "changes whole tasks: write it in a 'task:' clause"),
            ("task: more_classes", "write more_classes(op=...)"),
            ("task: more_classes(composites)", "changes whole tasks"),
            ("task: more_classes(turn flip)", "give one op"),
            ("task: composites(sum)", "how='sum'"),
            ("task: composites(count=0)", "count=0"),
            ("task: label_noise(kind=gauss)", "kind='gauss'"),
            ("task: permute_labels(p=2)", "p=2"),
        ],
    )
    def test_what_cannot_be_is_reported(self, text, message):
        with one_line_error(message):
            Plan(text)


class TestWhatIsSaidOfClasses:
    @pytest.mark.parametrize("name", TASK_OPS)
    def test_follows_the_classes_and_new_ones_have_nothing(self, name):
        ops = {
            "more_classes": MoreClasses(Turn()),
            "composites": Composites(),
            "permute_labels": PermuteLabels(),
            "label_noise": LabelNoise(),
        }
        if name == "label_noise":
            pytest.skip("is for targets, which have no classes")
        plain = episode_of(padded=True)
        about = torch.rand(4, WAYS, 6, generator=generator(1)) + 0.1
        about[1, -1] = 0
        told = replace(plain, support=replace(plain.support, about=about))
        changed, untold = applied(ops[name], told), applied(ops[name], plain)
        result = changed.support.about
        assert result.shape[:2] == changed.classes.shape
        by_class = {int(c): row for c, row in zip(told.classes.flatten(), about.flatten(0, 1), strict=True)}
        for number, row in zip(changed.classes.flatten().tolist(), result.flatten(0, 1), strict=True):
            assert row.equal(by_class[number] if number >= 0 else torch.zeros(6))
        assert changed.query.about is None
        assert changed.support.items.equal(untold.support.items)
        assert changed.support.labels.equal(untold.support.labels)
