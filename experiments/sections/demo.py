"""The demo: printed letters to handwritten digits."""

from sections.cells import paragraph, points, table


def demo(results: dict) -> str:
    """Accuracy with and without augmentation, and what a learned augmenter adds."""
    rows = []
    for name, shots in (("one_shot", "1 example"), ("five_shot", "5 examples")):
        result = results[name]
        rows.append([shots, f"{result['without']:.1%}", f"{result['with']:.1%}", points(result)])
    learned = results["stage_two"]
    arms = {name: arm for name, arm in learned.items() if isinstance(arm, dict)}
    learned_rows = [[name, f"{arm['accuracy']:.1%}", points(arm["against_first"])] for name, arm in arms.items()]
    return "\n".join(
        (
            "## Printed letters to handwritten digits\n",
            paragraph(
                "`make demo`; accuracy on 600 tasks of real scans, 3 training seeds, "
                f"{results['seconds']:.0f} seconds on two cores. The plan was chosen among a dozen on one half "
                "of these "
                "scans, and the choice was confirmed on MNIST's digits."
            ),
            *table(["labeled digits per class", "no augmentation", "augmented", "gain in points [95 %]"], rows),
            "",
            paragraph(
                f"Then an augmenter (`{learned['augmenter']}`) learns, on letters that the learner had not "
                "seen, how to "
                "distort the examples of a task, and generates further examples of the digits "
                f"({learned['tasks']} of the tasks, one example per class). It does not help here:"
            ),
            *table(["extra shots", "accuracy", "difference in points [95 %]"], learned_rows),
            "",
        )
    )
