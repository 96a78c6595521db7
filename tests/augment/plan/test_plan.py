from dataclasses import dataclass, replace

import pytest
import torch

from manyshot.augment import NAMED, OPS, PRESETS, Compose, Plan, Sometimes, describe_ops
from manyshot.augment.image import Affine, Elastic, Flip, Noise, Turn
from manyshot.augment.mix import MIXES, CutMix, Mixup, SometimesMix, mix_examples
from manyshot.augment.ops.op import Op
from manyshot.augment.parts import PART_MIXES
from manyshot.augment.plan.parser import parse
from manyshot.augment.plan.placements import PLACEMENTS
from manyshot.augment.plan.presets import TEXT_PRESETS
from manyshot.augment.registry import build_op
from manyshot.augment.task import TASK_OPS
from manyshot.base import InputError
from manyshot.base.entry_point_catalog import spelled
from manyshot.tasks import Episode, Examples
from one_line_error import one_line_error


def episode_of(
    tasks: int = 3, ways: int = 4, shots: int = 2, queries: int = 3, channels: int = 1, volumes: bool = False
) -> Episode:
    """Tasks of smooth random uint8 pictures or volumes; the last support item of each task is padding."""
    pixels = torch.Generator().manual_seed(9)

    def side(each: int) -> Examples:
        coarse = torch.rand(tasks * ways * each, channels, *[4] * (3 if volumes else 2), generator=pixels)
        mode = "trilinear" if volumes else "bilinear"
        items = torch.nn.functional.interpolate(coarse, 16, mode=mode).unflatten(0, (tasks, ways * each))
        return Examples(
            items=(255 * items).to(torch.uint8),
            labels=torch.eye(ways).repeat_interleave(each, 0).expand(tasks, -1, -1),
            weight=torch.ones(tasks, ways * each),
            class_mask=torch.ones(tasks, ways, dtype=torch.bool),
        )

    episode = Episode(side(shots), side(queries), torch.arange(tasks * ways).view(tasks, ways))
    episode.support.weight[:, -1] = 0
    return episode


def applied(text: str, episode: Episode, seed: int = 0) -> Episode:
    return Plan(text).apply(episode, torch.Generator().manual_seed(seed))


