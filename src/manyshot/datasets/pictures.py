"""Decode image files to 8-bit pixels, whatever their colors, bit depth, transparency or rotation."""

import io
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Lock

import numpy as np
from jaxtyping import UInt8
from PIL import Image, ImageOps

from manyshot.base import InputError

MAX_PIXELS = 80_000_000
"""Largest number of pixels of an image; larger ones are refused before they are decoded."""

FORMATS = ("PNG", "JPEG", "BMP", "GIF", "TIFF", "WEBP")  # others, such as EPS, would start a program to be read
HEIF_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")
"""What the first box of a HEIC file says that it is; they need an extra package."""
GRAY_MODES = ("1", "L", "LA", "La", "I", "I;16", "I;16L", "I;16B", "I;16N")
TURNED = (5, 6, 7, 8)  # EXIF orientations that swap width and height
ORIENTATION = 0x0112
STRIP = 1 << 20  # pixels
DEPTHS = (8, 10, 12, 14, 16)
"""Numbers of bits that cameras and scanners use out of the 16 that are stored."""


@dataclass(frozen=True)
class Header:
    """Height and width of an image in pixels, after rotation by EXIF, and whether it has colors."""

    height: int
    width: int
    color: bool


def read_header(data: bytes, where: str) -> Header:
    """Read the size of an image and whether it has colors, without decoding its pixels.

    Args:
        data: Bytes of the file.
        where: Name of the file in error messages.

    Raises:
        InputError: If the file is not an image or has more than `MAX_PIXELS`.

    Example:
        >>> import io
        >>> from PIL import Image
        >>> file = io.BytesIO()
        >>> Image.new("RGB", (40, 30)).save(file, "PNG")
        >>> read_header(file.getvalue(), "photo.png")
        Header(height=30, width=40, color=True)
    """
    with opened(data, where) as image:
        return _header(image)


def _header(image: Image.Image) -> Header:
    width, height = image.size
    if image.getexif().get(ORIENTATION) in TURNED:
        width, height = height, width
    return Header(height, width, _has_colors(image))


def decode_in_own_size(data: bytes, where: str, most: int, depth: int | None = None) -> UInt8[np.ndarray, "c h w"]:
    """Decode an image as `decode` does, in its own size, in color if it has colors.

    Args:
        data: Bytes of the file.
        where: Name of the file in error messages.
        most: Largest number of pixels.
        depth: Number of bits that 16-bit values use; None to determine it from this image.

    Raises:
        InputError: If the file is not an image, is damaged, or has more pixels.
    """
    with opened(data, where) as image:
        size = _header(image)
        if size.height * size.width > most:
            shape = f"{size.width} x {size.height} pixels"
            raise InputError(f"{where}: {shape}, at most {most:,} are augmented; make it smaller")
        return _pixels(image, where, (size.height, size.width), size.color, depth)[0]


def decode(
    data: bytes, where: str, size: tuple[int, int], color: bool, depth: int | None = None
) -> UInt8[np.ndarray, "c h w"]:
    """Decode an image and resize it.

    Rotation by EXIF is applied, transparency is blended with white, and of an animation the first frame is used. The
    whole image is resized to `size`, with antialiasing where it shrinks and without cropping.

    Gray values of 16 bits are scaled to 8: `255 v / (2^depth - 1)`, rounded. Many files use fewer bits than they store,
    so the depth is the smallest of 8, 10, 12, 14 and 16 bits that holds the largest value (`used_depth`). Images that
    belong together share the largest depth among them (`decode_all`), so that their brightness stays comparable.

    Args:
        data: Bytes of the file.
        where: Name of the file in error messages.
        size: Height and width of the result in pixels.
        color: Whether to return three channels, RGB; otherwise one, the luminance.
        depth: Number of bits that 16-bit values use; None to determine it from this image.

    Raises:
        InputError: If the file is not an image, is damaged, has more than `MAX_PIXELS`, or values that do not fit into
            16 bits.
    """
    return _decoded(data, where, size, color, depth)[0]


