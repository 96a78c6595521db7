"""Scans on the command line: what they are, and pictures of them."""

from pathlib import Path
from typing import Annotated

import typer

from manyshot.cli.output import print_json, print_table, say

WindowOption = Annotated[
    str | None,
    typer.Option(
        "--window",
        help="Of scans: which values become black and white: percentile(0.5, 99.5), which is taken if not given, "
        "minmax, full, width(400, 40), lung, mediastinum, abdomen, brain or bone.",
    ),
]


def is_of_scans(name: str) -> bool:
    """Whether a path is a scan, or a folder or zip of scans."""
    from manyshot.datasets.volume_folder import holds_scans

    path = Path(name).expanduser()
    return path.exists() and holds_scans(path)


def show_scans(path: Path, window: str | None, out: Path | None, classes: int, items: int, as_json: bool) -> None:
    """Describe a scan, or the scans of a folder, and draw them to a file."""
    from manyshot.datasets.volume_folder import is_one_scan, read_path
    from manyshot.datasets.window import DEFAULT_WINDOW, parse_window
    from manyshot.samples.contact_sheet import save_image
    from manyshot.samples.plane_sheet import describe_scan, draw_scan, draw_scans

    chosen = parse_window(window or DEFAULT_WINDOW)
    if is_one_scan(path):
        scan = read_path(path)
        facts = {"name": path.name, **describe_scan(scan, chosen)}
        if out:
            save_image(draw_scan(scan, chosen), out)
    else:
        sheet, counts = draw_scans(path, chosen, classes, items)
        facts = {"name": path.name, "scans": f"{sum(counts.values()):,}"}
        facts |= {"classes": ", ".join(f"{name} ({count:,})" for name, count in counts.items())}
        if out:
            save_image(sheet, out)
    if as_json:
        print_json({**facts, "sheet": out and str(out)})
        return
    print_table(("", ""), list(facts.items()))
    if out:
        say(f"Contact sheet: {out}")
