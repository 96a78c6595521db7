"""Names of classes as shots, and augmentation of sounds."""

import matplotlib
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from manyshot.report.plots import COLORS, STYLE
from sections.cells import difference, paragraph, table

PICTURE = "names.svg"
GRAY = "#768390"
"""Ink that can be read on white and on black pages alike, since the picture has no background."""
TITLES = {
    "cifar-fs": "photographs (CIFAR-FS)",
    "clinc150": "sentences (CLINC150)",
    "emoji": "emoji, 48 pixels",
    "emoji, names and tags": "emoji, names and tags",
    "emoji, gray, 12 pixels": "emoji, gray, 12 pixels",
    "printed letters": "printed letters, named as in Unicode",
    "blood cells": "blood cells, by a map from photographs",
}
"""What the sets are called."""


def class_names(found: dict) -> str:
    """Names as shots on every set, the ones where they should not help among them."""
    rows = []
    for name, one in found["sets"].items():
        for tasks, result in one["results"].items():
            cells = [
                difference(result["against_shots_alone"].get(arm), "p_value_holm")
                for arm in ("name", "another class's name", "one name for all", "augmentation")
            ]
            plain, alone = (f"{result['accuracy'][arm]:.1%}" for arm in ("shots alone", "name alone"))
            rows.append([TITLES[name], tasks.replace("1 shots", "1 shot"), plain, *cells, alone])
    heads = [
        "classes",
        "tasks",
        "shots alone",
        "+ name",
        "+ another's name",
        "+ one name for all",
        "+ changed shots",
        "name alone",
    ]
    return "\n".join(
        (
            "## Names of classes\n",
            "![Accuracy with and without names](images/names.svg)\n",
            paragraph(
                f"[Names as shots](class_names.md), by a map from {found['names by']} that is fitted on other classes "
                f"of the same set ({found['seeds']} seeds, each with other three quarters of them and "
                f"{found['tasks']} tasks). Head: {found['head']}, logistic regression of normalized features of frozen "
                "encoders. The encoder of photographs was trained on ImageNet, which has many of these kinds; so were "
                "all arms. Differences are from the shots alone. Another class's name hurts where the map says "
                "something of these classes: on photographs and sentences, not on blood cells. The rule by which a "
                "map is chosen was changed once after looking at these classes (it had been the squared error, with "
                "+7.9 on photographs and +1.9 on sentences), and the head was picked on those of CIFAR-FS; so the "
                "figure of the sentences is somewhat optimistic. "
                "Emoji and printed letters are of other subgroups and alphabets than those of the map: a name is "
                "worth about 2 points where five emoji are told apart by one drawing each, nothing where 20 or 50 "
                "are, and half a point less than nothing with five drawings of 20. Earlier, when the weight of a "
                "name was chosen on classes of the same groups, names lost up to 3 points there. '+ changed "
                "shots' are as many copies of the shots, changed by `flip affine` or, of sentences, by `eda`."
            ),
            *table(heads, rows),
            "",
            "```console\n$ python experiments/class_names.py --root DATA\n```\n",
        )
    )


def spoken_names(found: dict) -> str:
    """Spoken names across speakers."""
    arms = ("spoken name", "name of another digit", "augmented copies")
    rows = []
    for name, one in found["encoders"].items():
        for tasks, result in one.items():
            if not isinstance(result, dict):
                continue
            cells = [difference(result["against_shots_alone"][arm], "p_value_holm") for arm in arms]
            plain, alone = (f"{result['accuracy'][arm]:.1%}" for arm in ("shots alone", "name alone"))
            rows.append([name, tasks.replace("1 shots", "1 shot"), plain, *cells, alone])
    return "\n".join(
        (
            "## Spoken names\n",
            paragraph(
                f"Ten spoken digits (FSDD): shots by one person, queries by others, {found['tasks']} tasks and "
                f"{found['seeds']} seeds. The names are said by eSpeak NG in {found['voices']} voices. Their weight is "
                "chosen on three people and judged on the other three, then the other way round. The copies are as "
                f"heavy as the shots: `{found['plan']}`. With Whisper, a synthesizer's word says more than "
                "one recording of a person, and weighs accordingly: another digit's name then decides the answer."
            ),
            *table(["encoder", "tasks", "shots alone", *(f"+ {arm}" for arm in arms), "name alone"], rows),
            "",
            "```console\n$ python experiments/spoken_names.py --root DATA\n```\n",
        )
    )


def _rows_of_plans(found: dict, chosen: str) -> list[list[str]]:
    """A row for each arm of an experiment on plans of sounds; `chosen` says where the plan of the last one is from."""
    return [
        [
            arm,
            f"`{found['plans'][arm] or 'none'}`" if arm in found["plans"] else chosen,
            f"{accuracy:.1%}",
            difference(found["against_none"].get(arm), "p_value_holm"),
            f"{found['cpu_seconds'][arm]:,.0f}" if arm in found["cpu_seconds"] else "",
        ]
        for arm, accuracy in found["accuracy"].items()
    ]


