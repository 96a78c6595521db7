import io
import zipfile
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from manyshot.base import InputError
from manyshot.classify.examples.read_examples import examples_from_arrays, load_examples, load_unlabeled
from manyshot.datasets.pictures import decode
from manyshot.datasets.table_reader import Columns


def pixels(seed: int = 0, shape: tuple[int, ...] = (20, 30, 3)) -> np.ndarray:
    return np.random.default_rng(seed).integers(256, size=shape, dtype=np.uint8)


def save(path: Path, seed: int = 0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels(seed)).save(path)
    return path


@pytest.fixture
def photos(tmp_path) -> Path:
    """Two classes of two pictures each."""
    for number, name in enumerate(("cat/p1-a.png", "cat/p2-a.png", "dog/p1-b.jpg", "dog/p3-a.png")):
        save(tmp_path / "photos" / name, number)
    return tmp_path / "photos"


def zipped(folder: Path) -> Path:
    path = folder.with_suffix(".zip")
    with zipfile.ZipFile(path, "w") as archive:
        for file in sorted(folder.rglob("*.*")):
            archive.write(file, file.relative_to(folder))
    return path


class TestLabeledPictures:
    def test_folders_and_zips_give_the_same_examples(self, photos):
        folder, archive = load_examples(photos), load_examples(zipped(photos))
        assert folder.kind == "pictures"
        assert folder.names == ("cat/p1-a.png", "cat/p2-a.png", "dog/p1-b.jpg", "dog/p3-a.png")
        assert (folder.class_names, folder.labels.tolist()) == (("cat", "dog"), [0, 0, 1, 1])
        assert folder.digests == archive.digests
        assert len(set(folder.digests)) == 4
        assert folder.pictures([3, 0], 16).equal(archive.pictures([3, 0], 16))
        assert folder.groups is None

    def test_pictures_are_decoded_at_the_size_that_is_asked_for(self, photos):
        examples = load_examples(photos)
        for size in (8, 64):
            expected = decode((photos / "cat/p2-a.png").read_bytes(), "", (size, size), color=True)
            assert np.array_equal(examples.pictures([1], size)[0].numpy(), expected)

    def test_several_threads_decode_the_same_pixels_and_leave_the_filters_of_warnings_alone(self, photos, monkeypatch):
        import warnings

        examples, rows, before = load_examples(photos), np.arange(200) % 4, list(warnings.filters)
        one = examples.pictures(rows, 12)
        monkeypatch.setattr("torch.get_num_threads", lambda: 8)
        assert examples.pictures(rows, 12).equal(one)
        assert list(warnings.filters) == before

    def test_splits_are_chosen_by_name(self, photos, tmp_path):
        save(tmp_path / "data/train/cat/1.png"), save(tmp_path / "data/train/dog/1.png")
        save(tmp_path / "data/test/cat/2.png"), save(tmp_path / "data/test/dog/3.png")
        assert load_examples(tmp_path / "data").names == ("train/cat/1.png", "train/dog/1.png")
        assert load_examples(tmp_path / "data", split="test").names == ("test/cat/2.png", "test/dog/3.png")

    def test_labels_refer_to_the_classes_of_a_model(self, photos):
        examples = load_examples(photos, class_names=["dog", "bird", "cat"])
        assert examples.class_names == ("dog", "bird", "cat")
        assert examples.labels.tolist() == [2, 2, 0, 0]
        with pytest.raises(InputError, match=r"'dog/p1-b.jpg' has the unknown class 'dog'; known: bird, cat"):
            load_examples(photos, class_names=["cat", "bird"])

    @pytest.mark.parametrize(("pattern", "groups"), [(r"/(p\d)", [0, 1, 0, 2]), (r"-.", [0, 0, 1, 0])])
    def test_groups_are_found_in_paths(self, photos, pattern, groups):
        assert load_examples(photos, group_by=pattern).groups.tolist() == groups
        assert load_examples(photos, group_by=pattern).select([3, 1]).groups.tolist() == [groups[3], groups[1]]

    def test_duplicates_stay_and_have_equal_digests(self, photos):
        (photos / "dog" / "again.png").write_bytes((photos / "cat/p1-a.png").read_bytes())
        examples = load_examples(photos)
        assert len(examples) == 5
        assert examples.digests[0] == examples.digests[examples.names.index("dog/again.png")]

    def test_one_example_per_class_is_enough(self, tmp_path):
        save(tmp_path / "a/1.png"), save(tmp_path / "b/1.png")
        assert load_examples(tmp_path).labels.tolist() == [0, 1]

    def test_all_modes_become_rgb_on_white_and_upright(self, tmp_path):
        gray = np.full((4, 6), 51, np.uint8)
        wide = Image.fromarray(np.array([[0, 4095]], np.uint16).repeat(4, 0))
        turned = Image.fromarray(pixels(0, (4, 8, 3)))
        exif = Image.Exif()
        exif[0x0112] = 6
        pictures = {
            "1.png": Image.fromarray(gray),
            "2.png": Image.fromarray(gray).convert("P"),
            "3.png": Image.new("RGBA", (6, 4), (10, 20, 30, 0)),
            "4.png": wide,
        }
        for folder in ("a", "b"):
            (tmp_path / folder).mkdir()
            for name, picture in pictures.items():
                picture.save(tmp_path / folder / name)
            turned.save(tmp_path / folder / "5.png", exif=exif)
        first, palette, transparent, deep, rotated = load_examples(tmp_path).select(range(5)).pictures(range(5), 4)
        assert (first == 51).all()
        assert (palette == 51).all()
        assert (transparent == 255).all()
        assert (deep.min(), deep.max()) == (0, 255)
        upright = Image.fromarray(np.rot90(np.asarray(turned), -1)).resize((4, 4), Image.Resampling.HAMMING)
        assert np.abs(rotated.numpy().astype(int) - np.asarray(upright).transpose(2, 0, 1)).max() <= 1


