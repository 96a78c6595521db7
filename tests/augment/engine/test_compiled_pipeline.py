"""The engine beside the same passes in double precision and beside op by op, for every size, layout and thread."""

import tracemalloc

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from manyshot.augment import Compose, Sometimes
from manyshot.augment.engine import Compiled
from manyshot.augment.engine.compiled_pipeline import plan_passes
from manyshot.augment.engine.kernels import images as kernels
from manyshot.augment.image import (
    OPS,
    Affine,
    Autocontrast,
    Blur,
    Brightness,
    Contrast,
    Crop,
    Elastic,
    Equalize,
    Erase,
    Flip,
    FlipVertical,
    Gamma,
    Hue,
    Noise,
    Perspective,
    Posterize,
    ResizedCrop,
    Saturation,
    Sharpness,
    Solarize,
    Turn,
)
from manyshot.augment.ops.choose import OneOf, SomeOf
from manyshot.augment.ops.op import take
from manyshot.augment.policies import RandAugment, TrivialAugment

JITTER = (Brightness(0.4), Contrast(0.4), Saturation(0.4), Hue(0.1))
PIPELINES = {
    "few-shot standard": Compose((ResizedCrop(), Flip(), *JITTER, Erase())),
    "warps that leave the frame": Compose((Affine(shift=0.6), Flip(), Affine(degrees=60, shift=0.6))),
    "the same, border": Compose(
        (Affine(shift=0.6, padding_mode="border"), Affine(60, shift=0.6, padding_mode="border"))
    ),
    "the same, mirrored": Compose(
        (Affine(shift=0.6, padding_mode="reflection"), Affine(60, shift=0.6, padding_mode="reflection"))
    ),
    "perspective twice": Compose((Perspective(0.3), Flip(), Perspective(0.3))),
    "crop of a turned image": Compose((Affine(), Crop(0.3))),
    "elastic": Compose((Affine(), Elastic())),
    "whole pixels": Compose((Crop(0.4), Flip(), Crop(0.4, "border"), FlipVertical(), Crop(0.4, "reflection"))),
    "whole pixels, recolored": Compose((Flip(), Crop(0.4), Brightness())),
    "colors twice": Compose((Contrast(0.5), Saturation(0.5), Contrast(0.5))),
    "colors, table": Compose((Contrast(0.5), Gamma(), Solarize(), Posterize())),
    "measured": Compose((Flip(), Equalize(), Gamma(), Affine(), Autocontrast())),
    "flip steps forward": Compose((Brightness(), Solarize(), Flip())),
    "sometimes": Compose((Sometimes(Affine()), Sometimes(Contrast()), Sometimes(Erase()), Sometimes(Equalize()))),
    "sometimes, nested": Compose((Sometimes(Compose((Sometimes(Affine()), Gamma(), Blur()))), Flip())),
    "holes": Compose((Erase(holes=3), Erase(), Erase(fill="noise"), Erase(fill="mean"))),
    "torch between": Compose((Affine(), Noise(), Blur(), Affine(), Sharpness())),
    "one of": Compose((OneOf((Affine(), Brightness(), Blur(), Compose((Flip(), Noise())))), Flip())),
    "some of, sometimes": Sometimes(SomeOf((Affine(), Contrast(), Equalize(), Sharpness()), 2), 0.7),
    "RandAugment": RandAugment(2, 20),
    "TrivialAugment": TrivialAugment(),
}
SHAPES = [(1, 1), (1, 5), (6, 1), (2, 2), (3, 40), (17, 9), (28, 28), (33, 70)]


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def pictures(n: int, c: int, h: int, w: int, seed: int = 0) -> torch.Tensor:
    return torch.randint(256, (n, c, h, w), generator=generator(seed), dtype=torch.uint8)


def levels_apart(fast: torch.Tensor, slow: torch.Tensor) -> torch.Tensor:
    return (fast.double() - slow.clamp(0, 255)).abs()


@pytest.mark.parametrize("c", [1, 3])
@pytest.mark.parametrize("name", OPS)
def test_every_op_agrees_with_torch_within_a_level(fused, name, c):
    op = OPS[name]()
    images = pictures(24, c, 19, 19)
    params = op.sample(24, generator(3))
    apart = levels_apart(Compiled(op).apply(images, params), fused(op, images, params))
    # JPEG rounds frequencies: single and double precision now and then round to either side.
    assert (apart > 1).double().mean() <= (0.03 if name == "jpeg" else 0)


