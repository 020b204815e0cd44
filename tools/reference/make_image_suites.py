"""Makes tests/suites/image: pictures that are broken, hostile or none at all. The folder names the
error they must give: unsupported, invalid, too_large; those in readable must decode. Those in bombs
are invalid to a decoder under limits; nothing else should try them.

    venv/bin/python tools/reference/make_image_suites.py tests/suites/image

Needs what make_image_goldens.py needs."""

import io
import pathlib
import struct
import sys
import warnings
import zipfile
import zlib

from PIL import Image

import handmade_pictures as handmade
from make_image_goldens import drawing, picture, saved


def png_of(*chunks):
    return handmade.PNG_SIGNATURE + b"".join(chunks)


def png_parts():
    raw = handmade.png_rows(drawing(16, 16).tolist(), 8)
    return handmade.png_header(16, 16), handmade.png_chunk(b"IDAT", zlib.compress(raw, 9)), handmade.png_chunk(b"IEND", b"")


def jpeg_with_size(jpeg, width, height):
    start = jpeg.index(b"\xff\xc0") + 5
    return jpeg[:start] + struct.pack(">HH", height, width) + jpeg[start + 4 :]


def jpeg_many_scans(count):
    """A progressive grey picture of 8x8 whose scans give one bit of one coefficient at a time."""
    zero_table = b"\1" + bytes(15) + b"\0"  # one code of one bit, meaning: nothing, to the end
    out = b"\xff\xd8" + handmade.jpeg_segment(0xDB, b"\0" + b"\1" * 64)
    out += handmade.jpeg_segment(0xC2, struct.pack(">BHHBBBB", 8, 8, 8, 1, 1, 0x11, 0))
    out += handmade.jpeg_segment(0xC4, b"\0" + zero_table) + handmade.jpeg_segment(0xC4, b"\x10" + zero_table)
    out += handmade.jpeg_segment(0xDA, bytes([1, 1, 0, 0, 0, 0])) + b"\x7f"
    scans = [(k, k, high, low) for k in range(1, 64) for high, low in ((0, 1), (1, 0))]
    for first, last, high, low in scans[: count - 1]:
        out += handmade.jpeg_segment(0xDA, bytes([1, 1, 0, first, last, high << 4 | low])) + b"\x7f"
    return out + b"\xff\xd9"


def archive():
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as folder:
        folder.writestr(zipfile.ZipInfo("picture.jpg"), b"\xff\xd8\xff no")
    return out.getvalue()


def unsupported():
    yield "plain_text.jpg", b"This is a picture, believe me.\n"
    yield "page.html", b"<!doctype html><html><body><img src=x onerror=alert(1)></body></html>"
    yield "drawing.svg", b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>'
    yield "document.pdf", b"%PDF-1.7\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF"
    yield "archive.zip", archive()
    yield "archive_then_jpeg.jpg", archive() + saved(picture(8, 8), "JPEG")
    yield "text_then_png.png", b"GIF8 is not enough\n" + saved(picture(8, 8), "PNG")
    yield "bitmap.bmp", saved(picture(8, 8), "BMP")
    yield "scan.tiff", saved(picture(8, 8), "TIFF")
    yield "film.mp4", struct.pack(">I", 24) + b"ftypisom\0\0\2\0isommp41"
    yield "sound.wav", b"RIFF" + struct.pack("<I", 36) + b"WAVEfmt " + bytes(28)
    yield "one_byte.png", b"\x89"
    yield "two_bytes.jpg", b"\xff\xd8"
    yield "zeros.jpg", bytes(64)
    yield "upload.json", b'{"url": "http://example.com/cat.jpg"}'
    yield "brands_without_end.heic", struct.pack(">I", 0xFFFFFFFF) + b"ftypmif1\0\0\0\0none"


