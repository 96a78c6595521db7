"""A comparison with a name."""

from manyshot.compare.preset_comparisons import COMPARISONS
from sections.cells import difference, several, table, with_differences

CURVE = "few-tasks.svg"
"""The picture of the preset few-tasks, in docs/images."""
NOTES = {
    "cifar-fs-tasks": "A short training of 2,000 tasks, where published ones have tens of thousands: it shows what a "
    "method costs if it slows learning down, and not yet what it gains. No difference is significant after correction "
    "for "
    "sixteen arms. Composites, ops on the support, flips and the adversarial arm were trained later, on a busier "
    "machine, "
    "where CPU seconds are higher; all arms were evaluated together. [At length](#cifar-fs-at-length) mirrored and "
    "shifted items gain.\n"
}
"""Notes on comparisons."""


def comparison(found: dict) -> str:
    """A comparison's heading, circumstances, table, and what its arms are."""
    preset, comparisons = found["preset"], found["comparisons"]
    first = next(iter(comparisons.values()))
    suites = [
        f"{name}: {one['tasks']:,} tasks of {one['test']}, {one['ways']} ways, {several(one['shots'], 'shot')}, "
        f"{several(one['queries'], 'query', 'queries')} per class"
        for name, one in first["suites"].items()
    ]
    block = ["trained on"] if len(comparisons) > 1 else []
    heads = [*block, "arm", *with_differences(first["suites"]), "CPU seconds per training"]
    rows = []
    for title, one in comparisons.items():
        for arm, output in one["arms"].items():
            reached = [suite["arms"][arm] for suite in one["suites"].values()]
            cells = [
                cell
                for here in reached
                for cell in (f"{here['accuracy']:.1%}", difference(here["against_first"], "p_value_holm"))
            ]
            rows.append([*([title] if block else []), arm, *cells, f"{output['cpu_seconds_per_training']:,.0f}"])
    lines = table(heads, rows)
    if preset == "few-tasks":
        caption = "Means over the training seeds, which are the dots."
        lines = [f"![Accuracy by number of training classes](images/{CURVE})\n", caption, "", *lines]
    arms = []
    for arm, output in first["arms"].items():
        settings = ", ".join(f"`{name}={value}`" for name, value in output["settings"].items())
        use = "" if output["test_plan"] == "none" else f" => {output['test_plan']}"
        arms.append([arm, f"`{output['plan']}{use}`", settings])
    return "\n".join(
        (
            f"## {preset}\n",
            f"{COMPARISONS[preset].summary}. {first['seeds']} seeds, {first['steps']:,} steps each. Evaluated on\n",
            *(f"- {line}" for line in suites),
            "",
            *lines,
            "",
            *([NOTES[preset]] if preset in NOTES else []),
            *table(["arm", "plan of the training tasks [=> at test time]", "trains with"], arms),
            "",
            f"(Commit {found['commit'][:7]}, torch {found['versions']['torch']}.)\n",
            f"```console\n$ {found['command']} --root DATA\n```\n",
        )
    )
