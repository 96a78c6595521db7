"""Omniglot's official one-shot test, and the same models on runs drawn at random."""

from sections.cells import paragraph, table

TITLES = {
    "small1": "trained on the five alphabets of `small1` alone",
    "background": "trained on the whole background set",
    "wide": "a wider network, trained on the whole background set for longer",
}
RUNS = {"official": "official runs", "random": "runs drawn at random"}


def omniglot_official(found: dict) -> str:
    """Errors of each arm on both kinds of runs."""
    parts = [
        "## Omniglot's official one-shot test\n",
        paragraph(
            "Twenty runs: recognize 20 letters of an alphabet that was never seen, each from one example by "
            "another drawer. On these runs people err in 4.5 % of the trials; Bayesian program learning, which "
            "learns from pen strokes, errs in 3.3 % with the whole background set and in 4.2 % with five "
            "alphabets; published prototypical networks, which see the drawings alone, in 13.7 % and 30.1 % "
            "(Lake, Salakhutdinov and Tenenbaum 2019, The Omniglot challenge: a 3-year progress report). Nothing "
            "was chosen on the official runs. They are easier than others: on runs drawn at random from alphabets "
            "that were not trained on (experiments/one_shot_runs.py), the same models err more often. The "
            "published methods were not measured on those. Deformation matching together with the nearest of variants "
            "was added when the errors of both on the official runs were known; both have the same weight, and nothing "
            "in it was tuned."
        ),
    ]
    for part in (part for part in TITLES if part in found["parts"]):
        trained = found["parts"][part]
        suites = {name: trained[name] for name in RUNS if name in trained}
        first = next(iter(suites.values()))
        counts = ", ".join(
            f"{suite['trials']:,} trials of {suite['runs']} {RUNS[name]}" for name, suite in suites.items()
        )
        parts.append(
            paragraph(
                f"`{trained['encoder']}`, {TITLES[part]}, {trained['seeds']} seeds, {first['steps']:,} steps; "
                f"{counts}. Intervals are over runs; the errors of single seeds follow."
            )
        )
        heads = ["", *(head for name in suites for head in (f"error, {RUNS[name]} [95 %]", "by seed"))]
        rows = []
        for arm in first["arms"]:
            cells = []
            for suite in suites.values():
                here = suite["arms"][arm]
                low, high = (f"{max(end, 0):.1%}" for end in here["interval"])
                seeds = ", ".join(f"{error:.1%}" for error in here["by_seed"])
                cells += [f"{here['error']:.1%} [{low}, {high}]", seeds if len(here["by_seed"]) > 1 else ""]
            rows.append([arm, *cells])
        parts += [*table(heads, rows), ""]
    parts.append(
        "```console\n"
        "$ python experiments/one_shot_runs.py --root DATA/omniglot --runs 40 --seed 11 --out random_runs.zip\n"
        "$ python experiments/omniglot_official.py --root DATA/omniglot --official DATA/omniglot/all_runs.zip "
        "--random random_runs.zip\n```\n"
    )
    return "\n".join(parts)
