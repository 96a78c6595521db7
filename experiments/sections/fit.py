"""`fit` beside scikit-learn, its intervals, and what it does not know."""

from sections.cells import paragraph, table

BASE = "logistic regression"
CALIBRATION_AIM = 0.06
ARMS = ("fit, same encoder", "fit")


def fit(found: dict) -> str:
    """Accuracy, rank and calibration of `fit` beside what scikit-learn's book does with the same features."""
    return "\n".join(
        (
            "## `fit` beside scikit-learn\n",
            paragraph(
                f"Accuracy on examples that were not fitted to, {len(found['sets'])} data sets, {found['draws']} "
                "random draws of the examples of each. Logistic regression (LogisticRegressionCV) and nearest "
                "neighbors work on the plain features of the first encoder, EfficientNet-Lite0 for pictures and "
                "MiniLM for sentences; flips and crops are further training rows, up to 5 shots. "
                "`fit, same encoder` may choose everything but "
                "the encoder. What `fit` knows of other data sets was measured without the set at hand, but its list "
                "of candidates was drawn up on some of these sets. Measured before `efficientnet-lite0-spread` was one "
                "of the encoders, and with at most 50 test examples per class. Written by `benchmarks/fit.py`."
            ),
            *_tables(found),
        )
    )


def fit_plain(found: dict) -> str:
    """The same without augmentation, with the encoder of spreads."""
    five = found["summary"]["5"]["fit"]
    return "\n".join(
        (
            "### Without augmentation, with the spread of Lite0's maps\n",
            paragraph(
                f"The same comparison on {len(found['sets'])} sets of pictures, icons of several designers among them, "
                f"{found['draws']} random draws of the examples of each. Pictures are encoded as they are. All figures "
                "are of one rule: `fit` chooses between `efficientnet-lite0`, and this joined with "
                "`efficientnet-lite0-spread`; the spread alone is not tried. With one or two examples per class it "
                "takes what did best on the other sets, mean less one standard deviation between sets; with more it "
                "also weighs cross-validation on the examples."
            ),
            paragraph(
                "The gain is optimistic: the encoder of spreads was picked by pilots on these same sets, although what "
                "`fit` knows of other data was measured without the set at hand. What `fit` does by default, Lite2 and "
                "augmented views among its candidates and all three encoders joined, stands below."
            ),
            paragraph(
                f"{_losses(found['sets'])} At 5 shots the calibration error is {five['calibration_error']:.3f} on "
                f"average, and the aim was under {CALIBRATION_AIM}; that of a perfectly calibrated classifier would be "
                f"{five['calibration_error_by_chance']:.3f} on so few test examples."
            ),
            *_tables(found),
        )
    )


def fit_default(found: dict) -> str:
    """What ships: all encoders, alone and joined, with augmented views."""
    sets = found["sets"]
    counts = [row["fit"]["draws"] for by_shots in sets.values() for row in by_shots.values()]
    sentences = [name for name in sets if name.startswith("CLINC150")]
    kinds = f"{len(sets) - len(sentences)} of pictures and {len(sentences)} of sentences"
    alone = _ranks(found["summary_of_pictures"]) if "summary_of_pictures" in found else []
    return "\n".join(
        (
            "### As it ships\n",
            paragraph(
                f"The same comparison for what `fit` does by default, on {len(sets)} sets, {kinds}, {min(counts)} to "
                f"{max(counts)} draws of each, at most 10 classes of pictures and 20 of sentences: Lite0, Lite2 and "
                "the spread, or MiniLM, the universal encoder and n-grams, alone and joined; pictures without and with "
                "augmented views; all chosen by the procedure that ships, but without the names of the classes. What "
                "it knows of other data sets was measured without the set at hand. Of all sets only CIFAR-FS is of "
                "photographs; encoder of spreads and learned mix were found on sets that include some of these, and "
                "that the mix is not used with one or two examples was decided after looking at CIFAR-FS. Written by "
                "`benchmarks/fit.py --name fit_default`."
            ),
            paragraph(_losses(sets)),
            *_tables(found),
            *(["Of the sets of pictures alone, with one method more:\n", *alone, ""] if alone else []),
        )
    )


