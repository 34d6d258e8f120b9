"""The product compiles with clang too, without a warning: what g++ does not say is not left for a sanitizer's build.

Reads how build/dev compiles each file and asks clang for its opinion alone (no code is made). Ninja runs it, so that a second
time looks only at what changed. Tests are left to the sanitizers' trees, and so is what the short form builds there anyway.
"""

import json
import os
import re
import shlex
import shutil
import subprocess
from pathlib import Path

PROGRAM = "clang++-19"
FOLDERS = ("base/", "wal/", "raft/", "metadata/", "config/", "broker/", "cmd/")
ELSEWHERE = ("wal/journal/", "raft/core/", "cmd/kmsgc/", "cmd/kronika_sim/")
TOLD = re.compile(r"^(?P<place>[^\s:]+:\d+):\d+: (?:fatal )?error: (?P<what>.*)$")

RULE = """rule look
  command = cd {folder} && {program} $flags -Werror -fsyntax-only -MD -MT $out -MF $out.d $in && touch $out
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


def build_file(tree, folder):
    """The text of a build.ninja that looks at every file of the product, in `folder`."""
    escape = str.maketrans({"$": "$$", " ": "$ ", ":": "$:"})
    out = [RULE.format(folder=shlex.quote(str(compilations_of(tree).parent)), program=PROGRAM)]
    for entry in json.loads(compilations_of(tree).read_text()):
        name = os.path.relpath(entry["file"], tree.root)
        if not name.startswith(FOLDERS) or name.startswith(ELSEWHERE) or name not in tree.names:
            continue
        seen = str(folder / name.replace("/", "@")).translate(escape)
        out.append(f"build {seen}.seen: look {entry['file'].translate(escape)}\n"
                   f"  flags = {flags_of(entry['command']).replace('$', '$$')}\n")
    return "\n".join(out)


def check(tree):
    folder = tree.root / "build" / "clang"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "build.ninja").write_text(build_file(tree, folder))
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
