"""Meta-training: one loop, read from top to bottom."""

import math
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch.nn.utils import clip_grad_norm_
from torch.optim import SGD, AdamW, Optimizer

from manyshot.augment import Plan
from manyshot.base import InputError, TrainingDiverged, did_you_mean, is_whole, plain_numbers, sweep
from manyshot.base.progress import bar
from manyshot.base.seeds import generator
from manyshot.learners import Learner
from manyshot.learners.base_classes import BaseClassesLearner
from manyshot.nets import kept_modes
from manyshot.objectives import Objective, Plain, StepTasks
from manyshot.runtime.checkpoint import load_checkpoint, save_checkpoint
from manyshot.runtime.clock import CpuClock
from manyshot.runtime.device import require_device
from manyshot.runtime.distributed import ALONE, Processes, broadcast_state, check_share
from manyshot.runtime.interrupt import postponed_interrupt
from manyshot.runtime.metrics_log import MetricsLog, Row
from manyshot.tasks import EpisodeSampler, TaskStream
from manyshot.training.evaluate import evaluate_tasks

MOST_TASKS = 10_000
"""Of a step: its tasks all lie in memory at once."""


@dataclass(frozen=True)
class Settings:
    """How to train.

    Args:
        steps: number of updates.
        meta_batch_size: T, tasks a step.
        learning_rate: the learning rate at its highest.
        optimizer: "adamw" or "sgd" (with Nesterov momentum 0.9).
        schedule: "cosine" (to 0 at the last step), "constant", or "step" (by half every fifth of the steps).
        warmup_steps: steps in which the rate grows from 0.
        weight_decay: decoupled decay for AdamW, added to the gradient for sgd.
        grad_clip: largest norm of the gradient.
        eval_every: steps between two looks at the held-out classes.
        validation_tasks: how many of their tasks.
        save_every: steps between two checkpoints.
        seed: of the plan's draws; the sampler has its own.
        device: "cpu", "cuda", ...

    Raises:
        InputError: if a value is out of range.
    """

    steps: int = 2000
    meta_batch_size: int = 4
    learning_rate: float = 1e-3
    optimizer: str = "adamw"
    schedule: str = "cosine"
    warmup_steps: int = 50
    weight_decay: float = 0.0
    grad_clip: float = 10.0
    eval_every: int = 500
    validation_tasks: int = 200
    save_every: int = 200
    seed: int = 0
    device: str = "cpu"

    def __post_init__(self) -> None:
        plain_numbers(self)
        for name in ("steps", "meta_batch_size", "eval_every", "validation_tasks", "save_every"):
            if not (is_whole(getattr(self, name)) and getattr(self, name) >= 1):
                raise InputError(f"{name}={getattr(self, name)}: give a whole number, at least 1")
        if self.meta_batch_size > MOST_TASKS:
            raise InputError(f"meta_batch_size={self.meta_batch_size}: give at most {MOST_TASKS:,}")
        for name in ("learning_rate", "grad_clip"):
            if not 0 < getattr(self, name) < math.inf:
                raise InputError(f"{name}={getattr(self, name)}: give a positive number")
        for name in ("warmup_steps", "weight_decay"):
            if not 0 <= getattr(self, name) < math.inf:
                raise InputError(f"{name}={getattr(self, name)}: give at least 0")
        for name, table in (("optimizer", OPTIMIZERS), ("schedule", SCHEDULES)):
            if getattr(self, name) not in table:
                raise InputError(f"{name}='{getattr(self, name)}': {did_you_mean(getattr(self, name), table)}")


OPTIMIZERS: dict[str, Callable[[Any, Settings], Optimizer]] = {
    "adamw": lambda parameters, s: AdamW(parameters, lr=s.learning_rate, weight_decay=s.weight_decay),
    "sgd": lambda parameters, s: SGD(
        parameters, lr=s.learning_rate, momentum=0.9, nesterov=True, weight_decay=s.weight_decay
    ),
}

