"""Sentences and paragraphs."""

from sections.cells import difference, table, with_differences


def clinc150(found: dict) -> str:
    """Intents from one and five sentences."""
    heads = ["arm", *with_differences(found["few"]), "CPU seconds"]
    rows, gains = [], []
    for arm in next(iter(found["few"].values())):
        cells = []
        for tasks in found["few"].values():
            one = tasks[arm]
            cells += [f"{one['accuracy']:.1%}", difference(one.get("against_nothing"), "p_value_holm")]
        rows.append([arm, *cells, f"{found['cpu_seconds_of_training'][arm]:,.0f}"])
        if arm.startswith("learned head"):
            gaps = {name: tasks[arm]["against_noise"] for name, tasks in found["few"].items()}
            against = "; ".join(f"{name} {difference(gap, 'p_value_holm')}" for name, gap in gaps.items())
            gains.append(f"{arm[0].upper()}{arm[1:]} against noise: {against}.\n")
    whole = "; ".join(
        f"{name} {100 * one['accuracy']:.1f} [{100 * one['interval'][0]:.1f}, {100 * one['interval'][1]:.1f}] "
        f"({one['head']})"
        for name, one in found["all_intents"].items()
    )
    classes = found["classes"]
    return "\n".join(
        (
            "## CLINC150\n",
            f"Intents from few sentences: {found['encoder']}, and a head that is fitted to each task (prototypes or "
            "ridge, chosen on validation classes like the settings of each arm). "
            f"{found['divisions']} divisions of the 150 intents: {classes['training']} to train augmenters and heads "
            "on, "
            f"{classes['validation']} to choose on, and {classes['test']} to test on. {found['tasks']['5']} tasks of "
            "5 ways and "
            f"{found['tasks']['50']} of 50 ways from each; {found['copies']} generated examples per sentence. "
            "Everything is "
            f"trained for {found['steps']} steps; the learned head is trained for as many more with the hallucinator "
            "(the CPU "
            "seconds are those of the second half). Differences are from no augmentation; noise on the vectors is the "
            "baseline.\n",
            *table(heads, rows),
            "",
            *gains,
            f"All 150 intents at once, official test, mean over {found['divisions']} draws of the sentences, head "
            f"chosen on the official validation part: {whole}. Published on the same test: 5-shot 90.5 (USE+ConveRT, "
            "Casanueva et al. 2020) and 92.6 (ICDA, Lin et al. 2023), with other encoders and other draws.\n",
            "```console\n$ python experiments/clinc150.py --root DATA --work WORK\n```\n",
        )
    )


def xquad_answers(found: dict) -> str:
    """Answers that survive augmentation of their paragraphs."""
    heads = ["language", "generated paragraphs", "with another context", "answers", "still correct", "CPU seconds"]
    rows = []
    for language, one in found["languages"].items():
        counts = (f"{one[name]:,}" for name in ("paragraphs", "contexts_changed", "answers", "intact"))
        rows.append([language, *counts, f"{one['cpu_seconds']:.0f}"])
    plans = "".join(f"- {language}: `{one['plan']}`\n" for language, one in found["languages"].items())
    return (
        "## Answers of XQuAD\n\nQuestion answering with augmented contexts and questions "
        "(`manyshot augment xquad.en.json ...`), on one thread:\n\n" + "\n".join(table(heads, rows)) + f"\n\n{plans}\n"
        "```console\n$ MANYSHOT_DATA=DATA python experiments/xquad_answers.py\n```\n"
    )


