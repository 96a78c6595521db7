"""One session of a training: progress, checkpoints, best weights, log, and how it stops and resumes."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event
from typing import Any

from torch import Tensor, nn
from torch.optim import Optimizer

from manyshot.base import InputError, TrainingDiverged
from manyshot.base.progress import bar
from manyshot.base.tensor_file import sweep_tensors
from manyshot.runtime.checkpoint import check_progress, load_checkpoint, read_progress, save_checkpoint
from manyshot.runtime.clock import CpuClock
from manyshot.runtime.distributed import SINGLE_PROCESS, Processes, broadcast_state
from manyshot.runtime.interrupt import postponed_interrupt
from manyshot.runtime.metrics_log import MetricsLog, Row
from manyshot.runtime.run_folder import CONFIG, check_run_folder

LAST, BEST = "last.safetensors", "best.safetensors"


class TrainingSession:
    """What surrounds the steps of a training loop.

    The session keeps the last and the best weights, in the run's folder or in memory, logs each step, resumes from the
    last checkpoint, turns Ctrl-C into a checkpoint after the current step, and puts the last good weights back where
    the training diverges.

    Args:
        module: Module to train; a checkpoint is loaded into it.
        optimizer: Its optimizer; likewise.
        steps: Number of steps of the whole training.
        progress: What else the loop has to know when it resumes, as at the beginning; for JSON.
        folder: Folder of the run; None keeps everything in memory.
        resume: Whether to continue from the folder's last checkpoint, if there is one.
        processes: Processes that train together. Only the main process writes to the folder.

    Raises:
        InputError: If the folder's checkpoint or log is damaged.

    Example:
        >>> from torch.optim import SGD
        >>> model = nn.Linear(2, 1)
        >>> session = TrainingSession(model, SGD(model.parameters()), steps=3, progress={})
        >>> with session.steps("train") as steps:
        ...     for step in steps:
        ...         session.complete_step(loss=0.5**step)
        ...         if session.is_due(2):
        ...             session.save_best()
        ...         session.end_step(save_every=1, note="")
        >>> session.finish(), session.progress
        ([{'step': 1, 'loss': 1.0}, {'step': 2, 'loss': 0.5}, {'step': 3, 'loss': 0.25}], {'step': 3, 'best_step': 3})
    """

    def __init__(
        self,
        module: nn.Module,
        optimizer: Optimizer,
        steps: int,
        progress: dict[str, Any],
        folder: Path | None = None,
        resume: bool = False,
        processes: Processes = SINGLE_PROCESS,
    ) -> None:
        self.module, self.optimizer, self.total, self.processes = module, optimizer, steps, processes
        self.folder = folder if processes.is_main else None
        self.progress = {"step": 0} | progress | {"best_step": None}
        self.stopping = False
        self.resumed = self._load_or_begin(resume)
        self.progress = broadcast_state(processes, module, optimizer, self.progress)
        self.good_step = self.step
        """Step after which the weights were last kept."""
        self._good = self._best = None if self.folder else _copy(module)
        self._log = MetricsLog(self.folder, after=self.step)
        self._clock = CpuClock(self.folder, self.resumed)
        self._interrupted = Event()
        self._show: Callable[[str], None] = lambda note: None

    @property
    def step(self) -> int:
        """Number of completed steps."""
        return int(self.progress["step"])

    @contextmanager
    def steps(self, title: str) -> Iterator[range]:
        """The numbers of the steps that remain, with a progress bar.

        Args:
            title: Title of the progress bar.
        """
        try:
            with bar() as display, postponed_interrupt() as self._interrupted:
                line = display.add_task(title, total=self.total, completed=self.step, note="")
                self._show = lambda note: display.update(line, completed=self.step, note=note)
                yield range(self.step, self.total)
        except TrainingDiverged:  # in all processes at once
            self._restore_good_weights()
            raise
        finally:
            self._log.close()
            self.module.eval()

    def complete_step(self, **values: Any) -> None:  # noqa: ANN401 - numbers to log
        """Count a step as done and log its losses."""
        self.progress["step"] = self.step + 1
        self.log(**values)
        # Asked of all processes, so that none of them stops without a checkpoint.
        self.stopping = self.processes.sum(float(self._interrupted.is_set()))[0] > 0

    def log(self, **values: Any) -> None:  # noqa: ANN401 - numbers and text to log
        """Add a row to the log, with the number of completed steps."""
        self._log.write({"step": self.step, **values})

    def is_due(self, every: int) -> bool:
        """Whether something that happens every so many steps, and after the last one, happens after this one."""
        return self.step % every == 0 or self.step == self.total

    def saves(self, save_every: int) -> bool:
        """Whether a checkpoint is written after this step."""
        return self.stopping or self.is_due(save_every)

    def save_best(self) -> None:
        """Keep the current weights as the best ones so far."""
        self.progress["best_step"] = self.step
        if self.folder:
            save_checkpoint(self.folder / BEST, self.module, None, self.progress)
        else:
            self._best = self._good = _copy(self.module)
        self.good_step = self.step

    def end_step(self, save_every: int, note: str) -> None:
        """Write a checkpoint if one is due, and stop here if the user asked for it.

        Args:
            save_every: Number of steps between two checkpoints.
            note: Text behind the progress bar.

        Raises:
            KeyboardInterrupt: If Ctrl-C was pressed during the step.
        """
        if self.saves(save_every):
            seconds = self.processes.sum(self._clock.spent())[0]
            if self.folder:
                save_checkpoint(self.folder / LAST, self.module, self.optimizer, self.progress)
                self._clock.note(seconds)
            else:
                self._good = _copy(self.module)
            self.good_step = self.step
        if self.stopping:
            raise KeyboardInterrupt
        self._show(note)

    def finish(self) -> list[Row]:
        """Load the best weights, or leave the last ones if no best ones were saved.

        Returns:
            All rows of the log, those of earlier sessions included; the same in all processes.

        Raises:
            InputError: If the file of the best weights is missing or damaged.
        """
        if self.progress["best_step"] is not None:
            self._load(BEST, self._best)
        if self.processes.count > 1:
            self.module.load_state_dict(self.processes.broadcast(self.module.state_dict()))
        rows: list[Row] = self.processes.broadcast(self._log.rows)
        return rows

    def _load_or_begin(self, resume: bool) -> bool:
        """Load the last checkpoint, or write the first one; returns whether one was loaded."""
        if self.folder is None:
            return False
        last, best = self.folder / LAST, self.folder / BEST
        for path in (last, best):
            sweep_tensors(path)
        if resume and last.exists():
            initial, self.progress = self.progress, load_checkpoint(last, self.module, self.optimizer, self.total)
            check_progress(last, self.progress, initial)
            return True
        best.unlink(missing_ok=True)
        save_checkpoint(last, self.module, self.optimizer, self.progress)
        return False

    def _restore_good_weights(self) -> None:
        best_is_newer = self.good_step == self.progress["best_step"]
        # Running averages may have overflowed before the loss did; then there are no good weights to go back to.
        with suppress(InputError):
            self._load(BEST if best_is_newer else LAST, self._good)

    def _load(self, name: str, in_memory: dict[str, Tensor] | None) -> None:
        if self.folder:
            load_checkpoint(self.folder / name, self.module)
        elif in_memory:
            self.module.load_state_dict(in_memory)


def _copy(module: nn.Module) -> dict[str, Tensor]:
    return {name: tensor.clone() for name, tensor in module.state_dict().items()}


def is_complete(
    folder: Path, read_settings: Callable[[Path], dict[str, Any]], settings: dict[str, Any], steps: int
) -> bool:
    """Whether a folder holds a training with these settings, done to its last step.

    Args:
        folder: Folder of the run.
        read_settings: Function that reads the settings of a run that is there.
        settings: Settings of the training by name, those of its loop as `fit`.
        steps: Number of steps of the whole training.

    Raises:
        InputError: If it holds a training with other settings, or a damaged one.

    Example:
        >>> is_complete(Path("nowhere"), lambda folder: {}, {}, steps=10)
        False
    """
    if not (folder / CONFIG).exists() or not (folder / LAST).exists():
        return False
    check_run_folder(folder, read_settings, settings, resume=True)
    return bool(read_progress(folder / LAST, steps)["step"] == steps)
