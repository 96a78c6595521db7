import pytest
import torch
from torch import nn
from torch.nn import functional as F

from manyshot.base import InputError
from manyshot.nets import ENCODERS, DropBlock, ResNet12


@pytest.mark.parametrize("norm", ["batch", "group"])
def test_equals_the_papers_order_of_shortcut_nonlinearity_and_pooling(norm):
    torch.manual_seed(0)
    encoder = ResNet12(2, 16, (4, 6, 8, 10), norm).double()
    for module in encoder.modules():
        if hasattr(module, "weight") and not isinstance(module, nn.Conv2d):
            nn.init.normal_(module.weight)  # negative ones too, which tell a wrong order apart
            nn.init.normal_(module.bias)

    def normal(module, x):
        if norm == "batch":
            return F.batch_norm(x, None, None, module.weight, module.bias, training=True)
        return F.group_norm(x, module.groups, module.weight, module.bias)

    x = images = torch.rand(4, 2, 16, 16, dtype=torch.float64)
    for block in encoder.blocks:
        y = x
        for number in range(3):
            y = normal(block.norms[number], F.conv2d(y, block.convolutions[number].weight, padding=1))
            if number < 2:
                y = F.leaky_relu(y, 0.1)
        y = y + normal(block.shortcut_norm, F.conv2d(x, block.shortcut.weight))
        x = F.max_pool2d(F.leaky_relu(y, 0.1), 2)
    assert torch.allclose(encoder(images), x.mean((2, 3)), atol=1e-10)


def test_has_the_12_million_parameters_of_the_paper():
    count = sum(parameter.numel() for parameter in ResNet12(3, 84).parameters())
    assert 12_400_000 < count < 12_500_000


def test_the_whole_map_is_the_feature_where_it_is_not_pooled():
    encoder = ResNet12(1, 40, (4, 4, 4, 6), pooled=False).eval()
    images = torch.rand(2, 1, 40, 40)
    assert encoder.map_shape == (6, 2, 2)
    assert encoder(images).shape == (2, encoder.features) == (2, 24)
    pooled = ResNet12(1, 40, (4, 4, 4, 6)).eval()
    pooled.load_state_dict(encoder.state_dict())
    assert torch.allclose(encoder(images).reshape(2, 6, 4).mean(-1), pooled(images), atol=1e-6)


class TestDropBlock:
    def test_drops_about_the_fraction_that_is_asked_for(self):
        torch.manual_seed(0)
        kept = DropBlock(0.1, block=3)(torch.ones(64, 32, 12, 12)) > 0
        assert abs(1 - kept.double().mean() - 0.1) < 0.02

    def test_drops_whole_squares(self):
        torch.manual_seed(0)
        gone = (DropBlock(0.05, block=3)(torch.ones(20, 4, 9, 9)) == 0).double()
        assert gone.any()
        corners = F.max_pool2d(-gone, 3, stride=1) == -1  # squares that are gone as a whole
        again = F.max_pool2d(F.pad(corners.double(), [2] * 4), 3, stride=1)
        assert again.equal(gone)

    def test_keeps_the_sum_of_each_item_of_an_even_map(self):
        torch.manual_seed(0)
        x = torch.ones(8, 4, 10, 10)
        assert torch.allclose(DropBlock(0.2)(x).sum((1, 2, 3)), x.sum((1, 2, 3)))

    def test_squares_larger_than_the_map_drop_whole_channels(self):
        torch.manual_seed(0)
        y = DropBlock(0.3, block=5)(torch.ones(50, 20, 2, 2)).flatten(2)
        assert (y.amax(-1) == y.amin(-1)).all()
        assert abs((y == 0).double().mean() - 0.3) < 0.05

    def test_does_nothing_when_evaluating(self):
        x = torch.rand(2, 3, 8, 8)
        assert DropBlock(0.5).eval()(x) is x

    def test_the_same_seed_drops_the_same_squares(self):
        drop, x = DropBlock(0.3), torch.ones(4, 4, 8, 8)
        drawn = []
        for seed in (1, 1, 2):
            torch.manual_seed(seed)
            drawn.append(drop(x))
        assert drawn[0].equal(drawn[1])
        assert not drawn[0].equal(drawn[2])

    def test_stands_after_the_last_two_blocks(self):
        encoder = ResNet12(1, 16, (4, 4, 4, 4), drop=0.3)
        assert [block.drop.fraction for block in encoder.blocks] == [0, 0, 0.3, 0.3]
        images = torch.rand(2, 1, 16, 16)
        assert encoder.run(images, 0, 2).equal(encoder.run(images, 0, 2))
        assert not encoder(images).equal(encoder(images))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: ResNet12(1, 15), "size=15: 4 pooling blocks need images of 16 pixels"),
        (lambda: ResNet12(1, 28)(torch.rand(2, 1, 28, 32)), r"images of \(1, 28, 32\) given"),
        (lambda: ResNet12(1, 28, norm="group", drop=0.1), r"write resnet12\(drop=0\)"),
        (lambda: ENCODERS.parse("resnet12(0)"), "a block of 0 channels"),
        (lambda: ENCODERS.parse("resnet12(drop=1)"), "drop=1.0: give a fraction"),
        (lambda: DropBlock(-0.1), "drop=-0.1"),
        (lambda: DropBlock(0.1, 0), "block=0"),
    ],
)
def test_what_does_not_fit_is_said_in_one_line(make, message):
    with pytest.raises(InputError, match=message) as caught:
        make()
    assert "\n" not in str(caught.value)
