"""The section on `auto`: plans chosen by looking at a support set, on families of data sets that were held out."""

from typing import Any

from sections.cells import paragraph, table

COMMANDS = """\
```console
$ python experiments/auto_sets.py PACK.zip
$ python experiments/auto_features.py PACK.zip FEATURES --kind as-is --rounds 3
$ python experiments/auto_features.py PACK.zip FEATURES --kind nuisances --rounds 7
$ python experiments/auto_tasks.py FEATURES TASKS
$ python experiments/auto.py report TASKS results/auto.json
```
"""
FIRST = "auto"


def auto(result: dict[str, Any]) -> str:
    """The section.

    Args:
        result: results/auto.json.
    """
    shots = list(result["mean"])
    arms = list(next(iter(result["mean"].values())))
    lines = ["## auto\n", paragraph(_lead(result)), paragraph("Gain over no augmentation, mean over families:")]
    lines += table(
        ["arm", *(f"{count} shots" if count != "1" else "1 shot" for count in shots)],
        [[arm, *(f"{result['mean'][count][arm]:+.2f}" for count in shots)] for arm in _ordered(arms)],
    )
    lines += ["", paragraph("Difference of `auto` from each, with its interval over tasks:")]
    lines += table(
        ["`auto` less", *(f"{count} shots" if count != "1" else "1 shot" for count in shots)],
        [
            [arm, *(_gap(result["differences"][count][arm]) for count in shots)]
            for arm in ("nothing", *(arm for arm in _ordered(arms) if arm != FIRST))
        ],
    )
    shown = ["best op of the others", "best plan of the others", "cross-validation", "auto"]
    shown.append("best plan of each set (oracle)")
    lines += ["", paragraph("By family, at 5 shots:")]
    lines += table(
        ["family", "tasks", "without", *shown],
        [
            [family, str(result["tasks"]["5"][family]), f"{row['plain']:.1f}", *(f"{row[arm]:+.1f}" for arm in shown)]
            for family, row in result["sets"]["5"].items()
        ],
    )
    return "\n".join([*lines, "", COMMANDS])


def _lead(result: dict[str, Any]) -> str:
    return (
        f"A plan chosen for each task by looking at its support alone ([auto](auto.md)). {result['curriculum_sets']} "
        f"curriculum sets: {result['sets_as_they_are']} data sets as they are, most of them in three draws of classes, "
        "pictures and variants, and others with one to three nuisances put in. Each family of data sets is left out of "
        "everything that is fitted or chosen, its altered sets too, and tested as it is: 5 ways, or as many as there "
        "are, from about 50 pictures of 64 pixels a draw, so that tasks of a family share pictures. EfficientNet-Lite0 "
        "at 96 pixels, frozen; ridge regression. The fit has a closed form and no seed. The plan of the oracle is "
        "chosen by half of a set's tasks and tested on the other half. Interval: over tasks, for these families."
    )


def _ordered(arms: list[str]) -> list[str]:
    last = [arm for arm in arms if "oracle" in arm]
    return [*(arm for arm in arms if arm not in last), *last]


def _gap(gap: dict[str, float]) -> str:
    return f"{gap['mean']:+.2f} ± {gap['tasks']:.2f}"
