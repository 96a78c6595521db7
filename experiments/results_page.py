"""Write docs/results.md, what the comparisons with a name have found, and its picture, from the files in results/.

python experiments/results_page.py
"""

import json
from pathlib import Path

import matplotlib
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MultipleLocator, NullLocator, PercentFormatter

from manyshot.report.plots import COLOURS, STYLE, svg
from manyshot.training.presets import COMPARISONS

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "results.md"
CURVE = ROOT / "docs" / "images" / "few-tasks.svg"
ENGINE = ("augment", "step_profile")
NOTES = {
    "cifar-fs-tasks": "A short training, of 2,000 tasks where published ones take tens of thousands: a method that "
    "slows learning down shows what it costs, and not yet what it is worth.\n"
}
"""What has to be said of a comparison beside its table."""
SURE = 0.05
"""Differences of a smaller p-value are set in bold."""

LEAD = f"""\
# Results

What the [comparisons with a name](training.md#comparisons-with-a-name) have found; other figures stand in the
[README](../README.md#results) and among the [benchmarks](../benchmarks/README.md). This page is written by
`experiments/results_page.py` from the files in `results/`, which hold the figures of every seed too.

All arms of a table were trained with the same seeds, on the same training tasks, and judged on the same test tasks. A
difference is against the first arm of its block, in points, with a 95 % interval that includes the training seed; it is
bold where the p-value is below {SURE}, corrected for the number of arms (Holm 1979). An accuracy is the mean over
seeds, and CPU seconds are those of the trainings of all seeds together.
"""


def page(results: Path = ROOT / "results") -> str:
    """The page, with a section for each comparison, and for the engine, whose results are there.

    Args:
        results: the folder of the files, `NAME.json` each with underscores for hyphens.
    """
    found = [results / f"{name.replace('-', '_')}.json" for name in COMPARISONS]
    sections = [section(json.loads(file.read_text(encoding="utf-8"))) for file in found if file.exists()]
    waves = results / "memorisation.json"
    if waves.exists():
        sections.append(memorisation(json.loads(waves.read_text(encoding="utf-8"))))
    for name, write in STAGE_TWO.items():
        if (results / f"{name}.json").exists():
            sections.append(write(json.loads((results / f"{name}.json").read_text(encoding="utf-8"))))
    if all((results / f"{name}.json").exists() for name in ENGINE):
        sections.append(engine(results))
    return "\n".join((LEAD, *sections))


def section(found: dict) -> str:
    """A comparison's heading, circumstances, table, and what its arms are."""
    preset, comparisons = found["preset"], found["comparisons"]
    first = next(iter(comparisons.values()))
    judgings = list(first["judged"])
    judged = [
        f"{name}: {one['tasks']:,} tasks of {one['test']}, {one['ways']} ways, {_times(one['shots'], 'shot')}, "
        f"{_times(one['queries'], 'query', 'queries')} a class"
        for name, one in first["judged"].items()
    ]
    heads = [words for name in judgings for words in (name, "difference [95 %]")]
    block = ["trained on"] if len(comparisons) > 1 else []
    rows = [_row([*block, "arm", *heads, "CPU seconds"]), _row(["---"] * (len(block) + len(heads) + 2))]
    for title, comparison in comparisons.items():
        for arm, told in comparison["arms"].items():
            cells = [cell for name in judgings for cell in _cells(comparison["judged"][name]["arms"][arm])]
            rows.append(_row([*([title] if block else []), arm, *cells, f"{told['cpu_seconds']:,.0f}"]))
    if preset == "few-tasks":
        caption = "Means over the training seeds, which are the dots."
        rows = [f"![Accuracy by number of training classes](images/{CURVE.name})\n", caption, "", *rows]
    arms = [_row(["arm", "plan of the training tasks", "trains with"]), _row(["---"] * 3)]
    for arm, told in first["arms"].items():
        settings = ", ".join(f"`{name}={value}`" for name, value in told["settings"].items())
        arms.append(_row([arm, f"`{told['plan']}`", settings]))
    return "\n".join(
        (
            f"## {preset}\n",
            f"{COMPARISONS[preset].summary}. {first['seeds']} seeds, {first['steps']:,} steps each. Judged on\n",
            *(f"- {line}" for line in judged),
            "",
            *rows,
            "",
            *([NOTES[preset]] if preset in NOTES else []),
            *arms,
            "",
            f"(Commit {found['commit'][:7]}, torch {found['versions']['torch']}.)\n",
            f"```console\n$ {found['command']} --root DATA\n```\n",
        )
    )