class TestReading:
    def test_ops_get_their_values_by_position_and_by_name(self):
        plan = Plan("support: affine(20, 1.5, padding_mode=border) elastic(0.2, cells=5) flip")
        assert plan.item_op() == Compose((Affine(20, 1.5, padding_mode="border"), Elastic(0.2, cells=5), Flip()))

    def test_whole_numbers_reach_whole_number_options_as_such(self):
        (op,) = Plan("support: elastic(0.1, 5)").item_op().ops
        assert type(op.cells) is int

    def test_p_makes_any_op_act_sometimes(self):
        assert Plan("support: noise(p=0.25)").item_op().ops == (Sometimes(Noise(), 0.25),)

    def test_p_is_the_ops_own_where_it_has_one(self):
        assert Plan("support: flip(p=0.25)").item_op().ops == (Flip(p=0.25),)

    def test_a_preset_means_the_text_it_is_short_for(self):
        assert str(Plan(" handwriting ")) == PRESETS["handwriting"].plan

    @pytest.mark.parametrize("name", PRESETS)
    def test_every_preset_is_canonical(self, name):
        plan = Plan(name)
        assert plan == Plan(str(plan))
        assert str(plan) == PRESETS[name].plan

    @pytest.mark.parametrize("name", sorted(set(PRESETS) - set(TEXT_PRESETS)))
    def test_every_preset_for_pictures_changes_some(self, name):
        plan = Plan(name)
        episode = episode_of(channels=3, volumes="affine3" in str(plan))
        changed = plan.apply(episode, torch.Generator().manual_seed(0))
        assert torch.isfinite(changed.support.items).all()
        before = episode.as_float()
        pairs = ((changed.query.items, before.query.items), (changed.support.items, before.support.items))
        assert any(after.shape != items.shape or not torch.equal(after, items) for after, items in pairs)

    @pytest.mark.parametrize("name", OPS)
    @pytest.mark.parametrize("placement", PLACEMENTS)
    def test_every_op_acts_at_every_placement(self, name, placement):
        episode = episode_of(channels=3, volumes=getattr(OPS[name], "takes", ()) == ("volumes",))
        before = episode.as_float()
        changed = applied(f"{placement}: {name}", episode)
        same_support = torch.equal(changed.support.items, before.support.items)
        same_query = torch.equal(changed.query.items, before.query.items)
        assert same_support == (placement == "query")
        assert same_query == (placement in ("support", "shots"))

    @pytest.mark.parametrize(
        ("text", "parts"),
        [
            ("elastic", ["'elastic' alone", "'support: elastic'"]),
            ("handwritng", ["unknown preset 'handwritng'", "did you mean 'handwriting'?"]),
            ("non", ["unknown preset 'non'", "did you mean 'none'?"]),
            (
                "task: turn; support: elastc(0.1)",
                ["'elastc(0.1)' (character 22)", "unknown op", "did you mean 'elastic'?"],
            ),
            ("support: none", ["'none' (character 10)", "unknown op"]),
            (
                "support: elastic(cels=5)",
                ["'elastic(cels=5)' (character 10)", "option 'cels'", "did you mean 'cells'?"],
            ),
            ("support: elastic(0.1, strength=0.2)", ["strength", "by position and by name", "once"]),
            ("support: flip(0.1, 2)", ["2 values", "at most 1: p"]),
            ("support: affine(fast)", ["degrees=fast", "give a number"]),
            ("support: elastic(0.1, 2.5)", ["cells=2.5", "give a whole number"]),
            ("support: affine(padding_mode=3)", ["padding_mode=3", "give a word"]),
            ("support: affine(padding_mode=flip(1))", ["padding_mode=flip(1)", "give a word"]),
            (
                "support: affine(padding_mode=zero)",
                ["'affine(padding_mode=zero)' (character 10)", "padding_mode='zero'", "'zeros'"],
            ),
            ("support: affine(200)", ["'affine(200)' (character 10): degrees=200", "180"]),
            ("support: noise(p=2)", ["'noise(p=2)' (character 10)", "p=2", "from 0 to 1"]),
            ("support: noise(p=often)", ["p=often", "give a number"]),
            ("support: turn(per=task)", ["per=task", "'task:' clause of its own"]),
            ("task+support: turn(per=task)", ["per=task", "'task:' clause of its own"]),
            ("task: turn(per=ways)", ["'turn(per=ways)' (character 7)", "per=ways", "class or task"]),
            ("task: turn(per=2)", ["per=2", "class or task"]),
        ],
    )
    def test_an_error_names_the_op_its_position_and_the_mend(self, text, parts):
        with pytest.raises(InputError) as caught:
            Plan(text)
        assert str(caught.value).startswith("plan: ")
        assert len(str(caught.value).splitlines()) == 1
        for part in parts:
            assert part in str(caught.value)

    def test_a_wrong_plan_fails_when_it_is_made_and_not_when_it_is_used(self):
        with pytest.raises(InputError, match="unknown op"):
            Plan(parse("support: elastc"))

    def test_equal_texts_make_equal_plans(self):
        assert Plan("task:turn") == Plan(" task : turn ")
        assert len({Plan("task: turn"), Plan("task:turn"), Plan("task: flip")}) == 2


@dataclass(frozen=True)
class Holder(Op):
    """An op that holds ops, a flag and an option without a default."""

    inner: Op
    ops: tuple[Op, ...] = ()
    loud: bool = False

    def sample(self, n, generator):
        return self.inner.sample(n, generator)

    def apply(self, items, params):
        return self.inner.apply(items, params)


