"""MNIST and its like in the IDX format, whole and harmed."""

import gzip
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from manyshot.base import InputError
from manyshot.datasets import check_dataset, load_dataset
from manyshot.datasets.idx_file import read_idx


def idx(array: np.ndarray) -> bytes:
    return (
        bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.astype(np.uint8).tobytes()
    )


@pytest.fixture
def images():
    return np.random.default_rng(0).integers(0, 256, (20, 28, 28), dtype=np.uint8)


@pytest.fixture
def folder(tmp_path, images):
    """The official names, gzipped: 20 images, two of each digit."""
    (tmp_path / "mnist").mkdir()
    for prefix in ("train", "t10k"):
        (tmp_path / "mnist" / f"{prefix}-images-idx3-ubyte.gz").write_bytes(gzip.compress(idx(images)))
        (tmp_path / "mnist" / f"{prefix}-labels-idx1-ubyte.gz").write_bytes(gzip.compress(idx(np.arange(20) % 10)))
    return tmp_path


@pytest.mark.parametrize("split", ["train", "test"])
def test_images_come_back_by_class(split, folder, images):
    source = load_dataset("mnist", split, root=folder)
    assert source.class_names == tuple("0123456789")
    assert (source.gather([0, 1]).numpy()[:, 0] == images[[0, 10]]).all()
    assert load_dataset("mnist", split, root=folder / "mnist").store.equal(source.store)
    assert load_dataset("mnist", split, root=folder, size=32, color=True).store.shape == (20, 3, 32, 32)


def test_unpacked_files_do_as_well(folder):
    expected = load_dataset("mnist", root=folder).store.clone()
    for path in (folder / "mnist").iterdir():
        path.with_suffix("").write_bytes(gzip.decompress(path.read_bytes()))
        path.unlink()
    assert load_dataset("mnist", root=folder).store.equal(expected)
    assert {state.state for state in check_dataset("mnist", folder)} == {"differs"}


def test_an_unpacked_file_that_is_not_what_its_header_says_is_reported(folder):
    whole, short, long, flat = sorted((folder / "mnist").iterdir())
    for path in (whole, short, long, flat):
        path.with_suffix("").write_bytes(gzip.decompress(path.read_bytes()))
        path.unlink()
    harm = {short: lambda data: data[:-1], long: lambda data: data + b"0", flat: lambda data: data[:3]}
    for path, change in harm.items():
        path.with_suffix("").write_bytes(change(path.with_suffix("").read_bytes()))
    states = {state.path.name: state.state for state in check_dataset("mnist", folder)}
    assert states.pop(whole.stem) == "differs"
    assert set(states.values()) == {"truncated"}


def test_clothes_have_their_names(folder):
    (folder / "mnist").rename(folder / "fashion_mnist")
    assert "ankle boot" in load_dataset("fashion-mnist", root=folder).class_names


def test_digits_are_not_taken_for_clothes(folder):
    with pytest.raises(InputError, match="put the files of fashion-mnist into 'fashion_mnist'"):
        load_dataset("fashion-mnist", root=folder / "mnist")


HARM = {
    "truncated gzip": (lambda data: gzip.compress(data)[:-50], "damaged or truncated"),
    "no gzip": (lambda data: b"not gzip", "damaged or truncated"),
    "empty": (lambda data: b"", "not an IDX file"),
    "short data": (lambda data: gzip.compress(data[:-1]), r"ends after 15,679 of the 15,680 bytes"),
    "too much data": (lambda data: gzip.compress(data + b"x"), "continues after the 15,680 bytes"),
    "labels for images": (lambda data: gzip.compress(idx(np.arange(3))), "not an IDX file of bytes with 3 dimensions"),
    "enormous header": (
        lambda data: gzip.compress(bytes([0, 0, 8, 3]) + struct.pack(">3I", *[2**32 - 1] * 3)),
        "states 79,228,162,458,924,105,385,300,197,375 bytes",
    ),
    "fewer images than labels": (lambda data: gzip.compress(idx(np.zeros((19, 28, 28)))), "19 images, but 20 labels"),
}


@pytest.mark.parametrize("harm", HARM)
def test_a_harmed_file_is_named(harm, folder, images):
    change, message = HARM[harm]
    path = folder / "mnist" / "train-images-idx3-ubyte.gz"
    path.write_bytes(change(idx(images)))
    with pytest.raises(InputError, match=message) as caught:
        load_dataset("mnist", root=folder)
    assert str(path) in str(caught.value)
    assert "fetch" in str(caught.value)


def test_a_label_beyond_the_classes_is_named(folder):
    (folder / "mnist" / "train-labels-idx1-ubyte.gz").write_bytes(gzip.compress(idx(np.arange(20))))
    with pytest.raises(InputError, match="expected labels below 10"):
        load_dataset("mnist", root=folder)


@given(data=st.binary(max_size=64))
def test_bytes_that_are_no_idx_file_are_named_and_nothing_else_escapes(tmp_path_factory, data):
    path = tmp_path_factory.mktemp("idx") / "file"
    path.write_bytes(b"\x01" + data)
    with pytest.raises(InputError, match="not an IDX file"):
        read_idx(path, 1)


def test_a_truncated_file_is_reported(folder):
    path = folder / "mnist" / "t10k-images-idx3-ubyte.gz"
    path.write_bytes(path.read_bytes()[:-20])
    assert [state.state for state in check_dataset("mnist", folder)] == ["differs", "differs", "truncated", "differs"]


def test_real_test_digits_load(real_data):
    source = load_dataset("mnist", "test", root=real_data)
    assert len(source) == 10_000
    assert source.counts.tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