def memorisation(found: dict) -> str:
    """What MAML knows of sine waves by heart: squared errors, with the true support and with a shuffled one."""
    heads = [
        "trained on",
        "arm",
        "new waves",
        "difference [95 %]",
        "shuffled support",
        "training waves",
        "shuffled support",
        "CPU seconds",
    ]
    rows = [_row(heads), _row(["---"] * len(heads))]
    for title, arms in found["comparisons"].items():
        for arm, told in arms.items():
            gap, cell = told["against_first"], ""
            if gap is not None:
                low, high = gap["interval"]
                cell = f"{gap['difference']:+.2f}"
                cell = f"{f'**{cell}**' if gap['p_value'] < SURE else cell} [{low:+.2f}, {high:+.2f}]"
            new, known = told["new_waves"], told["training_waves"]
            errors = (new["shuffled_support"], known["true_support"], known["shuffled_support"])
            cells = [f"{told['error']:.2f}", cell, *(f"{error:.2f}" for error in errors), f"{told['cpu_seconds']:,.0f}"]
            rows.append(_row([title, arm, *cells]))
    plans = {arm: told["plan"] for arms in found["comparisons"].values() for arm, told in arms.items()}
    return "\n".join(
        (
            "## memorisation\n",
            "Sine waves from few fixed training tasks: MAML's mean squared error on new waves and on the training "
            f"waves at new points, with their support and with shuffled targets in it. {found['seeds']} seeds, "
            f"{found['steps']:,} steps each. The difference is of errors, so below 0 is better.\n",
            *rows,
            "",
            *(f"- {arm}: `{plan}`" for arm, plan in plans.items()),
            "",
            f"(Commit {found['commit'][:7]}, torch {found['versions']['torch']}.)\n",
            f"```console\n$ {found['command']}\n```\n",
        )
    )


def feature_augmenters(found: dict) -> str:
    """Augmenters of features beside their controls."""
    text = [
        "## Augmenters of features\n",
        "Trained through ridge regression on 1 to 5 shots of classes that the encoder never saw, judged on classes of "
        "which neither saw any (on Omniglot other alphabets, on CIFAR-FS its validation classes). Features are centred "
        "and of length 1. The penalty of ridge, and how much counts what autoencoder and calibration make, are chosen "
        "for each arm, seed and number of shots on a further part of the classes. The same network without noise, the "
        f"learned shift and the learned noise are controls. {found['seeds']} seeds (of encoder and augmenter; "
        f"EfficientNet is given), {found['copies']} made items of each shot. Differences are from ridge alone.\n",
    ]
    for name, domain in found["domains"].items():
        shots = list(domain["shots"])
        heads = [words for k in shots for words in (_times(int(k), "shot"), "difference [95 %]")]
        rows = [_row(["arm", *heads, "CPU seconds"]), _row(["---"] * (len(heads) + 2))]
        for arm in domain["shots"][shots[0]]["accuracy"]:
            cells = []
            for k in shots:
                cells.append(f"{domain['shots'][k]['accuracy'][arm]:.1%}")
                gap = domain["shots"][k]["difference"].get(arm)
                cells.append("" if gap is None else _gap(gap, gap["corrected_p_value"]))
            rows.append(_row([arm, *cells, f"{domain['cpu_seconds'].get(arm, 0):,.0f}"]))
        beside = "; ".join(
            f"{_times(int(k), 'shot')} {_gap(gap, gap['p_value'])} ({gap['control']})"
            for k in shots
            for gap in [domain["shots"][k]["hallucinator_beside_best_control"]]
        )
        text += [
            f"### {name}, {domain['ways']}-way\n",
            *rows,
            "",
            f"{domain['tasks']} tasks. The hallucinator beside the best control: {beside}.\n",
        ]
    return "\n".join((*text, f"```console\n$ {found['command']}\n```\n"))


