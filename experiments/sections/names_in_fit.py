"""Names of classes in `fit`."""

from sections.cells import difference, paragraph, several, table

ARMS = ("names, auto", "names, always", "another class's name, auto", "another class's name, always")


def fit_names(found: dict) -> str:
    """What names gain in `fit` on photographs and sentences, and where they should be left alone."""
    rows = []
    for name, one in found["sets"].items():
        for shots, result in one["shots"].items():
            against, accuracy = result["against_without"], result["accuracy"]
            cells = [difference(against[arm], "p_value_holm") for arm in ARMS]
            tasks = f"{one['ways']} ways, {several(int(shots), 'shot')}"
            rows.append([name, tasks, f"{accuracy['without names']:.1%}", f"{accuracy['names, auto']:.1%}", *cells])
    heads = ["classes", "examples", "without names", "with names", "difference", "always", "another's name", "always"]
    return "\n".join(
        (
            "## Names of classes in `fit`\n",
            paragraph(
                f"[Names](fit.md#names-of-classes) beside the examples: {found['seeds']} seeds, {found['draws']} draws "
                "of classes and examples each, judged on others of the same classes. Encoders: all of pictures joined, "
                "or MiniLM; heads: ridge, with the penalty that `fit` chooses; no augmentation. Names of pictures are "
                "placed by the rows of the classifiers that the encoders were trained with on ImageNet, which has many "
                "kinds of the photographs (beaver, otter, television and tractor even by name), so that much of the "
                "gain is knowledge of these kinds; it is what a user gains who has such classes. Strengths were "
                "measured on training classes of CIFAR-FS, other emoji and other domains of CLINC150; the form of the "
                "weights (softmax of centered similarities) and its temperature were picked on the validation classes "
                "of CIFAR-FS that are judged here, where 0.1 to 0.3 differ by less than a point, and the rule that of "
                "two strengths which are as good the weaker is taken was added after a first look at these sets. All "
                'of this is optimistic. "Auto" leaves names out that do not agree with the examples; "always" is '
                "what they would do then. Handwritten letters are Greek, Hebrew and Latin ones by their names in "
                "Unicode, which say nothing of their shapes. Intervals hold for "
                "new seeds; with three seeds they are wide."
            ),
            *table(heads, rows),
            "",
            "```console\n$ python experiments/fit_names.py --root DATA\n```\n",
        )
    )


def latent(found: dict) -> str:
    """LeMDA and MODALS beside noise of the same size."""
    rows = []
    for name, domain in found["domains"].items():
        for shots, result in domain["shots"].items():
            for arm, accuracy in result["accuracy"].items():
                beside = result["beside_noise_of_the_same_size"].get(arm)
                rows.append(
                    [
                        f"{name}, {domain['ways']} ways, {several(int(shots), 'shot')}",
                        arm,
                        f"{accuracy:.1%}",
                        difference(result["against_shots_alone"].get(arm), "p_value_holm"),
                        difference(beside, "p_value"),
                    ]
                )
    heads = ["tasks", "arm", "accuracy", "difference [95 %]", "beside noise of the same size"]
    return "\n".join(
        (
            "## LeMDA, MODALS and noise of the same size\n",
            paragraph(
                "[Changes of features](meta_augment.md#all-parts-at-once), trained through ridge regression for "
                f"{found['steps']} steps on some classes and judged on others: photographs are those of CIFAR-FS "
                "(validation classes), emoji are of other subgroups, each drawing beside one of its tags. Features "
                f"of {found['pictures by']} and MiniLM have length 1; the penalty of ridge is the best without "
                f"augmentation on the training classes, for all arms. {found['seeds']} seeds, {found['tasks']} tasks "
                f"each, {found['copies']} generated examples per shot. Nothing was tuned: the published objective, "
                "with consistency 1, learns changes that are far too large on photographs. On emoji, changes of both "
                "parts by one draw gain no more than a network for each part; with five shots, none gains more than "
                "noise of its size."
            ),
            *table(heads, rows),
            "",
            f"```console\n$ {found['command']}\n```\n",
        )
    )
