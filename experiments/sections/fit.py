"""`fit` beside scikit-learn."""

from sections.cells import paragraph, table

BASE = "logistic regression"


def fit(found: dict) -> str:
    """Accuracy, rank and calibration of `fit` beside what scikit-learn's book does with the same features."""
    summary, sets = found["summary"], found["sets"]
    arms = {arm: None for row in summary.values() for arm in row}
    rows = []
    for arm in arms:
        cells = [arm]
        for row in summary.values():
            one = row.get(arm)
            cells.append("" if one is None else f"{one['mean_rank']:.1f}; {100 * one['mean_gain']:+.1f}")
        rows.append(cells)
    errors = [
        [arm, *("" if arm not in row else f"{row[arm]['calibration_error']:.3f}" for row in summary.values())]
        for arm in arms
    ]
    details = []
    for name, by_shots in sets.items():
        cells = [name]
        for shots in summary:
            row = by_shots.get(shots)
            values = (
                ""
                if row is None
                else ", ".join(f"{100 * row[arm]['accuracy']:.1f}" for arm in (BASE, "fit, same encoder", "fit"))
            )
            cells.append(values)
        details.append(cells)
    worst = {
        arm: min(100 * row[arm]["smallest_gain"] for row in summary.values()) for arm in ("fit, same encoder", "fit")
    }
    shots = [f"{count} shot{'s' if count != '1' else ''}" for count in summary]
    return "\n".join(
        (
            "## `fit` beside scikit-learn\n",
            paragraph(
                f"Accuracy on examples that were not fitted to, {len(sets)} data sets, {found['draws']} random draws "
                "of the examples of each. Logistic regression (LogisticRegressionCV) and nearest neighbors work on the "
                "plain features of the first encoder, EfficientNet-Lite0 for pictures and MiniLM for sentences; flips "
                "and crops are further training rows, up to 5 shots. `fit, same encoder` may choose everything but "
                "the encoder. What `fit` knows of other data sets was measured without the set at hand, but its list "
                "of candidates was drawn up on some of these sets. Written by `benchmarks/fit.py`."
            ),
            "Mean rank (1 is best), and mean gain over logistic regression in points:\n",
            *table(["method", *shots], rows),
            "",
            paragraph(
                f"The smallest gain on any set at any number of shots is {worst['fit, same encoder']:+.1f} points with "
                f"the same encoder, and {worst['fit']:+.1f} with the encoder of its own choice. Expected calibration "
                "error (15 bins, each draw on its own, so that few test examples raise it):"
            ),
            *table(["method", *shots], errors),
            "",
            f"Accuracy in percent of {BASE}, `fit` with the same encoder, and `fit`:\n",
            *table(["data set", *shots], details),
            "",
        )
    )
