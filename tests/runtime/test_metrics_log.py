import json

import pytest

from manyshot.base import InputError
from manyshot.runtime.metrics_log import MetricsLog, read_metrics, steps_noted


def write(path, *lines: str) -> None:
    path.write_text("".join(lines), encoding="utf-8")


def test_rows_are_on_disk_as_soon_as_they_are_written(tmp_path):
    log = MetricsLog(tmp_path)
    log.write({"step": 1, "loss": 0.5})
    log.write({"step": 1, "validation_accuracy": 0.25})
    try:
        assert read_metrics(tmp_path / "metrics.jsonl") == log.rows
        assert steps_noted(tmp_path) == 1
    finally:
        log.close()
    assert list((tmp_path / "tensorboard").glob("events*"))


def test_numbers_come_back_to_the_last_bit(tmp_path):
    log = MetricsLog(tmp_path)
    log.write({"step": 1, "loss": 0.1 + 0.2})
    log.close()
    assert read_metrics(tmp_path / "metrics.jsonl") == [{"step": 1, "loss": 0.1 + 0.2}]


def test_a_last_line_cut_short_is_left_out_wherever_it_was_cut(tmp_path):
    path = tmp_path / "metrics.jsonl"
    whole, cut = json.dumps({"step": 1, "loss": 0.5}) + "\n", json.dumps({"step": 2, "loss": 0.25}) + "\n"
    for length in range(len(cut) - 1):
        write(path, whole, cut[:length])
        assert read_metrics(path) == [{"step": 1, "loss": 0.5}]
    write(path, whole, cut[:-1])  # only the line's end is missing, so the row is whole
    assert len(read_metrics(path)) == 2


def test_going_on_drops_rows_that_the_checkpoint_does_not_know(tmp_path):
    path = tmp_path / "metrics.jsonl"
    write(path, '{"step": 1, "loss": 1.0}\n', '{"step": 2, "loss": 2.0}\n', '{"step": 3, "lo')
    log = MetricsLog(tmp_path, after=1)
    log.write({"step": 2, "loss": 2.5})
    log.close()
    assert [row["loss"] for row in read_metrics(path)] == [1.0, 2.5]


def test_without_a_folder_rows_stay_in_memory():
    log = MetricsLog(None)
    log.write({"step": 1, "loss": 0.5})
    log.close()
    assert log.rows == [{"step": 1, "loss": 0.5}]


@pytest.mark.parametrize(
    "line",
    [
        b'{"step": 1, "loss": "x"}\n',
        b'{"step": 1, "loss": null}\n',
        b'{"step": 1, "validation_accuracy": [1]}\n',
        b'{"step": 1, "problem": 3}\n',
        b'{"step": true}\n',
        b'{"step": -1}\n',
        b'{"step": 1000000000000000000000000}\n',
        b'{"step": 1, "loss": 1' + b"0" * 5000 + b"}\n",
        b'{"step": 1, "loss": ' + b"[" * 100_000 + b"}\n",
        b"[]\n",
        b"3\n",
        b'{"loss": 1}\n',
        b'{"step": "one"}\n',
        b"\xff\xfe\n",
        b'{"step": 1, "lo\n{"step": 2}\n',
    ],
)
def test_lines_of_anything_else_are_named(line, tmp_path):
    path = tmp_path / "metrics.jsonl"
    path.write_bytes(b'{"step": 0}\n' + line)
    with pytest.raises(InputError, match=r"metrics\.jsonl: line 2 is no row of metrics"):
        read_metrics(path)


@pytest.mark.parametrize("lines", [[], ['{"step": 1, "loss": 1.0}\n', '{"step": 3, "loss": 1.0}\n']])
def test_a_log_that_lacks_steps_of_the_checkpoint_is_refused(lines, tmp_path):
    write(tmp_path / "metrics.jsonl", *lines)
    with pytest.raises(InputError, match=rf"metrics\.jsonl: no row of step {1 + bool(lines)}; restore the file"):
        MetricsLog(tmp_path, after=3)
