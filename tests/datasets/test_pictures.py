"""Any picture file becomes the 8-bit pixels that a person sees."""

import contextlib
import io
import struct
import tracemalloc
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from manyshot.base import InputError
from manyshot.datasets.pictures import MAX_PIXELS, STRIP, Header, decode, decode_all, read_header, used_depth


def encoded(image: Image.Image, form: str = "PNG", **options) -> bytes:
    file = io.BytesIO()
    image.save(file, form, **options)
    return file.getvalue()


def png_that_claims(width: int, height: int) -> bytes:
    """A PNG whose header announces a size that its data does not have."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


def test_gray_and_color_pixels_come_back_as_they_were():
    gray = np.arange(64, dtype=np.uint8).reshape(8, 8)
    rgb = np.random.default_rng(0).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    assert (decode(encoded(Image.fromarray(gray)), "x", (8, 8), False)[0] == gray).all()
    assert (decode(encoded(Image.fromarray(rgb)), "x", (8, 8), True) == rgb.transpose(2, 0, 1)).all()


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16"])
@pytest.mark.parametrize("color", [True, False])
def test_white_is_white_in_every_mode(mode, color):
    white = Image.new("L", (6, 6), 255)
    image = Image.fromarray(np.full((6, 6), 65535, dtype=np.uint16)) if mode == "I;16" else white.convert(mode)
    data = encoded(image, "TIFF" if mode == "CMYK" else "PNG")
    assert (decode(data, "x", (6, 6), color) == 255).all()


def test_sixteen_bits_are_brought_to_eight():
    deep = np.array([[0, 257, 128 * 257, 65535]], dtype=np.uint16)
    assert decode(encoded(Image.fromarray(deep)), "x", (1, 4), False).tolist() == [[[0, 1, 128, 255]]]


@pytest.mark.parametrize("depth", [8, 10, 12, 14, 16])
@pytest.mark.parametrize("form", ["PNG", "TIFF"])
def test_bits_that_are_used_of_sixteen_keep_all_the_levels_that_eight_bits_hold(depth, form):
    white = 2**depth - 1
    values = np.linspace(0, white, 256).round().astype(np.uint16).reshape(16, 16)
    data = encoded(Image.fromarray(values), form)
    assert used_depth(data, "x") == depth
    assert (decode(data, "x", (16, 16), False)[0].ravel() == np.arange(256)).all()


def test_a_depth_that_is_given_is_kept_to():
    dark = encoded(Image.fromarray(np.array([[0, 1000]], np.uint16)))
    assert decode(dark, "x", (1, 2), False).tolist() == [[[0, round(255 * 1000 / 1023)]]]
    assert decode(dark, "x", (1, 2), False, depth=12).tolist() == [[[0, round(255 * 1000 / 4095)]]]
    assert decode(dark, "x", (1, 2), False, depth=8).tolist() == [[[0, 255]]]


def test_pictures_that_belong_together_stay_as_bright_one_beside_another():
    deep = [encoded(Image.fromarray(np.full((2, 2), value, np.uint16))) for value in (900, 4000, 200)]
    files = [*deep, encoded(Image.new("L", (2, 2), 100))]
    pixels = np.empty((4, 1, 2, 2), np.uint8)
    decode_all(range(4), lambda place: (files[place], "x"), pixels, color=False)
    assert pixels[:, 0, 0, 0].tolist() == [round(255 * value / 4095) for value in (900, 4000, 200)] + [100]


def test_pictures_of_eight_bits_have_no_depth_to_find():
    assert used_depth(encoded(Image.new("RGB", (2, 2))), "x") is None


def test_transparency_lies_over_white():
    clear = Image.new("RGBA", (4, 4), (255, 0, 0, 0))
    half = Image.new("LA", (4, 4), (0, 128))
    palette = Image.new("P", (4, 4), 0)
    assert (decode(encoded(clear), "x", (4, 4), True) == 255).all()
    assert (decode(encoded(half), "x", (4, 4), False) == 127).all()
    assert (decode(encoded(palette, transparency=0), "x", (4, 4), False) == 255).all()


def test_a_photo_lying_on_its_side_is_turned_upright_as_its_exif_says():
    image = Image.new("L", (20, 10), 0)
    image.paste(255, (0, 0, 10, 10))
    exif = Image.Exif()
    exif[0x0112] = 6  # shown after a quarter turn clockwise: the left half becomes the upper one
    data = encoded(image, "PNG", exif=exif)
    assert read_header(data, "x") == Header(height=20, width=10, color=False)
    upright = decode(data, "x", (20, 10), False)[0]
    assert (upright[:10] == 255).all()
    assert (upright[10:] == 0).all()


def test_a_phone_photo_with_a_second_picture_inside_gives_its_first_one():
    frames = [Image.new("RGB", (16, 16), (value,) * 3) for value in (10, 200)]
    data = encoded(frames[0], "MPO", save_all=True, append_images=frames[1:])
    assert abs(decode(data, "x", (16, 16), False).astype(int) - 10).max() <= 2


def test_an_animation_gives_its_first_frame():
    frames = [Image.new("L", (4, 4), value) for value in (10, 200)]
    data = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert (decode(data, "x", (4, 4), False) == 10).all()


def test_a_palette_has_colors_only_if_its_entries_do():
    gray = Image.new("L", (4, 4), 90).convert("P")
    red = Image.new("RGB", (4, 4), (200, 0, 0)).quantize(2)
    assert not read_header(encoded(gray), "x").color
    assert read_header(encoded(red), "x").color


@given(value=st.integers(0, 255), height=st.integers(1, 40), width=st.integers(1, 40), size=st.integers(1, 40))
def test_resizing_keeps_an_even_picture_even(value, height, width, size):
    data = encoded(Image.new("L", (width, height), value))
    assert (decode(data, "x", (size, size), False) == value).all()


def test_shrinking_averages_instead_of_skipping():
    stripes = np.tile(np.array([0, 255], dtype=np.uint8), (32, 16))
    shrunk = decode(encoded(Image.fromarray(stripes)), "x", (8, 8), False)
    assert abs(shrunk.astype(float) - 127.5).max() < 20


@pytest.mark.parametrize(("width", "height"), [(50_000, 50_000), (12_000, 12_000), (MAX_PIXELS + 1, 1)])
def test_an_enormous_picture_is_refused_by_its_header(width, height):
    data = png_that_claims(width, height)
    for read in (lambda: read_header(data, "big.png"), lambda: decode(data, "big.png", (8, 8), False)):
        with pytest.raises(InputError, match=r"big\.png: .*pixels.*make the image smaller"):
            read()


@pytest.mark.parametrize("form", ["PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP"])
def test_a_truncated_picture_is_named(form):
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8))
    data = encoded(noise, form)
    with pytest.raises(InputError, match=r"cat\.png: not a complete image .*replace or remove it"):
        decode(data[: len(data) // 2], "cat.png", (8, 8), False)


@given(st.binary(max_size=200))
def test_bytes_that_are_no_picture_are_named_and_nothing_else_escapes(data):
    with pytest.raises(InputError, match="x: not a complete image"):
        decode(data, "x", (8, 8), False)


@given(place=st.integers(0, 400), value=st.integers(0, 255))
def test_a_corrupted_picture_decodes_or_is_named(place, value):
    data = bytearray(encoded(Image.fromarray(np.random.default_rng(0).integers(0, 256, (16, 16), dtype=np.uint8))))
    data[place % len(data)] = value
    with contextlib.suppress(InputError):  # any other exception fails the test
        assert decode(bytes(data), "x", (8, 8), True).shape == (3, 8, 8)


def test_a_format_that_needs_another_program_is_refused_under_any_name():
    with pytest.raises(InputError, match="not a complete image"):
        decode(encoded(Image.new("L", (4, 4)), "EPS"), "cat.png", (8, 8), False)


def test_floating_point_pixels_are_refused_with_the_mend():
    with pytest.raises(InputError, match="8 or 16 bits"):
        decode(encoded(Image.new("F", (4, 4), 0.5), "TIFF"), "x", (4, 4), False)


def test_thirty_two_bit_pixels_are_refused_with_the_mend():
    with pytest.raises(
        InputError, match=r"pixel values from 70000 to 70000; name a window .*, or save it with 16 bits"
    ):
        decode(encoded(Image.new("I", (4, 4), 70000), "TIFF"), "x", (4, 4), False)


def reference(image: Image.Image) -> np.ndarray:
    """An image over white, all at once."""
    white = Image.new("RGBA", image.size, "white")
    return np.asarray(Image.alpha_composite(white, image.convert("RGBA")).convert("RGB")).transpose(2, 0, 1)


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_an_image_that_is_read_in_strips_has_the_pixels_of_one_that_is_read_at_once(mode, monkeypatch):
    monkeypatch.setattr("manyshot.datasets.pictures.STRIP", 50)
    noise = np.random.default_rng(0).integers(0, 256, (30, 20, 4), dtype=np.uint8)
    image = Image.fromarray(noise).convert(mode) if mode != "P" else Image.fromarray(noise[..., :3]).quantize(16)
    data = encoded(image, transparency=3) if mode == "P" else encoded(image)
    assert (decode(data, "x", (30, 20), True) == reference(Image.open(io.BytesIO(data)))).all()
    deep = np.random.default_rng(0).integers(0, 65536, (30, 20), dtype=np.uint16)
    assert (decode(encoded(Image.fromarray(deep)), "x", (30, 20), False)[0] == np.round(deep / 257)).all()


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "I;16"])
def test_a_large_picture_takes_a_bounded_number_of_bytes_per_pixel(mode):
    pixels = 2000 * 2000
    image = Image.fromarray(np.zeros((2000, 2000), np.uint16)) if mode == "I;16" else Image.new(mode, (2000, 2000))
    data = encoded(image)
    tracemalloc.start()
    try:
        decode(data, "x", (32, 32), mode != "I;16")
        assert tracemalloc.get_traced_memory()[1] < 8 * pixels + 40 * STRIP  # of NumPy; Pillow's own is not traced
    finally:
        tracemalloc.stop()
