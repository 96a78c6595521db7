"""New pictures as shards: the same ones by any number of processes, in flat memory, and after any kill."""

import io
import json
import os
import signal
import subprocess
import sys
import tarfile
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from manyshot.augment import Plan
from manyshot.augment.engine import Compiled
from manyshot.base import InputError, note
from manyshot.base.seeds import generator
from manyshot.samples import augment_shards as module
from manyshot.samples import make_shard
from manyshot.samples.augment_shards import augment_shards
from manyshot.samples.shard_writers import folder_shard, tar_header

PLAN = Plan("shots: flip affine(15) brightness")


def pictures(folder: Path, counts: dict[str, int], side: int = 12) -> Path:
    rng = np.random.default_rng(0)
    for name, count in counts.items():
        (folder / name).mkdir(parents=True)
        for number in range(count):
            image = Image.fromarray(rng.integers(0, 256, (side, side + 2, 3), dtype=np.uint8))
            image.save(folder / name / f"{number}.png")
    return folder


def contents(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.name.startswith(".") and path.name != "shards.json"
    }


def samples_of(tar: Path) -> list[dict[str, bytes]]:
    """The samples as WebDataset groups them: by what stands before the first dot of the name."""
    samples: dict[str, dict[str, bytes]] = {}
    with tarfile.open(tar) as members:
        for member in members:
            key, _, kind = member.name.partition(".")
            samples.setdefault(key, {})[kind] = members.extractfile(member).read()
    return list(samples.values())


def test_every_picture_gives_its_new_ones_which_the_plan_alone_determines(tmp_path):
    photos = pictures(tmp_path / "photos", {"bee": 5, "ant": 4})
    written = augment_shards(photos, PLAN, tmp_path / "out", per_item=2, shard_size=6, seed=3)
    assert (written.shards, written.made, written.samples, written.classes) == (3, 3, 18, 2)
    shards = [samples_of(tmp_path / "out" / f"0000{n}.tar") for n in range(3)]
    assert [len(shard) for shard in shards] == [6, 6, 6]
    everything = [sample for shard in shards for sample in shard]
    lines = [json.loads(sample["json"]) for sample in everything]
    expected = {(f"{c}/{i}.png", k) for c, n in (("ant", 4), ("bee", 5)) for i in range(n) for k in range(2)}
    assert {(line["source"], line["number"]) for line in lines} == expected
    assert [line["source"] for line in lines] != sorted(line["source"] for line in lines), "they are to be shuffled"
    names = json.loads((tmp_path / "out" / "classes.json").read_text())
    fast = Compiled(PLAN.item_op())
    for sample, line in zip(everything, lines, strict=True):
        assert names[int(sample["cls"])] == line["class"]
        actual = torch.from_numpy(np.array(Image.open(io.BytesIO(sample["png"]))))
        original = torch.from_numpy(np.array(Image.open(photos / line["source"])))
        params = fast.sample(1, generator(3, "shards", line["source"], line["number"]))
        assert torch.equal(actual, fast.apply(original.permute(2, 0, 1)[None], params)[0].permute(1, 2, 0))
        assert not torch.equal(actual, original)


@pytest.mark.parametrize("form", ["webdataset", "parquet", "folders"])
def test_shards_that_are_there_are_kept_and_the_others_made_again_alike(form, tmp_path):
    if form == "parquet":
        pytest.importorskip("pyarrow")
    photos = pictures(tmp_path / "photos", {"ant": 6, "bee": 6})
    out = tmp_path / "out"
    augment_shards(photos, PLAN, out, form, shard_size=4)
    whole = contents(out)
    second = next(path for path in out.iterdir() if path.name.startswith("00001"))
    module.shutil.rmtree(second) if second.is_dir() else second.unlink()
    (out / ".00002-abcdefgh.tar").write_bytes(b"half")
    again = augment_shards(photos, PLAN, out, form, shard_size=4)
    assert (again.shards, again.made, again.samples) == (3, 1, 12)
    assert contents(out) == whole
    assert not (out / ".00002-abcdefgh.tar").exists()
    assert augment_shards(photos, PLAN, out, form, shard_size=4).made == 0


