#!/usr/bin/env python3
"""Make the suites of weight files: tests/suites/safetensors and tests/suites/torch_zip.

    python tools/reference/make_weight_files.py

Needs torch. One case a file, each tiny. Beside <case>.safetensors or <case>.bin stands either
<case>.error, a part of the sentence that must refuse it, or <case>.ok, its tensors in the order of
the file: name, type, shape and the bytes in hex.
"""
import collections
import json
import pathlib
import pickle
import struct
import tempfile
import zlib

import torch

SUITES = pathlib.Path(__file__).resolve().parents[2] / "tests/suites"
MARK, STOP, REDUCE, TUPLE, SETITEMS = b"(", b".", b"R", b"t", b"u"


def write_case(suite, name, content, error=None, tensors=None):
    folder = SUITES / suite
    (folder / (name + (".safetensors" if suite == "safetensors" else ".bin"))).write_bytes(content)
    if error is not None:
        (folder / f"{name}.error").write_text(error + "\n")
    else:
        rows = [f"{key} {kind} [{', '.join(map(str, shape))}] {data.hex()}".rstrip() + "\n"
                for key, kind, shape, data in tensors]
        (folder / f"{name}.ok").write_text("".join(rows))


# --- safetensors ---

def safetensors(header, data=b""):
    text = header if isinstance(header, bytes) else json.dumps(header).encode("utf-8")
    return struct.pack("<Q", len(text)) + text + data


def entry(kind, shape, begin, end):
    return {"dtype": kind, "shape": shape, "data_offsets": [begin, end]}


def make_safetensors_valid():
    def case(name, rows, padding=0, metadata=None, order=None, more=b""):
        header, data, tensors = {}, b"", []
        if metadata is not None:
            header["__metadata__"] = metadata
        for key, kind, shape, content in rows:
            header[key] = entry(kind, shape, len(data), len(data) + len(content))
            data += content
            tensors.append((key, kind, shape, content))
        if order is not None:
            header = {key: header[key] for key in order}
            tensors.sort(key=lambda row: order.index(row[0]))
        text = json.dumps(header).encode("utf-8") + more + b" " * padding
        write_case("safetensors", name, safetensors(text, data), tensors=tensors)

    one = struct.pack("<f", 1.5)
    case("valid_floats", [("a", "F32", [2], one * 2), ("b", "F16", [3], b"\x00\x3c" * 3),
                          ("c", "BF16", [1, 1], b"\x80\x3f")])
    case("valid_all_types", [(kind.lower(), kind, [2], bytes(range(2 * size))) for kind, size in [
        ("F64", 8), ("F32", 4), ("F16", 2), ("BF16", 2), ("I64", 8), ("I32", 4), ("I16", 2),
        ("I8", 1), ("U8", 1), ("BOOL", 1)]])
    case("valid_scalar_and_empty", [("scalar", "F32", [], one), ("empty", "F32", [0, 3], b""),
                                    ("after", "F32", [1], one), ("last", "I8", [5, 0], b"")])
    case("valid_metadata", [("a", "F32", [1], one)], metadata={"format": "pt", "": "text"})
    case("valid_padded", [("a", "F32", [1], one)], padding=13)
    case("valid_unaligned", [("a", "I8", [1], b"\x07"), ("b", "F32", [1], one)], padding=3)
    case("valid_unordered", [("a", "F32", [1], one), ("b", "I8", [2], b"\x01\x02")], order=["b", "a"])
    case("valid_no_tensors", [])
    case("valid_eight_dimensions", [("a", "I8", [1, 1, 2, 1, 1, 1, 1, 1], b"\x01\x02")])
    case("valid_special_values", [("a", "F32", [3], struct.pack("<3I", 0x7FC00000, 0xFF800000, 1))])
    case("valid_odd_names", [("a b.c/d\"e\\f", "I8", [1], b"\x01"), ("", "I8", [1], b"\x02")])
    # The reference reader ignores members that it does not know.
    text = b'{"a":{"dtype":"I8","shape":[1],"data_offsets":[0,1],"more":null}}'
    write_case("safetensors", "valid_more_members", safetensors(text, b"\x01"),
               tensors=[("a", "I8", [1], b"\x01")])


