"""Scans, cells and lesions: masks from one labeled item, other microscopes, rare classes."""

from sections.cells import difference, paragraph, table

POINTS = 100
"""Dice is given in hundredths, as accuracy in percent."""
MEASURES = ("auroc", "average precision", "sensitivity at 0.9", "sensitivity at 0.95")


def medical_one_shot(found: dict) -> str:
    """One labeled scan of the hippocampus."""
    judged = found["mean"]
    rows = []
    for arm, value in judged["dice"].items():
        pool = found["pool"].get(arm)
        rows.append(
            [
                arm,
                f"{POINTS * value:.1f}",
                *(difference(judged["difference"].get(base, {}).get(arm), "p_holm") for base in _baselines(judged)),
                "" if pool is None else f"{POINTS * sum(pool) / len(pool):.1f}",
            ]
        )
    heads = ["arm", "Dice", *(f"over {base} [95 %]" for base in _baselines(judged)), "Dice on pool"]
    return "\n".join(
        (
            "## One labeled scan\n",
            paragraph(
                f"Dice in hundredths of both parts of the hippocampus on {next(iter(judged['cases'].values()))} "
                f"scans (24 x 32 x 24), by a U-Net of {found['width']} channels trained on one labeled scan for "
                f"{found['steps']} steps of {found['batch']}; {_seeds(found, 'labeled scan')}. "
                f"`learned` draws changes from {found['unlabeled']} unlabeled scans (after Zhao et al. 2019). "
                f"Differences are over {_units(found, 'scans')}. The pool are scans that take no part in the test: "
                "what to choose by. Written by `experiments/medical_one_shot.py`."
            ),
            *table(heads, rows),
            "",
            *_plans(found, judged["dice"]),
        )
    )


def medical_microscopes(found: dict) -> str:
    """One labeled cell, and another microscope."""
    heads = ["arm"]
    columns = [(here, where) for where in ("within", "across") for here in (1, 2)]
    names = {(h, w): f"{h} to {h if w == 'within' else 3 - h}" for h, w in columns}
    heads += [cell for key in columns for cell in (names[key], "difference [95 %]")]
    rows = []
    for arm in found["1 across"]["dice"]:
        cells = [arm]
        for here, where in columns:
            judged = found[f"{here} {where}"]
            cells += [f"{POINTS * judged['dice'][arm]:.1f}", _gap(judged, "none", arm)]
        rows.append(cells)
    return "\n".join(
        (
            "## One labeled cell, and another microscope\n",
            paragraph(
                "Dice in hundredths of nucleus and cytoplasm of white blood cells under two microscopes, by a U-Net of "
                f"{found['width']} channels trained on one labeled cell for {found['steps']} steps of "
                f"{found['batch']}; {_seeds(found, 'labeled cell')}; '1 to 2' is learned under the first and judged "
                "under the second. `stain style` sees 40 unlabeled pictures of each microscope; "
                "`normalized` gives every picture the colors of the labeled one. Differences are from `none`, "
                f"over {_units(found, 'cells')}. Written by `experiments/medical_microscopes.py`."
            ),
            *table(heads, rows),
            "",
            *_plans(found, found["1 across"]["dice"]),
        )
    )


def medical_no_image(found: dict) -> str:
    """Label maps alone."""
    judged = found["whole"]
    rows = [
        [
            arm,
            f"{POINTS * value:.1f}",
            *(_gap(judged, base, arm) for base in ("narrow", "one real scan")),
            " ".join(f"{POINTS * one:.1f}" for one in judged["by_seed"][arm]),
        ]
        for arm, value in judged["dice"].items()
    ]
    return "\n".join(
        (
            "## No real scan at all\n",
            paragraph(
                "Dice in hundredths of the whole hippocampus on 60 scans, by a U-Net that saw no scan: 20 label maps "
                "of other heads, painted with random contrasts at every step (after Billot et al. 2023), "
                f"{found['steps']} steps of {found['batch']}, {found['seeds']} seeds. The maps draw the border of the "
                "hippocampus, above all its tail, by other rules than the masks of the scans. Written by "
                "`experiments/medical_no_image.py`."
            ),
            *table(["arm", "Dice", "over narrow [95 %]", "over one real scan [95 %]", "by seed"], rows),
            "",
            *_plans(found, judged["dice"]),
        )
    )


