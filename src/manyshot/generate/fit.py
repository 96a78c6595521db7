"""Training a generative model: one loop, read from top to bottom."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.optim import Adam, Optimizer

from manyshot.augment import Op
from manyshot.base import InputError, TrainingDiverged, note, sweep, write_aside
from manyshot.base.progress import bar
from manyshot.base.seeds import generator
from manyshot.generate import AdversarialObjective, Batches, GeneratorObjective
from manyshot.generate.ada import EVERY, AdaptiveProbability
from manyshot.generate.batches import as_floats
from manyshot.generate.config import GeneratorSettings
from manyshot.generate.diff_augment import discriminator_augmentation
from manyshot.generate.monitor import look_at, make_like, trouble
from manyshot.runtime.checkpoint import load_checkpoint, save_checkpoint
from manyshot.runtime.clock import CpuClock
from manyshot.runtime.device import require_device
from manyshot.runtime.interrupt import postponed_interrupt
from manyshot.runtime.metrics_log import MetricsLog, Row
from manyshot.tasks import Source

GRID = 16
"""Items of a look that are kept to be shown."""
LOOKS = "looks.safetensors"
BETAS = (0.0, 0.99)
RECENT = 0.98
"""How much of the running mean of the discriminator's loss a step keeps at most."""
EXPLODED = 10_000
"""A loss this many times as large as at first."""
FRESH = {
    "step": 0,
    "signs": 0.0,
    "unsure": 0.0,
    "recall": None,
    "best_recall": 0.0,
    "best_distance": None,
    "best_step": None,
    "troubled": False,
}
"""The progress of a training that has not begun."""


@dataclass(frozen=True, eq=False)
class Looks:
    """What was made at each look, of the same noise and conditions.

    Args:
        shown: `[n, ...]` the items that the model was shown, for models that are shown some.
        made: by step, `[n, ...]`.
    """

    shown: Tensor | None
    made: dict[int, Tensor]


