"""Pictures are decoded once, and again whenever what lies in the cache is not what was put there."""

import json
import multiprocessing
import os
from pathlib import Path

import numpy as np
import pytest

from manyshot.base import InputError
from manyshot.datasets.pixel_cache import Contents, cached_source


class Counted:
    """Fills three small pictures and counts how often it is asked to."""

    def __init__(self) -> None:
        self.times = 0

    def __call__(self, allocate) -> Contents:
        self.times += 1
        allocate(3, 1, 4, 4)[:] = np.arange(3, dtype=np.uint8).reshape(3, 1, 1, 1)
        return Contents(labels=["b", "a", "b"], groups={"a": "first", "b": "second"}, authors=["x", "y", "x"])


def load(fill, stamp="s", **options):
    return cached_source("some/data", {"path": "p", "stamp": stamp, **options}, fill)


def files(cache: Path, suffix: str) -> list[Path]:
    return sorted((cache / "packed").glob(f"*{suffix}"))


def test_the_second_load_reads_what_the_first_one_packed(cache):
    fill = Counted()
    first, second = load(fill), load(fill)
    assert fill.times == 1
    for source in (first, second):
        assert source.class_names == ("a", "b")
        assert source.groups == ("first", "second")
        assert source.author_names == ("x", "y")
        assert source.gather([0, 1, 2])[:, 0, 0, 0].tolist() == [1, 0, 2]
        assert source.name == "some/data"


def test_another_stamp_packs_anew_and_removes_the_old_file(cache):
    fill = Counted()
    load(fill, stamp="old")
    load(fill, stamp="new")
    assert fill.times == 2
    assert len(files(cache, ".npy")) == len(files(cache, ".json")) == 1


def test_another_option_is_packed_beside(cache):
    load(Counted(), size=28)
    load(Counted(), size=32)
    assert len(files(cache, ".npy")) == 2


def truncate(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def flip_a_byte(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[-5] ^= 255
    path.write_bytes(data)


def empty(path: Path) -> None:
    path.write_bytes(b"")


def remove(path: Path) -> None:
    path.unlink()


@pytest.mark.parametrize("suffix", [".npy", ".json"])
@pytest.mark.parametrize("harm", [truncate, flip_a_byte, empty, remove])
def test_a_harmed_cache_is_rebuilt(cache, harm, suffix):
    fill = Counted()
    load(fill)
    harm(files(cache, suffix)[0])
    assert load(fill).gather([0, 1, 2])[:, 0, 0, 0].tolist() == [1, 0, 2]
    assert fill.times == 2
    load(fill)
    assert fill.times == 2


def test_a_sidecar_with_other_labels_than_pixels_is_rebuilt(cache):
    fill = Counted()
    load(fill)
    beside = files(cache, ".json")[0]
    content = json.loads(beside.read_text())
    content["labels"]["each"].pop()
    beside.write_text(json.dumps(content))
    load(fill)
    assert fill.times == 2


def test_where_nothing_can_be_written_the_pictures_stay_in_memory(monkeypatch, tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("a file, where a folder is needed")
    monkeypatch.setenv("MANYSHOT_CACHE", str(blocked))
    assert load(Counted()).gather([0, 1, 2])[:, 0, 0, 0].tolist() == [1, 0, 2]


def test_a_full_disk_leaves_the_pictures_in_memory_and_no_file_behind(cache, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full, raising=False)
    assert len(load(Counted())) == 3
    assert list((cache / "packed").iterdir()) == []


def test_a_full_disk_does_not_fill_the_memory_instead(cache, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    def fill(allocate):
        allocate(1 << 15, 1, 256, 256)
        pytest.fail("two gigabytes were taken")

    monkeypatch.setattr(os, "posix_fallocate", full, raising=False)
    with pytest.raises(InputError, match=r"No space left on device.*MANYSHOT_CACHE") as caught:
        load(fill)
    assert str(cache) in str(caught.value)
    assert list((cache / "packed").iterdir()) == []


@pytest.mark.parametrize("writable", [True, False])
def test_more_pixels_than_any_machine_would_want_are_refused_before_space_is_taken(writable, cache, monkeypatch):
    def fill(allocate):
        allocate(10**7, 3, 1024, 1024)
        pytest.fail("thirty terabytes were taken")

    taken = []
    monkeypatch.setattr(os, "posix_fallocate", lambda *arguments: taken.append(arguments), raising=False)
    if not writable:
        (cache / "file").write_text("a file, where a folder is needed")
        monkeypatch.setenv("MANYSHOT_CACHE", str(cache / "file"))
    with pytest.raises(InputError, match=r"10,000,000 pictures of 3 x 1024 x 1024 .* give a smaller size"):
        load(fill)
    assert taken == []


def test_a_fill_that_fails_leaves_nothing_behind(cache):
    def fill(allocate):
        allocate(3, 1, 4, 4)
        raise ValueError("broken picture")

    with pytest.raises(ValueError, match="broken picture"):
        load(fill)
    assert list((cache / "packed").iterdir()) == []


def test_changing_what_was_loaded_does_not_change_the_file(cache):
    source = load(Counted())
    source.store.zero_()
    assert load(Counted()).store.max() == 2


def _load_at_once(cache: str, start, results) -> None:
    os.environ["MANYSHOT_CACHE"] = cache
    start.wait()
    results.put(load(Counted()).gather([0, 1, 2])[:, 0, 0, 0].tolist())


def test_processes_that_start_together_all_get_whole_data(cache):
    context = multiprocessing.get_context("fork")
    start, results = context.Barrier(3), context.Queue()
    workers = [context.Process(target=_load_at_once, args=(str(cache), start, results)) for _ in range(3)]
    for worker in workers:
        worker.start()
    assert [results.get(timeout=30) for _ in workers] == [[1, 0, 2]] * 3
    for worker in workers:
        worker.join()
