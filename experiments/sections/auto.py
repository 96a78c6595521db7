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
ENCODERS = """\
```console
$ python experiments/auto_features.py PACK.zip LITE2 --encoder "efficientnet-lite2(resolution=128)" --rounds 1
$ python experiments/auto_conv4.py PACK.zip CONV4
$ python experiments/auto_tasks.py LITE2 TABLES
$ python experiments/auto.py measure LITE2 TABLES MIXES --shipped
$ python experiments/auto.py report TABLES MIXES results/auto_lite2.json
```
"""
NO_SOURCE = "CIFAR-FS, blood cells and skin lesions"
SHIPPED = {
    "weights that ship": "`auto` as it ships",
    "auto": "weights fitted anew",
    "auto, shown another task's support": "weights fitted anew, shown another task's support",
    "half by the weights, half by randaugment": "half of the variants by weights fitted anew, half by randaugment",
}
"""What arms are called where the weights that ship are measured."""
SHOWN = (
    "best op of the others",
    "best mix of two or four ops of the others",
    "cross-validation",
    "trivialaugment",
    "randaugment",
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
    lines = ["## auto\n", paragraph(_lead(result)), *_gains(result)]
    for count in ("2", "5"):
        lines += _families(result, count)
    return "\n".join([*lines, "", COMMANDS.replace("ROUNDS", str(result["rounds"]))])


def auto_encoders(lite0: dict[str, Any], lite2: dict[str, Any], conv4: dict[str, Any]) -> str:
    """`auto` beside RandAugment, and with encoders that it was not fitted with.

    Args:
        lite0: results/auto_lite0.json.
        lite2: results/auto_lite2.json.
        conv4: results/auto_conv4.json.
    """
    lines = [
        "## auto with other encoders\n",
        paragraph(
            "The same families as [above](#auto) with two other encoders, which is what `auto` as it ships has never "
            f"seen. Its weights were fitted to ten of the families, with EfficientNet-Lite0; {NO_SOURCE} are no "
            "sources of them and stand by themselves, too. Weights fitted anew are those of the other families with "
            "the encoder itself. TrivialAugment and RandAugment (2 ops, magnitude 9) make 16 variants as well, of new "
            "examples, too. `auto` as it ships looks at nothing, so that another task's support changes nothing."
        ),
        paragraph(f"`{lite2['encoder']}`, frozen. {_sets(lite2)}"),
        *_gains(lite2),
        *_families(lite2, "5"),
        "",
        paragraph(
            "A Conv4 of 64 channels that was trained on tasks of other families: two prototypical networks, each on "
            "half of the families (700 steps, 32 pixels, no augmentation), and each encodes the families of the "
            f"other half. {_sets(conv4)}"
        ),
        *_gains(conv4),
        *_families(conv4, "5"),
        "",
        paragraph(
            f"`{lite0['encoder']}`, frozen, again: one draw of the sets, beside TrivialAugment and "
            f"RandAugment. `auto` is fitted to the other families. {_sets(lite0)}"
        ),
        *_gains(lite0),
    ]
    return "\n".join([*lines, "", ENCODERS])


def auto_tilts(found: dict[str, Any]) -> str:
    """Choosing among a few mixes that differ much.

    Args:
        found: results/auto_tilts.json.
    """
    columns = [
        (name, f"{count} shots", one) for name, by_shots in found["encoders"].items() for count, one in by_shots.items()
    ]
    arms = list(columns[0][2]["mean"])
    lines = [
        "## Mixes of one kind, chosen by the support\n",
        paragraph(
            "Does what is seen help where there is more to choose between? Beside the mix of `auto` stand four of "
            f"which {found['tilt']:.0%} is of one kind of op (the rest as in `auto`), and no augmentation. Each has an "
            "error of cross-validation on the support; how much a lower error counts beside the mean gain on the other "
            "families is chosen on these, 0 included. Gain over no augmentation in points, and its difference from the "
            "fitted mix with the interval over tasks:"
        ),
    ]
    for name in found["encoders"]:
        own = [(head, one) for encoder, head, one in columns if encoder == name]
        lines += table(
            [name, *with_differences(head for head, _ in own)],
            [[arm, *(word for _, one in own for word in _with_gap(one, arm))] for arm in arms],
        )
        trusted = (
            f"{sum(trust > 0 for trust in one['trust'].values())} of {len(one['trust'])} families ({head}, "
            f"{sum(one['tasks'].values())} tasks)"
            for head, one in own
        )
        lines += ["", paragraph(f"The error counts more than nothing in {'; '.join(trusted)}.")]
    lines.append("```console\n$ python experiments/auto_tilts.py --of FEATURES TABLES\n```\n")
    return "\n".join(lines)


def _with_gap(one: dict[str, Any], arm: str) -> tuple[str, str]:
    return f"{one['mean'][arm]:+.2f}", _gap(one["less the fitted mix"].get(arm))


def _gains(result: dict[str, Any]) -> list[str]:
    """The tables of mean gains and of their differences."""
    heads, first = _heads(result), result.get("first", "auto")
    arms = _ordered(list(dict.fromkeys(arm for row in result["mean"].values() for arm in row)))
    lines = [paragraph("Gain over no augmentation, mean over families:")]
    lines += table(["arm", *heads.values()], _rows(result, "mean", arms))
    if first != "auto":
        lines += ["", paragraph(f"The same for {NO_SOURCE} alone:")]
        lines += table(["arm", *heads.values()], _rows(result, "no source", arms))
    name = _name(result, first)
    lines += ["", paragraph(f"Difference of {name} from each, with its interval over tasks:")]
    lines += table(
        [f"{name} less", *heads.values()],
        [
            [_name(result, arm), *(_gap(result["differences"][count].get(arm)) for count in heads)]
            for arm in ("nothing", *(arm for arm in arms if arm != first))
        ],
    )
    return lines


def _rows(result: dict[str, Any], part: str, arms: list[str]) -> list[list[str]]:
    """A row of gains for each arm."""
    return [
        [_name(result, arm), *(_cell(result[part][count], arm, "{:+.2f}") for count in result["mean"])] for arm in arms
    ]


def _name(result: dict[str, Any], arm: str) -> str:
    if result.get("first", "auto") == "auto":
        return "`auto`" if arm == "auto" else arm
    return SHIPPED.get(arm, arm)


def _families(result: dict[str, Any], count: str) -> list[str]:
    """The table by family, for a number of shots."""
    rows = result["families"][count]
    arms = next(iter(rows.values()))
    *first, last = (arm for arm in SHOWN if arm in arms)
    shown = [*first, *(arm for arm in arms if arm == "weights that ship"), last]
    lines = ["", paragraph(f"By family, at {_heads(result)[count]}:")]
    return lines + table(
        ["family", "tasks", "without", *(_name(result, arm) for arm in shown)],
        [
            [
                family,
                str(result["tasks"][count][family]),
                f"{row['plain']:.1f}",
                *(_cell(row, arm, "{:+.1f}") for arm in shown),
            ]
            for family, row in rows.items()
        ],
    )


def _heads(result: dict[str, Any]) -> dict[str, str]:
    return {count: f"{count} shots" if count != "1" else "1 shot" for count in result["mean"]}


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


def _sets(result: dict[str, Any]) -> str:
    return f"{result['sets']} data sets, {len(result['families']['5'])} families."


def _ordered(arms: list[str]) -> list[str]:
    last = [arm for arm in arms if "known afterwards" in arm]
    return [*(arm for arm in arms if arm not in last), *last]


def _cell(row: dict[str, float], arm: str, form: str) -> str:
    return form.format(row[arm]) if arm in row else ""


def _gap(gap: dict[str, float] | None) -> str:
    return f"{gap['mean']:+.2f} ± {gap['tasks']:.2f}" if gap else ""
