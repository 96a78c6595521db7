"""The pages of agents: what a training reached, and how arms compare on worlds that nothing was trained on."""

from collections.abc import Mapping, Sequence

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter
from numpy.typing import NDArray

from manyshot.classify.evaluate.example_intervals import Estimate
from manyshot.report.page import Page, Paragraph, Part, Picture, Section, Table, interval, provenance
from manyshot.report.plots import COLORS, FAINT, INK, STYLE, differences, new_figure
from manyshot.report.rl_pictures import episodes_section, seen_section
from manyshot.rl.choose_view import Choice
from manyshot.rl.rl_compare import AgentComparison
from manyshot.rl.rl_evaluate import TRUSTED
from manyshot.rl.rl_train import RLRun, evaluate_run
from manyshot.rl.trainer import steps_per_update
from manyshot.runtime.clock import cpu_seconds
from manyshot.runtime.metrics_log import Row

COLUMNS = (
    "arm",
    "held out, %",
    "difference, points",
    "middle half, %",
    "training, %",
    "return",
    "steps",
    "CPU s",
)
EXPLAINED = (
    "A world counts as solved if the likeliest actions reach its goal in the last episode of a trial. Intervals are "
    "95 % and paired by seed and world: seeds and worlds are crossed random effects. The middle half is the "
    "interquartile mean with its bootstrap, shown because other work prints it; with few seeds its interval is too "
    "narrow. All arms took the same number of steps in the world unless the table says otherwise; CPU seconds are "
    "those of one training."
)
ONE_SEED = "One seed: this does not tell how other seeds would do. Give several."
UNTRAINED = (
    "No arm solves half of its training worlds: the agents are still learning to play, and the comparison says nothing "
    "yet about worlds that they never saw. Train for longer (--steps)."
)
PARTS = {"training": "training worlds", "held_out": "held-out worlds"}


def agent_page(run: RLRun, command: str) -> Page:
    """The page of one training.

    Args:
        run: The run, with its folder.
        command: Command line that wrote the page.
    """
    last = next(row for row in reversed(run.rows) if "held_out_solved" in row)
    summary = (
        f"After {steps_of(run, last['step']):,} steps the agent solves {last['training_solved']:.0%} of its "
        f"{len(run.split.training)} training worlds and {last['held_out_solved']:.0%} of "
        f"{len(run.split.held_out)} worlds that it never saw."
    )
    sections = [
        Section("Training and held-out worlds", [Picture.of(curves({run.config.plan: [run]}), alt="Solved by step")]),
        Section("Which worlds it solves", worlds_map({"this agent": [run]})),
        episodes_section({"this agent": run}),
        *seen_section(run),
        *_chosen([run]),
        _diagnostics(run),
    ]
    settings = run.config.as_dict()
    if run.folder is not None:
        settings = {"CPU seconds": f"{cpu_seconds(run.folder):,.0f}", **settings}
    return Page(f"An agent in {run.config.world}", summary, [*sections, provenance(command, settings)])


def compare_agents_page(title: str, compared: AgentComparison, command: str) -> Page:
    """The page of a comparison.

    Args:
        title: Title of the page.
        compared: Its results.
        command: Command line that wrote the page.
    """
    gaps = compared.differences()
    first = compared.arms[0].arm.name
    runs = {arm.arm.name: arm.runs for arm in compared.arms}
    parts: list[Part] = [Table(COLUMNS, arm_rows(compared)), Paragraph(EXPLAINED)]
    if len(compared.arms[0].runs) == 1 and len(compared.arms) > 1:
        parts.append(Paragraph(ONE_SEED))
    if is_untrained(compared):
        parts.append(Paragraph(UNTRAINED))
    if gaps:
        estimates = {n: Estimate(100 * g.difference, 100 * g.low, 100 * g.high) for n, g in gaps.items()}
        parts.insert(1, Picture.of(differences(estimates, baseline=first), alt="Difference of each arm from the first"))
    sections = [
        Section("Held-out worlds solved", parts),
        Section("Training and held-out worlds", [Picture.of(curves(runs), alt="Solved by step, for each arm")]),
        Section("Which worlds each arm solves", worlds_map(runs)),
    ]
    episodes = len(compared.arms[0].as_episodes())
    if episodes > 1:
        rows = [(arm.arm.name, *(f"{100 * share:.1f}" for share in arm.as_episodes())) for arm in compared.arms]
        columns = ("arm", *(f"episode {number + 1}, %" for number in range(episodes)))
        sections.append(Section("Held-out worlds solved, by episode of a trial", [Table(columns, rows)]))
    sections.append(episodes_section({name: arm[0] for name, arm in runs.items()}))
    for arm in compared.arms:
        sections += seen_section(arm.runs[0], f" ({arm.arm.name})") + _chosen(arm.runs, f" ({arm.arm.name})")
    return Page(title, _sentence(compared), [*sections, provenance(command, compared.config.as_dict())])


