"""What every augmenter promises. A new one joins by one row."""

from dataclasses import dataclass, replace

import pytest
import torch
from safetensors.torch import load_file, save_file

from manyshot.augment.image import Noise
from manyshot.augment.ops.variants import variants
from manyshot.learners import Ridge
from manyshot.meta_augment import AUGMENTERS, LearnedAugmenter
from manyshot.tasks import Episode, Examples, Source

WAYS, SHOTS, QUERIES, COPIES, TASKS = 3, 2, 4, 4, 2
FEATURES, IMAGES = (6,), (1, 12, 12)
TEXT = 12


@dataclass(frozen=True)
class Row:
    """An augmenter as text, the shape of its items, and what is special about it."""

    text: str
    shape: tuple[int, ...]
    uses_noise: bool = True
    sees_context: bool = True
    smooth: bool = True
    """Whether what it makes has no steps, such as choices, whose gradient can only be estimated."""


ROWS = {
    "hallucinator": Row("hallucinator(noise=3, hidden=8)", FEATURES),
    "policy": Row("policy(hidden=8, width=4)", IMAGES, smooth=False),
    "policy, relaxed": Row("policy(rotate-stroke-contrast-noise, relaxed, hidden=8, width=4)", IMAGES),
    "context-free policy": Row("context_free(drawings, relaxed)", IMAGES, sees_context=False, smooth=False),
    # Warps that share a pass cut off what leaves the frame, pixel by pixel: a step that differences see.
    "deformation": Row("deformation(cells=2, rank=3, hidden=8, width=4)", IMAGES, smooth=False),
    "vae": Row("feature_vae(latent=3, hidden=8)", FEATURES),
    "calibration": Row("calibration", FEATURES, sees_context=False),
    "multiplicative": Row("multiplicative", FEATURES),
    "noise": Row("embedding_noise", FEATURES),
    "fixed noise": Row("embedding_noise(0.5, learned=no)", FEATURES),
    "shift": Row("shift", FEATURES, uses_noise=False),
    "lemda": Row('lemda(parts="4+2", latent=3, hidden=8)', FEATURES),
    "lemda, parts apart": Row('lemda(parts="4+2", joint=no, latent=3, hidden=8)', FEATURES),
    "modals": Row("modals", FEATURES, sees_context=False),
    "naming": Row("naming", FEATURES, uses_noise=False),
    "naming, noisy and learned": Row("naming(noise=0.5, learned=yes)", FEATURES),
    "spoken names": Row("spoken_names(voices=2)", FEATURES),
    "hallucinator, nearly without noise": Row("hallucinator(noise=3, hidden=8, noise_scale=0.001)", FEATURES),
}


def made(row: Row) -> LearnedAugmenter:
    torch.manual_seed(0)
    augmenter = AUGMENTERS.parse(row.text).build(shape=row.shape)
    augmenter.fit_statistics(some_source(row.shape))
    augmenter.double()
    for parameter in augmenter.parameters():  # away from beginnings at which a gradient is 0 by design
        parameter.data += 0.05 * torch.randn(parameter.shape, dtype=parameter.dtype)
    return augmenter


def some_source(shape: tuple[int, ...]) -> Source:
    torch.manual_seed(3)
    items = torch.rand(60, *shape, dtype=torch.float64) + torch.arange(6.0).repeat(10).view(60, *(1 for _ in shape)) / 6
    items = items / 2 if len(shape) > 1 else items
    source = Source.of(items, [f"class {i % 6}" for i in range(60)])
    return replace(source, about=torch.rand(6, TEXT, dtype=torch.float64))


