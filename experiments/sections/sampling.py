"""The speed of the sampler."""

from sections.cells import paragraph, table


def sampling(results: dict) -> str:
    """Tasks a second, beside other libraries."""
    rows = [
        [row["sampler"], f"{row['episodes_a_second']:,}", f"{row['least']:,} to {row['most']:,}"]
        for row in results["rows"]
        if row.get("episodes_a_second")
    ]
    return "\n".join(
        (
            "## Drawing tasks\n",
            paragraph(
                "Tasks of 5 ways, 1 shot and 15 queries of 28x28 uint8 images from 964 classes in memory; one "
                "thread, tasks "
                "per CPU second, medians over rounds. `manyshot` draws 16 tasks at once; one at a time, a plain index "
                "look-up is faster."
            ),
            *table(["sampler", "tasks a second", "range"], rows),
            "",
            "```console\n$ python benchmarks/sampling.py --json results/sampling.json\n```\n",
        )
    )
