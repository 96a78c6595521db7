"""`manyshot segment`: from a few pictures or scans with masks to a segmentation of others."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from manyshot.base import InputError, check_out, check_replaceable, quieten
from manyshot.cli.option_groups import expand_options
from manyshot.cli.output import command_line, print_json, print_table, say
from manyshot.cli.shared_options import SEED, Json, Quiet, command_group, examples

if TYPE_CHECKING:
    from manyshot.segment.case_scores import CaseScores
    from manyshot.segment.masked_source import MaskedSource
    from manyshot.segment.segmentation_run import SegmentationRun

segment = command_group(
    "Segment pictures and scans after a few labeled ones: train, predict, evaluate, and learn how scans vary."
)

Data = Annotated[
    Path,
    typer.Argument(metavar="DATA", help="A folder or zip with images/ and masks/ (or labels/), under the same names."),
]
Run = Annotated[Path, typer.Argument(metavar="RUN", help="A folder that `manyshot segment train` wrote.")]
Device = Annotated[str, typer.Option("--device", help="cpu or cuda.")]
Report = Annotated[Path | None, typer.Option("--report", help="Write an HTML page with the cases and their scores.")]
SIZE = typer.Option("--size", help="Sides of the items in pixels, as 96, 64x64 or 24x32x24 (depth, height, width).")
WINDOW = typer.Option("--window", help="Which values of a scan become black and white, such as percentile(0.5, 99.5).")
GROUP_BY = typer.Option("--group-by", help="Regular expression on a file's name: what it matches is the patient.")


@dataclass(frozen=True)
class ReadingArguments:
    """How files become items.

    Args:
        size: Sides in pixels, joined by x.
        window: Window of scans.
        group_by: Regular expression that finds patients in names.
    """

    size: Annotated[str, SIZE] = "96"
    window: Annotated[str, WINDOW] = "percentile(0.5, 99.5)"
    group_by: Annotated[str | None, GROUP_BY] = None


@segment.command(
    epilog=examples(
        "manyshot segment train cells.zip --out run --shots 1 --label cytoplasm=128 --label nucleus=255",
        'manyshot segment train cells --out run --shots 3 --plan "support: flip turn affine" --report run.html',
        "manyshot segment train scans --out run --size 24x32x24 --plan mri-volume",
        "",
        "DATA holds images/a.png and masks/a.png, or images/a.nii.gz and labels/a.nii.gz, and so on.",
    )
)
@expand_options
def train(
    data: Data,
    reading: ReadingArguments,
    out: Annotated[Path, typer.Option("--out", help="The folder to write.")],
    shots: Annotated[
        int | None, typer.Option("--shots", min=1, help="Learn from so many, and score the other patients' items.")
    ] = None,
    label: Annotated[
        list[str] | None, typer.Option("--label", help="A structure, as NAME=VALUE+VALUE; each value if not given.")
    ] = None,
    method: Annotated[
        str, typer.Option("--learner", help="segmentation-unet or pixel-prototypes, with options such as (steps=300).")
    ] = "segmentation-unet",
    plan: Annotated[str, typer.Option("--plan", help="Augmentation of items and masks, at support or shots.")] = "none",
    seed: Annotated[int, SEED] = 0,
    device: Device = "cpu",
    report: Report = None,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Learn to segment from labeled pictures or scans, and score those that were left out."""
    import torch

    from manyshot.augment import Plan
    from manyshot.segment.masked_source import draw_task
    from manyshot.segment.read_masked import parse_labels, read_masked
    from manyshot.segment.segmentation_run import SETTINGS, save_segmentation, segmenter, train_segmentation

    _begin(quiet, device)
    out, drawn = out.expanduser(), Plan(plan)
    segmenter(method)  # so that a wrong one fails before anything is read
    _check_files(out, report)
    if (out / SETTINGS).exists():
        raise InputError(f"{out}: holds a segmentation already; choose another --out")
    settings = _reading(reading)
    source = read_masked(data.expanduser(), settings, parse_labels(label or []))
    chosen, others = list(range(len(source))), list[int]()
    if shots is not None:
        chosen, others = draw_task(source, shots, None, torch.Generator().manual_seed(seed))
    elif report is not None:
        raise InputError("--report shows scores of items that were left out; say by --shots how many to learn from")
    few = source.rows(chosen)
    run = train_segmentation(
        method, drawn, source.labels, settings, few.names, few.items, few.masks, seed=seed, device=device
    )
    save_segmentation(run, out)
    answer: dict[str, Any] = {"run": str(out), "learned_from": list(few.names), "learner": method, "plan": str(drawn)}
    scores = _scored(run, source.rows(others), few, device, report) if others else None
    if as_json:
        print_json(answer | ({} if scores is None else scores.as_dict()))
        return
    say(f"learned from {len(few):,} of {len(source):,} items; written to {out}")
    if scores is not None:
        _print_scores(scores)


@segment.command(
    epilog=examples(
        "manyshot segment evaluate run other_cells.zip --report other.html",
        "manyshot segment evaluate run scans --json",
    )
)
def evaluate(
    run: Run, data: Data, device: Device = "cpu", report: Report = None, as_json: Json = False, quiet: Quiet = False
) -> None:
    """Score a segmentation on other labeled pictures or scans: Dice and Hausdorff distance of each case."""
    from manyshot.segment.masked_source import MaskedSource
    from manyshot.segment.read_masked import read_masked
    from manyshot.segment.segmentation_run import load_segmentation

    _begin(quiet, device)
    _check_files(None, report)
    trained = load_segmentation(run.expanduser())
    source = read_masked(data.expanduser(), trained.reading, trained.labels)
    few = MaskedSource.of(trained.items, trained.masks, trained.labels, trained.names)
    scores = _scored(trained, source, few, device, report)
    if as_json:
        print_json({"run": str(run), "data": str(data)} | scores.as_dict())
        return
    _print_scores(scores)