def learned_policy(found: dict) -> str:
    """Learned augmentation of drawings beside what a person would write down."""
    text = [
        "## Learned augmentation of drawings\n",
        "Omniglot alphabets that neither learner (prototypes on Conv4, trained with the plan `handwriting` on half of "
        "the background set) nor augmenter (trained through ridge on a quarter) ever saw. Every arm but the first "
        f"has {found['copies']} made shots of each example; the weight of those, for each arm and seed, and the "
        f"penalty of ridge ({found['penalty']:g}) were chosen on the learner's validation alphabets. "
        f"{len(found['seeds'])} seeds of learner and augmenter, {found['steps']} steps of an augmenter. Differences "
        "are from the best arm that is not learned, by the same head on the same test tasks, which favours that arm.\n",
    ]
    names = list(found["results"])
    for head in ("ridge", "nearest", "prototypes"):
        rows = [_row([head, *(words for name in names for words in (name, "difference [95 %]"))])]
        rows.append(_row(["---"] * (2 * len(names) + 1)))
        for arm in (name for name in found["results"][names[0]] if name.endswith(f", {head}")):
            cells = []
            for name in names:
                one = found["results"][name][arm]
                cells += [f"{one['accuracy']:.1%}", _gap(one, one["p_value"]) if "interval" in one else ""]
            rows.append(_row([arm.rsplit(", ", 1)[0], *cells]))
        text += [*rows, ""]
    text += [f"- {name}: `{plan}`" for name, plan in (found["plans"] | found["learned"]).items()]
    tasks = ", ".join(f"{count} of {name}" for name, count in found["tasks"].items())
    return "\n".join((*text, "", f"Tasks: {tasks}.\n", f"```console\n$ {found['command']} --root DATA\n```\n"))


def task_families(found: dict) -> str:
    """Whether a policy tells families of tasks apart by their support."""
    heads = ["arm", "all tasks", *found["families"], "policy by the support beside it [95 %]"]
    rows = [_row(heads), _row(["---"] * len(heads))]
    for arm, told in found["accuracy"].items():
        gap = found["policy_minus"].get(arm)
        shares = (f"{told[name]:.1%}" for name in ("mixture", *found["families"]))
        rows.append(_row([arm, *shares, "" if gap is None else _gap(gap, gap["p_value"])]))
    return "\n".join(
        (
            "## Families that ask for different augmentation\n",
            f"{found['ways']}-way {found['shots']}-shot tasks of printed letters: turns keep the class in one family "
            "and make it in another, and so do colours. Ridge on a Conv4 that was trained on all of them; policies may "
            "spin and recolour made shots, and were trained on other letters by `--gradient reinforce`. The policy "
            f"sees the support alone. {found['seeds']} seeds, {found['tasks_a_family']} tasks of each family.\n",
            "![Which ops the policy chose for which family](images/task_families.png)\n",
            *rows,
            "",
            *(f"- {name}: `{plan}`" for name, plan in found["plans"].items()),
            "",
            f"```console\n$ {found['command']}\n```\n",
        )
    )


def clinc150(found: dict) -> str:
    """Intents from one and five sentences."""
    heads = [words for name in found["few"] for words in (name, "difference [95 %]")]
    rows = [_row(["arm", *heads, "CPU seconds"]), _row(["---"] * (len(heads) + 2))]
    beside = []
    for arm in next(iter(found["few"].values())):
        cells = []
        for judged in found["few"].values():
            one = judged[arm]
            gap = one.get("against_nothing")
            cells += [f"{one['accuracy']:.1%}", "" if gap is None else _gap(gap, gap["p_value_holm"])]
        rows.append(_row([arm, *cells, f"{found['cpu_seconds_of_training'][arm]:,.0f}"]))
        if arm.startswith("learned head"):
            gaps = {name: judged[arm]["against_noise"] for name, judged in found["few"].items()}
            told = "; ".join(f"{name} {_gap(gap, gap['p_value_holm'])}" for name, gap in gaps.items())
            beside.append(f"{arm[0].upper()}{arm[1:]} beside noise: {told}.\n")
    whole = "; ".join(
        f"{name} {100 * one['accuracy']:.1f} [{100 * one['interval'][0]:.1f}, {100 * one['interval'][1]:.1f}] "
        f"({one['head']})"
        for name, one in found["all_intents"].items()
    )
    classes = found["classes"]
    return "\n".join(
        (
            "## CLINC150\n",
            f"Intents from few sentences: {found['encoder']}, and a head that is fitted to each task (prototypes or "
            "ridge, chosen with the settings of each arm on validation classes). "
            f"{found['divisions']} divisions of the 150 intents into {classes['training']} to train augmenters and "
            f"heads on, {classes['validation']} to choose by, and {classes['test']} to judge on; "
            f"{found['tasks']['5']} tasks of 5 ways and {found['tasks']['50']} of 50 of each; {found['copies']} made "
            f"items of each sentence; {found['steps']} steps of whatever is trained, and as many more for the learned "
            "head once the hallucinator stands behind it (its seconds are those of the second half alone). Differences "
            "are from no augmentation; noise on the vectors is the control.\n",
            *rows,
            "",
            *beside,
            f"All 150 intents at once, official test, mean over {found['divisions']} draws of the sentences, head "
            f"chosen on the official validation part: {whole}. Published on the same test: 5-shot 90.5 (USE+ConveRT, "
            "Casanueva et al. 2020) and 92.6 (ICDA, Lin et al. 2023), with other encoders and other draws.\n",
            "```console\n$ python experiments/clinc150.py --root DATA --work WORK\n```\n",
        )
    )


