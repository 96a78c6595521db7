import numpy as np
import pytest
import torch
from matplotlib.ft2font import FT2Font
from PIL import Image

from manyshot.base import InputError, check_replaceable
from manyshot.samples.contact_sheet import (
    GROUND,
    SheetRow,
    draw_sheet,
    draw_source_sheet,
    save_image,
    thumbnail,
    to_pil,
)
from manyshot.samples.fonts import LATIN_END, font_for, printable, shorten
from manyshot.tasks import Source

HOSTILE = ("雪花", "a\nb\x00c", "\udcff half", "[red]b[/red]", "$x_2$ \\", "", "x" * 500, "‮ right to left", "🦊")


def pixels_of(image, color):
    return int((np.asarray(image) == color).all(-1).sum())


def test_the_font_of_labels_has_the_letters_that_are_taken_for_granted():
    font = FT2Font(font_for("a", 13).path).get_charmap()
    assert {code for code in range(ord(LATIN_END)) if chr(code).isprintable()} <= font.keys()


def test_small_pictures_grow_by_a_whole_factor_with_hard_pixels():
    image = torch.randint(0, 256, (1, 20, 20), dtype=torch.uint8)
    grown = np.asarray(thumbnail(image, 64))[..., 0]
    assert (grown == image[0].repeat_interleave(3, 0).repeat_interleave(3, 1).numpy()).all()


def test_large_pictures_shrink_to_the_cell_and_keep_their_proportions():
    assert thumbnail(torch.zeros(3, 300, 600), 64).size == (64, 32)
    assert thumbnail(torch.zeros(1, 5000, 2), 64).size == (1, 64)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.uint8])
def test_a_white_image_is_white_in_every_type(dtype):
    white = torch.full((3, 4, 4), 255 if dtype == torch.uint8 else 1, dtype=dtype)
    assert to_pil(white).getextrema() == ((255, 255),) * 3


def test_float_values_are_rounded_and_cut_off_beyond_the_range():
    values = torch.tensor([[[-1.0, 0.499 / 255, 0.501 / 255, 2.0]]])
    assert np.asarray(to_pil(values)).tolist() == [[0, 0, 1, 255]]


def test_gradients_do_not_stand_in_the_way():
    assert to_pil(torch.zeros(1, 2, 2, requires_grad=True)).size == (2, 2)


@pytest.mark.parametrize("shape", [(2, 8, 8), (4, 8, 8), (8, 8), (1, 1, 8, 8)])
def test_other_shapes_are_refused(shape):
    with pytest.raises(ValueError, match="expected"):
        to_pil(torch.zeros(shape))


def test_paper_turns_ink_dark_in_gray_pictures_only():
    ink = torch.ones(1, 8, 8)
    assert thumbnail(ink, paper=True).getpixel((0, 0)) == (0, 0, 0)
    assert thumbnail(ink).getpixel((0, 0)) == (255, 255, 255)
    assert thumbnail(torch.ones(3, 8, 8), paper=True).getpixel((0, 0)) == (255, 255, 255)


def test_every_picture_of_every_row_is_on_the_sheet():
    red, blue = torch.tensor([1.0, 0, 0])[:, None, None], torch.tensor([0, 0, 1.0])[:, None, None]
    drawn = draw_sheet(
        [SheetRow("red", red.expand(4, 3, 16, 16)), SheetRow("blue", [blue.expand(3, 32, 32)] * 2)], cell=32
    )
    assert pixels_of(drawn, (255, 0, 0)) == 4 * 32 * 32
    assert pixels_of(drawn, (0, 0, 255)) == 2 * 32 * 32


def test_labels_title_and_headings_leave_ink():
    row = [SheetRow("", torch.zeros(2, 1, 8, 8))]
    bare = draw_sheet(row)
    for more in (
        draw_sheet([SheetRow("a label", row[0].images)]),
        draw_sheet(row, title="Title"),
        draw_sheet(row, headings=("generated",)),
    ):
        assert more.size != bare.size
        dark = (np.asarray(more) != GROUND).any(-1).sum()
        assert dark > (np.asarray(bare) != GROUND).any(-1).sum()


@pytest.mark.parametrize("label", HOSTILE)
def test_any_class_name_can_be_a_label(label):
    assert draw_sheet(
        [SheetRow(label, torch.zeros(1, 1, 8, 8))], title=label, headings=(label,)
    ).width < 2000 + 10 * len(label)


def test_the_sheet_is_bounded_and_says_what_it_leaves_out():
    image = torch.zeros(1, 1, 8, 8)
    rows = [SheetRow(str(i), image.expand(500, -1, -1, -1)) for i in range(1000)]
    drawn = draw_sheet(rows, cell=16, max_rows=20, max_columns=10)
    assert drawn.width < 10 * 20 + 200
    assert drawn.height < 20 * 20 + 100
    assert pixels_of(drawn, (0, 0, 0)) == 20 * 10 * 16 * 16
    whole = draw_sheet([SheetRow("0", image.expand(10, -1, -1, -1))] * 20, cell=16, max_rows=20, max_columns=10)
    assert drawn.width > whole.width
    assert drawn.height > whole.height


def test_an_empty_sheet_is_a_picture_too():
    assert draw_sheet([]).mode == "RGB"
    assert draw_sheet([SheetRow("nothing", [])]).mode == "RGB"


def test_a_source_is_drawn_class_by_class_and_only_what_is_shown_is_fetched():
    store = torch.arange(40, dtype=torch.uint8).repeat_interleave(64).reshape(40, 1, 8, 8)
    source = Source.of(store, labels=[str(i // 10) for i in range(40)])
    fetched = []
    spied = Source(**{**vars(source), "decode": lambda batch: (fetched.append(len(batch)), batch)[1]})
    drawn = draw_source_sheet(spied, max_rows=3, max_columns=4)
    assert fetched == [4, 4, 4]
    for value in (0, 3, 10, 23):
        assert pixels_of(drawn, (value,) * 3) >= 64 * 64
    assert pixels_of(drawn, (4,) * 3) < 64


def test_a_sheet_is_saved_whole_and_its_ending_is_checked(tmp_path):
    save_image(Image.new("RGB", (8, 8)), tmp_path / "new" / "sheet.png")
    with Image.open(tmp_path / "new" / "sheet.png") as image:
        assert image.size == (8, 8)
    with pytest.raises(InputError, match=r"must end in \.png"):
        save_image(Image.new("RGB", (8, 8)), tmp_path / "sheet.exe")
    assert [path.name for path in tmp_path.iterdir()] == ["new"]


def test_a_label_is_one_line_of_what_can_be_printed():
    assert printable("a\r\nb\tc\x07\udcff") == "a  b c��"
    assert shorten("abcdefghij", 5) == "ab…ij"
    assert shorten("abcde", 5) == "abcde"


def test_letters_that_dejavu_lacks_still_get_a_font():
    assert font_for("雪", 13).getlength("雪") > 0


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp"])
def test_a_sheet_may_replace_a_sheet_and_no_other_picture(suffix, tmp_path):
    path = tmp_path / f"a{suffix}"
    image = Image.fromarray(np.random.default_rng(0).integers(0, 256, (200, 200, 3), dtype=np.uint8))
    save_image(image, path)
    check_replaceable(path)
    image.save(path)
    with pytest.raises(InputError, match="Manyshot did not write it"):
        check_replaceable(path)
