"""A trained augmenter on a new task (stage two)."""

from sections.cells import difference, table, with_differences


def blood_cells(found: dict) -> str:
    """A trained augmenter on a real new task."""
    names = list(found["results"])
    rows = []
    for arm in found["results"][names[0]]:
        cells = []
        for name in names:
            one = found["results"][name][arm]
            cells += [f"{one['accuracy']:.1%}", difference(one.get("against_nothing"), "p_value_holm")]
        rows.append([arm, *cells])
    seconds = sum(found["cpu_seconds"].values()) / len(found["cpu_seconds"])
    return (
        "## Stage two on blood cells\n\n"
        f"Five kinds of white blood cells, with 1 and 5 examples each ({found['draws']} draws), tested on all "
        f"{found['queries']} cells of another microscope, and on the rest of the {found['left']} of the same one. "
        "Every "
        "class has the same weight (chance is 20%); the rarest class has one example in either case. Features of a "
        "frozen "
        f"`{found['encoder']}`; ridge with the penalty ({found['penalty']:g}) that was best on the validation classes "
        "of "
        "CIFAR-FS. The augmenters were trained on its training classes: nothing was chosen on cells. Across "
        "microscopes all "
        "arms stay near chance. On the same one a fixed plan of image ops gains most, and the hallucinator no more "
        "than the "
        f"same network without noise. {found['copies']} generated shots per example. Intervals are over draws and "
        f"{found['seeds']} seeds of the augmenters' trainings ({found['steps']} steps, {seconds:.0f} CPU seconds "
        "each), not "
        "over cells.\n\n"
        + "\n".join(table(["arm", *with_differences(names)], rows))
        + "\n\n"
        + "\n".join(f"- {name}: `{plan}` on the pictures" for name, plan in found["plans"].items())
        + "\n"
        + "\n".join(f"- {name}: `{text}`" for name, text in found["augmenters"].items())
        + "\n"
    )


def new_task_cost(found: dict) -> str:
    """What samples for a new task cost."""
    heads = ["augmenter", "pictures", "CPU seconds", f"with {found['adapt_steps']} steps of adaptation"]
    rows = []
    for one in found["rows"]:
        cost = (f"{one[name]:.2g}" for name in ("cpu_seconds", "cpu_seconds_with_adaptation"))
        rows.append([f"`{one['augmenter']}`", one["pictures"], *cost])
    return (
        "## What stage two costs\n\n"
        f"{found['per_class']} samples for each class of a new {found['ways']}-way task, on one thread: from one "
        "example "
        f"each, and from {found['adaptation_shots']} with adaptation by leave-one-out. For augmenters of features, "
        "the time "
        "includes encoding the images (Conv4).\n\n" + "\n".join(table(heads, rows)) + "\n"
    )