def text_speed(found: dict) -> str:
    """Sentences per second, compared with other libraries."""
    speeds: dict[str, dict[str, int]] = {}
    for row in found["rows"]:
        speeds.setdefault(row["work"], {})[row["library"]] = row["sentences_a_second"]
    ours = list(found["ratios"])
    peers = list(dict.fromkeys(name for one in speeds.values() for name in one if name not in ours))
    heads = ["work", "Manyshot", "again", *(word for name in peers for word in (name, "ratio", "again"))]
    rows = []
    for work, one in speeds.items():
        cells = [work, *(f"{one[name]:,}" for name in ours)]
        for name in peers:
            ratios = [found["ratios"][us].get(work, {}).get(name) for us in ours]
            cells += [f"{one[name]:,}" if name in one else "", *("" if r is None else f"{r:.1f}" for r in ratios)]
        rows.append(cells)
    versions = ", ".join(f"{name} {number}" for name, number in found["machine"]["versions"].items())
    return (
        "## Changing sentences\n\nSentences of CLINC150 per CPU second on one thread, each changed once "
        f"({versions}); a ratio is the median of the ratios within {found['machine']['rounds']} interleaved rounds. "
        "`again`: sentences that were changed before, as in a training; what was found in them is remembered.\n\n"
        + "\n".join(table(heads, rows))
        + "\n\nHow the other libraries are run is told in `benchmarks/README.md`.\n"
    )


def natural_sentences(found: dict) -> str:
    """How many changed sentences a strict reader accepts, by plan."""
    heads = ["sentences", "plan", "judged", "natural, same meaning", "95 %", "changed at all"]
    names = {"original": "(not changed)", "synonyms": "`shots: synonyms`"}
    rows = []
    for language, one in found["languages"].items():
        for plan, share in one["rounds"][-1]["shares"].items():
            low, high = share["natural_and_same_interval"]
            changed = f"{share['changed_of_drawn']:.0%}" if "changed_of_drawn" in share else ""
            natural, name = f"{share['natural_and_same']:.0%}", names.get(plan, f"`{plan}`")
            rows.append([language, name, str(share["n"]), natural, f"{low:.0%} to {high:.0%}", changed])
    before = {
        language: [f"{each['shares']['reword']['natural_and_same']:.0%}" for each in one["rounds"][:-1]]
        for language, one in found["languages"].items()
    }
    earlier = "; ".join(f"{language} {', '.join(shares)}" for language, shares in before.items())
    return (
        "## Natural sentences\n\nResults of plans mixed with sentences that nothing changed, in random order, each "
        "judged as natural or not by a strict reader who did not see where it came from; then original and result "
        "were compared for their meaning. English: utterances of CLINC150 and sentences of XQuAD; Chinese: reviews of "
        "shops and hotels, questions and sentences of XQuAD. The last column is the share of drawn sentences in which "
        f"the plan finds something to change. The reader: {found['reader']}.\n\n"
        + "\n".join(table(heads, rows))
        + f"\n\nThe phrases of `reword` were mended after each of two earlier rounds with other sentences ({earlier}), "
        "and once more after this one. `results/natural_sentences.json` holds every judged change.\n"
    )


def shards(found: dict) -> str:
    """Pictures per second of `augment --shards`, beside Albumentations in a DataLoader."""
    heads = ["library", "workers", "pictures per CPU second", "pictures per second", "peak", "peak, 4 times as many"]
    rows = [
        [
            row["library"],
            str(row["workers"]),
            f"{row['pictures_a_cpu_second']:,}",
            f"{row['pictures_a_second']:,}",
            f"{row['peak_mib']:,} MiB",
            f"{row['peak_mib_of_four_times_as_many']:,} MiB",
        ]
        for row in found["rows"]
    ]
    machine, (few, many) = found["machine"], found["pictures"]
    return (
        f"## Folders into shards\n\n`augment --shards webdataset` (`{found['plan']}`) and the same with Albumentations "
        f"in a DataLoader, JPEGs of 112 pixels into a tar of PNGs; from the difference between {few:,} and {many:,} "
        f"pictures, medians of {machine['rounds']} rounds. The machine has {machine['cores']} cores and did other work "
        f"meanwhile (load {machine['load_of_other_work']:.0f}), so that figures per second say little.\n\n"
        + "\n".join(table(heads, rows))
        + "\n\n```console\n$ python benchmarks/shards.py --json results/shards.json\n```\n"
    )
