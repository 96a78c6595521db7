"""`manyshot rl worlds`: which worlds there are, and what differs between their environments."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from manyshot.base import InputError, quieten
from manyshot.cli.output import print_json, print_table
from manyshot.cli.shared_options import Json, Quiet, examples

if TYPE_CHECKING:
    from manyshot.rl.worlds import World

EXAMPLES = examples(
    "manyshot rl worlds                                all worlds",
    "manyshot rl worlds leap                           one of them: contexts, actions, symmetries",
    'manyshot rl worlds "point(sees_goal=yes)" --json  with options',
)


def worlds(
    world: Annotated[
        str | None, typer.Argument(help="A world to explain, with options; all are listed without it.")
    ] = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """List the worlds, or explain one."""
    from manyshot.rl.worlds import WORLDS

    quieten(quiet)
    open_ended = {} if world else _open_ended()
    names = [world] if world else [name for name in WORLDS.names() if name not in open_ended]
    described = {name: _describe(WORLDS.build(name)) for name in names}
    if as_json:
        print_json(described)
    elif world is None:
        rows = [
            (name, found["summary"], ", ".join(found["contexts"]), ", ".join(found["symmetries"]) or "none")
            for name, found in described.items()
        ]
        print_table(("world", "what it is", "contexts", "symmetries"), rows)
        for name, what in open_ended.items():
            print(f"\n{name}{what}")
    else:
        _explain(world, described[world])


def _describe(world: "World") -> dict[str, Any]:
    """What there is to say about a world, as JSON has it."""
    from manyshot.rl.worlds import Discrete

    space = world.actions
    return {
        "summary": _summary(type(world)),
        "contexts": dict(zip(world.names, map(list, world.bounds), strict=True)),
        "actions": space.n
        if isinstance(space, Discrete)
        else {"low": space.low, "high": space.high, "shape": list(space.shape)},
        "observation": list(world.observation),
        "horizon": world.horizon,
        "symmetries": list(world.symmetries),
        "standard_family": len(world.standard()),
    }


def _open_ended() -> dict[str, str]:
    """Worlds that cannot be built from their names alone, and why."""
    from manyshot.rl.worlds import WORLDS

    told = {}
    for name in WORLDS.names():
        try:
            needed = [option.name for option in WORLDS.options(name).values() if option.required]
            if needed:
                told[name] = f"({', '.join(needed)}=...): {_summary(WORLDS.find(name))}"
        except InputError as error:  # its library is not installed
            told[name] = f": {error}"
    return told


def _summary(kind: Any) -> str:  # noqa: ANN401 - a class
    import inspect

    return " ".join((inspect.getdoc(kind) or "").split("\n\n")[0].split())


def _explain(name: str, found: dict[str, Any]) -> None:
    from manyshot.rl.worlds import WORLDS

    print(f"{name}: {found['summary']}\n")
    contexts = [(context, f"{low:g}", f"{high:g}") for context, (low, high) in found["contexts"].items()]
    print_table(("context", "from", "to"), contexts, right=(1, 2))
    actions, shape = found["actions"], " x ".join(map(str, found["observation"]))
    said = (
        f"{actions} to choose from"
        if isinstance(actions, int)
        else f"{actions['shape'][0]} numbers from {actions['low']:g} to {actions['high']:g}"
    )
    kind = "images" if len(found["observation"]) == 3 else "vectors"
    print(f"\nActions: {said}; observations: {kind} of {shape}; at most {found['horizon']} steps an episode")
    print(f"Standard family: {found['standard_family']} environments")
    print(f"Symmetries for 'trial:': {', '.join(found['symmetries']) or 'none'}")
    options = WORLDS.options(name.partition("(")[0])
    if options:
        written = (f"{one.name} ({'must be given' if one.required else one.default})" for one in options.values())
        print(f"Options: {', '.join(written)}")
