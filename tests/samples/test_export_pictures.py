import json
import os
import re
import signal
import subprocess
import sys
import time
import zipfile
from hashlib import sha256

import numpy as np
import pytest
import torch
from PIL import Image

from manyshot.augment import OPS, Plan
from manyshot.augment.plan.presets import PRESETS, TEXT_PRESETS, VOLUME_PRESETS
from manyshot.base import InputError
from manyshot.datasets import load_dataset
from manyshot.samples.export_pictures import export, replay

PLAN = Plan("support: noise(0.1); shots: 4 x affine(20) noise(0.2, p=0.5)")


def pixels(path):
    with Image.open(path) as image:
        return np.asarray(image)


def hashes(folder):
    return {str(f.relative_to(folder)): sha256(f.read_bytes()).hexdigest() for f in folder.rglob("*") if f.is_file()}


def lines(exported):
    return [json.loads(line) for line in exported.manifest.read_text(encoding="utf-8").splitlines()]


def test_the_class_folders_are_kept_and_each_class_gets_its_number(photos, tmp_path):
    exported = export(photos, PLAN, 7, tmp_path / "out")
    assert exported.generated == {"cat": 7, "狗 dog": 7}
    assert sorted(path.name for path in exported.folder.iterdir()) == [
        "cat",
        "cat.sheet.png",
        "manifest.jsonl",
        "狗 dog",
        "狗 dog.sheet.png",
    ]
    assert sorted(path.name for path in (exported.folder / "cat").iterdir()) == [
        "kit-00000.png",
        "kit-00003.png",
        "kit-00006.png",
        "tab-00001.png",
        "tab-00004.png",
        "tom-00002.png",
        "tom-00005.png",
    ]


def test_pictures_keep_their_size_and_colors_and_are_changed(photos, tmp_path):
    exported = export(photos, PLAN, 3, tmp_path / "out")
    for name, number in (("tom", 2), ("kit", 0), ("tab", 1)):
        before, after = (
            pixels(photos / "cat" / f"{name}.png"),
            pixels(exported.folder / "cat" / f"{name}-{number:05}.png"),
        )
        assert after.shape == before.shape
        assert (after != before).any()


def test_scans_of_twelve_bits_keep_their_levels_and_can_be_replayed(tmp_path):
    for name, white in (("bright", 4095), ("dark", 400)):
        (tmp_path / "scans" / name).mkdir(parents=True)
        scan = np.linspace(0, white, 256).astype(np.uint16).reshape(16, 16)
        Image.fromarray(scan).save(tmp_path / "scans" / name / "scan.png")
    exported = export(tmp_path / "scans", Plan("support: flip(p=1)"), 2, tmp_path / "out")
    assert len(np.unique(pixels(exported.folder / "bright" / "scan-00000.png"))) == 256
    assert pixels(exported.folder / "dark" / "scan-00000.png").max() == round(255 * 400 / 4095)
    for line in lines(exported):
        assert line["depth"] == 12
        assert (replay(line, tmp_path / "scans").squeeze(0).numpy() == pixels(exported.folder / line["file"])).all()


def test_every_sample_has_a_line_that_tells_where_it_came_from(photos, tmp_path):
    exported = export(photos, PLAN, 4, tmp_path / "out", seed=5)
    assert {line["file"] for line in lines(exported)} == {
        str(path.relative_to(exported.folder)) for path in exported.folder.glob("*/*.png")
    }
    (line,) = [line for line in lines(exported) if line["class"] == "cat" and line["number"] == 3]
    assert line["source"] == "cat/kit.png"
    assert line["ops"] == "affine(20) noise(0.2, p=0.5)"
    assert line["plan"] == str(PLAN)
    assert line["seed"] == 5
    assert -20 <= line["params"]["0"]["degrees"] <= 20
    assert isinstance(line["params"]["1"]["on"], bool)