def _gap(gap: dict, p_value: float) -> str:
    low, high = gap["interval"]
    told = f"{100 * gap['difference']:+.1f}"
    return f"{f'**{told}**' if p_value < SURE else told} [{100 * low:+.1f}, {100 * high:+.1f}]"


def xquad_answers(found: dict) -> str:
    """Answers that are still there in changed paragraphs."""
    heads = ["language", "made paragraphs", "with another context", "answers", "at their new place", "CPU seconds"]
    rows = [_row(heads), _row(["---"] * len(heads))]
    for language, one in found["languages"].items():
        counts = (f"{one[name]:,}" for name in ("paragraphs", "contexts_changed", "answers", "intact"))
        rows.append(_row([language, *counts, f"{one['cpu_seconds']:.0f}"]))
    plans = "".join(f"- {language}: `{one['plan']}`\n" for language, one in found["languages"].items())
    return (
        "## Answers of XQuAD\n\nQuestion answering whose contexts and questions are changed "
        "(`manyshot augment xquad.en.json ...`), on one thread:\n\n" + "\n".join(rows) + f"\n\n{plans}\n"
        "```console\n$ MANYSHOT_DATA=DATA python experiments/xquad_answers.py\n```\n"
    )


def text_speed(found: dict) -> str:
    """Sentences a second beside other libraries."""
    speeds: dict[str, dict[str, int]] = {}
    for row in found["rows"]:
        speeds.setdefault(row["work"], {})[row["library"]] = row["sentences_a_second"]
    peers = list(dict.fromkeys(name for one in speeds.values() for name in one if name != "manyshot"))
    heads = ["work", "Manyshot", *(word for name in peers for word in (name, "ratio"))]
    rows = [_row(heads), _row(["---"] * len(heads))]
    for work, one in speeds.items():
        cells = [work, f"{one['manyshot']:,}"]
        for name in peers:
            ratio = found["ratios"].get(work, {}).get(name)
            cells += ["", ""] if ratio is None else [f"{one[name]:,}", f"{ratio:.1f}"]
        rows.append(_row(cells))
    versions = ", ".join(f"{name} {number}" for name, number in found["machine"]["versions"].items())
    return (
        "## Changing sentences\n\nSentences of CLINC150 a CPU second on one thread, each changed once "
        f"({versions}); a ratio is the median of the ratios within {found['machine']['rounds']} interleaved rounds.\n\n"
        + "\n".join(rows)
        + "\n\nHow the other libraries are run is told in `benchmarks/README.md`.\n"
    )


def blood_cells(found: dict) -> str:
    """Stage two on a real new task."""
    names = list(found["judged"])
    heads = [words for name in names for words in (name, "difference [95 %]")]
    rows = [_row(["arm", *heads]), _row(["---"] * (len(heads) + 1))]
    for arm in found["judged"][names[0]]:
        cells = []
        for name in names:
            one = found["judged"][name][arm]
            gap = one.get("against_nothing")
            cells.append(f"{one['accuracy']:.1%}")
            if gap is None:
                cells.append("")
            else:
                low, high = gap["interval"]
                told = f"{100 * gap['difference']:+.1f}"
                told = f"**{told}**" if gap["p_value_holm"] < SURE else told
                cells.append(f"{told} [{100 * low:+.1f}, {100 * high:+.1f}]")
        rows.append(_row([arm, *cells]))
    seconds = sum(found["cpu_seconds"].values()) / len(found["cpu_seconds"])
    return (
        "## Stage two on blood cells\n\n"
        f"Five kinds of white blood cells from 1 and 5 examples each ({found['draws']} draws of them), judged on all "
        f"{found['queries']} cells of another microscope, and on what is left of the {found['left']} of the same one, "
        "each class counting alike (chance is 20%); the rarest class has one example in either case. Features of a "
        f"frozen `{found['encoder']}`; ridge with the penalty ({found['penalty']:g}) that did best on photographs of "
        "CIFAR-FS's validation classes. The augmenters were trained on its training classes: nothing was chosen on "
        "cells. Across microscopes all arms stay near chance; on the same one a fixed plan of image ops gains most, "
        "and the hallucinator no more than the same network without noise. "
        f"{found['copies']} made shots of each example. Intervals are over draws and {found['seeds']} seeds of the "
        f"augmenters' trainings ({found['steps']} steps, {seconds:.0f} CPU seconds each), not over cells.\n\n"
        + "\n".join(rows)
        + "\n\n"
        + "\n".join(f"- {name}: `{plan}` on the pictures" for name, plan in found["plans"].items())
        + "\n"
        + "\n".join(f"- {name}: `{text}`" for name, text in found["augmenters"].items())
        + "\n"
    )