# The share of the highest rate at a share of the steps: a function, so that a resumed run needs no scheduler's memory.
SCHEDULES: dict[str, Callable[[float], float]] = {
    "cosine": lambda done: 0.5 * (1 + math.cos(math.pi * done)),
    "constant": lambda done: 1.0,
    "step": lambda done: 0.5 ** math.floor(5 * done),
}


def fit(
    learner: Learner,
    tasks: TaskStream,
    settings: Settings,
    plan: Plan | None = None,
    validation: EpisodeSampler | None = None,
    folder: Path | None = None,
    resume: bool = False,
    title: str = "train",
    objective: Objective | None = None,
    processes: Processes = ALONE,
) -> list[Row]:
    """Meta-train a learner on sampled, augmented tasks.

    Step s sees tasks s * T to s * T + T - 1 of the sampler and draws its augmentation, and what else the objective
    draws, from generators of its own number, so a run that is killed and resumed ends with the same bits as one that
    is not. Torch's global generator, which drop-block and dropout draw from, is seeded by the step's number as well,
    and is the caller's own again at the end.

    Several processes share the tasks of each step: every one draws all of them and learns from its own, and the sums of
    loss and gradient, each task of the same weight, are the same in all. So the update is that of one process, but for
    batch statistics, which are of each process's own tasks; their running averages are averaged at each step.

    Args:
        learner: trained in place; at the end it holds the weights that did best on validation, or the last ones
            without any.
        tasks: where training tasks come from.
        settings: see `Settings`.
        plan: augmentation of the training tasks.
        validation: tasks of held-out classes, never augmented.
        folder: where `last.safetensors`, `best.safetensors`, `metrics.jsonl`, `timing.json` and TensorBoard's files go;
            None keeps nothing.
        resume: go on from the folder's last checkpoint, if there is one.
        title: what the progress bar says.
        objective: what is minimised; the learner's own loss if None.
        processes: that train together; each calls this with the same arguments.

    Returns:
        One row a step with its loss, and one for each validation with its accuracy.

    Raises:
        InputError: if the learner has nothing to train, this machine has no such device, or the folder's checkpoint
            is damaged, or a step has fewer tasks than there are processes.
        TrainingDiverged: see there.
        PeerLost: if another process has ended.
        KeyboardInterrupt: after the step at which Ctrl-C came; a checkpoint has been written.
    """
    plan, objective = plan or Plan(), objective or Plain()
    require_trainable(learner)
    check_share(settings.meta_batch_size, processes)
    device = processes.device(settings.device)
    learner.to(require_device(device)).train()
    optimizer = OPTIMIZERS[settings.optimizer](learner.parameters(), settings)
    folder = folder if processes.leads else None  # the others keep nothing on disk
    last, best = (folder / "last.safetensors", folder / "best.safetensors") if folder else (None, None)
    progress: dict[str, Any] = {"step": 0, "first_loss": None, "best_accuracy": None, "best_step": None}
    for path in (last, best):
        if path:
            sweep(path)
    going_on = bool(resume and last and last.exists())
    if going_on and last:
        progress = load_checkpoint(last, learner, optimizer)
    elif last and best:
        best.unlink(missing_ok=True)
        save_checkpoint(last, learner, optimizer, progress)
    progress = broadcast_state(processes, learner, optimizer, progress)
    parameters = list(learner.parameters())
    good_weights = best_weights = None if folder else _copy(learner)
    log = MetricsLog(folder, after=progress["step"])
    clock = CpuClock(folder, going_on)
    share = processes.share(settings.meta_batch_size)
    weight = (share.stop - share.start) / settings.meta_batch_size
    own = None if processes.count == 1 else share

    try:
        with bar() as display, postponed_interrupt() as interrupted, _own_randomness(device):
            line = display.add_task(title, total=settings.steps, completed=progress["step"], note="")
            for step in range(progress["step"], settings.steps):
                for group in optimizer.param_groups:
                    group["lr"] = learning_rate_at(step, settings)
                # For networks that draw from the global generator, as drop-block and dropout do.
                torch.manual_seed(generator(settings.seed, "network", step, processes.rank).initial_seed())

                clean = tasks.batch(step * settings.meta_batch_size, settings.meta_batch_size).to(device)
                drawn = StepTasks(clean, plan, (settings.seed, "plan", step), own)
                loss = objective.loss(learner, drawn, generator(settings.seed, "objective", step))
                value, interruptions = processes.sum(weight * float(loss.detach()), float(interrupted.is_set()))
                stopping = interruptions > 0  # asked once and of all, so that none stops without a checkpoint
                progress["first_loss"] = value if progress["first_loss"] is None else progress["first_loss"]
                _stop_if_exploded(value, progress["first_loss"], "loss", step)

                optimizer.zero_grad(set_to_none=True)
                torch.autograd.backward(loss)
                processes.sum_gradients(parameters, weight)
                processes.average_buffers(learner, weight)
                _stop_if_exploded(
                    float(clip_grad_norm_(learner.parameters(), settings.grad_clip)), math.inf, "gradient", step
                )
                optimizer.step()
                learner.on_step_end()

                done = step + 1
                progress["step"] = done
                log.write({"step": done, "loss": value})
                finished = done == settings.steps
                look = validation is not None and (done % settings.eval_every == 0 or finished)
                save = done % settings.save_every == 0 or finished or stopping
                if look or save:  # the loss above is that of the weights before the step
                    draws = generator(settings.seed, "objective", step)
                    (after,) = processes.sum(weight * _again(objective, learner, drawn, draws))
                    _stop_if_exploded(after, progress["first_loss"], "loss", step)
                if look and validation is not None:
                    found = _held_out_accuracy(learner, validation, settings, processes)
                    log.write({"step": done, "validation_accuracy": found})
                    if progress["best_accuracy"] is None or found > progress["best_accuracy"]:
                        progress |= {"best_accuracy": found, "best_step": done}
                        if best:
                            save_checkpoint(best, learner, None, progress)
                        else:
                            best_weights = _copy(learner)
                seconds = processes.sum(clock.spent())[0] if save else 0.0
                if save and last:
                    save_checkpoint(last, learner, optimizer, progress)
                    clock.note(seconds)
                elif save:
                    good_weights = _copy(learner)
                if stopping:
                    raise KeyboardInterrupt
                held_out = progress["best_accuracy"]
                note = f"loss {value:.3f}" + ("" if held_out is None else f"  held-out accuracy {held_out:.1%}")
                display.update(line, completed=done, note=note)
    except TrainingDiverged:  # in all processes at once
        if last:
            load_checkpoint(last, learner)
        elif good_weights:
            learner.load_state_dict(good_weights)
        raise
    finally:
        log.close()
        learner.eval()

    if validation is not None:
        if best:
            load_checkpoint(best, learner)
        elif best_weights:
            learner.load_state_dict(best_weights)
    if processes.count > 1:
        learner.load_state_dict(processes.from_leader(learner.state_dict()))
    rows: list[Row] = processes.from_leader(log.rows)
    return rows


