"""The repository's own files, as the tidy checks see them: tracked or about to be, never build output."""

import re
import subprocess
from pathlib import Path

CODE = (".h", ".cc")
TEXT = CODE + (".py", ".sh", ".md", ".cmake", ".txt", ".yaml", ".yml", ".json", ".kmsg", ".proto", ".js", ".xml")


class Tree:
    """The files below `root`: those that git knows or would add; without git, all of them."""

    def __init__(self, root):
        self.root = Path(root)
        listing = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
                                 cwd=self.root, capture_output=True, check=False)
        if listing.returncode == 0:
            names = [name for name in listing.stdout.decode().split("\0") if name]
        else:
            names = [str(path.relative_to(self.root)) for path in self.root.rglob("*") if path.is_file()]
            names = [name for name in names if not {"build", "node_modules", ".git"} & set(name.split("/"))]
        self.names = sorted(name for name in set(names) if (self.root / name).is_file())

    def files(self, suffixes=TEXT):
        return [name for name in self.names if name.endswith(tuple(suffixes))]

    def text(self, name):
        return (self.root / name).read_text(encoding="utf-8", errors="replace")

    def lines(self, name):
        return self.text(name).splitlines()


STRINGS_AND_COMMENTS = re.compile(
    r'R"(?P<raw>[^(\s]{0,16})\(.*?\)(?P=raw)"'  # raw string
    r'|"(?:\\.|[^"\\\n])*"'  # string
    r"|(?<![0-9a-fA-F])'(?:\\.|[^'\\\n])*'"  # character, not a digit separator
    r"|//[^\n]*|/\*.*?\*/", re.DOTALL)


def blank(code, keep_strings=False):
    """`code` with comments (and strings) replaced by spaces, so that lines and columns stay where they are."""
    def spaces(match):
        if keep_strings and not match.group().startswith("/"):
            return match.group()
        return re.sub(r"[^\n]", " ", match.group())
    return STRINGS_AND_COMMENTS.sub(spaces, code)
