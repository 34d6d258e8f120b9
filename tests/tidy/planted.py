"""A release has no planted bug in it, not even by name; see base/planted.h."""

import re

from tree import CODE

MARK = b"planted:"
NAME = re.compile(r'KRONIKA_PLANTED\(\s*"([^"]+)"')


def binary_of(tree):
    return tree.root / "build" / "release" / "kronika"


def skip(tree):
    """Why the check cannot run; None when it can."""
    return None if binary_of(tree).exists() else "build/release/kronika is not built"


def check(tree):
    content = binary_of(tree).read_bytes()
    if MARK in content:
        yield "build/release/kronika holds the text 'planted:': test code was compiled into the release"
    seen = {}
    for name in tree.files(CODE):
        for bug in NAME.findall(tree.text(name)):
            seen.setdefault(bug, name)
    for bug, name in sorted(seen.items()):
        if MARK + bug.encode() in content:
            yield f"build/release/kronika holds the planted bug '{bug}' of {name}"
