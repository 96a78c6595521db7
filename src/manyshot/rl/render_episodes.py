"""Render episodes: agents side by side in the same worlds, as an animation."""

import io
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import torch
from PIL import Image, ImageDraw, ImageFont

from manyshot.base import InputError, write_aside
from manyshot.base.seeds import generator
from manyshot.rl.adapt.registry import RL_LEARNERS
from manyshot.rl.policy import ActorCritic
from manyshot.rl.rl_evaluate import GAMES
from manyshot.rl.rl_plan import RLPlan
from manyshot.rl.rl_train import RLRun
from manyshot.rl.rollout_env import RolloutEnv, collect_rollout, reset

SIDE, EDGE, GAP, LABEL = 96, 3, 5, 18
"""Pixels of a world's picture, of its frame, between worlds, and of the line above each agent's row."""
MILLISECONDS, LAST = 90, 1500
"""Time of a picture, and of the last one."""
GOING, SOLVED, FAILED = (180, 180, 180), (0, 158, 115), (213, 94, 0)


class RecordedEpisode(NamedTuple):
    """Pictures of one world, and whether each of the episodes was solved at its end."""

    pictures: list[Image.Image]
    colors: list[tuple[int, int, int]]


def record_episodes(env: RolloutEnv, policy: ActorCritic, worlds: int, side: int = SIDE) -> list[RecordedEpisode]:
    """Play the likeliest actions in the first worlds of an env, to the end of each trial.

    Args:
        env: What is played.
        policy: The agent.
        worlds: Number of worlds.
        side: Pixels along a side of each picture.
    """
    env = replace(env, contexts=env.contexts[:worlds], ids=env.ids[:worlds])
    levels = torch.arange(len(env.contexts))
    draws = generator(env.seed, "evaluate")
    games = reset(env, levels, torch.full_like(levels, GAMES), policy.memory, draws)
    films = [RecordedEpisode([], []) for _ in levels]
    over = torch.zeros(len(levels), dtype=torch.bool)
    device = next(policy.parameters()).device
    for _ in range(env.world.horizon * env.episodes):
        for row in (~over).nonzero()[:, 0].tolist():
            picture = Image.fromarray(env.world.draw(games.state, row).numpy())
            films[row].pictures.append(picture.resize((side, side), Image.Resampling.NEAREST))
            films[row].colors.append(GOING)
        rollout, games = collect_rollout(env, games, policy, 1, draws, greedy=True, device=device)
        for row in (rollout.episode_ended[0] & ~over).nonzero()[:, 0].tolist():
            films[row].colors[-1] = SOLVED if rollout.solved[0, row] else FAILED
        over |= rollout.ended[0]
        if bool(over.all()):
            break
    return films


def episodes_gif(
    runs: Mapping[str, RLRun],
    part: str = "held_out",
    worlds: int = 6,
    seed: int = 0,
    columns: int | None = None,
    side: int = SIDE,
) -> bytes:
    """An animation: for each agent a row of some worlds, the same ones from the same first states.

    A world's frame turns green where its episode was solved and red where not; the picture then stays.

    Args:
        runs: Agents by name, of one world.
        part: Part of the worlds; those that are shown are evenly spaced in it.
        worlds: Number of worlds.
        seed: Seed of the starts.
        columns: Number of worlds side by side; further ones stand below. All if None.
        side: Pixels along a side of each world's picture.

    Raises:
        InputError: If there is nothing to show.
    """
    films = []
    for run in runs.values():
        learner = RL_LEARNERS.parse(run.config.learner).build()
        plan = RLPlan("none", run.split.world)
        env = run.split.env(part, plan, seed, learner.episodes, learner.feeds_back)
        chosen = torch.linspace(0, len(env.contexts) - 1, min(worlds, len(env.contexts))).long()
        env = replace(env, contexts=env.contexts[chosen], ids=env.ids[chosen])
        films.append(record_episodes(env, run.policy, worlds, side))
    if not films or not films[0]:
        raise InputError("no episode to show; name at least one agent and one world")
    length = max(len(film.pictures) for row in films for film in row)
    frames = [
        _frame(dict(zip(runs, films, strict=True)), time, columns or len(films[0]), side) for time in range(length)
    ]
    buffer = io.BytesIO()
    times = [MILLISECONDS] * (length - 1) + [LAST]
    frames[0].save(buffer, "GIF", save_all=True, append_images=frames[1:], duration=times, loop=0, optimize=True)
    return buffer.getvalue()


def check_animation(path: Path) -> None:
    """Refuse a path that names no GIF.

    Raises:
        InputError: If the name does not end with .gif.
    """
    if path.suffix.lower() != ".gif":
        raise InputError(f"{path}: animations are written as GIF; name a file that ends with .gif")


def write_episodes(path: Path, runs: Mapping[str, RLRun], part: str = "held_out", seed: int = 0) -> None:
    """Write the animation of `episodes_gif` to a file, and the folders that it is in.

    Raises:
        InputError: If the file is not to be a GIF, or there is nothing to show.
    """
    check_animation(path)
    content = episodes_gif(runs, part, seed=seed)
    with write_aside(path) as aside:
        aside.write_bytes(content)


def _frame(films: Mapping[str, Sequence[RecordedEpisode]], time: int, columns: int, side: int) -> Image.Image:
    """The worlds of each agent, below its name and the number of worlds that it has solved so far."""
    framed, font = side + 2 * EDGE, ImageFont.load_default(LABEL - 4)
    step = framed + GAP
    lines = -(-max(map(len, films.values())) // columns)
    high = LABEL + lines * step
    sheet = Image.new("RGB", (step * columns - GAP, high * len(films) - GAP), "white")
    pen = ImageDraw.Draw(sheet)
    for number, (name, row) in enumerate(films.items()):
        solved = sum(film.colors[min(time, len(film.colors) - 1)] == SOLVED for film in row)
        pen.text((EDGE, number * high), f"{name}: {solved} of {len(row)} solved", "black", font)
        for index, film in enumerate(row):
            at = min(time, len(film.pictures) - 1)
            picture = Image.new("RGB", (framed, framed), film.colors[at])
            picture.paste(film.pictures[at], (EDGE, EDGE))
            down, right = divmod(index, columns)
            sheet.paste(picture, (right * step, number * high + LABEL + down * step))
    return sheet.quantize(64)
