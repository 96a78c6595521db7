import errno
import json
import os

import pytest

from manyshot.base import InputError, locked_folder
from manyshot.base.lock import locked_file
from manyshot.samples.output_folder import (
    KEYS,
    MANIFEST,
    check_class_names,
    first_foreign_file,
    sheet_name,
    write_folder_aside,
    write_line,
)


def write(out, content: str, overwrite: bool = False) -> None:
    with write_folder_aside(out, overwrite) as folder:
        (folder / "cat").mkdir()
        (folder / "cat" / "tom.png").write_text(content)
        with (folder / MANIFEST).open("wb") as manifest:
            write_line(manifest, dict.fromkeys(KEYS, None) | {"file": "cat/tom.png", "class": "cat"})


def content(out) -> str:
    return (out / "cat" / "tom.png").read_text()


def names(folder) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def leave(tmp_path, *parts: str):
    """What a killed writer of `out` leaves."""
    scratch = tmp_path / ".out-0a1b2c3d"
    for part in parts:
        (scratch / part / "cat").mkdir(parents=True)
        (scratch / part / "cat" / "tom.png").write_text(part)
    (tmp_path / ".out.lock").write_text("")
    return scratch


def test_what_a_killed_writer_left_is_removed(tmp_path):
    leave(tmp_path, "new")
    write(tmp_path / "out", "first")
    assert names(tmp_path) == ["out"]
    leave(tmp_path, "new", "old")
    write(tmp_path / "out", "second", overwrite=True)
    assert names(tmp_path) == ["out"]
    assert content(tmp_path / "out") == "second"


def test_an_export_that_a_killed_writer_had_moved_away_is_put_back(tmp_path):
    leave(tmp_path, "old")
    with pytest.raises(InputError, match="not empty"):
        write(tmp_path / "out", "new")
    assert content(tmp_path / "out") == "old"
    assert names(tmp_path) == ["out"]


def test_folders_that_only_look_like_scratch_folders_stay(tmp_path):
    (tmp_path / ".out-original").mkdir()
    (tmp_path / ".out-original" / "notes.txt").write_text("")
    (tmp_path / ".other-0a1b2c3d" / "new").mkdir(parents=True)
    write(tmp_path / "out", "new")
    assert names(tmp_path) == [".other-0a1b2c3d", ".out-original", "out"]
    assert (tmp_path / ".out-original" / "notes.txt").exists()


def test_a_failed_swap_puts_the_earlier_export_back_and_names_the_folder(tmp_path, monkeypatch):
    out = tmp_path / "out"
    write(out, "first")
    replace = type(out).replace

    def fail(self, target):
        if self.name == "new":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(self), None, str(target))
        return replace(self, target)

    monkeypatch.setattr(type(out), "replace", fail)
    with pytest.raises(OSError, match="No space left") as caught:
        write(out, "second", overwrite=True)
    assert caught.value.filename == str(out)
    assert content(out) == "first"
    assert names(tmp_path) == ["out"]


def test_a_full_disk_names_the_folder_and_not_the_scratch_folder(tmp_path):
    def fail():
        with write_folder_aside(tmp_path / "out") as folder:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(folder / "cat"))

    with pytest.raises(OSError, match="No space left") as caught:
        fail()
    assert caught.value.filename == str(tmp_path / "out")
    assert names(tmp_path) == []


def test_a_second_writer_at_the_same_time_is_refused(tmp_path, monkeypatch):
    with locked_file(tmp_path / ".out.lock", tmp_path / "out"):
        monkeypatch.setattr("threading.get_ident", lambda: -1)  # as if from another thread
        with pytest.raises(InputError, match=r"out: process .* has been writing to it since"):
            write(tmp_path / "out", "new")
        monkeypatch.undo()


def test_an_export_of_somebody_else_in_the_meantime_is_not_replaced(tmp_path):
    write(tmp_path / "out", "first")
    with pytest.raises(InputError, match="not empty"):
        write(tmp_path / "out", "second")
    assert content(tmp_path / "out") == "first"


@pytest.mark.parametrize("name", [MANIFEST, sheet_name("b"), "features.safetensors", "n" * 300, "狗" * 90])
def test_class_names_that_an_export_cannot_write_are_input_errors(name):
    check_class_names(["a", "b", "狗" * 80], "photos")
    with pytest.raises(InputError, match=r"^photos: .*rename it$") as caught:
        check_class_names(["a", "b", name], "photos")
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize(
    "line",
    [
        "[" * 100_000,
        '{"file": 1' + "0" * 5000 + "}",
        "{",
        "[]",
        json.dumps(dict.fromkeys(KEYS, None)),
        json.dumps(dict.fromkeys(KEYS, None) | {"file": "a", "class": ["a"]}),
    ],
)
def test_a_manifest_of_another_program_makes_the_folder_foreign(line, tmp_path):
    (tmp_path / MANIFEST).write_text(line + "\n")
    assert first_foreign_file(tmp_path) == MANIFEST


def test_the_lock_of_a_run_is_no_foreign_file_for_it(tmp_path):
    with locked_folder(tmp_path / "run"):
        assert names(tmp_path / "run") == [".lock"]
