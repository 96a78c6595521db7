"""Train an agent from its settings, in a run that survives a kill and goes on bit for bit."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from manyshot.base import InputError, did_you_mean, locked_folder
from manyshot.base.tensor_file import read_tensors
from manyshot.rl.adapt.registry import RL_LEARNERS
from manyshot.rl.policy import ActorCritic
from manyshot.rl.rl_config import RLConfig
from manyshot.rl.rl_evaluate import WorldResults
from manyshot.rl.rl_plan import RLPlan
from manyshot.rl.trainer import Trainer, make_policy, steps_per_update, updates
from manyshot.rl.world_split import PARTS, WorldSplit
from manyshot.runtime.device import device_or_cpu, require_device
from manyshot.runtime.metrics_log import Row, read_metrics
from manyshot.runtime.run_folder import CONFIG, check_run_folder, kind_of_run, read_config, write_config
from manyshot.runtime.training_session import LAST, TrainingSession, is_complete

AGENT = "agent"
"""Kind, in `config.json`, of the run of an agent."""
WEIGHTS = "learner.policy."
"""What the names of the policy's tensors begin with in a checkpoint."""


@dataclass(frozen=True, eq=False)
class RLRun:
    """A trained agent with its settings.

    Args:
        config: Settings of the run.
        split: Its worlds.
        policy: The agent.
        rows: Log of the training.
        folder: Folder of the run, if it has one.
    """

    config: RLConfig
    split: WorldSplit
    policy: ActorCritic
    rows: list[Row]
    folder: Path | None = None


def train_agent(config: RLConfig, folder: Path | None = None, resume: bool = False, title: str = "train") -> RLRun:
    """Train an agent from the settings of a run.

    Args:
        config: Settings of the run.
        folder: Folder to write the run to; None writes nothing.
        resume: Whether to continue the run in the folder, which must have the same settings.
        title: Title of the progress bar.

    Raises:
        InputError: If the folder holds something else or another process writes to it, the settings cannot be used, or
            the world gives a reward or an observation that is not finite.
        TrainingDiverged: If the loss or its gradient is not finite; the last good weights are kept.

    Example:
        >>> from manyshot.rl.rl_config import RLSettings
        >>> fit = RLSettings(steps=16, games=4, rollout=4, width=8)
        >>> [sorted(row)[0] for row in train_agent(RLConfig("point", worlds=4, fit=fit)).rows]
        ['clip_share', 'held_out_return']
    """
    with locked_folder(folder):
        if folder is not None:
            check_run_folder(folder, lambda path: _settings_in(path).as_dict(), config.as_dict(), resume)
        require_device(config.fit.device)
        trainer = Trainer(config, WorldSplit.of(config))
        if folder is not None:
            write_config(folder, config.as_dict(), kind=AGENT)
        rows = _train(trainer, folder, resume, title)
    return RLRun(config, trainer.split, trainer.policy, rows, folder)


def _train(trainer: Trainer, folder: Path | None, resume: bool, title: str) -> list[Row]:
    fit, size = trainer.config.fit, steps_per_update(trainer.config)
    session = TrainingSession(trainer, trainer.optimizer, updates(trainer.config), {}, folder, resume)
    began, first, note = time.monotonic(), session.step, ""
    with session.steps(title) as numbers:
        for number in numbers:
            row = trainer.update(number)
            session.complete_step(**row, world_steps=float((number + 1) * size))
            if session.is_due(fit.eval_every):
                found = evaluate_parts(trainer)
                session.log(**found)
                note = f"held-out worlds solved {found['held_out_solved']:.0%}"
            speed = (session.step - first) * size / (time.monotonic() - began)
            session.end_step(fit.save_every, f"{speed:,.0f} steps/s  return {row.get('train_return', 0.0):.2f}  {note}")
    return session.finish()


def evaluate_parts(trainer: Trainer) -> dict[str, float]:
    """Return and share of solved worlds in the last episode of a trial, on each part of the worlds."""
    found: dict[str, float] = {}
    for part in PARTS:
        results = trainer.learner.evaluate(trainer.plain_arena(part), trainer.policy, device=trainer.config.fit.device)
        found |= {f"{part}_return": results.returns[:, -1].mean(), f"{part}_solved": results.solved[:, -1].mean()}
    return {name: float(value) for name, value in found.items()}


def load_agent(folder: Path | str) -> RLRun:
    """Load a trained agent from its run's folder.

    Raises:
        InputError: If the folder holds no agent's run, or its files are damaged.
    """
    path = Path(folder)
    config = _settings_in(path)
    split = WorldSplit.of(config)
    device = device_or_cpu(config.fit.device)
    policy = make_policy(config, split).to(device)
    tensors, _ = read_tensors(path / LAST)
    weights = {name.removeprefix(WEIGHTS): value for name, value in tensors.items() if name.startswith(WEIGHTS)}
    try:
        policy.load_state_dict(weights)
    except RuntimeError:
        raise InputError(f"{path / LAST}: its weights are not those of its config.json; restore the files") from None
    return RLRun(config, split, policy.eval(), read_metrics(path / "metrics.jsonl"), path)


def evaluate_run(
    run: RLRun, part: str = "held_out", trials: int = 1, greedy: bool = True, resets_memory: bool = False, seed: int = 0
) -> WorldResults:
    """Judge a trained agent in every world of a part.

    Args:
        run: The agent's run.
        part: One of training, validation, held_out.
        trials: Number of trials in each world.
        greedy: Take the likeliest action; a drawn one if False.
        resets_memory: Clear the agent's memory before every episode of a trial.
        seed: Seed of the starts and draws.

    Raises:
        InputError: If there is no such part, or no memory to clear.
    """
    if part not in PARTS:
        known = [name.replace("_", "-") for name in PARTS]
        raise InputError(f"worlds '{part.replace('_', '-')}'; {did_you_mean(part, known)}")
    learner = RL_LEARNERS.parse(run.config.learner).build()
    plan = RLPlan("none", run.split.world)
    env = run.split.env(part, plan, seed, learner.episodes, learner.feeds_back)
    device = next(run.policy.parameters()).device
    return learner.evaluate(env, run.policy, trials, greedy, device, resets_memory)


def is_agent_trained(config: RLConfig, folder: Path) -> bool:
    """Whether a folder holds this training, done to its last step, see `is_complete`."""
    return is_complete(folder, lambda path: _settings_in(path).as_dict(), config.as_dict(), updates(config))


def _settings_in(folder: Path) -> RLConfig:
    path = folder / CONFIG
    if not path.exists():
        raise InputError(f"{folder}: no agent's run; name a folder that `manyshot rl train` wrote")
    if kind_of_run(folder) != AGENT:
        raise InputError(f"{folder}: holds another kind of run, not an agent; name one that `manyshot rl train` wrote")
    values: dict[str, Any] = read_config(folder)
    return RLConfig.from_dict(values["config"], str(path))
