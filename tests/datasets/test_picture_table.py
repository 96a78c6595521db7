import numpy as np
import pytest
from PIL import Image

from manyshot.base import InputError
from manyshot.cli.compare_text import is_text
from manyshot.datasets import Columns, load_dataset
from manyshot.tasks import EpisodeSampler


@pytest.fixture
def table(tmp_path):
    """Twelve pictures of two kinds, of six patients with one of each kind."""
    (tmp_path / "pictures").mkdir()
    lines = ["path,label,patient"]
    for number in range(12):
        Image.new("L", (16, 16), 20 * number).save(tmp_path / "pictures" / f"{number}.png")
        lines.append(f"pictures/{number}.png,{'ill' if number % 2 else 'well'},p{number // 2}")
    file = tmp_path / "table.csv"
    file.write_text("\n".join(lines) + "\n")
    return file


def test_pictures_of_a_table_have_their_class_and_patient(table):
    source = load_dataset(table, group_by="patient")
    assert source.class_names == ("ill", "well")
    levels = source.gather(range(12)).float().mean((1, 2, 3)).tolist()
    assert levels == [20 * number for number in (*range(1, 12, 2), *range(0, 12, 2))]
    assert [source.author_names[one] for one in source.authors_of_rows] == [f"p{i}" for i in range(6)] * 2
    drawn = EpisodeSampler(source, ways=2, shots=1, queries=2, disjoint_authors=True).indices(0, 20)
    for task in range(20):
        support, query = (set(source.authors_of_rows[part[task].ravel()]) for part in (drawn.support, drawn.query))
        assert not support & query
    assert not is_text(str(table), None)


def test_a_picture_that_has_changed_is_read_again(table):
    before = load_dataset(table).gather([0])
    Image.new("L", (16, 16), 200).save(table.parent / "pictures" / "1.png")
    assert load_dataset(table).gather([0]).float().mean() == 200 != before.float().mean()


def test_missing_files_and_groups_are_named_by_their_line(table):
    (table.parent / "pictures" / "3.png").unlink()
    with pytest.raises(InputError, match=r"line 5: no file .*3\.png"):
        load_dataset(table)
    table.write_text("path,label,patient\npictures/0.png,a,x\npictures/1.png,b,\n")
    with pytest.raises(InputError, match="line 3: no 'patient' to group by"):
        load_dataset(table, group_by="patient")


def test_sentences_of_a_table_have_authors_too(tmp_path):
    file = tmp_path / "faq.csv"
    file.write_text("text,label,speaker\nhello,greet,ann\nhi,greet,bob\nbye,leave,ann\n")
    source = load_dataset(file, group_by="speaker")
    assert [source.author_names[one] for one in source.authors_of_rows] == ["ann", "bob", "ann"]
    assert load_dataset(file, columns=Columns("text", "label")).authors is None
    with pytest.raises(InputError, match="speeker"):
        load_dataset(file, group_by="speeker")


def test_floats_in_a_table_are_read_through_a_window(tmp_path):
    for number in range(4):
        Image.fromarray(np.full((8, 8), 100.0 * number, np.float32)).save(tmp_path / f"{number}.tif")
    file = tmp_path / "table.csv"
    file.write_text("path,label\n" + "".join(f"{n}.tif,{'ab'[n % 2]}\n" for n in range(4)))
    source = load_dataset(file, window="width(400, 200)")
    assert source.gather(range(4)).float().mean((1, 2, 3)).tolist() == [0, 128, 64, 191]
