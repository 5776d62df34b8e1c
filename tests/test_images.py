"""Pictures in and out: the pixel contract, every format, and writes that are whole or not at all."""

import io
import os
import struct
import threading
import tracemalloc
import warnings
import zlib

import numpy as np
import pillow_heif
import pytest
from conftest import python
from PIL import Image, ImageCms, PngImagePlugin

from animefaces import decoding, formats, images
from animefaces.files import written_whole
from animefaces.formats import NoPicture

pillow_heif.register_heif_opener()  # so that Pillow writes HEIC


def stored(image, format="PNG", **settings):
    file = io.BytesIO()
    image.save(file, format, **settings)
    file.seek(0)
    return file


def test_all_256_values_come_back():
    pixels = np.arange(256, dtype=np.uint8)
    network = images.to_network(pixels)
    assert network.dtype == np.float32
    assert (network[0], network[255]) == (-1, 1)
    assert np.array_equal(images.to_pixels(network), pixels)


def test_values_outside_the_range_are_clipped():
    assert images.to_pixels(np.array([-7.0, 7.0])).tolist() == [0, 255]


def test_turned_upright_by_exif():
    exif = Image.Exif()
    exif[274] = 6  # "turn clockwise to look at it"
    pixels = np.zeros((2, 4, 3), np.uint8)
    pixels[0, 0] = 255
    upright = images.read(stored(Image.fromarray(pixels), exif=exif))
    assert upright.shape == (4, 2, 3)
    assert upright[0, 1].tolist() == [255, 255, 255]
    assert upright.sum() == 3 * 255


@pytest.mark.parametrize("mode", ["RGBA", "LA", "PA"])
def test_transparency_becomes_white(mode):
    image = Image.new("RGBA", (2, 1))
    image.putpixel((0, 0), (0, 0, 0, 255))
    image.putpixel((1, 0), (0, 0, 0, 0))
    if mode == "PA":
        image = image.convert("P").convert("PA")  # Pillow writes no PA file: only flatten meets it
        image.putpixel((1, 0), (0, 0))
        pixels = np.asarray(images.flatten(image))
    else:
        pixels = images.read(stored(image.convert(mode)))
    assert pixels.tolist() == [[[0] * 3, [255] * 3]]


@pytest.mark.parametrize("transparency", [1, b"\xff\x00"])
def test_a_transparent_palette_entry_becomes_white(transparency):
    image = Image.new("P", (2, 1))
    image.putpalette([10, 20, 30, 40, 50, 60])
    image.putpixel((1, 0), 1)
    pixels = images.read(stored(image, transparency=transparency))
    assert pixels.tolist() == [[[10, 20, 30], [255, 255, 255]]]


def test_half_transparent_is_half_white():
    assert images.read(stored(Image.new("RGBA", (1, 1), (0, 0, 0, 128)))).tolist() == [[[127] * 3]]


@pytest.mark.parametrize("format", ["PNG", "TIFF"])
def test_sixteen_bit_grey(format):
    deep = Image.fromarray(np.array([[0, 100 * 257, 65535]], np.uint16))
    assert images.read(stored(deep, format), channels=1).ravel().tolist() == [0, 100, 255]
    assert images.read(stored(deep, format))[0, 1].tolist() == [100, 100, 100]


def test_cmyk():
    green = stored(Image.new("CMYK", (8, 8), (255, 0, 255, 0)), "JPEG", quality=100)
    red, green, blue = images.read(green).reshape(-1, 3).mean(0)
    assert green > 200
    assert max(red, blue) < 50


@pytest.mark.parametrize("format", ["GIF", "WEBP", "PNG"])
def test_an_animation_gives_its_first_frame(format):
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue")]
    file = stored(frames[0], format, save_all=True, append_images=frames[1:])
    red, green, blue = images.read(file)[4, 4].tolist()
    assert red > 200
    assert max(green, blue) < 50


def test_grey_to_colour_and_back():
    grey = stored(Image.new("L", (2, 2), 77))
    assert images.read(grey).tolist() == [[[77] * 3] * 2] * 2
    assert images.read(stored(Image.new("RGB", (2, 2), (77, 77, 77))), channels=1).tolist() == [[[77]] * 2] * 2
    assert images.read(stored(Image.new("1", (2, 2), 1))).min() == 255