@pytest.mark.parametrize("op", [name for name, op in OPS.items() if getattr(op, "takes", ()) != ("volumes",)])
def test_every_op_can_be_replayed_from_the_manifest(op, photos, tmp_path):
    plan = Plan(f"shots: 2 x {'turn(180)' if op == 'turn' else op}")
    exported = export(photos, plan, 2, tmp_path / "out")
    for line in lines(exported):
        again = replay(line, photos).permute(1, 2, 0).squeeze(2) if line["class"] == "狗 dog" else replay(line, photos)
        stored = pixels(exported.folder / line["file"])
        stored = torch.from_numpy(stored.copy())
        if stored.ndim == 3:
            stored = stored.permute(2, 0, 1)
        assert again.reshape(stored.shape).equal(stored)


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(photos, tmp_path):
    first, again, other = (
        export(photos, PLAN, 4, tmp_path / name, seed=seed).folder for name, seed in (("a", 1), ("b", 1), ("c", 2))
    )
    assert hashes(first) == hashes(again)
    assert hashes(first)["cat/tom-00002.png"] != hashes(other)["cat/tom-00002.png"]


def test_asking_for_more_gives_the_same_samples_and_further_ones(photos, tmp_path):
    few, many = (hashes(export(photos, PLAN, n, tmp_path / str(n)).folder) for n in (2, 9))
    few = {name: value for name, value in few.items() if "/" in name}
    assert few.items() <= many.items()
    assert len(set(many.values())) == len(many)


def test_another_class_beside_changes_nothing(photos, tmp_path):
    before = hashes(export(photos, PLAN, 3, tmp_path / "a").folder)
    (photos / "ant").mkdir()
    Image.new("L", (8, 8), 99).save(photos / "ant" / "one.png")
    after = hashes(export(photos, PLAN, 3, tmp_path / "b").folder)
    assert all(after[name] == value for name, value in before.items() if name.startswith("cat/"))


def test_the_bytes_do_not_depend_on_the_number_of_threads(photos, tmp_path):
    Image.effect_noise((400, 400), 50).save(photos / "cat" / "large.png")
    plan = Plan("shots: contrast(0.5) blur(2)")
    one = hashes(export(photos, plan, 4, tmp_path / "one").folder)
    torch.set_num_threads(2)
    assert hashes(export(photos, plan, 4, tmp_path / "two").folder) == one
    assert torch.get_num_threads() == 2


def test_the_generated_folder_is_a_data_set_again(photos, tmp_path):
    exported = export(photos, PLAN, 5, tmp_path / "out")
    source = load_dataset(exported.folder)
    assert source.class_names == ("cat", "狗 dog")
    assert source.counts.tolist() == [5, 5]


def test_a_zip_gives_the_same_as_its_folder(photos, tmp_path):
    with zipfile.ZipFile(tmp_path / "photos.zip", "w") as archive:
        for path in sorted(photos.rglob("*.png")):
            archive.write(path, path.relative_to(photos))
    assert hashes(export(photos, PLAN, 3, tmp_path / "a").folder) == hashes(
        export(tmp_path / "photos.zip", PLAN, 3, tmp_path / "b").folder
    )


def test_one_part_of_a_divided_folder_can_be_chosen(photos, tmp_path):
    divided = tmp_path / "divided"
    divided.mkdir()
    photos.rename(divided / "train")
    exported = export(divided, PLAN, 1, tmp_path / "out", split="train")
    assert lines(exported)[0]["source"] == "train/cat/kit.png"
    assert replay(lines(exported)[0], divided).shape == (1, 9, 9)


def test_names_that_differ_only_in_their_ending_do_not_collide(tmp_path):
    folder = tmp_path / "photos" / "cat"
    folder.mkdir(parents=True)
    Image.new("L", (8, 8)).save(folder / "tom.png")
    Image.new("L", (8, 8)).save(folder / "tom.bmp")
    assert len(list((export(folder.parent, PLAN, 6, tmp_path / "out").folder / "cat").iterdir())) == 6