@pytest.mark.parametrize("c", [1, 3])
@pytest.mark.parametrize("name", PIPELINES)
def test_pipelines_agree_with_the_same_passes_in_double_precision(fused, name, c):
    op = PIPELINES[name]
    images = pictures(40, c, 23, 31)
    params = op.sample(40, generator(5))
    apart = levels_apart(Compiled(op).apply(images, params), fused(op, images, params))
    # Where a table jumps, a value half a level from another lands far away; there are few such.
    jumps = any(word in name for word in ("measured", "table", "sometimes", "Augment", "flip steps"))
    assert (apart > len(plan_passes(op, c))).double().mean() <= (0.01 if jumps else 0)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("name", PIPELINES)
def test_any_shape_and_layout_gives_the_same_pixels(fused, name, shape):
    op, (h, w) = PIPELINES[name], shape
    for c in (1, 3):
        images = pictures(7, c, h, w)
        params = op.sample(7, generator(2))
        planes = Compiled(op).apply(images, params)
        interleaved = Compiled(op, layout="nhwc").apply(images.permute(0, 2, 3, 1), params)
        assert planes.shape == images.shape
        assert interleaved.permute(0, 3, 1, 2).equal(planes)
        assert (levels_apart(planes, fused(op, images, params)) > 1).float().mean() <= 0.02


@pytest.mark.parametrize("c", [1, 3])
@pytest.mark.parametrize("last", [Affine(), Crop(0.3, "reflection"), Contrast(), Gamma(), Elastic(), Sharpness()])
def test_a_later_pass_over_images_of_many_strips_works_in_place(fused, last, c):
    op = Compose((Blur(), last))
    images = pictures(3, c, 70, 90)
    params = op.sample(3, generator())
    assert len(plan_passes(op, c)) == 2
    assert levels_apart(Compiled(op).apply(images, params), fused(op, images, params)).max() <= 2


@pytest.mark.parametrize("c", [2, 4, 5])
def test_any_number_of_channels(fused, c):
    for op in (Affine(), Compose((Crop(0.3), Flip())), Compose((Affine(), Contrast(), Brightness(), Gamma(), Erase()))):
        images = pictures(9, c, 12, 17)
        params = op.sample(9, generator())
        planes = Compiled(op).apply(images, params)
        assert levels_apart(planes, fused(op, images, params)).max() <= 1
        interleaved = Compiled(op, layout="nhwc").apply(images.permute(0, 2, 3, 1), params)
        assert interleaved.permute(0, 3, 1, 2).equal(planes)


OPS_WITHOUT_NOISE = [
    Flip(), FlipVertical(), Affine(), Affine(padding_mode="border"), Crop(0.3), Crop(0.3, "reflection"), ResizedCrop(),
    Perspective(), Brightness(), Contrast(), Saturation(), Hue(), Gamma(), Erase(), Blur(), Sometimes(Affine()),
    Sometimes(Contrast(0.5)), Sharpness(),
]  # fmt: skip
OPS_IN_RANDOM_PIPELINES = st.sampled_from([*OPS_WITHOUT_NOISE, Erase(fill="noise")])


@settings(max_examples=40)
@given(
    ops=st.lists(OPS_IN_RANDOM_PIPELINES, max_size=6),
    c=st.sampled_from([1, 3]),
    h=st.integers(1, 20),
    w=st.integers(1, 80),
    seed=st.integers(0, 1000),
)
def test_random_pipelines_agree_with_the_same_passes_in_double_precision(fused, ops, c, h, w, seed):
    op = Compose(tuple(ops))
    images = pictures(5, c, h, w, seed)
    params = op.sample(5, generator(seed))
    apart = levels_apart(Compiled(op).apply(images, params), fused(op, images, params))
    # Contrast and sharpness enlarge what passes before them rounded.
    assert apart.max() <= max(1, len(plan_passes(op, c)))


@settings(max_examples=25)
@given(
    ops=st.lists(st.sampled_from(OPS_WITHOUT_NOISE), max_size=5),
    seed=st.integers(0, 1000),
)
def test_random_pipelines_show_what_op_by_op_shows(ops, seed):
    """On smooth pictures of middle gray: no clamp bites, and to blend once or twice is nearly the same.

    That is not so of noise, which two blends smooth more than one, nor at the rims that each of many warps leaves.
    """
    assume(sum(isinstance(op, Affine | Perspective | ResizedCrop | Sometimes) for op in ops) <= 2)
    op = Compose(tuple(ops))
    y, x = torch.meshgrid(torch.linspace(0, 3, 48), torch.linspace(0, 3, 48), indexing="ij")
    waves = 0.5 + 0.08 * torch.stack((torch.sin(2 * x + y), torch.cos(x - 2 * y), torch.sin(x * y)))
    images = (waves.expand(6, 3, 48, 48) * 255).round().byte()
    params = op.sample(6, generator(seed))
    values = images.double() / 255
    for index, single in enumerate(ops):
        values = single.apply(values, params[str(index)])
    apart = levels_apart(Compiled(op).apply(images, params), values * 255)
    assert apart.median() <= 1.5
    # At the rim of what a warp moved in, two passes fade twice.
    assert (apart > 4).double().mean() < 0.12