def episode(shape: tuple[int, ...], seed: int = 1) -> Episode:
    """Tasks of three classes; the first task's last class is absent, and its items are padding."""
    torch.manual_seed(seed)

    def side(each: int) -> Examples:
        labels = torch.eye(WAYS, dtype=torch.float64).repeat_interleave(each, 0).expand(TASKS, -1, -1)
        items = torch.rand(TASKS, WAYS * each, *shape, dtype=torch.float64)
        present = torch.ones(TASKS, WAYS, dtype=torch.bool)
        present[0, -1] = False
        weight = torch.ones(TASKS, WAYS * each, dtype=torch.float64)
        weight[0, -each:] = 0
        return Examples(items, labels, weight, present)

    support, query = side(SHOTS), side(QUERIES)
    support = replace(support, about=torch.rand(TASKS, WAYS, TEXT, dtype=torch.float64))
    return Episode(support, query, torch.arange(WAYS).expand(TASKS, -1))


def by_item(draws: dict[str, torch.Tensor], order: torch.Tensor) -> dict[str, torch.Tensor]:
    """The draws of items in another order."""
    return {name: drawn.unflatten(1, (-1, COPIES))[:, order].flatten(1, 2) for name, drawn in draws.items()}


def stream(seed: int = 5) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def loss_through_ridge(augmenter: LearnedAugmenter, tasks: Episode) -> torch.Tensor:
    support = tasks.support.joined(augmenter.make(tasks.support, COPIES, stream()))
    return Ridge(torch.nn.Flatten()).double().loss(replace(tasks, support=support))


def test_each_augmenter_has_a_row():
    assert {AUGMENTERS.parse(row.text).name for row in ROWS.values()} == set(AUGMENTERS)


