import errno

import pytest
import torch

from manyshot.base import InputError
from manyshot.base import tensor_file as module
from manyshot.base.tensor_file import read_tensors, sweep_tensors, write_tensors


def test_tensors_of_any_layout_and_type_come_back(tmp_path):
    tensors = {
        "last": torch.rand(2, 3, 4, 4).contiguous(memory_format=torch.channels_last),
        "turned": torch.arange(6).view(2, 3).T,
        "empty": torch.zeros(0, 3),
        "half": torch.ones(2, dtype=torch.bfloat16),
        "flag": torch.tensor(True),
        "learned": torch.nn.Parameter(torch.ones(2)),
    }
    write_tensors(tmp_path / "a.safetensors", tensors, {"kind": "test"})
    read, metadata = read_tensors(tmp_path / "a.safetensors")
    assert metadata == {"kind": "test"}
    assert read.keys() == tensors.keys()
    assert all(read[name].equal(tensor) and read[name].dtype == tensor.dtype for name, tensor in tensors.items())


def test_only_the_tensors_that_are_asked_for_are_read(tmp_path):
    write_tensors(tmp_path / "a", {"a": torch.ones(1), "b": torch.tensor([float("nan")])})
    assert read_tensors(tmp_path / "a", ["a", "c"])[0].keys() == {"a"}
    assert read_tensors(tmp_path / "a", []) == ({}, {})


@pytest.mark.parametrize("wrong", [float("nan"), float("inf")])
def test_numbers_that_are_none_are_refused_unless_they_are_allowed(tmp_path, wrong):
    path = tmp_path / "a.safetensors"
    write_tensors(path, {"fine": torch.ones(3), "weight": torch.tensor([1.0, wrong])})
    with pytest.raises(InputError, match=r"a\.safetensors: 'weight' .*NaN or infinity"):
        read_tensors(path)
    assert not read_tensors(path, finite=False)[0]["weight"].isfinite().all()


@pytest.mark.parametrize("cut", [0, 4, 7, 20, 100, -1])
def test_a_file_that_is_cut_short_is_refused(tmp_path, cut):
    path = tmp_path / "a.safetensors"
    write_tensors(path, {"weight": torch.rand(30)}, {"kind": "test"})
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(InputError, match=r"a\.safetensors: damaged") as caught:
        read_tensors(path)
    assert "\n" not in str(caught.value)


def test_a_missing_file_and_a_folder_are_named(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        read_tensors(tmp_path / "a")
    with pytest.raises(InputError, match="a folder"):
        read_tensors(tmp_path)


def test_a_full_disk_is_an_error_of_the_system_that_names_the_file_and_leaves_nothing(tmp_path, monkeypatch):
    text = 'Error while serializing: I/O error: No space left on device (os error 28) at path "/x/.tmpabcdef"'

    def full(*args, **kwargs):
        raise module.SafetensorError(text)

    monkeypatch.setattr(module, "save_file", full)
    with pytest.raises(OSError, match="No space left") as caught:
        write_tensors(tmp_path / "a.safetensors", {"weight": torch.ones(1)})
    assert caught.value.errno == errno.ENOSPC
    assert caught.value.filename == str(tmp_path / "a.safetensors")
    assert not list(tmp_path.iterdir())


def test_what_killed_writers_left_is_swept(tmp_path):
    for name in (".a-0a1b2c3d.safetensors", ".tmpaBc123", ".git", ".tmpfile-of-another"):
        (tmp_path / name).write_text("")
    sweep_tensors(tmp_path / "a.safetensors")
    assert {path.name for path in tmp_path.iterdir()} == {".git", ".tmpfile-of-another"}
