"""What MAML knows of sine waves by heart."""

from sections.cells import difference, table


def memorization(found: dict) -> str:
    """Squared errors, with the true support and with a shuffled one."""
    heads = [
        "trained on",
        "arm",
        "new waves",
        "difference [95 %]",
        "shuffled support",
        "training waves",
        "shuffled support",
        "CPU seconds per training",
    ]
    rows = []
    for title, arms in found["comparisons"].items():
        for arm, output in arms.items():
            new, known = output["new_waves"], output["training_waves"]
            errors = (new["shuffled_support"], known["true_support"], known["shuffled_support"])
            gap = difference(output["against_first"], "p_value", scale=1, digits=2)
            rows.append(
                [
                    *(title, arm, f"{output['error']:.2f}", gap),
                    *(f"{error:.2f}" for error in errors),
                    f"{output['cpu_seconds_per_training']:,.0f}",
                ]
            )
    plans = {arm: output["plan"] for arms in found["comparisons"].values() for arm, output in arms.items()}
    return "\n".join(
        (
            "## memorization\n",
            "Sine waves from few fixed training tasks: MAML's mean squared error on new waves and on the training "
            f"waves at new points, with their support and with shuffled targets in it. {found['seeds']} seeds, "
            f"{found['steps']:,} steps each. The difference is of errors, so below 0 is better.\n",
            *table(heads, rows),
            "",
            *(f"- {arm}: `{plan}`" for arm, plan in plans.items()),
            "",
            f"(Commit {found['commit'][:7]}, torch {found['versions']['torch']}.)\n",
            f"```console\n$ {found['command']}\n```\n",
        )
    )
