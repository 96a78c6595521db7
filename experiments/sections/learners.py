"""The speed of second-order MAML."""

from sections.cells import paragraph, table

OURS = "manyshot"


def learners(found: dict) -> str:
    """Tasks a second, memory, and how many times as long the peers take."""
    rows = []
    for case in found["cases"]:
        for name, row in case["rows"].items():
            rows.append(
                [
                    f"Conv4-{case['width']}, {case['steps']} inner" if name == OURS else "",
                    name,
                    f"{row['tasks_a_second']:.1f}",
                    f"{row['cpu_milliseconds_a_task']:.0f}",
                    f"{row['memory_mib']:.0f}",
                    "" if name == OURS else f"{case['ratios'][name]:.2f}",
                    "" if name == OURS else f"{case['cpu_ratios'][name]:.2f}",
                ]
            )
    heads = ["case", "row", "tasks a second", "CPU ms a task", "MiB", "time / ours", "CPU time / ours"]
    gap = max(gap for case in found["cases"] for gap in case["gradient_gaps"].values())
    return "\n".join(
        (
            "## Second-order MAML\n",
            paragraph(
                f"On {found['machine']['threads']} threads: {found['what']}. Before the timing, each row's "
                f"meta-gradient in float64 equals the plain loop's (largest gap {gap:.0e}). What the rows are stands "
                "among the [benchmarks](../benchmarks/README.md#second-order-maml-learnerspy)."
            ),
            *table(heads, rows),
            "",
            "```console\n$ python benchmarks/learners.py --threads 2 --learn2learn LEARN2LEARN "
            "--json results/learners.json\n```\n",
        )
    )
