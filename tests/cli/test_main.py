import errno
import shlex
import subprocess
import sys
from importlib.metadata import version

import pytest
import torch

from manyshot.base import InputError
from manyshot.samples import export_pictures as export


def failing(error):
    def fail(*_, **__):
        raise error

    return fail


AUGMENT = ("augment", "photos", "--plan", "shots: flip", "--out", "made")


def test_what_a_person_can_mend_is_one_line_and_status_two(manyshot, monkeypatch):
    monkeypatch.setattr(export, "export", failing(InputError("[x]: two\nlines")))
    answer = manyshot(*AUGMENT)
    assert (answer.status, answer.out, answer.errors) == (2, "", "Error: [x]: two lines\n")


def test_ctrl_c_is_one_line_and_status_130(manyshot, monkeypatch):
    monkeypatch.setattr(export, "export", failing(KeyboardInterrupt()))
    answer = manyshot(*AUGMENT)
    assert (answer.status, answer.errors) == (130, "Stopped.\n")


@pytest.mark.parametrize(("arguments", "status"), [(["ops"], 0), (["data", "list"], 0)])
def test_ctrl_c_ends_the_process_at_once_only_until_a_command_begins(arguments, status):
    code = f"""
import os, signal, sys
from manyshot.cli import main

class Parsed:  # in the place of what a library prints and goes on from
    def __del__(self):
        os.kill(os.getpid(), signal.SIGINT)

if sys.argv.pop() == "early":
    make = main.Commands.make_context
    main.Commands.make_context = lambda *some, **more: (Parsed(), make(*some, **more))[1]
sys.argv[1:] = {arguments}
try:
    main.run()
finally:
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
"""
    for when, expected in (("early", 130), ("never", status)):
        ended = subprocess.run([sys.executable, "-c", code, when], capture_output=True, text=True, check=False)
        assert ended.returncode == expected, ended.stderr
        assert ended.stderr == ("Stopped.\n" if when == "early" else "")


def test_a_full_disk_is_one_line_and_status_one(manyshot, monkeypatch):
    monkeypatch.setattr(export, "export", failing(OSError(errno.ENOSPC, "No space left on device", "made/cat/1.png")))
    answer = manyshot(*AUGMENT)
    assert (answer.status, answer.errors) == (1, "Error: made/cat/1.png: No space left on device\n")


@pytest.mark.parametrize(
    "error", [MemoryError(), RuntimeError("DefaultCPUAllocator: can't allocate memory"), torch.OutOfMemoryError("full")]
)
def test_too_little_memory_is_one_line_and_status_one(manyshot, monkeypatch, error):
    monkeypatch.setattr(export, "export", failing(error))
    answer = manyshot(*AUGMENT)
    assert (answer.status, answer.errors.count("\n")) == (1, 1)
    assert "not enough memory" in answer.errors


def test_a_runtime_error_of_ours_keeps_its_traceback(manyshot, monkeypatch):
    monkeypatch.setattr(export, "export", failing(RuntimeError("ours")))
    with pytest.raises(RuntimeError, match="ours"):
        manyshot(*AUGMENT)


@pytest.mark.parametrize(
    "command",
    [
        ("train", "digits"),
        ("compare", "digits", "--arms", "none"),
        ("demo",),
        ("augment", "photos", "--plan", "shots: flip"),
        ("data", "show", "digits"),
        ("ops",),
    ],
)
def test_an_out_that_cannot_be_written_is_named_before_anything_slow(manyshot, tmp_path, command):
    (tmp_path / "file").write_text("")
    out = tmp_path / "file" / "deep" / "out"
    answer = manyshot(*command, "--out", out)
    assert (answer.status, answer.errors.count("\n")) == (2, 1)
    assert f"{out}: cannot be written" in answer.errors
    assert "--out" in answer.errors


def test_a_fault_of_ours_keeps_its_traceback(manyshot, monkeypatch):
    monkeypatch.setattr(export, "export", failing(ZeroDivisionError("ours")))
    with pytest.raises(ZeroDivisionError):
        manyshot(*AUGMENT)


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (("agument",), "augment"),
        (("ops", "--ouut", "x.png"), "--out"),
        (("augment", "photos"), "--out"),
        (("augment", "photos", "--out", "x"), "--plan"),
        (("augment", "photos", "--plan", "none", "--out", "x", "--per-class", "many"), "--per-class"),
    ],
)
def test_wrong_usage_has_status_two_and_a_hint(manyshot, arguments, hint):
    answer = manyshot(*arguments)
    assert answer.status == 2
    assert answer.out == ""
    assert hint in answer.errors


