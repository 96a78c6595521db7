import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.func import functional_call, grad, vmap
from torch.nn import functional as F

from manyshot.nets import GroupNorm


def norm_of(groups: int, channels: int) -> GroupNorm:
    norm = GroupNorm(groups, channels).double()
    torch.nn.init.normal_(norm.weight)
    torch.nn.init.normal_(norm.bias)
    return norm


@given(st.sampled_from([(1, 4), (2, 6), (4, 4), (8, 32)]), st.integers(1, 4), st.integers(2, 6), st.integers(0, 2**31))
def test_equals_torchs_group_norm(shape, n, size, seed):
    torch.manual_seed(seed)
    norm = norm_of(*shape)
    x = torch.randn(n, shape[1], size, size, dtype=torch.float64)
    assert torch.allclose(norm(x), F.group_norm(x, shape[0], norm.weight, norm.bias), atol=1e-11)


def test_one_value_a_group_and_equal_values_give_the_bias():
    norm = norm_of(4, 4)
    assert norm(torch.full((2, 4, 1, 1), 5.0, dtype=torch.float64)).allclose(norm.bias.view(1, 4, 1, 1))


def test_large_means_do_not_drown_small_differences():
    """mean(x^2) - mean(x)^2 would lose them in float32."""
    x = torch.randn(1, 4, 8, 8, generator=torch.Generator().manual_seed(0))
    norm = GroupNorm(1, 4)
    assert torch.allclose(norm(x + 1000), norm(x), atol=1e-3)


def test_second_order_gradients_over_batched_tasks_equal_those_of_a_loop():
    torch.manual_seed(0)
    norm = norm_of(2, 4)
    parameters = dict(norm.named_parameters())
    tasks = torch.randn(3, 2, 4, 5, 5, dtype=torch.float64)

    def inner(p, x):
        return functional_call(norm, p, (x,)).pow(3).mean()

    def outer(p, x):
        steps = grad(inner)(p, x)
        return inner({name: p[name] - 0.1 * steps[name] for name in p}, x)

    together = grad(lambda p: vmap(outer, (None, 0))(p, tasks).sum())(parameters)
    for name, parameter in norm.named_parameters():
        loop = torch.zeros_like(parameter)
        for x in tasks:
            first = torch.autograd.grad(inner(parameters, x), list(parameters.values()), create_graph=True)
            moved = {n: p - 0.1 * g for (n, p), g in zip(parameters.items(), first, strict=True)}
            loop += torch.autograd.grad(inner(moved, x), parameter)[0]
        assert torch.allclose(together[name], loop, atol=1e-12)


def test_groups_must_divide_the_channels():
    with pytest.raises(ValueError, match="channels=6 is not a multiple of groups=4"):
        GroupNorm(4, 6)
