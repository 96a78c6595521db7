import pytest
import torch
from torch import nn
from torch.nn import functional as F

from manyshot.base import InputError
from manyshot.nets import ENCODERS, Conv4, GroupNorm


@pytest.mark.parametrize("norm", ["batch", "group"])
@pytest.mark.parametrize(("channels", "size", "widths", "features"), [
    (1, 28, (8, 8, 8, 8), 8),
    (3, 32, (4, 6, 8, 10), 40),
    (1, 35, (4, 4), 4 * 8 * 8),
    (1, 16, (3, 5, 7, 9), 9),
    (2, 2, (4,), 4),
])  # fmt: skip
def test_features_are_as_many_as_it_says(norm, channels, size, widths, features):
    encoder = Conv4(channels, size, widths, norm)
    assert encoder.features == features
    assert encoder(torch.rand(3, channels, size, size)).shape == (3, features)


@pytest.mark.parametrize("norm", ["batch", "group"])
def test_equals_the_textbook_order_of_norm_relu_pool(norm):
    torch.manual_seed(0)
    encoder = Conv4(1, 20, (8, 8, 8), norm).double()
    for module in encoder.norms:
        nn.init.normal_(module.weight)  # negative ones too, which tell a wrong order apart
        nn.init.normal_(module.bias)
    x = images = torch.rand(4, 1, 20, 20, dtype=torch.float64)
    for convolution, module in zip(encoder.convolutions, encoder.norms, strict=True):
        x = F.conv2d(x, convolution.weight, padding=1)
        if norm == "batch":
            x = F.batch_norm(x, None, None, module.weight, module.bias, training=True)
        else:
            x = F.group_norm(x, module.groups, module.weight, module.bias)
        x = F.max_pool2d(F.relu(x), 2)
    assert torch.allclose(encoder(images), x.flatten(1), atol=1e-12)


def test_with_group_norm_no_item_sees_another():
    encoder = Conv4(1, 16, (8, 8, 8, 8), "group").double()
    images = torch.rand(5, 1, 16, 16, dtype=torch.float64)
    assert torch.allclose(encoder(images)[2:3], encoder(images[2:3]), atol=1e-12)


def test_with_batch_norm_evaluation_uses_running_averages():
    encoder = Conv4(1, 16, (8, 8), "batch")
    images = torch.rand(64, 1, 16, 16)
    for _ in range(3):
        encoder(images)
    encoder.eval()
    assert torch.allclose(encoder(images)[:2], encoder(images[:2]), atol=1e-5)


@pytest.mark.parametrize("width", [1, 3, 6, 7, 12, 64])
def test_any_width_has_groups_that_divide_it(width):
    (norm,) = Conv4(1, 8, (width,), "group").norms
    assert isinstance(norm, GroupNorm)
    assert width % norm.groups == 0
    assert norm.groups == max(g for g in range(1, 9) if width % g == 0)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Conv4(1, 15), "size=15: 4 pooling blocks need images of 16 pixels"),
        (
            lambda: Conv4(1, 28)(torch.rand(2, 3, 28, 28)),
            r"images of \(3, 28, 28\) given to an encoder of \(1, 28, 28\)",
        ),
        (lambda: Conv4(1, 28)(torch.rand(2, 1, 28, 32)), r"images of \(1, 28, 32\)"),
        (lambda: ENCODERS.parse("conv4(64, 0)"), "a block of 0 channels"),
        (lambda: ENCODERS.parse("conv4(1e9)"), "a block of 1000000000 channels"),
    ],
)
def test_what_does_not_fit_is_said_in_one_line(make, message):
    with pytest.raises(InputError, match=message) as caught:
        make()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", [name for name in ENCODERS if name in ("conv4", "resnet12")])
@pytest.mark.parametrize("norm", ["batch", "group"])
def test_every_encoder_of_the_table_says_how_many_features_it_gives(name, norm):
    encoder = ENCODERS.build(name, channels=3, size=32, norm=norm)
    assert encoder(torch.rand(2, 3, 32, 32)).shape == (2, encoder.features)
