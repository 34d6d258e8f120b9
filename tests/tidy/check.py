"""Runs one tidy check over the repository: check.py arrows|sizes|words|look|planted|format|clang [ROOT]

Prints each problem as file:line: what is wrong and why it matters. Exit codes: 0 clean, 1 problems, 2 usage,
77 cannot be checked here (the reason is printed).
"""

import importlib
import sys
from pathlib import Path

CHECKS = ("arrows", "sizes", "words", "look", "planted", "format", "clang")

sys.path.insert(0, str(Path(__file__).resolve().parent))
from tree import Tree  # noqa: E402


def main(arguments):
    if not arguments or arguments[0] not in CHECKS or len(arguments) > 2:
        print(__doc__.strip())
        return 2
    check = importlib.import_module(arguments[0])
    tree = Tree(arguments[1] if len(arguments) > 1 else Path(__file__).resolve().parents[2])
    reason = check.skip(tree) if hasattr(check, "skip") else None
    if reason:
        print(reason)
        return 77
    problems = list(check.check(tree))
    for problem in problems:
        print(problem)
    print(f"tidy {arguments[0]}: {len(problems)} problem(s) in {len(tree.names)} files")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