@pytest.mark.parametrize("command", [("augment",), ("ops",), ("data", "list"), ("data", "check"), ("data", "show")])
def test_every_command_has_examples_json_and_quiet_in_its_help(manyshot, command):
    answer = manyshot(*command, "--help")
    assert answer.status == 0
    for expected in ("Examples:\n", "--json", "--quiet", f"    manyshot {' '.join(command)}"):
        assert expected in answer.out


def test_the_version_is_that_of_the_package(manyshot):
    assert manyshot("--version").out.strip() == version("manyshot")


def test_help_does_not_wait_for_torch():
    code = (
        "import sys, manyshot.cli.main; sys.exit(any(name in sys.modules for name in ('torch', 'matplotlib', 'numpy')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_small_commands_do_not_wait_for_what_they_do_not_need():
    code = """
import sys
import manyshot.classify, manyshot.classify.model.save_load_model, manyshot.samples.export_pictures
from manyshot.datasets import load_dataset
from manyshot.samples.fonts import font_for
load_dataset("digits")
font_for("Ä", 13)
slow = ("matplotlib", "numba", "pandas", "scipy.optimize", "scipy.stats", "sklearn")
print(", ".join(name for name in slow if name in sys.modules))
"""
    done = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
    assert (done.stdout.strip(), done.stderr) == ("", "")


def test_garbage_is_collected_as_usual_once_torch_is_imported():
    code = """
import gc, sys
from manyshot.cli import main
usual = gc.get_threshold()
main.app = lambda: None
main.run()
assert gc.get_threshold() > usual
import torch
sys.exit(gc.get_threshold() != usual or gc.get_freeze_count() == 0)
"""
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_reader_that_leaves_early_is_no_error():
    code = f"{shlex.quote(sys.executable)} -m manyshot data list --json"
    process = subprocess.run(f"{code} | head -c 1", shell=True, capture_output=True, text=True, check=False)
    assert (process.stdout, process.stderr) == ("[", "")


def test_a_line_of_error_is_short_and_moves_no_cursor(manyshot, monkeypatch):
    monkeypatch.setattr(export, "export", failing(InputError("class \x1b[31m" + "a" * 5000 + ": mend it")))
    answer = manyshot(*AUGMENT)
    assert answer.status == 2
    assert answer.errors.startswith(r"Error: class \x1b[31maaa")
    assert answer.errors.endswith("aaa: mend it\n")
    assert len(answer.errors) == 301


def test_a_name_with_a_line_feed_stays_in_its_line(manyshot, tmp_path):
    for name in ("a\nError: x", "b\x1b[31m"):
        (tmp_path / "photos" / name).mkdir(parents=True)
        (tmp_path / "photos" / name / "1.png").write_bytes(b"no picture")
    answer = manyshot("data", "check", tmp_path / "photos")
    assert answer.status != 0
    assert "\x1b" not in answer.out + answer.errors
    assert not any(line.startswith("Error: x") for line in (answer.out + answer.errors).splitlines())


@pytest.mark.parametrize("command", [("data", "show", "digits", "--out"), ("ops", "flip", "--out")])
def test_a_picture_of_somebody_else_is_not_replaced(manyshot, tmp_path, command):
    (tmp_path / "keep.png").write_text("mine")
    answer = manyshot(*command, tmp_path / "keep.png")
    assert (answer.status, answer.errors.count("\n")) == (2, 1)
    assert "Manyshot did not write it; choose another --out" in answer.errors
    assert (tmp_path / "keep.png").read_text() == "mine"


def test_a_page_of_somebody_else_is_not_replaced_and_a_wrong_path_is_reported_before_the_work(manyshot, tmp_path):
    (tmp_path / "keep.html").write_text("mine")
    (tmp_path / "file").write_text("")
    for report, message in ((tmp_path / "keep.html", "did not write it"), (tmp_path / "file" / "r.html", "be written")):
        answer = manyshot("evaluate", tmp_path / "no-run", "digits", "--report", report)
        assert answer.status == 2
        assert message in answer.errors
        assert "--report" in answer.errors