class TestBadPictures:
    @pytest.mark.parametrize(
        ("content", "message"),
        [
            (b"<html>not found</html>", r"cat/p1-a.png: not a complete image"),
            (b"", r"cat/p1-a.png: not a complete image"),
            (b"\0\0\0\x18ftypheic\0\0\0\0", r"cat/p1-a.png: not a complete image|cat/p1-a.png: a HEIC image"),
        ],
    )
    def test_a_file_that_is_no_picture_is_named_at_once(self, photos, content, message):
        (photos / "cat/p1-a.png").write_bytes(content)
        with pytest.raises(InputError, match=message) as caught:
            load_examples(photos)
        assert "\n" not in str(caught.value)

    def test_a_truncated_one_is_named_when_it_is_decoded(self, photos):
        path = photos / "cat/p1-a.png"
        path.write_bytes(path.read_bytes()[:-300])
        with pytest.raises(InputError, match=r"cat/p1-a.png: not a complete image"):
            load_examples(photos).pictures(range(4), 8)

    def test_one_that_changed_since_is_named(self, photos):
        examples = load_examples(photos)
        save(photos / "cat/p1-a.png", seed=9)
        with pytest.raises(InputError, match=r"p1-a.png: was changed while it was in use; begin again"):
            examples.pictures([0], 8)

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"group_by": "["}, r"group_by='\[': not a regular expression"),
            ({"group_by": "p4"}, "group_by='p4' does not match 'cat/p1-a.png'"),
            ({"split": "test"}, "no split 'test'"),
            ({"columns": Columns(label="kind")}, "is not a table and has no columns"),
        ],
    )
    def test_wrong_options_are_one_line(self, photos, options, message):
        with pytest.raises(InputError, match=message) as caught:
            load_examples(photos, **options)
        assert "\n" not in str(caught.value)

    def test_one_class_is_too_few(self, tmp_path):
        save(tmp_path / "photos/cat/1.png")
        with pytest.raises(InputError, match="one class only"):
            load_examples(tmp_path / "photos")

    def test_a_hostile_zip_is_refused(self, tmp_path):
        path = tmp_path / "evil.zip"
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("../cat/1.png", b"")
        with pytest.raises(InputError, match="points outside of the zip"):
            load_examples(path)

    def test_missing_paths_are_named(self, tmp_path):
        for load in (load_examples, lambda path: load_unlabeled([path])):
            with pytest.raises(InputError, match="no such file"):
                load(tmp_path / "photos")


