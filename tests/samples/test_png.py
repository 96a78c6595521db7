import io
import zlib

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from manyshot.samples.contact_sheet import to_pil
from manyshot.samples.png import encode_png


@settings(max_examples=60)
@given(st.sampled_from([1, 3]), st.integers(1, 40), st.integers(1, 40), st.integers(1, 256), st.integers(0, 9))
def test_pillow_reads_the_same_pixels_and_finds_no_fault(channels, height, width, levels, seed):
    image = torch.randint(levels, (channels, height, width), generator=torch.Generator().manual_seed(seed)).byte()
    file = io.BytesIO(encode_png(image))
    Image.open(file).verify()
    found = Image.open(file)
    assert found.mode == ("L" if channels == 1 else "RGB")
    assert np.array_equal(np.asarray(found), np.asarray(to_pil(image)))


def test_the_view_of_a_larger_image_is_written_as_it_looks():
    image = torch.arange(3 * 8 * 8, dtype=torch.uint8).view(3, 8, 8).flip(2)[:, ::2, 1:5]
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(encode_png(image)))), np.asarray(to_pil(image)))


def test_a_smooth_picture_is_packed():
    ramp = torch.arange(200, dtype=torch.uint8).expand(3, 200, 200)
    assert len(encode_png(ramp)) < ramp.numel() / 50


@pytest.mark.parametrize("place", [20, 60])
def test_a_changed_byte_is_noticed(place):
    data = bytearray(encode_png(torch.full((1, 30, 30), 9, dtype=torch.uint8)))
    data[place] ^= 1
    with pytest.raises((SyntaxError, OSError, zlib.error)):
        Image.open(io.BytesIO(bytes(data))).verify()