def invalid_jpegs():
    jpeg = saved(picture(48, 40), "JPEG", quality=70)
    yield "magic_only.jpg", b"\xff\xd8\xff"
    yield "half.jpg", jpeg[: len(jpeg) // 2]
    yield "without_last_byte.jpg", jpeg[:-1]
    yield "without_end.jpg", jpeg[:-2]
    yield "without_pixels.jpg", jpeg[: jpeg.index(b"\xff\xda")]
    yield "no_header.jpg", b"\xff\xd8\xff\xd9"
    yield "zero_width.jpg", jpeg_with_size(jpeg, 0, 40)
    yield "zero_height.jpg", jpeg_with_size(jpeg, 48, 0)
    yield "lies_about_size.jpg", jpeg_with_size(jpeg, 480, 400)
    yield "no_tables.jpg", jpeg[: jpeg.index(b"\xff\xdb")] + jpeg[jpeg.index(b"\xff\xc0") :]
    scan = jpeg.index(b"\xff\xda") + 20
    yield "noise.jpg", jpeg[:scan] + bytes((i * 197 + 31) % 251 for i in range(400)) + jpeg[scan + 400 :]
    yield "many_scans.jpg", jpeg_many_scans(100)
    progressive = saved(picture(48, 40), "JPEG", progressive=True)
    last_scan = progressive.rindex(b"\xff\xda")
    yield "missing_last_scan.jpg", progressive[:last_scan]
    header = jpeg.index(b"\xff\xc0")
    yield "two_colours.jpg", jpeg[:header] + handmade.jpeg_segment(
        0xC0, struct.pack(">BHHBBBBBBB", 8, 40, 48, 2, 1, 0x11, 0, 2, 0x11, 1)) + jpeg[header + 19 :]
    yield "twelve_bit.jpg", jpeg[: header + 4] + b"\x0c" + jpeg[header + 5 :]
    yield "segment_past_end.jpg", b"\xff\xd8\xff\xe1\xff\xff" + jpeg[2:200]


def invalid_pngs():
    header, pixels, end = png_parts()
    whole = png_of(header, pixels, end)
    yield "magic_only.png", handmade.PNG_SIGNATURE
    yield "half.png", whole[: len(whole) // 2]
    yield "without_end.png", png_of(header, pixels)
    yield "no_pixels.png", png_of(header, end)
    yield "zero_width.png", png_of(handmade.png_header(0, 16), pixels, end)
    yield "zero_height.png", png_of(handmade.png_header(16, 0), pixels, end)
    yield "bad_depth.png", png_of(handmade.png_header(16, 16, depth=3), pixels, end)
    yield "bad_colour.png", png_of(handmade.png_header(16, 16, colour=5), pixels, end)
    yield "bad_interlace.png", png_of(handmade.png_header(16, 16, interlace=2), pixels, end)
    yield "no_palette.png", png_of(handmade.png_header(16, 16, colour=3), pixels, end)
    yield "crc_of_header.png", whole[:29] + bytes([whole[29] ^ 1]) + whole[30:]
    yield "crc_of_pixels.png", png_of(header, pixels[:-1] + bytes([pixels[-1] ^ 1]), end)
    text = handmade.png_chunk(b"tEXt", b"Comment\0hello")
    yield "crc_of_text.png", png_of(header, text[:-1] + bytes([text[-1] ^ 1]), pixels, end)
    raw = handmade.png_rows(drawing(16, 16).tolist(), 8)
    idat = lambda data: handmade.png_chunk(b"IDAT", data)
    yield "too_few_rows.png", png_of(header, idat(zlib.compress(raw[:300])), end)
    yield "bad_filter.png", png_of(header, idat(zlib.compress(b"\x07" + raw[1:])), end)
    yield "not_deflated.png", png_of(header, idat(raw[:200]), end)
    bomb = zlib.compress(bytes(20 << 20), 9)
    yield "text_bomb.png", png_of(header, handmade.png_chunk(b"zTXt", b"Comment\0\0" + bomb), pixels, end)
    yield "profile_bomb.png", png_of(header, handmade.png_chunk(b"iCCP", b"profile\0\0" + bomb), pixels, end)
    texts = (handmade.png_chunk(b"tEXt", b"k\0" + str(i).encode()) for i in range(3000))
    yield "3000_texts.png", png_of(header, *texts, pixels, end)
    yield "long_chunk.png", png_of(header, struct.pack(">I", 0x7FFFFFFF) + b"tEXt" + bytes(20))


def invalid_webps():
    lossy, lossless = saved(picture(32, 24), "WEBP"), saved(picture(32, 24), "WEBP", lossless=True)
    part = handmade.webp_bitstream(lossless)
    yield "magic_only.webp", lossy[:12]
    yield "half_lossy.webp", lossy[: len(lossy) // 2]
    yield "half_lossless.webp", lossless[: len(lossless) // 2]
    yield "without_last_byte.webp", lossless[:-2]
    yield "frame_outside.webp", handmade.webp_file(
        handmade.webp_canvas(40, 30, 2), handmade.webp_animation(), handmade.webp_frame(20, 6, 32, 24, part))
    yield "no_frame.webp", handmade.webp_file(handmade.webp_canvas(40, 30, 2), handmade.webp_animation())
    yield "noise.webp", lossless[:25] + bytes((i * 89 + 7) % 251 for i in range(len(lossless) - 25))
    yield "size_past_end.webp", lossy[:4] + b"\xff\xff\xff\x7f" + lossy[8:]


def invalid_gifs():
    colours = bytes(range(48))
    whole = handmade.gif_header(20, 15, colours) + handmade.gif_picture(0, 0, 20, 15, [3] * 300) + b";"
    yield "magic_only.gif", b"GIF89a"
    yield "half.gif", whole[: len(whole) // 2]
    yield "no_picture.gif", handmade.gif_header(20, 15, colours) + b";"
    yield "comments_only.gif", handmade.gif_header(20, 15, colours) + b"!\xfe\5hello\0" * 50 + b";"
    yield "zero_sides.gif", handmade.gif_header(20, 15, colours) + handmade.gif_picture(0, 0, 0, 0, []) + b";"
    start = len(handmade.gif_header(20, 15, colours)) + 10
    yield "code_size_13.gif", whole[:start] + b"\x0d" + whole[start + 1 :]
    yield "codes_unknown.gif", whole[: start + 2] + b"\xfe\xff" * 60 + b"\0;"
    yield "too_few_rows.gif", handmade.gif_header(20, 15, colours) + handmade.gif_picture(0, 0, 20, 15, [3] * 99) + b";"
    yield "unknown_block.gif", handmade.gif_header(20, 15, colours) + b"\x99" + whole[start:]


def containers():
    import pillow_heif

    warnings.simplefilter("ignore")
    pillow_heif.register_heif_opener()
    pillow_heif.register_avif_opener()
    return {"heic": saved(picture(64, 64), "HEIF", quality=50), "avif": saved(picture(64, 64), "AVIF", quality=50)}


def invalid_containers():
    for extension, whole in containers().items():
        yield f"brands_only.{extension}", whole[: int.from_bytes(whole[:4], "big")]
        yield f"half.{extension}", whole[: len(whole) // 2]
        yield f"without_pixels.{extension}", whole[: whole.index(b"mdat") + 4]
        size = whole.index(b"ispe") + 8
        yield f"zero_sides.{extension}", whole[:size] + bytes(8) + whole[size + 8 :]


def too_large():
    _, pixels, end = png_parts()
    jpeg = saved(picture(48, 40), "JPEG", quality=70)
    yield "50000_square.png", png_of(handmade.png_header(50000, 50000), pixels, end)
    yield "widest.png", png_of(handmade.png_header(0x7FFFFFFF, 0x7FFFFFFF), pixels, end)
    yield "one_row_too_wide.png", png_of(handmade.png_header(65536, 1), pixels, end)
    yield "65535_square.jpg", jpeg_with_size(jpeg, 65535, 65535)
    yield "65000_square.jpg", jpeg_with_size(jpeg, 65000, 65000)
    yield "65000_square_progressive.jpg", jpeg_with_size(
        saved(picture(48, 40), "JPEG", progressive=True).replace(b"\xff\xc2", b"\xff\xc0", 1), 65000, 65000)
    colours = bytes(range(48))
    frame = handmade.gif_picture(0, 0, 20, 15, [3] * 300)
    yield "65535_square.gif", handmade.gif_header(65535, 65535, colours) + frame + b";"
    far = handmade.gif_picture(65535, 65535, 20, 15, [3] * 300)
    yield "frame_far_away.gif", handmade.gif_header(20, 15, colours) + far + b";"
    part = handmade.webp_bitstream(saved(picture(32, 24), "WEBP", lossless=True))
    yield "canvas.webp", handmade.webp_file(
        handmade.webp_canvas(16000, 16000, 2), handmade.webp_animation(), handmade.webp_frame(0, 0, 32, 24, part))
    yield "widest_canvas.webp", handmade.webp_file(
        handmade.webp_canvas(1 << 24, 200, 2), handmade.webp_animation(), handmade.webp_frame(0, 0, 32, 24, part))
    for extension, whole in containers().items():
        size = whole.index(b"ispe") + 8
        yield f"20000_square.{extension}", whole[:size] + struct.pack(">II", 20000, 20000) + whole[size + 8 :]


def bombs():
    """One plain area of 81 megapixels in a container that claims 64x64: half a gigabyte to libheif 1.15."""
    import pillow_heif

    pillow_heif.register_heif_opener()
    pillow_heif.register_avif_opener()
    plain = Image.new("RGB", (9024, 9024), (90, 120, 30))
    for extension, kind in (("heic", "HEIF"), ("avif", "AVIF")):
        parts = saved(plain, kind, quality=10).split(b"ispe\0\0\0\0")
        yield f"81_megapixels.{extension}", parts[0] + b"".join(
            b"ispe\0\0\0\0" + struct.pack(">II", 64, 64) + part[8:] for part in parts[1:])


def readable():
    jpeg = saved(picture(48, 40), "JPEG", quality=70)
    header, pixels, end = png_parts()
    yield "jpeg_with_archive_behind.jpg", jpeg + archive()
    yield "png_named_jpeg.jpg", png_of(header, pixels, end)
    yield "png_with_page_behind.png", png_of(header, pixels, end) + b"<html><script>alert(1)</script>"
    yield "jpeg_with_10_scans.jpg", jpeg_many_scans(10)
    yield "jpeg_extra_bytes.jpg", jpeg[:-2] + bytes(7) + jpeg[-2:]
    for (extension, whole), codec in zip(containers().items(), (b"hvc1", b"av01")):
        yield f"tiles.{extension}", handmade.heif_tiles(whole, 64, 3, 2, 150, 100, codec, extension.encode())
    # A broken note does not make a broken picture.
    loop = b"II*\0\x08\0\0\0\1\0\x69\x87\4\0\1\0\0\0\x08\0\0\0\x08\0\0\0"
    yield "exif_loop.jpg", handmade.jpeg_insert(jpeg, handmade.jpeg_exif(loop))
    yield "exif_offset_outside.jpg", handmade.jpeg_insert(jpeg, handmade.jpeg_exif(b"II*\0\xff\xff\xff\x7f"))
    yield "exif_cut.jpg", handmade.jpeg_insert(jpeg, handmade.jpeg_exif(handmade.exif_block(6)[:14]))
    yield "exif_empty.jpg", handmade.jpeg_insert(jpeg, handmade.jpeg_exif(b""))
    yield "exif_noise.jpg", handmade.jpeg_insert(
        jpeg, handmade.jpeg_exif(b"MM\0*\0\0\0\x08" + bytes((i * 73 + 5) % 256 for i in range(500))))
    many = b"II*\0\x08\0\0\0\xff\xff" + b"\x12\1\3\0\xff\xff\xff\xff\6\0\0\0" * 40
    yield "exif_counts_lie.jpg", handmade.jpeg_insert(jpeg, handmade.jpeg_exif(many))


def main(folder):
    for kind, cases in (("unsupported", (unsupported,)), ("too_large", (too_large,)), ("readable", (readable,)),
                        ("bombs", (bombs,)),
                        ("invalid", (invalid_jpegs, invalid_pngs, invalid_webps, invalid_gifs, invalid_containers))):
        place = pathlib.Path(folder) / kind
        place.mkdir(parents=True, exist_ok=True)
        for old in place.iterdir():
            old.unlink()
        for family in cases:
            for name, data in family():
                (place / name).write_bytes(data)


if __name__ == "__main__":
    main(sys.argv[1])
