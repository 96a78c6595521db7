"""Learned policies of augmentation."""

from sections.cells import difference, table, with_differences


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
        rows = []
        for arm in (name for name in found["results"][names[0]] if name.endswith(f", {head}")):
            cells = []
            for name in names:
                one = found["results"][name][arm]
                gap = one if "interval" in one else None
                cells += [f"{one['accuracy']:.1%}", difference(gap, "p_value")]
            rows.append([arm.rsplit(", ", 1)[0], *cells])
        text += [*table([head, *with_differences(names)], rows), ""]
    text += [f"- {name}: `{plan}`" for name, plan in (found["plans"] | found["learned"]).items()]
    tasks = ", ".join(f"{count} of {name}" for name, count in found["tasks"].items())
    return "\n".join((*text, "", f"Tasks: {tasks}.\n", f"```console\n$ {found['command']} --root DATA\n```\n"))


def task_families(found: dict) -> str:
    """Whether a policy tells families of tasks apart by their support."""
    heads = ["arm", "all tasks", *found["families"], "policy by the support beside it [95 %]"]
    rows = []
    for arm, told in found["accuracy"].items():
        shares = (f"{told[name]:.1%}" for name in ("mixture", *found["families"]))
        rows.append([arm, *shares, difference(found["policy_minus"].get(arm), "p_value")])
    return "\n".join(
        (
            "## Families that ask for different augmentation\n",
            f"{found['ways']}-way {found['shots']}-shot tasks of printed letters: turns keep the class in one family "
            "and make it in another, and so do colours. Ridge on a Conv4 that was trained on all of them; policies may "
            "spin and recolour made shots, and were trained on other letters by `--gradient reinforce`. The policy "
            f"sees the support alone. {found['seeds']} seeds, {found['tasks_a_family']} tasks of each family.\n",
            "![Which ops the policy chose for which family](images/task_families.png)\n",
            *table(heads, rows),
            "",
            *(f"- {name}: `{plan}`" for name, plan in found["plans"].items()),
            "",
            f"```console\n$ {found['command']}\n```\n",
        )
    )