def fit_learned_mix(found: dict) -> str:
    """What the learned mix of ops is worth as a candidate."""
    shots = list(dict.fromkeys(count for by_shots in found["sets"].values() for count in by_shots))
    shots.sort(key=int)
    rows = []
    for name, by_shots in found["sets"].items():
        cells = [name]
        for count in shots:
            row = by_shots.get(count)
            text = "" if row is None else f"{100 * row['gain']:+.1f} ± {196 * row['gain_standard_error']:.1f}"
            cells.append(text + ("" if row is None else f" ({row['mix_chosen']:.0%})"))
        rows.append(cells)
    columns = [[row[count]["gain"] for row in found["sets"].values() if count in row] for count in shots]
    rows.append(["mean over sets", *(f"{100 * sum(gains) / len(gains):+.1f}" for gains in columns)])
    counts = [row["draws"] for by_shots in found["sets"].values() for row in by_shots.values()]
    draws = f"{min(counts)}" if min(counts) == max(counts) else f"{min(counts)} to {max(counts)}"
    return "\n".join(
        (
            "### The learned mix of ops as a candidate\n",
            paragraph(
                "What `fit` gains, in points, when the [mix of ops](fit.md#fit-predict-evaluate-export) that `auto` "
                f"starts from is one of the candidates, over the same choice without it: {draws} draws of each of "
                f"{len(found['sets'])} sets, paired, ± 1.96 standard errors over draws, and in brackets how often the "
                "mix was chosen. One encoder, EfficientNet-Lite0. What `fit` knows of other data sets was measured "
                "without the set at hand, but the mix itself was found on families of sets that include these. Of all "
                "sets only CIFAR-FS is of photographs. Written by `experiments/fit_learned_mix.py`."
            ),
            *table(["data set", *(f"{count} per class" for count in shots)], rows),
            "",
        )
    )


def fit_auto(found: dict) -> str:
    """Which variants `fit` chooses from, and what they are worth."""
    chosen, means = found["chosen"], found["means"]
    shots = [key for key in means[chosen]["judged_on"] if key != "all"]
    columns = [*(f"{count} per class" for count in shots), "mean"]
    over = [
        [arm, *(f"{100 * row[part][key]:+.1f}" for key in (*shots, "all"))]
        for part in ("chosen_on", "judged_on")
        for arm, row in means.items()
    ]
    first, second = over[: len(means)], over[len(means) :]
    sets = [
        [name, *(_gain(found["arms"][name].get(count, {}).get(chosen)) for count in shots)]
        for name in (*found["judged_on"], *found["chosen_on"])
    ]
    kinds = [
        [kind, *(_mean_gain([by_set[name].get(count) for name in by_set]) for count in shots)]
        for kind, by_set in found["one_head"]["gains"].items()
    ]
    head = ["candidates", *columns]
    return "\n".join(
        (
            "### The mix of `auto` as a candidate\n",
            paragraph(
                "What `fit` would gain, in points, if it chose from other variants than it does: affine maps, these "
                f"with crops and flips and, from three examples of a class on, the learned {found['base']}. Each "
                "list is tried beside no augmentation; `alone` means without affine maps, crops and flips. The "
                "encoder is EfficientNet-Lite0 joined with the spread of its maps; 10 draws of a set, paired. Of the "
                f"lists with `auto` one was chosen on {', '.join(found['chosen_on'])}, where `fit` knew of the others "
                "of these alone: the best on average, a costlier one if it was "
                f"{100 * found['lead']:.1f} points better. That is **{chosen}**. It was judged on "
                f"{', '.join(found['judged_on'])}, where `fit` knew of all others; the mean there is "
                f"{100 * means[chosen]['judged_on']['all']:+.1f}, so `fit` stays as it is. The weights of `auto` were "
                "fitted to families that include Omniglot, emoji, chest X-rays and letters, and the mix of two ops was "
                "found on them. Written by `experiments/fit_auto.py`."
            ),
            "On the sets that it was chosen on:\n",
            *table(head, first),
            "",
            "On the others:\n",
            *table(head, second),
            "",
            f"Gain of {chosen} by set, ± 1.96 standard errors over draws:\n",
            *table(["data set", *columns[:-1]], sets),
            "",
            paragraph(
                "What variants gain over none, mean over all these sets, with one head, "
                f"`{found['one_head']['head']}`, and nothing chosen:"
            ),
            *table(["variants", *columns[:-1]], kinds),
            "",
        )
    )


