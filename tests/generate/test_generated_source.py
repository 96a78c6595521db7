"""Made items as shots of a support set, and as sources."""

import pytest
import torch

from manyshot.augment import Augmenter, Plan
from manyshot.base import InputError
from manyshot.generate import MODELS, DataSpec, GenerativeModel
from manyshot.generate.generated_source import generate_classes, generate_examples
from manyshot.samples.generated_shots import GeneratedShots
from manyshot.tasks import EpisodeSampler, Examples, Source, join_sources


def draws(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def model_of(text: str, shape: tuple[int, ...] = (1, 8, 8), classes: int = 4):
    torch.manual_seed(0)
    return MODELS.parse(text).build(spec=DataSpec(shape, classes)).averaged


class HandsOn(GenerativeModel):
    """Makes what it is shown, or the vector of the class that it is told, without noise."""

    def __init__(self, conditioning: str, vectors: torch.Tensor) -> None:
        super().__init__((vectors.shape[1],), 2, len(vectors))
        self.conditioning, self.vectors = conditioning, torch.nn.Parameter(vectors)

    def code(self, condition):
        return (self.vectors[condition.label] if self.conditioning == "label" else condition.like,)

    def decode(self, noise, code):
        return code[0]


def pictures() -> Source:
    items = torch.randint(256, (40, 1, 8, 8), generator=draws(), dtype=torch.uint8)
    return Source.of(items, [f"class {i % 4}" for i in range(40)])


def support_of(shape: tuple[int, ...]) -> Examples:
    labels = torch.eye(2)[[0, 0, 1, 1]].repeat(3, 1, 1)
    weight = torch.ones(3, 4)
    weight[1, 3] = 0
    return Examples(torch.rand(3, 4, *shape, generator=draws()), labels, weight, torch.ones(3, 2) > 0)


@pytest.mark.parametrize(
    ("text", "shape"), [("dagan(4, discriminator_width=4, noise=4)", (1, 8, 8)), ("afhn(8, noise=4)", (5,))]
)
class TestGeneratedShots:
    def test_is_an_augmenter_with_the_layout_of_variants(self, text, shape):
        shots, support = GeneratedShots(model_of(text, shape)), support_of(shape)
        assert isinstance(shots, Augmenter)
        assert shots.space == ("items" if len(shape) == 3 else "features")
        generated = shots.make(support, 3, draws())
        assert generated.items.shape == (3, 12, *shape)
        assert generated.origin[0].tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3]
        assert generated.labels.equal(support.labels.repeat_interleave(3, 1))
        assert generated.weight[1, 9:].tolist() == [0, 0, 0]
        assert generated.weight.sum() == 33

    def test_the_same_draws_make_the_same_and_copies_differ(self, text, shape):
        shots, support = GeneratedShots(model_of(text, shape)), support_of(shape)
        generated = shots.make(support, 2, draws()).items
        assert generated.equal(shots.make(support, 2, draws()).items)
        assert not generated[:, 0].allclose(generated[:, 1])

    def test_padding_does_not_show_in_what_is_generated_of_others(self, text, shape):
        shots, support = GeneratedShots(model_of(text, shape)), support_of(shape)
        before = shots.make(support, 2, draws()).items
        support.items[1, 3] = 9
        after = shots.make(support, 2, draws()).items
        changed = (before != after).flatten(2).any(2)
        assert not changed[0].any()
        assert not changed[1, :6].any()

    def test_what_is_generated_can_be_differentiated_by_the_support(self, text, shape):
        shots, support = GeneratedShots(model_of(text, shape)), support_of(shape)
        support.items.requires_grad_()
        generated = shots.make(support, 2, draws())
        generated.items[0, 0].sum().backward()
        assert (support.items.grad[0, 0] != 0).any()
        assert (support.items.grad[1:] == 0).all()


def test_a_mean_is_that_of_the_class_in_this_task():
    # A model that hands on what it is shown.
    model = model_of("afhn(4, noise=2)", (5,))
    with torch.no_grad():
        for weight in model.body.parameters():
            weight.zero_()
    support = support_of((5,))
    generated = GeneratedShots(model).make(support, 1, draws()).items
    assert generated[0, 0].allclose(support.items[0, :2].mean(0))
    assert generated[1, 2].allclose(support.items[1, 2])  # the other item of its class is padding


def test_models_that_are_not_shown_items_are_refused():
    for text in ("dcgan(4)", "conditional(4)"):
        with pytest.raises(InputError, match="dagan or afhn"):
            GeneratedShots(model_of(text))


def test_stands_in_a_plan_at_shots_for_bytes_too():
    episode = EpisodeSampler(pictures(), ways=3, shots=1, queries=2).batch(0, 2)
    plan = Plan("shots: 4 x learned").with_augmenter(GeneratedShots(model_of("dagan(4, discriminator_width=4)")))
    changed = plan.apply(episode, draws())
    assert changed.support.items.shape == (2, 15, 1, 8, 8)
    assert changed.support.items[:, :3].allclose(episode.support.items / 255)