class TestOpsThatHoldOps:
    @pytest.fixture(autouse=True)
    def _registered(self, monkeypatch):
        monkeypatch.setitem(NAMED, "holder", Holder)

    def made(self, text: str) -> Op:
        return build_op(parse(f"support: {text}").clauses[0].calls[0])

    def test_are_written_nested(self):
        assert self.made("holder(turn, ops=flip(1) noise, loud=yes)") == Holder(Turn(), (Flip(1.0), Noise()), True)

    @pytest.mark.parametrize(
        ("text", "parts"),
        [
            ("holder", ["no inner", "holder(inner=...)"]),
            ("holder(3)", ["inner=3", "give one op"]),
            ("holder(flip noise)", ["inner=flip noise", "give one op"]),
            ("holder(flip, 3)", ["ops=3", "give ops"]),
            ("holder(flip, loud=perhaps)", ["loud=perhaps", "yes or no"]),
            ("holder(flp)", ["'flp' (character 17)", "did you mean 'flip'?"]),
        ],
    )
    def test_are_checked_inside(self, text, parts):
        with pytest.raises(InputError) as caught:
            self.made(text)
        for part in parts:
            assert part in str(caught.value)


class TestApplying:
    def test_none_only_makes_pictures_float(self):
        episode = episode_of()
        changed = applied("none", episode)
        assert torch.equal(changed.support.items, episode.support.items / 255)
        assert torch.equal(changed.query.items, episode.query.items / 255)

    def test_the_same_seed_gives_the_same_pixels_and_another_seed_others(self):
        text, episode = "task: turn; support+query: affine elastic; shots: 2 x noise", episode_of()
        once, twice, other = (applied(text, episode, seed) for seed in (0, 0, 1))
        assert torch.equal(once.support.items, twice.support.items)
        assert torch.equal(once.query.items, twice.query.items)
        assert not torch.equal(once.support.items, other.support.items)

    def test_one_generator_gives_another_result_at_every_call(self):
        plan, episode, generator = Plan("support: noise"), episode_of(), torch.Generator().manual_seed(0)
        first, second = (plan.apply(episode, generator).support.items for _ in range(2))
        assert not torch.equal(first, second)

    def test_a_change_of_one_clause_leaves_the_draws_of_the_others_alone(self):
        episode = episode_of()
        plain = applied("query: affine", episode)
        more = applied("support: elastic noise; query: affine; shots: 3 x flip", episode)
        assert torch.equal(plain.query.items, more.query.items)

    def test_support_and_query_draw_differently(self):
        episode = episode_of(queries=2)
        twin = replace(episode, query=episode.support)
        changed = applied("support+query: noise", twin)
        assert not torch.equal(changed.support.items, changed.query.items)

    def test_clauses_act_in_the_order_of_placements_however_written(self):
        episode = episode_of()
        one = applied("task: turn; support: affine; shots: 2 x noise", episode)
        other = applied("shots: 2 x noise; support: affine; task: turn", episode)
        assert torch.equal(one.support.items, other.support.items)

    def test_added_shots_are_made_from_the_changed_support(self):
        changed = applied("support: brightness(0.9); shots: 1 x flip(1)", episode_of())
        real, generated = changed.support.items.split(8, 1)
        assert torch.equal(generated, real.flip(-1))

    def test_shots_keep_the_support_and_add_weighted_labeled_variants_with_their_origin(self):
        episode = episode_of()
        changed = applied("shots: 3 x noise weight 0.5", episode).support
        before = episode.as_float().support
        assert torch.equal(changed.items[:, :8], before.items)
        assert torch.equal(changed.labels[:, 8:], before.labels.repeat_interleave(3, 1))
        assert changed.weight[0].tolist() == [1.0] * 7 + [0.0] + [0.5] * 21 + [0.0] * 3
        assert changed.origin[0].tolist() == [-1] * 8 + [i for i in range(8) for _ in range(3)]
        distance = (changed.items[:, 8:] - before.items.repeat_interleave(3, 1)).abs().amax((2, 3, 4))
        assert (distance > 0).all()

    def test_balanced_shots_are_more_of_rarer_classes(self):
        episode = episode_of(tasks=2, ways=2, shots=3)
        rare = replace(episode.support, labels=torch.eye(2)[torch.tensor([0, 1, 1, 1, 1, 1])].expand(2, -1, -1))
        support = applied("shots: balanced 2 x noise weight 0.5", replace(episode, support=rare)).support
        assert support.labels[:, support.weight[0] > 0].sum(1).tolist() == [[12.0, 12.0]] * 2
        assert support.weight[0].tolist() == [1.0] * 5 + [0.0] + [0.5] * 19
        with pytest.raises(InputError, match="leave 'balanced' out"):
            Plan("shots: balanced 2 x learned")

    def test_shots_without_a_count_add_one_variant_each(self):
        assert applied("shots: noise", episode_of()).support.items.shape[1] == 16

    def test_query_variants_stand_in_the_place_of_each_query_item(self):
        episode = episode_of()
        plan = Plan("query: 4 x noise(0.01)")
        changed = plan.apply(episode, torch.Generator().manual_seed(0)).query
        assert plan.query_copies == 4
        near = episode.as_float().query.items.repeat_interleave(4, 1)
        assert torch.allclose(changed.items, near, atol=0.1)
        assert not (changed.items == near).all((2, 3, 4)).any()
        assert torch.equal(changed.class_ids, episode.query.class_ids.repeat_interleave(4, 1))
        assert changed.origin[0].tolist() == [i for i in range(12) for _ in range(4)]

    def test_a_query_changed_in_place_has_one_variant_and_no_origin(self):
        plan = Plan("query: noise")
        assert plan.query_copies == Plan().query_copies == 1
        assert plan.apply(episode_of(), torch.Generator()).query.origin is None

    def test_a_class_is_turned_alike_in_support_and_query_and_unlike_other_classes(self):
        ways = 8
        episode = episode_of(tasks=6, ways=ways, shots=1, queries=1)
        twin = replace(episode, query=episode.support)
        changed, before = applied("task: turn", twin), twin.as_float()
        assert torch.equal(changed.support.items, changed.query.items)
        turns = torch.stack([before.support.items.rot90(k, (3, 4)) for k in range(4)])
        chosen = (turns == changed.support.items).all((3, 4, 5)).int().argmax(0)
        assert all(len(row.unique()) > 1 for row in chosen)
        assert len(chosen.unique()) == 4

    def test_per_task_turns_all_classes_of_a_task_alike(self):
        changed = applied("task: turn(per=task) flip", episode_of(tasks=8, ways=6, shots=1))
        before = episode_of(tasks=8, ways=6, shots=1).as_float()
        turns = torch.stack([before.support.items.rot90(k, (3, 4)) for k in range(4)])
        turns = torch.stack([turns, turns.flip(-1)], 1)
        match = (turns == changed.support.items).all((4, 5, 6))
        quarters = match.any(1).int().argmax(0)
        mirrored = match.any(0).int().argmax(0)
        assert all(len(row.unique()) == 1 for row in quarters)
        assert len(quarters.unique()) > 1
        assert any(len(row.unique()) == 2 for row in mirrored)

    def test_padding_stays_padding(self):
        changed = applied("task: turn; support+query: affine; shots: 4 x elastic", episode_of())
        weight = changed.support.weight
        assert (weight[:, 7] == 0).all()
        assert (weight[:, 8 + 7 * 4 :] == 0).all()

    def test_the_episode_given_is_left_alone(self):
        episode = episode_of().as_float()
        before = episode.support.items.clone()
        applied("task: turn; support+query: affine noise; shots: 2 x noise", episode)
        assert torch.equal(episode.support.items, before)

    def test_labels_of_absent_classes_do_no_harm(self):
        episode = episode_of()
        episode.support.class_mask[0, 3] = False
        changed = applied("task: turn; shots: 2 x flip", episode)
        assert torch.equal(changed.support.class_mask, episode.support.class_mask)


