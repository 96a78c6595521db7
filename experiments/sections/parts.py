"""Examples of several parts: what they are worth together, and what a missing part costs."""

from sections.cells import difference, paragraph, table


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
