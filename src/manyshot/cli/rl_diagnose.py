"""`manyshot rl diagnose`: which ops change the right action, before anything is trained, or by a trained agent."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from manyshot.base import InputError, quieten
from manyshot.cli.output import print_json, print_table, say
from manyshot.cli.shared_options import Json, Quiet, Seed, examples

if TYPE_CHECKING:
    from manyshot.rl.worlds import World

EXAMPLES = examples(
    "manyshot rl diagnose leap                                       before anything is trained",
    'manyshot rl diagnose rooms --view "crop(0.1)" --view turn',
    "manyshot rl diagnose runs/leap                                  with a trained agent",
    "",
    "An op that changes the right action does harm as a view: in rooms a flip exchanges left and right, and a hole",
    "may hide the obstacle. Symmetries change actions along with pictures, and belong in a 'trial:' clause.",
)

Views = Annotated[
    list[str] | None, typer.Option(help="An op to diagnose, as in a plan; repeat the option for several.")
]


def diagnose(
    what: Annotated[str, typer.Argument(metavar="WORLD|RUN", help="A world, or a folder that `rl train` wrote.")],
    view: Views = None,
    seed: Seed = 0,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Tell which augmentations keep the right action."""
    from manyshot.rl.worlds import WORLDS

    quieten(quiet)
    if Path(what).is_dir():
        _by_agent(Path(what), view or [], seed, as_json)
    elif "/" in what.partition("(")[0]:
        raise InputError(f"{what}: no such folder; give that of a run, or a world such as leap")
    else:
        _by_world(WORLDS.build(what), view or [], seed, as_json)


def _by_world(world: "World", views: list[str], seed: int, as_json: bool) -> None:
    from manyshot.rl.diagnose_views import diagnose_views, idle_contexts, symmetry_errors

    contexts = world.standard()
    judged = diagnose_views(world, contexts, views, seed)
    errors, idle = symmetry_errors(world, contexts, seed), idle_contexts(world, seed)
    if as_json:
        told = [asdict(one) | {"verdict": one.verdict} for one in judged]
        print_json({"views": told, "symmetries": errors, "idle_contexts": list(idle)})
        return
    rows = [(one.op, f"{one.changed:.0%}", _share(one.kept), _times(one.unlike), one.verdict) for one in judged]
    print_table(("view", "changed", "right", "distance", "verdict"), rows, right=(1, 2, 3))
    first = judged[0]
    if first.unchanged is not None:
        say(
            "right: how often an imitator that learned from changed views, too, takes a right action; one that did "
            f"not: {first.unchanged:.0%}, chance: {first.chance:.0%}. distance: from a changed view to the nearest "
            "real one, by that of a view as it is; an op that leads far away does no harm, and prepares for nothing."
        )
    for name, error in errors.items():
        say(f"trial: {name} {'holds' if error < 1e-3 else 'does NOT hold'} (largest difference {error:.1g})")
    for name in idle:
        say(f"context {name} changes nothing: neither what is seen nor rewards")


def _by_agent(folder: Path, views: list[str], seed: int, as_json: bool) -> None:
    from manyshot.rl.diagnose_agent import diagnose_agent
    from manyshot.rl.rl_evaluate import TRUSTED
    from manyshot.rl.rl_train import evaluate_run, load_agent

    run = load_agent(folder)
    judged = diagnose_agent(run, views, seed)
    solved = float(evaluate_run(run, "training").solved[:, -1].mean())
    if as_json:
        told = [asdict(one) | {"verdict": one.verdict} for one in judged]
        print_json({"run": str(folder), "training_solved": solved, "views": told})
        return
    rows = [(one.op, f"{one.agrees:.0%}", f"{one.divergence:.3f}", f"{one.value:.2f}", one.verdict) for one in judged]
    print_table(("view", "same action", "KL", "value", "verdict"), rows, right=(1, 2, 3))
    say(
        f"on {len(run.split.training)} training worlds, of which the agent solves {solved:.0%}; KL in nats, value "
        "differences divided by the spread of the values"
    )
    if solved < TRUSTED:
        say("an agent that has not learned to solve its training worlds tells little: train it for longer first")


def _share(value: float | None) -> str:
    return "" if value is None else f"{value:.0%}"


def _times(value: Any) -> str:  # noqa: ANN401 - a number or None
    return "" if value is None else f"{value:.1f} x"
