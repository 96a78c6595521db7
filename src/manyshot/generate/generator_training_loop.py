"""Training a generative model: one loop that reads from top to bottom."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Adam, Optimizer

from manyshot.augment import Op
from manyshot.base import InputError, TrainingDiverged, note
from manyshot.base.seeds import generator
from manyshot.generate import AdversarialObjective, Batches, GeneratorObjective
from manyshot.generate.ada import EVERY, AdaptiveProbability
from manyshot.generate.diff_augment import discriminator_augmentation
from manyshot.generate.generator_config import GeneratorSettings
from manyshot.generate.monitor import diagnose_training, evaluate_snapshot
from manyshot.generate.snapshots import SnapshotImages, SnapshotRecorder
from manyshot.runtime.device import require_device
from manyshot.runtime.metrics_log import Row
from manyshot.runtime.training_session import TrainingSession
from manyshot.tasks import Source

GRID = 16
"""Number of examples in the pictures of a snapshot."""
BETAS = (0.0, 0.99)
RECENT = 0.98
"""Decay of the running mean of the discriminator's loss."""
EXPLODED = 10_000
"""A loss this many times the first one ends the training."""
BEGIN = {
    "signs": 0.0,
    "mean_discriminator_loss": 0.0,
    "recall": None,
    "best_recall": 0.0,
    "best_distance": None,
    "has_problem": False,
}
"""Progress of a training that has not begun: sum of the signs of real examples' scores since the last change of the
probability of augmentation, running mean of the discriminator's loss, and the results of snapshots."""


def fit_generator(
    objective: GeneratorObjective,
    source: Source,
    settings: GeneratorSettings,
    ops: tuple[Op, ...] = (),
    held_out: Source | None = None,
    folder: Path | None = None,
    resume: bool = False,
    title: str = "train",
    on_snapshot: Callable[[SnapshotImages], None] | None = None,
) -> list[Row]:
    """Train a generative model, and the discriminator of an adversarial one.

    Step s draws its examples, noise and augmentation from generators that are seeded by its number, so a training that
    is killed and resumed ends with the same bits as one that is not.

    Every `eval_every` steps a snapshot of the averaged model is compared with held-out examples. Of the snapshots in
    which nothing is wrong, the weights with the smallest kernel distance are kept. Mode collapse and a saturated
    discriminator are reported and logged; a loss or gradient that is not finite, or explodes, ends the training.

    Args:
        objective: Model and discriminator to train in place. They end with the best weights, or with the last ones if
            something was wrong in every snapshot.
        source: Real examples.
        settings: Settings of the loop.
        ops: Augmentation of real and generated examples before the discriminator sees them.
        held_out: Examples that snapshots are compared with; the training examples if None.
        folder: Folder for `last.safetensors`, `best.safetensors`, `snapshots.safetensors`, `metrics.jsonl`,
            `timing.json` and TensorBoard's files; None writes nothing.
        resume: Whether to continue from the folder's last checkpoint, if there is one.
        title: Title of the progress bar.
        on_snapshot: Function to call after each snapshot of a model of images, with the images of all snapshots.

    Returns:
        One row per step with its losses, one per snapshot, and one for each problem that was found.

    Raises:
        InputError: If the data do not suit the model, this machine has no such device, or the checkpoint is damaged.
        TrainingDiverged: If a loss or gradient explodes; the last good weights are put back.
        KeyboardInterrupt: After the step in which Ctrl-C was pressed; a checkpoint has been written.
    """
    device = require_device(settings.device)
    objective.to(device).train()
    objective.averaged.eval()
    adversarial = objective if isinstance(objective, AdversarialObjective) else None
    discriminator_weights = [*adversarial.discriminator.parameters()] if adversarial else []
    model_weights = objective.trainable_parameters()
    optimizer = _optimizer(discriminator_weights, model_weights, settings)
    conditioning = objective.model.conditioning
    batches = Batches(source, conditioning, settings.batch_size, settings.seed)
    compared = source if held_out is None else held_out
    _require_two(compared)
    grid = Batches(compared, conditioning, GRID, settings.seed).batch(0)
    repeats = settings.discriminator_steps if adversarial else 1
    ada = None if settings.ada_target is None else AdaptiveProbability(settings.ada_target, settings.ada_examples)
    begin = BEGIN | {"first": {}, "ada_probability": 1.0 if ada is None else 0.0}
    session = TrainingSession(objective, optimizer, settings.steps, begin, folder, resume)
    progress = session.progress
    snapshots = SnapshotRecorder(grid, settings.seed, folder, session.step, on_snapshot)

    try:
        with session.steps(title) as steps:
            for step in steps:
                draws = generator(settings.seed, "noise", step)
                p = progress["ada_probability"]
                change = discriminator_augmentation(ops, p, generator(settings.seed, "change", step))
                losses = {}
                for repeat in range(repeats):
                    batch = batches.batch(step * repeats + repeat).to(device)
                    if adversarial:
                        mix = torch.rand(settings.batch_size, generator=draws).to(device)
                        result = adversarial.discriminator_loss(batch, _noise(objective, settings, draws), mix, change)
                        losses["discriminator_loss"] = _update(
                            optimizer, discriminator_weights, result.loss, "discriminator", progress
                        )
                        progress["signs"] += float(result.real.sign().mean()) / (EVERY * repeats)
                loss = objective.generator_loss(batch, _noise(objective, settings, draws), change)
                losses["generator_loss"] = _update(optimizer, model_weights, loss, "generator", progress)
                # Short averages first, or the first weights, and losses, would stay in them for a long time.
                objective.average(min(settings.ema_decay, (1 + step) / (10 + step)))
                if adversarial:
                    decay = min(RECENT, step / (10 + step))
                    mean = progress["mean_discriminator_loss"]
                    progress["mean_discriminator_loss"] = decay * mean + (1 - decay) * float(result.adversarial)

                session.complete_step(**losses, **({} if ada is None else {"ada_probability": p}))
                if session.step % EVERY == 0:
                    if ada is not None:
                        seen = EVERY * repeats * settings.batch_size
                        progress["ada_probability"] = ada.next(p, progress["signs"], seen)
                    progress["signs"] = 0.0

                if session.is_due(settings.eval_every):
                    if _is_best_snapshot(objective, compared, settings, session):
                        session.save_best()
                    snapshots.record(session.step, objective.averaged)
                session.end_step(settings.save_every, _progress_note(losses, progress["recall"]))
    except TrainingDiverged as error:
        raise _with_advice(error, session.good_step) from None
    return session.finish()


