"""Export augmented recordings as WAV files, with sheets of spectrograms and a manifest to regenerate each."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from jaxtyping import Shaped
from torch import Tensor

from manyshot.augment import Op, Plan
from manyshot.augment.audio import at_rate
from manyshot.augment.ops.item_kinds import require_kind
from manyshot.base import InputError
from manyshot.base.sound import from_samples, is_sounds, to_samples
from manyshot.datasets.folder_or_zip import open_tree
from manyshot.datasets.image_folder import list_classes
from manyshot.datasets.sound_files import SOUNDS, decode_sound, encode_wav
from manyshot.nets.mel import spectrogram_picture
from manyshot.samples import output_folder
from manyshot.samples.export_pictures import group_by_class
from manyshot.samples.output_folder import Exported
from manyshot.samples.write_variants import FileKind, parse_line, single_thread, write_variants


class Recorded(NamedTuple):
    """Samples of a recording, floats from -1 to 1 or 16 bits, and their number per second."""

    samples: Shaped[Tensor, "c t"]
    rate: int


def export_sounds(
    recordings: Path | str,
    plan: Plan,
    per_class: int,
    out: Path | str,
    *,
    seed: int = 0,
    split: str | None = None,
    overwrite: bool = False,
    fill_up: bool = False,
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
        fill_up: Whether `per_class` counts the recordings that are there, so that rare classes get more samples, and
            classes that have as many get none.

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
    wanted = output_folder.count_wanted(classes, per_class, fill_up, recordings)
    with output_folder.write_folder_aside(out, overwrite) as folder, open_tree(recordings) as tree, single_thread():
        kind = FileKind(
            ".wav",
            read=lambda parts: Recorded(*decode_sound(tree.read(parts), tree.describe(parts))),
            change=lambda original, params, parts: _apply(op, original, params, tree.describe(parts)),
            write=lambda sample, path: path.write_bytes(encode_wav(*sample)),
            show=_spectrogram,
        )
        write_variants(kind, plan, classes, wanted, folder, seed)
    return Exported(out, wanted, output_folder.sheets_in(out, wanted))


def replay_sound(line: Mapping[str, Any], recordings: Path | str) -> Recorded:
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
    op, parts, params = parse_line(line, "export_sounds")
    with open_tree(recordings) as tree, single_thread():
        if parts not in tree.files:
            raise InputError(
                f"{recordings}: no recording '{line['source']}'; give the folder that the samples were generated from"
            )
        original = Recorded(*decode_sound(tree.read(parts), tree.describe(parts)))
        return _apply(op, original, params, tree.describe(parts))


def _apply(op: Op, original: Recorded, params: Mapping[str, Any], where: str) -> Recorded:
    try:
        changed: Tensor = at_rate(op, original.rate).apply(original.samples[None], params)[0]
    except InputError as error:  # an op does not know which file its sounds come from
        raise InputError(f"{where}: {error}") from None
    return Recorded(to_samples(changed), original.rate)


def _spectrogram(sound: Recorded) -> Tensor:
    """A picture of an original, floats from -1 to 1, or of a sample of 16 bits."""
    samples = from_samples(sound.samples) if is_sounds(sound.samples) else sound.samples
    return spectrogram_picture(samples, sound.rate)
