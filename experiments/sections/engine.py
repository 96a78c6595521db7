"""The augmentation engine."""

from sections.cells import paragraph, table


def engine(augment: dict, profile: dict) -> str:
    """Ratios to other libraries, threads, the floor, the torch path, a step's shares."""
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
            f"The kernels of a first pipeline take {cold:.0f} seconds of CPU time to compile, once a machine. What "
            "augmentation takes of a training\nstep on one thread, with the default learner and encoder:\n",
            *shares,
            "",
            "```console\n$ python benchmarks/augment.py --json results/augment.json\n"
            "$ python benchmarks/step_profile.py --root DATA --json results/step_profile.json\n```\n",
        )
    )
