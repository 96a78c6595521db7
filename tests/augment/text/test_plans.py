"""Plans on tasks of texts, and texts in quotes in plans."""

import pytest
import torch

from manyshot.augment import NAMED, Plan, describe_ops
from manyshot.augment.ops.item_kinds import require_kind
from manyshot.augment.plan.pipeline_json import from_json, to_json
from manyshot.augment.plan.presets import TEXT_PRESETS
from manyshot.augment.text import OPS, Template
from manyshot.base import InputError
from manyshot.tasks import Episode, Examples
from one_line_error import one_line_error

TEXTS = [["where can i buy good tea", "sell the old car today"], ["please mail me the bill", "call me now, please"]]


def side(texts):
    tasks, n = len(texts), len(texts[0])
    present = torch.ones(tasks, n, dtype=torch.bool)
    return Examples(texts, torch.eye(n).expand(tasks, n, n), torch.ones(tasks, n), present)


EPISODE = Episode(side(TEXTS), side(TEXTS), torch.tensor([[0, 1], [2, 3]]))


def applied(plan, seed=0):
    return Plan(plan).apply(EPISODE, torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("name", TEXT_PRESETS)
def test_every_preset_for_texts_makes_shots(name):
    support = applied(name).support
    assert [row[:2] for row in support.items] == TEXTS
    assert all(len(row) == 10 for row in support.items)
    assert support.origin[0].tolist() == [-1, -1, 0, 0, 0, 0, 1, 1, 1, 1]
    least = 8 if name == "reword" else 13  # few of these words can be said otherwise
    assert len({text for row in support.items for text in row}) >= least
    assert applied(name).support.items == support.items
    assert applied(name, 1).support.items != support.items


def test_ops_act_at_every_placement():
    changed = applied("task: case(upper); support: swap_words; shots: 2 x aeda(p=0.5); query: 3 x someof(typos ocr, 1)")
    assert all(text.isupper() for row in changed.support.items for text in row)
    assert [len(row) for row in changed.query.items] == [6, 6]
    assert changed.query.items != [[text.upper() for text in row for _ in range(3)] for row in TEXTS]


def test_ops_of_the_task_change_a_class_alike_in_support_and_query():
    changed = applied("task: typos(0.5)")
    assert changed.support.items == changed.query.items != TEXTS


@pytest.mark.parametrize(
    ("plan", "message"),
    [
        ("support: flip", "Flip: changes images, and these items are texts"),
        ("support: oneof(eda flip(p=0.5))", "Flip: changes images"),
        ("shots: 2 x trivialaugment", "TrivialAugment: changes images"),
        ("support: mixup", "only images and vectors can be mixed"),
    ],
)
def test_ops_on_images_are_refused_for_texts(plan, message):
    with pytest.raises(InputError, match=message) as caught:
        applied(plan)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "items", [torch.rand(2, 2, 1, 8, 8), torch.zeros(2, 2, 1, 8, 8, dtype=torch.uint8), torch.rand(2, 2, 7)]
)
def test_ops_on_texts_are_refused_for_images_and_vectors(items):
    plain = side(TEXTS)
    other = Examples(items, plain.labels, plain.weight, plain.class_mask)
    for plan in ("support: eda", "shots: 2 x oneof(typos)", "task: case(p=0.5)"):
        with pytest.raises(InputError, match=r"(EDA|Typos|Case): changes texts, and these items are (images|features)"):
            Plan(plan).apply(Episode(other, other, EPISODE.classes), torch.Generator())


def test_foreign_ops_are_for_any_kind():
    class ExternalOp:
        pass

    for kind in ("texts", "images", "features"):
        assert require_kind(ExternalOp(), kind) is None
    with pytest.raises(InputError, match="changes texts"):
        require_kind(Plan("support: eda").item_op(), "images")


class TestTextsInQuotes:
    def test_they_may_hold_anything_but_quotes(self):
        plan = Plan('shots: 2 x template( "my lists/a b (1); x.txt" , p=0.5)')
        assert str(plan) == 'shots: 2 x template("my lists/a b (1); x.txt", p=0.5)'
        assert Plan(str(plan)) == plan
        assert Plan('support: template(file="x.txt")').item_op().ops == (Template("x.txt"),)
        assert from_json(to_json(Template("x.txt"))) == Template("x.txt")

    def test_a_word_may_be_quoted(self):
        assert Plan('support: case("upper")').item_op() == Plan("support: case(upper)").item_op()

    @pytest.mark.parametrize(
        ("plan", "message"),
        [
            ('support: eda("much")', 'fraction="much"; give a number'),
            ('support: oneof("eda")', "give ops"),
            ("support: template", "no file; write template"),
            ("support: template(3)", "file=3; give a word, or a text in quotes"),
            ('support: template("a', "has no meaning here"),
            ('support: "eda"', "where the name of an op should stand"),
        ],
    )
    def test_misplaced_they_are_one_line(self, plan, message):
        with one_line_error(message):
            Plan(plan)


def test_every_op_is_described_with_a_plan_that_works():
    for op in describe_ops({name: NAMED[name] for name in OPS}):
        assert str(Plan(f"support: {op.example}")) == f"support: {op.example}"
        assert op.placements == ("task", "support", "query", "shots")
        assert all(option.help for option in op.options)