def test_heic_pictures_are_read_with_the_plugin_or_named(tmp_path, monkeypatch):
    if find_spec("pillow_heif") is not None:
        from pillow_heif import from_pillow

        for folder in "ab":
            (tmp_path / folder).mkdir()
            from_pillow(Image.new("RGB", (64, 48), (200, 30, 30))).save(tmp_path / folder / "photo.heic")
        found = load_examples(tmp_path).pictures([0], 8)[0]
        assert (found.float().mean((1, 2)) - torch.tensor([200.0, 30.0, 30.0])).abs().max() < 6
    else:
        for folder in "ab":
            (tmp_path / folder).mkdir()
            (tmp_path / folder / "photo.heic").write_bytes(b"\0\0\0\x18ftypheic" + bytes(40))
    monkeypatch.setitem(__import__("sys").modules, "pillow_heif", None)
    with pytest.raises(InputError, match=r"a/photo.heic: a HEIC image; to read them: pip install 'manyshot\[heif\]'"):
        load_examples(tmp_path)


class TestTables:
    def test_columns_are_guessed_and_rows_named(self, tmp_path):
        path = tmp_path / "faq.csv"
        path.write_text("id,question,intent\n1,how much,price\n2,,price\n3,where,place\n", encoding="utf-8")
        examples = load_examples(path)
        assert examples.kind == "sentences"
        assert examples.texts([0, 1]) == ["how much", "where"]
        assert (examples.names, examples.class_names) == (("row 2", "row 4"), ("place", "price"))

    def test_rows_may_name_pictures_and_groups(self, photos):
        path = photos / "labels.csv"
        path.write_text(
            "file,label,patient\ncat/p1-a.png,yes,7\ndog/p1-b.jpg,no,7\ncat/p2-a.png,yes,8\n", encoding="utf-8"
        )
        examples = load_examples(path, group_by="patient")
        assert examples.kind == "pictures"
        assert examples.groups.tolist() == [0, 0, 1]
        assert load_examples(path, group_by="(p[0-9])").groups.tolist() == [0, 0, 1]
        folder = load_examples(photos)
        assert examples.pictures([1], 8).equal(folder.pictures([2], 8))
        assert load_unlabeled([path]).names == ("cat/p1-a.png", "dog/p1-b.jpg", "cat/p2-a.png")

    @pytest.mark.parametrize(
        ("text", "options", "message"),
        [
            ("file,label\nno.png,a\nno.png,b\n", {}, "line 2: no file .*no.png; give paths relative"),
            ("text,label\nhello,a\nbye,b\n", {"group_by": "speaker"}, "no column 'speaker' to group by"),
            ("text,label,who\nhello,a,ann\nbye,b,\n", {"group_by": "who"}, "line 3: no 'who' to group by"),
            ("text,label\nhello,a\nbye,b\n", {"split": "test"}, "no split 'test', since it is a table"),
            ("text,label\nhello,a\nbye,a\n", {}, "one class only"),
            ("text,label\n", {}, "no rows"),
        ],
    )
    def test_what_is_wrong_is_one_line(self, tmp_path, text, options, message):
        path = tmp_path / "table.csv"
        path.write_text(text, encoding="utf-8")
        with pytest.raises(InputError, match=message) as caught:
            load_examples(path, **options)
        assert "\n" not in str(caught.value)

    def test_folders_of_texts_have_splits_too(self, tmp_path):
        for name, text in {"train/a/1.txt": "one", "train/b/2.txt": "two", "test/a/3.txt": "three"}.items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(text, encoding="utf-8")
        examples = load_examples(tmp_path)
        assert examples.texts([0, 1]) == ["one", "two"]
        assert examples.names == ("train/a/1.txt", "train/b/2.txt")