def arm_rows(compared: AgentComparison) -> list[tuple[str, ...]]:
    """The rows of `COLUMNS`, as text."""
    found, gaps = compared.as_dict()["arms"], compared.differences()
    rows: list[tuple[str, ...]] = []
    for arm in compared.arms:
        row, name = found[arm.arm.name], arm.arm.name
        gap = gaps.get(name)
        difference = f"{100 * row['difference']:+.1f}".replace("-", "−") if "difference" in row else ""
        if gap is not None:
            difference = interval(100 * gap.difference, 100 * gap.low, 100 * gap.high, signed=True)
        low, high = row["interval"]
        middle = row["interquartile_interval"]
        rows.append(
            (
                name,
                interval(100 * row["held_out_solved"], 100 * low, 100 * high),
                difference,
                interval(100 * row["interquartile_mean"], 100 * middle[0], 100 * middle[1]),
                f"{100 * row['training_solved']:.1f}",
                f"{row['held_out_return']:.3f}",
                f"{row['steps_per_training']:,}",
                f"{row['cpu_seconds_per_training']:,.0f}",
            )
        )
    return rows


def is_untrained(compared: AgentComparison) -> bool:
    """Whether no arm has learned to solve half of its training worlds."""
    return max(arm.trained_solved for arm in compared.arms) < TRUSTED


def _sentence(compared: AgentComparison) -> str:
    """The result in a sentence: the largest difference with its interval."""
    first, *others = compared.arms
    base = f"'{first.arm.name}' solves {first.solved.mean():.0%} of {first.solved.shape[1]} held-out worlds"
    if not others:
        return base + "."
    best = max(others, key=lambda arm: float(arm.solved.mean()))
    gap = compared.differences().get(best.arm.name)
    told = (
        "" if gap is None else f": {interval(100 * gap.difference, 100 * gap.low, 100 * gap.high, signed=True)} points"
    )
    return f"{base}, '{best.arm.name}' {best.solved.mean():.0%}{told}."


def steps_of(run: RLRun, updates: int) -> int:
    """Steps in the world after so many updates."""
    return updates * steps_per_update(run.config)


def curves(runs: Mapping[str, Sequence[RLRun]]) -> Figure:
    """Draw the share of solved training worlds (thin) and held-out worlds (thick) by step, the gap between shaded.

    Args:
        runs: Runs of each arm by name, whose seeds are averaged.
    """
    with matplotlib.rc_context(STYLE):
        figure = new_figure(8.0, 3.6)
        axes = figure.subplots()
        for index, (name, arm) in enumerate(runs.items()):
            color = COLORS[index % len(COLORS)]
            rows = [[row for row in run.rows if "held_out_solved" in row] for run in arm]
            points = min(map(len, rows))
            steps = [steps_of(arm[0], row["step"]) for row in rows[0][:points]]
            trained, held_out = (_mean(rows, f"{part}_solved", points) for part in PARTS)
            axes.plot(steps, trained, color=color, linewidth=1, linestyle=(0, (4, 2)))
            axes.plot(steps, held_out, color=color, linewidth=2, label=name)
            axes.fill_between(steps, held_out, trained, color=color, alpha=0.10, linewidth=0)
        axes.set(ylim=(0, 1.03), xlabel="steps in the world")
        axes.set_title("Worlds solved: held out (thick), training (dashed)")
        axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
        axes.grid(axis="y")
        if len(runs) > 1:
            axes.legend()
    return figure


def _mean(rows: Sequence[Sequence[Row]], name: str, points: int) -> NDArray[np.float64]:
    values: NDArray[np.float64] = np.array([[row[name] for row in run[:points]] for run in rows])
    return np.asarray(values.mean(0))