def test_cropped_to_the_centre_and_resized():
    wide = np.zeros((8, 24, 3), np.uint8)
    wide[:, 8:16] = 200
    square = images.read(stored(Image.fromarray(wide)), size=4)
    assert square.shape == (4, 4, 3)
    assert square.min() > 180  # but for a little ringing at the sides


def test_a_large_jpeg_is_resized_like_any_other():
    ramp = np.repeat(np.linspace(0, 255, 512).astype(np.uint8)[None, :, None], 512, 0).repeat(3, 2)
    small = images.read(stored(Image.fromarray(ramp), "JPEG", quality=95), size=8)
    assert np.abs(small[:, :, 0] - (np.arange(8) + 0.5) * 32).max() < 4


def test_a_picture_of_too_many_pixels_is_refused(monkeypatch):
    monkeypatch.setattr(decoding, "MAX_PIXELS", 120)
    assert images.read(stored(Image.new("L", (12, 10)))).shape == (10, 12, 3)
    with pytest.raises(ValueError, match="too many pixels"):
        images.read(stored(Image.new("L", (11, 11))))


def test_a_jpeg_of_too_many_pixels_is_read_at_a_fraction(monkeypatch):
    monkeypatch.setattr(decoding, "MAX_PIXELS", 1000)
    ramp = Image.fromarray(np.linspace(0, 255, 64).astype(np.uint8)[None].repeat(64, 0))
    pixels = images.read(stored(ramp, "JPEG"))
    assert pixels.shape == (16, 16, 3)  # 32x32 are 1024 pixels
    assert np.abs(pixels[8, :, 0] - (np.arange(16) + 0.5) * 16).max() < 8
    with pytest.raises(ValueError, match="too many pixels"):
        images.read(stored(ramp.resize((512, 512)), "JPEG"))


def test_the_jpegs_of_phones_are_read():
    phone = stored(Image.new("L", (12000, 9000), 77), "JPEG", quality=10)  # 108 million pixels
    assert np.abs(images.read(phone, 16).astype(int) - 77).max() < 4
    assert 2 * Image.MAX_IMAGE_PIXELS >= 200_000_000


def with_sides(width, height):
    """A tiny PNG whose header claims another size."""
    data = bytearray(stored(Image.new("L", (1, 1))).getvalue())
    data[16:24] = struct.pack(">II", width, height)
    data[29:33] = struct.pack(">I", zlib.crc32(data[12:29]))
    return io.BytesIO(bytes(data))


@pytest.mark.parametrize("side", [10_001, 13_000, 100_000])
def test_a_bomb_is_refused_before_it_is_decoded(side):
    with pytest.raises((OSError, ValueError)):
        images.read(with_sides(side, side), size=16)


