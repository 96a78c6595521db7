"""Generative models: quality of their samples, and whether these help a classifier."""

from statistics import fmean

from sections.cells import difference, several, table, with_differences


def gan_mnist(found: dict) -> str:
    """Our DCGAN and the textbook's, at equal time."""
    text = (
        "## A DCGAN and the textbook's loop\n\n"
        f"All digits of MNIST, equal CPU time; mean of {found['seeds']} seeds, with the lowest and the highest. "
        f"{found['examples']:,} generated digits are compared with as many test digits on features of an encoder that "
        f"was trained on MNIST. `real` compares training digits instead. Ours is `{found['model']}` with averaged "
        "weights. The textbook's loop has the layout, the widths (64 and 128 channels) and the settings of the usual "
        "tutorials.\n"
    )
    rows = []
    for name, seeds in found["arms"].items():
        cells = [_range([seed[measure] for seed in seeds]) for measure in ("kernel_distance", "precision", "recall")]
        timed = "steps" in seeds[0]
        steps = f"{fmean(s['steps'] for s in seeds):,.0f}" if timed else ""
        rows.append([name, *cells, steps, f"{fmean(s['cpu_seconds'] for s in seeds):.0f}" if timed else ""])
    heads = ["arm", "kernel distance", "precision", "recall", "steps", "CPU seconds"]
    speed = found["seconds_a_step"]
    times = ", ".join(f"{1e3 * value:.0f} ms for {name}" for name, value in speed.items())
    ratios = " and ".join(
        f"{speed['textbook'] / value:.2f} times (`{name}`)" for name, value in speed.items() if name != "textbook"
    )
    ending = (
        f"\nCPU time of a step, median of alternating measurements in one run: {times}. In the same time, ours takes "
        f"{ratios} "
        f"as many steps. `{found['same_width']}` has the widths of the textbook: most of our gain is the smaller "
        "network.\n"
    )
    return _section(found, text, table(heads, rows), ending)


def gan_few_digits(found: dict) -> str:
    """A conditional GAN trained on few digits."""
    text = (
        "## A conditional GAN trained on few digits\n\n"
        f"`{found['model']}` is trained on few digits of each class of MNIST; the input of the discriminator is "
        f"augmented by `{found['plan']}` with an adaptive probability. A small classifier is trained on the same "
        f"digits and on {found['generated']} generated ones per class, half of each batch, for "
        f"{found['classifier_steps']} steps. {found['seeds']} seeds, {found['test_examples']:,} test digits. "
        "`augmented` is augmentation by a fixed plan. The plan for each size and the snapshot of the GAN are chosen on "
        "120 further digits per class, which are not "
        "available in practice.\n"
    )
    lines = _by_size(found["sizes"], "digit", "a class")
    ending = _against(found["sizes"], "digit", ["generated and augmented"])
    return _section(found, text, lines, ending)


def dagan_omniglot(found: dict) -> str:
    """DAGAN on unseen characters."""
    text = (
        "## DAGAN on characters never seen\n\n"
        f"`{found['model']}` is trained on three quarters of Omniglot's background characters ({found['steps']:,} "
        "steps "
        f"in {fmean(found['cpu_seconds']):.0f} CPU seconds). It generates {found['generated']} drawings of each of "
        f"{found['classes']} others for {found['classifiers']} small classifiers per seed, {found['seeds']} seeds. "
        "Each "
        f"classifier is trained on a few real drawings of each character for {found['classifier_steps']} steps, with "
        f"half of every batch generated, and tested on {found['test_examples']} others. `augmented` is augmentation by "
        "a fixed plan, chosen for each number of shots on other characters.\n"
    )
    gains = {
        arm: {
            base: fmean(shots["difference"][base][arm]["difference"] for shots in found["shots"].values())
            for base in ("nothing", "augmented")
        }
        for arm in ("dagan", "dagan and augmented")
    }
    means = "; ".join(
        f"{arm} {100 * gain['nothing']:+.1f} against no augmentation and {100 * gain['augmented']:+.1f} against "
        "augmentation"
        for arm, gain in gains.items()
    )
    plans = ", ".join(
        f"`{shots['augmented']}` with {several(int(n), 'drawing')}" for n, shots in found["shots"].items()
    )
    ending = (
        f"\nMean over shots, in points: {means}. A published replication of DAGAN, with a larger classifier, reports "
        "16.4 to 19.2 %, 29.0 to 39.4 %, 46.5 to 52.0 % and 57.8 to 65.3 % with 1 to 4 drawings, +6.6 on average. "
        f"Plans of `augmented`: {plans}.\n"
    ) + _against(found["shots"], "drawing", ["dagan", "dagan and augmented"])
    lines = _by_size(found["shots"], "drawing", "a character")
    return _section(found, text, lines, ending)


