"""Ops that choose among ops, in Python and in the language of plans."""

import pytest
import torch

from manyshot.augment import Compose, OneOf, Plan, SomeOf, Sometimes, take
from manyshot.augment.image import Affine, Brightness, Flip, Invert, Noise
from manyshot.augment.ops.combine import Combined, Part, apply_layers
from manyshot.augment.ops.op import Op
from manyshot.base import InputError
from one_line_error import one_line_error


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


IMAGES = torch.rand(600, 3, 6, 6, generator=generator()) * 0.5
THREE = (Invert(p=1), Brightness(0.5), Flip(p=1))


class TestOneOf:
    def test_each_op_gets_its_fraction_of_the_items(self):
        choice = OneOf(THREE).sample(3000, generator())["choice"]
        assert torch.bincount(choice).tolist() == pytest.approx([1000] * 3, rel=0.1)

    def test_each_item_is_changed_as_its_op_alone_would(self):
        op = OneOf(THREE)
        params = op.sample(600, generator())
        result = op.apply(IMAGES, params)
        for index, inner in enumerate(THREE):
            alone = inner.apply(IMAGES, params[str(index)])
            mine = params["choice"] == index
            assert torch.allclose(result[mine], alone[mine])

    def test_no_ops_are_refused(self):
        with pytest.raises(InputError, match=r"OneOf: ops=\(\)"):
            OneOf(())


class TestSomeOf:
    @pytest.mark.parametrize("count", [0, 1, 2, 3])
    def test_so_many_ops_act_on_each_item_each_as_often(self, count):
        on = SomeOf(THREE, count).sample(3000, generator())["on"]
        assert (on.sum(1) == count).all()
        assert on.float().mean(0).tolist() == pytest.approx([count / 3] * 3, abs=0.03)

    def test_all_of_them_is_one_after_another(self):
        params = SomeOf(THREE, 3).sample(600, generator())
        expected = Compose(THREE).apply(IMAGES, {index: params[index] for index in "012"})
        assert torch.allclose(SomeOf(THREE, 3).apply(IMAGES, params), expected)

    def test_none_of_them_leaves_the_items_alone(self):
        op = SomeOf(THREE, 0)
        assert op.apply(IMAGES, op.sample(600, generator())).equal(IMAGES)

    @pytest.mark.parametrize("count", [-1, 4])
    def test_a_count_beyond_the_ops_is_refused(self, count):
        with pytest.raises(InputError, match=f"count={count}: give a whole number from 0 to 3"):
            SomeOf(THREE, count)


NESTED = Compose((Sometimes(OneOf((Affine(), SomeOf((Noise(), Invert()), 1)))), OneOf((Flip(), Compose((Noise(),))))))


def test_rows_of_nested_choices_can_be_taken():
    params = NESTED.sample(600, generator())
    order = torch.randperm(600, generator=generator())
    shuffled = NESTED.apply(IMAGES[order], take(params, order))
    assert torch.allclose(shuffled, NESTED.apply(IMAGES, params)[order], atol=1e-6)


def test_choices_have_gradients():
    images = IMAGES.clone().requires_grad_()
    NESTED.apply(images, NESTED.sample(600, generator())).square().sum().backward()
    assert images.grad.isfinite().all()
    assert (images.grad.abs().amax((1, 2, 3)) > 0).all()


def test_layers_say_what_apply_does():
    params = NESTED.sample(600, generator())

    def check(op, params):
        """No item twice in a layer, however deep."""
        for layer in op.layers(params) if isinstance(op, Combined) else ():
            assert sum(part.rows is None for part in layer) in (0, len(layer))
            rows = [row for part in layer if part.rows is not None for row in part.rows.tolist()]
            assert len(rows) == len(set(rows))
            for part in layer:
                check(part.op, part.params)

    check(NESTED, params)
    assert apply_layers(IMAGES, NESTED.layers(params)).equal(NESTED.apply(IMAGES, params))


def test_lists_go_through_layers_too():
    class Shout(Op):
        def sample(self, n, generator):
            return {"marks": torch.randint(1, 4, (n,), generator=generator)}

        def apply(self, items, params):
            return [item + "!" * marks for item, marks in zip(items, params["marks"].tolist(), strict=True)]

    part = Part(Shout(), {"marks": torch.tensor([1, 2])}, torch.tensor([0, 2]))
    assert apply_layers(["a", "b", "c"], [[part]]) == ["a!", "b", "c!!"]
    op = OneOf((Shout(), Shout()))
    params = op.sample(20, generator())
    assert all(item.startswith("go!") for item in op.apply(["go"] * 20, params))


@pytest.mark.parametrize(
    ("text", "op"),
    [
        ("oneof(affine flip)", OneOf((Affine(), Flip()))),
        ("oneof(affine(10) noise(0.2, p=0.5))", OneOf((Affine(10.0), Sometimes(Noise(0.2), 0.5)))),
        ("someof(affine noise flip, 2)", SomeOf((Affine(), Noise(), Flip()), 2)),
        ("someof(oneof(affine noise) flip, count=1, p=0.5)", None),
    ],
)
def test_choices_can_be_written_in_plans(text, op):
    plan = Plan(f"support: {text}")
    assert str(plan) == f"support: {text}"
    (read,) = plan.item_op().ops
    if op is None:
        op = Sometimes(SomeOf((OneOf((Affine(), Noise())), Flip()), 1), 0.5)
    assert read == op


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("oneof", "no ops; write oneof(ops=...)"),
        ("someof(affine, 2)", "count=2: give a whole number from 0 to 1"),
        ("oneof(afine)", "did you mean 'affine'"),
        ("oneof(3)", "give ops, separated by spaces"),
    ],
)
def test_wrong_choices_are_refused_by_plans(text, message):
    with one_line_error(message):
        Plan(f"support: {text}")
