"""Agents on worlds that they never saw."""

from sections.cells import paragraph, points, table

NAMES = {
    "leap": "Leap: jump over an obstacle, from pixels",
    "point": "Point: find a hidden goal, with a memory (RL2)",
    "choice": "Leap: which view, chosen or learned while training",
    "controls": "Point: controls turned by a hidden angle, with a memory (RL2)",
    "colors": "Leap in other colors",
    "rooms": "Rooms: procedural floor plans",
}

NOTES = {
    "leap": "The same shift in two placements. Acted on (RAD), it wins most at hardly more time, and is learned more "
    "slowly: not all training worlds are solved yet. In the loss alone (DrAC), it wins half of that and costs a second "
    "pass through the network. Random filters change what no world of leap changes, and win nothing.",
    "choice": "Each seed lists the views in another order. The published UCB stays with the first one, whatever it is. "
    "The bandit is told nothing before the agent solves something. 'learned' drops both wrong views after 8 to 14 of "
    "76 updates; with seed 3 it drops the flip alone and keeps erasing beside the crop. How it judges was settled on a "
    "seed that is not among these, after a variant that used the leading view alone had stayed with the first one on "
    "seeds 0 and 2; seeds 3 and 4 were trained after that. It finds the right view; that it does better than that view "
    "alone is not shown. Neither wrong view does harm here: agents without augmentation solve so few held-out worlds "
    "that there is little to lose. In rooms a wrong view does.",
    "controls": "An agent that remembers goes straight to the goal in its second episode; with its memory cleared it "
    "does not. To turn the controls of a trial is knowledge of a symmetry. Angles near those of the training worlds "
    "(`world: jitter`) win nothing. An agent that sees the angle and was trained with 24 all around is the upper "
    "bound.",
    "colors": "Three color schemes to train with, 100 others to be judged by, each with three obstacles: a scheme "
    "counts by the share of its obstacles that are cleared. Whatever stands out from the sky is lighter than "
    "it in some schemes and darker in others; with dark skies and one obstacle there was nothing to win. "
    "Random filters change colors and keep shapes. The shift, which is right where positions are new, does "
    "little where colors are.",
    "point": "Without augmentation the agent has learned where four neighboring goals are, and searches nowhere else. "
    "Mixes of these goals (`world: mix`) lie between them and win nothing. Goals everywhere is the upper bound: 24 "
    "training worlds all around, so that others are held out; one of its five agents finds all goals at first, and "
    "what it then remembers leads it past three of eight. To turn and mirror trials reaches this bound with four.",
    "rooms": "The same turn, right and wrong: as a view it asks for the same step where another one is right; as a "
    "trial, steps turn along. A view that keeps the right action, brightness, is no remedy here either: with this "
    "weight it holds learning back. Replaying levels from which there is more to learn (PLR) costs 4 points, and "
    "robust PLR changes nothing clearly. Not even the agents without augmentation have solved all training worlds "
    "after so few steps.",
}
"""What a table does not say by itself."""


def agents(results: dict) -> str:
    """Held-out worlds solved by each arm, by experiment."""
    lines = [
        "## Agents\n",
        paragraph(
            "`experiments/rl_agents.py`: agents trained on a few worlds of a family and evaluated on all others by "
            "their likeliest actions; settings in [agents](rl_agents.md). All arms of an experiment took the same "
            "number of steps. Differences are paired by seed and world, and their intervals cover both. The script "
            "trains five seeds; each table says how many were run here. CPU seconds are those of one training on a "
            "machine under load. The interquartile mean stands beside because "
            "other work prints it; its bootstrap is too narrow for five seeds. The column 'diagnosed before' is what "
            "`manyshot rl diagnose` said of a view before anything was trained, in the training worlds."
        ),
    ]
    for name, title in NAMES.items():
        if name in results:
            lines += _experiment(name, title, results[name])
    return "\n".join((*lines, ""))