@pytest.mark.parametrize("format", ["PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF"])
def test_damage_is_an_oserror_or_a_valueerror(format):
    noise = np.random.default_rng(0).integers(0, 256, (32, 32, 3), np.uint8)
    data = stored(Image.fromarray(noise), format).getvalue()
    for length in (0, 10, len(data) // 2):
        with pytest.raises((OSError, ValueError)):
            images.read(io.BytesIO(data[:length]))


def lined(format="JPEG", **settings):
    """The bytes of a picture with a different block everywhere."""
    noise = np.random.default_rng(0).integers(0, 256, (40, 72, 3), np.uint8)
    return stored(Image.fromarray(noise), format, **settings).getvalue()


JPEGS = [{}, {"progressive": True}, {"restart_marker_blocks": 2}, {"optimize": True}, {"subsampling": 0}]


@pytest.mark.parametrize("settings", JPEGS)
def test_a_jpeg_without_its_end_is_read(settings):
    data = lined(**settings)
    for missing in (1, 2):
        cut = io.BytesIO(data[:-missing])
        assert np.array_equal(images.read(cut), images.read(io.BytesIO(data)))
        cut.seek(0)
        assert np.array_equal(images.read(cut, 16), images.read(io.BytesIO(data), 16))


@pytest.mark.parametrize("settings", JPEGS)
def test_a_jpeg_that_is_cut_never_becomes_grey(settings):
    data = lined(**settings)
    starts = data.index(b"\xff\xda") + 20
    markers = [i for i in range(starts, len(data)) if data[i] == 0xFF and 0xD0 <= data[i + 1] <= 0xD7]
    assert bool(markers) == ("restart_marker_blocks" in settings)
    for end in [*range(starts, len(data) - 12, 131), *markers[::5], markers[-1] if markers else starts, len(data) - 12]:
        with pytest.raises(ValueError, match="cut short"):
            images.read(io.BytesIO(data[:end]))


def test_a_heic_that_is_cut_or_damaged():
    data = stored(Image.new("RGB", (64, 64), (250, 20, 30)), "HEIF").getvalue()
    for end in (len(data) - 1, len(data) - 10):
        with pytest.raises(ValueError, match="cut short"):
            images.read(io.BytesIO(data[:end]))
    sides = data.index(b"ispe") + 8
    with pytest.raises(OSError, match=r"damaged \(.*[sS]ize"):  # it says 63 pixels, and has 64
        images.read(io.BytesIO(data[:sides] + struct.pack(">II", 63, 63) + data[sides + 8 :]))


@pytest.mark.parametrize("missing", [1, 4, 12])
def test_a_png_without_its_end_is_read(missing):
    data = lined("PNG")
    assert np.array_equal(images.read(io.BytesIO(data[:-missing])), images.read(io.BytesIO(data)))


def chunk(name, content):
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


@pytest.mark.parametrize("size", [2 << 20, 20 << 20])
def test_a_png_with_long_texts_or_a_large_profile_is_read(size):
    """Pillow's own limit is 1 MiB. What is too large for ours is never unpacked."""
    data, packed = stored(Image.new("L", (2, 1), 77)).getvalue(), zlib.compress(bytes(size), 1)
    for extra in [
        chunk(b"zTXt", b"Comment\0\0" + packed),
        chunk(b"iTXt", b"Comment\0\1\0\0\0" + packed),
        chunk(b"iCCP", b"profile\0\0" + packed),
        chunk(b"tEXt", b"Comment\0" + bytes(2 << 20)),
    ]:
        tracemalloc.start()
        try:
            assert images.read(io.BytesIO(data[:33] + extra + data[33:])).tolist() == [[[77] * 3] * 2]
            assert tracemalloc.get_traced_memory()[1] < 36 << 20
        finally:
            tracemalloc.stop()


def test_a_png_with_a_damaged_text_is_read():
    data = stored(Image.new("L", (2, 1), 77)).getvalue()
    damaged = data[:33] + chunk(b"tEXt", b"Comment\0hi")[:-4] + b"\0\0\0\0" + data[33:]
    assert images.read(io.BytesIO(damaged)).tolist() == [[[77] * 3] * 2]


def profile(swapped=False):
    """The profile of sRGB; or one whose red is blue and whose blue is red."""
    data = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    if swapped:
        red, blue = data.index(b"rXYZ") + 4, data.index(b"bXYZ") + 4
        data[red : red + 8], data[blue : blue + 8] = data[blue : blue + 8], data[red : red + 8]
    return bytes(data)


@pytest.mark.parametrize("format", ["PNG", "JPEG", "WEBP", "TIFF", "AVIF", "HEIF"])
def test_colours_are_converted_to_srgb(format):
    red = Image.new("RGB", (16, 16), (250, 20, 30))
    best = {"quality": 100} if format in ("JPEG", "WEBP", "AVIF", "HEIF") else {}
    kept = images.read(stored(red, format, icc_profile=profile(), **best))[8, 8].astype(int)
    turned = images.read(stored(red, format, icc_profile=profile(swapped=True), **best))[8, 8].astype(int)
    assert np.abs(kept - [250, 20, 30]).max() < 6
    assert np.abs(turned - [30, 20, 250]).max() < 6


def test_every_mode_is_converted_to_srgb():
    red = Image.new("RGB", (2, 2), (250, 20, 30))
    clear = Image.merge("RGBA", (*red.split(), Image.new("L", (2, 2), 0)))
    swapped = profile(swapped=True)
    assert np.abs(images.read(stored(red.quantize(4), icc_profile=swapped))[0, 0].astype(int) - [30, 20, 250]).max() < 4
    assert images.read(stored(clear, icc_profile=swapped)).min() >= 254
    assert images.read(stored(Image.new("L", (2, 2), 77), icc_profile=swapped)).tolist() == [[[77] * 3] * 2] * 2
    assert images.read(stored(red, icc_profile=b"no profile")).tolist() == [[[250, 20, 30]] * 2] * 2
    assert images.read(stored(red, icc_profile=profile()))[0, 0].tolist() == [250, 20, 30]


def test_a_float_tiff_from_0_to_1():
    values = np.array([[0, 0.5, 1]], np.float32)
    for scale in (1, 255):
        assert images.read(stored(Image.fromarray(values * scale), "TIFF"), channels=1).ravel().tolist() == [
            0,
            128,
            255,
        ]
    values[0, 0] = np.nan
    assert images.read(stored(Image.fromarray(values), "TIFF"), channels=1).ravel().tolist() == [0, 128, 255]


def test_damaged_exif_leaves_the_picture_as_it_is(monkeypatch):
    def damaged(image):
        raise struct.error("required argument is not an integer")

    monkeypatch.setattr(images.ImageOps, "exif_transpose", damaged)  # as Pillow does for some bytes
    assert images.read(stored(Image.new("L", (1, 1), 5))).tolist() == [[[5] * 3]]


@pytest.mark.parametrize("format", sorted(set(formats.PICTURES) - {"PPM"}))
def test_every_format_is_known_by_its_content(format):
    data = stored(Image.new("RGB", (16, 16), "red"), format).getvalue()
    assert formats.picture_format(data[: formats.HEAD]) == format
    assert np.abs(images.read(io.BytesIO(data))[8, 8].astype(int) - [255, 0, 0]).max() < 6


def test_mpo_and_ppm_are_known_too():
    frame = Image.new("RGB", (8, 8), "red")
    phone = stored(frame, "MPO", save_all=True, append_images=[frame])
    assert formats.picture_format(phone.read(formats.HEAD)) == "JPEG" and images.read(phone).shape == (8, 8, 3)
    assert images.read(io.BytesIO(b"P2 # grey\n2 1 255\n0 255\n")).tolist() == [[[0] * 3, [255] * 3]]


WHAT = [
    (b"", "an empty file"), (b"Dear diary,", "text"), ("Grüße, 日本".encode(), "text"), (b"caf\xe9", "text"),
    (b"BMW is a car, as far as I know.", "text"), (b"P5 is a kind of paper", "text"),
    (b"\xef\xbb\xbf\n<!-- hi --><!DOCTYPE html><p>", "an HTML page"), (b"<HTML lang=de>", "an HTML page"),
    (b'<?xml version="1.0"?><html xmlns="">', "an HTML page"), (b"<?xml version='1.0'?><svg>", "SVG: save it as PNG"),
    (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "HEIF of a kind that cannot be read, or damaged: save it as PNG"),
    (b"\0\0\0\x18ftypisom\0\0", "a video"),
    (b"8BPS\0\1", "a Photoshop file: save it as PNG"), (b"%PDF-1.7", "a PDF: save its pages as PNG"),
    (b"Rar!\x1a\7", "a rar archive: unpack it or make a zip of it"), (b"\xff\x0a\xfa", "JPEG XL: save it as PNG"),
    (b"version https://git-lfs.github.com/spec/v1\n", "a pointer of Git LFS: run git lfs pull"),
    (bytes(range(256)), "no picture, or one of an unknown format"),
    (b"\xff\xd8\xff\0damaged", "JPEG of a kind that cannot be read, or damaged: save it as PNG"),
    (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "EPS: save it as PNG"),
]  # fmt: skip


@pytest.mark.parametrize(("data", "what"), WHAT)
def test_what_is_no_picture_is_told_in_words(data, what, tmp_path):
    (tmp_path / "a.jpg").write_bytes(data)
    for file in (io.BytesIO(data), tmp_path / "a.jpg"):
        for read in (images.read, images.dimensions):
            with pytest.raises(NoPicture) as caught:
                read(file)
            assert str(caught.value) == what


def test_reading_in_threads_leaves_warnings_as_they_were(monkeypatch):
    first_is_in, second_is_in, first_is_out = (threading.Event() for _ in range(3))

    def overlapping(image):
        if threading.current_thread().name == "second":
            second_is_in.set()
            first_is_out.wait(10)
            warnings.warn("odd metadata", stacklevel=1)  # still unheard, though the first reader has gone
        else:
            first_is_in.set()
            second_is_in.wait(10)
        return image

    monkeypatch.setattr(images, "flatten", overlapping)
    before, pixels = list(warnings.filters), []
    first, second = (
        threading.Thread(target=lambda: pixels.append(images.read(stored(Image.new("L", (1, 1))))), name=name)
        for name in ("first", "second")
    )
    first.start()
    first_is_in.wait(10)
    second.start()
    first.join()
    first_is_out.set()
    second.join()
    assert len(pixels) == 2
    assert warnings.filters == before


def test_an_exception_leaves_the_old_file(tmp_path):
    path = tmp_path / "file.txt"
    path.write_text("old")
    with pytest.raises(KeyError), written_whole(path) as temporary:
        temporary.write_text("new")
        raise KeyError
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["file.txt"]


def test_a_killed_process_leaves_the_old_file(tmp_path):
    path = tmp_path / "file.txt"
    path.write_text("old")
    code = (
        "import os, sys; from animefaces.files import written_whole\n"
        "with written_whole(sys.argv[1]) as t: t.write_text('new'); os.kill(os.getpid(), 9)"
    )
    assert python("-c", code, path, cwd=tmp_path).returncode == -9
    assert path.read_text() == "old"


def test_written_whole_makes_the_folder_and_a_readable_file(tmp_path):
    path = tmp_path / "a" / "b" / "file.txt"
    with written_whole(path) as temporary:
        temporary.write_text("new")
        assert not path.exists()
    assert path.read_text() == "new"
    usual = tmp_path / "usual"
    usual.touch()
    assert path.stat().st_mode == usual.stat().st_mode


@pytest.mark.parametrize(
    ("count", "columns", "rows"), [(1, 1, 1), (2, 2, 1), (7, 3, 3), (12, 4, 3), (48, 8, 6), (64, 8, 8)]
)
def test_grids_are_square_or_a_little_wider(count, columns, rows):
    assert images.grid(np.zeros((count, 2, 3, 1), np.uint8)).shape == (rows * 2, columns * 3, 1)


def test_a_grid_goes_row_by_row_and_ends_in_white():
    pixels = np.arange(5, dtype=np.uint8)[:, None, None, None].repeat(2, 1).repeat(2, 2)
    assert images.grid(pixels)[::2, ::2, 0].tolist() == [[0, 1, 2], [3, 4, 255]]


@pytest.mark.parametrize("channels", [1, 3])
def test_a_png_comes_back_with_its_notes(tmp_path, channels):
    pixels = np.random.default_rng(1).integers(0, 256, (4, 5, channels), np.uint8)
    images.save(tmp_path / "a.png", pixels, seed=7, run="höhle 洞窟")
    assert np.array_equal(images.read(tmp_path / "a.png", channels=channels), pixels)
    with Image.open(tmp_path / "a.png") as image:
        assert isinstance(image, PngImagePlugin.PngImageFile)
        assert image.text == {"seed": "7", "run": "höhle 洞窟"}


def test_a_note_may_hold_a_name_that_is_not_utf8(tmp_path):
    images.save(tmp_path / "a.png", np.zeros((2, 2, 3), np.uint8), face=os.fsdecode(b"caf\xe9.jpg"))
    with Image.open(tmp_path / "a.png") as image:
        assert image.info["face"] == "caf\\udce9.jpg"


def test_a_film_loops_for_ever(tmp_path):
    frames = [np.full((4, 4, 3), value, np.uint8) for value in (0, 100, 200)]
    images.save_film(tmp_path / "a.gif", frames, seconds=0.3)
    with Image.open(tmp_path / "a.gif") as film:
        assert (film.n_frames, film.info["loop"], film.info["duration"]) == (3, 0, 300)
        film.seek(1)
        assert film.convert("RGB").getpixel((0, 0)) == (100, 100, 100)
