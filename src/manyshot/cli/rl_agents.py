"""`manyshot rl train`, `evaluate` and `compare`: train agents with augmentation, and judge them on unseen worlds."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from manyshot.base import check_out, quieten
from manyshot.cli.option_groups import Keywords, expand_options
from manyshot.cli.output import command_line, print_json, print_table, say
from manyshot.cli.resumable import resumable
from manyshot.cli.shared_options import Jobs, Json, Quiet, Seed, Seeds, examples
from manyshot.cli.training_options import settings_options

if TYPE_CHECKING:
    from manyshot.rl.rl_compare import AgentComparison
    from manyshot.rl.rl_evaluate import WorldResults
    from manyshot.rl.rl_train import RLRun

TRAIN_EXAMPLES = examples(
    'manyshot rl train leap --worlds 12 --plan "rollout: crop(0.25, border)" --out runs/leap',
    'manyshot rl train point --worlds 4 --division extrapolation --learner "rl2(episodes=2)" '
    '--plan "trial: turn mirror" --out runs/point',
    'manyshot rl train leap --choose "learned(crop, flip, erase)" --levels plr --out runs/chosen',
    "",
    "A plan acts at four places: 'world:' changes contexts, 'trial:' lets the agent act through a symmetry,",
    "'rollout:' changes what it sees while it acts, 'view:' asks for the same policy and value on a changed view.",
    "Learners: ppo; rl2 (adapts by its memory); maml, promp (by one gradient step); reptile, fine-tune (by several).",
    "--choose judges all views on validation worlds and drops the worse ones (learned), or lets a bandit choose",
    "(ucb, as published; bandit, corrected). --levels: uniform, plr, robust-plr. --resume continues a run that was",
    "stopped, bit for bit.",
)
EVALUATE_EXAMPLES = examples(
    "manyshot rl evaluate runs/leap",
    "manyshot rl evaluate runs/point --worlds training --trials 8 --sampled --json",
    "manyshot rl evaluate runs/point --forget",
)
COMPARE_EXAMPLES = examples(
    'manyshot rl compare leap --arms none --arms "shifted = rollout: crop(0.25, border)" --seeds 5 --out cmp',
    'manyshot rl compare point --learner rl2 --worlds 4 --arms none --arms "turned = trial: turn mirror"',
    'manyshot rl compare leap --arms none --arms "bandit = none | choose=bandit(crop, flip, erase)"',
    "",
    'An arm is "[name =] plan [| setting=value ...]"; it may set choose, levels, learner, world, worlds, division,',
    "steps, epochs, learning-rate, entropy, view-weight, view-value, width. Arms are compared with the first one.",
    "Each arm and seed is a run in --out; the same command continues a comparison that was stopped.",
)
WORLD = typer.Argument(metavar="WORLD", help='A world with its options, see `manyshot rl worlds`: "leap", "point".')


@expand_options
def train(
    config: Annotated[
        Keywords, settings_options("rl/rl_config.py", "RLConfig", without=("fit",), info={"world": WORLD})
    ],
    fit: Annotated[Keywords, settings_options("rl/rl_config.py", "RLSettings")],
    out: Annotated[Path, typer.Option("--out", help="Folder of the run.")] = Path("runs/agent"),
    resume: Annotated[bool, typer.Option("--resume", help="Continue from the last checkpoint in --out.")] = False,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Train an agent on some worlds of a family."""
    from manyshot.report.page import write_page
    from manyshot.report.rl_page import agent_page
    from manyshot.rl.rl_config import RLConfig, RLSettings
    from manyshot.rl.rl_train import train_agent

    quieten(quiet)
    settings = RLConfig(**config, fit=RLSettings(**fit))
    check_out(out)
    with resumable(f"the same command with --resume continues from the last checkpoint in {out}"):
        run = train_agent(settings, out, resume, title=f"train {out.name}")
    write_page(out / "report.html", agent_page(run, command_line()))
    _print_run(run, out, as_json)


def _print_run(run: "RLRun", out: Path, as_json: bool) -> None:
    last = next(row for row in reversed(run.rows) if "held_out_solved" in row)
    if as_json:
        found = {name: value for name, value in last.items() if name != "step"}
        print_json({"run": str(out), "updates": last["step"], **found, "report": str(out / "report.html")})
        return
    say(
        f"{out}: solves {last['training_solved']:.0%} of its {len(run.split.training)} training worlds and "
        f"{last['held_out_solved']:.0%} of {len(run.split.held_out)} held-out ones"
    )
    say(f"Look at {out / 'report.html'}; see each world: manyshot rl evaluate {shlex.quote(str(out))}")


