"""The form of C++ code: what clang-format makes of it, and no line of more than 100 columns (comments too).

Lines with a raw string are left alone: breaking them would change what they say.
"""

import shutil
import subprocess

from tree import CODE

PROGRAM = "clang-format-19"
COLUMNS_MAX = 100


def skip(tree):
    return None if shutil.which(PROGRAM) else f"there is no {PROGRAM} here (deploy/setup.sh --tests installs it)"


def check(tree):
    names = tree.files(CODE)
    for name in names:
        for number, line in enumerate(tree.lines(name), 1):
            if len(line) > COLUMNS_MAX and 'R"' not in line:
                yield f"{name}:{number}: {len(line)} columns; {COLUMNS_MAX} fit beside a second file"
    command = [PROGRAM, "--dry-run", "--ferror-limit=1", *names]
    told = subprocess.run(command, cwd=tree.root, capture_output=True, text=True, check=False).stderr
    for line in told.splitlines():
        if ": warning: " in line:
            yield f"{line.split(': warning: ')[0]}: not as clang-format writes it; run {PROGRAM} -i"
