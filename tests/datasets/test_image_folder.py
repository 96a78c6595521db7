"""A folder or zip of one's own pictures loads as a person would expect, or says in one line what to mend."""

import os
import stat
import sys
import zipfile

import numpy as np
import pytest

from manyshot.base import InputError
from manyshot.base.progress import console
from manyshot.datasets import file_names, load_dataset
from manyshot.datasets.folder_or_zip import open_tree

EACH = pytest.mark.parametrize("kind", ["folder", "set.zip"])


@EACH
def test_class_folders_become_classes(kind, tmp_path, png, write):
    path = write(
        tmp_path / kind, {"dog/b.png": png(2), "cat/b.jpg": png(30, form="JPEG"), "cat/a.bmp": png(1, form="BMP")}
    )
    source = load_dataset(path)
    assert source.class_names == ("cat", "dog")
    assert source.counts.tolist() == [2, 1]
    assert source.gather([0, 1, 2])[:, 0, 0, 0].tolist() == [1, 30, 2]
    assert file_names(path) == ("cat/a.bmp", "cat/b.jpg", "dog/b.png")
    assert source.authors is None


@EACH
def test_parts_are_chosen_by_name_and_train_is_the_usual_one(kind, tmp_path, png, write):
    files = {f"{part}/{c}/1.png": png(value) for part, value in (("train", 1), ("val", 2), ("test", 3)) for c in "ab"}
    path = write(tmp_path / kind, files)
    for split, value in ((None, 1), ("train", 1), ("val", 2), ("validation", 2), ("test", 3)):
        assert load_dataset(path, split).store.unique().tolist() == [value]
    assert file_names(path, "test") == ("test/a/1.png", "test/b/1.png")
    with pytest.raises(InputError, match="no split 'tset'; did you mean 'test'"):
        load_dataset(path, "tset")


def test_a_class_may_be_called_train(tmp_path, png, write):
    path = write(tmp_path / "vehicles", {"train/1.png": png(1), "bus/1.png": png(2)})
    assert load_dataset(path).class_names == ("bus", "train")
    with pytest.raises(InputError, match="no split 'train', since there are no folders"):
        load_dataset(path, "train")


@EACH
def test_a_folder_around_everything_is_passed_through(kind, tmp_path, png, write):
    path = write(tmp_path / kind, {"photos/": b"", "photos/cat/1.png": png(1), "photos/dog/1.png": png(2)})
    assert load_dataset(path).class_names == ("cat", "dog")


@EACH
def test_hidden_and_system_files_are_not_seen(kind, tmp_path, png, write, capsys):
    junk = ["cat/.DS_Store", "__MACOSX/cat/._1.png", "cat/Thumbs.db", ".git/config", "cat/._1.png", "desktop.ini"]
    path = write(tmp_path / kind, {"cat/1.png": png(1), **dict.fromkeys(junk, b"x")})
    assert load_dataset(path).counts.tolist() == [1]
    assert "skipped" not in capsys.readouterr().err


@EACH
def test_foreign_files_are_left_out_with_a_note(kind, tmp_path, png, write, monkeypatch):
    notes = []
    monkeypatch.setattr(console, "print", lambda *text, **_: notes.extend(text))
    path = write(tmp_path / kind, {"cat/1.png": png(1), "cat/notes.txt": b"x", "README": b"x", "cover.png": png(9)})
    assert len(load_dataset(path)) == 1
    assert [note.split("skipped: ")[1] for note in notes] == [
        "2 files are not pictures, such as 'README'",
        "'cover.png' is outside the class folders",
    ]


@EACH
def test_names_in_chinese_and_with_spaces_work(kind, tmp_path, png, write):
    path = write(tmp_path / kind, {"猫/图 一.png": png(1), "big dog/my photo (1).png": png(2)})
    assert load_dataset(path).class_names == ("big dog", "猫")


def test_chinese_names_work_in_a_zip_that_does_not_say_that_they_are_utf8(tmp_path, png):
    path = tmp_path / "set.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("??/1.png", png(1))
    # The zip format keeps names as bytes; some packers write UTF-8 without setting the flag for it.
    path.write_bytes(path.read_bytes().replace(b"??/1.png", "é/1.png".encode()))
    assert load_dataset(path).class_names == ("é",)


@pytest.mark.skipif(sys.platform != "linux", reason="other systems refuse names that are no text")
def test_a_class_whose_name_is_no_text_is_packed_and_read_again(tmp_path, png, write, cache):
    name = os.fsdecode(b"cl\xffass")
    path = write(tmp_path / os.fsdecode(b"s\xffet"), {f"{name}/{name}.png": png(7), "dog/1.png": png(9)})
    for _ in range(2):
        assert load_dataset(path).class_names == (name, "dog")
    assert len(list(cache.glob("packed/*.npy"))) == 1
    assert len(list(cache.glob("packed/*.json"))) == 1