def flow_matching(found: dict) -> str:
    """A flow-matching model, and short trainings of DAGAN and an autoencoder."""
    tried = ", ".join(f"{accuracy:.1%} from {start}" for start, accuracy in found["validation"].items())
    seconds = {name: fmean(values) for name, values in found["cpu_seconds"].items()}
    text = (
        "## A flow-matching model, an autoencoder and DAGAN\n\n"
        "Flow matching learns a field that moves noise to another example of the class of a given one. It has the "
        f"CPU time of a short training of DAGAN ({seconds['dagan']:.0f} seconds; {fmean(found['steps']):,.0f} steps). "
        f"DAGAN has as many steps ({found['other_steps']:,}) as the conditional autoencoder `cvae` takes in "
        f"{seconds['cvae']:.0f} seconds. Evaluated as in the last section, with {found['classifiers']} classifiers per "
        f"seed and {found['classifier_steps']} steps; intervals are over the seeds. Of two initial distributions the "
        f"better one on validation characters was taken ({tried}). `augmented` is `{found['augmented']}`.\n"
    )
    lines = _by_size(found["shots"], "drawing", "a character")
    ending = _against(found["shots"], "drawing", ["flow", "cvae"], "dagan", "DAGAN")
    ending += _against(found["shots"], "drawing", ["flow and augmented", "dagan and augmented", "cvae and augmented"])
    return _section(found, text, lines, ending)


def cross_task(found: dict) -> str:
    """Generators of characters used on digits."""
    text = (
        "## Generators of characters used on digits\n\n"
        "DAGAN and the conditional autoencoder of the last sections generate additional shots for tasks of MNIST's "
        f"test digits, {found['ways']}-way, for prototypes that were trained on characters: `{found['generated']}`. "
        f"`augmented` is `{found['augmented']}`. {found['seeds']} seeds, {found['tasks']} tasks.\n"
    )
    lines = _by_size(found["shots"], "shot", "")
    return _section(found, text, lines)


def digits_by_characters(found: dict) -> str:
    """The same generators, and classifiers of digits that are trained from scratch."""
    models = sorted({arm.split()[0] for arm in found["shots"]["1"]["accuracy"]} - {"nothing", "augmented"})
    text = (
        "## Classifiers of few digits, by generators of characters\n\n"
        f"The same models generate {found['generated']} digits of each class from 1 or 5 of MNIST, for small "
        f"classifiers that are trained from scratch for {found['classifier_steps']} steps; half of each batch is "
        "generated. "
        f"{found['seeds']} seeds, {found['classifiers']} classifiers each, {found['test_examples']:,} test digits. "
        f"`augmented` is `{found['augmented']}`.\n"
    )
    lines = _by_size(found["shots"], "digit", "a class")
    ending = _against(found["shots"], "digit", [f"{name} and augmented" for name in models])
    return _section(found, text, lines, ending)


def new_classes(found: dict) -> str:
    """Generated classes as training classes."""
    text = (
        "## Generated classes where there are few\n\n"
        f"A DAGAN is trained on few characters for {found['steps']:,} steps and generates {found['times']} classes for "
        f"each of them, with {found['each']} examples; prototypes are trained on tasks of real and generated classes. "
        f"{found['seeds']} seeds, {found['tasks']} tasks, 5-way 1-shot, of characters that neither saw. `turned` adds "
        "rotated classes.\n"
    )
    lines = _by_size(found["sizes"], "character", "to train on")
    return _section(found, text, lines)


def _section(found: dict, text: str, lines: list[str], ending: str = "") -> str:
    """The text, the table, what follows from it, and the command that measured it."""
    return "\n".join((text, *lines, ending, f"```console\n$ {found['command']}\n```\n"))


def _by_size(sizes: dict[str, dict], one: str, rest: str) -> list[str]:
    """A table with a row per arm, and for each size the accuracy and the difference from no augmentation."""
    heads = ["arm", *with_differences(f"{several(int(size), one)} {rest}".strip() for size in sizes)]
    rows = []
    for arm in next(iter(sizes.values()))["accuracy"]:
        cells = []
        for result in sizes.values():
            gap = result["difference"]["nothing"].get(arm)
            cells += [f"{result['accuracy'][arm]:.1%}", difference(gap, "p_value_holm")]
        rows.append([arm, *cells])
    return table(heads, rows)


def _against(sizes: dict[str, dict], one: str, arms: list[str], other: str = "augmented", words: str = "") -> str:
    """The difference of arms from another one, at each size."""
    output = "; ".join(
        f"{arm} "
        + ", ".join(
            f"{difference(result['difference'][other][arm], 'p_value_holm')} with {several(int(size), one)}"
            for size, result in sizes.items()
        )
        for arm in arms
    )
    return f"\nCompared with {words or 'augmentation alone'}: {output}.\n"


def _range(values: list[float]) -> str:
    return f"{fmean(values):.3g} ({min(values):.3g} to {max(values):.3g})"