def used_depth(data: bytes, where: str) -> int | None:
    """Number of bits that an image of 16-bit values uses: 8, 10, 12, 14 or 16; None for other images.

    Args:
        data: Bytes of the file.
        where: Name of the file in error messages.

    Raises:
        InputError: If a file is not an image, see `decode`.

    Example:
        >>> file = io.BytesIO()
        >>> Image.fromarray(np.array([[0, 3000]], np.uint16)).save(file, "PNG")
        >>> used_depth(file.getvalue(), "scan.png")
        12
    """
    with opened(data, where) as image:
        return _depth(image, where) if image.mode.startswith("I") else None


def decode_all(
    indices: Iterable[int],
    read: Callable[[int], tuple[bytes, str]],
    pixels: UInt8[np.ndarray, "n c h w"],
    color: bool,
) -> None:
    """Decode images that belong together, with a common depth for 16-bit values.

    Args:
        indices: Indices of the images in `pixels`.
        read: Function from an index to the bytes of the file and its name in error messages.
        pixels: Array to fill; the images are resized to its height and width.
        color: Whether there are three channels.

    Raises:
        InputError: If a file is not an image, see `decode`.
    """
    size = (pixels.shape[2], pixels.shape[3])
    depths: dict[int, int] = {}
    for index in indices:
        pixels[index], depth = _decoded(*read(index), size, color, None)
        if depth is not None:
            depths[index] = depth
    deepest = max(depths.values(), default=0)
    for index, depth in depths.items():
        if depth < deepest:
            pixels[index] = decode(*read(index), size, color, deepest)


def _decoded(
    data: bytes, where: str, size: tuple[int, int], color: bool, depth: int | None
) -> tuple[UInt8[np.ndarray, "c h w"], int | None]:
    """The pixels, and how many bits of 16 they were scaled by, if they had 16."""
    with opened(data, where) as image:
        # A JPEG is decoded at 1/2, 1/4 or 1/8 of its size where that is at least twice what is wanted: five times
        # faster for photos of phones, and pixels differ by a quarter of a level on average.
        image.draft(image.mode, (2 * max(size), 2 * max(size)))
        return _pixels(image, where, size, color, depth)


def to_pixels(image: Image.Image, where: str, size: tuple[int, int], color: bool) -> UInt8[np.ndarray, "c h w"]:
    """Pixels of an image of Pillow, as `decode` returns them.

    Args:
        image: The image, in any mode.
        where: Its name in error messages.
        size: Height and width of the result in pixels.
        color: Whether to return three channels, RGB; otherwise one, the luminance.

    Raises:
        InputError: If it is damaged, or has values that do not fit into 16 bits.

    Example:
        >>> to_pixels(Image.new("L", (40, 30), 7), "photo", (8, 8), color=True).shape
        (3, 8, 8)
    """
    try:
        return _pixels(image, where, size, color, None)[0]
    except OSError as error:  # an image of a file is read from it only now
        raise InputError(f"{where}: not a complete image ({_first_line(error)}); replace or remove it") from None


def _pixels(
    image: Image.Image, where: str, size: tuple[int, int], color: bool, depth: int | None
) -> tuple[UInt8[np.ndarray, "c h w"], int | None]:
    upright = ImageOps.exif_transpose(image) if image.getexif().get(ORIENTATION, 1) != 1 else image
    if upright.mode.startswith("I"):
        depth = depth or _depth(upright, where)
        flat = _from_16_bits(upright, where, depth)
    else:
        depth, flat = None, _flat(upright, where)
    mode = "RGB" if color else "L"
    pixels = np.asarray(resize(flat if flat.mode == mode else flat.convert(mode), size))
    return np.ascontiguousarray(pixels.transpose(2, 0, 1) if color else pixels[None]), depth


def resize(image: Image.Image, size: tuple[int, int]) -> Image.Image:
    """Resize to height and width: with a Hamming filter if the image shrinks, bicubic if it grows."""
    height, width = size
    if image.size == (width, height):
        return image
    shrinks = width * height < image.width * image.height
    return image.resize((width, height), Image.Resampling.HAMMING if shrinks else Image.Resampling.BICUBIC)


@contextmanager
def opened(data: bytes, where: str) -> Iterator[Image.Image]:
    """Open an image; any failure, now or while it is decoded, becomes an `InputError`.

    Args:
        data: Bytes of the file.
        where: Name of the file in error messages.

    Raises:
        InputError: If it is no image, is damaged, or has more than `MAX_PIXELS`.
    """
    try:
        with _PILLOW_WARNINGS.ignored(), Image.open(io.BytesIO(data), formats=_formats(data, where)) as image:
            if image.width * image.height > MAX_PIXELS:
                raise InputError(_too_large(where, f"{image.width} x {image.height} pixels"))
            yield image
    except InputError:
        raise
    except Image.DecompressionBombError:
        raise InputError(_too_large(where, "far too many pixels")) from None
    except Exception as error:  # pillow's decoders raise almost anything on a broken file
        raise InputError(f"{where}: not a complete image ({_first_line(error)}); replace or remove it") from None


