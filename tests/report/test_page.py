import base64
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
from PIL import Image

from manyshot.classify.evaluate.example_intervals import Estimate
from manyshot.report.page import (
    Command,
    Gallery,
    Page,
    Paragraph,
    Picture,
    Section,
    Table,
    interval,
    provenance,
    write_page,
)
from manyshot.report.plots import differences

HOSTILE = "<script>alert('1')</script>\"&{{ 7 * 7 }}{% raw %}</style>"


class Reader(HTMLParser):
    """Collects tags, attributes and text."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.attributes, self.words, self.open = [], [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(tag, name, value) for name, value in attrs]
        if tag not in ("meta", "link", "img"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)


def written(tmp_path, *parts, title="Title", summary="Summary"):
    path = tmp_path / "report.html"
    write_page(path, Page(title, summary, [Section("Heading", parts)]))
    return path.read_text(encoding="utf-8")


PARTS = (
    Paragraph("Words."),
    Table(("arm", "accuracy"), [("plain", "55.9 [55.0, 56.8]"), ("made", "64.7 [64.0, 65.4]")], "A caption."),
    Picture.of(Image.new("RGB", (8, 8)), alt="A black square.", caption="Below."),
    Picture.of(differences({"a": Estimate(1, 0, 2)}, baseline="b"), alt="A plot."),
    Command("manyshot demo", "What made it."),
)


def test_everything_given_is_on_the_page_and_every_tag_is_closed(tmp_path):
    page = Reader(written(tmp_path, *PARTS))
    words = " ".join(page.words)
    for expected in (
        "Title",
        "Summary",
        "Heading",
        "Words.",
        "64.7 [64.0, 65.4]",
        "A caption.",
        "manyshot demo",
        "Below.",
    ):
        assert expected in words
    assert page.open == []
    assert page.tags.count("img") == 2


def test_the_page_needs_no_network_and_no_script(tmp_path):
    text = written(tmp_path, *PARTS)
    page = Reader(text)
    assert "script" not in page.tags
    addresses = [value for _, name, value in page.attributes if name in ("src", "href")]
    assert all(value.startswith("data:") for value in addresses)
    assert not re.search(r"url\(|@import", text)


def test_pictures_come_back_as_they_went_in(tmp_path):
    page = Reader(written(tmp_path, PARTS[2]))
    (source,) = [value for tag, name, value in page.attributes if (tag, name) == ("img", "src")]
    assert base64.b64decode(source.partition("base64,")[2]) == PARTS[2].data
    assert ("img", "alt", "A black square.") in page.attributes


def test_a_sound_can_be_played_below_its_picture_and_comes_from_the_page_itself(tmp_path):
    silent = Picture.of(Image.new("L", (2, 2)), alt="silent")
    text = written(tmp_path, Gallery([replace(silent, alt=HOSTILE, sound=b"RIFF of a sound"), silent]))
    page = Reader(text)
    assert page.tags.count("audio") == 1
    (source,) = [value for tag, name, value in page.attributes if (tag, name) == ("audio", "src")]
    assert source.startswith("data:audio/wav;base64,")
    assert base64.b64decode(source.partition("base64,")[2]) == b"RIFF of a sound"
    assert ("audio", "aria-label", HOSTILE) in page.attributes
    assert "media-src data:" in text
    assert "script" not in page.tags


def test_hostile_words_stay_words_everywhere(tmp_path):
    picture = Picture.of(Image.new("L", (2, 2)), alt=HOSTILE, caption=HOSTILE)
    table = Table((HOSTILE,), [(HOSTILE,)], HOSTILE)
    path = tmp_path / "report.html"
    parts = (Paragraph(HOSTILE), table, picture, Command(HOSTILE, HOSTILE))
    write_page(path, Page(HOSTILE, HOSTILE, [Section(HOSTILE, parts)]))
    page = Reader(path.read_text(encoding="utf-8"))
    assert "script" not in page.tags
    assert "".join(page.words).count(HOSTILE) == 11
    assert ("img", "alt", HOSTILE) in page.attributes


@pytest.mark.parametrize("name", ["雪花", "\udcff.png", "🦊", "‮"])
def test_any_name_can_be_written(tmp_path, name):
    assert "<h1>" in written(tmp_path, Paragraph(name), title=name)


def test_columns_of_numbers_stand_at_the_right():
    table = Table(
        ("arm", "gain", "n", "mixed"),
        [("plain", "+8.8 [+8.1, +9.5]", "1,000", "5 %"), ("made", "−0.3 [−1.0, +0.4]", "20", "none")],
    )
    assert table.numeric == [False, True, True, False]


def test_a_row_of_the_wrong_length_is_refused():
    with pytest.raises(ValueError, match="a row of 1 cells in a table of 2 columns"):
        Table(("a", "b"), [("only",)])


def test_an_interval_reads_well():
    assert interval(-0.31, -1.04, 0.42, signed=True) == "−0.3 [−1.0, +0.4]"
    assert interval(0.5, 0.25, 0.75, digits=2) == "0.50 [0.25, 0.75]"


def test_the_page_tells_how_it_was_made(tmp_path):
    section = provenance("manyshot demo --seed 3", {"seed": 3})
    path = tmp_path / "report.html"
    write_page(path, Page("T", "S", [section]))
    words = " ".join(Reader(path.read_text(encoding="utf-8")).words)
    for expected in ("manyshot demo --seed 3", "torch", "Python", "seed"):
        assert expected in words


def test_a_full_disk_leaves_the_old_page(tmp_path, monkeypatch):
    def full(self, data):
        raise OSError(28, "No space left on device")

    path = tmp_path / "report.html"
    path.write_text("old")
    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match="No space"):
        write_page(path, Page("T", "S"))
    assert path.read_text() == "old"
    assert [file.name for file in tmp_path.iterdir()] == ["report.html"]


def test_on_a_narrow_screen_each_cell_of_a_wide_table_has_its_column_beside_it(tmp_path):
    page = Reader(written(tmp_path, Table(("arm", "accuracy %", "p"), [("plain", "55.9", "0.2")]), PARTS[1]))
    assert [value for _, name, value in page.attributes if name == "data-column"][:3] == ["arm", "accuracy %", "p"]
    assert [value for tag, name, value in page.attributes if (tag, name) == ("table", "class")] == ["stacks"]


def test_a_gallery_shows_each_picture_with_its_caption(tmp_path):
    pictures = [Picture.of(Image.new("RGB", (8, 8)), alt=f"alt {i}", caption=HOSTILE) for i in range(3)]
    page = Reader(written(tmp_path, Gallery(pictures)))
    assert page.tags.count("img") == 3
    assert "".join(page.words).count(HOSTILE) == 3
    assert page.open == []
