"""Speed beside an earlier commit."""

from sections.cells import paragraph, table


def against(result: dict) -> str:
    """CPU time of the engine and of MAML, before and now."""
    rows = [
        [name, f"{row['before']:.1f}", f"{row['now']:.1f}", f"{row['ratio']:.2f}"]
        for name, row in result["rows"].items()
    ]
    commits = result["commits"]
    return "\n".join(
        (
            "## Speed beside an earlier version\n",
            paragraph(
                f"The engine (microseconds of CPU time an image) and an outer step of second-order MAML (milliseconds "
                f"a task) on one thread, at commit `{commits['before']}`, before the code was laid out anew, and at "
                f"`{commits['now']}`, in turns on a machine that had other work. A ratio is the median over "
                f"{result['rounds']} rounds. The plain loop is the same code in both; its ratios say how far others "
                "may be off."
            ),
            *table(["", "before", "now", "now / before"], rows),
            "",
            "```console\n$ python benchmarks/against.py /tmp/before --rounds 9 --json results/against.json\n```\n",
        )
    )
