"""A larger encoder, augmentation, or names of classes."""

from sections.cells import difference, paragraph, several, table


def three_levers(found: dict) -> str:
    """What each of three things that a user can change in `fit` is worth, and two of them together."""
    rows = []
    for name, one in found["sets"].items():
        for shots, result in one["shots"].items():
            cells = [difference(gap, "p_value_holm") for gap in result["against_lite0"].values()]
            tasks = f"{one['ways']} ways, {several(int(shots), 'shot')}"
            rows.append([name, tasks, f"{result['accuracy']['Lite0']:.1%}", *cells])
    heads = ["classes", "tasks", "Lite0", "+ augmentation", "+ names", "Lite2", "Lite2 + augmentation", "Lite2 + names"]
    return "\n".join(
        (
            "## A larger encoder, augmentation or names\n",
            paragraph(
                "Three things that a user of [`fit`](fit.md) can change, on five sets of pictures: the encoder "
                "(efficientnet-lite0 or the larger efficientnet-lite2), the variants that `fit` tries first "
                f"(`{found['plan']}`, for examples and new pictures), and names of classes where examples agree with "
                f"them. {found['seeds']} seeds, {found['draws']} draws of classes and examples each, judged on others; "
                "heads are ridge, with the penalty that `fit` chooses. Differences are from Lite0 as it is. Names of "
                "emoji and of letters are those of Unicode. Nothing was tuned for this table, but how names are placed "
                "was picked on these classes of CIFAR-FS, many of whose kinds both encoders saw in training."
            ),
            *table(heads, rows),
            "",
            f"```console\n$ {found['command']}\n```\n",
        )
    )
