"""Tables and folders of several parts: what is taken as what, what may be missing, and what is refused."""

import json

import numpy as np
import pytest
import torch
from PIL import Image

from manyshot.base import InputError
from manyshot.datasets import Columns, load_dataset
from manyshot.datasets.list_multipart import holds_parts
from manyshot.datasets.multipart_columns import kind_of_cells, number_of, parse_parts
from manyshot.datasets.sound_files import encode_wav
from manyshot.datasets.table_records import read_records

HEADER = ("label", "photo", "caption", "age", "weight")


def picture(path, shade: int) -> None:
    Image.fromarray(np.full((6, 6, 3), shade, dtype=np.uint8)).save(path)


@pytest.fixture
def table(tmp_path):
    """Six examples; the third lacks its caption, the fourth its picture, the fifth one number, the last all of them."""
    rows = []
    for number in range(6):
        picture(tmp_path / f"{number}.png", 40 * number)
        rows.append(["cat" if number < 3 else "dog", f"{number}.png", f"text {number}", str(number), str(2 * number)])
    rows[2][2], rows[3][1], rows[4][4], rows[5][3], rows[5][4] = "", "gone.png", "", "", ""
    path = tmp_path / "pets.csv"
    path.write_text("\n".join(",".join(row) for row in [HEADER, *rows]) + "\n", encoding="utf-8")
    return path


def load(path, parts="auto"):
    return load_dataset(path, columns=Columns(parts=parts))


class TestTables:
    def test_parts_are_told_from_their_cells(self, table):
        store = load(table).store
        assert store.kinds == {"photo": "images", "caption": "texts", "numbers": "features"}
        assert store.there["photo"].tolist() == [True, True, True, False, True, True]
        assert store.there["caption"].tolist() == [True, True, False, True, True, True]
        assert store.there["numbers"].tolist() == [True] * 5 + [False]
        assert store["photo"][1].unique().tolist() == [40]

    def test_a_number_that_is_not_known_is_the_mean_of_its_column(self, table):
        assert load(table).store["numbers"][4].tolist() == [4.0, 3.0]

    def test_columns_that_are_named_are_taken_alone_and_in_their_order(self, table):
        store = load(table, "caption photo=picture").store
        assert store.names == ("caption", "photo")

    def test_what_was_taken_is_printed(self, table, capsys):
        load(table)
        assert (
            "parts of an example: photo (picture; 1 missing), caption (text; 1 missing), "
            "numbers (number: age, weight; 1 missing)"
        ) in " ".join(capsys.readouterr().err.split())

    @pytest.mark.parametrize("ending", ["jsonl", "parquet", "tsv"])
    def test_other_formats_give_the_same(self, table, tmp_path, ending):
        rows = [record.cells for record in read_records(table)]
        path = table.with_suffix(f".{ending}")
        if ending == "jsonl":
            path.write_text("\n".join(json.dumps({k: v or None for k, v in row.items()}) for row in rows))
        elif ending == "tsv":
            path.write_text("\n".join("\t".join(row) for row in [HEADER, *(row.values() for row in rows)]))
        else:
            pyarrow = pytest.importorskip("pyarrow")
            parquet = pytest.importorskip("pyarrow.parquet")
            parquet.write_table(pyarrow.Table.from_pylist(rows), path)
        first, second = load(table).store, load(path).store
        assert first["caption"] == second["caption"]
        assert first["photo"].equal(second["photo"])
        assert first["numbers"].equal(second["numbers"])

    def test_usual_names_of_columns_are_enough(self, table):
        text = table.read_text(encoding="utf-8").replace("photo", "image", 1)
        table.write_text(text, encoding="utf-8")
        assert holds_parts(table)
        assert not holds_parts(table, Columns(parts="none"))
        assert not holds_parts(table, Columns(text="caption"))
        assert load_dataset(table).store.names == ("image", "caption", "numbers")

    def test_a_table_of_sentences_stays_one(self, tmp_path):
        path = tmp_path / "faq.csv"
        path.write_text("text,label,speaker,age\nhello,greet,ann,3\nbye,leave,bob,4\n")
        assert not holds_parts(path)
        assert load_dataset(path).is_text

    def test_groups_are_authors(self, table):
        path = table.with_name("groups.csv")
        path.write_text("label,text,age,who\ncat,a,1,ann\ndog,b,2,bob\ncat,c,3,bob\n")
        source = load_dataset(path, columns=Columns(parts="text age", group="who"))
        assert source.author_names == ("ann", "bob")

    @pytest.mark.parametrize(
        ("parts", "message"),
        [
            ("foto", "no column 'foto'; did you mean 'photo'"),
            ("photo=pictur", "photo=pictur: did you mean 'picture'"),
            ("photo=sound", "line 2: photo='0.png': no name of a sound"),
            ("caption=number", "line 2: caption='text 0': not a number"),
            ("label", "'label' holds classes or groups"),
            ("photo photo", "name each column once"),
            (" ", "name columns"),
        ],
    )
    def test_what_cannot_be_is_said_with_its_place(self, table, parts, message):
        with pytest.raises(InputError, match=message):
            load(table, parts)

    def test_no_class_is_an_error_that_names_the_line(self, table):
        table.write_text(table.read_text(encoding="utf-8").replace("dog,4.png", ",4.png"), encoding="utf-8")
        with pytest.raises(InputError, match="line 6: no class"):
            load(table)

    def test_a_column_of_which_no_file_is_there_is_an_error(self, table):
        table.write_text(table.read_text(encoding="utf-8").replace(".png", ".jpg"), encoding="utf-8")
        with pytest.raises(InputError, match=r"line 2: no file .*0\.jpg, nor any other of column 'photo'"):
            load(table)

    def test_a_damaged_picture_is_an_error(self, table):
        (table.parent / "1.png").write_bytes(b"no picture")
        with pytest.raises(InputError, match=r"1\.png"):
            load(table)

    def test_damaged_parquet_is_an_error(self, tmp_path):
        pytest.importorskip("pyarrow")
        path = tmp_path / "pets.parquet"
        path.write_bytes(b"PAR1 and nothing more")
        with pytest.raises(InputError, match="not a whole Parquet file"):
            load_dataset(path)


