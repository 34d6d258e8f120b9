"""Every file starts with a comment that says its purpose."""

FIRST = {".h": "//", ".cc": "//", ".proto": "//", ".js": "//", ".kmsg": ("#", "//"), ".sh": "#",
         ".py": ('"""', "#")}


def first_line(lines):
    """The first line that is neither empty nor the interpreter's."""
    for line in lines:
        if line.strip() and not line.startswith("#!"):
            return line
    return None


def needs_comment(tree, name):
    # The purpose of x.cc is told once, in x.h.
    return not (name.endswith(".cc") and name[:-3] + ".h" in tree.names)


def check(tree):
    for name in tree.files(tuple(FIRST)):
        begin = first_line(tree.lines(name))
        if begin is not None and needs_comment(tree, name) and not begin.startswith(FIRST["." + name.rpartition(".")[2]]):
            yield f"{name}:1: the file does not start with a comment that says its purpose"