class _PillowWarnings:
    """Ignores Pillow's warnings of large images, which are bounded here, and of small faults in files.

    `warnings.catch_warnings` is not safe in threads, where it can leave its filters behind.
    """

    def __init__(self) -> None:
        self.lock, self.inside = Lock(), 0

    @contextmanager
    def ignored(self) -> Iterator[None]:
        """Ignore them in this block, which several threads may be in at once."""
        with self.lock:
            self.inside += 1
            warnings.filterwarnings("ignore", module="PIL|pillow_heif")
            ours = warnings.filters[0]
        try:
            yield
        finally:
            with self.lock:
                self.inside -= 1
                if not self.inside and ours in warnings.filters:
                    warnings.filters.remove(ours)  # type: ignore[attr-defined] # a list, which is typed as a sequence


_PILLOW_WARNINGS = _PillowWarnings()


def _formats(data: bytes, where: str) -> tuple[str, ...]:
    """The formats that are read, with HEIC if the file is one."""
    if data[4:8] != b"ftyp" or data[8:12] not in HEIF_BRANDS:
        return FORMATS
    try:
        from pillow_heif import register_heif_opener
    except ImportError:
        raise InputError(
            f"{where}: a HEIC image; to read them: pip install 'manyshot[heif]', or save it as JPEG"
        ) from None
    register_heif_opener()
    return (*FORMATS, "HEIF")


def _too_large(where: str, found: str) -> str:
    return f"{where}: {found}, at most {MAX_PIXELS:,} are read; make the image smaller"


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0].split(" <_io.")[0]


def _has_colors(image: Image.Image) -> bool:
    if image.mode in ("P", "PA"):
        strips = (np.asarray(image.crop(box).convert("RGB")) for box in _strips(image))
        return any((pixels != pixels[..., :1]).any() for pixels in strips)
    return image.mode not in GRAY_MODES


def _flat(image: Image.Image, where: str) -> Image.Image:
    """Convert an image to 8-bit gray or RGB without transparency."""
    if image.mode == "F":
        raise InputError(
            f"{where}: its pixels are floating-point numbers, and no file says what is white; name a window (--window "
            "minmax), or save it with 8 or 16 bits"
        )
    if image.mode in ("LA", "La", "PA", "RGBA", "RGBa") or "transparency" in image.info:
        flat = Image.new("RGB", image.size)
        for box in _strips(image):
            strip = image.crop(box).convert("RGBA")
            flat.paste(Image.alpha_composite(Image.new("RGBA", strip.size, "white"), strip).convert("RGB"), box)
        return flat
    return image


def _strips(image: Image.Image) -> Iterator[tuple[int, int, int, int]]:
    """Parts of an image of about a million pixels, so that what is computed of each takes little memory."""
    rows = max(1, STRIP // image.width)
    for top in range(0, image.height, rows):
        yield 0, top, image.width, min(top + rows, image.height)


def _depth(image: Image.Image, where: str) -> int:
    """Number of bits that a 16-bit image uses."""
    values = np.asarray(image)
    low, high = values.min(), values.max()
    if low < 0 or high > 65535:
        raise InputError(
            f"{where}: pixel values from {low} to {high}; name a window (--window), or save it with 16 bits, from 0 on"
        )
    return next(depth for depth in DEPTHS if high < 2**depth)


def _from_16_bits(image: Image.Image, where: str, depth: int) -> Image.Image:
    """A 16-bit image as one of 8 bits."""
    _depth(image, where)
    most = 2**depth - 1
    values = np.asarray(image)
    flat = np.empty(values.shape, dtype=np.uint8)
    for _, top, _, bottom in _strips(image):
        levels = (values[top:bottom].astype(np.int64) * 510 + most) // (2 * most)  # rounded to the nearest
        flat[top:bottom] = levels.clip(0, 255)
    return Image.fromarray(flat)
