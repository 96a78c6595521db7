"""Augmentation on CIFAR-FS at the length of training that people use."""

from sections.cells import difference, paragraph, several, table, with_differences


def cifar_fs_long(found: dict) -> str:
    """Accuracy of each arm, and what the arms are."""
    suites = found["suites"]
    first = next(iter(suites.values()))
    rows = []
    for arm, output in found["arms"].items():
        reached = [suite["arms"][arm] for suite in suites.values()]
        cells = [
            cell
            for here in reached
            for cell in (f"{here['accuracy']:.1%}", difference(here["against_first"], "p_value_holm"))
        ]
        seeds = ["; ".join(", ".join(f"{one:.1%}" for one in here["by_seed"]) for here in reached)]
        rows.append([arm, *cells, *seeds, f"{output['cpu_seconds_per_training'] / 60:.0f}"])
    plans = [[arm, f"`{output['plan']}`", f"`{output['test_plan']}`"] for arm, output in found["arms"].items()]
    heads = ["arm", *with_differences(suites), "by seed", "CPU minutes per training"]
    return "\n".join(
        (
            "## CIFAR-FS at length\n",
            paragraph(
                f"Prototypical networks on Conv4 of 64 channels, trained for {found['steps']:,} steps on tasks of 20 "
                f"ways and 1 shot, {several(found['seeds'], 'seed')}; {first['tasks']:,} tasks of the 16 validation "
                f"classes, 5 ways, {first['queries']} queries a class. Nothing was chosen by these classes: plans and "
                "settings were set beforehand. Published for such networks are 55.5 % and 72.0 % on the 20 test "
                "classes (Bertinetto et al. 2019), which are easier by about 3 points."
            ),
            *table(heads, rows),
            "",
            *table(["arm", "plan of the training tasks", "plan at test time"], plans),
            "",
            "```console\n$ python experiments/cifar_fs_long.py --root DATA\n```\n",
        )
    )
