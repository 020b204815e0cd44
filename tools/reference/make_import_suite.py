"""Makes tests/suites/import: lines of images.jsonl (.line), headers of arrays (.npy) and manifests
(.manifest), each with a file beside it that tells what must become of it: .error has a part of the
sentence that refuses it, .ok is there when it must be taken.

    venv/bin/python tools/reference/make_import_suite.py tests/suites/import

The lines are read against the manifest of tests/unit/archive/test_suites.c. Needs NumPy."""

import io
import json
import pathlib
import sys

import numpy

SHA = "00112233445566778899aabbccddeeff" * 2


def put(folder, name, ending, content, error):
    content = content.encode() if isinstance(content, str) else content
    (folder / (name + ending)).write_bytes(content)
    (folder / (name + (".error" if error else ".ok"))).write_text(f"{error}\n" if error else "")


def make_lines(folder):
    base = dict(
        id=SHA[:16],
        sha256=SHA,
        caption="a red boat",
        origin="local",
        caption_model="captioner",
        embedding_model="space",
        mime="image/jpeg",
        file_name="boat.jpg",
        url="",
        source="upload",
        width=640,
        height=480,
        size_bytes=12345,
        created_ms=1700000000000,
        confidence=0.5,
        clip_score=-0.25,
        perceptual_hash="0123456789abcdef",
        tags=["sea", "summer"],
        vectors={"space": 3, "second": 0},
    )

    def line(name, error=None, drop=None, raw=None, **changes):
        members = {key: value for key, value in {**base, **changes}.items() if key != drop}
        text = json.dumps(members, ensure_ascii=False) if raw is None else raw
        put(folder, "line_" + name, ".line", text, error)

    line("valid")
    line("valid_no_vectors", vectors={})
    line("valid_no_hash", perceptual_hash=None)
    line("valid_no_tags", tags=[])
    line("valid_whole_numbers", confidence=1, clip_score=0)
    line("valid_longest_caption", caption="å" * 511 + "x")
    line("valid_most_tags", tags=[f"tag {i}" for i in range(32)])
    line("valid_largest_numbers", width=2**32 - 1, height=2**32 - 1, size_bytes=2**63 - 1, created_ms=253402300799999)
    line("valid_url", source="url", url="https://example.org/a?b=c", file_name="")
    line("valid_other_order", raw=json.dumps(dict(reversed(list(base.items())))))
    line("valid_escapes", raw=json.dumps(dict(base, caption='caf\u00e9 "quoted" \\ \U0001f600')))
    line("valid_blanks", raw="  " + json.dumps(base, indent=None, separators=(" , ", " : ")) + "\t")
    for k in base:
        line("lacks_" + k, f'"{k}"', drop=k)
    for k in ("id", "sha256", "caption", "origin", "caption_model", "embedding_model", "mime", "file_name", "url"):
        line(k + "_number", f'"{k}" must be a text', **{k: 7})
    line("unknown_member", "members that are not known", colour="red")
    line("member_twice", "not JSON", raw=json.dumps(base)[:-1] + ',"width":1}')
    line("empty", "not JSON", raw="")
    line("blank", "not JSON", raw="   ")
    line("array", "not a JSON object", raw="[]")
    line("text", "not JSON", raw='"text"')
    line("cut", "not JSON", raw=json.dumps(base)[:-20])
    line("two_objects", "not JSON", raw=json.dumps(base) * 2)
    line("not_utf8", "not JSON", raw=json.dumps(base).encode().replace(b"red", b"r\xffd"))
    line("surrogate", "not JSON", raw=json.dumps(base).replace("red", "\\ud800"))
    line("nul", "not JSON", raw=json.dumps(base).replace("red", "\\u0000"))
    line("deep", "not JSON", raw="[" * 5000 + "]" * 5000)
    line("too_long", "longer than 65536 bytes", raw=json.dumps(base) + " " * 66000)
    line("caption_too_long", '"caption" is longer than 1023 bytes', caption="x" * 1024)
    line("url_too_long", '"url" is longer than 2047', url="h" * 2048)
    line("origin_too_long", '"origin" is longer than 31', origin="h" * 32)
    line("caption_control", '"caption" must be a text without control', caption="a\u001b[2Jb")
    line("file_name_newline", '"file_name" must be a text without control', file_name="a\nb")
    line("caption_delete", '"caption" must be a text without control', caption="a\u007f")
    line("sha256_short", '"sha256" must be 64', sha256=SHA[:63])
    line("sha256_upper", '"sha256" must be 64', sha256=SHA.upper())
    line("sha256_path", '"sha256" must be 64', sha256="../../../../../../../../etc/passwd".ljust(64, "0"))
    line("id_other", '"id" must be the first 16', id="0" * 16)
    line("id_short", '"id" must be the first 16', id=SHA[:15])
    line("valid_no_sha256", sha256="", file_name="")
    line("id_not_hex", '"id" must be the first 16', id="g" * 16, sha256="")
    line("id_short_no_sha256", '"id" must be the first 16', id=SHA[:15], sha256="")
    line("id_empty", '"id" must be the first 16', id="")
    line("embedding_model_empty", '"embedding_model" must be a name', embedding_model="")
    line("source_other", '"source" must be', source="ftp")
    line("source_number", '"source" must be', source=1)
    line("width_negative", '"width" must be a whole', width=-1)
    line("width_real", '"width" must be a whole', width=640.0)
    line("width_text", '"width" must be a whole', width="640")
    line("width_too_large", '"width" must be a whole', width=2**32)
    line("height_too_large", '"height" must be a whole', height=2**40)
    line("size_negative", '"size_bytes" must be', size_bytes=-1)
    line("size_overflow", "not JSON", size_bytes=2**63)
    line("created_negative", '"created_ms" must be', created_ms=-5)
    line("created_too_late", '"created_ms" must be', created_ms=253402300800000)
    line("confidence_text", '"confidence" must be a number', confidence="0.5")
    line("confidence_null", '"confidence" must be a number', confidence=None)
    line("confidence_overflow", "not JSON", raw=json.dumps(base).replace("0.5", "1e999"))
    line("confidence_nan", "not JSON", raw=json.dumps(base).replace("0.5", "NaN"))
    line("clip_score_true", '"clip_score" must be a number', clip_score=True)
    line("hash_short", '"perceptual_hash" must be', perceptual_hash="0123456789abcde")
    line("hash_upper", '"perceptual_hash" must be', perceptual_hash="0123456789ABCDEF")
    line("hash_number", '"perceptual_hash" must be', perceptual_hash=5)
    line("hash_prefix", '"perceptual_hash" must be', perceptual_hash="0x23456789abcdef")
    line("tags_text", '"tags" must be an array', tags="sea,summer")
    line("tags_null", '"tags" must be an array', tags=None)
    line("tags_number_in", '"tags" must be an array', tags=["sea", 3])
    line("tags_twice", 'the tag "sea" is there twice', tags=["sea", "sea"])
    line("tags_empty_one", "a tag must be some text", tags=[""])
    line("tags_comma", "a tag must be some text", tags=["a,b"])
    line("tags_newline", "a tag must be some text", tags=["a\nb"])
    line("tags_too_long", "is longer than 63 bytes", tags=["x" * 64])
    line("tags_too_many", "at most 32 tags", tags=[f"t{i}" for i in range(33)])
    line("vectors_array", '"vectors" must be an object', vectors=[3, 0])
    line("vectors_null", '"vectors" must be an object', vectors=None)
    line("vectors_unknown", "names a model that the manifest does not know", vectors={"third": 0})
    line("vectors_row_beyond", '"space" must be a whole number from 0 to 9', vectors={"space": 10})
    line("vectors_row_negative", '"space" must be a whole number', vectors={"space": -1})
    line("vectors_row_real", '"space" must be a whole number', vectors={"space": 1.0})
    line("vectors_row_null", '"space" must be a whole number', vectors={"space": None})
    line("vectors_of_empty_space", "there are no vectors of empty", vectors={"empty": 0})


