import json
import pickle

import pytest
import torch
from safetensors.torch import save_file
from torch import nn
from torch.optim import SGD, AdamW

from manyshot.base import InputError
from manyshot.nets import Conv4
from manyshot.runtime.checkpoint import load_checkpoint, save_checkpoint


def trained(make=AdamW, steps: int = 3, norm: str = "batch"):
    torch.manual_seed(0)
    net = Conv4(1, 8, (4, 4), norm)
    optimizer = make(net.parameters(), lr=0.01, **({"momentum": 0.9} if make is SGD else {}))
    train(net, optimizer, steps)
    return net, optimizer


def train(net, optimizer, steps: int) -> None:
    generator = torch.Generator().manual_seed(1)
    for _ in range(steps):
        optimizer.zero_grad()
        net(torch.rand(6, 1, 8, 8, generator=generator)).square().sum().backward()
        optimizer.step()


@pytest.mark.parametrize("make", [AdamW, SGD])
@pytest.mark.parametrize("norm", ["batch", "group"])
def test_what_was_saved_comes_back_and_goes_on_to_the_same_bits(make, norm, tmp_path):
    net, optimizer = trained(make, norm=norm)
    progress = {"step": 3, "first_loss": 0.1 + 0.2, "best_accuracy": None}
    save_checkpoint(tmp_path / "last.safetensors", net, optimizer, progress)
    other, other_optimizer = trained(make, steps=0, norm=norm)
    assert load_checkpoint(tmp_path / "last.safetensors", other, other_optimizer) == progress
    for one, optim in ((net, optimizer), (other, other_optimizer)):
        train(one, optim, 4)
    assert all(tensor.equal(other.state_dict()[name]) for name, tensor in net.state_dict().items())
    for weight, twin in zip(net.parameters(), other.parameters(), strict=True):
        for name, value in optimizer.state[weight].items():
            assert value.equal(other_optimizer.state[twin][name])
            assert steps(value) == steps(other_optimizer.state[twin][name])


def steps(tensor):
    """How far apart neighbors lie; along an axis of one nothing has a neighbor."""
    return [step for size, step in zip(tensor.shape, tensor.stride(), strict=True) if size > 1]


def test_the_same_weights_make_the_same_bytes(tmp_path):
    net, optimizer = trained()
    for name in "ab":
        save_checkpoint(tmp_path / name, net, optimizer, {"step": 3, "best_accuracy": 0.5})
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def foreign_header(path):
    save_file({"x": torch.zeros(2)}, path)


def progress_is(text):
    return lambda path: save_file({"x": torch.zeros(2)}, path, metadata={"progress": text})


class Trap:
    def __reduce__(self):
        return (pytest.fail, ("code of the file was run",))


def pickled(path):
    path.write_bytes(pickle.dumps(Trap()))


def truncated(path):
    save_checkpoint(path, *trained(), {"step": 1})
    path.write_bytes(path.read_bytes()[:-100])


def headless(path):
    save_checkpoint(path, *trained(), {"step": 1})
    path.write_bytes(path.read_bytes()[5:])


@pytest.mark.parametrize(
    "spoil",
    [
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(b"\xff" * 200),
        lambda path: path.write_text(json.dumps({"step": 1})),
        lambda path: path.mkdir(),
        truncated,
        headless,
        pickled,
        foreign_header,
        progress_is("{"),
        progress_is("3"),
        progress_is("{}"),
        progress_is('{"step": "x"}'),
    ],
)
def test_a_damaged_or_foreign_file_is_named_and_not_run(spoil, tmp_path):
    path = tmp_path / "last.safetensors"
    spoil(path)
    with pytest.raises(InputError, match=r"last\.safetensors: damaged checkpoint") as caught:
        load_checkpoint(path, *trained())
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(InputError, match="no such checkpoint"):
        load_checkpoint(tmp_path / "last.safetensors", nn.Linear(1, 1))


@pytest.mark.parametrize("other", [nn.Linear(2, 2), Conv4(1, 8, (5, 4)), Conv4(1, 8, (4, 4), "group")])
def test_weights_of_another_shape_are_refused(other, tmp_path):
    path = tmp_path / "last.safetensors"
    save_checkpoint(path, *trained(), {"step": 1})
    with pytest.raises(InputError, match="do not fit this learner") as caught:
        load_checkpoint(path, other)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["optimizer.x.step", "optimizer.0", "optimizer.99.step", "optimizer.0.exp_avg"])
def test_an_optimizers_state_that_does_not_fit_is_refused(name, tmp_path):
    path = tmp_path / "last.safetensors"
    net, optimizer = trained()
    weights = {f"learner.{n}": t.contiguous() for n, t in net.state_dict().items()}
    save_file(weights | {name: torch.zeros(7)}, path, metadata={"progress": '{"step": 1}'})
    with pytest.raises(InputError, match=r"last\.safetensors: damaged checkpoint"):
        load_checkpoint(path, net, optimizer)
