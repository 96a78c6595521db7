"""What holds for every generative model: a row in the table is a row here."""

import pytest
import torch
from torch import nn

from manyshot.base import InputError
from manyshot.generate import MODELS, AdversarialObjective, Batches, Condition, DataSpec
from manyshot.generate.diff_augment import no_augmentation
from manyshot.generate.generative_model import interpolate_codes
from manyshot.generate.networks import with_spectral_norm
from manyshot.tasks import Source

CLASSES = 3
TINY = {
    "gan": ("gan(width=8, noise=4)", (1, 8, 8)),
    "dcgan": ("dcgan(4, noise=4)", (3, 12, 12)),
    "conditional": ("conditional(4, noise=4)", (1, 12, 12)),
    "dagan": ("dagan(4, discriminator_width=4, noise=4)", (1, 13, 13)),
    "cvae": ("cvae(4, encoder_width=4, noise=4)", (1, 11, 11)),
    "afhn": ("afhn(width=8, noise=4)", (6,)),
}


def source_of(shape: tuple[int, ...]) -> Source:
    """Classes that differ in their mean."""
    draws = torch.Generator().manual_seed(0)
    label = torch.arange(24) % CLASSES
    items = 0.2 + 0.3 * label.view(-1, *[1] * len(shape)) + 0.1 * torch.rand(24, *shape, generator=draws)
    items = items.mul(255).to(torch.uint8) if len(shape) == 3 else items
    return Source.of(items, [f"class {k}" for k in label.tolist()])


@pytest.fixture(params=TINY)
def made(request):
    """A model's game, and batches that it can be trained on."""
    text, shape = TINY[request.param]
    torch.manual_seed(0)
    objective = MODELS.parse(text).build(spec=DataSpec(shape, CLASSES))
    return objective, Batches(source_of(shape), objective.model.conditioning, size=6)