@pytest.mark.parametrize("row", ROWS.values(), ids=ROWS)
class TestEveryAugmenter:
    def test_lays_generated_items_out_as_variants_are(self, row):
        support = episode(row.shape).support
        result = made(row).make(support, COPIES, stream())
        images = replace(support, items=torch.rand(TASKS, WAYS * SHOTS, 1, 4, 4))
        expected = variants(images, Noise(), COPIES, stream())
        assert result.items.shape == (TASKS, WAYS * SHOTS * COPIES, *row.shape)
        assert result.labels.equal(expected.labels)
        assert result.origin.equal(expected.origin)
        assert result.class_mask.equal(support.class_mask)
        assert (result.weight > 0).equal(expected.weight > 0)

    def test_padding_stays_padding(self, row):
        result = made(row).make(episode(row.shape).support, COPIES, stream())
        assert (result.weight[0, -SHOTS * COPIES :] == 0).all()
        assert (result.weight[1] > 0).all()

    def test_an_effect_happens(self, row):
        support = episode(row.shape).support
        result = made(row).make(support, COPIES, stream())
        real = support.items.repeat_interleave(COPIES, 1)
        assert ((result.items - real).abs().flatten(2).amax(-1) > 1e-6).all()

    def test_the_same_draws_give_the_same_and_others_give_others(self, row):
        support, augmenter = episode(row.shape).support, made(row)
        first, again, other = (augmenter.make(support, COPIES, stream(seed)).items for seed in (5, 5, 6))
        assert first.equal(again)
        assert torch.allclose(first, other) != row.uses_noise

    def test_follows_the_order_of_the_items(self, row):
        support, augmenter = episode(row.shape).support, made(row)
        draws = augmenter.draw(support, COPIES, stream())
        order = torch.tensor([3, 0, 5, 1, 4, 2])
        moved = replace(
            support, items=support.items[:, order], labels=support.labels[:, order], weight=support.weight[:, order]
        )
        result = augmenter.replay(moved, COPIES, by_item(draws, order))
        expected = augmenter.replay(support, COPIES, draws)
        where = by_item({"place": torch.arange(WAYS * SHOTS * COPIES).expand(TASKS, -1)}, order)["place"][0]
        torch.testing.assert_close(result.items, expected.items[:, where])
        torch.testing.assert_close(result.weight, expected.weight[:, where])

    def test_follows_the_order_of_the_classes(self, row):
        support, augmenter = episode(row.shape).support, made(row)
        draws = augmenter.draw(support, COPIES, stream())
        order = torch.tensor([2, 0, 1])
        moved = replace(
            support,
            labels=support.labels[..., order],
            class_mask=support.class_mask[:, order],
            about=support.about[:, order],
        )
        result, expected = augmenter.replay(moved, COPIES, draws), augmenter.replay(support, COPIES, draws)
        torch.testing.assert_close(result.items, expected.items)
        torch.testing.assert_close(result.weight, expected.weight)
        assert result.labels.equal(expected.labels[..., order])

    def test_padding_changes_nothing_for_the_others(self, row):
        support, augmenter = episode(row.shape).support, made(row)
        draws = augmenter.draw(support, COPIES, stream())
        other = support.items.clone()
        other[0, -SHOTS:] = 0.5
        result, expected = (
            augmenter.replay(replace(support, items=items), COPIES, draws).items[0, : -SHOTS * COPIES]
            for items in (other, support.items)
        )
        torch.testing.assert_close(result, expected)

    def test_looks_at_the_context(self, row):
        tasks, augmenter = episode(row.shape), made(row)
        draws = augmenter.draw(tasks.support, COPIES, stream())
        own = augmenter.replay(tasks.support, COPIES, draws).items
        other = augmenter.replay(tasks.support, COPIES, draws, episode(row.shape, seed=9).support).items
        assert torch.allclose(own, other) != row.sees_context

    def test_has_a_gradient_for_every_parameter(self, row):
        augmenter, tasks = made(row), episode(row.shape)
        parameters = {name: value for name, value in augmenter.named_parameters() if value.requires_grad}
        if not augmenter.through_learner:
            loss = augmenter.standalone_loss(tasks, stream())
        elif parameters:
            loss = loss_through_ridge(augmenter, tasks)
        else:
            return
        grads = torch.autograd.grad(loss, list(parameters.values()), allow_unused=True)
        for name, slope in zip(parameters, grads, strict=True):
            assert slope is not None, name
            assert slope.isfinite().all(), name
            assert (slope != 0).any(), name

    def test_its_gradient_agrees_with_differences(self, row):
        augmenter, tasks = made(row), episode(row.shape)
        if not row.smooth:
            pytest.skip("what it makes has steps: see tests/meta_augment/test_policy.py")
        parameters = [parameter for parameter in augmenter.parameters() if parameter.requires_grad]
        if not augmenter.through_learner or not parameters:
            pytest.skip("does not learn through a learner")
        grads = torch.autograd.grad(loss_through_ridge(augmenter, tasks), parameters)
        torch.manual_seed(2)
        directions = [torch.randn_like(parameter) for parameter in parameters]
        expected = sum((s * d).sum() for s, d in zip(grads, directions, strict=True))

        def moved(by: float) -> torch.Tensor:
            with torch.no_grad():
                for parameter, direction in zip(parameters, directions, strict=True):
                    parameter += by * direction
                value = loss_through_ridge(augmenter, tasks)
                for parameter, direction in zip(parameters, directions, strict=True):
                    parameter -= by * direction
            return value

        result = (moved(1e-5) - moved(-1e-5)) / 2e-5
        torch.testing.assert_close(result, expected, rtol=1e-4, atol=1e-8)

    def test_survives_saving_and_loading(self, row, tmp_path):
        augmenter, support = made(row), episode(row.shape).support
        save_file({name: tensor.contiguous() for name, tensor in augmenter.state_dict().items()}, tmp_path / "weights")
        torch.manual_seed(7)
        other = AUGMENTERS.parse(row.text).build(shape=row.shape).double()
        other.load_state_dict(load_file(tmp_path / "weights"))
        first, second = (each.make(support, COPIES, stream()) for each in (augmenter, other))
        assert first.items.equal(second.items)
        assert first.weight.equal(second.weight)

    def test_works_in_single_precision(self, row):
        support = episode(row.shape).support.to("cpu", torch.float32)
        result = made(row).float().make(support, COPIES, stream())
        assert result.items.dtype == result.weight.dtype == torch.float32
        assert result.items.isfinite().all()
