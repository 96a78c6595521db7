"""Run a comparison by its name, as `manyshot compare --preset` does. Writes results/NAME.json.

What is trained there already is not trained again.

    python experiments/run_preset.py few-tasks --root DATA
"""

import argparse

from run_and_record import answer, write


def main() -> None:
    """Compare, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", help="one of the presets of `manyshot compare --help`")
    parser.add_argument("--root", default="data", help="the folder that holds omniglot/, mnist/ and cifar_fs/")
    parser.add_argument("--runs", default="runs", help="where the trainings lie, in a folder of the preset's name")
    parser.add_argument("--jobs", type=int, default=1, help="trainings at a time")
    options = parser.parse_args()
    path = f"--out {options.runs}/{options.name}"
    if options.name != "memorization":  # which needs no data, and trains one learner after the other
        path += f" --root {options.root} --jobs {options.jobs}"
    result = answer(f"manyshot compare --preset {options.name} {path}")
    result.pop("report")  # where it lies on this machine
    write(options.name.replace("-", "_"), {"command": f"manyshot compare --preset {options.name}", "seed": 0, **result})


if __name__ == "__main__":
    main()
