"""The section of kills, bad inputs, races and full disks."""

from collections import Counter

from sections.cells import paragraph, table

WHAT = {
    "kills": ("kills at a random moment; the next run goes on to the same bytes", "before the end"),
    "inputs": ("damaged pictures, archives, tables, runs, models and plans", "refused"),
    "races": ("two trainings at the same time into one folder", "one refused"),
    "disks": ("a full disk, or files that cannot grow", "stopped"),
}
"""What each part does, and what it means that a trial struck."""


def soak(found: list[dict]) -> str:
    """What was tried at random, and what failed."""
    tried, struck, failed = Counter(), Counter(), Counter()
    for one in found:
        tried += Counter(one["tried"])
        struck += Counter(one["struck"])
        failed += Counter(fault["part"] for fault in one["faults"])
    rows = [
        [what, f"{tried[part]:,}", f"{struck[part]:,} {how}", str(failed[part])]
        for part, (what, how) in WHAT.items()
        if tried[part]
    ]
    mended = dict.fromkeys(fault["how"] for one in found for fault in one["faults"] if fault.get("mended"))
    seeds = ", ".join(str(one["seed"]) for one in found)
    return "\n".join(
        (
            "## Kills, bad inputs and races\n",
            paragraph(
                "Commands of the command line in forked processes, disturbed at random (`make soak`), in "
                f"{len(found)} campaigns of {sum(one['minutes'] for one in found):.0f} minutes in all (seeds {seeds}). "
                "A failure is a traceback, a crash, a hang, more than 6 GiB of memory, an error that fills more than a "
                "line, a result that differs from that of an undisturbed run, or two runs mixed in one folder."
            ),
            *table(["tried at random", "times", "of these", "failed"], rows),
            "",
            *(f"Mended since: {what}.\n" for what in mended),
            "```console\n$ make soak MINUTES=60 SEED=1\n```\n",
        )
    )
