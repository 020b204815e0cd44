"""Writes pictures byte by byte that Pillow cannot save: every PNG colour type and depth,
interlaced PNG and GIF, GIF frames off the canvas, WebP frames with an offset, bare EXIF blocks,
HEIC and AVIF in tiles.
Used by make_image_goldens.py and make_image_suites.py."""

import struct
import zlib

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
PNG_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
ADAM7 = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))


def png_chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png_header(width, height, depth=8, colour=2, interlace=0):
    return png_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlace))


def png_rows(samples, depth):
    """samples: [height][width][channels]; every row gets filter 0."""
    out = bytearray()
    for row in samples:
        values = [value for pixel in row for value in pixel]
        out.append(0)
        if depth == 16:
            out += b"".join(struct.pack(">H", value) for value in values)
        elif depth == 8:
            out += bytes(values)
        else:
            bits = "".join(format(value, f"0{depth}b") for value in values)
            bits += "0" * (-len(bits) % 8)
            out += bytes(int(bits[i : i + 8], 2) for i in range(0, len(bits), 8))
    return bytes(out)


def png(samples, depth, colour, palette=None, transparency=None, interlace=False, before=b"", after=b""):
    """`before` and `after` are chunks put before and after the pixels."""
    height, width = len(samples), len(samples[0])
    if interlace:
        raw = b""
        for left, top, step_x, step_y in ADAM7:
            part = [row[left::step_x] for row in samples[top::step_y]]
            if part and part[0]:
                raw += png_rows(part, depth)
    else:
        raw = png_rows(samples, depth)
    out = PNG_SIGNATURE + png_header(width, height, depth, colour, int(interlace)) + before
    if palette is not None:
        out += png_chunk(b"PLTE", palette)
    if transparency is not None:
        out += png_chunk(b"tRNS", transparency)
    return out + png_chunk(b"IDAT", zlib.compress(raw, 9)) + after + png_chunk(b"IEND", b"")


def gif_codes(indexes):
    """LZW without its compression: a clear code often enough that codes stay 9 bits wide."""
    codes = []
    for i, index in enumerate(indexes):
        if i % 250 == 0:
            codes.append(256)
        codes.append(index)
    codes.append(257)
    bits, width, out = 0, 0, bytearray()
    for code in codes:
        bits |= code << width
        width += 9
        while width >= 8:
            out.append(bits & 255)
            bits >>= 8
            width -= 8
    if width:
        out.append(bits & 255)
    return bytes(out)


def gif_blocks(data):
    out = b"".join(bytes([len(data[i : i + 255])]) + data[i : i + 255] for i in range(0, len(data), 255))
    return out + b"\0"


