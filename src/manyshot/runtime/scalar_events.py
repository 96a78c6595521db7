"""Numbers over the steps of a training, in the files that TensorBoard reads."""

import os
import socket
import time
from pathlib import Path
from typing import Any

from manyshot.base import path_in_errors

FLUSH_SECONDS = 30
"""Seconds between two moments at which what was added is written to the disk."""


class ScalarEvents:
    """Writer of a file of events.

    Unlike `torch.utils.tensorboard.SummaryWriter` it has no thread, so that a full disk ends in an `OSError` where the
    number is added, and the folder may have any name.

    Args:
        folder: Folder to write the file to.
        purge_step: Step from which TensorBoard forgets what earlier files say; None forgets nothing.

    Raises:
        OSError: If the disk is full or may not be written; names the file.

    Example:
        >>> import tempfile
        >>> events = ScalarEvents(Path(tempfile.mkdtemp()) / "tensorboard")
        >>> events.add("loss", 0.5, step=1)
        >>> events.close()
    """

    def __init__(self, folder: Path, purge_step: int | None = None) -> None:
        # Imported here because it takes a third of a second, which only trainings that write to disk need.
        from tensorboard.compat.proto import event_pb2
        from tensorboard.summary.writer.record_writer import RecordWriter

        self._proto: Any = event_pb2
        folder.mkdir(parents=True, exist_ok=True)
        name = f"events.out.tfevents.{time.time():.6f}.{socket.gethostname()}.{os.getpid()}"
        self.path = folder / name
        with path_in_errors(self.path):
            self._file = self.path.open("wb")
        self._records = RecordWriter(self._file)
        self._write(file_version="brain.Event:2")
        if purge_step is not None:
            start = self._proto.SessionLog(status=self._proto.SessionLog.START)
            self._write(step=purge_step, session_log=start)
        self.flush()

    def add(self, name: str, value: float, step: int) -> None:
        """Add a number.

        Args:
            name: What the number is, such as "loss".
            value: The number.
            step: Step that it belongs to.
        """
        from tensorboard.compat.proto.summary_pb2 import Summary

        self._write(step=step, summary=Summary(value=[Summary.Value(tag=name, simple_value=value)]))
        if time.monotonic() - self._flushed > FLUSH_SECONDS:
            self.flush()

    def flush(self) -> None:
        """Write what was added to the disk."""
        with path_in_errors(self.path):
            self._file.flush()
        self._flushed = time.monotonic()

    def close(self) -> None:
        """Write what was added to the disk and close the file."""
        with path_in_errors(self.path):
            self._file.close()

    def _write(self, **content: Any) -> None:  # noqa: ANN401 - fields of the protocol's Event
        event = self._proto.Event(wall_time=time.time(), **content)
        with path_in_errors(self.path):
            self._records.write(event.SerializeToString())