def make_arrays(folder):
    def npy(name, data, error=None):
        put(folder, "npy_" + name, ".npy", data, error)

    def saved(a, version=(1, 0)):
        f = io.BytesIO()
        numpy.lib.format.write_array(f, a, version=version)
        return f.getvalue()

    a = numpy.arange(12, dtype="<f4").reshape(3, 4)
    ok = saved(a)

    def header(text, body=a.tobytes(), version=b"\x01\x00", length=None):
        t = text.encode("latin1")
        return b"\x93NUMPY" + version + (len(t) if length is None else length).to_bytes(2, "little") + t + body

    D3 = "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }"
    npy("valid", ok)
    npy("valid_no_rows", saved(numpy.zeros((0, 4), "<f4")))
    npy("valid_other_order", header("{ 'shape':(3,4) , \"descr\":\"<f4\",'fortran_order':False}\n"))
    npy("valid_trailing_comma", header("{'shape': (3, 4,), 'descr': '<f4', 'fortran_order': False, }  \n"))
    npy("empty", b"", "not an array of NumPy")
    npy("only_magic", ok[:8], "not an array of NumPy")
    npy("magic_wrong", b"\x93NUMPX" + ok[6:], "not an array of NumPy")
    npy("version_2", saved(a, (2, 0)), "not an array of NumPy's format 1.0")
    npy("version_1_1", header(D3, version=b"\x01\x01"), "not an array of NumPy's format 1.0")
    npy("header_beyond", ok[:60], "ends within its header")
    npy("header_length_max", header(D3, length=65535), "ends within its header")
    npy("header_length_zero", header(D3, length=0), "not one of NumPy's")
    npy("header_length_short", header(D3, length=20), "not")
    npy("float64", saved(a.astype("<f8")), "not float32")
    npy("float16", saved(a.astype("<f2")), "not float32")
    npy("big_endian", saved(a.astype(">f4")), "not float32")
    npy("object", header(D3.replace("<f4", "|O")), "not float32")
    npy("structured", header(D3.replace("'<f4'", "[('a', '<f4')]")), "not float32")
    npy("fortran_order", saved(numpy.asfortranarray(a)), "not in C order")
    npy("fortran_number", header(D3.replace("False", "0")), "not in C order")
    npy("one_dimension", saved(a.reshape(12)), "not that of rows and columns")
    npy("three_dimensions", saved(a.reshape(3, 2, 2)), "not that of rows and columns")
    npy("no_dimension", saved(numpy.float32(1)), "not that of rows and columns")
    npy("shape_negative", header(D3.replace("(3,", "(-3,")), "not that of rows and columns")
    npy("shape_real", header(D3.replace("(3,", "(3.0,")), "not that of rows and columns")
    npy("shape_overflow", header(D3.replace("(3, 4)", "(99999999999999999999, 4)")), "not that of rows and columns")
    npy("shape_product_overflow", header(D3.replace("(3, 4)", "(4611686018427387904, 4)")), "which is not")
    npy("shape_bytes_overflow", header(D3.replace("(3, 4)", "(4611686018427387904, 1)")), "which is not")
    npy("shape_list", header(D3.replace("(3, 4)", "[3, 4]")), "not that of rows and columns")
    npy("shape_open", header("{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4"), "not that of rows and columns")
    npy("key_missing", header("{'descr': '<f4', 'shape': (3, 4)}"), "not one of NumPy's")
    npy(
        "key_twice",
        header("{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (3, 4)}"),
        "not one of NumPy's",
    )
    npy("key_unknown", header(D3.replace("}", "'more': 1}")), "not one of NumPy's")
    npy("no_comma", header("{'descr': '<f4' 'fortran_order': False, 'shape': (3, 4)}"), "not one of NumPy's")
    npy("two_commas", header("{'descr': '<f4',, 'fortran_order': False, 'shape': (3, 4)}"), "not one of NumPy's")
    npy("not_closed", header(D3[:-1]), "not one of NumPy's")
    npy("no_dictionary", header("('<f4', False, (3, 4))"), "not one of NumPy's")
    npy("after_dictionary", header(D3 + " x"), "not one of NumPy's")
    npy("code", header("__import__('os').system('true')"), "not one of NumPy's")
    npy("data_short", ok[:-1], "which is not 3 rows of 4")
    npy("data_long", ok + b"\0", "which is not 3 rows of 4")
    npy("data_missing", ok[:-48], "which is not 3 rows of 4")


