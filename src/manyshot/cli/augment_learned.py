"""The part of `manyshot augment` for learned augmenters: samples tailored to a folder of pictures."""

from pathlib import Path

from manyshot.cli.exported import exported_json, tell_exported
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
    from manyshot.meta_augment.train import load_augmenter_run
    from manyshot.samples.export_learned import export_learned

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
    if as_json:
        print_json(exported_json(made) | {"features": None if made.features is None else str(made.features)})
    elif made.features is None:
        tell_exported(made, as_json)
    else:
        more = f" and {len(made.sheets) - 1} more" if len(made.sheets) > 1 else ""
        samples = f"{sum(made.made.values()):,} new features of {len(made.made)} classes"
        print(f"{samples}, with weights and labels, in {made.features}")
        print(f"Look at the real pictures nearest to them: {made.sheets[0]}{more}")
