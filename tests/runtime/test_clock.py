import json

import pytest
import torch

from manyshot.base import InputError
from manyshot.runtime import clock as module
from manyshot.runtime.clock import TIMING, CpuClock, cpu_seconds


@pytest.fixture
def notes(monkeypatch) -> list[str]:
    output: list[str] = []
    monkeypatch.setattr(module, "note", output.append)
    return output


def test_seconds_add_up_over_the_sessions(tmp_path):
    CpuClock(tmp_path, resumed=False).note(3.0)
    CpuClock(tmp_path, resumed=True).note(4.0)
    assert cpu_seconds(tmp_path) == 7.0
    CpuClock(tmp_path, resumed=False).note(1.0)
    assert cpu_seconds(tmp_path) == 1.0


def test_a_training_that_goes_on_with_another_number_of_threads_says_so(tmp_path, notes, monkeypatch):
    CpuClock(tmp_path, resumed=False).note(3.0)
    CpuClock(tmp_path, resumed=True)
    assert not notes
    had = torch.get_num_threads()
    monkeypatch.setattr(torch, "get_num_threads", lambda: had + 3)
    CpuClock(tmp_path, resumed=True)
    CpuClock(tmp_path, resumed=False)
    (output,) = notes
    assert f"was trained with {had} threads and is resumed with {had + 3}" in output
    assert f"OMP_NUM_THREADS={had}" in output


def test_a_record_without_threads_tells_nothing(tmp_path, notes):
    (tmp_path / TIMING).write_text(json.dumps({"cpu_seconds": 5}))
    CpuClock(tmp_path, resumed=True)
    assert not notes
    assert cpu_seconds(tmp_path) == 5.0


@pytest.mark.parametrize(
    "content",
    ["[]", "{}", '{"cpu_seconds": -1}', '{"cpu_seconds": "x"}', '{"cpu_seconds": true}', '{"cpu_seconds": 1e99}',
     '{"cpu_seconds": 1, "threads": "x"}', "[" * 1_000_000, "{"],
)  # fmt: skip
def test_a_damaged_record_is_named(tmp_path, content):
    (tmp_path / TIMING).write_text(content)
    with pytest.raises(InputError, match=r"timing\.json: "):
        cpu_seconds(tmp_path)