def draws(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def sample(game, batch, seed: int = 0) -> torch.Tensor:
    condition = batch.condition
    return game.averaged.sample(len(batch.items), label=condition.label, like=condition.like, generator=draws(seed))


def test_every_model_of_the_table_is_tested():
    assert set(TINY) == set(MODELS)


class TestEveryModel:
    def test_makes_items_of_the_shape_and_range_asked_for(self, made):
        objective, batches = made
        items = sample(objective, batches.batch(0))
        assert items.shape == (6, *objective.model.shape)
        if items.ndim == 4:
            assert items.min() >= 0
            assert items.max() <= 1

    def test_the_same_draws_give_the_same_items_and_others_other_ones(self, made):
        objective, batches = made
        batch = batches.batch(0)
        assert sample(objective, batch).equal(sample(objective, batch))
        assert not sample(objective, batch).allclose(sample(objective, batch, seed=1))

    def test_noise_of_each_item_shows_in_that_item_alone(self, made):
        objective, batches = made
        batch = batches.batch(0)
        noise = torch.randn(6, 4)
        before = objective.averaged(noise, batch.condition)
        noise[2] += 1
        changed = (objective.averaged(noise, batch.condition) != before).flatten(1).any(1)
        assert changed.tolist() == [False, False, True, False, False, False]

    def test_each_side_has_a_gradient_to_all_of_its_weights_and_none_of_the_others(self, made):
        objective, batches = made
        batch, noise = batches.batch(0), torch.randn(6, 4)
        if isinstance(objective, AdversarialObjective):
            objective.discriminator_loss(batch, noise, torch.rand(6), no_augmentation).loss.backward()
            assert all(p.grad is not None and p.grad.isfinite().all() for p in objective.discriminator.parameters())
            assert all(p.grad is None for p in objective.model.parameters())
        grads = torch.autograd.grad(
            objective.generator_loss(batch, noise, no_augmentation), objective.trainable_parameters()
        )
        assert all(slope.isfinite().all() for slope in grads)
        assert all((slope != 0).any() for slope in grads)

    def test_no_score_depends_on_another_item(self, made):
        objective, batches = made
        if not isinstance(objective, AdversarialObjective):
            pytest.skip("no discriminator")
        batch = batches.batch(0)
        objective.discriminator.eval()
        whole = objective.discriminator(batch.items, batch.condition)
        part = objective.discriminator(batch.items[:2], batch.condition[:2])
        assert whole[:2].allclose(part, atol=1e-5)

    def test_works_in_double_precision(self, made):
        objective, batches = made
        batch = batches.batch(0)
        single = sample(objective, batch)
        assert sample(objective.double(), batch).float().allclose(single, atol=1e-4)

    def test_survives_saving_and_loading(self, made):
        objective, batches = made
        text, shape = next(row for row in TINY.values() if row[1] == objective.model.shape)
        other = MODELS.parse(text).build(spec=DataSpec(shape, CLASSES))
        other.load_state_dict(objective.state_dict())
        assert sample(other, batches.batch(0)).equal(sample(objective, batches.batch(0)))

    def test_items_between_two_codes_lie_between_and_ends_are_the_items_themselves(self, made):
        objective, batches = made
        batch, noise = batches.batch(0), torch.randn(6, 4)
        code, other = (
            objective.averaged.code(batch.condition[order]) for order in (torch.arange(6), torch.arange(6).flip(0))
        )
        here = objective.averaged.decode(noise, code)
        assert objective.averaged.decode(noise, interpolate_codes(code, other, torch.ones(6))).allclose(here, atol=1e-6)
        if code:
            assert not objective.averaged.decode(noise, interpolate_codes(code, other, torch.full((6,), 0.5))).allclose(
                here
            )

    def test_wrong_conditions_are_reported_in_one_line(self, made):
        objective, _ = made
        right = {
            "nothing": {},
            "label": {"label": torch.zeros(2).long()},
            "item": {"like": torch.zeros(2, *objective.model.shape)},
            "mean": {"like": torch.zeros(2, *objective.model.shape)},
        }[objective.model.conditioning]
        both = {"label": torch.zeros(2).long(), "like": torch.zeros(2, *objective.model.shape)}
        for wrong in ({} if right else both, both, {name: value[:1] for name, value in right.items()} or both):
            with pytest.raises(InputError) as error:
                objective.averaged.sample(2, **wrong, generator=draws())
            assert "\n" not in str(error.value)

    def test_averaging_moves_by_the_fraction_that_is_not_kept(self, made):
        objective, _ = made
        before = [p.clone() for p in objective.averaged.parameters()]
        with torch.no_grad():
            for p in objective.model.parameters():
                p.add_(1)
        objective.average(0.9)
        for a, b in zip(objective.averaged.parameters(), before, strict=True):
            assert a.allclose(b + 0.1, atol=1e-5)


@pytest.mark.parametrize(
    ("layer", "inputs"),
    [
        (nn.Linear(6, 9), torch.rand(2, 6)),
        (nn.Conv2d(3, 9, 4), torch.rand(2, 3, 8, 8)),
        (nn.Embedding(7, 5), torch.arange(7)),
    ],
    ids=["linear", "convolution", "embedding"],
)
def test_a_spectral_layer_has_the_largest_singular_value_one(layer, inputs):
    with torch.no_grad():
        layer.weight.mul_(20)
    layer = with_spectral_norm(nn.Sequential(layer))[0]
    for _ in range(500):
        layer(inputs)
    assert torch.linalg.matrix_norm(layer.weight.flatten(1), 2).item() == pytest.approx(1, abs=1e-3)


class TestWrongOptions:
    @pytest.mark.parametrize(
        ("text", "kind", "named"),
        [
            ("dcgn", DataSpec((1, 8, 8)), "dcgan"),
            ("dcgan(loss=hing)", DataSpec((1, 8, 8)), "hinge"),
            ("dcgan(penalty=r2)", DataSpec((1, 8, 8)), "r1"),
            ("dcgan(0)", DataSpec((1, 8, 8)), "width=0"),
            ("dcgan(noise=0)", DataSpec((1, 8, 8)), "noise=0"),
            ("gan(width=0)", DataSpec((2,)), "width=0"),
            ("gan(hidden=-1)", DataSpec((2,)), "hidden=-1"),
            ("afhn(width=0)", DataSpec((2,)), "width=0"),
            ("dagan(discriminator_width=0)", DataSpec((1, 8, 8)), "discriminator_width=0"),
            ("dcgan", DataSpec((1, 3, 3)), "at least 4"),
            ("dcgan", DataSpec((5,)), "use gan or afhn"),
            ("cvae(encoder_width=0)", DataSpec((1, 8, 8)), "encoder_width=0"),
            ("cvae(kl_weight=-1)", DataSpec((1, 8, 8)), "kl_weight=-1"),
            ("cvae", DataSpec((5,)), "cvae generates images"),
            ("afhn", DataSpec((1, 8, 8)), "encoder"),
            ("afhn(spread=-1)", DataSpec((5,)), "spread=-1"),
            ("conditional", DataSpec((1, 8, 8), 1), "1 class"),
        ],
    )
    def test_are_reported_in_one_line(self, text, kind, named):
        with pytest.raises(InputError, match=named) as error:
            MODELS.parse(text).build(spec=kind)
        assert "\n" not in str(error.value)

    @pytest.mark.parametrize("shape", [(1, 8, 9), (2, 3), (0,)])
    def test_items_that_are_no_pictures_and_no_vectors_are_refused(self, shape):
        with pytest.raises(InputError, match="square images, or vectors"):
            DataSpec(shape)


class TestBatches:
    def test_a_batch_is_the_same_whenever_it_is_asked_for(self):
        batches = Batches(source_of((4,)), "item", size=5, seed=3)
        first, again = batches.batch(7), batches.batch(7)
        assert first.items.equal(again.items)
        assert first.condition.like.equal(again.condition.like)
        assert not first.items.equal(batches.batch(8).items)

    def test_an_item_and_the_one_shown_are_two_of_one_class(self):
        source = Source.of(torch.arange(12.0)[:, None], [f"class {i % 3}" for i in range(12)])
        batch = Batches(source, "item", size=500).batch(0)
        assert (batch.items % 3).equal(batch.condition.like % 3)
        assert (batch.items != batch.condition.like).all()
        assert (batch.items[:, 0] % 3).long().equal(batch.label)

    def test_a_mean_leaves_the_item_itself_out(self):
        source = Source.of(torch.eye(4), ["cat"] * 4)
        for number in range(20):
            batch = Batches(source, "mean", size=8).batch(number)
            assert ((batch.items * batch.condition.like).sum(1) == 0).all()
            assert batch.condition.like.sum(1).allclose(torch.ones(8))

    def test_classes_are_as_likely_whatever_their_size(self):
        source = Source.of(torch.zeros(101, 1), ["few"] + ["many"] * 100)
        share = Batches(source, "label", size=4000).batch(0).label.float().mean()
        assert share.item() == pytest.approx(0.5, abs=0.04)

    def test_a_class_of_one_item_is_named_where_pairs_are_needed(self):
        source = Source.of(torch.zeros(3, 1), ["cat", "dog", "dog"])
        with pytest.raises(InputError, match="class 'cat' has 1 example"):
            Batches(source, "item")
        assert len(Batches(source, "label", size=2).batch(0).items) == 2

    def test_items_that_are_no_tensors_are_refused(self):
        with pytest.raises(InputError, match="no images"):
            Batches(Source.of(["a", "b"], ["cat", "dog"]), "nothing")

    def test_conditions_can_be_cut(self):
        condition = Condition(label=torch.arange(4), like=torch.arange(4.0)[:, None])[1:3]
        assert condition.label.tolist() == [1, 2]
        assert condition.like[:, 0].tolist() == [1, 2]