class TestFolders:
    def test_files_of_one_name_are_one_example(self, tmp_path):
        for label in ("cat", "dog"):
            (tmp_path / label).mkdir()
            for number in range(3):
                picture(tmp_path / label / f"{number}.png", 10 * number)
                (tmp_path / label / f"{number}.txt").write_text(f"a {label}")
            sound = encode_wav(torch.zeros(1, 1600, dtype=torch.int16), 16000)
            (tmp_path / label / "1.wav").write_bytes(sound)
        (tmp_path / "dog" / "2.txt").unlink()
        source = load_dataset(tmp_path)
        assert source.store.kinds == {"picture": "images", "text": "texts", "sound": "sounds"}
        assert source.counts.tolist() == [3, 3]
        assert source.store.there["sound"].tolist() == [False, True, False] * 2
        assert source.store["text"] == ["a cat"] * 3 + ["a dog", "a dog", ""]

    def test_a_folder_of_pictures_alone_stays_one(self, tmp_path):
        for label in ("cat", "dog"):
            (tmp_path / label).mkdir()
            picture(tmp_path / label / "1.png", 100)
        (tmp_path / "readme.txt").write_text("about")
        assert not holds_parts(tmp_path)
        assert load_dataset(tmp_path).store.ndim == 4


@pytest.mark.parametrize(
    ("cells", "kind"),
    [
        (["1.5", "", "-2"], "features"),
        ([1, 2.5, None], "features"),
        (["a.png", "b.JPEG"], "images"),
        (["a.wav"], "sounds"),
        (["a.wav", "b.png"], "texts"),
        (["1", "one"], "texts"),
        (["", None, float("nan")], None),
    ],
)
def test_kinds_of_cells(cells, kind):
    assert kind_of_cells(cells) == kind


def test_numbers_are_finite_and_plain():
    assert [number_of(text) for text in ("1e3", " 2 ", "nan", "1_0", "٣", "")] == [1000.0, 2.0, None, None, None, None]
    assert parse_parts("a=text,b") == {"a": "texts", "b": None}
