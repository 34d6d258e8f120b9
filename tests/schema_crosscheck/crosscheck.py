"""Compares our schema texts with the message definitions that Kafka's own jars carry.

    KRONIKA_KAFKA_JAR=FOLDER crosscheck.py KMSGC FILE.kmsg...

FOLDER has the jars kafka-clients (requests, responses, the consumer protocol) and kafka-group-coordinator (records of
__consumer_offsets); each holds common/message/*.json. For every message and every version that we serve it compares, field by field
in wire order: type, array, nullability, tag, default; and the first flexible version and that Kafka has the version.
Fields are matched by place; their names must agree when written alike. Exit codes: 0 equal, 1 different, 77 skipped.

Seen to fail: a field moved, a nullable range widened by one version, and a tag renumbered were each reported.
"""

import json
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

OPEN = 32767
FIRST_OWN_TAG = 10000  # from here on tags are Kronika's: Kafka's readers pass over them


def versions_of(text, outer=(0, OPEN)):
    """"3+", "0-12", "7" or "none" as (first, last), inside `outer`."""
    if text is None or text == "none":
        return (1, 0)
    first, _, last = text.partition("-")
    if text.endswith("+"):
        low, high = int(text[:-1]), OPEN
    else:
        low, high = int(first), int(last or first)
    return (max(low, outer[0]), min(high, outer[1]))


def inside(version, span):
    return span[0] <= version <= span[1]


def snake(name):
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


class Field:
    """A field of either side, in one shape."""

    def __init__(self):
        self.name = ""
        self.type = ""
        self.versions = self.nullable = (0, OPEN)
        self.tag = None
        self.tagged = (1, 0)
        self.default = None
        self.fixed = False
        self.fields = []

    def shape(self, version):
        """What a reader of this version has to know, without the fields below."""
        tag = self.tag if inside(version, self.tagged) else None
        return (self.type, inside(version, self.nullable), tag, self.normal_default(), self.fixed)

    def normal_default(self):
        text = self.default
        if text in (None, "", "0", "false", "-0"):
            # Records are null when nobody sets them, on both sides.
            return "null" if self.type == "records" else ""
        if re.fullmatch(r"-?0x[0-9a-fA-F]+|-?\d+", str(text)):
            return str(int(str(text), 0))
        return str(text).lower()


# --- Kafka's side ---------------------------------------------------------------------------------------------


def load_definitions(place):
    definitions = {}
    for jar in sorted(Path(place).glob("*.jar")) if os.path.isdir(place) else [place]:
        with zipfile.ZipFile(jar) as archive:
            for name in archive.namelist():
                if name.startswith("common/message/") and name.endswith(".json"):
                    text = archive.read(name).decode()
                    lines = [re.sub(r"(^|\s)//.*$", "", line) for line in text.splitlines()]
                    message = json.loads("\n".join(lines))
                    definitions[message["name"]] = message
    return definitions


def kafka_field(raw, outer, structs):
    field = Field()
    field.name = snake(raw["name"])
    kind = raw["type"]
    array = kind.startswith("[]")
    element = kind[2:] if array else kind
    is_struct = element[0].isupper()
    field.type = ("[]" if array else "") + ("struct" if is_struct else element)
    field.versions = versions_of(raw.get("versions"), outer)
    field.nullable = versions_of(raw.get("nullableVersions"), field.versions)
    field.tag = raw.get("tag")
    field.tagged = versions_of(raw.get("taggedVersions"), field.versions)
    field.default = raw.get("default")
    if isinstance(field.default, bool):
        field.default = str(field.default).lower()
    field.fixed = raw.get("flexibleVersions") == "none"
    if is_struct:
        children = raw.get("fields") or structs[element]
        field.fields = [kafka_field(child, field.versions, structs) for child in children]
    return field


def kafka_fields(message):
    structs = {common["name"]: common["fields"] for common in message.get("commonStructs", [])}
    return [kafka_field(raw, (0, OPEN), structs) for raw in message["fields"]]


# --- our side -------------------------------------------------------------------------------------------------


def our_range(text):
    first, last = text.split("..")
    return (int(first), int(last))


