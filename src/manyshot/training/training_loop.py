"""Meta-training: one loop that reads from top to bottom."""

import math
from contextlib import AbstractContextManager
from pathlib import Path

import torch
from torch.nn.utils import clip_grad_norm_

from manyshot.augment import Plan
from manyshot.base import InputError, TrainingDiverged
from manyshot.base.seeds import generator
from manyshot.learners import Learner
from manyshot.nets import kept_modes
from manyshot.objectives import Objective, Plain, StepTasks
from manyshot.runtime.device import require_device
from manyshot.runtime.distributed import SINGLE_PROCESS, Processes, TaskShare
from manyshot.runtime.metrics_log import Row
from manyshot.runtime.training_session import TrainingSession
from manyshot.tasks import EpisodeSampler, TaskStream
from manyshot.training.evaluate import evaluate_tasks
from manyshot.training.fit_settings import Settings

EXPLODED = 1000
"""A loss that is this many times the first one ends the training."""


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
    processes: Processes = SINGLE_PROCESS,
) -> list[Row]:
    """Meta-train a learner on sampled, augmented tasks.

    Step s trains on tasks s * T to s * T + T - 1. The plan, the objective and the network draw from generators that are
    seeded by the number of the step, so a training that is killed and resumed ends with the same bits as one that is
    not. Torch's global generator, from which dropout and DropBlock draw, is restored.

    Several processes divide the tasks of each step among them; losses and gradients are summed over the processes, each
    task with the same weight. The update is the one of a single process, except for batch statistics, which each
    process computes on its own tasks; their running averages are averaged at each step.

    Args:
        learner: Learner to train in place. It ends with the weights that did best on the validation tasks, or with the
            last ones without validation.
        tasks: Training tasks.
        settings: Settings of the loop.
        plan: Augmentation of the training tasks.
        validation: Tasks of held-out classes, never augmented.
        folder: Folder for `last.safetensors`, `best.safetensors`, `metrics.jsonl`, `timing.json` and TensorBoard's
            files; None writes nothing.
        resume: Whether to continue from the folder's last checkpoint, if there is one.
        title: Title of the progress bar.
        objective: Objective to minimize; the learner's own loss if None.
        processes: Processes that train together; each calls this function with the same arguments.

    Returns:
        One row per step with its loss, and one per evaluation with the validation accuracy.

    Raises:
        InputError: If the learner has nothing to train, this machine has no such device, the folder's checkpoint is
            damaged, or there are more processes than tasks per step.
        TrainingDiverged: If the loss or the gradient explodes; the learner gets the last good weights back.
        PeerLost: If another process has ended.
        KeyboardInterrupt: After the step in which Ctrl-C was pressed; a checkpoint has been written.
    """
    plan, objective = plan or Plan(), objective or Plain()
    require_trainable(learner)
    processes.check_batch_size(settings.meta_batch_size)
    share, validation_share = processes.split(settings.meta_batch_size), processes.split(settings.validation_tasks)
    own_tasks = None if processes.count == 1 else share.own
    device = processes.device(settings.device)
    learner.to(require_device(device)).train()
    optimizer = settings.make_optimizer(learner.parameters())
    begin = {"first_loss": None, "best_accuracy": None}
    session = TrainingSession(learner, optimizer, settings.steps, begin, folder, resume, processes)
    progress = session.progress

    with session.steps(title) as steps, _restored_randomness(device):
        for step in steps:
            # For networks that draw from the global generator, such as those with dropout or DropBlock.
            torch.manual_seed(generator(settings.seed, "network", step, processes.rank).initial_seed())

            clean = tasks.batch(step * settings.meta_batch_size, settings.meta_batch_size).to(device)
            step_tasks = StepTasks(clean, plan, (settings.seed, "plan", step), own_tasks)
            draws = generator(settings.seed, "objective", step)
            loss = objective.loss(learner, step_tasks, draws)
            value = share.mean(float(loss.detach()))
            progress["first_loss"] = value if progress["first_loss"] is None else progress["first_loss"]
            _check_finite(value, progress["first_loss"], "loss", step)

            optimizer.zero_grad(set_to_none=True)
            torch.autograd.backward(loss)
            share.average_update(learner)
            _check_finite(float(clip_grad_norm_(learner.parameters(), settings.grad_clip)), math.inf, "gradient", step)
            for group in optimizer.param_groups:
                group["lr"] = settings.learning_rate_at(step)
            optimizer.step()
            learner.on_step_end()
            session.complete_step(loss=value)

            evaluates = validation is not None and session.is_due(settings.eval_every)
            if evaluates or session.saves(settings.save_every):  # the loss above is that of the weights before the step
                after = _loss_after(learner, objective, step_tasks, draws)
                _check_finite(share.mean(after), progress["first_loss"], "loss", step)
            if evaluates and validation is not None:
                accuracy = _accuracy(learner, validation, settings.seed, validation_share)
                session.log(validation_accuracy=accuracy)
                if progress["best_accuracy"] is None or accuracy > progress["best_accuracy"]:
                    progress["best_accuracy"] = accuracy
                    session.save_best()
            best = progress["best_accuracy"]
            held_out = "" if best is None else f"  held-out accuracy {best:.1%}"
            session.end_step(settings.save_every, f"loss {value:.3f}{held_out}")
    return session.finish()


