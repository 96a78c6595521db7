"""The hand-written derivatives against torch's own, first and second."""

import pytest
import torch
from torch.autograd import gradcheck, gradgradcheck
from torch.func import functional_call, vmap
from torch.nn import functional as F

from manyshot.nets import Conv4, GroupNorm, TaskNorm, batch_statistics, stored_statistics
from manyshot.nets.convolve import convolve
from manyshot.nets.norm_pool import MomentWeights, norm_pool, scale_pool

WEIGHT = torch.tensor([1.0, 2.0, 0.0])


def leaves(size: int, dtype: torch.dtype = torch.float64) -> tuple[torch.Tensor, ...]:
    generator = torch.Generator().manual_seed(size)
    shapes = ((3, 4, size, size), (4,), (4,))  # weights of both signs: with some, the least pixel of a window wins
    return tuple(torch.randn(shape, generator=generator, dtype=dtype).requires_grad_() for shape in shapes)


def moment_weights(kind: str, size: int, dtype: torch.dtype = torch.float64) -> MomentWeights:
    if kind == "group":
        return MomentWeights.by_group(3, 4, 2, size * size, dtype)
    return MomentWeights.by_channel(WEIGHT, size * size, dtype)


def plainly(kind: str, x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
    if kind == "group":
        return F.max_pool2d(F.group_norm(x, 2, weight, bias).relu(), 2)
    twice = torch.cat([x[0:1], x[1:2], x[1:2]])  # an item of weight 2 is there twice, one of weight 0 not at all
    mean, variance = twice.mean((0, 2, 3), keepdim=True), twice.var((0, 2, 3), correction=0, keepdim=True)
    normal = (x - mean) / (variance + 1e-5).sqrt()
    return F.max_pool2d((normal * weight[:, None, None] + bias[:, None, None]).relu(), 2)


def first_and_second(function, inputs) -> list[torch.Tensor]:
    """The result, its gradient, and the gradient of a function of all of these."""
    generator = torch.Generator().manual_seed(9)
    result = function(*inputs)
    up = torch.randn(result.shape, generator=generator, dtype=result.dtype)
    first = torch.autograd.grad((up * result).sum(), inputs, create_graph=True)
    both = result.pow(3).sum()
    for slope in first:
        both = both + (slope * torch.randn(slope.shape, generator=generator, dtype=slope.dtype)).sum()
    return [result, *first, *torch.autograd.grad(both, inputs)]


@pytest.mark.parametrize("size", [2, 6, 7])
@pytest.mark.parametrize("kind", ["group", "channel"])
def test_norm_pool_and_its_derivatives_equal_torchs(kind, size):
    inputs = leaves(size)
    ours = first_and_second(lambda *values: norm_pool(*values, moment_weights(kind, size)), inputs)
    theirs = first_and_second(lambda *values: plainly(kind, *values), inputs)
    for result, expected in zip(ours, theirs, strict=True):
        assert torch.allclose(result, expected, atol=1e-10, rtol=1e-10)


@pytest.mark.parametrize("kind", ["group", "channel"])
def test_derivatives_are_those_of_finite_differences(kind):
    inputs = leaves(4)
    assert gradcheck(lambda *values: norm_pool(*values, moment_weights(kind, 4)), inputs)
    assert gradgradcheck(lambda *values: norm_pool(*values, moment_weights(kind, 4)), inputs)
    assert gradcheck(scale_pool, inputs)


def test_single_precision_is_good_to_rounding():
    result, expected = (
        norm_pool(*(value.to(kind) for value in leaves(6)), moment_weights("channel", 6, kind))
        for kind in (torch.float32, torch.float64)
    )
    assert result.dtype == torch.float32
    assert torch.allclose(result.double(), expected, atol=1e-5)


def test_equal_pixels_give_the_gradient_to_the_first_as_torchs_pooling_does():
    x = torch.tensor([[1.0, 1.0], [1.0, 0.0]], dtype=torch.float64).view(1, 1, 2, 2).requires_grad_()
    scale = torch.ones(1, dtype=torch.float64)
    scale_pool(x, scale, scale).sum().backward()
    assert x.grad.flatten().tolist() == [1, 0, 0, 0]


@pytest.mark.parametrize("pixel", range(4))
def test_a_window_with_what_is_not_a_number_gives_that_as_torchs_pooling_does(pixel):
    x = torch.tensor([[-1.0, 2.0, 1.0, -3.0], [5.0, -2.0, -1.0, 0.0]]).view(1, 1, 2, 4)
    x.view(2, 4)[pixel // 2, pixel % 2] = torch.nan
    result = scale_pool(x, torch.ones(1), torch.zeros(1))
    assert result.isnan().flatten().tolist() == [True, False]
    assert torch.equal(result.nan_to_num(7), F.max_pool2d(x, 2).relu().nan_to_num(7))
    assert norm_pool(x, torch.ones(1), torch.zeros(1), MomentWeights.by_group(1, 1, 1, 8, x.dtype)).isnan().all()


@pytest.mark.parametrize("channels", [1, 3])
def test_convolve_and_its_derivatives_equal_torchs(channels):
    generator = torch.Generator().manual_seed(0)
    inputs = tuple(
        torch.randn(shape, generator=generator, dtype=torch.float64).requires_grad_()
        for shape in ((2, channels, 5, 6), (4, channels, 3, 3))
    )
    ours = first_and_second(convolve, inputs)
    theirs = first_and_second(lambda x, weight: F.conv2d(x, weight, padding=1), inputs)
    for result, expected in zip(ours, theirs, strict=True):
        assert torch.allclose(result, expected, atol=1e-10, rtol=1e-10)
    assert gradgradcheck(convolve, inputs)


def test_convolve_of_items_that_need_no_gradient_has_the_same_derivative_by_its_weights():
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(2, 3, 5, 6, generator=generator, dtype=torch.float64)
    weight = torch.randn(4, 3, 3, 3, generator=generator, dtype=torch.float64).requires_grad_()
    ours = first_and_second(lambda w: convolve(x, w), (weight,))
    theirs = first_and_second(lambda w: F.conv2d(x, w, padding=1), (weight,))
    for result, expected in zip(ours, theirs, strict=True):
        assert torch.allclose(result, expected, atol=1e-10, rtol=1e-10)


@pytest.mark.parametrize("kind", ["group", "support"])
def test_an_encoder_gives_the_same_by_hand_and_within_vmap(kind):
    torch.manual_seed(0)
    encoder = Conv4(1, 13, (4, 6), kind).double()
    images = torch.rand(2, 3, 1, 13, 13, dtype=torch.float64)
    one_by_one = torch.stack([encoder(image) for image in images])
    together = vmap(lambda items: functional_call(encoder, {}, (items,)))(images)
    assert torch.allclose(one_by_one, together, atol=1e-12)
    scales = torch.ones(2, 4, dtype=torch.float64)
    shared = vmap(lambda scale: functional_call(encoder, {"norms.0.weight": scale}, (images[0],)))(scales)
    assert torch.allclose(shared[1], one_by_one[0], atol=1e-12)


def test_under_autocast_derivatives_point_the_same_way_and_are_rounded():
    torch.manual_seed(0)
    encoder, images = Conv4(1, 16, (8, 8), "group"), torch.rand(4, 1, 16, 16)
    weights = list(encoder.parameters())
    expected = torch.autograd.grad(encoder(images).square().sum(), weights)
    with torch.autocast("cpu", torch.bfloat16):
        features = encoder(images)
    result = torch.autograd.grad(features.float().square().sum(), weights)
    for ours, theirs in zip(expected, result, strict=True):
        assert not torch.equal(ours, theirs)
        assert F.cosine_similarity(ours.flatten(), theirs.flatten(), dim=0) > 0.95


class TestTaskNorm:
    def test_normalizes_by_all_items_unless_told_otherwise(self):
        x = torch.randn(5, 4, 3, 3, dtype=torch.float64)
        norm = TaskNorm(4).double()
        assert torch.allclose(norm(x), F.batch_norm(x, None, None, norm.weight, norm.bias, training=True), atol=1e-12)

    def test_kept_statistics_make_queries_blind_to_each_other(self):
        norm, support, query = TaskNorm(4).double(), *torch.randn(2, 5, 4, 6, 6, dtype=torch.float64)
        with batch_statistics(None, keep=True) as statistics:
            norm.pooled(support)
        with stored_statistics(statistics):
            alone, together = norm.pooled(query[:1]), norm.pooled(query)
        assert torch.allclose(alone, together[:1], atol=1e-14)
        with batch_statistics(None):
            assert not torch.allclose(norm.pooled(query)[:1], alone)

    def test_statistics_that_were_kept_pass_the_gradient_on_to_the_support(self):
        norm = TaskNorm(4).double()
        support, query = (torch.randn(3, 4, 6, 6, dtype=torch.float64).requires_grad_() for _ in range(2))
        with batch_statistics(None, keep=True) as statistics:
            norm(support)
        with stored_statistics(statistics):
            fused = torch.autograd.grad(norm.pooled(query).sum(), (support, query, norm.weight), retain_graph=True)
            plain = torch.autograd.grad(F.max_pool2d(norm(query), 2).relu().sum(), (support, query, norm.weight))
        for result, expected in zip(fused, plain, strict=True):
            assert torch.allclose(result, expected, atol=1e-12)
            assert result.abs().sum() > 0


def test_pooled_group_norm_is_group_norm_pooled():
    torch.manual_seed(0)
    norm = GroupNorm(2, 6)
    x = torch.randn(3, 6, 9, 9)
    assert torch.allclose(norm.pooled(x), F.max_pool2d(norm(x), 2).relu(), atol=1e-5)
