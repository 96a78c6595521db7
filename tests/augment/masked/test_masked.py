"""Items with their masks: how any op changes them, and what the ops on masked items make of them."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from manyshot.augment import Compose, OneOf, Plan, Sometimes
from manyshot.augment.image import Affine, Elastic, Flip, Noise
from manyshot.augment.masked import Paint, ScanVariation
from manyshot.augment.masked.scan_variation import centers, sample_at
from manyshot.augment.masked.smooth import smooth
from manyshot.augment.masked.variation_bank import Components, VariationBank, read_bank, write_bank
from manyshot.augment.ops.masked_op import MaskedItems, apply_with_masks, needs_masks
from manyshot.augment.ops.targets import apply_to
from manyshot.base.tensor_file import write_tensors
from one_line_error import one_line_error


def pairs(n: int = 3, size: tuple[int, ...] = (12, 10), channels: int = 1) -> MaskedItems:
    random = torch.Generator().manual_seed(1)
    masks = torch.randint(3, (n, *size), generator=random, dtype=torch.uint8) * 7
    return MaskedItems(torch.rand(n, channels, *size, generator=random), masks)


@pytest.fixture
def bank(tmp_path):
    random = torch.Generator().manual_seed(2)
    shapes = Components.of(0.05 * torch.randn(6, 2 * 5**2, generator=random))
    looks = Components.of(0.1 * torch.randn(6, 12 * 10, generator=random))
    path = tmp_path / "bank.safetensors"
    write_bank(path, VariationBank(shapes, looks, (2,), (1, 12, 10)))
    return str(path)


def draw(op, n=3, seed=0):
    return op.sample(n, torch.Generator().manual_seed(seed))


def test_ops_without_masks_of_their_own_change_pairs_as_they_change_images_and_targets():
    op = Compose((Affine(), Elastic(), Noise()))
    params = draw(op)
    expected = apply_to(op, params, images=pairs().items, masks=pairs().masks)
    changed = apply_with_masks(op, pairs(), params)
    assert changed.items.equal(expected.images)
    assert changed.masks.equal(expected.masks)


def test_a_painted_item_is_moved_with_its_mask_by_what_follows():
    op = Compose((Paint(spread=0.01, blur=0, parts=1), Flip(p=1)))
    params = draw(op)
    changed = apply_with_masks(op, pairs(), params)
    painted = Paint(spread=0.01, blur=0, parts=1).change_masked(pairs(), params["0"])
    assert changed.items.equal(painted.items.flip(3))
    assert changed.masks.equal(pairs().masks.flip(2))


def test_ops_between_masked_ops_share_one_resampling():
    op = Compose((Affine(), Elastic(), Paint()))
    params = draw(op)
    both = Compose((Affine(), Elastic())).apply(pairs().items, {"0": params["0"], "1": params["1"]})
    moved = apply_to(Compose((Affine(), Elastic())), {"0": params["0"], "1": params["1"]}, masks=pairs().masks)
    assert apply_with_masks(op, pairs(), params).masks.equal(moved.masks)
    assert not both.equal(Elastic().apply(Affine().apply(pairs().items, params["0"]), params["1"]))


@pytest.mark.parametrize("outer", [lambda op: Sometimes(op, 0.5), lambda op: OneOf((op, Flip(p=1)))])
def test_masked_ops_within_choices_change_the_chosen_items_alone(outer):
    op = outer(Paint(blur=0))
    assert needs_masks(op)
    params = op.sample(8, torch.Generator().manual_seed(3))
    changed = apply_with_masks(op, pairs(8), params)
    same = (changed.items == pairs(8).items).flatten(1).all(1)
    flipped = (changed.items == pairs(8).items.flip(3)).flatten(1).all(1)
    assert 0 < int((same | flipped).sum()) < 8


@settings(max_examples=30)
@given(seed=st.integers(0, 2**31), size=st.sampled_from([(9, 12), (7, 8, 5), (1, 6)]), parts=st.integers(1, 5))
def test_masks_keep_dtype_and_get_no_new_value(seed, size, parts):
    given_pairs = pairs(2, size)
    op = Paint(parts=parts)
    changed = op.change_masked(given_pairs, op.sample(2, torch.Generator().manual_seed(seed)))
    assert changed.masks.equal(given_pairs.masks)
    assert changed.items.shape == given_pairs.items.shape
    assert 0 <= changed.items.min() <= changed.items.max() <= 1


def test_paint_gives_each_label_its_own_gray_within_the_range():
    masks = torch.zeros(200, 10, 10, dtype=torch.uint8)
    masks[:, :5] = 1
    op = Paint(low=0.3, high=0.7, spread=0.01, parts=1, blur=0)
    items = op.change_masked(MaskedItems(torch.zeros(200, 1, 10, 10), masks), draw(op, 200)).items
    top, bottom = items[:, 0, :5].flatten(1), items[:, 0, 5:].flatten(1)
    for half in (top, bottom):
        assert torch.allclose(half.std(1), torch.tensor(0.01), atol=0.004)
        assert half.mean(1).min() < 0.33
        assert half.mean(1).max() > 0.67
        assert half.mean() == pytest.approx(0.5, abs=0.03)
    assert abs(float(torch.corrcoef(torch.stack((top.mean(1), bottom.mean(1))))[0, 1])) < 0.2


def test_paint_divides_the_rest_by_its_intensities():
    items = torch.cat([torch.full((1, 1, 4, 6), 0.1), torch.full((1, 1, 4, 6), 0.9)], 2)
    regions = Paint(parts=2).regions(items, torch.zeros(1, 8, 6, dtype=torch.uint8))
    assert regions[0, :4].unique().numel() == regions[0, 4:].unique().numel() == 1
    assert regions[0, 0, 0] != regions[0, 7, 0]


def test_paint_does_not_depend_on_the_other_items():
    op = Paint()
    params = draw(op)
    alone = op.change_masked(
        MaskedItems(pairs().items[1:2], pairs().masks[1:2]), {k: v[1:2] for k, v in params.items()}
    )
    assert torch.allclose(alone.items, op.change_masked(pairs(), params).items[1:2], atol=1e-6)


def test_paint_refuses_items_without_masks_and_values_above_255():
    with one_line_error("Paint", "masks"):
        Paint()(torch.rand(1, 1, 8, 8))
    with one_line_error("300", "0 to 255"):
        Paint().change_masked(MaskedItems(torch.rand(1, 1, 4, 4), torch.full((1, 4, 4), 300)), draw(Paint(), 1))


@pytest.mark.parametrize("wrong", [{"low": -1}, {"high": 2}, {"low": 0.8, "high": 0.2}, {"spread": 0}, {"parts": 0}])
def test_wrong_options_of_paint_are_refused(wrong):
    with one_line_error("Paint"):
        Paint(**wrong)


def test_blur_equals_a_plain_sum_with_repeated_borders():
    values = torch.rand(2, 1, 7, 5, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    sigma = torch.tensor([0.5, 1.0])
    done = smooth(values, sigma, 1.0)
    for n, s in enumerate(sigma.tolist()):
        weights = [torch.exp(torch.tensor(-(d**2) / (2 * s * s), dtype=torch.float64)) for d in range(-3, 4)]
        total = sum(weights)
        expected = sum(
            weights[a + 3] * weights[b + 3] / total**2 * values[n, 0, min(max(2 + a, 0), 6), min(max(4 + b, 0), 4)]
            for a in range(-3, 4)
            for b in range(-3, 4)
        )
        assert float(done[n, 0, 2, 4]) == pytest.approx(float(expected))


def test_a_bank_is_read_as_it_was_written_and_its_components_span_the_vectors(bank, tmp_path):
    vectors = torch.randn(4, 9, generator=torch.Generator().manual_seed(0))
    parts = Components.of(vectors)
    assert torch.allclose(parts.vectors(parts.scores), vectors, atol=1e-5)
    assert torch.allclose(parts.scores.mean(0), torch.zeros(3), atol=1e-5)
    assert read_bank(bank).size == (1, 12, 10)
    write_tensors(tmp_path / "other.safetensors", {"a": torch.zeros(1)})
    with one_line_error("not a bank"):
        read_bank(tmp_path / "other.safetensors")


def test_shapes_and_looks_are_drawn_independently_and_replay(bank):
    op = ScanVariation(bank)
    params = op.sample(500, torch.Generator().manual_seed(0))
    together = torch.corrcoef(torch.cat([params["shape"][:, :2], params["look"][:, :2]], 1).T)[:2, 2:]
    assert together.abs().max() < 0.15
    assert torch.allclose(params["shape"].std(0), op.bank.shapes.deviation, rtol=0.2)
    few = op.sample(3, torch.Generator().manual_seed(0))
    assert op.change_masked(pairs(), few).items.equal(op.change_masked(pairs(), few).items)


def test_draws_from_the_bank_are_those_of_its_scans(bank):
    op = ScanVariation(bank, draw="bank")
    scores = op.sample(50, torch.Generator().manual_seed(0))["shape"]
    assert len(scores.unique(dim=0)) == 6
    assert (scores[:, None] == op.bank.shapes.scores).all(-1).any(1).all()


def test_the_item_moves_and_its_mask_with_it(bank):
    op = ScanVariation(bank, look=False)
    params = draw(op)
    marked = pairs().masks.float()[:, None]
    moved = op.change_masked(MaskedItems(marked, pairs().masks), params)
    points = centers(marked) + op.bank.field(params["shape"], (12, 10)).movedim(1, -1)
    assert moved.items.equal(sample_at(marked, points))
    assert set(moved.masks.unique().tolist()) <= set(pairs().masks.unique().tolist())
    # Where the interpolated mask has one value all around, the nearest pixel has it too.
    whole = (moved.items - moved.items.round()).abs()[:, 0] < 1e-6
    inside = (points.abs() <= 1).all(-1)
    agree = moved.items[:, 0].round().to(torch.uint8) == moved.masks
    assert bool(agree[whole & inside & (moved.items[:, 0] == 0)].float().mean() > 0.9)


def test_a_look_alone_leaves_masks_and_places(bank):
    op = ScanVariation(bank, shape=False)
    params = draw(op)
    changed = op.change_masked(pairs(), params)
    assert changed.masks.equal(pairs().masks)
    assert torch.allclose(changed.items, (pairs().items + op.bank.look(params["look"])).clamp(0, 1))


def test_strength_zero_changes_nothing_and_a_look_fits_other_sizes(bank):
    still = ScanVariation(bank, strength=0).change_masked(pairs(), draw(ScanVariation(bank)))
    assert torch.allclose(still.items, pairs().items, atol=1e-5)
    assert still.masks.equal(pairs().masks)
    larger = pairs(2, (24, 20))
    assert ScanVariation(bank).change_masked(larger, draw(ScanVariation(bank), 2)).items.shape == larger.items.shape


def test_a_plan_names_the_file_and_wrong_files_and_items_are_errors(bank):
    assert needs_masks(Plan(f'support: scan_variation("{bank}") flip').item_op())
    with one_line_error("missing.safetensors"):
        ScanVariation("missing.safetensors")
    with one_line_error("ScanVariation", "manyshot segment learn"):
        ScanVariation().sample(1, torch.Generator())
    with one_line_error("ScanVariation", "channels"):
        ScanVariation(bank).change_masked(pairs(channels=3), draw(ScanVariation(bank)))