def stage_two(found: dict) -> str:
    """What stage two costs."""
    rows = [
        _row(["augmenter", "pictures", "CPU seconds", f"with {found['adapt_steps']} steps of adaptation"]),
        _row(["---"] * 4),
    ]
    for one in found["rows"]:
        cost = (f"{one[name]:.2g}" for name in ("cpu_seconds", "cpu_seconds_with_adaptation"))
        rows.append(_row([f"`{one['augmenter']}`", one["pictures"], *cost]))
    return (
        "## What stage two costs\n\n"
        f"{found['per_class']} samples of each class of a new {found['ways']}-way task, on one thread: of one example "
        f"each, and of {found['adaptation_shots']} with adaptation by leave-one-out. Encoding the pictures for an "
        "augmenter of features (Conv4) is part of it.\n\n" + "\n".join(rows) + "\n"
    )


def omniglot_challenge(found: dict) -> str:
    """The ladder of the one-shot challenge, and how far a long training goes: errors, on either kind of runs."""
    parts = [
        "## omniglot-challenge\n",
        "Omniglot's one-shot challenge from the minimal set: trained on the five alphabets of `small1` alone; error in "
        "telling 20 letters of another alphabet, drawn by one person, from one example each, drawn by another. What "
        "there is to choose was chosen by the choosing runs, which experiments/one_shot_runs.py draws from other "
        "alphabets than the practice runs have, which were looked at once. The difference is of errors, so below 0 is "
        "better.\n",
    ]
    titles = {"ladder": "Each rung has all that the one before it has", "long": "All of it, trained for longer"}
    for part, title in titles.items():
        if part not in found:
            continue
        one = found[part]
        judged = {name: one[name] for name in ("choosing", "final") if name in one}
        first = next(iter(judged.values()))
        names = {"choosing": "choosing runs", "final": "practice runs"}
        heads = [words for name in judged for words in (f"error, {names[name]}", "difference [95 %]")]
        parts.append(
            f"{title}: `{one['encoder']}`, {one['seeds']} seeds, {first['steps']:,} steps; "
            + ", ".join(f"{told['trials']:,} trials of {told['runs']} {names[name]}" for name, told in judged.items())
            + ".\n"
        )
        parts += [_row(["", *heads, "CPU seconds"]), _row(["---"] * (len(heads) + 2))]
        for rung, told in first["rungs"].items():
            cells = []
            for runs in judged.values():
                here = runs["rungs"][rung]
                gap = here["against_first"]
                cells += [f"{here['error']:.2%}", "" if gap is None else _gap(gap, gap["p_value_holm"])]
            seconds = f"{told['cpu_seconds']:,.0f}" if "cpu_seconds" in told else ""
            parts.append(_row([rung, *cells, seconds]))
        parts.append("")
    parts.append(
        "```console\n$ manyshot compare --preset omniglot-challenge --root DATA\n"
        "$ python experiments/omniglot_challenge.py --root DATA/omniglot --choosing RUNS.zip --final "
        "DATA/omniglot/practice_runs.zip\n```\n"
    )
    return "\n".join(parts)


STAGE_TWO = {
    "omniglot_challenge": omniglot_challenge,
    "feature_augmenters": feature_augmenters,
    "learned_policy": learned_policy,
    "task_families": task_families,
    "blood_cells": blood_cells,
    "stage_two": stage_two,
    "clinc150": clinc150,
    "xquad_answers": xquad_answers,
    "text_speed": text_speed,
}


