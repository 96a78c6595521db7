"""Sentences and paragraphs."""

from sections.cells import difference, table, with_differences


def clinc150(found: dict) -> str:
    """Intents from one and five sentences."""
    heads = ["arm", *with_differences(found["few"]), "CPU seconds"]
    rows, beside = [], []
    for arm in next(iter(found["few"].values())):
        cells = []
        for judged in found["few"].values():
            one = judged[arm]
            cells += [f"{one['accuracy']:.1%}", difference(one.get("against_nothing"), "p_value_holm")]
        rows.append([arm, *cells, f"{found['cpu_seconds_of_training'][arm]:,.0f}"])
        if arm.startswith("learned head"):
            gaps = {name: judged[arm]["against_noise"] for name, judged in found["few"].items()}
            told = "; ".join(f"{name} {difference(gap, 'p_value_holm')}" for name, gap in gaps.items())
            beside.append(f"{arm[0].upper()}{arm[1:]} beside noise: {told}.\n")
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
            "ridge, chosen with the settings of each arm on validation classes). "
            f"{found['divisions']} divisions of the 150 intents into {classes['training']} to train augmenters and "
            f"heads on, {classes['validation']} to choose by, and {classes['test']} to judge on; "
            f"{found['tasks']['5']} tasks of 5 ways and {found['tasks']['50']} of 50 of each; {found['copies']} made "
            f"items of each sentence; {found['steps']} steps of whatever is trained, and as many more for the learned "
            "head once the hallucinator stands behind it (its seconds are those of the second half alone). Differences "
            "are from no augmentation; noise on the vectors is the control.\n",
            *table(heads, rows),
            "",
            *beside,
            f"All 150 intents at once, official test, mean over {found['divisions']} draws of the sentences, head "
            f"chosen on the official validation part: {whole}. Published on the same test: 5-shot 90.5 (USE+ConveRT, "
            "Casanueva et al. 2020) and 92.6 (ICDA, Lin et al. 2023), with other encoders and other draws.\n",
            "```console\n$ python experiments/clinc150.py --root DATA --work WORK\n```\n",
        )
    )


def xquad_answers(found: dict) -> str:
    """Answers that are still there in changed paragraphs."""
    heads = ["language", "made paragraphs", "with another context", "answers", "at their new place", "CPU seconds"]
    rows = []
    for language, one in found["languages"].items():
        counts = (f"{one[name]:,}" for name in ("paragraphs", "contexts_changed", "answers", "intact"))
        rows.append([language, *counts, f"{one['cpu_seconds']:.0f}"])
    plans = "".join(f"- {language}: `{one['plan']}`\n" for language, one in found["languages"].items())
    return (
        "## Answers of XQuAD\n\nQuestion answering whose contexts and questions are changed "
        "(`manyshot augment xquad.en.json ...`), on one thread:\n\n" + "\n".join(table(heads, rows)) + f"\n\n{plans}\n"
        "```console\n$ MANYSHOT_DATA=DATA python experiments/xquad_answers.py\n```\n"
    )


def text_speed(found: dict) -> str:
    """Sentences a second beside other libraries."""
    speeds: dict[str, dict[str, int]] = {}
    for row in found["rows"]:
        speeds.setdefault(row["work"], {})[row["library"]] = row["sentences_a_second"]
    peers = list(dict.fromkeys(name for one in speeds.values() for name in one if name != "manyshot"))
    heads = ["work", "Manyshot", *(word for name in peers for word in (name, "ratio"))]
    rows = []
    for work, one in speeds.items():
        cells = [work, f"{one['manyshot']:,}"]
        for name in peers:
            ratio = found["ratios"].get(work, {}).get(name)
            cells += ["", ""] if ratio is None else [f"{one[name]:,}", f"{ratio:.1f}"]
        rows.append(cells)
    versions = ", ".join(f"{name} {number}" for name, number in found["machine"]["versions"].items())
    return (
        "## Changing sentences\n\nSentences of CLINC150 a CPU second on one thread, each changed once "
        f"({versions}); a ratio is the median of the ratios within {found['machine']['rounds']} interleaved rounds.\n\n"
        + "\n".join(table(heads, rows))
        + "\n\nHow the other libraries are run is told in `benchmarks/README.md`.\n"
    )