def _gain(cell: dict | None) -> str:
    return "" if cell is None else f"{100 * cell['gain']:+.1f} ± {196 * cell['standard_error']:.1f}"


def _mean_gain(cells: list[dict | None]) -> str:
    gains = [cell["gain"] for cell in cells if cell is not None]
    return f"{100 * sum(gains) / len(gains):+.1f}"


def fit_interval(found: dict) -> str:
    """How often the stated interval covers the accuracy on many new examples."""
    results, summary = found["results"], found["summary"]
    shots = list(summary)
    rows = []
    for name, by_shots in results.items():
        cells = ["" if count not in by_shots else f"{by_shots[count]['covered']:.0%}" for count in shots]
        rows.append([name, *cells, f"{found['constants'][name]:g}"])
    rows.append(["all", *(f"{summary[count]['covered']:.1%}" for count in shots), f"{found['constant_of_all']:g}"])
    rows.append(["all, as it is", *(f"{summary[count]['covered_as_it_is']:.1%}" for count in shots), ""])
    rows.append(["width in points", *(f"{100 * summary[count]['width']:.0f}" for count in shots), ""])
    parts = [
        "### The interval that `fit` states\n",
        paragraph(
            f"Fraction of {found['draws']} draws of 2 to 20 classes and their examples in which the stated 95 % "
            "interval, by resampling of the draw alone, covers the accuracy on all other examples of these classes. "
            "The head is ridge; features are frozen. The constant of the interval, how many examples an example of an "
            "independent test set is worth, was chosen on the other sets: one step above the smallest with which the "
            "interval covers 95 % there. The accuracy on the other examples is uncertain itself, the more the fewer "
            "there are; the interval is widened by this noise, but for the row 'as it is'. Written by "
            "`experiments/fit_interval.py`."
        ),
        *table(["data set", *(f"{count} per class" for count in shots), "constant"], rows),
        "",
    ]
    if "nested" in found:
        cells = [
            f"{row['covered']:.0%} of {row['draws']} draws at {count} per class "
            f"(as it is, {row['covered_as_it_is']:.0%})"
            for count, row in found["nested"]["summary"].items()
        ]
        parts.append(
            paragraph(
                "With head and augmentation chosen in each draw of five classes, as `fit` does with one encoder, and "
                "the choice judged by nested resampling: "
                f"{', '.join(cells)}."
            )
        )
    return "\n".join(parts)


def fit_calibration(found: dict) -> str:
    """How well a temperature from few examples calibrates."""
    rules = found["rules"]
    shots = list(next(iter(rules.values())))

    def mean(rule: str, count: str, key: str) -> str:
        values = [row[key] for row in rules[rule][count].values()]
        return f"{sum(values) / len(values):.3f}"

    rows = [[rule, *(mean(rule, count, "error") for count in shots)] for rule in rules]
    rows.append(["a perfectly calibrated classifier", *(mean("both", count, "by_chance") for count in shots)])
    names = list(dict.fromkeys(name for by_set in rules["both"].values() for name in by_set))
    details = [
        [
            name,
            *(f"{rules['both'][count][name]['error']:.3f}" if name in rules["both"][count] else "" for count in shots),
        ]
        for name in names
    ]
    head = [f"{count} per class" for count in shots]
    return "\n".join(
        (
            "### The calibration of `fit`\n",
            paragraph(
                "Expected calibration error (15 bins) of a ridge head on all other examples of the classes of a draw, "
                f"{found['sets']} sets, {found['draws']} draws of each. The temperature has a prior, which is measured "
                "on the other sets, and is fitted to the logits of held-out examples. `both` is what `fit` does. The "
                "rules can't be told apart from 3 examples per class on, but for the prior alone, which is far worse; "
                "with one example per class there is nothing else. Written by `experiments/fit_calibration.py`."
            ),
            *table(["rule", *head], rows),
            "",
            "By data set, with both:\n",
            *table(["data set", *head], details),
            "",
        )
    )


