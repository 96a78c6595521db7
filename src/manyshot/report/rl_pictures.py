"""Pictures of agents for pages: episodes in held-out worlds, and what the agent saw."""

from collections.abc import Mapping

import torch
from PIL import Image
from torch import Tensor

from manyshot.base import InputError
from manyshot.base.seeds import generator
from manyshot.report.page import Paragraph, Part, Picture, Section
from manyshot.rl.choose_view import LEARNED, Choice
from manyshot.rl.render_episodes import episodes_gif
from manyshot.rl.rl_plan import RLPlan
from manyshot.rl.rl_train import RLRun
from manyshot.rl.rollout_env import reset

SHOWN, SIDE, GAP = 6, 96, 6
"""Number of observations that are shown, pixels along a side of one, and pixels between them."""


def episodes_section(runs: Mapping[str, RLRun]) -> Section:
    """An animation of held-out worlds, a row for each agent, all from the same first states.

    Args:
        runs: One agent of each arm, by name.
    """
    rows = ", then ".join(f"'{name}'" for name in runs)
    caption = (
        f"Rows from top to bottom: {rows}. Columns: held-out worlds, evenly spaced in the family. A frame turns green "
        "where the episode was solved, and red where not."
    )
    title = "Episodes in held-out worlds"
    try:
        animation = episodes_gif(runs)
    except InputError as error:  # an environment of somebody else that cannot be drawn
        return Section(title, [Paragraph(f"No animation: {error}.")])
    return Section(title, [Picture(animation, "image/gif", alt=title, caption=caption)])


def seen_section(run: RLRun, suffix: str = "") -> list[Section]:
    """What the agent saw at the start of training worlds, and the same as its plan changes it; none for vectors.

    Args:
        run: The agent's run.
        suffix: End of the section's title.
    """
    world, config = run.split.world, run.config
    if len(world.observation) != 3 or world.observation[0] not in (1, 3):
        return []
    plans = [config.plan] if config.choose == "none" else list(Choice.parse(config.choose).plans)
    plain = RLPlan("none", world)
    env = run.split.env("training", plain, config.fit.seed)
    levels = torch.arange(min(SHOWN, len(env.contexts)))
    draws = generator(config.fit.seed, "seen")
    seen = world.observe(reset(env, levels, levels, 0, draws).state)
    rows = [("as it is", seen)]
    for text in plans:
        plan = RLPlan(text, world)
        for placement, changed in (
            ("rollout", plan.look(seen, plan.rollout.sample(len(seen), draws))),
            ("view", plan.view(seen, draws)),
        ):
            if plan.has(placement):
                rows.append((_clause(text, placement), changed))
    if len(rows) == 1:
        return []
    told = "Rows from top to bottom: " + "; ".join(name for name, _ in rows)
    weights = " (weights learned)" if config.choose.startswith(LEARNED) else ""
    parts: list[Part] = [Picture.of(_sheet([row for _, row in rows]), alt="Observations", caption=f"{told}{weights}.")]
    return [Section(f"What the agent saw{suffix}", parts)]


def _clause(plan: str, placement: str) -> str:
    """The clause of a plan that acts at a placement."""
    clauses = (clause.strip() for clause in plan.split(";"))
    return next((clause for clause in clauses if clause.startswith(f"{placement}:")), plan)


def _sheet(rows: list[Tensor]) -> Image.Image:
    """Observations `[n, c, h, w]` of each row side by side."""
    step = SIDE + GAP
    sheet = Image.new("RGB", (step * len(rows[0]) - GAP, step * len(rows) - GAP), "white")
    for down, row in enumerate(rows):
        for right, image in enumerate(row):
            pixels = image.expand(3, -1, -1).permute(1, 2, 0).clamp(0, 1).mul(255).round().to(torch.uint8)
            picture = Image.fromarray(pixels.numpy()).resize((SIDE, SIDE), Image.Resampling.NEAREST)
            sheet.paste(picture, (right * step, down * step))
    return sheet
