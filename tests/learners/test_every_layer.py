"""Every layer of torch.nn within MAML: tasks taken together and one by one, beside a plain loop in double precision."""

import inspect
from collections.abc import Callable

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from manyshot.base import InputError
from manyshot.learners import MAML

WAYS = 3


class Apply(nn.Module):
    """A layer that does not map one tensor to one tensor, called in a way that does."""

    def __init__(self, layer: nn.Module, how: Callable[[nn.Module, torch.Tensor], torch.Tensor]) -> None:
        super().__init__()
        self.layer, self.how = layer, how

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.how(self.layer, x)


def first(layer: nn.Module, x: torch.Tensor) -> torch.Tensor:
    return layer(x)[0]


def numbered(layer: nn.Module, x: torch.Tensor) -> torch.Tensor:
    """The embedding of a number for each item, which does not depend on the weights, beside the item."""
    return torch.cat([x.flatten(1), layer(torch.arange(len(x))[:, None] % 5).flatten(1)], 1)


def doubled(layer: nn.Module, x: torch.Tensor) -> torch.Tensor:
    return layer(x, 2 * x.flip(0))


SHAPES = {1: (4,), 2: (3, 4), 3: (2, 4, 4), 4: (2, 4, 4, 4)}
"""Items by their number of dimensions; the second-to-last layers see them after a linear map of the last one."""

