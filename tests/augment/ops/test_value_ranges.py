"""Which ops take which values: Hounsfield units and z-scores, or 0 to 1 alone, and what they say otherwise."""

import pytest
import torch

from manyshot.augment import Plan
from manyshot.augment.image import OPS as IMAGE_OPS
from manyshot.augment.ops.targets import apply_to
from manyshot.augment.volume import OPS as VOLUME_OPS
from manyshot.base import InputError
from manyshot.tasks import EpisodeSampler, Source

RANDOM = torch.Generator().manual_seed(0)
HOUNSFIELD = torch.rand(2, 1, 16, 16, generator=RANDOM) * 3000 - 1000
Z_SCORES = torch.randn(2, 1, 16, 16, generator=RANDOM) * 2
ANY = (
    "affine",
    "perspective",
    "elastic",
    "grid_distort",
    "thin_plate",
    "crop",
    "resized_crop",
    "flip",
    "turn",
    "self_mix",
)


@pytest.mark.parametrize("name", ANY)
@pytest.mark.parametrize("values", [HOUNSFIELD, Z_SCORES], ids=["HU", "z"])
def test_ops_that_move_pixels_take_any_values_and_make_no_new_extremes(name, values):
    changed = IMAGE_OPS[name]()(values, torch.Generator().manual_seed(1))
    assert changed.isfinite().all()
    margin = 0.3 * (values.max() - values.min())  # cubic interpolation overshoots
    assert changed.min() >= min(values.min(), torch.tensor(0.0)) - margin
    assert changed.max() <= max(values.max(), torch.tensor(0.0)) + margin


@pytest.mark.parametrize("name", sorted(IMAGE_OPS))
def test_every_other_op_on_images_says_that_it_needs_zero_to_one(name):
    op = IMAGE_OPS[name]()
    assert op.unit == (name not in (*ANY, "flip_vertical"))
    if op.unit and (not op.channels or 1 in op.channels):
        with pytest.raises(
            InputError, match=r"values from -9\d\d\.?\d* to \d+\.?\d*, and it needs 0 to 1: map them first"
        ):
            op(HOUNSFIELD)


@pytest.mark.parametrize("name", sorted(VOLUME_OPS))
@pytest.mark.parametrize("scale", [(3000, -1000), (4, -2), (1, 0)], ids=["HU", "z", "unit"])
def test_every_op_on_volumes_takes_any_values_and_stays_finite(name, scale):
    size, start = scale
    volumes = torch.rand(2, 1, 12, 12, 12, generator=torch.Generator().manual_seed(2)) * size + start
    op = VOLUME_OPS[name](swap="none") if name == "flip3" else VOLUME_OPS[name]()
    changed = op(volumes, torch.Generator().manual_seed(3))
    assert changed.isfinite().all()
    assert changed.abs().max() <= 4 * volumes.abs().max()


def test_plans_and_targets_check_the_range_too():
    source = Source.of(HOUNSFIELD.repeat(10, 1, 1, 1), [i % 2 for i in range(20)])
    episode = EpisodeSampler(source, ways=2, shots=2, queries=2).batch(0, 2)
    with pytest.raises(InputError, match="Gamma: values from"):
        Plan("support: affine gamma").apply(episode, torch.Generator().manual_seed(0))
    moved = Plan("support: affine flip").apply(episode, torch.Generator().manual_seed(0))
    assert moved.support.items.min() < -500
    op = IMAGE_OPS["noise"]()
    with pytest.raises(InputError, match="Noise: values from"):
        apply_to(op, op.sample(2, RANDOM), images=HOUNSFIELD)


def test_bytes_and_slightly_overshot_values_pass():
    op = IMAGE_OPS["noise"]()
    op((torch.rand(2, 1, 8, 8) * 255).byte())
    op(torch.rand(2, 1, 8, 8) * 1.2 - 0.1)
