#!/usr/bin/env python3
"""Checks the house rules that a machine can check: layers, calls, names, sizes, comments.

Prints one line per fault and exits 1 when there is one. `--only layers` checks the layers alone.
"""
import argparse
import pathlib
import re
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
SOURCE = ROOT / "src"
MAX_LINES = 700
PACKAGES = ["libpq"]  # their headers are not where compilers look of themselves
FORBIDDEN_NAMES = {"util", "utils", "common", "helper", "helpers", "misc", "manager"}
# call -> what to use, and the files that may (the room that wraps it).
BANNED_CALLS = {
    "strcpy": ("snprintf or memcpy", ()),
    "strcat": ("byte_buffer", ()),
    "sprintf": ("snprintf", ()),
    "vsprintf": ("vsnprintf", ()),
    "gets": ("fgets", ()),
    "strtok": ("strcspn", ()),
    "atoi": ("strtol with checks", ()),
    "atol": ("strtol with checks", ()),
    "alloca": ("memory_try", ()),
    "malloc": ("base/memory.h", ("base/memory.c",)),
    "calloc": ("base/memory.h", ("base/memory.c",)),
    "realloc": ("base/memory.h", ("base/memory.c",)),
    "free": ("memory_free", ("base/memory.c",)),
    "strdup": ("memory_copy_text", ()),
    "exit": ("an error value; only cli exits", ("cli/",)),
    "printf": ("a returned text; only cli prints", ("cli/",)),
    "system": ("nothing: no shells", ()),
    "popen": ("nothing: no shells", ()),
}
# Lines that free what a library allocated say so: `free(x);  // jansson's`.
LIBRARY_FREE = re.compile(r"\bfree\([^)]*\);\s*//")


def read_layers():
    layers = {}
    for line in (SOURCE / "LAYERS").read_text().splitlines():
        line = line.split("#")[0].strip()
        if line:
            room, _, allowed = line.partition(":")
            layers[room.strip()] = set(allowed.split()) | {room.strip()}
    return layers


def without_comments_and_strings(line):
    line = re.sub(r'"(\\.|[^"\\])*"', '""', line)
    return line.split("//")[0]


def check_layers(files):
    layers = read_layers()
    for room in layers:
        for other in layers[room] - {room}:
            if room in layers.get(other, ()):
                yield f"src/LAYERS: {room} and {other} include each other"
    for file in files:
        room = file.relative_to(SOURCE).parts[0]
        if room not in layers:
            yield f"{file.relative_to(ROOT)}: the room {room} is not in src/LAYERS"
            continue
        for number, line in enumerate(file.read_text().splitlines(), 1):
            match = re.match(r'\s*#\s*include\s+"([^"]+)"', line)
            if not match:
                continue
            parts = match.group(1).split("/")
            where = f"{file.relative_to(ROOT)}:{number}"
            if len(parts) < 2:
                yield f'{where}: write the room in #include "{match.group(1)}"'
            elif parts[0] not in layers[room]:
                yield f"{where}: {room} may not include {parts[0]} (src/LAYERS)"


def check_calls(files):
    for file in files:
        name = file.relative_to(SOURCE).as_posix()
        for number, line in enumerate(file.read_text().splitlines(), 1):
            code = without_comments_and_strings(line)
            for call, (instead, allowed) in BANNED_CALLS.items():
                if any(name.startswith(prefix) for prefix in allowed):
                    continue
                if not re.search(rf"(?<![\w.>])\b{call}\s*\(", code):
                    continue
                if call == "free" and LIBRARY_FREE.search(line):
                    continue
                yield f"src/{name}:{number}: {call}() is banned; use {instead}"


def check_shape(files):
    for file in files:
        where = file.relative_to(ROOT)
        lines = file.read_text().splitlines()
        if len(lines) > MAX_LINES:
            yield f"{where}: {len(lines)} lines; split it (limit {MAX_LINES})"
        if FORBIDDEN_NAMES & set(re.split(r"[_.]", file.name)):
            yield f"{where}: name the thing it holds, not {file.stem}"
        for number, line in enumerate(lines, 1):
            if re.search(r"/\*", re.sub(r'"(\\.|[^"\\])*"', "", line.split("//")[0])):
                yield f"{where}:{number}: comments are // only"
            if re.search(r"\b(TODO|FIXME|XXX)\b", line):
                yield f"{where}:{number}: finish it or file an issue"


def check_headers_compile_alone(files, compiler):
    flags = subprocess.run(["pkg-config", "--cflags", *PACKAGES], capture_output=True,
                           text=True).stdout.split()
    with tempfile.TemporaryDirectory() as folder:
        unit = pathlib.Path(folder) / "alone.c"
        for header in (f for f in files if f.suffix == ".h" and not f.name.endswith("_list.h")):
            name = header.relative_to(SOURCE).as_posix()
            unit.write_text(f'#include "{name}"\nint alone_translation_unit;\n')
            run = subprocess.run(
                [compiler, "-std=c17", "-fsyntax-only", "-D_POSIX_C_SOURCE=200809L",
                 "-D_DEFAULT_SOURCE", f"-I{SOURCE}", *flags, str(unit)],
                capture_output=True, text=True)
            if run.returncode != 0:
                yield f"src/{name}: does not compile alone: {run.stderr.splitlines()[0]}"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=["layers"])
    parser.add_argument("--compiler", default="cc")
    arguments = parser.parse_args()
    files = sorted(f for f in SOURCE.rglob("*") if f.suffix in (".c", ".h"))
    checks = [check_layers(files)]
    if arguments.only is None:
        checks += [check_calls(files), check_shape(files),
                   check_headers_compile_alone(files, arguments.compiler)]
    faults = [fault for check in checks for fault in check]
    for fault in faults:
        print(fault)
    print(f"{len(files)} files, {len(faults)} faults")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
