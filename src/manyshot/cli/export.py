"""`manyshot export`: a learned policy as a pipeline that needs neither the run nor, for two formats, Manyshot."""

from pathlib import Path
from typing import Annotated

import typer

from manyshot.base import InputError, check_out, did_you_mean, quieten, write_aside
from manyshot.cli.output import print_json, say
from manyshot.cli.shared_options import Json, Quiet, Split, examples

EXAMPLES = examples(
    "manyshot export runs/policy --to json --out policy.json",
    "manyshot export runs/policy --to albumentations --out pipeline.py --like photos",
    "",
    "A policy that depends on the task is written as it is for the images of --like. JSON is read by",
    "`manyshot.augment.plan.store.from_json`; the other formats are Python files that import only albumentations or",
    "torchvision, with the closest ops that those have.",
)
FORMATS = ("json", "albumentations", "torchvision")


def export(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="Run of an augmenter that is a policy of ops.")],
    out: Annotated[Path, typer.Option("--out", help="The file to write.")],
    to: Annotated[str, typer.Option("--to", help="json, albumentations or torchvision.")] = "json",
    like: Annotated[
        Path | None, typer.Option("--like", help="Images in class folders to write the policy for.")
    ] = None,
    split: Split = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace --out if it exists.")] = False,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Write a learned policy as a plain pipeline: JSON, or Python for Albumentations or torchvision."""
    from manyshot.augment.adapters.source_code import albumentations_source, torchvision_source
    from manyshot.augment.plan.store import to_json
    from manyshot.meta_augment.augmenter_run import load_augmenter_run
    from manyshot.meta_augment.to_plan import policy_to_plan

    quieten(quiet)
    if to not in FORMATS:
        raise InputError(f"--to {to}: {did_you_mean(to, FORMATS)}")
    check_out(out.expanduser(), beside=True)
    out = out.expanduser()
    if out.is_dir() or (out.exists() and not overwrite):
        raise InputError(f"{out}: exists already; choose another --out, or add --overwrite")
    trained = load_augmenter_run(run)
    plan = policy_to_plan(trained, like, split)
    op = plan.item_op()
    title = f"The policy of {run.name}: {plan}"
    if to == "json":
        text = to_json(op) + "\n"
    elif to == "albumentations":
        text = albumentations_source(op, title)
    else:
        text = torchvision_source(op, title)
    with write_aside(out) as aside:
        aside.write_text(text, encoding="utf-8")
    if as_json:
        print_json({"file": str(out), "to": to, "plan": str(plan)})
        return
    say(f"{out}: {plan}")