@segment.command(
    epilog=examples(
        "manyshot segment predict run new_cells/ --out masks", "manyshot segment predict run scans --out masks"
    )
)
def predict(
    run: Run,
    data: Annotated[Path, typer.Argument(metavar="DATA", help="Pictures or scans: a folder or a zip.")],
    out: Annotated[Path, typer.Option("--out", help="The folder to write masks to, at the size of the files.")],
    device: Device = "cpu",
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Write a mask for each picture (PNG) or scan (NIfTI), with the values that the masks of training have."""
    from manyshot.segment.segmentation_run import load_segmentation
    from manyshot.segment.write_masks import write_masks

    _begin(quiet, device)
    check_out(out.expanduser())
    trained = load_segmentation(run.expanduser())
    written = write_masks(trained, data.expanduser(), out.expanduser(), device)
    if as_json:
        print_json({"folder": str(out), "masks": {one.path.name: one.fractions for one in written}})
        return
    rows = [(one.path.name, *(f"{share:.1%}" for share in one.fractions.values())) for one in written[:20]]
    print_table(("mask", *(label.name for label in trained.labels)), rows, right=range(1, len(trained.labels) + 1))
    say(f"{len(written):,} masks in {out}")


@segment.command(
    epilog=examples(
        "manyshot segment learn scans --reference subject_12 --size 24x32x24 --out bank.safetensors",
        """manyshot segment train one --out run --size 24x32x24 --plan 'support: scan_variation("bank.safetensors")'""",
    )
)
@expand_options
def learn(
    data: Annotated[Path, typer.Argument(metavar="DATA", help="Pictures or scans, which need no masks.")],
    reading: ReadingArguments,
    reference: Annotated[str, typer.Option("--reference", help="Name of the labeled one, without its suffix.")],
    out: Annotated[Path, typer.Option("--out", help="The file to write, for scan_variation in a plan.")],
    steps: Annotated[int, typer.Option("--steps", min=1, help="Steps of the registration.")] = 80,
    device: Device = "cpu",
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Learn how unlabeled scans differ from a reference in shape and look, to augment the reference by."""
    import torch

    from manyshot.augment.masked.variation_bank import write_bank
    from manyshot.base import did_you_mean
    from manyshot.segment.learn_variation import Registration, learn_variation
    from manyshot.segment.read_masked import read_items

    _begin(quiet, device)
    check_out(out.expanduser(), beside=True)
    read = {one.name: one for one in read_items(data.expanduser(), _reading(reading))}
    if reference not in read:
        raise InputError(f"--reference {reference}: none of the items; {did_you_mean(reference, list(read))}")
    items = {name: one.item.to(device).float() / 255 for name, one in read.items()}
    others = [item for name, item in items.items() if name != reference]
    if len(others) < 2 or any(item.shape != items[reference].shape for item in others):
        raise InputError(f"{data}: give at least two items beside the reference, with as many channels as it has")
    bank = learn_variation(items[reference], torch.stack(others), Registration(steps=steps))
    write_bank(out.expanduser(), bank.to(torch.zeros(0)))
    facts = {"file": str(out), "reference": reference, "scans": len(others), "components": len(bank.shapes.scores.T)}
    if as_json:
        print_json(facts)
        return
    say(f"{out}: shapes and looks of {len(others):,} items, as changes of {reference}")
    say(f"""use it as --plan 'support: scan_variation("{out}")'""")


def _begin(quiet: bool, device: str) -> None:
    from manyshot.runtime.device import require_device

    quieten(quiet)
    require_device(device)


def _reading(options: ReadingArguments) -> Any:  # noqa: ANN401 - a Reading, whose module imports torch
    from manyshot.segment.read_masked import Reading

    parts = options.size.split("x")
    if not all(part.isdigit() for part in parts):
        raise InputError(f"--size {options.size}: write numbers of pixels, as 96, 64x64 or 24x32x24")
    return Reading(tuple(map(int, parts)), options.window, options.group_by)


def _check_files(out: Path | None, report: Path | None) -> None:
    if out is not None:
        check_out(out)
    if report is not None:
        check_out(report, beside=True, option="--report")
        check_replaceable(report, option="--report")


def _scored(
    run: "SegmentationRun", source: "MaskedSource", few: "MaskedSource", device: str, report: Path | None
) -> "CaseScores":
    """Score the items, and write the page."""
    from manyshot.segment.case_scores import score_cases

    scores = score_cases(run.segmentation(device), source, device, title="segment")
    if report is not None:
        from manyshot.report.page import write_page
        from manyshot.report.segmentation_page import segmentation_page

        write_page(report, segmentation_page(scores, source, few, command_line()))
    return scores


def _print_scores(scores: "CaseScores") -> None:
    answer = scores.as_dict()
    rows = [
        (
            label,
            "{mean:.3f}".format(**one["dice"]),
            "[{:.3f}, {:.3f}]".format(*one["dice"]["interval"]),
            "" if one["hausdorff_95"] is None else f"{one['hausdorff_95']:.2f}",
        )
        for label, one in answer["labels"].items()
    ]
    print_table(("label", "Dice", "95 % interval", f"Hausdorff 95, {scores.unit}"), rows, right=(1, 3))
    worst = sorted(answer["by_case"], key=lambda case: sum(case["dice"].values()))[:3]
    for case in worst:
        say(f"low: {case['name']} ({', '.join(f'{label} {value:.2f}' for label, value in case['dice'].items())})")
    say(f"{answer['cases']:,} cases of {answer['patients']:,} patients; intervals over patients")
