"""Omniglot's one-shot task from the five alphabets of `small1`."""

from sections.cells import interval, paragraph, table


def omniglot_small1(results: dict) -> str:
    """Errors with and without augmentation, and the commands."""
    arms = results["arms"]
    rows = []
    for test in arms["with"]["evaluations"]:
        evaluations = [arms[arm]["evaluations"][test] for arm in ("without", "with")]
        rows.append([test, *(f"{one['error']:.2%} {interval(one, 1, '.1%')}" for one in evaluations)])
    best, plain = arms["with"], arms["without"]
    evaluations = (plain["evaluations"]["prototypes"], best["evaluations"]["nearest of many variants"])
    commands = (plain["train"], evaluations[0]["command"], best["train"], evaluations[1]["command"])
    return "\n".join(
        (
            "## Omniglot from five alphabets\n",
            paragraph(
                "Trained on the five alphabets of `small1` alone, tested on 20 one-shot runs (20-way within an "
                "alphabet, "
                "400 trials) of other background alphabets; intervals over runs, one training seed. Augmentation in "
                f"training and at test time brings the error to {results['ratio']:.2f} of the plain learner's. "
                "The plan at "
                "test time did best on three other alphabets, but two plans of fewer variants had been tried on "
                "these runs "
                "before (12.25% and 12.75%), so the last figure is slightly optimistic. These runs are drawn at "
                "random and "
                "are harder than the 20 official ones, on which people and stroke models are measured."
            ),
            *table(["error", "trained without", "trained with `handwriting`"], rows),
            "",
            "```console",
            *(f"$ {command}" for command in commands),
            "```\n",
        )
    )
