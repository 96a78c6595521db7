import json
import pickle

import pytest
import torch
from safetensors.torch import save_file
from torch import nn
from torch.optim import SGD, AdamW

from manyshot.base import InputError
from manyshot.base.tensor_file import read_tensors, write_tensors
from manyshot.nets import Conv4
from manyshot.runtime.checkpoint import check_progress, load_checkpoint, read_progress, save_checkpoint


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
        progress_is('{"step": true}'),
        progress_is('{"step": -7}'),
        progress_is('{"step": 1' + "0" * 5000 + "}"),
        progress_is('{"step": NaN}'),
        progress_is("[" * 200_000),
    ],
)
def test_a_damaged_or_foreign_file_is_named_and_not_run(spoil, tmp_path):
    path = tmp_path / "last.safetensors"
    spoil(path)
    with pytest.raises(InputError, match=r"last\.safetensors: (damaged|a folder)") as caught:
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


def spoiled(path, change, make=AdamW):
    """Write a checkpoint whose tensors, by name, `change` has changed in place."""
    save_checkpoint(path, *trained(make), {"step": 3})
    tensors, metadata = read_tensors(path)
    change(tensors)
    write_tensors(path, tensors, metadata)
    return trained(make, steps=0)


def keep(condition):
    return lambda tensors: [tensors.pop(name) for name in list(tensors) if not condition(name)]


def put(name, value):
    return lambda tensors: tensors.update({name: value})


def convert(name, dtype):
    return lambda tensors: tensors.update({name: tensors[name].to(dtype)})


WEIGHT = next(f"learner.{name}" for name in Conv4(1, 8, (4, 4)).state_dict())


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (put("optimizer.x.step", torch.zeros(7)), "incomplete"),
        (put("optimizer.0", torch.zeros(7)), r"incomplete"),
        (put("optimizer.99.step", torch.tensor(1.0)), "incomplete"),
        (put("optimizer.0.exp_avg", torch.zeros(7)), r"optimizer\.0\.exp_avg has another shape than its weight"),
        (put("optimizer.0.exp_avg", torch.tensor(1.0)), r"optimizer\.0\.exp_avg has another shape than its weight"),
        (put("optimizer.0.step", torch.zeros(3)), r"optimizer\.0\.step has another shape"),
        (keep(lambda name: not name.startswith("optimizer.")), "the state of its optimizer is incomplete"),
        (keep(lambda name: name != "optimizer.0.exp_avg"), "the state of its optimizer is incomplete"),
        (keep(lambda name: name != "optimizer.2.step"), "the state of its optimizer is incomplete"),
        (put("optimizer.0.exp_avg_sq", torch.tensor(float("nan"))), "'optimizer.0.exp_avg_sq' .*holds NaN"),
        (put(WEIGHT, torch.full((1,), float("inf"))), f"'{WEIGHT}' .*holds NaN or infinity"),
        (
            convert(WEIGHT, torch.int32),
            f"'{WEIGHT.removeprefix('learner.')}' holds torch.int32 instead of torch.float32",
        ),
        (
            convert(WEIGHT, torch.complex64),
            f"'{WEIGHT.removeprefix('learner.')}' holds torch.complex64 instead of torch.float32",
        ),
    ],
)
def test_a_checkpoint_that_lacks_something_or_holds_something_else_is_refused(change, reason, tmp_path):
    path = tmp_path / "last.safetensors"
    net, optimizer = spoiled(path, change)
    with pytest.raises(InputError, match=rf"last\.safetensors: .*{reason}") as caught:
        load_checkpoint(path, net, optimizer)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (keep(lambda name: not name.startswith("optimizer.")), "the state of its optimizer is missing"),
        (keep(lambda name: name != "optimizer.0.exp_avg"), r"no optimizer\.0\.exp_avg"),
        (put("optimizer.0.hidden", torch.zeros(1)), r"optimizer\.0\.hidden belongs to no weight"),
        (put("optimizer.99.step", torch.tensor(1.0)), r"optimizer\.99\.step belongs to no weight"),
        (put("optimizer.x.step", torch.tensor(1.0)), r"optimizer\.x\.step belongs to no weight"),
    ],
)
def test_a_checkpoint_of_an_earlier_version_is_checked_though_it_does_not_count_its_tensors(change, reason, tmp_path):
    path = tmp_path / "last.safetensors"
    net, optimizer = spoiled(path, change)
    tensors, metadata = read_tensors(path)
    progress = json.loads(metadata["progress"])
    del progress["optimizer_tensors"]
    write_tensors(path, tensors, {"progress": json.dumps(progress)})
    with pytest.raises(InputError, match=reason):
        load_checkpoint(path, net, optimizer)


def test_equal_states_give_equal_bytes_whatever_the_process(tmp_path):
    """Safetensors writes entries of metadata in an arbitrary order, so there must be one."""
    save_checkpoint(tmp_path / "a", nn.Linear(2, 1), None, {"step": 3, "best": 0.5})
    assert list(read_tensors(tmp_path / "a")[1]) == ["progress"]


def test_an_optimizer_that_keeps_nothing_needs_nothing(tmp_path):
    net = nn.Linear(2, 1)
    save_checkpoint(tmp_path / "a", net, SGD(net.parameters(), lr=0.1), {"step": 3})
    assert load_checkpoint(tmp_path / "a", net, SGD(net.parameters(), lr=0.1)) == {"step": 3}


def test_a_step_beyond_the_end_of_the_training_is_refused(tmp_path):
    net = nn.Linear(2, 1)
    save_checkpoint(tmp_path / "a", net, None, {"step": 101})
    for read in (lambda: load_checkpoint(tmp_path / "a", net, steps=100), lambda: read_progress(tmp_path / "a", 100)):
        with pytest.raises(InputError, match="its step is 101 of a training of 100"):
            read()
    assert read_progress(tmp_path / "a", 101) == {"step": 101}


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"first_loss": "x"}, "damaged: first_loss: 'x' is not a number or null"),
        ({"first_loss": [1]}, "damaged: first_loss"),
        ({"probability": None}, "damaged: probability: None is not a number"),
        ({"first": {"model": "x"}}, "damaged: first: model: 'x' is not a number"),
        ({"best_step": True}, "damaged: best_step"),
        ({}, "no 'probability' in its progress"),
    ],
)
def test_progress_that_a_training_cannot_go_on_with_is_refused(changed, reason, tmp_path):
    initial = {"step": 0, "first_loss": None, "probability": 1.0, "first": {}, "best_step": None}
    check_progress(tmp_path / "last", {**initial, "step": 3, "first_loss": 2, "first": {"model": 1.5}}, initial)
    progress = {**initial, **changed}
    if not changed:
        progress.pop("probability")
    with pytest.raises(InputError, match=reason):
        check_progress(tmp_path / "last", progress, initial)
