"""The augmentation engine."""

from sections.cells import paragraph, table


def engine(augment: dict, profile: dict, parts: dict) -> str:
    """Ratios to other libraries, threads, the floor, the torch path, where time goes, a step's shares."""
    besides, standard = augment["besides"], {}
    for row in augment["rows"]:
        if row["pipeline"] == "few-shot standard":
            standard[row["size"]] = row["microseconds"]
    copies, threads = besides["microseconds_of_a_copy"], besides["two_threads"]
    rows = [
        ["engine, microseconds", *(f"{one['manyshot']:.1f}" for one in standard.values())],
        ["a copy of the same bytes, microseconds", *(f"{copies[size]:.2f}" for size in standard)],
        [
            "the same ops one by one by torch, times as long",
            *(f"{one['manyshot, torch'] / one['manyshot']:.1f}" for one in standard.values()),
        ],
        ["two threads, times as fast by the wall clock", *(f"{threads[size]:.2f}" for size in standard)],
    ]
    ratios = [[name, *(f"{ratio:.1f}" for ratio in row.values())] for name, row in augment["ratios"].items()]
    shares = [
        f"- {name}: {one['milliseconds']['augment']:.1f} ms for {one['images_a_step']} images, "
        f"{one['fractions']['augment']:.1%} of a step"
        for name, one in profile["trainings"].items()
    ]
    cold = besides["cold_start_in_seconds_of_cpu_time"]
    return "\n".join(
        (
            "## The engine\n",
            paragraph(
                "Time of the faster of Albumentations 2.0.8 and kornia 0.9 divided by the engine's, one core, "
                "process CPU "
                "time:"
            ),
            *table(["pipeline", *standard], ratios),
            "",
            *table(["few-shot standard, an image", *standard], rows),
            "",
            *where_time_goes(parts),
            f"The kernels of a first pipeline take {cold:.0f} seconds of CPU time to compile, once a machine. What "
            "augmentation takes of a training\nstep on one thread, with the default learner and encoder:\n",
            *shares,
            "",
            "```console\n$ python benchmarks/augment.py --json results/augment.json\n"
            "$ python benchmarks/engine_profile.py --json results/engine_profile.json\n"
            "$ python benchmarks/step_profile.py --root DATA --json results/step_profile.json\n```\n",
        )
    )


def where_time_goes(parts: dict) -> list[str]:
    """Where the engine is least ahead, and why."""
    cases = parts["microseconds"]
    names = list(dict.fromkeys(name for case in cases.values() for name in case if name not in ("all", "copy")))
    heads = ["microseconds an image", *cases]
    rows = [[name, *(f"{case[name]:.2f}" if name in case else "" for case in cases.values())] for name in names]
    rows += [[name, *(f"{case[name]:.2f}" for case in cases.values())] for name in ("all", "copy")]
    threads = parts["two_threads"]
    alone = ", ".join(f"{size}: {one['part that one thread does']:.0%}" for size, one in threads.items())
    most = ", ".join(f"{one['most that two can gain']:.2f}x" for one in threads.values())
    return [
        paragraph(
            "Where the time goes in the pipelines that are least ahead, each part the difference between two pipelines "
            "of which one has a step more. `matrices and calls` is what tiny images take: Python and numpy for a "
            "batch, which is nearly half of a policy's time, since each of its ops has params of its own. `copy` is "
            "reading the bytes and writing the result, without any work. One thread makes the params and matrices "
            f"({alone} of the time), so that two threads gain at most {most}."
        ),
        *table(heads, rows),
        "",
    ]