ANY = "ELU GELU Hardshrink Hardtanh Identity LeakyReLU LogSigmoid Mish ReLU ReLU6 SELU CELU SiLU Sigmoid Softplus"
ANY += " Softshrink Softsign Tanh Tanhshrink Dropout AlphaDropout FeatureAlphaDropout PReLU Flatten Hardswish"
LAYERS: dict[str, tuple[int, Callable[[], nn.Module]]] = {name: (2, getattr(nn, name)) for name in ANY.split()}
LAYERS |= {f"Dropout{d}d": (d + 1, getattr(nn, f"Dropout{d}d")) for d in (1, 2, 3)}
LAYERS |= {f"AvgPool{d}d": (d + 1, lambda d=d: getattr(nn, f"AvgPool{d}d")(2)) for d in (1, 2, 3)}
LAYERS |= {f"MaxPool{d}d": (d + 1, lambda d=d: getattr(nn, f"MaxPool{d}d")(2)) for d in (1, 2, 3)}
LAYERS |= {
    f"LPPool{d}d": (d + 1, lambda d=d: nn.Sequential(nn.Softplus(), getattr(nn, f"LPPool{d}d")(3.0, 2)))
    for d in (1, 2, 3)
}
LAYERS |= {
    f"Adaptive{k}Pool{d}d": (d + 1, lambda d=d, k=k: getattr(nn, f"Adaptive{k}Pool{d}d")(2))
    for d in (1, 2, 3)
    for k in ("Avg", "Max")
}
LAYERS |= {f"Conv{d}d": (d + 1, lambda d=d: getattr(nn, f"Conv{d}d")(SHAPES[d + 1][0], 3, 2)) for d in (1, 2, 3)}
LAYERS |= {
    f"ConvTranspose{d}d": (d + 1, lambda d=d: getattr(nn, f"ConvTranspose{d}d")(SHAPES[d + 1][0], 3, 2))
    for d in (1, 2, 3)
}
LAYERS |= {
    f"{kind}Pad{d}d": (d + 1, lambda d=d, kind=kind: getattr(nn, f"{kind}Pad{d}d")(1))
    for d in (1, 2, 3)
    for kind in ("Zero", "Reflection", "Replication", "Circular")
}
LAYERS |= {f"ConstantPad{d}d": (d + 1, lambda d=d: getattr(nn, f"ConstantPad{d}d")(1, 0.5)) for d in (1, 2, 3)}
LAYERS |= {
    f"BatchNorm{d}d": (d + 1, lambda d=d: getattr(nn, f"BatchNorm{d}d")(SHAPES[d + 1][0]).eval()) for d in (1, 2, 3)
}
LAYERS |= {
    f"InstanceNorm{d}d": (d + 1, lambda d=d: getattr(nn, f"InstanceNorm{d}d")(SHAPES[d + 1][0], affine=True))
    for d in (1, 2, 3)
}
LAYERS |= {
    "Bilinear": (1, lambda: Apply(nn.Bilinear(4, 4, 3), doubled)),
    "ChannelShuffle": (3, lambda: nn.ChannelShuffle(2)),
    "CosineSimilarity": (2, lambda: Apply(nn.CosineSimilarity(), doubled)),
    "Embedding": (1, lambda: Apply(nn.Embedding(5, 3), numbered)),
    "Fold": (
        2,
        lambda: nn.Sequential(nn.Unflatten(1, (1, 3)), nn.Flatten(1), nn.Unflatten(1, (4, 3)), nn.Fold((2, 4), 2)),
    ),
    "GLU": (2, nn.GLU),
    "GRU": (2, lambda: Apply(nn.GRU(4, 3, batch_first=True), first)),
    "GRUCell": (1, lambda: nn.GRUCell(4, 3)),
    "GroupNorm": (3, lambda: nn.GroupNorm(1, 2)),
    "LSTM": (2, lambda: Apply(nn.LSTM(4, 3, batch_first=True), first)),
    "LSTMCell": (1, lambda: Apply(nn.LSTMCell(4, 3), first)),
    "LayerNorm": (2, lambda: nn.LayerNorm((3, 4))),
    "Linear": (2, lambda: nn.Linear(4, 3)),
    "LocalResponseNorm": (3, lambda: nn.LocalResponseNorm(2)),
    "LogSoftmax": (2, lambda: nn.LogSoftmax(-1)),
    "MultiheadAttention": (2, lambda: Apply(nn.MultiheadAttention(4, 2, batch_first=True), lambda a, x: a(x, x, x)[0])),
    "PairwiseDistance": (2, lambda: Apply(nn.PairwiseDistance(), doubled)),
    "PixelShuffle": (4, lambda: nn.Sequential(nn.Flatten(1, 2), nn.PixelShuffle(2))),
    "PixelUnshuffle": (3, lambda: nn.PixelUnshuffle(2)),
    "RMSNorm": (2, lambda: nn.RMSNorm((3, 4))),
    "RNN": (2, lambda: Apply(nn.RNN(4, 3, batch_first=True), first)),
    "RNNCell": (1, lambda: nn.RNNCell(4, 3)),
    "Softmax": (2, lambda: nn.Softmax(-1)),
    "Softmax2d": (3, nn.Softmax2d),
    "Softmin": (2, lambda: nn.Softmin(-1)),
    "SyncBatchNorm": (3, lambda: nn.SyncBatchNorm(2).eval()),
    "Threshold": (2, lambda: nn.Threshold(0.1, 0.2)),
    "Transformer": (2, lambda: Apply(nn.Transformer(4, 2, 1, 1, 8, dropout=0.0, batch_first=True), doubled)),
    "TransformerDecoder": (
        2,
        lambda: Apply(nn.TransformerDecoder(nn.TransformerDecoderLayer(4, 2, 8, 0.0, batch_first=True), 1), doubled),
    ),
    "TransformerDecoderLayer": (2, lambda: Apply(nn.TransformerDecoderLayer(4, 2, 8, 0.0, batch_first=True), doubled)),
    "TransformerEncoder": (
        2,
        lambda: nn.TransformerEncoder(nn.TransformerEncoderLayer(4, 2, 8, 0.0, batch_first=True), 1),
    ),
    "TransformerEncoderLayer": (2, lambda: nn.TransformerEncoderLayer(4, 2, 8, 0.0, batch_first=True)),
    "Unflatten": (2, lambda: nn.Unflatten(2, (2, 2))),
    "Unfold": (3, lambda: nn.Unfold(2)),
    "Upsample": (3, lambda: nn.Upsample(scale_factor=2, mode="bilinear")),
    "UpsamplingBilinear2d": (3, lambda: nn.UpsamplingBilinear2d(scale_factor=2)),
    "UpsamplingNearest2d": (3, lambda: nn.UpsamplingNearest2d(scale_factor=2)),
    "MaxUnpool1d": (2, lambda: Apply(nn.MaxUnpool1d(2), lambda u, x: u(*F.max_pool1d(x, 2, return_indices=True)))),
    "MaxUnpool2d": (3, lambda: Apply(nn.MaxUnpool2d(2), lambda u, x: u(*F.max_pool2d(x, 2, return_indices=True)))),
    "MaxUnpool3d": (4, lambda: Apply(nn.MaxUnpool3d(2), lambda u, x: u(*F.max_pool3d(x, 2, return_indices=True)))),
    "Sequential": (2, lambda: nn.Sequential(nn.Linear(4, 3), nn.Tanh())),
    "ModuleList": (2, lambda: Apply(nn.ModuleList([nn.Linear(4, 3)]), lambda parts, x: parts[0](x))),
    "ModuleDict": (2, lambda: Apply(nn.ModuleDict({"a": nn.Linear(4, 3)}), lambda parts, x: parts["a"](x))),
    "ParameterList": (2, lambda: Apply(nn.ParameterList([torch.randn(4)]), lambda parts, x: x * parts[0])),
    "ParameterDict": (2, lambda: Apply(nn.ParameterDict({"a": torch.randn(4)}), lambda parts, x: x * parts["a"])),
}

