"""Agents on worlds that they never saw."""

from sections.cells import paragraph, points, table

NAMES = {"leap": "Leap: jump over an obstacle, from pixels", "point": "Point: find a hidden goal, with a memory (RL2)"}


def agents(results: dict) -> str:
    """Held-out worlds solved by each arm, by experiment."""
    few = min(len(results[name]["seeds"]) for name in NAMES if name in results)
    how_many = (
        "Single trainings of an arm have no interval: nothing can be said of another seed."
        if few == 1
        else "Intervals cover seeds and worlds."
    )
    lines = [
        "## Agents\n",
        paragraph(
            "`experiments/rl_agents.py`: agents trained on a few worlds of a family and evaluated on all others by "
            "their likeliest actions; settings in [agents](rl_agents.md). All arms took the same number of steps. The "
            f"difference is paired by seed and world. {how_many} The script trains five seeds, fewer were run here "
            "for want of machine time, and neither the wrong op for leap nor the other experiments were. CPU seconds "
            "are those of a machine under load."
        ),
    ]
    for name, title in NAMES.items():
        if name in results:
            lines += _experiment(title, results[name])
    return "\n".join((*lines, ""))


def _experiment(title: str, found: dict) -> list[str]:
    seeds, worlds = len(found["seeds"]), found["worlds"]
    rows = []
    for arm, row in found["arms"].items():
        gap = ""
        if "against_none" in row:
            gap = points(row["against_none"])
        elif "difference" in row:
            gap = f"{100 * row['difference']:+.1f} (one seed)"
        episodes = " → ".join(f"{share:.0%}" for share in row["by_episode"])
        seconds = f"{sum(row['cpu_seconds']) / seeds:.0f}"
        cells = [arm, episodes, gap, f"{row['interquartile_mean']:.0%}", f"{row['training']:.0%}", seconds]
        if "by_episode_memory_cleared" in row:
            cells.insert(2, " → ".join(f"{share:.0%}" for share in row["by_episode_memory_cleared"]))
        rows.append(cells)
    several = len(next(iter(found["arms"].values()))["by_episode"]) > 1
    columns = ["arm", "held out, by episode" if several else "held out", "difference in points [95 %]"]
    columns += ["interquartile mean", "training worlds", "CPU seconds"]
    if len(rows[0]) > len(columns):
        columns.insert(2, "memory cleared")
    told = f"{found['steps']:,} steps, {worlds['training']} training and {worlds['held_out']} held-out worlds, "
    lines = [f"### {title}\n", paragraph(told + f"{seeds} seed{'s' if seeds > 1 else ''}."), *table(columns, rows), ""]
    for run in found["unpaired"]:
        episodes = " → ".join(f"{share:.0%}" for share in run["by_episode"])
        text = f"A further training of '{run['arm']}', not paired, reached {episodes} after {run['steps']:,} steps."
        lines += [paragraph(text), ""]
    return lines