def parse_field(words):
    field = Field()
    field.name, field.type = words[2], words[3]
    field.nullable = (1, 0)
    for word in words[4:]:
        key, _, value = word.partition("=")
        if key == "versions":
            field.versions = our_range(value)
        elif key == "nullable":
            field.nullable = our_range(value)
        elif key == "tag":
            field.tag, field.tagged = int(value), field.versions
        elif key == "default":
            field.default = value
        elif key == "fixed":
            field.fixed = True
    return field


def load_ours(kmsgc, files):
    text = subprocess.run([kmsgc, "describe", *files], check=True, capture_output=True, text=True).stdout
    messages = []
    for line in text.splitlines():
        words = line.split()
        if words[0] == "message":
            facts = dict(word.split("=") for word in words[2:])
            stack = [[]]
            messages.append((words[1], facts, stack[0]))
            continue
        depth = int(words[1])
        field = parse_field(words)
        stack = stack[: depth + 1]
        stack[depth].append(field)
        stack.append(field.fields)
    return messages


# --- the comparison -------------------------------------------------------------------------------------------


def present(fields, version):
    """Fields in wire order: the untagged as they stand, then the tagged by tag."""
    here = [field for field in fields if inside(version, field.versions) and (field.tag or 0) < FIRST_OWN_TAG]
    untagged = [field for field in here if not inside(version, field.tagged)]
    return untagged + sorted((f for f in here if inside(version, f.tagged)), key=lambda f: f.tag)


def compare(where, ours, theirs, version, problems):
    mine, other = present(ours, version), present(theirs, version)
    if len(mine) != len(other):
        names = [field.name for field in mine], [field.name for field in other]
        problems.append(f"{where}: we have {names[0]}, Kafka has {names[1]}")
        return 0
    count = 0
    for a, b in zip(mine, other):
        path = f"{where}.{a.name}"
        if a.name != b.name:
            problems.append(f"{path}: Kafka's field here is {b.name}")
        if a.shape(version) != b.shape(version):
            problems.append(
                f"{path}: (type, nullable, tag, default, fixed) is {a.shape(version)}, Kafka's {b.shape(version)}"
            )
        count += 1 + compare(path, a.fields, b.fields, version, problems)
    return count


def check_message(name, facts, fields, definitions, problems):
    message = definitions.get(name)
    if message is None:
        problems.append(f"{name}: Kafka has no such message")
        return 0
    first, last = our_range(facts["serve"])
    valid = versions_of(message["validVersions"])
    # Of a coordinator's record Kafka calls the type a key.
    is_record = message["type"].startswith("coordinator-")
    number = int(facts.get("record", -1) if is_record else facts["key"])
    if number != message.get("apiKey", -1):
        problems.append(f"{name}: the key is {number}, Kafka's {message.get('apiKey')}")
    theirs = kafka_fields(message)
    flexible = versions_of(message.get("flexibleVersions"))
    compared = 0
    for version in range(first, last + 1):
        where = f"{name} v{version}"
        if not inside(version, valid):
            problems.append(f"{where}: Kafka's versions are {message['validVersions']}")
            continue
        ours_flexible = version >= int(facts.get("flexible", OPEN))
        if ours_flexible != inside(version, flexible):
            problems.append(f"{where}: flexible here {ours_flexible}, in Kafka {not ours_flexible}")
        compared += compare(where, fields, theirs, version, problems)
    if valid[1] > last:
        print(f"newer: {name} {last + 1}..{valid[1]} of Kafka is not served")
    return compared


def main():
    place = os.environ.get("KRONIKA_KAFKA_JAR")
    if not place:
        print("SKIPPED: KRONIKA_KAFKA_JAR is not set; nothing was compared")
        return 77
    if len(sys.argv) < 3:
        print(__doc__)
        return 2
    definitions = load_definitions(place)
    problems = []
    compared = 0
    messages = load_ours(sys.argv[1], sys.argv[2:])
    for name, facts, fields in messages:
        compared += check_message(name, facts, fields, definitions, problems)
    for problem in problems:
        print(problem)
    print(f"{len(messages)} messages, {compared} fields compared, {len(problems)} differences")
    return 1 if problems or compared == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
