import errno
import os
import stat

import pytest

from manyshot.base import InputError, check_out, did_you_mean, read_json, write_aside, write_json
from manyshot.base.atomic_files import check_replaceable, leftovers


def test_a_file_appears_only_when_it_is_whole(tmp_path):
    target = tmp_path / "deep" / "note.txt"
    with write_aside(target) as aside:
        aside.write_text("new")
        assert not target.exists()
    assert target.read_text() == "new"
    assert list(target.parent.iterdir()) == [target]


def test_a_failing_writer_leaves_the_old_file_and_no_litter(tmp_path):
    target = tmp_path / "note.txt"
    target.write_text("old")

    def fail():
        with write_aside(target) as aside:
            aside.write_text("half")
            raise RuntimeError("disk on fire")

    with pytest.raises(RuntimeError, match="fire"):
        fail()
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_a_file_has_the_rights_that_an_ordinary_write_gives_it(tmp_path):
    (tmp_path / "plain").write_text("")
    with write_aside(tmp_path / "aside") as aside:
        aside.write_text("")
    plain, written = ((tmp_path / name).stat() for name in ("plain", "aside"))
    assert stat.S_IMODE(written.st_mode) == stat.S_IMODE(plain.st_mode)


def test_the_suffix_stays_because_writers_go_by_it(tmp_path):
    with write_aside(tmp_path / "picture.png") as aside:
        assert aside.suffix == ".png"


def test_json_comes_back_as_it_went(tmp_path):
    value = {"name": "Ελληνικά", "numbers": [1, 0.1, None, True]}
    write_json(tmp_path / "value.json", value)
    assert read_json(tmp_path / "value.json") == value
    assert "Ελληνικά" in (tmp_path / "value.json").read_text(encoding="utf-8")


def test_a_name_that_is_no_text_comes_back_from_a_file_of_utf8(tmp_path):
    write_json(tmp_path / "a.json", {"cl\udcffass": "狗"})
    assert "狗" in (tmp_path / "a.json").read_text(encoding="utf-8")
    assert read_json(tmp_path / "a.json") == {"cl\udcffass": "狗"}


def test_json_has_no_word_for_nan(tmp_path):
    with pytest.raises(ValueError, match="JSON"):
        write_json(tmp_path / "value.json", {"loss": float("nan")})
    assert not list(tmp_path.iterdir())


def test_a_mistyped_name_gets_the_nearest_known_one_and_a_strange_one_gets_them_all():
    assert did_you_mean("prototype", ["prototypes", "maml"]) == "did you mean 'prototypes'?"
    assert did_you_mean("zzz", ["b", "a"]) == "known: a, b"


def test_a_folder_that_can_be_written_is_left_as_it_was(tmp_path):
    check_out(tmp_path)
    check_out(tmp_path / "new" / "deep")
    check_out(tmp_path / "file", beside=True)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written_is_named_as_it_was_given(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("")
    long = "n" * 300
    for path in ("file", "file/made", long, f"{long}/made"):
        with pytest.raises(InputError, match=f"^{path}: cannot be written.*choose another --out$") as caught:
            check_out(path)
        assert "\n" not in str(caught.value)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_of_another_person_is_named(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(InputError, match="Permission denied"):
        check_out(tmp_path / "made")


def full(path):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def same_name(path):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))


def no_number(path):
    raise OSError("encoder error")


@pytest.mark.parametrize("fail", [full, same_name, no_number])
def test_a_full_disk_names_the_file_that_was_to_be_written(tmp_path, fail):
    with (
        pytest.raises(OSError, match=r"No space left|encoder error") as caught,
        write_aside(tmp_path / "a.csv") as aside,
    ):
        fail(aside)
    assert caught.value.filename == str(tmp_path / "a.csv")
    assert caught.value.strerror in (os.strerror(errno.ENOSPC), "encoder error")
    assert not list(tmp_path.iterdir())


def test_an_error_of_another_file_keeps_its_name(tmp_path):
    with pytest.raises(FileNotFoundError) as caught, write_aside(tmp_path / "a.csv"):
        (tmp_path / "missing").read_text()
    assert caught.value.filename == str(tmp_path / "missing")


def test_leftovers_are_those_of_the_file_alone_whatever_its_name(tmp_path):
    for name in (".a[1]-0a1b2c3d.csv", ".a1-0a1b2c3d.csv", ".a[1]-0a1b2c3d.csv.bak", "a[1].csv"):
        (tmp_path / name).touch()
    assert [path.name for path in leftovers(tmp_path / "a[1].csv")] == [".a[1]-0a1b2c3d.csv"]


def test_only_a_file_with_the_mark_may_be_replaced(tmp_path):
    check_replaceable(tmp_path / "new")
    (tmp_path / "ours").write_bytes(b"x" * 9000 + b"Manyshot")
    check_replaceable(tmp_path / "ours")
    (tmp_path / "folder").mkdir()
    (tmp_path / "theirs").write_text("")
    (tmp_path / "link").symlink_to("nowhere")
    for name in ("folder", "theirs", "link"):
        with pytest.raises(InputError, match=f"{name}: exists, and Manyshot did not write it; choose another --report"):
            check_replaceable(tmp_path / name, option="--report")
