import os
from pathlib import Path

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from manyshot.runtime.scalar_events import ScalarEvents


def read(folder: Path) -> dict[str, list[tuple[int, float]]]:
    events = EventAccumulator(str(folder)).Reload()
    return {name: [(one.step, one.value) for one in events.Scalars(name)] for name in events.Tags()["scalars"]}


def write(folder: Path, numbers: dict[int, float], purge_step: int | None = None) -> None:
    events = ScalarEvents(folder, purge_step)
    for step, value in numbers.items():
        events.add("loss", value, step)
    events.close()


def test_tensorboard_reads_the_numbers(tmp_path):
    write(tmp_path / "board", {1: 0.5, 2: 0.25})
    assert read(tmp_path / "board") == {"loss": [(1, 0.5), (2, 0.25)]}


def test_a_resumed_training_replaces_the_numbers_after_its_checkpoint(tmp_path):
    write(tmp_path, {1: 0.5, 2: 0.25, 3: 0.125})
    write(tmp_path, {2: 8.0}, purge_step=2)
    assert read(tmp_path) == {"loss": [(1, 0.5), (2, 8.0)]}


def test_the_folder_may_have_a_name_that_is_no_unicode(tmp_path):
    folder = tmp_path / os.fsdecode(b"q\xff")
    write(folder, {1: 0.5})
    (file,) = folder.iterdir()
    assert file.stat().st_size > 0


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full on this system")
def test_a_full_disk_is_an_error_where_the_numbers_are_written(tmp_path):
    events = ScalarEvents(tmp_path)
    events._file.close()
    events._records._writer = events._file = Path("/dev/full").open("wb")  # noqa: SIM115
    events.add("loss", 0.5, 1)
    with pytest.raises(OSError, match="No space left") as caught:
        events.flush()
    assert caught.value.filename == str(events.path)
    with pytest.raises(OSError, match="No space left"):
        events.close()