COLUMNS_OF_PLANS = ["arm", "plan", "accuracy", "difference [95 %]", "CPU seconds"]


def sound_speakers(found: dict) -> str:
    """Plans of sounds for a classifier from nothing, across speakers."""
    people = ", ".join(
        f"{name} {100 * (one - none):+.1f}"
        for name, one, none in zip(
            found["people"], found["by_person"]["chosen on the other half"], found["by_person"]["none"], strict=True
        )
    )
    return "\n".join(
        (
            "## Augmentation of sounds across speakers\n",
            paragraph(
                f"A Conv4 on log-mel spectrograms, trained from nothing for {found['steps']} steps on "
                f"{found['recordings']} recordings of each digit of FSDD by one person, and tested on other people. "
                "The six people are two halves, and the plan that is best on one half is judged on the other. "
                f"Intervals are over the six people and {found['seeds']} seeds. By person trained on, in "
                f"points: {people}."
            ),
            *table(COLUMNS_OF_PLANS, _rows_of_plans(found, "the best on the other three people")),
            "",
            "```console\n$ python experiments/sound_speakers.py --root DATA\n```\n",
        )
    )


def sound_plans(found: dict) -> str:
    """Plans of sounds for a network from nothing, on new words by new people."""
    return "\n".join(
        (
            "## Augmentation of sounds for new words\n",
            paragraph(
                "A Conv4 on log-mel spectrograms, trained from nothing on 70 recordings (seven digits by two people of "
                f"FSDD) for {found['steps']} steps, and judged on the other three digits by the other four people, one "
                f"shot of one person, queries by others ({found['tasks']} tasks, {found['seeds']} seeds of digits, "
                "people and weights). The frozen encoders of the section before are better by far: take one of them "
                "first. This is the second design: a first one with more recordings and stronger plans showed no gain "
                "when it was stopped after one and a half seeds."
            ),
            *table(COLUMNS_OF_PLANS, _rows_of_plans(found, "the best on validation digits")),
            "",
            "```console\n$ python experiments/sound_plans.py --root DATA\n```\n",
        )
    )


def audio_speed(found: dict) -> str:
    """Speed of ops on sounds beside audiomentations."""
    rows = [
        [
            name,
            f"{one['manyshot']:,.0f}",
            "" if one["audiomentations"] is None else f"{one['audiomentations']:,.0f}",
            "" if one["ratio"] is None else f"{one['ratio']:.2g}",
        ]
        for name, one in found["rows"].items()
    ]
    return "\n".join(
        (
            "## Speed of ops on sounds\n",
            paragraph(
                "Sounds of one second at 16 kHz a CPU second, one thread, each changed once by its own draw; ours 32 "
                "at a time, audiomentations one by one. A gain, a change of sign and a mask take a few microseconds a "
                "sound; there, a single sound stays in the processor's cache, and 32 do not."
            ),
            *table(["op", "manyshot", "audiomentations", "ratio"], rows),
            "",
            "```console\n$ python benchmarks/audio.py --json results/audio_speed.json\n```\n",
        )
    )


def names_picture(names: dict, spoken: dict | None) -> Figure:
    """Accuracy at one shot with and without the name, beside the controls: pictures, sounds, sentences."""
    panels = {
        "pictures (CIFAR-FS, 5 ways)": names["sets"]["cifar-fs"]["results"]["5 ways, 1 shots"],
        "sentences (CLINC150, 20 ways)": names["sets"]["clinc150"]["results"]["20 ways, 1 shots"],
    }
    if spoken is not None:
        panels["sounds (digits, 10 ways, new speakers)"] = next(iter(spoken["encoders"].values()))["1 shots"]
    arms = {
        "one example": ("shots alone",),
        "+ its name": ("name", "spoken name"),
        "+ another class's name": ("another class's name", "name of another digit"),
        "its name alone": ("name alone",),
    }
    inks = dict.fromkeys(("text.color", "xtick.labelcolor", "ytick.labelcolor", "axes.edgecolor"), GRAY)
    with matplotlib.rc_context(STYLE | inks | {"grid.color": f"{GRAY}40"}):
        figure = Figure(figsize=(9.0, 3.4), layout="constrained")
        FigureCanvasAgg(figure)
        for axes, (title, result) in zip(figure.subplots(1, len(panels)), panels.items(), strict=True):
            heights = [
                next(result["accuracy"][key] for key in keys if key in result["accuracy"]) for keys in arms.values()
            ]
            colors = [COLORS[1], COLORS[0], COLORS[2], COLORS[3]]
            bars = axes.bar(range(len(arms)), heights, color=colors, width=0.7)
            axes.bar_label(bars, [f"{100 * height:.0f}" for height in heights], padding=2)
            axes.set_xticks(range(len(arms)), ["one\nexample", "+ its\nname", "+ wrong\nname", "name\nalone"])
            axes.set_ylim(0, 1)
            axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
            axes.set_axisbelow(True)
            axes.grid(axis="y")
            axes.set_title(title, fontsize=9)
        figure.suptitle("Accuracy at one shot", fontsize=11)
    return figure