def unknown(found: dict) -> str:
    """What is called unknown."""
    rows = []
    for kind, encoders in found["kinds"].items():
        for encoder, by_set in encoders.items():
            for shots in dict.fromkeys(count for row in by_set.values() for count in row):
                cells = [row[shots] for row in by_set.values() if shots in row]
                names = ("false_alarms", "other_sets", "other_classes", "other_sets_at_5", "other_classes_at_5")
                means = [100 * sum(cell[name] for cell in cells) / len(cells) for name in names]
                rows.append([kind, encoder, shots, *(f"{mean:.0f}" for mean in means)])
    head = [
        "examples",
        "encoder",
        "per class",
        "false alarms",
        "other sets",
        "other classes",
        "sets at 5 %",
        "classes at 5 %",
    ]
    return "\n".join(
        (
            "### What is unlike every class\n",
            paragraph(
                "Half of the classes of each data set are known. Percentage of new examples of these classes that are "
                "called unknown (false alarms, 5 wanted), and of foreign ones that are caught: examples of other data "
                "sets, and of the same data set's other classes. The last two columns set the threshold to 5 % false "
                f"alarms exactly. Means over sets, {found['draws']} draws each. Written by "
                "`experiments/unknown_examples.py`."
            ),
            *table(head, rows),
            "",
        )
    )


def _losses(sets: dict) -> str:
    """The sets on which `fit` loses to logistic regression, worst first."""
    rows = [
        (100 * (row["fit"]["accuracy"] - row[BASE]["accuracy"]), 100 * row["fit"]["gain_standard_error"], name, shots)
        for name, by_shots in sets.items()
        for shots, row in by_shots.items()
    ]
    lost = [
        f"{name} at {shots} shot{'s' if shots != '1' else ''} ({gain:+.1f}, standard error {error:.1f})"
        for gain, error, name, shots in sorted(rows)
        if gain <= -0.05
    ]
    much = f"`fit` is below logistic regression in {len(lost)} of {len(rows)} cases, and the aim was 1 point at most"
    return f"{much}: {', '.join(lost)}." if lost else f"{much}."


def _tables(found: dict) -> list[str]:
    summary, sets = found["summary"], found["sets"]
    arms = {arm: None for row in summary.values() for arm in row}
    errors = [
        [arm, *("" if arm not in row else f"{row[arm]['calibration_error']:.3f}" for row in summary.values())]
        for arm in arms
    ]
    details = []
    for name, by_shots in sets.items():
        cells = [name]
        for shots in summary:
            row = by_shots.get(shots)
            values = "" if row is None else ", ".join(f"{100 * row[arm]['accuracy']:.1f}" for arm in (BASE, *ARMS))
            cells.append(values)
        details.append(cells)
    worst = {arm: min(100 * row[arm]["smallest_gain"] for row in summary.values()) for arm in ARMS}
    shots = _columns(summary)
    chance = [row[ARMS[1]].get("calibration_error_by_chance") for row in summary.values()]
    if all(value is not None for value in chance):
        errors.append(["a perfectly calibrated classifier", *(f"{value:.3f}" for value in chance)])
    return [
        "Mean rank (1 is best), and mean gain over logistic regression in points:\n",
        *_ranks(summary),
        "",
        paragraph(
            f"The smallest gain on any set at any number of shots is {worst[ARMS[0]]:+.1f} points with "
            f"the same encoder, and {worst[ARMS[1]]:+.1f} with the encoder of its own choice. Expected calibration "
            "error (15 bins, each draw on its own, so that few test examples raise it):"
        ),
        *table(["method", *shots], errors),
        "",
        f"Accuracy in percent of {BASE}, `fit` with the same encoder, and `fit`:\n",
        *table(["data set", *shots], details),
        "",
    ]


def _columns(summary: dict) -> list[str]:
    return [f"{count} shot{'s' if count != '1' else ''}" for count in summary]


def _ranks(summary: dict) -> list[str]:
    """A row of each method: mean rank and mean gain at each number of shots."""
    rows = []
    for arm in {arm: None for row in summary.values() for arm in row}:
        ones = [row.get(arm) for row in summary.values()]
        cells = ["" if one is None else f"{one['mean_rank']:.1f}; {100 * one['mean_gain']:+.1f}" for one in ones]
        rows.append([arm, *cells])
    return table(["method", *_columns(summary)], rows)