def worlds_map(runs: Mapping[str, Sequence[RLRun]]) -> list[Part]:
    """A map of all worlds for each arm, by the two numbers of a context that differ most between worlds.

    Args:
        runs: Runs of each arm by name, whose seeds are averaged.
    """
    split = next(iter(runs.values()))[0].split
    contexts = {part: split.part_contexts(part).numpy() for part in PARTS}
    everything = np.concatenate(list(contexts.values()))
    varied = [axis for axis in range(everything.shape[1]) if len(np.unique(everything[:, axis])) > 1][:2]
    if not varied:
        return [Paragraph("There is one world.")]
    names = split.world.names
    with matplotlib.rc_context(STYLE):
        columns = min(3, len(runs))
        lines = -(-len(runs) // columns)
        figure = new_figure(3.6 * columns, 3.1 * lines + 0.3)
        panels = figure.subplots(lines, columns, squeeze=False).ravel()
        for axes in panels[len(runs) :]:
            axes.set_visible(False)
        for axes, (name, arm) in zip(panels, runs.items(), strict=False):
            for part, at in contexts.items():
                solved = np.mean([evaluate_run(run, part).solved[:, -1] for run in arm], 0)
                x, y = at[:, varied[0]], at[:, varied[-1]] if len(varied) > 1 else np.zeros(len(at))
                edge = INK if part == "training" else FAINT
                axes.scatter(
                    x, y, c=solved, cmap="RdYlGn", vmin=0, vmax=1, s=52, marker="s", edgecolors=edge,
                    linewidths=1.8 if part == "training" else 0.3,
                )  # fmt: skip
            axes.set_title(name)
            axes.set_xlabel(names[varied[0]])
            axes.set_ylabel(names[varied[1]] if len(varied) > 1 else "")
    caption = (
        "Each square is a world: green solved, red not, between where seeds differ. Training worlds have a frame; "
        "validation worlds are left out."
    )
    return [Picture.of(figure, alt="Map of worlds, by context", caption=caption)]


def _chosen(runs: Sequence[RLRun], suffix: str = "") -> list[Section]:
    """What a bandit pulled, or which weights were learned, by step."""
    rows = runs[0].rows
    pulled = [(row["step"], row["pulled"]) for row in rows if "pulled" in row]
    weights = [name for name in next((row for row in rows if "weight_0" in row), {}) if name.startswith("weight_")]
    if runs[0].config.choose == "none" or not (pulled or weights):
        return []
    plans = Choice.parse(runs[0].config.choose).plans
    labels = [plan.removeprefix("view: ") for plan in plans]
    with matplotlib.rc_context(STYLE):
        figure = new_figure(8.0, 2.8)
        axes = figure.subplots()
        if pulled:
            steps = [steps_of(runs[0], int(step)) for step, _ in pulled]
            axes.scatter(steps, [arm for _, arm in pulled], s=6, color=COLORS[0], linewidths=0)
            axes.set_yticks(range(len(labels)), labels)
            axes.set_title("View that was chosen")
        else:
            learned = [row for row in rows if "weight_0" in row]
            for index, label in enumerate(labels):
                values = [row[f"weight_{index}"] for row in learned]
                axes.plot([steps_of(runs[0], row["step"]) for row in learned], values, label=label)
            axes.legend()
            axes.set_title("Learned share of each view")
        axes.set_xlabel("steps in the world")
    return [Section(f"What was chosen{suffix}", [Picture.of(figure, alt="Choice of views by step")])]


def _diagnostics(run: RLRun) -> Section:
    """The last values of what is logged at every update."""
    shown = {
        "train_return": "return of training episodes",
        "entropy": "entropy of the policy, nats",
        "kl": "divergence of an update, nats",
        "clip_share": "share of steps beyond PPO's clip",
        "explained_variance": "variance of returns that values explain",
        "truncated": "share of episodes cut at the horizon",
        "view_kl": "divergence between a view and the changed one, nats",
        "view_value": "half the squared difference of their values",
        "levels_effective": "effective number of training worlds played",
        "gained_return": "return gained by adaptation",
    }
    last = [row for row in run.rows if "loss" in row][-10:]
    rows = [
        (label, f"{np.mean([row[name] for row in last if name in row]):.3f}")
        for name, label in shown.items()
        if any(name in row for row in last)
    ]
    return Section("Health of the training", [Table(("mean of the last ten updates", "value"), rows)])
