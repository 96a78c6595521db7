"""Omniglot's one-shot challenge."""

from sections.cells import difference, table, with_differences


def omniglot_challenge(found: dict) -> str:
    """The ladder of the one-shot challenge, and how far a long training goes: errors, on either kind of runs."""
    parts = [
        "## omniglot-challenge\n",
        "Omniglot's one-shot challenge with the minimal training set, the five alphabets of `small1`. The task is to "
        "recognize 20 letters of another alphabet, drawn by one person, from one example each by another person. "
        "Everything "
        "was chosen on the choosing runs, which experiments/one_shot_runs.py draws from other alphabets than those of "
        "the "
        "practice runs. The practice runs were evaluated more than once, but nothing was chosen on them. Differences "
        "are of "
        "errors, so below 0 is better.\n",
    ]
    titles = {"ladder": "Each arm has everything that the one before it has", "long": "All of it, trained for longer"}
    if "background" in found:
        known = len(found["background"]["alphabets"])
        titles["background"] = f"All of it, trained on the {known} background alphabets that the runs do not show"
    for part, title in titles.items():
        if part not in found:
            continue
        one = found[part]
        suites = {name: one[name] for name in ("choosing", "final") if name in one}
        first = next(iter(suites.values()))
        names = {"choosing": "choosing runs", "final": "practice runs"}
        heads = with_differences(f"error, {names[name]}" for name in suites)
        rows = []
        parts.append(
            f"{title}: `{one['encoder']}`, {one['seeds']} seeds, {first['steps']:,} steps; "
            + ", ".join(
                f"{suite['trials']:,} trials of {suite['runs']} {names[name]}" for name, suite in suites.items()
            )
            + ".\n"
        )
        for arm, values in first["arms"].items():
            cells = []
            for runs in suites.values():
                here = runs["arms"][arm]
                cells += [f"{here['error']:.2%}", difference(here["against_first"], "p_value_holm")]
            seconds = f"{values['cpu_seconds_per_training']:,.0f}" if "cpu_seconds_per_training" in values else ""
            rows.append([arm, *cells, seconds])
        parts += [*table(["", *heads, "CPU seconds per training"], rows), ""]
    parts.append(
        "```console\n$ manyshot compare --preset omniglot-challenge --root DATA\n"
        "$ python experiments/omniglot_challenge.py --root DATA/omniglot --choosing RUNS.zip --final "
        "DATA/omniglot/practice_runs.zip\n```\n"
    )
    return "\n".join(parts)
