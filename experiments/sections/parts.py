"""Examples of several parts: what they are worth together, and what a missing part costs."""

from sections.cells import difference, paragraph, table


def _beside_the_rest(shots: dict) -> list[str]:
    """What a missing part costs beside the other part alone."""
    costs = {count: result.get("against_the_other_part_alone") for count, result in shots.items()}
    if None in costs.values():  # measured before this was
        return []
    rows = [[arm, *(difference(one[arm], "p_value") for one in costs.values())] for arm in next(iter(costs.values()))]
    return [
        paragraph(
            "Accuracy without a part beside that of the other part alone, which is what is left to know: a loss here "
            "is not what the missing part knew, but what its absence does to the rest."
        ),
        *table(["arm", *(count.replace("1 shots", "1 shot") for count in costs)], rows),
        "",
    ]


def parts(found: dict) -> str:
    """Fusion of parts, missing parts, and mixing."""
    lines = [
        "## Examples of several parts\n",
        paragraph(
            f"{found['ways']} ways, {found['queries']} queries of a class, frozen encoders "
            f"({', '.join(sorted(found['encoders'].values()))}). Emoji: a "
            "picture and its name, classes are subgroups of Unicode. Digits: spoken (FSDD) and written (MNIST), paired "
            "at random, shots by some people and queries by others. Every second class is reported; settings were "
            "chosen on the others. `fusion` is the [learner](parts.md#several-encoders-as-one-classifier); "
            "differences are from `both`, `fusion` on whole examples. `zeros` stands for a vector of zeros in place of "
            "what is missing, as if it were features."
        ),
    ]
    for name, one in found["sets"].items():
        shots = list(one["shots"])
        arms = list(one["shots"][shots[0]]["accuracy"])
        rows = []
        for arm in arms:
            row = [arm]
            for count in shots:
                result = one["shots"][count]
                row += [f"{result['accuracy'][arm]:.1%}", difference(result["differences"].get(arm), "p_value_holm")]
            rows.append(row)
        heads = [cell for count in shots for cell in (count.replace("1 shots", "1 shot"), "difference [95 %]")]
        lines += [
            f"### {name[0].upper()}{name[1:]}\n",
            paragraph(
                f"{one['examples']:,} examples of {one['classes']} classes, {one['tasks']} tasks for each of "
                f"{one['seeds']} seeds."
            ),
            *table(["arm", *heads], rows),
            "",
            *_beside_the_rest(one["shots"]),
        ]
        if "mixgen" in one:
            mixed = one["mixgen"]
            rows = [
                [arm, f"{value:.1%}", difference(mixed["differences"].get(arm), "p_value_holm")]
                for arm, value in mixed["accuracy"].items()
            ]
            lines += [
                paragraph(
                    f"MixGen, whose mixed pictures and texts are encoded anew: {mixed['shots']} shots, "
                    f"{mixed['tasks']} tasks for each of {mixed['seeds']} seeds."
                ),
                *table(["arm", "accuracy", "difference [95 %]"], rows),
                "",
            ]
    return "\n".join((*lines, "```console\n$ python experiments/parts.py --root DATA\n```\n"))


def joint_or_apart(found: dict) -> str:
    """Changes of one part, of both, mixtures, and learned changes, beside noise."""
    rows = []
    for shots, result in found["shots"].items():
        for part, count in ((result, found["tasks"]), (result["mixgen"], result["mixgen"]["tasks"])):
            for arm, accuracy in part["accuracy"].items():
                change = difference(part["against_shots_alone"].get(arm), "p_value_holm")
                beside = difference(part["beside_noise_as_far"].get(arm), "p_value")
                rows.append([shots, f"{count:,}", arm, f"{accuracy:.1%}", change, beside])
    return "\n".join(
        (
            "## Parts changed together or apart\n",
            paragraph(
                f"Emoji, each drawing with one of its tags at random, {found['ways']} ways, held-out subgroups, "
                f"{found['seeds']} seeds. {found['copies']} copies of each shot, together as heavy as the shot: "
                f"pictures changed by `{found['picture op']}`, tags by `{found['text op']}`, both, mixed by "
                "[MixGen](ops.md#mixgen), or changed as features by [LeMDA](meta_augment.md#all-parts-at-once); and "
                "noise as far in each part, any way. MixGen has few tasks, since each mixture is encoded. The head is "
                "ridge regression, whose penalty is the best on other subgroups; nothing else was tuned."
            ),
            *table(["shots", "tasks", "arm", "accuracy", "difference [95 %]", "beside noise as far"], rows),
            "",
            f"```console\n$ {found['command']}\n```\n",
        )
    )
