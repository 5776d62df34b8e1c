"""Pictures in and out: the pixel contract, every format, and writes that are whole or not at all."""

import io
import os
import struct
import threading
import warnings
import zlib

import numpy as np
import pytest
from conftest import python
from PIL import Image, PngImagePlugin

from animefaces import images
from animefaces.files import written_whole


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
    monkeypatch.setattr(images, "MAX_PIXELS", 120)
    assert images.read(stored(Image.new("L", (12, 10)))).shape == (10, 12, 3)
    with pytest.raises(ValueError, match="11x11 pixels are too many"):
        images.read(stored(Image.new("L", (11, 11))))


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


def test_damaged_exif_is_an_oserror_too(monkeypatch):
    def damaged(image):
        raise struct.error("required argument is not an integer")

    monkeypatch.setattr(images.ImageOps, "exif_transpose", damaged)  # as Pillow does for some bytes
    with pytest.raises(OSError, match="required argument"):
        images.read(stored(Image.new("L", (1, 1))))


def test_text_is_no_picture():
    with pytest.raises(OSError):
        images.read(io.BytesIO(b"Dear diary,"))


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


def test_a_film_loops_for_ever(tmp_path):
    frames = [np.full((4, 4, 3), value, np.uint8) for value in (0, 100, 200)]
    images.save_film(tmp_path / "a.gif", frames, seconds=0.3)
    with Image.open(tmp_path / "a.gif") as film:
        assert (film.n_frames, film.info["loop"], film.info["duration"]) == (3, 0, 300)
        film.seek(1)
        assert film.convert("RGB").getpixel((0, 0)) == (100, 100, 100)