def test_what_is_changed_in_one_call_makes_no_difference(tmp_path, monkeypatch):
    photos = pictures(tmp_path / "photos", {"ant": 6, "bee": 6})
    for number in range(3):
        Image.new("RGB", (9 + number, 20), (number, 100, 200)).save(photos / "ant" / f"other{number}.png")
    augment_shards(photos, PLAN, tmp_path / "many", per_item=2)
    monkeypatch.setattr(make_shard, "BYTES_AT_ONCE", 1)
    augment_shards(photos, PLAN, tmp_path / "one", per_item=2)
    assert contents(tmp_path / "many") == contents(tmp_path / "one")


@pytest.mark.parametrize(("name", "size"), [("00000000.png", 0), ("99999999.json", 8**11 - 1), ("x" * 100, 4711)])
def test_headers_in_a_tar_are_those_of_the_standard_library(name, size):
    member = tarfile.TarInfo(name)
    member.size = size
    assert tar_header(name, size) == member.tobuf(tarfile.USTAR_FORMAT)


def test_parquet_holds_pictures_as_hugging_face_reads_them(tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet")
    photos = pictures(tmp_path / "photos", {"ant": 3})
    augment_shards(photos, PLAN, tmp_path / "out", "parquet", encode="jpeg")
    (table,) = [parquet.read_table(path).to_pylist() for path in (tmp_path / "out").glob("*.parquet")]
    assert [row["label"] for row in table] == [0, 0, 0]
    assert {row["image"]["path"] for row in table} == {f"ant/{n}-00000.jpeg" for n in range(3)}
    image = Image.open(io.BytesIO(table[0]["image"]["bytes"]))
    assert (image.format, image.size) == ("JPEG", (14, 12))
    assert isinstance(json.loads(table[0]["params"]), dict)


def test_several_processes_make_the_same_shards(tmp_path, capsys):
    photos = pictures(tmp_path / "photos", {"ant": 6, "bee": 6})
    augment_shards(photos, PLAN, tmp_path / "one", shard_size=6)
    assert "shards for" not in capsys.readouterr().err
    augment_shards(photos, PLAN, tmp_path / "two", shard_size=6, jobs=3)
    assert "2 shards for 3 processes: a smaller shard size" in capsys.readouterr().err
    assert contents(tmp_path / "one") == contents(tmp_path / "two")


def test_damaged_pictures_are_left_out_and_named(tmp_path):
    photos = pictures(tmp_path / "photos", {"ant": 3, "bee": 2})
    (photos / "ant" / "1.png").write_bytes(b"no picture")
    (photos / "ant" / "notes.txt").write_text("no picture either")
    written = augment_shards(photos, PLAN, tmp_path / "out", "folders")
    assert written.samples == 4
    assert [one["file"] for one in written.skipped] == ["ant/1.png"]
    assert "ant/1.png" in written.skipped[0]["reason"]
    for broken in photos.glob("*/*.png"):
        broken.write_bytes(b"no picture")
    with pytest.raises(InputError, match="none of its pictures can be read"):
        augment_shards(photos, PLAN, tmp_path / "other")


MEASURED = """
import gc, sys, tracemalloc
from manyshot.augment import Plan
from manyshot.samples import augment_shards as module
from manyshot.samples import make_shard
from manyshot.samples.make_shard import make_shard

memory = {}


def make_and_measure(*arguments):
    noted, number = make_shard(*arguments), arguments[1]
    if number in (1, 9):
        gc.collect()
        # Pillow looks methods up by names that it makes anew, of which Python keeps some thousand, but no more; pathlib
        # interns names, in a table whose size doubles now and then.
        others = [tracemalloc.Filter(False, name) for name in ("*PIL*", "*pathlib.py")]
        ours = tracemalloc.take_snapshot().filter_traces(others)
        memory[number] = sum(trace.size for trace in ours.traces)
    return noted


module.augment_shards(sys.argv[1], Plan("shots: flip"), sys.argv[2] + "-warm")
module.make_shard = make_and_measure
tracemalloc.start()
module.augment_shards(sys.argv[1], Plan("shots: flip"), sys.argv[2], shard_size=50)
print(memory[9] - memory[1])
"""


def test_memory_does_not_grow_with_the_number_of_pictures(tmp_path):
    photos = pictures(tmp_path / "photos", {"ant": 1}, side=8)
    for number in range(1, 500):
        os.link(photos / "ant" / "0.png", photos / "ant" / f"a-name-of-some-length-{number:06}.png")
    # In a process of its own: what else is imported here makes and keeps objects meanwhile.
    command = [sys.executable, "-W", "ignore", "-c", MEASURED, str(photos), str(tmp_path / "out")]
    answer = subprocess.run(command, capture_output=True, text=True, check=True)
    # A path as text and a line of the manifest have some hundred bytes each; kept, 400 of them would be 200 KB.
    assert int(answer.stdout) < 40_000


def test_what_the_caller_has_set_stays(tmp_path, capsys):
    photos = pictures(tmp_path / "photos", {"ant": 2})
    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        augment_shards(photos, PLAN, tmp_path / "out")
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(threads)
    capsys.readouterr()
    note("still heard")
    assert "still heard" in capsys.readouterr().err


KILLED = """
import sys
from manyshot.augment import Plan
from manyshot.samples.augment_shards import augment_shards
if __name__ == "__main__":
    augment_shards(sys.argv[1], Plan("shots: flip affine(15) brightness"), sys.argv[2], "folders", shard_size=20)
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")
def test_a_killed_call_is_continued_with_the_same_result(tmp_path):
    photos = pictures(tmp_path / "photos", {"ant": 150, "bee": 150})
    script = tmp_path / "killed.py"
    script.write_text(KILLED)
    command = [sys.executable, "-W", "ignore", str(script), str(photos), str(tmp_path / "out")]
    with subprocess.Popen(command, env=os.environ | {"OMP_NUM_THREADS": "1"}) as process:
        while process.poll() is None and not (tmp_path / "out" / "00001").exists():
            time.sleep(0.005)
        process.kill()
    left = augment_shards(photos, PLAN, tmp_path / "out", "folders", shard_size=20)
    assert 0 < left.made < left.shards == 15
    augment_shards(photos, PLAN, tmp_path / "whole", "folders", shard_size=20)
    assert contents(tmp_path / "out") == contents(tmp_path / "whole")
    assert not [path.name for path in (tmp_path / "out").glob(".0*")]


def test_a_folder_shard_that_fails_leaves_nothing(tmp_path):
    def fail() -> None:
        with folder_shard(tmp_path / "00000") as put:
            put(b"pixels", 0, {"file": "ant/1.png"})
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert not [*tmp_path.iterdir()]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"form": "tars"}, "form='tars'"),
        ({"encode": "gif"}, "encode='gif'"),
        ({"per_item": 0}, "per_item=0: give 1 to 1,000"),
        ({"shard_size": 0}, "shard_size=0"),
        ({"jobs": 0}, "jobs=0"),
        ({"seed": -1}, "seed=-1"),
        ({"on": "there"}, "on='there'"),
        ({"plan": Plan("shots: eda")}, "EDA: changes texts"),
    ],
)
def test_what_cannot_be_used_is_refused_before_anything_is_written(changes, message, tmp_path):
    photos = pictures(tmp_path / "photos", {"ant": 1})
    with pytest.raises(InputError, match=message):
        augment_shards(photos, out=tmp_path / "out", **{"plan": PLAN} | changes)
    assert not (tmp_path / "out").exists()


def test_folders_that_hold_something_else_are_refused(tmp_path):
    photos = pictures(tmp_path / "photos", {"ant": 2})
    with pytest.raises(InputError, match="no such folder"):
        augment_shards(tmp_path / "nowhere", PLAN, tmp_path / "out")
    with pytest.raises(InputError, match="no class folders"):
        augment_shards(photos / "ant", PLAN, tmp_path / "out")
    with pytest.raises(InputError, match="name the folder above the classes"):
        augment_shards(tmp_path, PLAN, tmp_path.parent / f"{tmp_path.name}-out")
    with pytest.raises(InputError, match="lies inside"):
        augment_shards(photos, PLAN, photos / "out")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "classes.json").write_text("[]")
    with pytest.raises(InputError, match=r"holds 'classes.json' and no shards"):
        augment_shards(photos, PLAN, tmp_path / "full")
    augment_shards(photos, PLAN, tmp_path / "out")
    with pytest.raises(InputError, match=r"shards of another call \(seed=0, not 1\)"):
        augment_shards(photos, PLAN, tmp_path / "out", seed=1)