def make_safetensors_refused():
    def case(name, content, error):
        write_case("safetensors", name, content, error=error)

    def header(name, text, error, data=b""):
        case(name, safetensors(text, data), error)

    good = safetensors({"a": entry("F32", [2], 0, 8)}, b"12345678")
    case("empty_file", b"", "the file is empty")
    case("seven_bytes", good[:7], "7 bytes are too few for a weight file")
    case("nine_bytes", good[:9], "9 bytes are too few")
    case("header_over_limit", struct.pack("<Q", 100_000_001) + good[8:], "claims 100000001 bytes; the limit")
    case("header_length_all_ones", b"\xff" * 8 + good[8:], "claims 18446744073709551615 bytes")
    case("header_past_end", struct.pack("<Q", len(good)) + good[8:], "the file is cut short")
    case("header_length_zero", struct.pack("<Q", 0) + good[8:], "is not valid JSON")
    case("cut_data", good[:-1], "ends at byte 8, but the file holds only 7; the file is cut short")
    case("cut_header", good[:30], "the file is cut short")
    case("trailing_byte", good + b"x", "1 bytes at its end belong to no tensor")
    header("invalid_utf8", b'{"\xff\xfe":1}', "not UTF-8")
    header("list", b"[1, 2, 3]", "neither a safetensors file nor a PyTorch zip")
    header("leading_space", b' {"a":1}', "neither a safetensors file nor a PyTorch zip")
    header("bad_json", b'{"a":}', "not valid JSON, near byte")
    header("unclosed_json", b'{"a":{"dtype":"F32"', "not valid JSON")
    header("two_documents", b"{}{}", "not valid JSON")
    header("number_too_large", b'{"a":99999999999999999999}', "not valid JSON")
    header("deep_nesting", b'{"a":' + b"[" * 3000 + b"]" * 3000 + b"}", "not valid JSON")
    header("nul_in_name", b'{"a\\u0000":1}', "not valid JSON")
    header("duplicate_name", b'{"a":{"dtype":"I8","shape":[1],"data_offsets":[0,1]},'
           b'"a":{"dtype":"I8","shape":[1],"data_offsets":[0,1]}}', "appears twice", b"x")
    header("duplicate_member", b'{"a":{"dtype":"I8","dtype":"F32","shape":[1],"data_offsets":[0,1]}}',
           "appears twice", b"x")
    header("control_character_in_name", {"a\x1b[31m": entry("I8", [1], 0, 1)}, "not printable ASCII", b"x")
    header("name_not_ascii", {"名": entry("I8", [1], 0, 1)}, "not printable ASCII", b"x")
    header("entry_not_object", {"a": 3}, 'tensor "a": its entry in the header is not an object')
    header("metadata_number", {"__metadata__": {"a": 1}}, "something that is not text")
    header("metadata_list", {"__metadata__": []}, '"__metadata__" in the header is not an object')
    header("type_missing", {"a": {"shape": [1], "data_offsets": [0, 1]}}, '"dtype" is missing', b"x")
    header("type_number", {"a": entry(1, [1], 0, 1)}, '"dtype" is missing or not text', b"x")
    for kind in ["F8_E4M3", "F8_E5M2", "U16", "U32", "U64", "C64", "F4", "f32", ""]:
        header("type_" + (kind or "empty") + ("_lower" if kind == "f32" else ""),
               {"a": entry(kind, [1], 0, 1)}, f'the type "{kind}" is not supported', b"x")
    header("type_with_escape", {"a": entry("F\x1b[0m", [1], 0, 1)}, 'the type "F" is not supported', b"x")
    header("shape_missing", {"a": {"dtype": "I8", "data_offsets": [0, 1]}}, '"shape" is missing', b"x")
    header("shape_object", {"a": entry("I8", {}, 0, 1)}, '"shape" is missing or not a list', b"x")
    header("shape_negative", {"a": entry("I8", [-1], 0, 1)}, "something that is not a size", b"x")
    header("shape_real", b'{"a":{"dtype":"I8","shape":[1.0],"data_offsets":[0,1]}}', "not a size", b"x")
    header("shape_text", {"a": entry("I8", ["1"], 0, 1)}, "not a size", b"x")
    header("shape_nine_dimensions", {"a": entry("I8", [1] * 9, 0, 1)}, "9 dimensions; the limit is 8", b"x")
    header("shape_overflow", {"a": entry("I8", [2**32, 2**32], 0, 0)}, "larger than any memory")
    header("shape_overflow_before_zero", {"a": entry("I8", [2**62, 2**62, 0], 0, 0)}, "larger than any memory")
    header("shape_overflow_in_bytes", {"a": entry("F32", [2**62], 0, 0)}, "larger than any memory")
    header("offsets_missing", {"a": {"dtype": "I8", "shape": [1]}}, '"data_offsets" is not a pair', b"x")
    header("offsets_three", {"a": {"dtype": "I8", "shape": [1], "data_offsets": [0, 1, 2]}}, "not a pair", b"x")
    header("offsets_negative", {"a": entry("I8", [1], -1, 0)}, "not a pair of offsets", b"x")
    header("offsets_reversed", {"a": entry("I8", [1], 1, 0)}, "it ends before it begins", b"x")
    header("offsets_past_end", {"a": entry("I8", [2**62], 0, 2**62)}, "the file is cut short", b"x")
    header("size_too_small", {"a": entry("F32", [2], 0, 4)}, "it takes 4 bytes, but its shape and type ask for 8", b"1234")
    header("size_too_large", {"a": entry("F32", [1], 0, 8)}, "it takes 8 bytes, but its shape and type ask for 4", b"12345678")
    header("size_of_empty", {"a": entry("F32", [0], 0, 4)}, "ask for 0", b"1234")
    header("hole_at_start", {"a": entry("I8", [1], 1, 2)}, 'tensor "a" comes after bytes that belong to no tensor', b"xy")
    header("hole", {"a": entry("I8", [1], 0, 1), "b": entry("I8", [1], 2, 3)}, 'tensor "b" comes after bytes', b"xyz")
    header("overlap", {"a": entry("I8", [2], 0, 2), "b": entry("I8", [2], 1, 3)}, 'tensor "b" shares bytes', b"xyz")
    header("same_place", {"a": entry("I8", [2], 0, 2), "b": entry("I8", [2], 0, 2)}, "shares bytes with another", b"xy")
    case("lfs_pointer", b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n", "only a Git LFS pointer")
    case("web_page", b"<!DOCTYPE html><html><head><title>404</title></head></html>", "neither a safetensors file")
    case("pytorch_before_1_6", b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.\x80\x02M\xe9\x03.", "written by PyTorch before 1.6")


# --- pickles, written by hand ---

def text(value):
    return b"X" + struct.pack("<I", len(value.encode())) + value.encode()


def number(value):
    if 0 <= value < 256:
        return b"K" + bytes([value])
    if -(2**31) <= value < 2**31:
        return b"J" + struct.pack("<i", value)
    length = (value.bit_length() + 8) // 8
    return b"\x8a" + bytes([length]) + value.to_bytes(length, "little", signed=True)


def name(module, attribute):
    return b"c" + f"{module}\n{attribute}\n".encode()


def numbers(values):
    return MARK + b"".join(map(number, values)) + TUPLE


def storage(key="0", count=4, kind="FloatStorage", word="storage", module="torch"):
    return (MARK + text(word) + name(module, kind) + text(key) + text("cpu") + number(count) + TUPLE + b"Q")


ORDERED_DICT = name("collections", "OrderedDict") + b")R"


def tensor(shape=(4,), stride=(1,), offset=0, more=b"", **of_storage):
    return (name("torch._utils", "_rebuild_tensor_v2") + MARK + storage(**of_storage) + number(offset)
            + numbers(shape) + numbers(stride) + b"\x89" + ORDERED_DICT + more + TUPLE + REDUCE)


def state_dict(**entries):
    rows = b"".join(text(key) + value for key, value in entries.items())
    return b"\x80\x02" + ORDERED_DICT + MARK + rows + SETITEMS + STOP


# --- zips, written by hand, so that each field can be wrong ---

class Zip:
    def __init__(self):
        self.body, self.directory, self.count = b"", b"", 0

    def add(self, entry_name, data, flags=0, method=0, local_name=None, crc=None, size=None, offset=None,
            stored_size=None, disk=0, extra=b"", local_extra=b""):
        raw = entry_name.encode()
        local = raw if local_name is None else local_name.encode()
        crc = zlib.crc32(data) if crc is None else crc
        size = len(data) if size is None else size
        stored = size if stored_size is None else stored_size
        here = len(self.body) if offset is None else offset
        self.body += struct.pack("<IHHHHHIIIHH", 0x04034B50, 20, flags, method, 0, 0, crc, stored, size,
                                 len(local), len(local_extra)) + local + local_extra + data
        self.directory += struct.pack("<IHHHHHHIIIHHHHHII", 0x02014B50, 20, 20, flags, method, 0, 0, crc,
                                      stored, size, len(raw), len(extra), 0, disk, 0, 0, here) + raw + extra
        self.count += 1
        return self

    def end(self, count=None, length=None, offset=None, disk=0, comment=b"", middle=b""):
        count = self.count if count is None else count
        length = len(self.directory) if length is None else length
        offset = len(self.body) if offset is None else offset
        return self.body + self.directory + middle + struct.pack(
            "<IHHHHIIH", 0x06054B50, disk, disk, count, count, length, offset, len(comment)) + comment


def archive(program, data=b"0123456789abcdef"):
    return Zip().add("archive/data.pkl", program).add("archive/data/0", data)


def make_torch_valid():
    def case(case_name, content, tensors):
        write_case("torch_zip", case_name, content, tensors=tensors)

    def saved(case_name, value):
        kinds = {torch.float32: "F32", torch.float16: "F16", torch.bfloat16: "BF16", torch.float64: "F64",
                 torch.int64: "I64", torch.int32: "I32", torch.int16: "I16", torch.int8: "I8",
                 torch.uint8: "U8", torch.bool: "BOOL"}
        with tempfile.TemporaryDirectory() as temporary:
            path = pathlib.Path(temporary) / "model.bin"
            torch.save(value, path)
            content = path.read_bytes()
        tensors = []
        for key, value in value.items():
            raw = value.detach().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()
            tensors.append((key, kinds[value.dtype], list(value.shape), raw))
        case(case_name, content, tensors)

    torch.manual_seed(3)
    matrix = torch.arange(6.0).reshape(2, 3)
    saved("valid_torch_save", collections.OrderedDict(
        matrix=matrix, row=matrix[1], whole=matrix, half=torch.ones(3).half(), brain=torch.ones(2).bfloat16(),
        double=torch.ones(1).double(), long=torch.arange(4).expand(1, -1), int=torch.ones(2).int(),
        short=torch.ones(2).short(), char=torch.ones(3).char(), byte=torch.ones(3).byte(),
        bool=torch.tensor([True, False]), scalar=torch.tensor(1.5), empty=torch.zeros(0, 3),
        parameter=torch.nn.Parameter(torch.ones(2))))
    saved("valid_plain_dict", {"a": matrix})
    saved("valid_module", torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.BatchNorm1d(2)).state_dict())
    saved("valid_many", {f"layer.{i}.weight": torch.full((1,), float(i)) for i in range(60)})
    saved("valid_no_tensors", {})

    data = b"0123456789abcdef"
    row = [("w", "F32", [4], data)]
    case("valid_by_hand", archive(state_dict(w=tensor())).end(), row)
    # What older writers used: short strings, long memo numbers, plain dicts, item by item.
    old = b"\x80\x02}" + b"U\x01w" + tensor() + b"r\x64\0\0\0" + b"s" + b"U\x01v" + b"j\x64\0\0\0" + b"s."
    case("valid_old_opcodes", archive(old).end(), row + [("v", "F32", [4], data)])
    extras = (b"\x80\x02" + name("collections", "OrderedDict") + b")\x81" + MARK + text("w") + tensor() + SETITEMS
              + b"}" + MARK + text("list") + b"]" + number(1) + b"a" + MARK + number(2) + b"N" + b"e"
              + text("set") + b"\x8f" + text("real") + b"G" + struct.pack(">d", 1.5) + text("yes") + b"\x88"
              + text("two") + number(1) + number(2) + b"\x86" + text("big") + number(2**40)
              + text("word") + b"M\x00\x01" + SETITEMS + b"b" + STOP)
    case("valid_attributes", archive(extras).end(), row)
    case("valid_byteorder", archive(state_dict(w=tensor())).add("archive/byteorder", b"little").end(), row)
    case("valid_part_of_storage", archive(state_dict(w=tensor((1, 2), (99, 1), 1))).end(),
         [("w", "F32", [1, 2], data[4:12])])
    wide = struct.pack("<HHQQQ", 1, 24, 16, 16, 0)
    case("valid_zip64_sizes", Zip().add("archive/data/0", data, size=0xFFFFFFFF, extra=wide, offset=0xFFFFFFFF)
         .add("archive/data.pkl", state_dict(w=tensor())).end(), row)


def make_torch_pickles_refused():
    def case(case_name, program, error, data=b"0123456789abcdef"):
        write_case("torch_zip", case_name, archive(program, data).end(), error=error)

    def one(case_name, value, error, **more):
        case(case_name, state_dict(w=value), error, **more)

    class Evil:
        def __reduce__(self):
            import os
            return os.system, ("echo owned",)

    case("pickle_os_system", pickle.dumps({"w": Evil()}, protocol=2), 'names "posix.system", which is refused')
    one("pickle_eval", name("__builtin__", "eval") + text("1") + b"\x85R", 'names "__builtin__.eval"')
    one("pickle_name_with_escape", name("a\x1b[0m", "b"), 'names "a.b", which is refused')
    one("pickle_name_near_allowed", name("torch._utils", "_rebuild_tensor_v22"), "_rebuild_tensor_v22")
    one("pickle_name_newer", name("torch._utils", "_rebuild_tensor_v3"), "_rebuild_tensor_v3")
    one("pickle_name_without_end", b"ctorch", "a name has no end")
    one("pickle_untyped_storage", storage(kind="UntypedStorage", module="torch.storage"), "torch.storage.UntypedStorage")
    one("pickle_complex_storage", tensor(kind="ComplexFloatStorage"), "torch.ComplexFloatStorage")
    for code, opcode in [("inst", b"ios\nsystem\n"), ("obj", b"o"), ("stack_global", b"\x93"), ("pop", b"0"),
                         ("ext", b"\x82\x01"), ("get", b"g0\n"), ("int_text", b"I1\n"), ("frame", b"\x95"),
                         ("newobj_ex", b"\x92"), ("dup", b"2"), ("zero", b"\x00"), ("persid", b"P0\n")]:
        one("pickle_opcode_" + code, opcode, f"the opcode 0x{opcode[0]:02x} is refused")
    case("pickle_protocol_4", pickle.dumps({}, protocol=4), "not a pickle of protocol 2")
    case("pickle_protocol_0", b"(dp0\n.", "not a pickle of protocol 2")
    case("pickle_empty", b"", "ends too early")
    case("pickle_one_byte", b"\x80", "ends too early")
    case("pickle_no_stop", state_dict(w=tensor())[:-1], "ends too early")
    case("pickle_only_stop", b"\x80\x02.", "at its end there is not one value")
    case("pickle_two_values", b"\x80\x02}}.", "at its end there is not one value")
    case("pickle_open_mark", b"\x80\x02}(.", "at its end there is not one value")
    case("pickle_result_list", b"\x80\x02].", "it holds no state dict")
    case("pickle_result_tensor", b"\x80\x02" + tensor() + STOP, "it holds no state dict")
    case("pickle_result_number", b"\x80\x02K\x01.", "it holds no state dict")
    case("pickle_bytes_after_mark", b"\x80\x02}(K\x01" + b"\x86.", "a tuple lacks values")
    one("pickle_underflow_reduce", REDUCE, "a value is taken from an empty stack")
    one("pickle_underflow_tuple", b"\x87", "a tuple lacks values")
    case("pickle_underflow_setitem", b"\x80\x02}s.", "a value is taken from an empty stack")
    case("pickle_underflow_append", b"\x80\x02a.", "a value is taken from an empty stack")
    case("pickle_underflow_setitems", b"\x80\x02u.", "a mark is missing")
    case("pickle_underflow_memo", b"\x80\x02q\x00.", "there is nothing to remember")
    case("pickle_underflow_build", b"\x80\x02}b.", "attributes are set on no dict")
    case("pickle_setitems_without_dict", b"\x80\x02(K\x01K\x02u.", "a container is missing")
    case("pickle_setitems_on_list", b"\x80\x02](K\x01K\x02u.", "values are put into no container")
    case("pickle_setitem_below_mark", b"\x80\x02}(K\x01K\x02s.", "a container is missing")
    case("pickle_append_on_dict", b"\x80\x02}K\x01a.", "values are put into no container")
    case("pickle_key_without_value", b"\x80\x02}(K\x01u.", "a key has no value")
    case("pickle_memo_huge", b"\x80\x02}r\xff\xff\xff\xff.", "a memo number is too large")
    case("pickle_memo_get_huge", b"\x80\x02j\xff\xff\xff\xff.", "a memo number is unknown")
    case("pickle_memo_unknown", b"\x80\x02h\x05.", "a memo number is unknown")
    case("pickle_text_beyond_end", b"\x80\x02X\xff\xff\xff\xffab.", "ends too early")
    case("pickle_long_of_nine_bytes", b"\x80\x02\x8a\x09" + b"\x01" * 9 + b".", "a number is too large")
    one("pickle_call_storage", name("torch", "FloatStorage") + b")R", "it calls torch.FloatStorage in a way")
    one("pickle_call_number", number(1) + b")R", "something is called that is no function")
    one("pickle_call_with_list", name("collections", "OrderedDict") + b"]R", "something is called that is no function")
    one("pickle_ordered_dict_of_items", name("collections", "OrderedDict") + b"]\x85R", "it calls collections.OrderedDict in a way")
    one("pickle_seven_arguments", tensor(more=b"}"), "it calls torch._utils._rebuild_tensor_v2 in a way")
    one("pickle_parameter_of_none", name("torch._utils", "_rebuild_parameter") + b"N\x88)\x87R", "_rebuild_parameter in a way")
    one("pickle_attributes_on_tensor", tensor() + b"}b", "attributes are set on no dict")
    one("pickle_storage_of_four", MARK + text("storage") + name("torch", "FloatStorage") + text("0") + number(4) + TUPLE + b"Q",
        "a storage is not described by five values")
    one("pickle_storage_other_word", storage(word="module"), "a storage is described wrongly")
    one("pickle_storage_negative", storage(count=-1), "a storage is described wrongly")
    one("pickle_storage_no_type", MARK + text("storage") * 4 + number(4) + TUPLE + b"Q", "a storage is described wrongly")
    one("pickle_storage_dict_as_type", MARK + text("storage") + name("collections", "OrderedDict") + text("0") + text("cpu")
        + number(4) + TUPLE + b"Q", "a storage is described wrongly")
    case("pickle_doubling_bomb", b"\x80\x02}" + text("w") + b")" + b"q\x00h\x00\x86" * 200 + b"s.", '"w" is not a tensor')
    case("pickle_dict_in_itself", b"\x80\x02}q\x00" + text("w") + b"h\x00s.", '"w" is not a tensor')
    case("pickle_many_marks", b"\x80\x02}" + MARK * 2000 + b".", "at its end there is not one value")
    case("pickle_calls_nested", b"\x80\x02" + ORDERED_DICT * 500 + b".", "at its end there is not one value")
    case("value_number", state_dict(epoch=number(3), w=tensor()), '"epoch" is not a tensor; the file must hold a plain state dict')
    case("value_wrapper", state_dict(state_dict=ORDERED_DICT), '"state_dict" is not a tensor')
    case("value_storage", state_dict(w=storage()), '"w" is not a tensor')
    case("key_number", b"\x80\x02}" + number(1) + tensor() + b"s.", "a key of its dict is not text")
    case("name_twice", b"\x80\x02}" + text("w") + tensor() + b"s" + text("w") + tensor() + b"s.", 'tensor "w" is there twice')
    case("name_with_newline", b"\x80\x02}" + text("a\nb") + tensor() + b"s.", "not printable ASCII")
    case("name_not_ascii", b"\x80\x02}" + text("名") + tensor() + b"s.", "not printable ASCII")
    one("tensor_beyond_storage", tensor((5,)), "it reaches beyond its storage of 4 elements")
    one("tensor_offset_beyond", tensor((1,), offset=4), "it reaches beyond its storage of 4 elements")
    one("tensor_offset_far_beyond", tensor((1,), offset=2**62), "it reaches beyond its storage")
    one("tensor_offset_negative", tensor(offset=-1), "described wrongly")
    one("tensor_shape_negative", tensor((-4,)), "described wrongly")
    one("tensor_shape_overflow", tensor((2**32, 2**32), (1, 1)), "larger than any memory")
    one("tensor_shape_overflow_in_bytes", tensor((2**62,)), "larger than any memory")
    one("tensor_nine_dimensions", tensor((1,) * 9, (1,) * 9), "more than 8 dimensions")
    one("tensor_stride_count", tensor((2, 2), (1,)), "described wrongly")
    one("tensor_transposed", tensor((2, 2), (1, 2)), "not stored in order; save it again after .contiguous()")
    one("tensor_expanded", tensor((4,), (0,)), "not stored in order")
    one("tensor_stride_negative", tensor((4,), (-1,)), "described wrongly")
    one("tensor_without_storage", name("torch._utils", "_rebuild_tensor_v2") + MARK + b"N" + number(0) + numbers((1,))
        + numbers((1,)) + b"\x89N" + TUPLE + REDUCE, "described wrongly")
    one("storage_missing", tensor(key="1"), "its elements are not in the zip")
    one("storage_key_path", tensor(key="../data.pkl"), "its elements are not in the zip")
    one("storage_key_long", tensor(key="0" * 2000), "its elements are not in the zip")
    one("storage_too_short", tensor(), "the zip holds 15 bytes of it", data=b"0123456789abcde")
    one("storage_too_long", tensor(), "the zip holds 17 bytes of it", data=b"0123456789abcdefg")
    one("storage_count_overflow", tensor(count=2**62), "should have 4611686018427387904 elements")


def make_torch_zips_refused():
    program, data = state_dict(w=tensor()), b"0123456789abcdef"

    def case(case_name, content, error):
        write_case("torch_zip", case_name, content, error=error)

    def second(**wrong):
        return Zip().add("archive/data.pkl", program).add("archive/data/0", data, **wrong).end()

    good = archive(program).end()
    case("zip_cut", good[:-1], "has no directory at its end; the file is cut short")
    case("zip_cut_half", good[: len(good) // 2], "has no directory at its end")
    case("zip_only_magic", b"PK\x03\x04", "has no directory at its end")
    case("zip_comment", archive(program).end(comment=b"hello"), "has no directory at its end")
    case("zip_byte_after_end", good + b"\0", "has no directory at its end")
    case("zip_compressed", second(method=8), "the zip is compressed")
    case("zip_encrypted", second(flags=1), "the zip is encrypted")
    case("zip_unknown_flag", second(flags=0x40), "unknown flags 0x0040")
    case("zip_second_disk", second(disk=1), "directory contradicts itself")
    case("zip_sizes_differ", second(stored_size=15), "directory contradicts itself")
    case("zip_entry_beyond_end", second(size=17), "a zip entry lies outside the file")
    case("zip_entry_far_beyond_end", second(size=0xFFFFFFFE), "a zip entry lies outside the file")
    case("zip_offset_beyond_end", second(offset=0xFFFFFFF0), "a zip entry lies outside the file")
    case("zip_offset_wrong", second(offset=0), "contradict each other")
    case("zip_local_name", second(local_name="archive/data/1"), "contradict each other")
    case("zip_entries_overlap", Zip().add("archive/data.pkl", program + Zip().add("archive/data/0", data).body)
         .add("archive/data/0", data, offset=30 + 16 + len(program)).end(), "two entries of the zip overlap")
    twice = Zip().add("archive/data.pkl", program).add("archive/data/0", data)
    case("zip_same_place_twice", twice.add("archive/data/0", data, offset=30 + 16 + len(program)).end(), "overlap")
    case("zip_same_name_twice", archive(program).add("archive/data/0", data).end(), "the same name")
    case("zip_count_too_small", archive(program).end(count=1), "longer than its entries")
    case("zip_count_too_large", archive(program).end(count=3), "is not where its end says")
    case("zip_directory_offset", archive(program).end(offset=5), "is not where its end says")
    case("zip_directory_beyond", archive(program).end(offset=0xFFFFFFFF, length=0xFFFFFFFF), "is not where its end says")
    case("zip_directory_damaged", good.replace(b"PK\x01\x02", b"PK\x01\x03"), "the zip's directory is damaged")
    case("zip_of_several", archive(program).end(disk=1), "one part of several")
    case("zip_empty_directory", b"PK\x03\x04" + Zip().end(offset=4), "the zip is empty")
    case("zip_no_pickle", Zip().add("archive/data/0", data).end(), "holds no data.pkl")
    case("zip_pickle_at_top", Zip().add("data.pkl", program).add("data/0", data).end(), "holds no data.pkl")
    case("zip_two_pickles", archive(program).add("other/data.pkl", program).end(), "holds two state dicts")
    case("zip_crc_wrong", Zip().add("archive/data.pkl", program, crc=1).add("archive/data/0", data).end(),
         "the checksum of its data.pkl is wrong")
    case("zip_big_endian", archive(program).add("archive/byteorder", b"big").end(), 'byte order is not "little"')
    case("zip_byteorder_empty", archive(program).add("archive/byteorder", b"").end(), 'byte order is not "little"')
    case("zip_zip64_missing", second(size=0xFFFFFFFF), "directory contradicts itself")
    case("zip_zip64_short", second(size=0xFFFFFFFF, extra=struct.pack("<HHQ", 1, 8, 16)), "directory contradicts itself")
    case("zip_zip64_block_too_long", second(extra=struct.pack("<HH", 1, 400), size=0xFFFFFFFF), "directory contradicts itself")
    huge = struct.pack("<HHQQ", 1, 16, 2**64 - 1, 2**64 - 1)
    case("zip_zip64_huge", second(size=0xFFFFFFFF, extra=huge), "a zip entry lies outside the file")
    locator = struct.pack("<IIQI", 0x07064B50, 0, 2**63, 1)
    case("zip_zip64_locator_wrong", archive(program).end(middle=locator), "64-bit end record is damaged")
    record = struct.pack("<IQHHIIQQQQ", 0x06064B50, 44, 0, 45, 0, 0, 2**60, 2**60, 1, 2**63)
    made = archive(program)
    place = struct.pack("<IIQI", 0x07064B50, 0, len(made.body) + len(made.directory), 1)
    case("zip_zip64_count_huge", made.end(middle=record + place), "is not where its end says")


def main():
    for suite in ("safetensors", "torch_zip"):
        folder = SUITES / suite
        folder.mkdir(parents=True, exist_ok=True)
        for old in folder.iterdir():
            old.unlink()
    make_safetensors_valid()
    make_safetensors_refused()
    make_torch_valid()
    make_torch_pickles_refused()
    make_torch_zips_refused()
    for suite in ("safetensors", "torch_zip"):
        print(suite, len(list((SUITES / suite).glob("*.error"))), "refused",
              len(list((SUITES / suite).glob("*.ok"))), "valid")


if __name__ == "__main__":
    main()