LEARNERS_OF_LESIONS = 4
"""How many `experiments/medical_lesions.py` compares."""


def medical_lesions(found: dict) -> str:
    """MetaMed's protocol."""
    suites = list(next(iter(found["results"].values())))
    rows = []
    for learner, results in found["results"].items():
        for arm in results[suites[0]]:
            cells = [f"{learner}", arm]
            for suite in suites:
                one = results[suite][arm]
                cells += [f"{one['accuracy']:.1%}", difference(one["against_first"], "p_value_holm")]
            rows.append(cells)
    heads = ["learner", "augmentation", *(head for suite in suites for head in (suite, "difference [95 %]"))]
    frozen = found["frozen"]
    seen = "So short a training of a small network hardly tells them apart."
    if frozen["auto"] is not None:
        seen += (
            f" The frozen encoder ({frozen['encoder']}) saw no lesion; {frozen['tasks']} tasks, additional shots from "
            f"the plan; `auto` chose `{frozen['auto']}` from common lesions."
        )
    if len(found["results"]) < LEARNERS_OF_LESIONS:
        seen += " The other learners of the script were not run."
    return "\n".join(
        (
            "## Rare skin lesions from few pictures\n",
            paragraph(
                f"Three rare kinds of lesions ({', '.join(found['rare'])}) from 1, 3 and 5 pictures each (chance is "
                f"33.3%), after meta-training on four common ones ({', '.join(found['common'])}): the protocol of "
                f"MetaMed (Singh et al. 2021) on HAM10000, Conv4 at {found['size']} pixels, {found['steps']} steps, "
                f"{found['seeds']} seeds, {found['tasks']} test tasks. {seen} Differences "
                "are from no augmentation with the same learner. Written by `experiments/medical_lesions.py`."
            ),
            *table(heads, rows),
            "",
            *(f"- {name}: `{plan}`" for name, plan in found["plans"].items() if plan != "none"),
            "",
        )
    )


def medical_rare(found: dict) -> str:
    """Few pictures of one class beside many of the other."""
    rows = []
    for arm, one in found["results"].items():
        cells = [arm]
        for name in MEASURES:
            cells += [f"{one[name]:.3f}", difference(one.get(f"{name}, difference"), "p_holm")]
        rows.append([*cells, f"{one['specificity for 0.9']:.3f}", f"{one['balanced accuracy']:.3f}"])
    heads = ["arm", *(head for name in MEASURES for head in (name, "difference, points [95 %]"))]
    return "\n".join(
        (
            "## A rare class\n",
            paragraph(
                f"{found['rare']} melanomas beside {found['common']} nevi of HAM10000, ridge regression on a frozen "
                f"`{found['encoder']}`, {found['draws']} draws. Thresholds for a specificity of 0.9 and 0.95 come from "
                "lesions that are neither learned from nor tested; the specificity on the tested ones stands beside. "
                "Intervals are over draws of the same lesions. Written by `experiments/medical_rare.py`."
            ),
            *table([*heads, "specificity for 0.9", "balanced accuracy"], rows),
            "",
            f"- variants: `{found['plan']}`, {found['copies']['rare']} of a melanoma, or {found['copies']['all']} of "
            "each picture",
            "",
        )
    )


def _seeds(found: dict, what: str) -> str:
    return f"one {what}" if found["seeds"] == 1 else f"{found['seeds']} seeds, each with another {what}"


def _units(found: dict, what: str) -> str:
    alone = f"{what} alone, and say nothing of another labeled one"
    return alone if found["seeds"] == 1 else f"{what} and seeds"


