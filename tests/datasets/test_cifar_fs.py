"""CIFAR-FS from an archive of pickles that are never run, and from pictures."""

import io
import pickle
import tarfile
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from manyshot.base import InputError
from manyshot.datasets import array_pickle, cifar_fs, load_dataset
from manyshot.datasets.array_pickle import read_array_pickle

NAMES = sorted(name for names in cifar_fs.CLASSES.values() for name in names)


def archive(path, change=lambda members: members) -> None:
    """An archive like the original, in pickles of protocol 2: two pictures a class in train, one in test."""
    members = {"meta": {b"fine_label_names": [name.encode() for name in NAMES]}}
    for part, count in (("train", 2), ("test", 1)):
        labels = list(range(100)) * count
        data = np.repeat(np.array(labels, dtype=np.uint8)[:, None], 3072, axis=1)
        members[part] = {b"data": data, b"fine_labels": labels, b"filenames": [b"x.png"] * len(labels)}
    pickled = change({name: pickle.dumps(content, protocol=2) for name, content in members.items()})
    path.parent.mkdir(exist_ok=True, parents=True)
    with tarfile.open(path, "w:gz", compresslevel=1) as tar:
        for name, data in pickled.items():
            info = tarfile.TarInfo(f"cifar-100-python/{name}")
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))


@pytest.fixture
def root(tmp_path):
    archive(tmp_path / "cifar_fs" / "cifar-100-python.tar.gz")
    return tmp_path


def test_the_published_classes_are_divided_64_16_20():
    assert [len(names) for names in cifar_fs.CLASSES.values()] == [64, 16, 20]
    assert len(set(NAMES)) == 100


@pytest.mark.parametrize("split", ["train", "validation", "test"])
def test_a_split_has_both_parts_of_its_classes(split, root):
    source = load_dataset("cifar-fs", split, root=root)
    assert source.class_names == tuple(sorted(cifar_fs.CLASSES[split]))
    assert source.counts.tolist() == [3] * len(cifar_fs.CLASSES[split])
    assert source.store.shape[1:] == (3, 32, 32)
    assert source.gather([0]).unique().tolist() == [NAMES.index(source.class_names[0])]


def test_size_and_color_can_be_chosen(root):
    assert load_dataset("cifar-fs", "val", root=root, size=16, color=False).store.shape == (48, 1, 16, 16)


def test_pictures_do_as_well(tmp_path, png, write):
    (tmp_path / "cifar_fs").mkdir()
    files = {f"val/{name}/0001.png": png((i, 0, 0), (32, 32)) for i, name in enumerate(cifar_fs.CLASSES["validation"])}
    write(tmp_path / "cifar_fs" / "images.zip", files)
    assert load_dataset("cifar-fs", "validation", root=tmp_path).store.shape == (16, 3, 32, 32)
    with pytest.raises(InputError, match="no split 'test'"):
        load_dataset("cifar-fs", "test", root=tmp_path)
    write(tmp_path / "cifar_fs" / "images.zip", dict(list(files.items())[1:]))
    with pytest.raises(InputError, match="no class 'beaver' in validation"):
        load_dataset("cifar-fs", "validation", root=tmp_path)


HARM = {
    "no meta": (lambda m: {k: v for k, v in m.items() if k != "meta"}, "no file 'meta' in it"),
    "no labels": (
        lambda m: m | {"train": pickle.dumps({"data": np.zeros((2, 3072), np.uint8)}, 2)},
        "'train': not CIFAR-100's python version",
    ),
    "too few labels": (
        lambda m: m | {"train": pickle.dumps({"data": np.zeros((2, 3072), np.uint8), "fine_labels": [0]}, 2)},
        "2 pictures and 1 labels",
    ),
    "no dictionary": (lambda m: m | {"test": pickle.dumps([1], 2)}, "'test': refused as a data file"),
    "pictures that are no array": (
        lambda m: m | {"train": pickle.dumps({"data": [[0] * 3072], "fine_labels": [0]}, 2)},
        "'data' is not an array",
    ),
    "a class name that is not text": (
        lambda m: m | {"meta": pickle.dumps({"fine_label_names": [["apple"]]}, 2)},
        "a class name that is not text",
    ),
    "a class lost": (
        lambda m: (
            m
            | dict.fromkeys(
                ("train", "test"), pickle.dumps({"data": np.zeros((1, 3072), np.uint8), "fine_labels": [0]}, 2)
            )
        ),
        "no pictures of class",
    ),
}


@pytest.mark.parametrize("harm", HARM)
def test_a_harmed_archive_is_named(harm, tmp_path):
    change, message = HARM[harm]
    archive(tmp_path / "cifar-100-python.tar.gz", change)
    with pytest.raises(InputError, match=message) as caught:
        load_dataset("cifar-fs", root=tmp_path)
    assert "cifar-100-python.tar.gz" in str(caught.value)


@pytest.mark.parametrize("keep", [0, 100, 0.5, 0.99])
def test_a_truncated_archive_is_named(keep, root):
    path = root / "cifar_fs" / "cifar-100-python.tar.gz"
    data = path.read_bytes()
    path.write_bytes(data[: keep if isinstance(keep, int) else int(len(data) * keep)])
    with pytest.raises(InputError, match=r"damaged or truncated|no file"):
        load_dataset("cifar-fs", root=root)


def test_an_archive_that_unpacks_to_too_much_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(cifar_fs, "MAX_MEMBER", 1000)
    archive(tmp_path / "cifar-100-python.tar.gz")
    with pytest.raises(InputError, match="unpacks to more than CIFAR-100 could"):
        load_dataset("cifar-fs", root=tmp_path)