def test_own_size_is_kept_where_all_are_equal_squares_and_84_taken_otherwise(tmp_path, png, write):
    equal = write(tmp_path / "equal", {"a/1.png": png(1, (40, 40)), "b/1.png": png(2, (40, 40))})
    mixed = write(tmp_path / "mixed", {"a/1.png": png(1, (40, 40)), "b/1.png": png(2, (20, 30))})
    assert load_dataset(equal).store.shape == (2, 1, 40, 40)
    assert load_dataset(mixed).store.shape == (2, 1, 84, 84)
    assert load_dataset(mixed, size=16).store.shape == (2, 1, 16, 16)


def test_scans_of_twelve_bits_keep_their_levels_and_are_as_bright_beside_each_other(tmp_path, png, write):
    ramp, dark = np.linspace(0, 4095, 64).astype(np.uint16).reshape(8, 8), np.full((8, 8), 500, np.uint16)
    images = load_dataset(write(tmp_path / "scans", {"a/1.png": png(ramp), "b/1.png": png(dark)})).store
    assert len(images[0].unique()) == 64
    assert (images[0].min(), images[0].max()) == (0, 255)
    assert (images[1] == round(255 * 500 / 4095)).all()


def test_one_colored_picture_makes_all_colored_unless_gray_is_asked_for(tmp_path, png, write):
    path = write(tmp_path / "mixed", {"a/1.png": png(50), "b/1.png": png((255, 0, 0))})
    assert load_dataset(path).store[:, :, 0, 0].tolist() == [[50, 50, 50], [255, 0, 0]]
    assert load_dataset(path, color=False).store[:, :, 0, 0].tolist() == [[50], [76]]
    assert load_dataset(write(tmp_path / "gray", {"a/1.png": png(50)}), color=True).store.shape == (1, 3, 8, 8)


def test_a_folder_with_a_very_long_or_strange_name_is_packed_once(tmp_path, png, write, cache):
    for name in ("[a-z]*?", "图" * 80):
        path = write(tmp_path / name, {"cat/1.png": png(1)})
        load_dataset(path)
        write(path, {"cat/2.png": png(1)})
        load_dataset(path)
    assert len(list((cache / "packed").glob("*.npy"))) == 2


def test_one_class_alone_loads(tmp_path, png, write):
    assert load_dataset(write(tmp_path / "one", {"cat/1.png": png(1)})).class_names == ("cat",)


def test_a_changed_picture_is_seen_the_next_time(tmp_path, png, write):
    path = write(tmp_path / "set", {"cat/1.png": png(1)})
    load_dataset(path)
    write(path, {"cat/1.png": png(200), "cat/2.png": png(7)})
    assert load_dataset(path).store[:, 0, 0, 0].tolist() == [200, 7]


BROKEN = {
    "two validation parts": (
        {f"{part}/a/1.png": "png" for part in ("train", "val", "validation")},
        "'val' and 'validation' are both the validation split; merge or rename one",
    ),
    "two training parts": (
        {f"set/{part}/a/1.png": "png" for part in ("training", "train", "test")},
        "'train' and 'training' are both the train split",
    ),
    "parts that differ in a capital": (
        {f"{part}/a/1.png": "png" for part in ("Train", "train")},
        "'Train' and 'train' are both the train split",
    ),
    "no pictures": ({"cat/1.csv": b"x"}, "no pictures"),
    "texts of one class": ({"cat/1.txt": b"x"}, "only one class"),
    "nothing at all": ({"cat/": b""}, "no pictures"),
    "an empty class": (
        {"cat/1.png": "png", "dog/": b""},
        "dog.*: a class folder without pictures; add some",
    ),
    "a class of texts": ({"cat/1.png": "png", "dog/1.txt": b"x"}, "dog.*: a class folder without pictures"),
    "no class folders": ({"1.png": "png", "2.png": "png"}, "pictures but no class folders"),
    "a folder in a class": (
        {"cat/1.png": "png", "cat/kitten/1.png": "png"},
        "kitten.1.png.*: is deeper than CLASS/FILE",
    ),
    "an empty part": ({"train/a/1.png": "png", "train/b/": b""}, "train.b.*: a class folder without pictures"),
    "a text called png": ({"cat/1.png": b"not pixels"}, "1.png.*: not a complete image"),
    "an empty file": ({"cat/1.png": b""}, "1.png.*: not a complete image"),
}


def test_a_class_called_train_and_a_class_called_training_are_two_classes(tmp_path, png, write):
    path = write(tmp_path / "photos", {"train/1.png": png(1), "training/1.png": png(2)})
    assert load_dataset(path).class_names == ("train", "training")


