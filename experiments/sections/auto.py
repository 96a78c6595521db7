"""The section on `auto`: plans chosen by looking at a support set, on families of data sets that were held out."""

from typing import Any

from sections.cells import difference, paragraph, table, with_differences

COMMANDS = """\
```console
$ python experiments/auto_sets.py PACK.zip
$ python experiments/auto_features.py PACK.zip FEATURES --rounds ROUNDS
$ python experiments/auto_tasks.py FEATURES TABLES
$ python experiments/auto.py measure FEATURES TABLES MIXES
$ python experiments/auto.py report TABLES MIXES results/auto.json
```
"""
FIRST = "auto"
SHOWN = (
    "best op of the others",
    "best mix of two or four ops of the others",
    "cross-validation",
    "auto",
    "trust 0.2 in what is seen",
    "weights of each set, known afterwards",
)
"""Arms of the table by family."""


def auto(result: dict[str, Any]) -> str:
    """The section.

    Args:
        result: results/auto.json.
    """
    shots = list(result["mean"])
    heads = [f"{count} shots" if count != "1" else "1 shot" for count in shots]
    arms = list(next(iter(result["mean"].values())))
    lines = ["## auto\n", paragraph(_lead(result)), paragraph("Gain over no augmentation, mean over families:")]
    lines += table(
        ["arm", *heads],
        [[arm, *(_cell(result["mean"][count], arm, "{:+.2f}") for count in shots)] for arm in _ordered(arms)],
    )
    lines += ["", paragraph("Difference of `auto` from each, with its interval over tasks:")]
    lines += table(
        ["`auto` less", *heads],
        [
            [arm, *(_gap(result["differences"][count].get(arm)) for count in shots)]
            for arm in ("nothing", *(arm for arm in _ordered(arms) if arm != FIRST))
        ],
    )
    for count, head in zip(shots, heads, strict=True):
        if count not in ("2", "5"):
            continue
        lines += ["", paragraph(f"By family, at {head}:")]
        lines += table(
            ["family", "tasks", "without", *SHOWN],
            [
                [
                    family,
                    str(result["tasks"][count][family]),
                    f"{row['plain']:.1f}",
                    *(_cell(row, arm, "{:+.1f}") for arm in SHOWN),
                ]
                for family, row in result["families"][count].items()
            ],
        )
    return "\n".join([*lines, "", COMMANDS.replace("ROUNDS", str(result["rounds"]))])


def auto_from_nothing(found: dict[str, Any]) -> str:
    """`auto` for networks that are trained from nothing.

    Args:
        found: results/auto_from_nothing.json.
    """
    titles = {"omniglot": "characters (Omniglot)", "cifar-fs": "photographs (CIFAR-FS)"}
    lines = [
        "## auto for networks trained from nothing\n",
        paragraph(
            f"A small network learns {found['classes']['omniglot']} characters, or "
            f"{found['classes'].get('cifar-fs', 0)} classes of photographs, from few examples of each in "
            f"{found['steps']} steps, every batch augmented anew; {found['seeds']} seeds draw classes, examples and "
            "weights. `auto` is the mix of ops that it makes new shots with, as shipped: fitted with a frozen encoder, "
            "to Omniglot among others and to no photographs of this kind. The best written plan is chosen on other "
            "classes. Differences are from it. "
            "What generated characters add in such a setting is [further below](#dagan-on-characters-never-seen)."
        ),
    ]
    for name, by_shots in found["sets"].items():
        first = next(iter(by_shots.values()))
        rows = []
        for arm in first["accuracy"]:
            row = [arm]
            for one in by_shots.values():
                gap = one["difference"]["best written"].get(arm)
                row += [f"{one['accuracy'][arm]:.1%}", difference(gap, "p_value_holm")]
            rows.append(row)
        lines += table([titles[name], *with_differences(f"{count} a class" for count in by_shots)], rows)
        written = "; ".join(f"`{one['written']}` with {count}" for count, one in by_shots.items())
        lines += ["", paragraph(f"Written: {written}.")]
    lines.append("```console\n$ python experiments/auto_from_nothing.py --root DATA\n```\n")
    return "\n".join(lines)


def _lead(result: dict[str, Any]) -> str:
    return (
        f"Mixes of ops by learned weights ([auto](auto.md)). {result['sets']} data sets "
        "(a data set in another draw of classes, pictures and variants is counted again). Each family of data sets is "
        "left out of everything that is fitted, and its prior and usual losses come from the others; the step is 10, "
        "and the trust is the one that gains most on the others under mixes fitted in the same way. 5 ways, or "
        "as many as there are, "
        "from about 100 pictures of 64 pixels a draw, so that tasks of a family share pictures. EfficientNet-Lite0 at "
        "96 pixels, frozen; ridge regression. The fit has a closed form and no seed. The variants whose gain is "
        "measured are not those that are looked at, except where an op makes more than one. Interval: over tasks, for "
        "these families."
    )


def _ordered(arms: list[str]) -> list[str]:
    last = [arm for arm in arms if "known afterwards" in arm]
    return [*(arm for arm in arms if arm not in last), *last]


def _cell(row: dict[str, float], arm: str, form: str) -> str:
    return form.format(row[arm]) if arm in row else ""


def _gap(gap: dict[str, float] | None) -> str:
    return f"{gap['mean']:+.2f} ± {gap['tasks']:.2f}" if gap else ""