def fit_generator(
    lesson: GeneratorObjective,
    source: Source,
    settings: GeneratorSettings,
    ops: tuple[Op, ...] = (),
    held_out: Source | None = None,
    folder: Path | None = None,
    resume: bool = False,
    title: str = "train",
    looked: Callable[[Looks], None] | None = None,
) -> list[Row]:
    """Train a generator, and the discriminator of a game beside it.

    Step s draws its items, noise and augmentation from generators of its own number, so a run that is killed and
    resumed ends with the same bits as one that is not.

    Every `eval_every` steps the averaged generator is looked at, beside held-out items. The weights with the smallest
    kernel distance among the looks at which nothing was wrong are kept. Loss of modes and a saturated discriminator are
    said and noted; a loss or gradient that is no number, or explodes, ends the training.

    Args:
        lesson: trained in place; at the end it holds the weights that were kept, or the last ones if every look found
            something wrong.
        source: real items.
        settings: see `GeneratorSettings`.
        ops: what real and made items go through before the discriminator sees them.
        held_out: what looks compare with; the training items if None.
        folder: where `last.safetensors`, `best.safetensors`, `looks.safetensors`, `metrics.jsonl`, `timing.json` and
            TensorBoard's files go; None keeps nothing.
        resume: go on from the folder's last checkpoint, if there is one.
        title: what the progress bar says.
        looked: called after each look at pictures, with all looks so far.

    Returns:
        One row a step with both losses, one for each look, and one for each trouble that was met.

    Raises:
        InputError: if the data do not suit the model, this machine has no such device, or the checkpoint is damaged.
        TrainingDiverged: if a loss or gradient explodes; the lesson gets the weights of the last checkpoint back.
        KeyboardInterrupt: after the step at which Ctrl-C came; a checkpoint has been written.
    """
    device = require_device(settings.device)
    lesson.to(device).train()
    lesson.averaged.eval()
    game = lesson if isinstance(lesson, AdversarialObjective) else None
    judge, maker = [*game.discriminator.parameters()] if game else [], lesson.trainable_parameters()
    rates = settings.discriminator_learning_rate or settings.learning_rate, settings.learning_rate
    optimizer = Adam(
        [{"params": p, "lr": r} for p, r in zip((judge, maker), rates, strict=True)], betas=BETAS, fused=True
    )
    batches = Batches(source, lesson.model.conditioning, settings.batch_size, settings.seed)
    compared = source if held_out is None else held_out
    if len(compared) < 2:
        raise InputError(
            f"{compared.name}: {len(compared)} item to compare made ones with; give at least 2 (a larger data set, or "
            "another --validation)"
        )
    grid = Batches(compared, lesson.model.conditioning, GRID, settings.seed).batch(0)
    turns = settings.discriminator_steps if game else 1
    adapt = None if settings.ada_target is None else AdaptiveProbability(settings.ada_target, settings.ada_examples)

    last, best = (folder / "last.safetensors", folder / "best.safetensors") if folder else (None, None)
    progress: dict[str, Any] = FRESH | {"first": {}, "share": 1.0 if adapt is None else 0.0}
    for path in (last, best):
        if path:
            sweep(path)
    going_on = bool(resume and last and last.exists())
    if going_on and last:
        progress = load_checkpoint(last, lesson, optimizer)
    elif last and best:
        best.unlink(missing_ok=True)
        save_checkpoint(last, lesson, optimizer, progress)
    good_weights = best_weights = None if folder else _copy(lesson)
    saved = 0
    looks = Looks(grid.condition.like, read_looks(folder, progress["step"]) if folder and going_on else {})
    log, clock = MetricsLog(folder, after=progress["step"]), CpuClock(folder, going_on)

    try:
        with bar() as display, postponed_interrupt() as interrupted:
            line = display.add_task(title, total=settings.steps, completed=progress["step"], note="")
            for step in range(progress["step"], settings.steps):
                draws = generator(settings.seed, "noise", step)
                change = discriminator_augmentation(ops, progress["share"], generator(settings.seed, "change", step))
                losses = {}
                for turn in range(turns):
                    batch = batches.batch(step * turns + turn).to(device)
                    if game:
                        share = torch.rand(settings.batch_size, generator=draws).to(device)
                        seen = game.discriminator_loss(batch, _noise(game, settings, draws), share, change)
                        losses["discriminator_loss"] = _update(optimizer, judge, seen.loss, "discriminator", progress)
                        progress["signs"] += float(seen.real.sign().mean()) / (EVERY * turns)
                made = lesson.generator_loss(batch, _noise(lesson, settings, draws), change)
                losses["generator_loss"] = _update(optimizer, maker, made, "generator", progress)
                # Short averages first, or the first weights, and losses, would stay in them for a long time.
                lesson.average(min(settings.ema_decay, (1 + step) / (10 + step)))
                if game:
                    kept = min(RECENT, step / (10 + step))
                    progress["unsure"] = kept * progress["unsure"] + (1 - kept) * float(seen.adversarial)

                done = progress["step"] = step + 1
                log.write({"step": done, **losses} | ({} if adapt is None else {"share": progress["share"]}))
                if done % EVERY == 0:
                    if adapt is not None:
                        seen_items = EVERY * turns * settings.batch_size
                        progress["share"] = adapt.next(progress["share"], progress["signs"], seen_items)
                    progress["signs"] = 0.0

                finished, stopping = done == settings.steps, interrupted.is_set()
                if done % settings.eval_every == 0 or finished:
                    if _look(lesson, compared, settings, progress, log):
                        if best:
                            save_checkpoint(best, lesson, None, progress)
                        else:
                            best_weights = good_weights = _copy(lesson)
                            saved = done
                    if len(lesson.model.shape) == 3:
                        looks.made[done] = make_like(lesson.averaged, grid, settings.seed)
                        _write_looks(folder, looks)
                        if looked is not None:
                            looked(looks)
                if done % settings.save_every == 0 or finished or stopping:
                    if last:
                        save_checkpoint(last, lesson, optimizer, progress)
                        clock.note(clock.spent())
                    else:
                        good_weights, saved = _copy(lesson), done
                if stopping:
                    raise KeyboardInterrupt
                words = [f"{name[0].upper()} {value:.2f}" for name, value in losses.items()]
                if progress["recall"] is not None:
                    words.append(f"recall {progress['recall']:.2f}")
                display.update(line, completed=done, note="  ".join(words))
    except TrainingDiverged as error:
        if last:
            saved = load_checkpoint(last, lesson)["step"]
        elif good_weights:
            lesson.load_state_dict(good_weights)
        learned = saved > 0 or progress["best_step"] is not None
        left = "the last good weights are kept" if learned else "nothing was learned before"
        mend = "Lower the rate, or add a penalty or spectral=yes to the model"
        raise TrainingDiverged(f"{error}; {left}. {mend}") from None
    finally:
        log.close()
        lesson.eval()

    if best and best.exists():
        load_checkpoint(best, lesson)
    elif best_weights and progress["best_step"] is not None:
        lesson.load_state_dict(best_weights)
    return log.rows