def evaluate(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A folder that `manyshot rl train` wrote.")],
    worlds: Annotated[str, typer.Option(help="Which worlds: held-out, validation or training.")] = "held-out",
    trials: Annotated[int, typer.Option(min=1, max=10_000, help="Trials in each world.")] = 1,
    sampled: Annotated[bool, typer.Option("--sampled", help="Draw actions; otherwise the likeliest is taken.")] = False,
    forget: Annotated[
        bool,
        typer.Option("--forget", help="Clear the agent's memory before every episode, to see what it contributes."),
    ] = False,
    show: Annotated[
        Path | None,
        typer.Option("--show", help="Write an animation of some of the worlds (.gif); a missing folder is made."),
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", help="Write the results of each world as JSON.")] = None,
    seed: Seed = 0,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Evaluate a trained agent in each world that it never saw, or in others."""
    from manyshot.base import write_json
    from manyshot.rl.render_episodes import check_animation, write_episodes
    from manyshot.rl.rl_train import evaluate_run, load_agent

    quieten(quiet)
    loaded = load_agent(run)
    if out is not None:
        check_out(out, beside=True)
    if show is not None:
        check_out(show, beside=True, option="--show")
        check_animation(show)
    part = worlds.replace("-", "_")
    results = evaluate_run(loaded, part, trials, not sampled, forget, seed)
    answer = _evaluation(loaded, part, results) | {"trials": trials, "greedy": not sampled, "forgets": forget}
    if out is not None:
        write_json(out, answer)
    if show is not None:
        write_episodes(show, {run.name: loaded}, part, seed=seed)
    if as_json:
        print_json(answer)
        return
    rows = [
        (f"episode {number + 1}", f"{solved:.1%}", f"{returned:.3f}", f"{steps:.1f}")
        for number, (solved, returned, steps) in enumerate(
            zip(answer["solved"], answer["return"], answer["steps"], strict=True)
        )
    ]
    print_table(("", "worlds solved", "return", "steps"), rows, right=(1, 2, 3))
    count = f"{trials} trial{'s' if trials > 1 else ''}"
    say(f"{len(results.solved)} {worlds} worlds, {count} each, {'drawn' if sampled else 'likeliest'} actions")
    for path in (out, show):
        if path is not None:
            say(f"Look at {path}")


def _evaluation(run: "RLRun", part: str, results: "WorldResults") -> dict[str, Any]:
    """Means by episode, and each world's results."""
    source = getattr(run.split, part)
    contexts = source.gather(range(len(source))).tolist()
    names = run.split.world.names
    by_world = {"solved": results.solved, "return": results.returns, "steps": results.steps}
    each = [
        {"world": name, "context": dict(zip(names, context, strict=True))}
        | {said: values[row].tolist() for said, values in by_world.items()}
        for row, (name, context) in enumerate(zip(source.class_names, contexts, strict=True))
    ]
    means = {said: values.mean(0).tolist() for said, values in by_world.items()}
    return {"worlds": part.replace("_", "-"), **means, "each": each}


@expand_options
def compare(
    config: Annotated[
        Keywords, settings_options("rl/rl_config.py", "RLConfig", without=("plan", "fit"), info={"world": WORLD})
    ],
    fit: Annotated[Keywords, settings_options("rl/rl_config.py", "RLSettings")],
    arms: Annotated[
        list[str], typer.Option(help='One arm; repeat the option for each: "name = plan | setting=value".')
    ],
    out: Annotated[Path, typer.Option("--out", help="Folder of the runs and the report.")] = Path("runs/rl-compare"),
    seeds: Seeds = 3,
    jobs: Jobs = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Train with several plans and compare the agents on the same held-out worlds, with paired differences."""
    from manyshot.report.page import write_page
    from manyshot.report.rl_page import compare_agents_page
    from manyshot.rl.rl_arm import RLArm
    from manyshot.rl.rl_compare import compare_agents
    from manyshot.rl.rl_config import RLConfig, RLSettings

    quieten(quiet)
    settings = RLConfig(**config, fit=RLSettings(**fit))
    parsed = [RLArm.parse(arm) for arm in arms]
    check_out(out)
    with resumable(f"the same command continues from the last checkpoints in {out}"):
        compared = compare_agents(parsed, settings, seeds, out, jobs)
    report = out / "report.html"
    write_page(report, compare_agents_page(f"{len(arms)} ways to train an agent", compared, command_line()))
    if as_json:
        print_json(compared.as_dict() | {"report": str(report)})
        return
    _print_comparison(compared, report)


def _print_comparison(compared: "AgentComparison", report: Path) -> None:
    from manyshot.report.rl_page import COLUMNS, UNTRAINED, arm_rows, is_untrained

    print_table(COLUMNS, arm_rows(compared), right=tuple(range(1, len(COLUMNS))))
    first = compared.arms[0]
    say(f"{len(first.runs)} seeds, {first.solved.shape[1]} held-out worlds; 95 % intervals cover both")
    if len(first.runs) == 1 and len(compared.arms) > 1:
        say("one seed: this does not tell how other seeds would do; give several")
    if is_untrained(compared):
        say(UNTRAINED)
    say(f"Look at {report}")
