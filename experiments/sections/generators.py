"""What made pictures are worth."""

from statistics import fmean

from sections.cells import difference, several, table, with_differences


def gan_mnist(found: dict) -> str:
    """Our DCGAN beside the textbook's, at equal time."""
    text = (
        "## A DCGAN beside the textbook's loop\n\n"
        f"All digits of MNIST, equal CPU time, mean of {found['seeds']} seeds with the lowest and the highest; "
        f"{found['examples']:,} made digits are compared with as many test digits by the features of an encoder that was "
        f"trained on MNIST. `real` are training digits in the place of made ones. Ours is `{found['model']}` with "
        "averaged weights; the textbook's loop has the layout, the widths (64 and 128 channels) and the settings of "
        "the common tutorials.\n"
    )
    rows = []
    for name, seeds in found["arms"].items():
        cells = [_range([seed[measure] for seed in seeds]) for measure in ("kernel_distance", "precision", "recall")]
        timed = "steps" in seeds[0]
        steps = f"{fmean(s['steps'] for s in seeds):,.0f}" if timed else ""
        rows.append([name, *cells, steps, f"{fmean(s['cpu_seconds'] for s in seeds):.0f}" if timed else ""])
    heads = ["arm", "kernel distance", "precision", "recall", "steps", "CPU seconds"]
    speed = found["seconds_a_step"]
    told = ", ".join(f"{1e3 * value:.0f} ms for {name}" for name, value in speed.items())
    ratios = " and ".join(
        f"{speed['textbook'] / value:.2f} times with `{name}`" for name, value in speed.items() if name != "textbook"
    )
    ending = (
        f"\nCPU time of a step, median of turns that alternate in one run: {told}. That is as many steps {ratios}, of "
        f"which `{found['same_width']}` has the textbook's widths: most of the gain of ours is its smaller network.\n"
    )
    return _section(found, text, table(heads, rows), ending)


def gan_few_digits(found: dict) -> str:
    """A conditional GAN of few digits."""
    text = (
        "## A conditional GAN of few digits\n\n"
        f"`{found['model']}` learns from few digits of each class of MNIST; the discriminator sees them through "
        f"`{found['plan']}` with adaptive probability. A small classifier learns from the same digits and from "
        f"{found['made']} made ones of each class, half of each batch, in {found['classifier_steps']} steps. "
        f"{found['seeds']} seeds, {found['test_examples']:,} test digits. The given augmentation of each size, and the look "
        "of the GAN that is kept, are chosen on 120 further digits a class, which someone with so few would not have.\n"
    )
    lines = _by_size(found["sizes"], "digit", "a class")
    ending = _against(found["sizes"], "digit", ["made and given"])
    return _section(found, text, lines, ending)


def dagan_omniglot(found: dict) -> str:
    """DAGAN on unseen characters."""
    text = (
        "## DAGAN on characters never seen\n\n"
        f"`{found['model']}`, trained on three quarters of Omniglot's background characters ({found['steps']:,} steps "
        f"in {fmean(found['cpu_seconds']):.0f} CPU seconds), makes {found['made']} drawings of each of "
        f"{found['classes']} "
        f"others for {found['classifiers']} small classifiers a seed, {found['seeds']} seeds. Each classifier learns "
        f"from its own few drawings of each character in {found['classifier_steps']} steps, half of every batch made, "
        f"and is judged on {found['test_examples']} others. The given augmentation is chosen for each number of shots on a "
        "further part of the characters.\n"
    )
    gains = {
        arm: {
            base: fmean(shots["difference"][base][arm]["difference"] for shots in found["shots"].values())
            for base in ("nothing", "given")
        }
        for arm in ("dagan", "dagan and given")
    }
    told = "; ".join(
        f"{arm} {100 * gain['nothing']:+.1f} against nothing and {100 * gain['given']:+.1f} against given augmentation"
        for arm, gain in gains.items()
    )
    plans = ", ".join(f"`{shots['given']}` with {several(int(n), 'drawing')}" for n, shots in found["shots"].items())
    ending = (
        f"\nMean over shots, in points: {told}. A published replication of DAGAN, with a larger classifier, reports "
        "16.4 to 19.2 %, 29.0 to 39.4 %, 46.5 to 52.0 % and 57.8 to 65.3 % with 1 to 4 drawings, +6.6 in the mean. "
        f"Given: {plans}.\n"
    ) + _against(found["shots"], "drawing", ["dagan", "dagan and given"])
    lines = _by_size(found["shots"], "drawing", "a character")
    return _section(found, text, lines, ending)