def _noise(lesson: GeneratorObjective, settings: GeneratorSettings, draws: torch.Generator) -> Tensor:
    return torch.randn(settings.batch_size, lesson.model.noise, generator=draws).to(settings.device)


def _update(
    optimizer: Optimizer, weights: list[nn.Parameter], loss: Tensor, side: str, progress: dict[str, Any]
) -> float:
    """One step of one side, whose loss is returned; weights of the other side have no gradient and stay as they are."""
    value = float(loss.detach())
    first = progress["first"].setdefault(side, value)
    optimizer.zero_grad(set_to_none=True)
    # Not `autograd.grad`, whose grads may lie in memory in another order than their weights: a fused step on a
    # processor goes through both as they lie, and would give weights each other's grads.
    torch.autograd.backward(loss, inputs=weights)
    total = float(torch.stack([weight.grad.abs().sum() for weight in weights if weight.grad is not None]).sum())
    for what, number, most in (("loss", value, EXPLODED * (1 + abs(first))), ("gradient", total, math.inf)):
        if not math.isfinite(number) or abs(number) > most:
            raise TrainingDiverged(
                f"the {side}'s {what} is {number:.3g} at step {progress['step'] + 1}, so training stopped"
            )
    optimizer.step()
    return value


def _look(
    lesson: GeneratorObjective, compared: Source, settings: GeneratorSettings, progress: dict[str, Any], log: MetricsLog
) -> bool:
    """Look at what is made, and note it; returns whether these are the best weights so far."""
    step = progress["step"]
    found = look_at(lesson.averaged, compared, settings.eval_examples, settings.seed)
    first = progress["best_distance"] is None
    saturates = isinstance(lesson, AdversarialObjective) and lesson.loss.saturates
    wrong = trouble(found, progress["best_recall"], progress["unsure"], saturates, first)
    if found is not None:
        log.write({"step": step, **vars(found)})
    if wrong is not None:
        log.write({"step": step, "trouble": wrong})
        if not progress["troubled"]:
            kept = "no look has been kept yet" if first else "the weights of the best look before are kept"
            note(f"step {step}: {wrong}; {kept}, and training goes on")
    progress["troubled"] = wrong is not None
    if found is None:
        return False
    better = first or found.kernel_distance < progress["best_distance"]
    progress["recall"], progress["best_recall"] = found.recall, max(progress["best_recall"], found.recall)
    if wrong is not None or not better:
        return False
    progress |= {"best_distance": found.kernel_distance, "best_step": step}
    return True


def read_looks(folder: Path, up_to: int | None = None) -> dict[int, Tensor]:
    """The pictures that were made at each look of a run, by step; none where none are kept, or the file is damaged.

    Args:
        folder: the run's.
        up_to: leave later steps out.

    Example:
        >>> read_looks(Path("/nowhere"))
        {}
    """
    try:
        made = {int(step): as_floats(tensor) for step, tensor in load_file(folder / LOOKS).items()}
    except (OSError, SafetensorError, ValueError):  # pictures to look at are no reason to fail
        return {}
    return {step: made[step] for step in sorted(made) if up_to is None or step <= up_to}


def _write_looks(folder: Path | None, looks: Looks) -> None:
    if folder is not None:
        with write_aside(folder / LOOKS) as aside:
            # Convolutions may leave colours last in memory, which the file cannot hold.
            bytes_of = {f"{step:07}": made.mul(255).round().to(torch.uint8) for step, made in looks.made.items()}
            save_file({step: made.contiguous() for step, made in bytes_of.items()}, aside)


def _copy(lesson: GeneratorObjective) -> dict[str, Tensor]:
    return {name: tensor.clone() for name, tensor in lesson.state_dict().items()}
