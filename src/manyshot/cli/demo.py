"""`manyshot demo`: a whole study, from training to a report, on data that come with the dependencies."""

import time
from pathlib import Path
from typing import Annotated

import typer

from manyshot.base import check_out, quieten
from manyshot.cli.output import command_line, print_json, print_table, say
from manyshot.cli.shared_options import Json, Quiet, Seed, examples

EXAMPLES = examples(
    "manyshot demo",
    "manyshot demo --out my-demo --seed 1 --json",
    "",
    "Meta-trains on printed Greek letters, then classifies handwritten digits from 1 and 5 examples per class.",
)


def demo(
    out: Annotated[Path, typer.Option("--out", help="Folder of the report and the samples.")] = Path("manyshot-demo"),
    seed: Seed = 0,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """From printed Greek letters to handwritten digits: how much does augmentation help?"""
    from manyshot.report.compare_page import result_rows
    from manyshot.report.page import interval
    from manyshot.report.run_demo import make_demo

    quieten(quiet)
    check_out(out)
    start = time.monotonic()
    result = make_demo(out, seed, command_line())
    seconds = round(time.monotonic() - start, 1)
    if as_json:
        print_json({**result.as_dict(), "seconds": seconds, "report": str(result.report)})
        return
    rows = []
    for shots in result.results:
        values = result.as_dict()[shots]
        gain = f"{100 * values['difference']:+.1f}"
        if values["interval"] is not None:
            low, high = values["interval"]
            gain = interval(100 * values["difference"], 100 * low, 100 * high, signed=True)
        rows.append((shots.replace("_", " "), f"{values['without']:.1%}", f"{values['with']:.1%}", gain))
    print_table(("10 digits", "without augmentation", "with", "difference, points [95 %]"), rows, right=(1, 2, 3))
    columns = ("with a learned augmenter, 1 shot", "accuracy %", "difference, points [95 %]")
    print_table(columns, [row[:3] for row in result_rows(result.learned.results)], right=(1, 2))
    fitted = result.fitted
    accuracy = fitted.evaluation.metrics.accuracy
    say(
        f"A classifier fitted to {fitted.report.examples} scans reads {accuracy.value:.1%} "
        f"[{accuracy.low:.1%}, {accuracy.high:.1%}] of {len(fitted.evaluation.labels)} others; it is in "
        f"{fitted.exported.path.parent}, also as {fitted.exported.path.name}"
    )
    say(f"Done in {seconds:.0f} seconds. New samples of one task are in {result.samples}")
    say(f"Samples by a learned augmenter are in {result.learned.samples}")
    say(f"Look at {result.report}")