STRONG_COLORS = st.sampled_from(
    [Brightness(1), Contrast(1), Saturation(1), Hue(0.5), Flip(), FlipVertical(), Sometimes(Brightness(1)),
     Sometimes(Compose((Contrast(1), Flip(), Saturation(1))))]
)  # fmt: skip


@settings(max_examples=40)
@given(ops=st.lists(STRONG_COLORS, min_size=1, max_size=6), c=st.sampled_from([1, 3]), seed=st.integers(0, 1000))
def test_strong_colors_are_clamped_where_torch_clamps_them(ops, c, seed):
    op = Compose(tuple(ops))
    images = pictures(6, c, 7, 9, seed)
    params = op.sample(6, generator(seed))
    assert len(plan_passes(op, c)) == 1
    assert levels_apart(Compiled(op).apply(images, params), op.apply(images.double() / 255, params) * 255).max() <= 1


def test_what_lies_between_colors_parts_their_clamps_in_both_ways_of_applying_them():
    factors = {"factor": torch.tensor([2.0])}, {"factor": torch.tensor([0.5])}
    images = torch.full((1, 1, 4, 4), 200, dtype=torch.uint8)
    for between, level in ((Flip(), 200), (Crop(0.0), 128)):
        op = Compose((Brightness(), between, Brightness()))
        params = {"0": factors[0], "1": between.sample(1, generator()), "2": factors[1]}
        assert Compiled(op).apply(images, params).unique().tolist() == [level]
        assert (op.apply(images / 255, params) * 255 + 0.5).int().unique().tolist() == [level]


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize(("c", "side", "n"), [(1, 28, 1500), (3, 32, 1500), (3, 84, 150), (3, 224, 24)])
@pytest.mark.parametrize("name", ["few-shot standard", "elastic", "whole pixels", "colors, table", "perspective twice"])
def test_needs_no_more_than_its_result_and_a_megabyte_a_thread(name, c, side, n, threads):
    op = PIPELINES[name]
    images = pictures(n, c, side, side)
    params = op.sample(n, generator())
    fast = Compiled(op, threads=threads)
    fast.apply(images[:2], take(params, torch.arange(2)))
    tracemalloc.start()
    result = fast.apply(images, params)
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert most - result.numel() <= threads * 1e6


def test_no_pipeline_compiles_a_kernel_anew():
    """What kernels are handed is always of one kind: another would cost half a minute."""
    for op in PIPELINES.values():
        for c in (1, 3):
            images = pictures(6, c, 10, 10)
            params = op.sample(6, generator())
            read_only = images[::2].numpy()
            read_only.flags.writeable = False
            Compiled(op).apply(images, params)
            Compiled(op).apply(read_only, take(params, torch.arange(3)))
            Compiled(op, floats=True).apply(images, params)
    assert len(kernels.run_strips.signatures) == 1


def test_without_a_clamp_colors_equal_op_by_op_within_a_level():
    op = Compose(JITTER)
    images = pictures(64, 3, 9, 9) // 4 + 96
    params = op.sample(64, generator())
    assert levels_apart(Compiled(op).apply(images, params), op.apply(images.double() / 255, params) * 255).max() <= 1


@pytest.mark.parametrize("name", PIPELINES)
def test_threads_and_batches_do_not_change_a_pixel(name, monkeypatch):
    op = PIPELINES[name]
    images = pictures(30, 3, 16, 16)
    params = op.sample(30, generator())
    alone = Compiled(op).apply(images, params)
    assert Compiled(op, threads=4).apply(images, params).equal(alone)
    monkeypatch.setattr("manyshot.augment.engine.compiled_pipeline.CHUNK_IMAGES", 7)
    assert Compiled(op).apply(images, params).equal(alone)


def test_floats_are_the_normalized_values_before_rounding(fused):
    op = PIPELINES["few-shot standard"]
    images = pictures(16, 3, 24, 24)
    params = op.sample(16, generator())
    mean, std = (0.5, 0.4, 0.3), (0.2, 0.25, 0.3)
    for layout, given_ in (("nchw", images), ("nhwc", images.permute(0, 2, 3, 1))):
        result = Compiled(op, layout, floats=True, mean=mean, std=std).apply(given_, params)
        shift, scale = torch.tensor(mean)[:, None, None], torch.tensor(std)[:, None, None]
        wanted = (fused(op, images, params) / 255 - shift) / scale
        assert (result.dtype, result.shape) == (torch.float32, images.shape)
        # Where the mean color matters, warped values wait with ten bits: an eighth of a level, which colors enlarge.
        assert (result - wanted).abs().max() < 0.4 / 255 / min(std)