def engine(results: Path) -> str:
    """What stands beside the README's table of the engine: threads, the floor, the torch path, a step's shares."""
    augment = json.loads((results / "augment.json").read_text(encoding="utf-8"))
    steps = json.loads((results / "step_profile.json").read_text(encoding="utf-8"))["trainings"]
    besides, standard = augment["besides"], {}
    for row in augment["rows"]:
        if row["pipeline"] == "few-shot standard":
            standard[row["size"]] = row["microseconds"]
    lines = [_row(["few-shot standard, an image", *standard]), _row(["---"] * (len(standard) + 1))]
    lines.append(_row(["engine, microseconds", *(f"{one['manyshot']:.1f}" for one in standard.values())]))
    copies = besides["microseconds_of_a_copy"]
    lines.append(_row(["a copy of the same bytes, microseconds", *(f"{copies[size]:.2f}" for size in standard)]))
    gains = (f"{one['manyshot, torch'] / one['manyshot']:.1f}" for one in standard.values())
    lines.append(_row(["the same ops one by one by torch, times as long", *gains]))
    threads = (f"{besides['two_threads'][size]:.2f}" for size in standard)
    lines.append(_row(["two threads, times as fast by the wall clock", *threads]))
    shares = [
        f"- {name}: {one['milliseconds']['augment']:.1f} ms for {one['images_a_step']} images, "
        f"{one['shares']['augment']:.1%} of a step"
        for name, one in steps.items()
    ]
    cold = besides["cold_start_in_seconds_of_cpu_time"]
    return "\n".join(
        (
            "## The engine\n",
            *lines,
            "",
            f"The kernels of a first pipeline take {cold:.0f} seconds of CPU time to compile, once a machine. What "
            "augmentation takes of a training\nstep on one thread, with the default learner and encoder:\n",
            *shares,
            "",
            "```console\n$ python benchmarks/augment.py --json results/augment.json\n"
            "$ python benchmarks/step_profile.py --root DATA --json results/step_profile.json\n```\n",
        )
    )


def curve(found: dict) -> Figure:
    """Accuracy of each arm by the number of training classes, a panel a judging; a dot for each training seed."""
    comparisons = {int(title.split()[0]): one["judged"] for title, one in found["comparisons"].items()}
    judgings = next(iter(comparisons.values()))
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(9.0, 3.6), layout="constrained")
        FigureCanvasAgg(figure)
        panels = figure.subplots(1, len(judgings))
        for axes, (judging, judged) in zip(panels, judgings.items(), strict=True):
            for place, (arm, colour) in enumerate(zip(judged["arms"], COLOURS, strict=False)):
                results = [one[judging]["arms"][arm] for one in comparisons.values()]
                x = [classes * 1.015 ** (place - 1.5) for classes in comparisons]  # so that dots stand apart
                axes.plot(x, [one["accuracy"] for one in results], color=colour, linewidth=1.8, label=arm)
                for seeds in zip(*(one["by_seed"] for one in results), strict=True):
                    axes.plot(x, seeds, "o", color=colour, markersize=3, alpha=0.6)
            axes.set_xscale("log")
            axes.set_xticks(list(comparisons), [str(classes) for classes in comparisons])
            axes.xaxis.set_minor_locator(NullLocator())
            axes.yaxis.set_major_locator(MultipleLocator(0.05))
            axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
            axes.grid(axis="y")
            axes.set_title(f"Accuracy, {judging}")
            axes.set_xlabel("training classes")
        panels[0].legend()
    return figure


def _cells(one: dict) -> tuple[str, str]:
    """Accuracy, and the difference to the first arm."""
    gap = one["against_first"]
    if gap is None:
        return f"{one['accuracy']:.1%}", ""
    low, high = gap["interval"]
    difference = f"{100 * gap['difference']:+.1f}"
    if gap["p_value_holm"] < SURE:
        difference = f"**{difference}**"
    return f"{one['accuracy']:.1%}", f"{difference} [{100 * low:+.1f}, {100 * high:+.1f}]"


def _times(number: int | list[int], one: str, many: str = "") -> str:
    """How many of something; a range has two numbers."""
    words = " to ".join(map(str, number)) if isinstance(number, list) else str(number)
    return f"{words} {one if number == 1 else many or one + 's'}"


def _row(cells: list[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def main() -> None:
    """Write the page and its picture."""
    PAGE.write_text(page(), encoding="utf-8")
    few = ROOT / "results" / "few_tasks.json"
    if few.exists():
        CURVE.write_bytes(svg(curve(json.loads(few.read_text(encoding="utf-8")))))


if __name__ == "__main__":
    main()
