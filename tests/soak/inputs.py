"""Files that are cut, flipped, filled with odd bytes or swapped must end in one line, never in a traceback."""

import random
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

from commands import run_all
from tally import Tally

Mutate = Callable[[bytes, random.Random], bytes]
ODD = (
    *(b"\x00", b"\xff\xfe", b"\xef\xbb\xbf", b'"', b"[" * 3000, b"9" * 6000, b"NaN", b"1e999", b"\x1b[2J", b"../../x"),
    *(b"-1", b"null", b"{}", b"\r", b"," * 500, "\u202e".encode(), b"\xed\xa0\x80", b"\\ud83d"),
)


def cut(data: bytes, chance: random.Random) -> bytes:
    """Keep a first part."""
    return data[: chance.randrange(len(data) + 1)]


def flip(data: bytes, chance: random.Random) -> bytes:
    """Change a few bytes, most often near the front, where headers are."""
    result = bytearray(data)
    for _ in range(chance.choice((1, 1, 2, 8, 64))):
        if result:
            end = min(len(result), chance.choice((64, 512, len(result))))
            result[chance.randrange(max(end, 1))] = chance.randrange(256)
    return bytes(result)


def insert(data: bytes, chance: random.Random) -> bytes:
    """Put something odd somewhere."""
    place = chance.randrange(len(data) + 1)
    return data[:place] + chance.choice(ODD) + data[place + chance.choice((0, 0, 1, 8)) :]


def repeat(data: bytes, chance: random.Random) -> bytes:
    """Say a part of it again."""
    one, other = sorted(chance.randrange(len(data) + 1) for _ in range(2))
    return data[:other] + data[one:other] * chance.choice((1, 2, 50)) + data[other:]


MUTATIONS: tuple[Mutate, ...] = (cut, flip, insert, repeat, lambda data, chance: chance.randbytes(len(data)))


def mutated(data: bytes, chance: random.Random) -> bytes:
    """One to three mutations."""
    for _ in range(chance.choice((1, 1, 1, 2, 3))):
        data = chance.choice(MUTATIONS)(data, chance)
    return data[: 1 << 20]


def bad_inputs(folder: Path, seeds: Path, chance: random.Random, tally: Tally, count: int = 50) -> None:
    """Damage good inputs, and run a command that reads each."""
    made, logs = folder / "in", folder / "logs"
    for scratch in (made, logs):
        shutil.rmtree(scratch, ignore_errors=True)
        scratch.mkdir()
    names = [chance.choice(sorted(READERS)) for _ in range(count)]
    commands = []
    for number, name in enumerate(names):
        arguments = READERS[name](made / str(number), seeds, chance)
        out = [] if arguments[0] in ("data", "evaluate") else ["--out", str(made / f"{number}.out")]
        commands.append([*arguments, *out])
    for number, (name, ended) in enumerate(zip(names, run_all(commands, logs, patience=120), strict=True)):
        tally.tried("inputs", ended.status != 0)
        fault = ended.fault((0, 1, 2))
        if fault:
            kept = seeds.parent / "faults" / str(len(tally.faults))
            shutil.copytree(made / str(number), kept, dirs_exist_ok=True)
            told = f"{name}: manyshot {' '.join(ended.arguments)}"
            tally.failed("inputs", told, f"{fault} ({kept}): {ended.errors[-900:]}")


def _damage(path: Path, chance: random.Random) -> None:
    path.write_bytes(mutated(path.read_bytes(), chance))


def picture(folder: Path, seeds: Path, chance: random.Random) -> list[str]:
    """A folder of pictures, of which some are damaged."""
    shutil.copytree(seeds / "pictures", folder)
    files = sorted(folder.rglob("*.*"))
    for path in chance.sample(files, chance.choice((1, 2, len(files)))):
        _damage(path, chance)
    return ["augment", str(folder), "--plan", "shots: flip", "--per-class", "4"]


def archive(folder: Path, seeds: Path, chance: random.Random) -> list[str]:
    """A zip of pictures, damaged as a whole or with odd members."""
    folder.mkdir()
    path = folder / "x.zip"
    with zipfile.ZipFile(path, "w", chance.choice((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED))) as file:
        for member in sorted((seeds / "pictures").rglob("*.png")):
            inside = str(member.relative_to(seeds / "pictures"))
            odd = chance.choice(
                (inside, inside, inside, f"../{inside}", f"/{inside}", f"a\x00/{inside}", f"\x1b[1m/{inside}")
            )
            file.writestr(odd, member.read_bytes())
    if chance.random() < 0.7:
        _damage(path, chance)
    return ["data", "check", str(path)] if chance.random() < 0.5 else ["augment", str(path), "--plan", "shots: flip"]


def table(folder: Path, seeds: Path, chance: random.Random) -> list[str]:
    """A table of sentences."""
    folder.mkdir()
    source = chance.choice(sorted((seeds / "tables").iterdir()))
    path = folder / source.name
    shutil.copy(source, path)
    _damage(path, chance)
    return ["augment", str(path), "--plan", "shots: eda", "--per-class", "4"]


def stored_run(folder: Path, seeds: Path, chance: random.Random) -> list[str]:
    """A run of a learner, one file of which is damaged."""
    shutil.copytree(seeds / "run", folder)
    _damage(chance.choice([path for path in sorted(folder.iterdir()) if path.is_file()]), chance)
    return ["evaluate", str(folder), "digits", "--tasks", "2", "--ways", "3"]


def stored_model(folder: Path, seeds: Path, chance: random.Random) -> list[str]:
    """A fitted classifier, one file of which is damaged."""
    shutil.copytree(seeds / "model", folder)
    _damage(chance.choice([path for path in sorted(folder.iterdir()) if path.is_file()]), chance)
    return ["predict", str(folder), str(seeds / "tables" / "x.csv")]


def plan(folder: Path, seeds: Path, chance: random.Random) -> list[str]:
    """A plan's text, damaged."""
    folder.mkdir()
    text = chance.choice(("shots: 4 x affine(10, 1.2) flip", "shots: elastic(0.06) noise(0.1, p=0.5)", "handwriting"))
    odd = mutated(text.encode(), chance).decode("utf-8", "replace").replace("\x00", "")[:5000]
    return ["augment", str(seeds / "pictures"), f"--plan={odd}", "--per-class", "4"]


READERS = {
    "picture": picture,
    "archive": archive,
    "table": table,
    "run": stored_run,
    "model": stored_model,
    "plan": plan,
}
