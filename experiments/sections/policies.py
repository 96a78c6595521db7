"""Learned policies of augmentation."""

from sections.cells import difference, table, with_differences


def learned_policy(found: dict) -> str:
    """Learned augmentation of drawings, compared with plans that a person would write."""
    text = [
        "## Learned augmentation of drawings\n",
        "Omniglot alphabets that neither the learner (prototypes on Conv4, trained with the plan `handwriting` on "
        "half of "
        "the background set) nor the augmenter (trained through ridge regression on a quarter) has seen. Every arm "
        "but the "
        f"first generates {found['copies']} shots per example. Their weight, for each arm and seed, and the penalty of "
        f"ridge ({found['penalty']:g}) were chosen on 20-way 1-shot tasks of the learner's validation alphabets. "
        f"{len(found['seeds'])} seeds of learner and augmenter, {found['steps']} steps per augmenter. Policies start "
        "from "
        "the written plan that was best there. Differences are from the best arm that is not learned, with the same "
        "head on "
        "the same test tasks, which favors that arm.\n",
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
    seconds = [run[name]["cpu_seconds"] for run in found["trained"] for name in found["learned"]]
    cost = f"A policy took {sum(seconds) / len(seconds):.0f} CPU seconds to train."
    return "\n".join((*text, "", f"Tasks: {tasks}. {cost}\n", f"```console\n$ {found['command']} --root DATA\n```\n"))


def task_families(found: dict) -> str:
    """Whether a policy recognizes the family of a task from its support."""
    heads = ["arm", "all tasks", *found["families"], "policy by the support beside it [95 %]"]
    rows = []
    for arm, output in found["accuracy"].items():
        shares = (f"{output[name]:.1%}" for name in ("mixture", *found["families"]))
        rows.append([arm, *shares, difference(found["policy_minus"].get(arm), "p_value")])
    probe = found["families_recognized_by_a_linear_probe_of"]
    filters, moments = (sum(one[name] for one in probe) / len(probe) for name in ("filters", "moments"))
    chosen = {
        family: {op: sum(one[family][op] for one in found["chosen"]) / len(found["chosen"]) for op in ops}
        for family, ops in found["chosen"][0].items()
    }
    often = [[family, *(f"{share:.0%}" for share in ops.values())] for family, ops in chosen.items()]
    seconds = {name: seconds / found["seeds"] for name, seconds in found["cpu_seconds"].items()}
    return "\n".join(
        (
            "## Families that ask for different augmentation\n",
            f"{found['ways']}-way {found['shots']}-shot tasks of printed letters. In some families a rotation or a "
            "color keeps "
            "the class, in others it changes it. The learner is ridge on a Conv4 that was trained on all families. "
            "Policies may "
            "rotate and recolor shots, and were trained on other letters by `--gradient reinforce(flipped)`. They are "
            "not told "
            "the family; from the policy's input, a linear classifier recognizes it in "
            f"{moments:.0%} of test tasks by the moments of images, and in {filters:.0%} by random filters. "
            f"{found['seeds']} seeds, {found['tasks_a_family']} tasks of each family, of letters that nothing was "
            "trained or "
            "chosen on.\n",
            "![Which ops the policy chose for which family](images/task_families.png)\n",
            *table(heads, rows),
            "",
            "How often the policy by the support uses an op (mean over seeds):\n",
            *table(["family", *found["chosen"][0][found["families"][0]]], often),
            "",
            "CPU seconds of a training: " + ", ".join(f"{name} {spent:.0f}" for name, spent in seconds.items()) + ".\n",
            *(f"- {name}: `{plan}`" for name, plan in found["plans"].items()),
            "",
            f"```console\n$ {found['command']}\n```\n",
        )
    )


def learned_challenge(found: dict) -> str:
    """Learned variants in the one-shot challenge."""
    parts = {name: found[name] for name in ("choosing", "final")}
    output = {name: f"{one['runs']} runs, {one['variants'][0]} variants" for name, one in parts.items()}
    heads = with_differences((f"error, choosing ({output['choosing']})", f"error, practice ({output['final']})"))
    rows = []
    for arm in parts["choosing"]["arms"]:
        cells = []
        for one in parts.values():
            here = one["arms"].get(arm)
            gap = here if here and "interval" in here else None
            cells += [f"{here['error']:.2%}" if here else "", difference(gap, "p_value")]
        rows.append([arm, *cells])
    return "\n".join(
        (
            "## Learned variants in the one-shot challenge\n",
            "The learners of the [challenge](#omniglot-challenge) after their long training. Queries are compared "
            "with variants "
            f"of the drawings that a written plan (`{found['written']}`) or an augmenter generates. Augmenters were "
            "trained on "
            "one of the five alphabets, through a smaller learner that was trained on the other four, by the nearest "
            "of eight "
            f"variants ({found['steps']} steps), so nothing saw more than `small1`. Queries have written variants in "
            "all arms. "
            "Differences are of errors, from the written plan with the same head; below 0 is better. "
            f"{found['seeds']} seeds. The augmenter for the practice runs was chosen on the choosing runs, and the "
            "practice runs "
            f"were used once. {found['cpu_seconds'] / 60:.0f} CPU minutes for all but the long trainings.\n",
            *table(["variants, head", *heads], rows),
            "",
            *(f"- {name}: `{text}`" for name, text in found["learned"].items()),
            "",
            f"```console\n$ {found['command']}\n```\n",
        )
    )