@EACH
@pytest.mark.parametrize("what", BROKEN)
def test_what_cannot_be_used_is_named_in_one_line(what, kind, tmp_path, png, write):
    files, message = BROKEN[what]
    path = write(tmp_path / kind, {name: png(1) if data == "png" else data for name, data in files.items()})
    with pytest.raises(InputError, match=message) as caught:
        load_dataset(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_no_zip_is_named(tmp_path):
    (tmp_path / "photos.zip").write_bytes(b"not a zip")
    with pytest.raises(InputError, match=r"photos\.zip: neither a folder nor a complete zip"):
        load_dataset(tmp_path / "photos.zip")


def test_a_truncated_zip_is_named(tmp_path, png, write):
    path = write(tmp_path / "set.zip", {f"cat/{i}.png": png(i) for i in range(9)})
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(InputError, match=r"set\.zip: neither a folder nor a complete zip"):
        load_dataset(path)


def test_a_corrupted_member_of_a_zip_is_named(tmp_path, png, write):
    path = write(
        tmp_path / "set.zip", {"cat/1.png": png(np.random.default_rng(0).integers(0, 255, (40, 40), dtype=np.uint8))}
    )
    data = bytearray(path.read_bytes())
    data[200:210] = bytes(10)
    path.write_bytes(data)
    with pytest.raises(InputError, match=r"set\.zip: 'cat/1\.png' is broken"):
        load_dataset(path)


@pytest.mark.parametrize(
    "name", ["../evil/1.png", "cat/../../1.png", "/etc/cat/1.png", "C:/cat/1.png", "..\\cat\\1.png"]
)
def test_a_zip_that_points_outside_of_itself_is_refused(name, tmp_path, png, write):
    path = write(tmp_path / "set.zip", {"cat/1.png": png(1), name: png(2)})
    with pytest.raises(InputError, match="points outside of the zip; refused"):
        load_dataset(path)


def test_a_link_in_a_zip_is_refused(tmp_path):
    path = tmp_path / "set.zip"
    link = zipfile.ZipInfo("cat/1.png")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(link, "/etc/passwd")
    with pytest.raises(InputError, match=r"'cat/1\.png' is a link"):
        load_dataset(path)


def test_a_zip_bomb_is_refused_before_anything_is_unpacked(tmp_path, write):
    path = write(tmp_path / "set.zip", {"cat/1.bmp": bytes(80 << 20)})
    with pytest.raises(InputError, match="refused as a likely zip bomb"):
        load_dataset(path)


def test_an_encrypted_zip_is_named(tmp_path, png, write):
    path = write(tmp_path / "set.zip", {"cat/1.png": png(1)})
    data = bytearray(path.read_bytes())
    data[6] |= 1
    data[data.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(data)
    with pytest.raises(InputError, match="is encrypted; pack it again without a password"):
        load_dataset(path)


def test_a_file_twice_in_a_zip_is_named(tmp_path, png):
    path = tmp_path / "set.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("cat/1.png", png(1))
        archive.writestr("./cat/1.png", png(2))
    with pytest.raises(InputError, match=r"'cat/1\.png' occurs twice"):
        load_dataset(path)


def test_links_to_pictures_are_followed_and_a_loop_is_named(tmp_path, png, write):
    path = write(tmp_path / "set", {"cat/1.png": png(1)})
    write(tmp_path / "elsewhere", {"1.png": png(2)})
    (path / "dog").symlink_to(tmp_path / "elsewhere")
    assert load_dataset(path).class_names == ("cat", "dog")
    (path / "dog" / "loop").symlink_to(path)
    with pytest.raises(InputError, match="to a folder above it; remove the link"):
        load_dataset(path)


def test_a_broken_link_is_named(tmp_path, png, write):
    path = write(tmp_path / "set", {"cat/1.png": png(1)})
    (path / "cat" / "2.png").symlink_to(tmp_path / "nowhere")
    with pytest.raises(InputError, match=r"2\.png: (cannot be read|no such file|a folder|a pipe)"):
        load_dataset(path)


@pytest.mark.skipif(os.name == "nt", reason="needs pipes")
def test_a_pipe_called_png_does_not_hang(tmp_path, png, write):
    path = write(tmp_path / "set", {"cat/1.png": png(1)})
    os.mkfifo(path / "cat" / "2.png")
    with pytest.raises(InputError, match=r"2\.png: .*(not an ordinary file|larger than)"):
        load_dataset(path)


def test_real_blood_cells_load(real_data):
    source = load_dataset(real_data / "blood_cells" / "images.zip")
    assert dict(zip(source.class_names, source.counts.tolist(), strict=True))["basophil"] == 4
    assert source.store.shape == (400, 3, 96, 96)
    assert len(file_names(real_data / "blood_cells" / "images.zip")) == 400


def test_real_medical_images_load_in_gray(real_data):
    assert load_dataset(real_data / "mednist" / "images.zip").store.shape == (1800, 1, 64, 64)


def test_a_damaged_zip_of_any_packing_is_read_or_named(tmp_path):
    for packing in (zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2, zipfile.ZIP_DEFLATED):
        path = tmp_path / "a.zip"
        with zipfile.ZipFile(path, "w", packing) as archive:
            archive.writestr("cat/1.txt", b"pixels of a cat " * 20)
        data = path.read_bytes()
        for index in range(30, len(data), 3):
            path.write_bytes(data[:index] + bytes([data[index] ^ 0x5A]) + data[index + 1 :])
            try:
                with open_tree(path) as tree:
                    for parts in tree.files:
                        tree.read(parts)
            except InputError as error:
                assert "\n" not in str(error)  # noqa: PT017 - it may also be read
