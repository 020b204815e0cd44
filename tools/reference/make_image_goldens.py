"""Makes tests/golden/image: small odd pictures and what Pillow sees in them.

    python -m venv venv && venv/bin/pip install pillow==11.0.0 pillow-heif==0.22.0 numpy
    venv/bin/python tools/reference/make_image_goldens.py tests/golden/image

expected.txt has one line a picture: name, width, height, orientation, then SHA-256 of the upright
RGB pixels and of the 8-bit results of squash 384, squash 32, crop 224 and crop 32. Pictures whose
codec may differ from the reference's by version (HEIC, AVIF) are in close.txt instead: name, width,
height, largest difference allowed; their pixels are in name.rgb."""

import hashlib
import io
import pathlib
import sys
import warnings

import numpy as np
from PIL import Image, ImageOps

import handmade_pictures as handmade


def drawing(width, height, channels=3):
    """Ramps, an edge and noise, the same every time."""
    noise = np.random.default_rng(width * 1009 + height).integers(0, 40, (height, width, channels))
    y, x = np.mgrid[0:height, 0:width]
    ramps = np.stack([x * 215 // max(width - 1, 1), y * 215 // max(height - 1, 1),
                      (x + y) * 215 // max(width + height - 2, 1), 215 - x * 215 // max(width - 1, 1)], -1)
    values = ramps[:, :, :channels] + noise
    values[height // 3 : height // 2, width // 4 : width // 2] //= 3
    return values.astype(np.uint8)


def picture(width, height, mode="RGB"):
    channels = {"L": 1, "LA": 2, "RGB": 3, "RGBA": 4, "CMYK": 4}[mode]
    values = drawing(width, height, channels)
    return Image.fromarray(values[:, :, 0] if channels == 1 else values, mode)


def saved(image, kind, **options):
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def jpegs():
    image = picture(61, 47)
    yield "plain.jpg", saved(image, "JPEG")
    yield "progressive.jpg", saved(image, "JPEG", progressive=True, quality=85)
    for name, subsampling in (("444", 0), ("422", 1), ("420", 2)):
        yield f"sampling_{name}.jpg", saved(image, "JPEG", subsampling=subsampling, quality=90)
    yield "restarts.jpg", saved(image, "JPEG", restart_marker_blocks=3)
    yield "rgb.jpg", saved(image, "JPEG", keep_rgb=True)
    yield "grey.jpg", saved(picture(61, 47, "L"), "JPEG")
    yield "grey_progressive.jpg", saved(picture(33, 50, "L"), "JPEG", progressive=True)
    cmyk = saved(picture(45, 38, "CMYK"), "JPEG", quality=90)
    yield "cmyk_adobe.jpg", cmyk
    adobe = cmyk.index(b"\xff\xee")
    length = 2 + int.from_bytes(cmyk[adobe + 2 : adobe + 4], "big")
    yield "cmyk_plain.jpg", cmyk[:adobe] + cmyk[adobe + length :]
    # The last byte of Adobe's segment says how the colours are coded; 2 is YCCK.
    yield "ycck.jpg", cmyk[: adobe + length - 1] + b"\2" + cmyk[adobe + length :]
    yield "cmyk_progressive.jpg", saved(picture(45, 38, "CMYK"), "JPEG", progressive=True)
    yield "dot.jpg", saved(picture(1, 1), "JPEG")
    yield "wide.jpg", saved(picture(1500, 40), "JPEG", quality=60)
    yield "tall.jpg", saved(picture(40, 1500), "JPEG", quality=60)
    yield "line.jpg", saved(picture(700, 1), "JPEG")
    yield "then_archive.jpg", saved(image, "JPEG") + b"PK\5\6" + bytes(18)


def pngs():
    grey, colour, palette, grey_alpha, alpha = 0, 2, 3, 4, 6
    rng = np.random.default_rng(7)
    width, height = 29, 21
    for name, kind, depths in (("grey", grey, (1, 2, 4, 8, 16)), ("colour", colour, (8, 16)),
                               ("grey_alpha", grey_alpha, (8, 16)), ("alpha", alpha, (8, 16))):
        for depth in depths:
            channels = handmade.PNG_CHANNELS[kind]
            samples = rng.integers(0, 1 << depth, (height, width, channels)).tolist()
            for interlace in (False, True):
                suffix = "_interlaced" if interlace else ""
                yield f"{name}_{depth}{suffix}.png", handmade.png(samples, depth, kind, interlace=interlace)
    for depth in (1, 2, 4, 8):
        colours = rng.integers(0, 256, 3 << depth).astype(np.uint8).tobytes()
        samples = rng.integers(0, 1 << depth, (height, width, 1)).tolist()
        yield f"palette_{depth}.png", handmade.png(samples, depth, palette, palette=colours)
        clear = bytes(range(0, 1 << depth))
        yield f"palette_{depth}_transparent.png", handmade.png(samples, depth, palette, palette=colours,
                                                               transparency=clear, interlace=depth == 4)
    samples = rng.integers(0, 5, (height, width, 1)).tolist()
    yield "grey_transparent.png", handmade.png(samples, 8, grey, transparency=b"\0\3")
    samples = rng.integers(0, 2, (height, width, 3)).tolist()
    yield "colour_transparent.png", handmade.png(samples, 8, colour, transparency=b"\0\1\0\1\0\1")
    ramp = [[[(y * 64 + x) * 16] for x in range(64)] for y in range(64)]
    yield "grey_16_ramp.png", handmade.png(ramp, 16, grey)
    yield "dot.png", saved(picture(1, 1), "PNG")
    yield "wide.png", saved(picture(1500, 40, "L").quantize(8), "PNG")
    yield "tall.png", saved(picture(40, 1500, "L").quantize(8), "PNG")
    yield "filters.png", saved(picture(64, 48, "RGBA"), "PNG", optimize=True)
    yield "dot_alpha.png", saved(picture(1, 1, "RGBA"), "PNG")
    yield "small.png", saved(picture(31, 31), "PNG")


def webps():
    image = picture(52, 37)
    yield "lossy.webp", saved(image, "WEBP", quality=70)
    yield "lossless.webp", saved(image, "WEBP", lossless=True)
    yield "lossy_alpha.webp", saved(picture(52, 37, "RGBA"), "WEBP", quality=70)
    yield "lossless_alpha.webp", saved(picture(52, 37, "RGBA"), "WEBP", lossless=True, exact=True)
    frames = [picture(40 + i, 30).resize((40, 30)) for i in range(3)]
    yield "animated.webp", saved(frames[0], "WEBP", save_all=True, append_images=frames[1:], quality=60)
    for name, lossless, mode in (("lossy", False, "RGB"), ("lossless", True, "RGB"), ("alpha", True, "RGBA")):
        part = handmade.webp_bitstream(saved(picture(16, 12, mode), "WEBP", lossless=lossless, exact=True))
        if mode == "RGB" or part[:4] == b"VP8L":
            yield f"animated_offset_{name}.webp", handmade.webp_file(
                handmade.webp_canvas(40, 30, 0x02 | (0x10 if mode == "RGBA" else 0)),
                handmade.webp_animation(), handmade.webp_frame(8, 6, 16, 12, part),
                handmade.webp_frame(0, 0, 16, 12, part))
    yield "dot.webp", saved(picture(1, 1), "WEBP")
    yield "wide.webp", saved(picture(1500, 40), "WEBP", quality=40)


def gifs():
    rng = np.random.default_rng(11)
    colours = rng.integers(0, 256, 256 * 3).astype(np.uint8).tobytes()
    others = rng.integers(0, 256, 16 * 3).astype(np.uint8).tobytes()
    few = rng.integers(0, 16, 20 * 15).tolist()
    many = rng.integers(0, 256, 20 * 15).tolist()
    header, frame, end = handmade.gif_header, handmade.gif_picture, b";"
    yield "plain.gif", saved(picture(48, 35), "GIF")
    yield "pillow_interlaced.gif", saved(picture(48, 35), "GIF", interlace=1)
    yield "global.gif", header(20, 15, colours) + frame(0, 0, 20, 15, many) + end
    yield "local.gif", header(20, 15, colours) + frame(0, 0, 20, 15, few, others) + end
    yield "local_only.gif", header(20, 15) + frame(0, 0, 20, 15, few, others) + end
    yield "interlaced.gif", header(20, 15, colours) + frame(0, 0, 20, 15, many, interlace=True) + end
    yield "offset.gif", header(40, 30, colours, 5) + frame(7, 9, 20, 15, many) + end
    clear = handmade.gif_control(3)
    yield "offset_transparent.gif", header(40, 30, colours, 5) + clear + frame(7, 9, 20, 15, many) + end
    yield "transparent.gif", header(20, 15, colours) + clear + frame(0, 0, 20, 15, few, others) + end
    yield "beyond_canvas.gif", header(10, 40, colours) + frame(5, 3, 20, 15, many) + end
    yield "no_palette.gif", header(20, 15) + frame(0, 0, 20, 15, many) + end
    yield "short_palette.gif", header(20, 15) + frame(0, 0, 20, 15, many, others) + end
    yield "dot.gif", header(1, 1, others) + frame(0, 0, 1, 1, [4]) + end
    yield "frames.gif", header(20, 15, colours) + frame(0, 0, 20, 15, many) + clear + frame(2, 2, 20, 13, few[:260]) + end
    yield "comment.gif", (header(20, 15, colours) + b"!\xfe" + handmade.gif_blocks(b"<script>alert(1)</script>" * 20)
                          + frame(0, 0, 20, 15, many) + end)


def oriented():
    image = picture(23, 14)
    jpeg, webp = saved(image, "JPEG"), saved(image, "WEBP", lossless=True)
    samples = drawing(23, 14).tolist()
    for way in range(1, 9):
        block = handmade.exif_block(way)
        yield f"orientation_{way}.jpg", handmade.jpeg_insert(jpeg, handmade.jpeg_exif(block))
        yield f"orientation_{way}.png", handmade.png(samples, 8, 2, before=handmade.png_chunk(b"eXIf", block))
        yield f"orientation_{way}.webp", handmade.webp_file(
            handmade.webp_canvas(23, 14, 0x08), handmade.webp_bitstream(webp), handmade.webp_chunk(b"EXIF", block))
    big_endian, wide = handmade.exif_block(6, ">"), handmade.exif_block(8, "<", 4)
    yield "orientation_big_endian.jpg", handmade.jpeg_insert(jpeg, handmade.jpeg_exif(big_endian))
    yield "orientation_long.jpg", handmade.jpeg_insert(jpeg, handmade.jpeg_exif(wide))
    yield "orientation_after_pixels.png", handmade.png(samples, 8, 2, after=handmade.png_chunk(b"eXIf", big_endian))
    yield "orientation_header.webp", handmade.webp_file(
        handmade.webp_canvas(23, 14, 0x08), handmade.webp_bitstream(webp),
        handmade.webp_chunk(b"EXIF", b"Exif\0\0" + big_endian))
    yield "orientation_0.jpg", handmade.jpeg_insert(jpeg, handmade.jpeg_exif(handmade.exif_block(0)))
    yield "orientation_9.jpg", handmade.jpeg_insert(jpeg, handmade.jpeg_exif(handmade.exif_block(9)))
    big = picture(100, 70)
    for way in (5, 6):  # larger than a tile of the turning code
        yield f"orientation_{way}_tiles.jpg", handmade.jpeg_insert(
            saved(big, "JPEG", quality=50), handmade.jpeg_exif(handmade.exif_block(way)))


def containers():
    import pillow_heif

    warnings.simplefilter("ignore")
    pillow_heif.register_heif_opener()
    pillow_heif.register_avif_opener()
    image = picture(64, 48)
    turned = Image.Exif()
    turned[0x0112] = 6  # pillow-heif writes this into the container and leaves it in EXIF too
    for kind, extension in (("HEIF", "heic"), ("AVIF", "avif")):
        yield f"plain.{extension}", saved(image, kind, quality=80)
        # 4:4:4, because libheif 1.19 turns halved colour planes so that they shift by a pixel.
        yield f"turned.{extension}", saved(image, kind, quality=80, subsampling="4:4:4", exif=turned.tobytes())
        yield f"alpha.{extension}", saved(picture(64, 48, "RGBA"), kind, quality=80)
        yield f"full_colour.{extension}", saved(image, kind, quality=80, subsampling="4:4:4")


def upright(data):
    image = Image.open(io.BytesIO(data))
    orientation = image.getexif().get(0x0112, 1)
    if image.mode == "I;16":  # Pillow would clip at 255; the decoder takes the high byte
        high = (np.asarray(image).astype(np.uint16) >> 8).astype(np.uint8)
        image = Image.fromarray(high)
    return ImageOps.exif_transpose(image).convert("RGB"), orientation if 1 <= orientation <= 8 else 1


def squash(image, size):
    return image.resize((size, size), Image.BICUBIC)


def crop(image, size):
    """torchvision's Resize (shortest side) and CenterCrop."""
    shortest = min(image.size)
    width, height = (int(size * side / shortest) for side in image.size)
    image = image.resize((width, height), Image.BICUBIC)
    left, top = int(round((width - size) / 2.0)), int(round((height - size) / 2.0))
    return image.crop((left, top, left + size, top + size))


def digest(image):
    return hashlib.sha256(image.tobytes()).hexdigest()


# Allowed difference a channel. Chroma of 4:2:0 is scaled up differently from version to version.
CLOSE_LIMITS = {"heic": 2, "avif": 2}


def main(folder):
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.iterdir():
        old.unlink()
    lines = []
    for family in (jpegs, pngs, webps, gifs, oriented):
        for name, data in family():
            image, orientation = upright(data)
            results = (image, squash(image, 384), squash(image, 32), crop(image, 224), crop(image, 32))
            (folder / name).write_bytes(data)
            lines.append(" ".join([name, *map(str, image.size), str(orientation), *map(digest, results)]))
    (folder / "expected.txt").write_text("\n".join(lines) + "\n")

    lines = []
    for name, data in containers():
        image, _ = upright(data)
        (folder / name).write_bytes(data)
        (folder / f"{name}.rgb").write_bytes(image.tobytes())
        lines.append(f"{name} {image.width} {image.height} {CLOSE_LIMITS[name.split('.')[1]]}")
    (folder / "close.txt").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main(sys.argv[1])
