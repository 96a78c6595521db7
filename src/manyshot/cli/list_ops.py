"""`manyshot ops`: the ops of augmentation plans and their options."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from manyshot.base import InputError, check_out, check_replaceable, did_you_mean, quieten
from manyshot.cli.output import print_json, print_table, say
from manyshot.cli.shared_options import Json, Quiet, Seed, examples

if TYPE_CHECKING:
    from manyshot.augment.plan.describe import OpHelp

EXAMPLES = examples(
    "manyshot ops                    all ops and presets",
    "manyshot ops elastic            one op: formula, options, an example plan",
    "manyshot ops --out ops.png      a contact sheet of every op at several strengths",
)


def ops(
    name: Annotated[str | None, typer.Argument(help="An op to explain; all are listed without it.")] = None,
    out: Annotated[Path | None, typer.Option("--out", help="Draw a contact sheet of the ops to this file.")] = None,
    seed: Seed = 0,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """List the ops of augmentation plans, explain one, or draw them."""
    from manyshot.augment import PRESETS
    from manyshot.augment.plan.describe import LEARNED_HELP, describe_ops

    quieten(quiet)
    known = {op.name: op for op in (*describe_ops(), LEARNED_HELP)}
    if name is not None and name not in known:
        raise InputError(f"no op '{name}'; {did_you_mean(name, known)}")
    if out:
        check_out(out, beside=True)
        check_replaceable(out)
        from manyshot.report.op_sheet import DRAWN, op_sheet
        from manyshot.samples.contact_sheet import save_image

        if name is not None and name not in DRAWN:
            raise InputError(
                f"'{name}' takes other ops, several examples or volumes and cannot be drawn alone; choose another"
            )
        save_image(op_sheet({name: DRAWN[name]} if name else DRAWN, seed=seed), out)
    if as_json:
        described = [asdict(op) for op in known.values() if name in (None, op.name)]
        named = {} if name else {preset: asdict(one) for preset, one in PRESETS.items()}
        print_json({"ops": described, "presets": named, "sheet": out and str(out)})
    elif name:
        _explain(known[name], learned=known[name] is LEARNED_HELP)
    else:
        print_table(("op", "what it does"), [(op.name, op.summary) for op in known.values()])
        presets = [(preset, one.summary, one.plan) for preset, one in PRESETS.items()]
        print_table(("preset", "for", "plan"), presets)
    if out and not as_json:
        say(f"Contact sheet: {out}")


def _explain(op: "OpHelp", learned: bool) -> None:
    """Print what an op does, its options, and where it may stand in a plan."""
    print(f"{op.name}: {op.summary}\n")
    if op.details:
        print(f"{op.details}\n")
    rows = [(option.name, option.written, option.help) for option in op.options]
    if "p" not in (option.name for option in op.options) and not learned:
        rows.append(("p", "1", "Probability that an example is changed."))
    if rows:
        print_table(("option", "default", "meaning"), rows)
    print(f"Placements: {', '.join(op.placements)}")
    placement = "support" if "support" in op.placements else op.placements[0]
    print(f"Example plan: {placement}: {op.example}")