def make_manifests(folder):
    space = dict(embedding_model="space", width=4, count=10, file="vectors-0.npy", sha256=SHA)
    second = dict(embedding_model="second", width=8, count=2, file="vectors-1.npy", sha256=SHA)
    whole = {
        "format": "imgrouter export",
        "version": 1,
        "images": 10,
        "active_space": "space",
        "pictures": False,
        "images_sha256": SHA,
        "spaces": [space, second],
    }

    def manifest(name, error=None, drop=None, raw=None, **changes):
        members = {key: value for key, value in {**whole, **changes}.items() if key != drop}
        put(folder, "manifest_" + name, ".manifest", json.dumps(members, indent=1) if raw is None else raw, error)

    def space_case(name, error, drop=None, **changes):
        members = {key: value for key, value in {**second, **changes}.items() if key != drop}
        manifest("space_" + name, "space 1: " + error, spaces=[space, members])

    manifest("valid")
    manifest("valid_empty", images=0, active_space="", spaces=[])
    manifest("valid_pictures", pictures=True)
    manifest(
        "valid_most_spaces", spaces=[dict(space, embedding_model=f"m{i}", file=f"vectors-{i}.npy") for i in range(16)]
    )
    manifest(
        "too_many_spaces",
        "an array of at most 16",
        spaces=[dict(space, embedding_model=f"m{i}", file=f"vectors-{i}.npy") for i in range(17)],
    )
    for k in whole:
        manifest(
            "lacks_" + k,
            {"format": "not the manifest", "version": '"version" must', "pictures": "seven members"}.get(
                k, "seven members"
            ),
            drop=k,
        )
    manifest("empty", "not JSON", raw="")
    manifest("cut", "not JSON", raw=json.dumps(whole)[:-3])
    manifest("array", "not the manifest of an export", raw="[]")
    manifest("not_utf8", "not JSON", raw=json.dumps(whole).encode().replace(b'"space"', b'"sp\xffce"'))
    manifest("member_twice", "not JSON", raw=json.dumps(whole)[:-1] + ',"images":1}')
    manifest("format_other", "not the manifest of an export", format="other")
    manifest("version_newer", "the export is of version 2", version=2)
    manifest("version_zero", "the export is of version 0", version=0)
    manifest("version_text", '"version" must be a whole', version="1")
    manifest("unknown_member", "seven members", colour="red")
    manifest("images_negative", '"images" must be', images=-1)
    manifest("images_real", '"images" must be', images=1.5)
    manifest("images_huge", '"images" must be', images=2**41)
    manifest("pictures_text", '"pictures" must be true or false', pictures="no")
    manifest("active_space_number", '"active_space" must be', active_space=5)
    manifest("active_space_too_long", '"active_space" must be a text of at most 127', active_space="x" * 128)
    manifest("active_space_control", "has a control character", active_space="a\u001b")
    manifest("hash_short", '"images_sha256" must be 64', images_sha256=SHA[:60])
    manifest("hash_upper", '"images_sha256" must be 64', images_sha256=SHA.upper())
    manifest("spaces_object", '"spaces" must be an array', spaces={})
    manifest("space_number", "space 1: it must be an object", spaces=[space, 5])
    space_case("lacks_width", "it must be an object of five members", drop="width")
    space_case("more", "it must be an object of five members", colour=1)
    space_case("width_zero", '"width" must be', width=0)
    space_case("width_huge", '"width" must be', width=16385)
    space_case("width_negative", '"width" must be', width=-4)
    space_case("count_negative", '"count" must be', count=-1)
    space_case("count_huge", '"count" must be', count=2**60)
    space_case("count_text", '"count" must be', count="2")
    space_case("file_path", '"file" must be', file="../vectors-1.npy")
    space_case("file_other", '"file" must be "vectors-1.npy"', file="vectors-0.npy")
    space_case("file_long", '"file" must be', file="x" * 300)
    space_case("model_empty", '"embedding_model" is empty', embedding_model="")
    space_case("model_twice", 'its "embedding_model" is there twice', embedding_model="space")
    space_case("model_long", '"embedding_model" must be', embedding_model="m" * 128)
    space_case("hash_text", '"sha256" must be 64', sha256="x" * 64)


if __name__ == "__main__":
    suite = pathlib.Path(sys.argv[1])
    suite.mkdir(exist_ok=True)
    make_lines(suite)
    make_arrays(suite)
    make_manifests(suite)