def peers(results: dict) -> str:
    """Our PPO beside that of stable-baselines3."""
    rows = [
        [
            env,
            f"{found['steps']:,}",
            *(
                cell
                for name in ("ours", "stable-baselines3")
                for cell in (
                    f"{found[name]['return']:.0f} ({', '.join(f'{r:.0f}' for r in found[name]['return_by_seed'])})",
                    f"{found[name]['cpu_seconds']:.0f}",
                )
            ),
        ]
        for env, found in results.items()
        if isinstance(found, dict) and "ours" in found
    ]
    columns = ["environment", "steps", "ours", "CPU seconds", "stable-baselines3", "CPU seconds"]
    text = (
        "`experiments/rl_peers.py`: the same settings and numbers of steps; mean return of 50 episodes of likeliest "
        "actions, in brackets that of each seed. So few seeds show whether ours learns as it should, not which is "
        "better."
    )
    return "\n".join(("### PPO beside stable-baselines3\n", paragraph(text), *table(columns, rows), ""))


def _experiment(name: str, title: str, found: dict) -> list[str]:
    seeds, worlds, arms = len(found["seeds"]), found["worlds"], found["arms"]
    cells = [_cells(row, seeds) for row in arms.values()]
    columns = list(dict.fromkeys(name for row in cells for name in row))
    rows = [[arm, *(row.get(name, "") for name in columns)] for arm, row in zip(arms, cells, strict=True)]
    told = f"{found['steps']:,} steps, {worlds['training']} training and {worlds['held_out']} held-out worlds, "
    lines = [f"### {title}\n", paragraph(told + f"{seeds} seed{'s' if seeds > 1 else ''}.")]
    lines += [*table(["arm", *columns], rows), ""]
    if note := NOTES.get(name):
        lines += [paragraph(note), ""]
    if "best_fixed" in found:
        text = f"The best fixed view, in hindsight, is '{found['best_fixed']}'."
        if seeds > 1:
            text += " Points beside it: " + "; ".join(
                f"{name} {points(row['against_best_fixed'])}"
                for name, row in arms.items()
                if "against_best_fixed" in row
            )
        lines += [paragraph(text.rstrip(".") + "."), ""]
        if len(found["fixed"]) > 1:
            text = f"The fixed views together solve {found['mean_of_fixed']:.0%} (mean). Points beside that: "
            text += "; ".join(
                f"{name} {points(row['against_mean_of_fixed'])}"
                for name, row in arms.items()
                if "against_mean_of_fixed" in row
            )
            lines += [paragraph(text + "."), ""]
        chosen = [
            [name, str(seed), ", ".join(f"{view} {share:.0%}" for view, share in shares.items())]
            for name, row in arms.items()
            for seed, shares in zip(found["seeds"], row.get("pulled", ()), strict=False)
        ]
        lines += [*table(["choice", "seed", "share of the updates that took each view"], chosen), ""]
    for run in found["unpaired"]:
        episodes = " → ".join(f"{share:.0%}" for share in run["by_episode"])
        text = f"Not in the table, for want of seeds in common: '{run['arm']}', seed {run['seed']}, {episodes} after "
        lines += [paragraph(text + f"{run['steps']:,} steps."), ""]
    return lines


def _cells(row: dict, seeds: int) -> dict[str, str]:
    """The cells of an arm, by column."""
    gap = ""
    if "against_none" in row:
        gap = points(row["against_none"])
    elif "difference" in row:
        gap = f"{100 * row['difference']:+.1f} (one seed)"
    elif "other_held_out_worlds" in row:
        gap = f"{row['other_held_out_worlds']} other worlds"
    several = len(row["by_episode"]) > 1
    low, high = row["interquartile_interval"]
    cells = {"held out, by episode" if several else "held out": _arrows(row["by_episode"], "{:.0%}")}
    if "by_episode_steps" in row and several:
        cells["steps, by episode"] = _arrows(row["by_episode_steps"], "{:.1f}")
    if "by_episode_memory_cleared" in row:
        cells["memory cleared"] = _arrows(row["by_episode_memory_cleared"], "{:.0%}")
    if "by_episode_memory_cleared_steps" in row:
        cells["steps, memory cleared"] = _arrows(row["by_episode_memory_cleared_steps"], "{:.1f}")
    if "diagnosed" in row:
        cells["diagnosed before"] = row["diagnosed"]["verdict"]
    return cells | {
        "difference in points [95 %]": gap,
        "interquartile mean [95 %]": f"{row['interquartile_mean']:.0%} [{low:.0%}, {high:.0%}]",
        "training worlds": f"{row['training']:.0%}",
        "CPU seconds": f"{sum(row['cpu_seconds']) / seeds:.0f}",
    }


def _arrows(values: list[float], form: str) -> str:
    return " → ".join(form.format(value) for value in values)