@pytest.mark.parametrize("name", ["torch between", "RandAugment", "holes", "whole pixels"])
def test_floats_of_several_passes_are_the_bytes(name):
    op = PIPELINES[name]
    images = pictures(16, 3, 24, 24)
    params = op.sample(16, generator())
    floats, plain = Compiled(op, floats=True).apply(images, params), Compiled(op).apply(images, params)
    assert (floats * 255 - plain).abs().max() <= 0.501


@pytest.mark.parametrize("name", PIPELINES)
def test_leaves_its_input_alone_and_takes_what_is_not_contiguous(name):
    op = PIPELINES[name]
    images = pictures(12, 3, 14, 14)
    params = op.sample(6, generator())
    strided = images[::2].flip(3)
    before = images.clone()
    assert Compiled(op).apply(strided, params).equal(Compiled(op).apply(strided.contiguous(), params))
    assert images.equal(before)


@pytest.mark.parametrize("name", PIPELINES)
def test_an_empty_batch_stays_empty(name):
    op = PIPELINES[name]
    assert Compiled(op).apply(pictures(0, 3, 8, 8), op.sample(0, generator())).shape == (0, 3, 8, 8)
    assert Compiled(op, floats=True).apply(pictures(0, 1, 8, 8), op.sample(0, generator())).shape == (0, 1, 8, 8)


@pytest.mark.parametrize("c", [1, 3])
@pytest.mark.parametrize("layout", ["nchw", "nhwc"])
def test_images_too_large_to_be_copied_give_the_same(fused, c, layout, monkeypatch):
    op = Compose((Affine(), Contrast(), Brightness(), Erase(), Affine()))
    images = pictures(4, c, 13, 21)
    given_ = images if layout == "nchw" else images.permute(0, 2, 3, 1)
    params = op.sample(4, generator())
    small = Compiled(op, layout).apply(given_, params)
    side = int(kernels.MOST_PACKED**0.5) + 40
    big = pictures(2, c, side, side)
    big_params = op.sample(2, generator())
    result = Compiled(op, layout).apply(big if layout == "nchw" else big.permute(0, 2, 3, 1), big_params)
    result = result if layout == "nchw" else result.permute(0, 3, 1, 2)
    assert small.shape == given_.shape
    assert levels_apart(result, fused(op, big, big_params)).max() <= 2


@pytest.mark.parametrize("name", PIPELINES)
@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (7, 1), (5, 8)], ids=str)
def test_nothing_outside_the_images_is_read_or_written(name, shape):
    """The batch lies in a longer run of bytes: what stands around it must neither show nor change."""
    op, (h, w) = PIPELINES[name], shape
    for c in (1, 3):
        size = 3 * c * h * w
        params = op.sample(3, generator(1))
        results = []
        for around in (0, 255):
            buffer = torch.full((size + 128,), around, dtype=torch.uint8)
            buffer[64 : 64 + size] = pictures(3, c, h, w).flatten()
            results.append(Compiled(op).apply(buffer[64 : 64 + size].view(3, c, h, w), params))
            assert (buffer[:64] == around).all()
            assert (buffer[64 + size :] == around).all()
        assert results[0].equal(results[1])


def test_quarter_turns_are_exact_also_among_other_moves():
    op = Compose((Flip(), Turn(), Crop(0.3), Turn(), FlipVertical(), Turn()))
    for c in (1, 3):
        images = pictures(64, c, 9, 9)
        params = op.sample(64, generator())
        exact = op.apply(images.double(), params).byte()
        assert Compiled(op).apply(images, params).equal(exact)
        assert Compiled(op, "nhwc").apply(images.permute(0, 2, 3, 1), params).permute(0, 3, 1, 2).equal(exact)


@pytest.mark.parametrize("size", [(7, 12), (9, 9)])
@pytest.mark.parametrize("others", [(Flip(), Crop(0.3)), (Affine(),)], ids=["permutation", "matrix"])
def test_turns_that_fit_agree_with_torch_in_any_shape(others, size):
    op = Compose((*others, Turn(fit=True)))
    images = pictures(32, 3, *size)
    params = op.sample(32, generator())
    assert levels_apart(Compiled(op).apply(images, params), op.apply(images.double(), params)).max() <= 1