class TestGeneratedItems:
    def test_are_of_the_same_classes_and_join_the_real_ones(self):
        source = pictures()
        generated = generate_examples(model_of("dagan(4, discriminator_width=4)"), source, per_class=5, seed=0)
        assert generated.class_names == source.class_names
        assert generated.counts.tolist() == [5] * 4
        assert join_sources(source, generated).counts.tolist() == [15] * 4

    def test_of_a_class_do_not_depend_on_the_other_classes(self):
        model, source = model_of("dagan(4, discriminator_width=4)"), pictures()
        alone = generate_examples(model, source.subset(classes=["class 2"]), 5, seed=0).gather(range(5))
        among = generate_examples(model, source, 5, seed=0).gather(range(10, 15))
        assert alone.equal(among)

    def test_numbers_of_classes_are_those_of_the_training(self):
        model, source = model_of("conditional(4)"), pictures()
        names = ("class 3", "class 2", "class 1", "class 0")
        generated = generate_examples(model, source.subset(classes=["class 1"]), 3, seed=0, class_names=names)
        from manyshot.base.seeds import generator

        wanted = model.sample(3, label=torch.full((3,), 2), generator=generator(0, "made", "class 1"))
        assert generated.gather(range(3)).equal(wanted.mul(255).round().byte())
        with pytest.raises(InputError, match="not trained on class 'class 0'"):
            generate_examples(model, source, 3, seed=0, class_names=names[:3])

    def test_models_without_classes_and_items_of_another_size_are_reported(self):
        with pytest.raises(InputError, match="unconditional"):
            generate_examples(model_of("dcgan(4)"), pictures(), 3, seed=0)
        with pytest.raises(InputError, match="1 x 8 x 8, but the model takes 1 x 12 x 12"):
            generate_examples(model_of("dagan(4, discriminator_width=4)", (1, 12, 12)), pictures(), 3, seed=0)

    @pytest.mark.parametrize(
        ("conditioning", "wanted"), [("item", [1, 3, 8, 1, 10, 10, 10, 10]), ("mean", [4] * 4 + [10] * 4)]
    )
    def test_are_made_of_each_item_in_turn_or_of_the_mean_of_all(self, conditioning, wanted):
        source = Source.of(torch.tensor([[1.0], [3.0], [8.0], [10.0]]), ["few", "few", "few", "one"])
        generated = generate_examples(HandsOn(conditioning, torch.zeros(1, 1)), source, per_class=4, seed=0)
        assert generated.store[:, 0].tolist() == wanted


@pytest.mark.parametrize("conditioning", ["item", "mean", "label"])
def test_items_of_a_made_class_are_mixed_of_its_two_classes_by_its_lambda(conditioning):
    vectors = torch.eye(3)
    source = Source.of(vectors.repeat(4, 1), ["ay", "bee", "cee"] * 4)
    generated = generate_classes(HandsOn(conditioning, vectors), source, classes=8, per_class=2, seed=0)
    for name, start in zip(generated.class_names, generated.starts.tolist(), strict=False):
        (share, a), (rest, b) = (half.split() for half in name.split(": ")[1].split(" + "))
        wanted = torch.zeros(3)
        wanted[source.class_names.index(a)], wanted[source.class_names.index(b)] = float(share), float(rest)
        assert generated.store[start : start + 2].allclose(wanted.expand(2, -1), atol=0.006)  # names have two digits


@pytest.mark.parametrize("text", ["dagan(4, discriminator_width=4)", "conditional(4)"])
class TestSyntheticClasses:
    def test_are_a_source_to_draw_tasks_from(self, text):
        generated = generate_classes(model_of(text), pictures(), classes=7, per_class=4, seed=0)
        assert generated.counts.tolist() == [4] * 7
        assert generated.store.dtype == torch.uint8
        assert EpisodeSampler(join_sources(pictures(), generated), ways=5, shots=1, queries=2).batch(0, 2)

    def test_the_seed_decides_all(self, text):
        first, again, other = (generate_classes(model_of(text), pictures(), 3, 2, seed) for seed in (0, 0, 1))
        assert first.store.equal(again.store)
        assert first.class_names == again.class_names
        assert not first.store.equal(other.store)

    def test_lie_between_two_classes(self, text):
        model, source = model_of(text), pictures()
        generated = generate_classes(model, source, 50, 1, seed=0)
        pairs = {tuple(name.split(": ")[1].split(" + ")) for name in generated.class_names}
        assert all(first[5:] != second[5:] for first, second in pairs)
        shares = [float(first[:4]) for first, _ in pairs]
        assert min(shares) >= 0.3
        assert max(shares) <= 0.7

    def test_one_class_is_not_enough(self, text):
        with pytest.raises(InputError, match="1 class"):
            generate_classes(model_of(text, classes=2), pictures().subset(classes=["class 0"]), 3, 2, seed=0)