def _baselines(judged: dict) -> list[str]:
    return [base for base in ("none", "geometry + intensity") if base in judged["difference"]]


def _gap(judged: dict, base: str, arm: str) -> str:
    return difference(judged["difference"].get(base, {}).get(arm), "p_holm")


def _plans(found: dict, arms: dict) -> list[str]:
    return [f"- {arm}: `{found['plans'][arm]}`" for arm in arms if found["plans"].get(arm)] + [""]


def medical_cell_classes(found: dict) -> str:
    """Kinds of cells under another microscope."""
    rows = []
    for arm in found["results"]["other microscope"]:
        cells = [arm]
        for where in ("other microscope", "same microscope"):
            one = found["results"][where][arm]
            cells += [f"{one['accuracy']:.1%}", difference(one.get("difference"), "p_holm")]
        rows.append(cells)
    heads = ["arm", "other microscope", "difference [95 %]", "same microscope", "difference [95 %]"]
    return "\n".join(
        (
            "## Kinds of cells under another microscope\n",
            paragraph(
                f"Four kinds of white blood cells ({', '.join(found['kinds'])}) from {found['shots']} pictures each "
                "under the first microscope, ridge regression on a frozen "
                f"`{found['encoder']}`; balanced accuracy (chance is 25%) on the "
                f"{sum(found['cells']['microscope 2'])} cells of the second one and on the rest of the first. `same "
                "size` cuts a square around each cell, by its mask; `same color` gives all pictures the color "
                "statistics of 40 unlabeled cells of the first microscope; `styles` adds "
                f"{found['copies']} variants of each labeled picture, turned and in styles of both microscopes. "
                f"Intervals are over {found['draws']} draws of the labeled cells, not over cells. `centered` takes the "
                "mean of all cells of a microscope off the features of each; `chosen` has the encoder and penalty that "
                f"did best on other cells of the first microscope (`{found['chosen']['encoder']}`, "
                f"{found['chosen']['penalty']:g}). Both were added after the others had "
                "been seen. Written by "
                "`experiments/medical_cell_classes.py`."
            ),
            *table(heads, rows),
            "",
        )
    )


def xray_fit(found: dict) -> str:
    """`manyshot fit` on chest X-rays."""
    rows = []
    for patients, plan in dict.fromkeys((row["patients"], row["plan"]) for row in found["rows"]):
        some = [row for row in found["rows"] if (row["patients"], row["plan"]) == (patients, plan)]
        tests = [row["test"] for row in some]
        cells = [str(patients), plan]
        for value in ("accuracy", "auroc", "brier"):
            cells.append(" ".join(f"{one[value]:.3f}" for one in tests))
        for value in ("accuracy", "brier"):
            cells.append(" ".join(f"{row['fit'][value]:.3f}" for row in some))
        low, high = (sum(row["fit"]["interval"][end] for row in some) / len(some) for end in (0, 1))
        within = sum(a <= one["accuracy"] <= b for one, (a, b) in ((r["test"], r["fit"]["interval"]) for r in some))
        rows.append([*cells, f"{low:.2f} to {high:.2f}", f"{within} of {len(some)}"])
    heads = ["patients a class", "augmentation", "test accuracy by draw", "area under the curve", "Brier score"]
    heads += ["accuracy that fit stated", "Brier score that fit stated"]
    heads += ["interval of its accuracy, mean", "holds the test"]
    return "\n".join(
        (
            "## Chest X-rays from few patients\n",
            paragraph(
                "`manyshot fit` on one X-ray each of 5 and of 20 people with healthy lungs and with pneumonia, "
                f"{found['budget']} s of search, {found['draws']} draw{'s' * (found['draws'] > 1)}; tested on "
                f"{found['test']} X-rays a class of other people, the same for all draws. `no mirror` tries no "
                "mirrored pictures. Written by `experiments/xray_fit.py`."
            ),
            *table(heads, rows),
            "",
        )
    )