def gif_header(width, height, palette=None, background=0):
    flags = 0x70 | (0x80 | (len(palette) // 3).bit_length() - 2 if palette else 0)
    return b"GIF89a" + struct.pack("<HHBBB", width, height, flags, background, 0) + (palette or b"")


def gif_control(transparent):
    return b"!\xf9\x04" + struct.pack("<BHB", 1, 0, transparent) + b"\0"


def gif_picture(left, top, width, height, indexes, palette=None, interlace=False):
    flags = (0x80 | (len(palette) // 3).bit_length() - 2 if palette else 0) | (0x40 if interlace else 0)
    if interlace:
        order = [y for start, step in ((0, 8), (4, 8), (2, 4), (1, 2)) for y in range(start, height, step)]
        indexes = [index for y in order for index in indexes[y * width : (y + 1) * width]]
    out = b"," + struct.pack("<HHHHB", left, top, width, height, flags) + (palette or b"")
    return out + b"\x08" + gif_blocks(gif_codes(indexes))


def webp_chunk(kind, data):
    return kind + struct.pack("<I", len(data)) + data + b"\0" * (len(data) & 1)


def webp_file(*chunks):
    body = b"WEBP" + b"".join(chunks)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def webp_bitstream(simple_file):
    """The VP8 or VP8L chunk of a WebP file that has nothing else."""
    return simple_file[12:]


def webp_canvas(width, height, flags):
    return webp_chunk(b"VP8X", struct.pack("<I", flags) + u24(width - 1) + u24(height - 1))


def webp_animation():
    return webp_chunk(b"ANIM", b"\x40\x80\xc0\xff" + b"\0\0")  # a background that decoders ignore


def webp_frame(left, top, width, height, bitstream, flags=0):
    head = u24(left // 2) + u24(top // 2) + u24(width - 1) + u24(height - 1) + u24(100) + bytes([flags])
    return webp_chunk(b"ANMF", head + bitstream)


def u24(value):
    return struct.pack("<I", value)[:3]


def exif_block(orientation, order="<", kind=3):
    """A TIFF header and one directory with one entry; kind 3 is SHORT, 4 is LONG."""
    value = struct.pack(order + ("HH" if kind == 3 else "I"), *((orientation, 0) if kind == 3 else (orientation,)))
    entry = struct.pack(order + "HHI", 0x0112, kind, 1) + value
    magic = b"II*\0" if order == "<" else b"MM\0*"
    return magic + struct.pack(order + "IH", 8, 1) + entry + struct.pack(order + "I", 0)


def jpeg_segment(marker, data):
    return b"\xff" + bytes([marker]) + struct.pack(">H", len(data) + 2) + data


def jpeg_insert(jpeg, *segments):
    """Segments put right after the start of the picture."""
    return jpeg[:2] + b"".join(segments) + jpeg[2:]


def jpeg_exif(block):
    return jpeg_segment(0xE1, b"Exif\0\0" + block)


def box(kind, data):
    return struct.pack(">I", 8 + len(data)) + kind + data


def full_box(kind, version, data):
    return box(kind, struct.pack(">I", version << 24) + data)


def boxes(data):
    """{kind: (content, whole box)}; of several of a kind the last."""
    found = {}
    while data:
        size, kind = struct.unpack_from(">I4s", data)
        found[kind] = (data[8:size], data[:size])
        data = data[size:]
    return found


def heif_tiles(whole, side, columns, rows, width, height, codec, brand):
    """A picture in tiles, as telephones write them; every tile is the picture `whole` of side x side,
    a file of libheif's with nothing else in its mdat."""
    top = boxes(whole)
    properties = boxes(boxes(boxes(top[b"meta"][0][4:])[b"iprp"][0])[b"ipco"][0])
    configuration = properties[b"hvcC" if b"hvcC" in properties else b"av1C"][1]
    data, count = top[b"mdat"][0], columns * rows
    tiles = range(2, count + 2)
    grid = struct.pack(">BBBBII", 0, 1, rows - 1, columns - 1, width, height)

    def item(number, kind):
        return full_box(b"infe", 2, struct.pack(">HH4sB", number, 0, kind, 0))

    def size(width, height):
        return full_box(b"ispe", 0, struct.pack(">II", width, height))

    def meta(offset):
        places = struct.pack(">HHIHII", 1, 0, 0, 1, offset + len(data), len(grid)) + b"".join(
            struct.pack(">HHIHII", tile, 0, 0, 1, offset, len(data)) for tile in tiles)
        owners = struct.pack(">HBB", 1, 1, 0x81) + b"".join(
            struct.pack(">HBBB", tile, 2, 2, 0x83) for tile in tiles)
        return full_box(b"meta", 0, b"".join((
            full_box(b"hdlr", 0, b"\0\0\0\0pict" + bytes(13)),
            full_box(b"pitm", 0, struct.pack(">H", 1)),
            full_box(b"iinf", 0, struct.pack(">H", count + 1) + item(1, b"grid") + b"".join(
                item(tile, codec) for tile in tiles)),
            full_box(b"iref", 0, box(b"dimg", struct.pack(f">HH{count}H", 1, count, *tiles))),
            box(b"iprp", box(b"ipco", size(width, height) + size(side, side) + configuration)
                + full_box(b"ipma", 0, struct.pack(">I", count + 1) + owners)),
            full_box(b"iloc", 0, b"\x44\x40" + struct.pack(">H", count + 1) + places))))

    start = box(b"ftyp", brand + b"\0\0\0\0mif1" + brand)
    return start + meta(len(start) + len(meta(0)) + 8) + box(b"mdat", data + grid)