def require_trainable(learner: Learner) -> None:
    """Make sure that there is something to train.

    Raises:
        InputError: if no weight of the learner takes a gradient.

    Example:
        >>> from manyshot.learners import Ridge
        >>> require_trainable(Ridge(torch.nn.Flatten()))
    """
    trains = any(parameter.requires_grad for parameter in learner.parameters())
    if isinstance(learner, BaseClassesLearner) and not learner.classes:  # nor does it train a classifier
        trains = any(parameter.requires_grad for parameter in learner.encoder.parameters())
    if not trains:
        raise InputError(
            "the learner has nothing to train: its encoder is frozen, and it has no weights of its own; judge it as it "
            "is (manyshot evaluate DATA --encoder ... --learner ...)"
        )


def check_step(learner: Learner, tasks: TaskStream, settings: Settings, plan: Plan, objective: Objective) -> None:
    """Make sure that a step can be taken, by the loss of a small one; the learner stays as it is.

    Args:
        learner: to be trained, on any device.
        tasks: of the training; at most two of them are looked at.
        settings: see `fit`; so are plan and objective.
        plan: see there.
        objective: see there.

    Raises:
        InputError: if the learner has nothing to train, or the objective, the plan and the learner do not go together.

    Example:
        >>> from manyshot.learners import Prototypes
        >>> from manyshot.objectives import MaxUp
        >>> from manyshot.tasks import Source
        >>> tasks = EpisodeSampler(Source.of(torch.rand(80, 1, 8, 8), [f"class {i % 4}" for i in range(80)]), ways=3)
        >>> learner = Prototypes(torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 8)))
        >>> check_step(learner, tasks, Settings(), Plan("query: noise"), MaxUp())
    """
    require_trainable(learner)
    device = next(str(parameter.device) for parameter in learner.parameters())
    few = tasks.batch(0, min(2, settings.meta_batch_size)).to(device)
    with _own_randomness(device), kept_modes(learner):
        drawn = StepTasks(few, plan, (settings.seed, "plan", 0))
        _again(objective, learner.train(), drawn, generator(settings.seed, "objective", 0))