NO_SECOND_DERIVATIVE = {
    "Hardsigmoid": (2, nn.Hardsigmoid),
    "EmbeddingBag": (1, lambda: Apply(nn.EmbeddingBag(5, 3), numbered)),
    "CrossMapLRN2d": (3, lambda: nn.CrossMapLRN2d(2)),
}

SKIPPED = {
    "Module": "is no layer",
    "Container": "is no layer any more",
    "RReLU": "draws random slopes in training",
    "FractionalMaxPool2d": "draws random windows",
    "FractionalMaxPool3d": "draws random windows",
    "AdaptiveLogSoftmaxWithLoss": "is a loss with weights: it takes targets, and its output depends on them",
    "RNNBase": "is abstract",
    "RNNCellBase": "is abstract",
    "DataParallel": "spreads a batch over GPUs, of which its module is what adapts",
    "NLLLoss2d": "is a loss",
}


def is_layer(name: str) -> bool:
    thing = getattr(nn, name)
    return inspect.isclass(thing) and issubclass(thing, nn.Module) and not name.endswith("Loss")


def test_every_layer_of_torch_is_here_or_skipped_for_a_reason():
    names = {name for name in dir(nn) if is_layer(name) and not name.startswith(("_", "Lazy"))}
    assert names - LAYERS.keys() - NO_SECOND_DERIVATIVE.keys() - SKIPPED.keys() == set()
    assert not LAYERS.keys() & SKIPPED.keys()


def model_with(dims: int, make: Callable[[], nn.Module]) -> nn.Module:
    """The layer behind a linear map and before the head, with weights away from 0 and 1; nothing is drawn."""
    torch.manual_seed(0)
    lift, layer = nn.Linear(4, 4), make()
    for module in layer.modules():
        if isinstance(module, nn.modules.dropout._DropoutNd):
            module.eval()
    body = nn.Sequential(lift, layer, nn.Flatten()).double()
    modes = [(module, module.training) for module in body.modules()]
    with torch.no_grad():
        width = body.eval()(torch.randn(3, *SHAPES[dims], dtype=torch.float64)).numel() // 3
    for module, training in modes:
        module.training = training
    for parameter in body.parameters():
        parameter.data += 0.2 * torch.randn_like(parameter)
    return nn.Sequential(body, nn.Linear(width, WAYS).double())


slow_rules = pytest.mark.filterwarnings("ignore:There is a performance drop")


@slow_rules
@pytest.mark.parametrize("name", LAYERS)
class TestEveryLayer:
    def test_chosen_by_itself_equals_a_plain_loop(self, agrees, name):
        dims, make = LAYERS[name]
        agrees(model_with(dims, make), None, SHAPES[dims])

    def test_vectorized_equals_a_plain_loop_or_is_refused(self, agrees, name):
        dims, make = LAYERS[name]
        if name in LOOPED:
            with pytest.raises(InputError, match=r"torch\.vmap cannot run"):
                agrees(model_with(dims, make), True, SHAPES[dims])
        else:
            assert agrees(model_with(dims, make), True, SHAPES[dims]).vectorized


LOOPED = {"GRU", "GRUCell", "LSTM", "LSTMCell", "RNN", "RNNCell"}
"""Layers that torch.vmap cannot take."""


@slow_rules
@pytest.mark.parametrize("name", NO_SECOND_DERIVATIVE)
def test_layers_without_a_second_derivative_are_named(episode_of, name):
    dims, make = NO_SECOND_DERIVATIVE[name]
    model, episode = model_with(dims, make), episode_of(*SHAPES[dims])
    for vectorized, message in ((None, "second derivative"), (True, r"second derivative|torch\.vmap cannot run")):
        with pytest.raises(InputError, match=message):
            MAML(model, WAYS, vectorized=vectorized).loss(episode)
    assert MAML(model, WAYS, order=1).loss(episode).isfinite()