class TestItemOp:
    def test_is_that_of_the_shots_before_that_of_the_support(self):
        assert Plan("support: flip; shots: 8 x noise").item_op().ops == (Noise(),)
        assert Plan("support: flip; query: 8 x noise").item_op().ops == (Flip(),)

    @pytest.mark.parametrize("text", ["none", "task: turn", "query: flip"])
    def test_is_refused_where_no_samples_are_generated(self, text):
        with pytest.raises(InputError, match="'shots: 8 x affine'"):
            Plan(text).item_op()


class TestMixes:
    @pytest.mark.parametrize("name", MIXES)
    def test_items_and_labels_are_mixed_within_their_task(self, name):
        episode = episode_of(channels=3)
        changed = applied(f"support: {name}", episode)
        assert changed.support.labels.sum(-1) == pytest.approx(torch.ones(changed.support.weight.shape))
        assert (changed.support.labels.amax(-1) < 0.99).any()
        assert not changed.support.items.equal(episode.as_float().support.items)
        assert changed.query.items.equal(episode.as_float().query.items)
        assert changed.query.labels.equal(episode.query.labels)

    def test_added_shots_are_mixed_and_the_real_ones_stay(self):
        episode = episode_of(channels=3)
        n = episode.support.weight.shape[1]
        support = applied("shots: 4 x flip cutmix", episode).support
        assert support.items[:, :n].equal(episode.as_float().support.items)
        assert support.labels[:, :n].equal(episode.support.labels)
        assert (support.labels[:, n:].amax(-1) < 0.99).any()
        assert support.origin[:, n:].min() >= 0

    def test_they_are_written_as_ops_are(self):
        plan = Plan("support: flip mixup(0.4) cutmix(p=0.5)")
        assert str(plan) == "support: flip mixup(0.4) cutmix(p=0.5)"
        assert plan.placements["support"].mixes == (Mixup(0.4), SometimesMix(CutMix(), 0.5))

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("task: mixup", "'mixup' (character 7) changes labels, item by item"),
            ("task+support: mixup", "changes labels, item by item"),
            ("support: mixup flip", "'flip' (character 16) stands behind a mix; write mixes last"),
            ("support: oneof(flip mixup)", "mixup changes labels: write it behind the ops"),
            ("support: cutmix(0)", "alpha=0"),
            ("support: cutmx", "did you mean 'cutmix'?"),
        ],
    )
    def test_a_misplaced_mix_is_refused(self, text, message):
        with one_line_error(message):
            Plan(text)

    def test_no_samples_are_generated_of_several_classes(self):
        with pytest.raises(InputError, match="a sample would have no label"):
            Plan("support: flip mixup").item_op()

    def test_only_images_are_mixed(self):
        episode = episode_of(channels=1)
        words = replace(episode.support, items=[["a"] * row.shape[0] for row in episode.support.items])
        with pytest.raises(InputError, match="only images and vectors can be mixed"):
            mix_examples(Mixup(), words, torch.Generator().manual_seed(0))


class TestDescriptions:
    def test_every_op_has_a_summary_and_help_for_every_option(self):
        described = describe_ops()
        assert [op.name for op in described] == list(NAMED)
        for op in described:
            assert op.summary.endswith(".")
            names = tuple(PLACEMENTS)
            of_tasks = op.name in map(spelled, TASK_OPS)
            assert op.placements == (
                names[1:] if op.name in map(spelled, {**MIXES, **PART_MIXES}) else names[:1] if of_tasks else names
            )
            assert all(option.help for option in op.options)

    def test_the_described_defaults_are_the_ops_own(self):
        for op in describe_ops(OPS):
            assert OPS[op.name](**{option.name: option.default for option in op.options}) == OPS[op.name]()
            values = ", ".join(f"{option.name}={option.written}" for option in op.options)
            assert Plan(f"support: {op.name}({values})").item_op().ops == (OPS[op.name](),)

    def test_an_option_without_a_default_says_so(self):
        (holder,) = describe_ops({"holder": Holder})
        assert (holder.options[0].name, holder.options[0].default, holder.options[0].help) == ("inner", None, "")
