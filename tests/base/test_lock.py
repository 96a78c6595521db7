import json
import os
import signal
import socket
import subprocess
import sys
import threading
from contextlib import contextmanager

import pytest

from manyshot.base import InputError, locked_folder
from manyshot.base import lock as module
from manyshot.base.lock import LOCK

HOLD = """
import sys
from manyshot.base import locked_folder
with locked_folder(sys.argv[1]):
    print("held", flush=True)
    sys.stdin.read()
"""


@contextmanager
def holding(folder, code: str = HOLD):
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "held\n"
    try:
        yield process
    finally:
        process.kill()
        process.stdin.close()
        process.stdout.close()
        process.wait()


def is_free(folder) -> bool:
    try:
        with locked_folder(folder):
            return True
    except InputError:
        return False


def test_a_second_writer_is_told_who_the_first_one_is(tmp_path):
    with holding(tmp_path / "run") as other:
        with pytest.raises(InputError) as caught, locked_folder(tmp_path / "run"):
            pass
        message = str(caught.value)
        assert f"run: process {other.pid} on {socket.gethostname()} (-c " in message
        assert "has been writing to it since 20" in message
        assert message.endswith("wait until it ends, or choose another --out")


@pytest.mark.parametrize("sign", [signal.SIGKILL, signal.SIGTERM])
def test_the_lock_of_a_killed_process_is_taken_over(tmp_path, sign):
    with holding(tmp_path) as other:
        other.send_signal(sign)
        other.wait()
        assert (tmp_path / LOCK).exists()
        assert is_free(tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_lock_ends_with_its_process_though_a_child_lives_on(tmp_path):
    child = "import os, time\n    os.fork() or print('forked', flush=True) or time.sleep(5) or os._exit(0)\n"
    with holding(tmp_path, HOLD.replace("sys.stdin.read()", f"{child}    sys.stdin.read()")) as other:
        assert other.stdout.readline() == "forked\n"
        assert not is_free(tmp_path)
        other.kill()
        other.wait()
        assert is_free(tmp_path)


def test_of_many_processes_that_begin_at_once_one_gets_the_lock(tmp_path):
    race = """
import sys
from manyshot.base import InputError, locked_folder
sys.stdin.readline()
try:
    with locked_folder(sys.argv[1]):
        print("won", flush=True)
        sys.stdin.readline()
except InputError:
    print("lost", flush=True)
"""
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    command = [sys.executable, "-c", race, str(tmp_path / "run")]
    racers = [subprocess.Popen(command, **pipes) for _ in range(5)]
    for racer in racers:
        racer.stdin.write("\n")
        racer.stdin.flush()
    results = [racer.stdout.readline() for racer in racers]
    for racer in racers:
        racer.communicate("\n")  # the losers have ended, which it does not mind
    assert sorted(results) == ["lost\n"] * 4 + ["won\n"]
    assert not list(tmp_path.glob("run/*"))  # a folder that a loser made may stay, empty


def test_the_thread_that_holds_a_lock_may_take_it_again_and_another_may_not(tmp_path):
    result = []
    with locked_folder(tmp_path):
        with locked_folder(tmp_path):
            pass
        assert (tmp_path / LOCK).exists()
        thread = threading.Thread(target=lambda: result.append(is_free(tmp_path)))
        thread.start()
        thread.join()
    assert result == [False]
    assert is_free(tmp_path)


def test_folders_that_were_made_for_the_lock_alone_go_with_it(tmp_path):
    with locked_folder(tmp_path / "a" / "b"):
        pass
    assert not list(tmp_path.iterdir())
    with locked_folder(tmp_path / "a" / "b"):
        (tmp_path / "a" / "b" / "file").write_text("")
    assert [path.name for path in (tmp_path / "a" / "b").iterdir()] == ["file"]


def test_a_file_in_the_way_is_an_input_error(tmp_path):
    (tmp_path / "file").write_text("")
    for path in (tmp_path / "file", tmp_path / "file" / "run"):
        with pytest.raises(InputError, match="not a folder"), locked_folder(path):
            pass


@pytest.fixture
def no_locks(monkeypatch):
    """A file system without locks."""
    monkeypatch.setattr(module, "_lock", lambda handle: None)


@pytest.mark.parametrize(
    ("changed", "free"),
    [
        ({}, False),
        ({"host": "another-machine"}, False),
        ({"pid": 2**22 + 1}, True),
        ({"started": 1}, True),
        ({"started": None}, False),
        ({"host": "another-machine", "pid": 2**22 + 1}, False),
        ({"pid": 10**30}, True),
        ({"pid": "x"}, True),
        ({"more": 1}, True),
    ],
)
def test_without_locks_of_the_system_the_holder_is_looked_up(no_locks, tmp_path, changed, free):
    me = module._self()
    (tmp_path / LOCK).write_text(json.dumps({**module.asdict(me), **changed}))
    assert is_free(tmp_path) is free


def test_without_locks_of_the_system_the_error_says_which_file_to_remove(no_locks, tmp_path):
    (tmp_path / LOCK).write_text(json.dumps({**module.asdict(module._self()), "host": "another-machine"}))
    with (
        pytest.raises(InputError, match=r"on another-machine .*if it has ended, remove .*\.lock"),
        locked_folder(tmp_path),
    ):
        pass


@pytest.mark.parametrize("content", ["", "{", "[" * 3000, "[]", '{"pid": 1}'])
def test_a_damaged_lock_file_is_no_lock(no_locks, tmp_path, content):
    (tmp_path / LOCK).write_text(content)
    assert is_free(tmp_path)


def test_the_start_of_a_process_is_its_own():
    if module._started(os.getpid()) is None:
        pytest.skip("this system does not tell when a process started")
    assert module._started(os.getpid()) == module._started(os.getpid())
    assert module._started(2**22 + 1) is None
