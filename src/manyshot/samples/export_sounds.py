"""Export augmented recordings as WAV files, with sheets of spectrograms and a manifest to regenerate each."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jaxtyping import Float, Int16
from torch import Tensor

from manyshot.augment import Op, Plan
from manyshot.augment.audio import at_rate
from manyshot.augment.ops.kinds import require_kind
from manyshot.base import InputError
from manyshot.base.progress import bar
from manyshot.base.seeds import generator
from manyshot.base.sound import to_samples
from manyshot.datasets.image_folder import list_classes
from manyshot.datasets.sound_files import SOUNDS, decode_sound, encode_wav
from manyshot.datasets.tree import open_tree
from manyshot.nets.mel import spectrogram_picture
from manyshot.samples import output_folder
from manyshot.samples.contact_sheet import SheetRow, draw_sheet, thumbnail
from manyshot.samples.export_pictures import (
    SHEET_CELL,
    SHEET_COLUMNS,
    SHEET_ROWS,
    group_by_class,
    params_from_json,
    params_to_json,
    single_thread,
)
from manyshot.samples.output_folder import Exported


def export_sounds(
    recordings: Path | str,
    plan: Plan,
    per_class: int,
    out: Path | str,
    *,
    seed: int = 0,
    split: str | None = None,
    overwrite: bool = False,
) -> Exported:
    """Generate new recordings from those of a folder and write them to WAV files; nothing is written if it fails.

    Every recording keeps its rate, its channels and its length. Sample k of a class of n recordings is generated from
    recording k mod n, and its parameters depend only on the seed, the class name and k. `out` receives the same files
    as from `manyshot.samples.export_pictures.export`, with spectrograms on the sheets.

    Args:
        recordings: Folder with one folder of WAV, FLAC or Ogg files per class, or a zip of one.
        plan: Plan whose ops for shots generate the samples; its ops for the support if it has none for shots.
        per_class: Number of samples per class, 1 to 100,000.
        out: Folder to write; it must be empty or not exist yet.
        seed: Seed; the same seed gives the same bytes.
        split: Split of the recordings, if they are divided into splits.
        overwrite: Whether to replace `out` if an earlier export wrote all of it.

    Returns:
        The folder, the number of samples of each class, and the sheets.

    Raises:
        InputError: If the recordings cannot be read, the plan generates no samples, or `out` is in use.
    """
    recordings, out = Path(recordings).expanduser(), Path(out).expanduser()
    op = plan.item_op()
    require_kind(op, "sounds")
    output_folder.check_per_class(per_class)
    output_folder.check_target(recordings, out, overwrite)
    with open_tree(recordings) as tree:
        _, found = list_classes(tree, split, suffixes=SOUNDS)
    classes = group_by_class(["/".join(parts) for name in sorted(found) for parts in found[name]])
    output_folder.check_class_names(classes, str(recordings))
    with (
        output_folder.write_folder_aside(out, overwrite) as folder,
        open_tree(recordings) as tree,
        single_thread(),
        bar() as progress,
    ):
        task = progress.add_task("generate samples", total=per_class * len(classes), note="")
        with (folder / output_folder.MANIFEST).open("wb") as manifest:
            for name, files in classes.items():
                (folder / name).mkdir()
                rows: list[SheetRow] = []
                for index, parts in enumerate(files[:per_class]):
                    original, rate = decode_sound(tree.read(parts), tree.describe(parts))
                    thumbnails = [thumbnail(spectrogram_picture(original, rate), SHEET_CELL)]
                    for number in range(index, per_class, len(files)):
                        params = op.sample(1, generator(seed, "export", name, number))
                        sample = _apply(op, original, rate, params, tree.describe(parts))
                        file = f"{name}/{Path(parts[-1]).stem[: output_folder.STEM]}-{number:05}.wav"
                        (folder / file).write_bytes(encode_wav(sample, rate))
                        output_folder.write_line(manifest, _line(file, name, parts, number, plan, params, seed))
                        if len(rows) < SHEET_ROWS and len(thumbnails) <= SHEET_COLUMNS:
                            thumbnails.append(thumbnail(spectrogram_picture(sample / 32768, rate), SHEET_CELL))
                        progress.advance(task)
                    if len(rows) < SHEET_ROWS:
                        rows.append(SheetRow(parts[-1], thumbnails))
                contact = draw_sheet(rows, title=name, headings=("original", "generated"), rules=(1,), cell=SHEET_CELL)
                contact.save(folder / output_folder.sheet_name(name))
    sheets = [out / output_folder.sheet_name(name) for name in classes]
    return Exported(out, dict.fromkeys(classes, per_class), sheets)


def replay_sound(line: Mapping[str, Any], recordings: Path | str) -> tuple[Int16[Tensor, "c t"], int]:
    """Regenerate a sample from its line in the manifest.

    Args:
        line: Line of the manifest.
        recordings: Folder or zip that the samples were generated from.

    Returns:
        The same samples as in the file, and their number per second.

    Raises:
        InputError: If the source no longer exists, or the line was not written by `export_sounds`.
    """
    recordings = Path(recordings).expanduser()
    try:
        op, parts = Plan(line["plan"]).item_op(), tuple(line["source"].split("/"))
        params = params_from_json(line["params"])
    except (KeyError, TypeError, AttributeError) as error:
        raise InputError(f"this line of a manifest has no usable {error}; give one that export_sounds wrote") from None
    with open_tree(recordings) as tree, single_thread():
        if parts not in tree.files:
            raise InputError(
                f"{recordings}: no recording '{line['source']}'; give the folder that the samples were generated from"
            )
        original, rate = decode_sound(tree.read(parts), tree.describe(parts))
        return _apply(op, original, rate, params, tree.describe(parts)), rate


def _apply(
    op: Op, original: Float[Tensor, "c t"], rate: int, params: Mapping[str, Any], where: str
) -> Int16[Tensor, "c t"]:
    try:
        changed: Tensor = at_rate(op, rate).apply(original[None], params)[0]
    except InputError as error:  # an op does not know which file its sounds come from
        raise InputError(f"{where}: {error}") from None
    return to_samples(changed)


def _line(
    file: str, name: str, parts: tuple[str, ...], number: int, plan: Plan, params: Mapping[str, Any], seed: int
) -> dict[str, Any]:
    clauses = {placement: clause for clause in plan.syntax.clauses for placement in clause.placements}
    return {
        "file": file,
        "class": name,
        "source": "/".join(parts),
        "number": number,
        "ops": " ".join(map(str, (clauses.get("shots") or clauses["support"]).calls)),
        "params": params_to_json(params),
        "seed": seed,
        "plan": str(plan),
    }