def _optimizer(discriminator: list[nn.Parameter], model: list[nn.Parameter], settings: GeneratorSettings) -> Optimizer:
    """One optimizer for both sides, of which each update gives gradients to one."""
    discriminator_learning_rate = settings.discriminator_learning_rate or settings.learning_rate
    groups = [
        {"params": discriminator, "lr": discriminator_learning_rate},
        {"params": model, "lr": settings.learning_rate},
    ]
    return Adam(groups, betas=BETAS, fused=True)


def _require_two(compared: Source) -> None:
    if len(compared) < 2:
        raise InputError(
            f"{compared.name}: {len(compared)} example to compare generated ones with; give at least 2 (a larger data "
            "set, or another fraction for validation)"
        )


def _noise(objective: GeneratorObjective, settings: GeneratorSettings, draws: torch.Generator) -> Tensor:
    return torch.randn(settings.batch_size, objective.model.noise, generator=draws).to(settings.device)


def _update(
    optimizer: Optimizer, weights: list[nn.Parameter], loss: Tensor, side: str, progress: dict[str, Any]
) -> float:
    """Update one side and return its loss; weights of the other side have no gradient and stay as they are."""
    value = float(loss.detach())
    first = progress["first"].setdefault(side, value)
    optimizer.zero_grad(set_to_none=True)
    # Not `autograd.grad`, whose gradients may have another memory layout than their weights: a fused step on a CPU goes
    # through both in memory order, and would pair weights with each other's gradients.
    torch.autograd.backward(loss, inputs=weights)
    total = float(torch.stack([weight.grad.abs().sum() for weight in weights if weight.grad is not None]).sum())
    for what, number, most in (("loss", value, EXPLODED * (1 + abs(first))), ("gradient", total, math.inf)):
        if not math.isfinite(number) or abs(number) > most:
            raise TrainingDiverged(
                f"the {side}'s {what} is {number:.3g} at step {progress['step'] + 1}, so training stopped"
            )
    optimizer.step()
    return value


def _is_best_snapshot(
    objective: GeneratorObjective, compared: Source, settings: GeneratorSettings, session: TrainingSession
) -> bool:
    """Evaluate a snapshot and log it; returns whether its weights are the best so far."""
    progress = session.progress
    snapshot = evaluate_snapshot(objective.averaged, compared, settings.eval_examples, settings.seed)
    first = progress["best_distance"] is None
    saturates = isinstance(objective, AdversarialObjective) and objective.loss.saturates
    loss = progress["mean_discriminator_loss"]
    problem = diagnose_training(snapshot, progress["best_recall"], loss, saturates, first)
    if snapshot is not None:
        session.log(**vars(snapshot))
    if problem is not None:
        session.log(problem=problem)
        if not progress["has_problem"]:
            kept = "no weights have been kept yet" if first else "the best weights so far are kept"
            note(f"step {session.step}: {problem}; {kept}, and training continues")
    progress["has_problem"] = problem is not None
    if snapshot is None:
        return False
    better = first or snapshot.kernel_distance < progress["best_distance"]
    progress["recall"], progress["best_recall"] = snapshot.recall, max(progress["best_recall"], snapshot.recall)
    if problem is not None or not better:
        return False
    progress["best_distance"] = snapshot.kernel_distance
    return True


def _with_advice(error: TrainingDiverged, good_step: int) -> TrainingDiverged:
    kept = "the last good weights are kept" if good_step else "nothing was learned before"
    advice = "Lower the learning rate, or add a penalty or spectral=yes to the model"
    return TrainingDiverged(f"{error}; {kept}. {advice}")


def _progress_note(losses: dict[str, float], recall: float | None) -> str:
    words = [f"{name[0].upper()} {value:.2f}" for name, value in losses.items()]
    return "  ".join(words if recall is None else [*words, f"recall {recall:.2f}"])