def learning_rate_at(step: int, settings: Settings) -> float:
    """The learning rate of a step: a linear warm-up, times the schedule.

    Example:
        >>> settings = Settings(steps=100, learning_rate=1.0, warmup_steps=10)
        >>> [round(learning_rate_at(s, settings), 2) for s in (0, 9, 50, 99)]
        [0.1, 0.98, 0.5, 0.0]
    """
    warm = min(1.0, (step + 1) / settings.warmup_steps) if settings.warmup_steps else 1.0
    return settings.learning_rate * warm * SCHEDULES[settings.schedule](step / settings.steps)


def _own_randomness(device: str) -> AbstractContextManager[None]:
    """Torch's global generators are the caller's again afterwards."""
    return torch.random.fork_rng(devices=[torch.device(device)] if torch.device(device).type == "cuda" else [])


def _stop_if_exploded(value: float, first: float, what: str, step: int) -> None:
    if not math.isfinite(value) or value > 1000 * (1 + first):
        raise TrainingDiverged(
            f"the {what} is {value:.3g} at step {step + 1}, so training stopped; the last good weights are kept. "
            "Lower the learning rate (or the inner one), or the largest norm of the gradient (grad_clip)"
        )


def _held_out_accuracy(learner: Learner, validation: EpisodeSampler, settings: Settings, processes: Processes) -> float:
    """The mean over the tasks of validation, of which each process judges its share."""
    tasks = settings.validation_tasks
    share = processes.share(tasks)
    own = torch.zeros(0, dtype=torch.float64)
    if share.start < share.stop:
        count = share.stop - share.start
        own = torch.from_numpy(
            evaluate_tasks(learner, validation, count, seed=settings.seed, first=share.start).accuracy
        )
    return float(processes.joined(own, share, tasks).numpy().mean())


@torch.no_grad()
def _again(objective: Objective, learner: Learner, tasks: StepTasks, draws: torch.Generator) -> float:
    """The loss of the weights as they are now; running averages stay as they are."""
    before = {name: buffer.clone() for name, buffer in learner.named_buffers()}
    value = float(objective.loss(learner, tasks, draws))
    for name, buffer in learner.named_buffers():
        buffer.copy_(before[name])
    return value


def _copy(learner: Learner) -> dict[str, torch.Tensor]:
    return {name: tensor.clone() for name, tensor in learner.state_dict().items()}