def require_trainable(learner: Learner) -> None:
    """Make sure that the learner has something to train.

    Raises:
        InputError: If no parameter of the learner requires a gradient.

    Example:
        >>> from manyshot.learners import Ridge
        >>> require_trainable(Ridge(torch.nn.Flatten()))
    """
    if not learner.is_trainable():
        raise InputError(
            "the learner has nothing to train: its encoder is frozen, and it has no weights of its own; evaluate it as "
            "it is (manyshot evaluate DATA --encoder ... --learner ...)"
        )


def check_step(learner: Learner, tasks: TaskStream, settings: Settings, plan: Plan, objective: Objective) -> None:
    """Make sure that a step can be taken, by computing the loss of a small one; the learner stays as it is.

    Args:
        learner: Learner to be trained, on any device.
        tasks: Training tasks; at most two of them are used.
        settings: Settings of the training loop.
        plan: Augmentation of the training tasks.
        objective: Objective to minimize.

    Raises:
        InputError: If the learner has nothing to train, or the learner, the objective and the plan are incompatible.

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
    with _restored_randomness(device), kept_modes(learner):
        step_tasks = StepTasks(few, plan, (settings.seed, "plan", 0))
        _loss_after(learner.train(), objective, step_tasks, torch.Generator())


def _restored_randomness(device: str) -> AbstractContextManager[None]:
    """Restore torch's global generators afterwards."""
    return torch.random.fork_rng(devices=[torch.device(device)] if torch.device(device).type == "cuda" else [])


def _check_finite(value: float, first: float, what: str, step: int) -> None:
    if not math.isfinite(value) or value > EXPLODED * (1 + abs(first)):
        raise TrainingDiverged(
            f"the {what} is {value:.3g} at step {step + 1}, so training stopped; the last good weights are kept. "
            "Lower the learning rate (or the inner one), or the largest norm of the gradient (grad_clip)"
        )


@torch.no_grad()
def _loss_after(learner: Learner, objective: Objective, tasks: StepTasks, draws: torch.Generator) -> float:
    """The loss of the current weights for the same draws; running averages stay as they are."""
    draws.manual_seed(draws.initial_seed())
    before = {name: buffer.clone() for name, buffer in learner.named_buffers()}
    value = float(objective.loss(learner, tasks, draws))
    for name, buffer in learner.named_buffers():
        buffer.copy_(before[name])
    return value


def _accuracy(learner: Learner, validation: EpisodeSampler, seed: int, share: TaskShare) -> float:
    """The mean accuracy on the validation tasks, of which each process evaluates its share."""
    accuracy = torch.zeros(0, dtype=torch.float64)
    first, end = share.own.start, share.own.stop
    if first < end:
        accuracy = torch.from_numpy(evaluate_tasks(learner, validation, end - first, seed=seed, first=first).accuracy)
    return float(share.gather(accuracy).numpy().mean())
