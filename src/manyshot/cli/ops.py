"""`manyshot ops`: what changes a picture, and by which options."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from manyshot.base import InputError, check_out, did_you_mean, quieten
from manyshot.cli.options import Json, Quiet, Seed, examples, print_json, print_table

EXAMPLES = examples(
    "manyshot ops                    every op, and the plans that have a name",
    "manyshot ops elastic            one op: formula, options, an example plan",
    "manyshot ops --out ops.png      a picture of every op at several strengths",
)


def ops(
    name: Annotated[str | None, typer.Argument(help="An op to explain; all are listed without it.")] = None,
    out: Annotated[Path | None, typer.Option("--out", help="Draw a sheet of the ops to this picture file.")] = None,
    seed: Seed = 0,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """List the ops of augmentation plans, explain one, or draw them."""
    from manyshot.augment import OPS, PRESETS
    from manyshot.augment.plan.describe import LEARNED_HELP, describe_ops

    quieten(quiet)
    known = {op.name: op for op in (*describe_ops(), LEARNED_HELP)}
    if name is not None and name not in known:
        raise InputError(f"no op '{name}'; {did_you_mean(name, known)}")
    if out:
        check_out(out, beside=True)
    described = [known[name]] if name else list(known.values())
    if out:
        if name is not None and name not in OPS:
            raise InputError(f"'{name}' takes other ops or items: draw those that stand alone")
        from manyshot.report.op_sheet import op_sheet
        from manyshot.samples.contact_sheet import save

        save(op_sheet({name: OPS[name]} if name else OPS, seed=seed), out)
    if as_json:
        presets = {name: asdict(preset) for name, preset in PRESETS.items()}
        print_json(
            {"ops": [asdict(op) for op in described], "presets": {} if name else presets, "sheet": out and str(out)}
        )
        return
    if name:
        (op,) = described
        print(f"{op.name}: {op.summary}\n")
        if op.details:
            print(f"{op.details}\n")
        rows = [(o.name, o.written, o.help) for o in op.options]
        if "p" not in (o.name for o in op.options) and op is not LEARNED_HELP:
            rows.append(("p", "1", "the share of items that are changed"))
        if rows:
            print_table(("option", "default", "meaning"), rows)
        print(f"May stand at: {', '.join(op.placements)}")
        where = "support" if "support" in op.placements else op.placements[0]
        print(f"Example plan: {where}: {op.example}")
    else:
        print_table(("op", "what it does"), [(op.name, op.summary) for op in described])
        print_table(
            ("preset", "for", "plan"), [(name, preset.summary, preset.plan) for name, preset in PRESETS.items()]
        )
    if out:
        print(f"Sheet: {out}")
