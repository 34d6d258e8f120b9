"""The product compiles with clang too, without a warning: what g++ does not say is not left for a sanitizer's build.

Reads how build/dev compiles each file and asks clang for its opinion alone (no code is made). Ninja runs it, so that a second
time looks only at what changed. Tests are left to the sanitizers' trees, and so is what the short form builds there anyway.
What many files include of the standard library is read once for all that have the same flags: half of the time goes there.
That a file includes what it uses is g++'s to find, which reads each header every time.
"""

import json
import os
import re
import shlex
import shutil
import subprocess
from collections import Counter
from pathlib import Path

PROGRAM = "clang++-19"
FOLDERS = ("base/", "wal/", "raft/", "metadata/", "config/", "broker/", "cmd/")
ELSEWHERE = ("wal/journal/", "raft/core/", "cmd/kmsgc/", "cmd/kronika_sim/")
TOLD = re.compile(r"^(?P<place>[^\s:]+:\d+):\d+: (?:fatal )?error: (?P<what>.*)$")

STANDARD = re.compile(r"^#include (<[a-z_]+>|<fmt/format.h>)$", re.MULTILINE)
FILES_MIN = 5  # that include a header, or that share flags, for it to be read once for all

RULE = """rule look
  command = cd {folder} && {program} $flags -Werror $once -fsyntax-only -MD -MT $out -MF $out.d $in && touch $out
  description = clang $in
  depfile = $out.d
  deps = gcc
rule read
  command = cd {folder} && {program} $flags -Werror -fpch-instantiate-templates -x c++-header -MD -MT $out -MF $out.d $in -o $out
  description = clang $in
  depfile = $out.d
  deps = gcc
"""


def compilations_of(tree):
    return tree.root / "build" / "dev" / "compile_commands.json"


def skip(tree):
    """Why the check cannot run; None when it can."""
    for program in (PROGRAM, "ninja"):
        if not shutil.which(program):
            return f"there is no {program} here (deploy/setup.sh --tests installs it)"
    return None if compilations_of(tree).exists() else "build/dev is not configured"


def flags_of(command):
    """What stands behind the compiler's name, without what is compiled and where to."""
    words = shlex.split(command)
    begin = next(i for i, word in enumerate(words) if word.endswith("++")) + 1
    out, rest = [], iter(words[begin:])
    for word in rest:
        if word in ("-o", "-c"):
            next(rest)
        else:
            out.append(word)
    return shlex.join(out)


def standard_headers(tree):
    """An include directive for each header of the standard library that many files of the product include."""
    files = [name for name in tree.files((".h", ".cc")) if name.startswith(FOLDERS)]
    seen = Counter(header for name in files for header in set(STANDARD.findall(tree.text(name))))
    return "".join(f"#include {header}\n" for header, count in sorted(seen.items()) if count >= FILES_MIN)


def build_file(tree, folder):
    """The text of a build.ninja that looks at every file of the product, in `folder`."""
    escape = str.maketrans({"$": "$$", " ": "$ ", ":": "$:"})
    headers = str(folder / "standard.h").translate(escape)
    out = [RULE.format(folder=shlex.quote(str(compilations_of(tree).parent)), program=PROGRAM)]
    files = {}  # flags -> names
    for entry in json.loads(compilations_of(tree).read_text()):
        name = os.path.relpath(entry["file"], tree.root)
        if name.startswith(FOLDERS) and not name.startswith(ELSEWHERE) and name in tree.names:
            files.setdefault(flags_of(entry["command"]).replace("$", "$$"), []).append(name)
    for number, (flags, names) in enumerate(sorted(files.items())):
        read, once = "", ""
        if len(names) >= FILES_MIN:
            read = str(folder / f"standard-{number}.pch")
            once = f"  once = -include-pch {shlex.quote(read).replace('$', '$$')}\n"
            read = read.translate(escape)
            out.append(f"build {read}: read {headers}\n  flags = {flags}\n")
        for name in names:
            seen = str(folder / name.replace("/", "@")).translate(escape)
            source = str(tree.root / name).translate(escape)
            out.append(f"build {seen}.seen: look {source}{' | ' + read if read else ''}\n  flags = {flags}\n{once}")
    return "\n".join(out)


def write_if_new(path, text):
    if not path.exists() or path.read_text() != text:
        path.write_text(text)


def check(tree):
    folder = tree.root / "build" / "clang"
    folder.mkdir(parents=True, exist_ok=True)
    write_if_new(folder / "standard.h", standard_headers(tree))
    write_if_new(folder / "build.ninja", build_file(tree, folder))
    done = subprocess.run(["ninja", "-C", str(folder), "-k", "0", "-j", str(os.cpu_count() or 2)],
                          capture_output=True, text=True, check=False)
    found, compiled = set(), ""
    for line in done.stdout.splitlines():
        if line.startswith("FAILED: "):
            compiled = Path(line.split()[-1]).stem.replace("@", "/")
        told = TOLD.match(line)
        if told:
            place = os.path.normpath(compilations_of(tree).parent / told["place"])
            inside = Path(place).is_relative_to(tree.root)
            found.add(f"{os.path.relpath(place, tree.root) if inside else place}: {told['what']}"
                      + ("" if inside else f" (in {compiled})"))
    yield from sorted(found)
    if done.returncode != 0 and not found:
        yield f"build/clang: ninja ended with exit code {done.returncode}: {(done.stdout + done.stderr)[-2000:]}"
