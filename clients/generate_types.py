#!/usr/bin/env python3
"""Writes the clients' types from the OpenAPI document of a running server:

    python3 clients/generate_types.py http://127.0.0.1:8001/openapi.json

A test holds the files in the source tree against what this writes."""
import json
import keyword
import pathlib
import re
import sys
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
PYTHON_FILE = HERE / "python" / "imgrouter_client" / "types.py"
JAVASCRIPT_FILE = HERE / "javascript" / "types.d.ts"
SIMPLE = {"python": {"string": "str", "integer": "int", "number": "float", "boolean": "bool", "null": "None"},
          "javascript": {"string": "string", "integer": "number", "number": "number",
                         "boolean": "boolean", "null": "null"}}
# Bodies that the clients write themselves, and a document that needs a type of its own.
LEFT_OUT = {"PictureForm", "PictureAddress", "BatchForm", "BatchAddresses", "OpenApi"}


class Types:
    """The records of the document, as {name: {member: (type, is required, description)}}."""

    def __init__(self, document, language):
        self.schemas = document["components"]["schemas"]
        self.simple = SIMPLE[language]
        self.is_python = language == "python"
        self.records = {}
        self.names = {}  # of records within records, by their schema: the same ones are one
        self.descriptions = {}
        for name, schema in self.schemas.items():
            if name not in LEFT_OUT and (schema.get("type") == "object" or "allOf" in schema):
                self.record(name, schema)

    def record(self, name, schema):
        members, required = self.members(schema)
        self.descriptions[name] = schema.get("description", "")
        self.records[name] = None  # keeps its place before those within it
        self.records[name] = {
            key: (self.type(each, name + "".join(part.capitalize() for part in key.split("_"))),
                  key in required, each.get("description", ""))
            for key, each in members.items()}
        return name

    def members(self, schema):
        if "$ref" in schema:
            return self.members(self.schemas[schema["$ref"].rsplit("/", 1)[1]])
        members, required = dict(schema.get("properties", {})), set(schema.get("required", []))
        for part in schema.get("allOf", []):
            more, needed = self.members(part)
            members, required = more | members, needed | required
        return members, required

    def union(self, types):
        return " | ".join(dict.fromkeys(types))

    def literal(self, values):
        quoted = [json.dumps(value) for value in values if value is not None]
        text = f"Literal[{', '.join(quoted)}]" if self.is_python else " | ".join(quoted)
        return text if None not in values else f"{text} | {self.simple['null']}"

    def list_of(self, item):
        return f"list[{item}]" if self.is_python else f"Array<{item}>"

    def map_of(self, item):
        return f"dict[str, {item}]" if self.is_python else f"Record<string, {item}>"

    def type(self, schema, name):
        """The type of a member; an object within becomes a record of that name."""
        if "$ref" in schema:
            target = schema["$ref"].rsplit("/", 1)[1]
            return target if self.schemas[target].get("type") == "object" else self.type(self.schemas[target], name)
        if len(schema.get("allOf", [])) == 1 and "properties" not in schema:
            return self.type(schema["allOf"][0], name)
        if "const" in schema:
            return self.literal([schema["const"]])
        if "enum" in schema:
            return self.literal(schema["enum"])
        for choice in ("oneOf", "anyOf"):
            if choice in schema:
                records = [each for each in schema[choice] if "properties" in each or "allOf" in each]
                return self.union(self.type(each, name + (str(records.index(each) + 1) if len(records) > 1
                                                          and each in records else ""))
                                  for each in schema[choice])
        kinds = schema.get("type", "object" if "allOf" in schema else None)
        if isinstance(kinds, list):
            return self.union(self.type(schema | {"type": kind}, name) for kind in kinds)
        if kinds == "array":
            return self.list_of(self.type(schema["items"], name))
        if kinds != "object":
            return self.simple.get(kinds, "object" if self.is_python else "unknown")
        if "properties" in schema or "allOf" in schema:
            key = json.dumps(schema, sort_keys=True)
            if key not in self.names:
                self.names[key] = self.record(name, schema)
            return self.names[key]
        values = schema.get("additionalProperties", True)
        unknown = "Any" if self.is_python else "unknown"
        return self.map_of(self.type(values, name) if isinstance(values, dict) else unknown)


def python_text(document):
    types = Types(document, "python")
    lines = []
    for name, members in types.records.items():
        needed = {key: kind if required else f"NotRequired[{kind}]"
                  for key, (kind, required, _) in members.items()}
        if any(keyword.iskeyword(key) for key in members):  # "from" is a member, and a word of Python
            lines += ["", f'{name} = TypedDict("{name}", {{']
            lines += [f'    "{key}": {kind!r},' for key, kind in needed.items()] + ["})", ""]
            continue
        lines += ["", f"class {name}(TypedDict):"]
        if types.descriptions[name]:
            lines += [f'    """{types.descriptions[name]}"""', ""]
        lines += [f"    {key}: {kind}" for key, kind in needed.items()] or ["    pass"]
        lines.append("")
    text = "\n".join(lines).rstrip()
    words = [word for word in ("Any", "Literal", "NotRequired", "TypedDict") if re.search(rf"\b{word}\b", text)]
    return ('"""The server\'s answers. Written by clients/generate_types.py; do not change by hand."""\n'
            f"from __future__ import annotations\n\nfrom typing import {', '.join(words)}\n\n{text}\n")


def javascript_text(document):
    types = Types(document, "javascript")
    lines = ["// The server's answers. Written by clients/generate_types.py; do not change by hand."]
    for name, members in types.records.items():
        lines.append("")
        if types.descriptions[name]:
            lines.append(f"/** {types.descriptions[name]} */")
        lines.append(f"export interface {name} {{")
        for key, (kind, required, description) in members.items():
            if description:
                lines.append(f"  /** {description} */")
            lines.append(f"  {key}{'' if required else '?'}: {kind};")
        lines.append("}")
    return "\n".join(lines) + "\n"


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    with urllib.request.urlopen(sys.argv[1], timeout=30) as answer:
        document = json.load(answer)
    PYTHON_FILE.write_text(python_text(document))
    JAVASCRIPT_FILE.write_text(javascript_text(document))


if __name__ == "__main__":
    main()