class Runs:
    """A pickle of this would run a command."""

    def __reduce__(self):
        import os

        return os.system, ("touch /tmp/manyshot-was-here",)


def build(module: str, name: str, state: bytes) -> bytes:
    """A pickle that sets the state of something that the reader itself knows."""
    return b"\x80\x02}U\x04data" + f"c{module}\n{name}\n".encode() + state + b"bs."


DOUBLED = b"(lq\x00" + b"".join(b"(h" + bytes([i]) + b"h" + bytes([i]) + b"lq" + bytes([i + 1]) for i in range(30))

HOSTILE = {
    # Each tuple holds the one before it twice: a few bytes, and a million letters once they are printed.
    "a key of doubled tuples": b"\x80\x02}" + b")q\x00" + b"h\x00\x86q\x00" * 20 + b"K\x01s.",
    "a value of doubled lists": b"\x80\x02}U\x04data" + DOUBLED + b"s.",
    "a key of nested tuples": b"\x80\x02}" + b")" + b"\x85" * 200_000 + b"K\x01s.",
    "such a key beside another": b"\x80\x02}(U\x01aK\x01" + b")" + b"\x85" * 200_000 + b"K\x01u.",
    "such a key in a dictionary of protocol 0": b"\x80\x02(" + b")" + b"\x85" * 200_000 + b"K\x01d.",
    "a number as key": pickle.dumps({1: 2}, 2),
    "an attribute of a function of ours": build("numpy.core.multiarray", "_reconstruct", b"}U\x01aK\x01s"),
    "new defaults of a function of ours": build("_codecs", "encode", b"N}X\x04\x00\x00\x00leftK\x01s\x86"),
    "an attribute of a class of ours": build("numpy", "ndarray", b"}U\x01aK\x01s"),
    "the same text encoded over and over": (
        b"\x80\x02}U\x04data](c_codecs\nencode\nq\x01X\xff\x00\x00\x00"
        + b"x" * 255
        + b"q\x02\x85R"
        + b"h\x01h\x02\x85R" * 100
        + b"es."
    ),
    "a command": pickle.dumps({"data": Runs()}, 2),
    "a class of the standard library": pickle.dumps({"data": io.BytesIO()}, 2),
    "a builtin": b"cbuiltins\neval\n(S'1'\ntR.",
    "an import by another name": b"\x80\x04\x8c\x02os\x8c\x06system\x93.",
    "an enormous memo": b"\x80\x02}r\xff\xff\xff\x7f.",
    "an extension code": b"\x80\x02\x82\x01.",
    "an object built by class": pickle.dumps({"data": slice(1)}, 2),
    "an array larger than its bytes": pickle.dumps({"data": np.zeros((4, 4), np.uint8)}, 2).replace(
        b"K\x04K\x04", b"K\x09K\x09"
    ),
    "an array of objects": pickle.dumps({"data": np.array([None])}, 2),
    "an array of floats": pickle.dumps({"data": np.zeros(3)}, 2),
    "nothing": b"",
}


@pytest.mark.parametrize("what", HOSTILE)
def test_a_hostile_pickle_is_refused(what):
    with pytest.raises(InputError, match="train: refused as a data file"):
        read_array_pickle(HOSTILE[what], "train")


def test_a_hostile_pickle_leaves_the_reader_as_it_was():
    before = [dict(vars(known)) for known in array_pickle.KNOWN.values()]
    for what in ("an attribute of a function of ours", "an attribute of a class of ours"):
        with pytest.raises(InputError):
            read_array_pickle(HOSTILE[what], "train")
    assert [dict(vars(known)) for known in array_pickle.KNOWN.values()] == before


@pytest.mark.parametrize("protocol", range(1, 5))
def test_arrays_and_plain_values_come_back(protocol):
    array = np.arange(12, dtype=np.uint8).reshape(3, 4)
    for content in (array, np.asfortranarray(array)):
        back = read_array_pickle(pickle.dumps({"data": content, "labels": [1, 2]}, protocol), "x")
        assert (back["data"] == array).all()
        assert back["labels"] == [1, 2]


def test_what_python_two_wrote_is_read():
    # {"data": array([[1, 2]], dtype=uint8), "fine_labels": [7]} as numpy under Python 2 pickles it
    old = (
        b"\x80\x02}q\x01(U\x04dataq\x02cnumpy.core.multiarray\n_reconstruct\nq\x03cnumpy\nndarray\nq\x04K\x00\x85U\x01b\x87Rq\x05"
        b"(K\x01K\x01K\x02\x86cnumpy\ndtype\nq\x06U\x02u1K\x00K\x01\x87Rq\x07(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
        b"\x89U\x02\x01\x02tbU\x0bfine_labelsq\x08]q\tK\x07au."
    )
    back = read_array_pickle(old, "x")
    assert back["data"].tolist() == [[1, 2]]
    assert back["fine_labels"] == [7]


@given(place=st.integers(0, 10_000), value=st.integers(0, 255))
def test_a_corrupted_pickle_is_read_or_refused_and_nothing_else_escapes(place, value):
    data = bytearray(pickle.dumps({b"data": np.zeros((2, 4), np.uint8), b"fine_labels": [1, 2]}, 2))
    data[place % len(data)] = value
    back = None
    with suppress(InputError):
        back = read_array_pickle(bytes(data), "x")
    assert back is None or isinstance(back, dict)


def test_real_validation_pictures_load(real_data):
    source = load_dataset("cifar-fs", "validation", root=real_data)
    assert source.class_names == tuple(sorted(cifar_fs.CLASSES["validation"]))
    assert source.counts.tolist() == [300] * 16
