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
                f"`{commits['now']}`, in turns. A ratio is the median over {result['rounds']} rounds, of "
                f"pipelines over {result['pipeline_rounds']}, each the fastest of five calls. "
                "The plain loop is the same code in both; its ratios say how far others may be off. Pipelines scatter "
                "more: rows further than 5 % from 1 are other ones in each run, to both sides, and those of `flip + "
                "crop`, `color jitter` and `CutMix` differ by about 3 % at most in processes that do nothing else."
            ),
            *table(["", "before", "now", "now / before"], rows),
            "",
            "```console\n$ python benchmarks/against.py /tmp/before --json results/against.json\n```\n",
        )
    )
