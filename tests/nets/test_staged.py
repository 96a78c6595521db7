import pytest
import torch

from manyshot.nets import ENCODERS, Conv4, StagedEncoder

PRETRAINED = {
    "efficientnet-lite0",
    "efficientnet-lite2",
    "efficientnet-lite0-spread",
    "spectrogram",
    "timm",
    "transformers",
    "minilm",
    "universal",
    "sentences",
    "ngrams",
}  # need packages or other items, and have a normalization of their own
STAGED = [n for n in ENCODERS if n not in PRETRAINED and issubclass(ENCODERS[n], StagedEncoder)]


@pytest.mark.parametrize("name", STAGED)
@pytest.mark.parametrize("norm", ["batch", "group"])
def test_stopping_at_a_hidden_layer_and_going_on_equals_going_through(name, norm):
    torch.manual_seed(0)
    encoder, images = ENCODERS[name](3, 32, norm=norm).eval(), torch.rand(4, 3, 32, 32)
    for layer in range(encoder.depth + 1):
        hidden = encoder.run(images, 0, layer)
        assert layer == encoder.depth or hidden.shape[1] == encoder.widths[layer]
        assert torch.equal(
            encoder.run(hidden, layer, encoder.depth) if layer < encoder.depth else hidden, encoder(images)
        )


def test_another_route_keeps_weights_and_names_and_leaves_the_encoder_alone():
    encoder = Conv4(1, 16, (4, 4))
    lower = encoder.with_forward(lambda whole, items: whole.run(items, 0, 1))
    assert [name for name, _ in lower.named_parameters()] == [name for name, _ in encoder.named_parameters()]
    assert all(a is b for a, b in zip(lower.parameters(), encoder.parameters(), strict=True))
    images = torch.rand(2, 1, 16, 16)
    assert lower(images).shape == (2, 4, 8, 8)
    assert encoder(images).shape == (2, 64)


def test_running_averages_are_shared_with_the_other_route():
    encoder = Conv4(1, 16, (4, 4))
    before = encoder.norms[0].running_mean.clone()
    encoder.with_forward(lambda whole, items: whole.run(items, 0, 1))(torch.rand(3, 1, 16, 16))
    assert not torch.equal(encoder.norms[0].running_mean, before)