def flow_matching(found: dict) -> str:
    """A flow-matching model beside short trainings of DAGAN and an autoencoder."""
    tried = ", ".join(f"{accuracy:.1%} from {start}" for start, accuracy in found["validation"].items())
    seconds = {name: fmean(values) for name, values in found["cpu_seconds"].items()}
    text = (
        "## A flow-matching model, an autoencoder and DAGAN\n\n"
        "Flow matching learns a field that moves noise to another item of the class of one that is shown. It has the "
        f"CPU time of a short training of DAGAN ({seconds['dagan']:.0f} seconds; {fmean(found['steps']):,.0f} steps), "
        f"of as many steps ({found['other_steps']:,}) as the conditional autoencoder `cvae` makes in "
        f"{seconds['cvae']:.0f} seconds. Judged as in the last section, by {found['classifiers']} classifiers a seed "
        f"of {found['classifier_steps']} steps; intervals are over the seeds. Of two starts the better one on "
        "validation characters was taken "
        f"({tried}). Given: `{found['given']}`.\n"
    )
    lines = _by_size(found["shots"], "drawing", "a character")
    ending = _against(found["shots"], "drawing", ["flow", "cvae"], "dagan", "DAGAN")
    ending += _against(found["shots"], "drawing", ["flow and given", "dagan and given", "cvae and given"])
    return _section(found, text, lines, ending)


def cross_task(found: dict) -> str:
    """Generators of characters used on digits."""
    text = (
        "## Generators of characters used on digits\n\n"
        "DAGAN and the conditional autoencoder of the last sections make further shots of tasks of MNIST's test "
        "digits, "
        f"{found['ways']}-way, for prototypes that were trained on characters: `{found['made']}`, beside "
        f"`{found['given']}`. {found['seeds']} seeds, {found['tasks']} tasks.\n"
    )
    lines = _by_size(found["shots"], "shot", "")
    return _section(found, text, lines)


def digits_by_characters(found: dict) -> str:
    """The same generators, and classifiers of digits from nothing."""
    models = sorted({arm.split()[0] for arm in found["shots"]["1"]["accuracy"]} - {"nothing", "given"})
    text = (
        "## Classifiers of few digits, by generators of characters\n\n"
        f"The same generators make {found['made']} digits of each class out of 1 or 5 of MNIST, for small classifiers "
        f"that start from nothing and take {found['classifier_steps']} steps; half of each batch is made. "
        f"{found['seeds']} seeds, {found['classifiers']} classifiers each, {found['test_examples']:,} test digits. The given "
        f"augmentation is `{found['given']}`.\n"
    )
    lines = _by_size(found["shots"], "digit", "a class")
    ending = _against(found["shots"], "digit", [f"{name} and given" for name in models])
    return _section(found, text, lines, ending)


def made_classes(found: dict) -> str:
    """Made classes as training tasks."""
    text = (
        "## Made classes where there are few\n\n"
        f"A DAGAN learns from few characters in {found['steps']:,} steps and makes {found['times']} classes for each "
        f"of them, of {found['each']} items; prototypes train on tasks of real and made classes. "
        f"{found['seeds']} seeds, {found['tasks']} tasks, 5-way 1-shot, of characters that neither saw. "
        "`turned` adds turned classes.\n"
    )
    lines = _by_size(found["sizes"], "character", "to train on")
    return _section(found, text, lines)


def _section(found: dict, text: str, lines: list[str], ending: str = "") -> str:
    """The text, the table, what follows from it, and the command that measured it."""
    return "\n".join((text, *lines, ending, f"```console\n$ {found['command']}\n```\n"))


def _by_size(sizes: dict[str, dict], one: str, rest: str) -> list[str]:
    """A table with a row an arm, and for each size the accuracy and the difference from nothing."""
    heads = ["arm", *with_differences(f"{several(int(size), one)} {rest}".strip() for size in sizes)]
    rows = []
    for arm in next(iter(sizes.values()))["accuracy"]:
        cells = []
        for found in sizes.values():
            gap = found["difference"]["nothing"].get(arm)
            cells += [f"{found['accuracy'][arm]:.1%}", difference(gap, "p_value_holm")]
        rows.append([arm, *cells])
    return table(heads, rows)


def _against(sizes: dict[str, dict], one: str, arms: list[str], other: str = "given", words: str = "") -> str:
    """How arms differ from another one, at each size."""
    told = "; ".join(
        f"{arm} "
        + ", ".join(
            f"{difference(found['difference'][other][arm], 'p_value_holm')} with {several(int(size), one)}"
            for size, found in sizes.items()
        )
        for arm in arms
    )
    return f"\nAgainst {words or 'given augmentation alone'}: {told}.\n"


def _range(values: list[float]) -> str:
    return f"{fmean(values):.3g} ({min(values):.3g} to {max(values):.3g})"