@pytest.mark.parametrize("name", ["n" * 251, "雪" * 80, "a$[b] {c}%", "a..", "CON"])
def test_odd_and_long_names_of_pictures_and_classes_work(name, tmp_path):
    folder = tmp_path / "photos" / name
    folder.mkdir(parents=True)
    Image.new("L", (8, 8)).save(folder / f"{name[:80]}.png")
    exported = export(folder.parent, PLAN, 1, tmp_path / "out")
    assert len(list((exported.folder / name).iterdir())) == 1
    assert exported.sheets[0].is_file()


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse names that are no text")
def test_names_that_are_no_text_are_written_as_json_all_the_same(tmp_path):
    folder = tmp_path / "photos" / "cat"
    folder.mkdir(parents=True)
    Image.new("L", (8, 8)).save(folder / os.fsdecode(b"t\xffm.png"))
    exported = export(folder.parent, PLAN, 1, tmp_path / "out")
    assert replay(lines(exported)[0], folder.parent).shape == (1, 8, 8)


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse names that are no text")
def test_a_class_whose_name_is_no_text_is_exported_replayed_and_overwritten(tmp_path):
    folder = tmp_path / "photos" / os.fsdecode(b"cl\xffass")
    folder.mkdir(parents=True)
    Image.new("L", (8, 8)).save(folder / "tom.png")
    for _ in range(2):
        exported = export(folder.parent, PLAN, 1, tmp_path / "out", overwrite=True)
        (line,) = lines(exported)
        assert replay(line, folder.parent)[0].equal(torch.from_numpy(pixels(exported.folder / line["file"]).copy()))


