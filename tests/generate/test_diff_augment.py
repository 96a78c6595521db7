import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from manyshot.augment.image import OPS, Affine, Brightness, Erase, Flip, FlipVertical
from manyshot.base import InputError
from manyshot.generate import MODELS, Batch, Condition, DataSpec
from manyshot.generate.ada import AdaptiveProbability
from manyshot.generate.diff_augment import discriminator_augmentation, discriminator_ops, no_augmentation


def draws(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


class TestChanger:
    def test_the_generator_learns_through_it(self):
        objective = MODELS.parse("dcgan(4)").build(spec=DataSpec((1, 8, 8)))
        batch = Batch(torch.rand(8, 1, 8, 8), Condition(), torch.zeros(8).long())
        noise = torch.randn(8, 64)
        plain, changed = (
            torch.autograd.grad(objective.generator_loss(batch, noise, change), list(objective.model.parameters()))
            for change in (no_augmentation, discriminator_augmentation((Affine(), Brightness()), 1.0, draws()))
        )
        assert all((slope != 0).any() for slope in changed)
        assert not all(a.allclose(b) for a, b in zip(plain, changed, strict=True))

    def test_changes_the_fraction_of_items_that_is_asked_for(self):
        items = torch.full((4000, 1, 2, 2), 0.5)
        changed = discriminator_augmentation((Brightness(0.9),), 0.25, draws())(items)
        share = (changed != items).flatten(1).any(1).float().mean().item()
        assert share == pytest.approx(0.25, abs=0.03)

    def test_an_op_with_a_probability_of_its_own_acts_with_the_product(self):
        items = torch.tensor([0.0, 1.0]).expand(4000, 1, 2, 2)
        flipped = (
            (discriminator_augmentation((Flip(0.5),), 0.5, draws())(items) != items)
            .flatten(1)
            .any(1)
            .float()
            .mean()
            .item()
        )
        assert flipped == pytest.approx(0.25, abs=0.03)

    def test_real_and_generated_items_get_draws_of_their_own_of_one_family(self):
        change = discriminator_augmentation((Affine(),), 1.0, draws())
        items = torch.rand(4, 1, 8, 8)
        assert not change(items).equal(change(items))
        objective = MODELS.parse("dcgan(4)").build(spec=DataSpec((1, 8, 8)))
        batch = Batch(items, Condition(), torch.zeros(4).long())
        seen = []

        def watch(shown):
            seen.append(shown)
            return change(shown)

        objective.discriminator_loss(batch, torch.randn(4, 64), torch.rand(4), watch)
        assert len(seen) == 2
        assert seen[0].shape == seen[1].shape
        assert any(shown is items for shown in seen)

    def test_changes_nothing_at_fraction_zero_or_without_ops(self):
        items = torch.rand(4, 1, 8, 8)
        assert discriminator_augmentation((Affine(),), 0.0, draws())(items) is items
        assert discriminator_augmentation((), 1.0, draws())(items) is items

    def test_every_op_acts_and_each_with_a_probability_of_its_own(self):
        items = torch.rand(1, 1, 4, 4, generator=draws()).expand(2000, -1, -1, -1)
        both = Flip(p=1.0), FlipVertical(p=1.0)
        assert discriminator_augmentation(both, 1.0, draws())(items).equal(items.flip(2, 3))
        changed = discriminator_augmentation(both, 0.3, draws())(items)
        shares = {axes: (changed == items.flip(axes)).flatten(1).all(1).float().mean().item() for axes in ((3,), (2,))}
        assert shares == pytest.approx({(3,): 0.3 * 0.7, (2,): 0.7 * 0.3}, abs=0.04)

    def test_the_same_generator_gives_the_same_changes(self):
        items = torch.rand(6, 1, 8, 8)
        first, again = (discriminator_augmentation((Affine(), Erase()), 0.5, draws(3))(items) for _ in range(2))
        assert first.equal(again)


@pytest.mark.parametrize("name", OPS)
def test_every_op_lets_a_gradient_through_to_the_items(name):
    items = (0.35 + 0.3 * torch.rand(16, 3, 16, 16, generator=draws())).requires_grad_()
    changed = discriminator_augmentation((OPS[name](),), 1.0, draws())(items)
    (slope,) = torch.autograd.grad((torch.rand(changed.shape, generator=draws(1)) * changed).sum(), items)
    assert slope.isfinite().all()
    assert (slope != 0).float().mean() > 0.5


class TestOpsOf:
    def test_none_is_no_op(self):
        assert discriminator_ops("none") == ()

    @pytest.mark.parametrize(
        ("plan", "told"),
        [
            (
                "query: affine",
                "plan: 'query: affine' does not act on what the discriminator sees; write 'support: affine'",
            ),
            ("task: turn", "'task: turn' does not act on what the discriminator sees; write 'support: turn'"),
            ("support: affine; query: flip", "'query: flip' does not act on what the discriminator sees; leave it out"),
            ("support: affine; shots: flip", "'support: affine' does not act on what the discriminator sees; leave it"),
            ("handwriting", "'task: turn flip' does not act on what the discriminator sees; leave it out"),
            (
                "shots: 8 x affine",
                "'shots: 8 x affine': the discriminator sees each example once; write 'support: affine'",
            ),
            ("shots: flip weight 0.5", "the discriminator sees each example once; write 'support: flip'"),
        ],
    )
    def test_a_clause_that_would_have_no_effect_is_refused(self, plan, told):
        with pytest.raises(InputError) as error:
            discriminator_ops(plan)
        assert told in str(error.value)

    @pytest.mark.parametrize("plan", ["support: affine(9)", "shots: affine(9)", "support+query: affine(9)"])
    def test_ops_are_those_that_change_the_items(self, plan):
        assert discriminator_ops(plan) == (Affine(9),)


class TestAdaptiveProbability:
    @given(p=st.floats(0, 1), sign=st.floats(-1, 1), seen=st.integers(1, 10**6))
    def test_stays_a_probability_and_moves_towards_the_target(self, p, sign, seen):
        after = AdaptiveProbability(0.6, 1000).next(p, sign, seen)
        assert 0 <= after <= 1
        assert (after >= p) if sign > 0.6 else (after <= p)

    def test_rises_where_the_discriminator_overfits(self):
        p, adaptive = 0.0, AdaptiveProbability(0.6, 1000)
        for _ in range(12):
            p = adaptive.next(p, 1.0, 100)
        assert p == 1.0

    @pytest.mark.parametrize("wrong", [{"target": 1.5}, {"examples": 0}])
    def test_values_out_of_range_are_refused(self, wrong):
        with pytest.raises(InputError, match="ada_"):
            AdaptiveProbability(**wrong)
