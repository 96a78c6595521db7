"""`manyshot export`: a learned policy as a plain pipeline, or a fitted classifier as one file, without Manyshot."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from manyshot.base import InputError, check_out, did_you_mean, quieten, write_aside
from manyshot.cli.export_fitted import export_fitted
from manyshot.cli.output import print_json, say
from manyshot.cli.shared_options import Json, Quiet, Split, examples, refuse

if TYPE_CHECKING:
    from manyshot.augment import Plan

EXAMPLES = examples(
    "manyshot export model --to onnx --out model.onnx",
    "manyshot export model --to torch --out model.pt2 --like test/",
    "manyshot export runs/policy --to json --out policy.json",
    "manyshot export runs/policy --to albumentations --out pipeline.py --like photos",
    "",
    "A model that `manyshot fit` wrote becomes one file with all that it needs. The file is then run on your examples",
    "(those of --like, or those that the model was fitted to) to say how far its probabilities are from the model's.",
    "",
    "A policy that depends on the task is written as it is for the images of --like. JSON is read by",
    "`manyshot.augment.plan.pipeline_json.from_json`; the other formats are Python files that import only",
    "albumentations or torchvision, with the closest ops that those have.",
)
FORMATS = ("json", "albumentations", "torchvision")
MODEL_FORMATS = ("onnx", "torch")


def export(
    run: Annotated[
        Path,
        typer.Argument(
            metavar="MODEL_OR_RUN",
            help="A model that `manyshot fit` wrote, or the run of an augmenter that is a policy of ops.",
        ),
    ],
    out: Annotated[Path, typer.Option("--out", help="The file to write.")],
    to: Annotated[
        str | None,
        typer.Option(
            "--to",
            help="Of a model: onnx or torch (onnx if not given); of a policy: json, albumentations or torchvision "
            "(json if not given).",
        ),
    ] = None,
    like: Annotated[
        Path | None,
        typer.Option("--like", help="Examples to check a model's file on; for a policy, images in class folders."),
    ] = None,
    split: Split = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace --out if it exists.")] = False,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Write a model as ONNX or for torch.export, or a learned policy as JSON, Albumentations or torchvision."""
    from manyshot.classify.model.save_load_model import is_model

    quieten(quiet)
    out = out.expanduser()
    check_out(out, beside=True)
    if is_model(run) or to in MODEL_FORMATS:
        refuse("with a model, which has no splits", split=split)
        export_fitted(run, out, to or MODEL_FORMATS[0], like, overwrite, as_json)
        return
    to = to or FORMATS[0]
    if to not in FORMATS:
        raise InputError(f"--to {to}: {did_you_mean(to, (*MODEL_FORMATS, *FORMATS))}")
    if out.is_dir() or (out.exists() and not overwrite):
        raise InputError(f"{out}: exists already; choose another --out, or add --overwrite")
    plan, text = _policy(run, to, like, split)
    with write_aside(out) as aside:
        aside.write_text(text, encoding="utf-8")
    if as_json:
        print_json({"file": str(out), "to": to, "plan": str(plan)})
        return
    say(f"{out}: {plan}")


def _policy(run: Path, to: str, like: Path | None, split: str | None) -> "tuple[Plan, str]":
    """The plan of a learned policy, and the same as the text of a file."""
    from manyshot.augment.adapters.source_code import albumentations_source, torchvision_source
    from manyshot.augment.plan.pipeline_json import to_json
    from manyshot.meta_augment.augmenter_run import load_augmenter_run
    from manyshot.meta_augment.to_plan import policy_to_plan

    plan = policy_to_plan(load_augmenter_run(run), like, split)
    op = plan.item_op()
    title = f"The policy of {run.name}: {plan}"
    if to == "json":
        return plan, to_json(op) + "\n"
    source = albumentations_source if to == "albumentations" else torchvision_source
    return plan, source(op, title)