def test_a_zip_cannot_write_outside(tmp_path):
    with zipfile.ZipFile(tmp_path / "evil.zip", "w") as archive:
        archive.writestr("../escaped/tom.png", b"")
    with pytest.raises(InputError, match="outside"):
        export(tmp_path / "evil.zip", PLAN, 1, tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["evil.zip"]


@pytest.mark.parametrize("per_class", [0, -1, 100_001])
def test_a_number_out_of_bounds_is_refused(per_class, photos, tmp_path):
    with pytest.raises(InputError, match=r"give 1 to 100,000"):
        export(photos, PLAN, per_class, tmp_path / "out")


def test_a_plan_that_makes_no_samples_is_refused_with_the_mend(photos, tmp_path):
    with pytest.raises(InputError, match=r"give it a clause such as 'shots: 8 x affine'"):
        export(photos, Plan("task: turn"), 1, tmp_path / "out")


def test_a_folder_in_use_is_left_alone(photos, tmp_path):
    out = tmp_path / "mine"
    out.mkdir()
    (out / "letter.txt").write_text("dear")
    for overwrite, mend in ((False, "--overwrite"), (True, r"'letter\.txt' is not part")):
        with pytest.raises(InputError, match=mend):
            export(photos, PLAN, 1, out, overwrite=overwrite)
    assert (out / "letter.txt").read_text() == "dear"
    with pytest.raises(InputError, match="is not a folder"):
        export(photos, PLAN, 1, out / "letter.txt", overwrite=True)


def test_an_empty_folder_is_filled_and_an_earlier_export_replaced_when_asked(photos, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    export(photos, PLAN, 3, out)
    export(photos, PLAN, 1, out, overwrite=True)
    assert len(list(out.glob("cat/*.png"))) == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "photos"]


@pytest.mark.parametrize("manifest", ["", "{}", "[1]", '{"name": "cargo"}', "ship\nand crew", "[" * 100_000, "\udcff"])
def test_a_folder_with_a_manifest_of_another_kind_is_never_overwritten(manifest, photos, tmp_path):
    out = tmp_path / "cargo"
    out.mkdir()
    (out / "manifest.jsonl").write_bytes(manifest.encode("utf-8", "surrogateescape"))
    with pytest.raises(InputError, match=r"cargo: .*'manifest\.jsonl' is not"):
        export(photos, PLAN, 1, out, overwrite=True)
    assert [path.name for path in out.iterdir()] == ["manifest.jsonl"]


@pytest.mark.parametrize("mine", ["notes.txt", "cat/best.png", "drafts/one.png", ".secret", "cat.sheet (copy).png"])
def test_an_earlier_export_with_something_of_the_persons_own_is_never_overwritten(mine, photos, tmp_path):
    out = export(photos, PLAN, 2, tmp_path / "out").folder
    (out / mine).parent.mkdir(exist_ok=True)
    (out / mine).write_text("mine")
    with pytest.raises(InputError, match=re.escape(f"'{mine.replace('/one.png', '')}' is not")):
        export(photos, PLAN, 1, out, overwrite=True)
    assert (out / mine).read_text() == "mine"
    assert len(list((out / "cat").glob("*-?????.png"))) == 2


def test_what_a_system_leaves_in_a_folder_does_not_keep_it_from_being_overwritten(photos, tmp_path):
    out = export(photos, PLAN, 2, tmp_path / "out").folder
    (out / "cat" / ".DS_Store").write_bytes(b"")
    export(photos, PLAN, 1, out, overwrite=True)
    assert len(list(out.glob("cat/*.png"))) == 1


def test_the_pictures_own_folder_is_never_written_into(photos):
    for out in (photos, photos / "out", photos / "cat" / ".." / "out"):
        with pytest.raises(InputError, match="inside the folder of the images"):
            export(photos, PLAN, 1, out, overwrite=True)


def test_a_broken_picture_leaves_nothing_behind(photos, tmp_path):
    (photos / "狗 dog" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n no more")
    with pytest.raises(InputError, match=r"broken\.png"):
        export(photos, PLAN, 4, tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["photos"]


def test_an_op_that_refuses_a_picture_names_the_picture(photos, tmp_path):
    with pytest.raises(InputError, match=r"(tom|tab)\.png: Turn: images of \d+ x \d+ pixels") as caught:
        export(photos, Plan("shots: turn"), 20, tmp_path / "out")
    assert str(photos / "cat") in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == ["photos"]


@pytest.mark.parametrize(
    "preset",
    sorted({name for name in PRESETS if not name.startswith("handwriting")} - {*TEXT_PRESETS, *VOLUME_PRESETS}),
)
def test_presets_for_photographs_and_scans_take_pictures_of_any_shape(preset, photos, tmp_path):
    exported = export(photos, Plan(preset), 8, tmp_path / "out")
    for line in lines(exported):
        assert pixels(exported.folder / line["file"]).shape == pixels(photos / line["source"]).shape


def test_a_line_of_another_kind_cannot_be_replayed(photos, tmp_path):
    line = lines(export(photos, PLAN, 1, tmp_path / "out"))[0]
    with pytest.raises(InputError, match="'plan'"):
        replay({}, photos)
    with pytest.raises(InputError, match=r"no image 'cat/gone\.png'"):
        replay(line | {"source": "cat/gone.png"}, photos)
    with pytest.raises(InputError, match="no image"):
        replay(line | {"source": "../photos/cat/tom.png"}, photos)


def hears_ctrl_c():
    """Tests that were started in the background ignore it, and so would what they start."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def test_ctrl_c_ends_with_one_line_and_leaves_nothing_behind(photos, tmp_path):
    command = [
        sys.executable,
        "-m",
        "manyshot",
        "augment",
        str(photos),
        "--plan",
        "shots: affine",
        "--per-class",
        "100000",
    ]
    process = subprocess.Popen(
        [*command, "--out", str(tmp_path / "out")],
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=hears_ctrl_c,
    )
    deadline = time.monotonic() + 60
    while not list(tmp_path.glob(".out-*/new/cat/*")) and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=30)
    assert (process.returncode, errors) == (130, "Stopped.\n")
    assert [path.name for path in tmp_path.iterdir()] == ["photos"]


def test_real_photographs_come_out_in_their_own_size(real_data, tmp_path):
    folder = tmp_path / "cells"
    with zipfile.ZipFile(real_data / "blood_cells" / "images.zip") as archive:
        names = [name for name in archive.namelist() if name.endswith(".png")]
        for class_name in ("basophil", "monocyte"):
            for name in [name for name in names if f"{class_name}/" in name][:2]:
                archive.extract(name, folder)
    exported = export(folder, Plan("medical"), 4, tmp_path / "out")
    for line in lines(exported):
        assert pixels(exported.folder / line["file"]).shape == pixels(folder / line["source"]).shape
