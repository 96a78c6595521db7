"""Export augmented scans as NIfTI files, with their masks, contact sheets, and a manifest to regenerate each one."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Shaped, UInt8
from PIL import Image
from torch import Tensor

from manyshot.augment import Op, Plan
from manyshot.augment.ops.item_kinds import require_kind
from manyshot.augment.ops.targets import apply_to
from manyshot.base import InputError
from manyshot.base.progress import bar
from manyshot.base.seeds import generator
from manyshot.datasets.folder_or_zip import Tree
from manyshot.datasets.nifti import write_nifti
from manyshot.datasets.scan import Scan
from manyshot.datasets.volume_folder import ScanFile, read_mask, read_scan, scans_of
from manyshot.datasets.window import DEFAULT_WINDOW, Window, parse_window
from manyshot.samples import output_folder
from manyshot.samples.contact_sheet import SheetRow, draw_sheet
from manyshot.samples.output_folder import Exported
from manyshot.samples.plane_sheet import plane
from manyshot.samples.write_variants import (
    SHEET_CELL,
    SHEET_COLUMNS,
    SHEET_ROWS,
    params_from_json,
    sample_line,
    single_thread,
)


class Original(NamedTuple):
    """A scan that is to be augmented: values from 0 to 1, its mask or None, and the scan as read."""

    values: Float[Tensor, "c z y x"]
    mask: UInt8[Tensor, "z y x"] | None
    scan: Scan


def export_scans(
    scans: Path | str,
    plan: Plan,
    per_class: int,
    out: Path | str,
    *,
    window: str = DEFAULT_WINDOW,
    seed: int = 0,
    overwrite: bool = False,
    fill_up: bool = False,
) -> Exported:
    """Generate new scans from a folder of scans and write them as NIfTI.

    Scans are brought to RAS+ and their values through the window to 0..1, changed, and brought back to the unit of the
    scan, within the window. A mask moves with its scan. Sample k of a class of n scans comes from scan k mod n; its
    parameters depend only on the seed, the class and k.

    `out` receives `<class>/<scan>-<k>.nii.gz`, masks as `<class>/labels/<scan>-<k>.nii.gz`, `<class>.sheet.png`, and
    `manifest.jsonl` with one line per sample (see `replay_scan`). Nothing that names a person is written.

    Args:
        scans: Folder or zip, see `manyshot.datasets.volume_folder`.
        plan: Plan whose ops for shots generate the samples; its ops for the support if it has none for shots.
        per_class: Number of samples per class, 1 to 100,000.
        out: Folder to write; it must be empty or not exist yet.
        window: Which values become 0 and 1, see `manyshot.datasets.window.parse_window`.
        seed: Seed; the same seed gives the same voxels.
        overwrite: Whether to replace `out` if an earlier export wrote all of it.
        fill_up: Whether `per_class` counts the scans that are there, so that rare classes get more samples, and classes
            that have as many get none.

    Raises:
        InputError: If the scans cannot be read, the plan generates no samples of volumes, or `out` is in use.
    """
    scans, out, read_window = Path(scans).expanduser(), Path(out).expanduser(), parse_window(window)
    op = plan.item_op()
    require_kind(op, "volumes")
    output_folder.check_per_class(per_class)
    output_folder.check_target(scans, out, overwrite)
    with output_folder.write_folder_aside(out, overwrite) as folder, scans_of(scans) as (tree, found), single_thread():
        classes: dict[str, list[ScanFile]] = {}
        for file in found:
            classes.setdefault(file.class_name, []).append(file)
        output_folder.check_class_names(classes, str(scans))
        wanted = output_folder.count_wanted(classes, per_class, fill_up, scans)
        with bar() as progress, (folder / output_folder.MANIFEST).open("wb") as manifest:
            task = progress.add_task("generate scans", total=sum(wanted.values()), note="")
            for name, files in ((name, files) for name, files in classes.items() if wanted[name]):
                rows: list[SheetRow] = []
                for index, file in enumerate(files[: wanted[name]]):
                    original = _read(tree, file, read_window)
                    shown = [plane(original.values, original.scan.spacing, original.mask)]
                    for number in range(index, wanted[name], len(files)):
                        params = op.sample(1, generator(seed, "export", name, number))
                        values, mask = _apply(op, original, params)
                        line = _line(file, name, number, mask is not None, plan, params, seed, read_window)
                        _write(folder, line, original.scan, values, mask, read_window)
                        output_folder.write_line(manifest, line)
                        if len(shown) <= SHEET_COLUMNS:
                            shown.append(plane(values, original.scan.spacing, mask))
                        progress.advance(task)
                    if len(rows) < SHEET_ROWS:
                        rows.append(SheetRow(file.name, shown))
                _draw(rows, name).save(folder / output_folder.sheet_name(name))
    return Exported(out, wanted, output_folder.sheets_in(out, wanted))


def replay_scan(
    line: Mapping[str, Any], scans: Path | str
) -> tuple[Float[Tensor, "c z y x"], UInt8[Tensor, "z y x"] | None]:
    """Regenerate a sample from its line in the manifest: values from 0 to 1, and the mask if there is one.

    Args:
        line: Line of the manifest.
        scans: Folder or zip that the samples were generated from.

    Raises:
        InputError: If the scan no longer exists, or the line was not written by `export_scans`.
    """
    try:
        op, params = Plan(line["plan"]).item_op(), params_from_json(line["params"])
        source, window = line["source"], parse_window(line["window"])
    except (KeyError, TypeError, AttributeError) as error:
        raise InputError(f"this line of a manifest has no usable {error}; give one that export_scans wrote") from None
    with scans_of(Path(scans).expanduser()) as (tree, found), single_thread():
        for file in found:
            if source in ("/".join(file.files[0]), "/".join(file.files[0][:-1])) and file.class_name == line["class"]:
                return _apply(op, _read(tree, file, window), params)
    raise InputError(f"{scans}: no scan '{source}'; give the folder that the samples were generated from")


def _read(tree: Tree, file: ScanFile, window: Window) -> Original:
    scan = read_scan(tree, file)
    mask = None if file.mask is None else torch.from_numpy(read_mask(tree, file.mask, scan))
    return Original(scan.windowed(window), mask, scan)


def _apply(
    op: Op, original: Original, params: Mapping[str, Any]
) -> tuple[Float[Tensor, "c z y x"], UInt8[Tensor, "z y x"] | None]:
    masks = None if original.mask is None else original.mask[None]
    try:
        moved = apply_to(op, params, images=original.values[None], masks=masks)
    except InputError as error:  # an op does not know which file its volume comes from
        raise InputError(f"{original.scan.where}: {error}") from None
    assert moved.images is not None
    return moved.images[0].clamp(0, 1), None if moved.masks is None else moved.masks[0]


def _line(
    file: ScanFile,
    name: str,
    number: int,
    masked: bool,
    plan: Plan,
    params: Mapping[str, Any],
    seed: int,
    window: Window,
) -> dict[str, Any]:
    stem = f"{file.name[: output_folder.STEM]}-{number:05}.nii.gz"
    source = "/".join(file.files[0] if len(file.files) == 1 else file.files[0][:-1])
    return {
        **sample_line(f"{name}/{stem}", name, source, number, plan, params, seed),
        "window": window.text,
        **({"mask": f"{name}/labels/{stem}"} if masked else {}),
    }


def _write(
    folder: Path, line: Mapping[str, Any], scan: Scan, values: Tensor, mask: Tensor | None, window: Window
) -> None:
    low, high = window.limits(scan.values, scan.where)
    measured: Shaped[np.ndarray, "c z y x"] = low + values.double().numpy() * (high - low)
    kind = scan.values.dtype
    if kind.kind in "iu":
        fits = kind in (np.uint8, np.int16, np.int32)
        measured = np.rint(measured).astype(kind if fits else np.int32)
    (folder / line["class"]).mkdir(exist_ok=True)
    write_nifti(folder / line["file"], measured if kind.kind in "iu" else measured.astype(np.float32), scan.affine)
    if mask is not None:
        (folder / line["class"] / "labels").mkdir(exist_ok=True)
        write_nifti(folder / line["mask"], mask[None].numpy(), scan.affine)


def _draw(rows: list[SheetRow], name: str) -> Image.Image:
    return draw_sheet(rows, title=name, headings=("original", "generated"), rules=(1,), cell=SHEET_CELL)
