"""The part of `manyshot augment` for learned augmenters: samples tailored to a folder of pictures."""

from pathlib import Path

from manyshot.cli.options import print_json


def augment_learned(
    folder: Path,
    run: Path,
    per_class: int,
    out: Path,
    split: str | None,
    adapt_steps: int,
    overwrite: bool,
    seed: int,
    as_json: bool,
) -> None:
    """Make samples of all pictures of a folder together, and print what came of it.

    Args:
        folder: of pictures.
        run: an augmenter's.
        per_class: samples a class.
        out: the folder to write.
        split: the part of the pictures.
        adapt_steps: of adaptation by leave-one-out.
        overwrite: replace what an earlier export wrote.
        seed: of the draws.
        as_json: print JSON.
    """
    from manyshot.report.export_learned import export_learned
    from manyshot.training import load_augmenter_run

    made = export_learned(
        folder,
        load_augmenter_run(run),
        per_class,
        out,
        seed=seed,
        split=split,
        adapt_steps=adapt_steps,
        overwrite=overwrite,
    )
    samples = sum(made.made.values())
    if as_json:
        print_json(
            {
                "folder": str(made.folder),
                "samples": samples,
                "classes": dict(made.made),
                "manifest": str(made.manifest),
                "sheets": [str(path) for path in made.sheets],
                "features": None if made.features is None else str(made.features),
            }
        )
        return
    more = f" and {len(made.sheets) - 1} more" if len(made.sheets) > 1 else ""
    if made.features is None:
        print(f"{samples:,} new pictures of {len(made.made)} classes in {made.folder}")
        print(f"Look at {made.sheets[0]}{more}")
    else:
        print(f"{samples:,} new features of {len(made.made)} classes, with weights and labels, in {made.features}")
        print(f"Look at the real pictures nearest to them: {made.sheets[0]}{more}")
