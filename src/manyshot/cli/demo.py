"""`manyshot demo`: the main job, from nothing to a report, on data that comes with the dependencies."""

import time
from pathlib import Path
from typing import Annotated

import typer

from manyshot.base import check_out, quieten
from manyshot.cli.options import Json, Quiet, Seed, command_line, examples, print_json, print_table

EXAMPLES = examples(
    "manyshot demo",
    "manyshot demo --out my-demo --seed 1 --json",
    "",
    "Learns to learn from printed Greek letters, then reads real handwritten digits from 1 and 5 examples each.",
)


def demo(
    out: Annotated[Path, typer.Option("--out", help="The folder of the report and the samples.")] = Path(
        "manyshot-demo"
    ),
    seed: Seed = 0,
    as_json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Printed Greek letters to handwritten digits: does augmentation help, by how much, and what does it make?"""
    from manyshot.report.compare_page import result_rows
    from manyshot.report.page import interval
    from manyshot.report.run_demo import make_demo

    quieten(quiet)
    check_out(out)
    began = time.monotonic()
    found = make_demo(out, seed, command_line())
    seconds = round(time.monotonic() - began, 1)
    if as_json:
        print_json({**found.as_dict(), "seconds": seconds, "report": str(found.report)})
        return
    rows = []
    for shots in found.results:
        answer = found.as_dict()[shots]
        gain = f"{100 * answer['difference']:+.1f}"
        if answer["interval"] is not None:
            low, high = answer["interval"]
            gain = interval(100 * answer["difference"], 100 * low, 100 * high, signed=True)
        rows.append((shots.replace("_", " "), f"{answer['without']:.1%}", f"{answer['with']:.1%}", gain))
    print_table(("10 digits", "without augmentation", "with", "difference, points [95 %]"), rows, right=(1, 2, 3))
    columns = ("then, with one example each", "accuracy %", "difference, points [95 %]")
    print_table(columns, [row[:3] for row in result_rows(found.learned.results)], right=(1, 2))
    print(f"Done in {seconds:.0f} seconds. New samples of one task are in {found.samples}")
    print(f"Samples that a learned augmenter tailored to it are in {found.learned.samples}")
    print(f"Look at {found.report}")