class TestUnlabeled:
    def test_folders_are_searched_to_any_depth(self, photos, tmp_path):
        save(photos / "dog/old/2020/x.png", 7)
        (photos / "notes.md").write_text("", encoding="utf-8")
        examples = load_unlabeled([photos])
        assert "dog/old/2020/x.png" in examples.names
        assert (len(examples), set(examples.labels.tolist()), examples.class_names) == (5, {-1}, ())
        assert load_unlabeled([zipped(photos)], kind="pictures").digests == examples.digests

    def test_several_paths_keep_their_names_apart(self, photos):
        names = load_unlabeled([photos / "cat", photos / "dog", photos / "cat/p1-a.png"]).names
        assert names[0] == str(photos / "cat/p1-a.png")
        assert names[-1] == str(photos / "cat/p1-a.png")
        assert names[3] == str(photos / "dog/p3-a.png")

    def test_standard_input_holds_sentences_or_paths(self, photos, monkeypatch):
        def stdin(text: str) -> None:
            monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(text.encode()), encoding="utf-8"))

        stdin("how much?\n\n你好\n")
        examples = load_unlabeled(["-"])
        assert (examples.texts([0, 1]), examples.names) == (["how much?", "你好"], ("row 1", "row 3"))
        stdin(f"{photos}/cat/p1-a.png\n{photos}/dog/p1-b.jpg\n")
        assert load_unlabeled(["-"]).kind == "pictures"
        stdin("cat.png is a good name\ndog.png\n")
        with pytest.raises(InputError, match="standard input: line 1: no file cat"):
            load_unlabeled(["-"], kind="pictures")

    def test_a_table_needs_no_classes(self, tmp_path):
        path = tmp_path / "new.csv"
        path.write_text("anything\nhello\nbye\n", encoding="utf-8")
        assert load_unlabeled([path], kind="sentences").texts([0, 1]) == ["hello", "bye"]

    def test_pictures_and_sentences_are_not_mixed(self, photos):
        (photos / "cat/note.txt").write_text("a cat", encoding="utf-8")
        with pytest.raises(InputError, match=r"several kinds \(pictures, sentences\)"):
            load_unlabeled([photos])
        assert len(load_unlabeled([photos], kind="pictures")) == 4
        with pytest.raises(InputError, match="holds pictures, not sentences"):
            load_unlabeled([photos / "cat/p1-a.png"], kind="sentences")

    def test_an_empty_folder_is_named(self, tmp_path):
        with pytest.raises(InputError, match="no pictures there"):
            load_unlabeled([tmp_path], kind="pictures")


class TestArrays:
    def test_arrays_tensors_pil_and_paths_give_the_same_pictures(self, photos):
        array = np.stack([pixels(0), pixels(1)])
        expected = load_examples(photos).pictures([0, 1], 16)
        for X in (
            array,
            torch.from_numpy(array).permute(0, 3, 1, 2),
            torch.from_numpy(array).permute(0, 3, 1, 2).float() / 255,
            [Image.fromarray(one) for one in array],
            [photos / "cat/p1-a.png", photos / "cat/p2-a.png"],
            [str(photos / "cat/p1-a.png"), str(photos / "cat/p2-a.png")],
        ):
            assert examples_from_arrays(X, ["a", "b"]).pictures([0, 1], 16).equal(expected)

    def test_gray_and_transparent_arrays_are_pictures(self):
        assert examples_from_arrays(np.full((2, 8, 8), 9, np.uint8)).pictures([0], 4).unique().tolist() == [9]
        clear = np.zeros((1, 8, 8, 4), np.uint8)
        assert examples_from_arrays(clear).pictures([0], 4).unique().tolist() == [255]

    def test_images_may_differ_in_size(self):
        examples = examples_from_arrays([pixels(0), pixels(1, (9, 7, 3)), pixels(2, (5, 5, 1))])
        assert examples.pictures(range(3), 8).shape == (3, 3, 8, 8)

    def test_classes_that_are_numbers_are_sorted_as_numbers(self):
        examples = examples_from_arrays(["a", "b", "c"], [10, 9, 10])
        assert (examples.class_names, examples.labels.tolist()) == (("9", "10"), [1, 0, 1])

    @pytest.mark.parametrize(
        ("X", "y", "message"),
        [
            (np.zeros((3, 4)), None, "X is empty or holds vectors"),
            ([], None, "X is empty"),
            (["a", None], None, "X is empty or holds vectors"),
            (["a", "b"], [[0], [1]], r"y of shape \[2, 1\]"),
            (["a", "b"], [0], "1 labels for 2 examples"),
            (np.zeros((2, 8, 8, 3)) + 7.0, None, "values from 7 to 7"),
        ],
    )
    def test_what_does_not_fit_is_said(self, X, y, message):
        with pytest.raises(InputError, match=message):
            examples_from_arrays(X, y)
