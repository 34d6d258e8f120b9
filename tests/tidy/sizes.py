"""Small rooms: lines of a file, lines of a function, parameters of a function.

The limits hold for every file. Beyond that a ratchet against the parent commit: a file that is near its limit
may not grow, so that it is split by role while that is still easy.
"""

import re
import subprocess

from tree import CODE, blank

FILE_LINES_MAX = 500
FUNCTION_LINES_MAX = 70
PARAMETERS_MAX = 5
RATCHET_FROM_LINES = 450

FILE_REASON = "split it by role, one file a role"
FUNCTION_REASON = "give a part of it a name of its own"
PARAMETERS_REASON = "pass a struct with designated initialisers"

ACCESS_LABEL = re.compile(r"^(\s*(public|private|protected)\s*:)+")
# A table is no long function: a case and the return on its next line count as one line.
TABLE_ROW = re.compile(r"^[ \t]*case [^\n;]*:[ \t]*\n[ \t]*return [^\n;]*;", re.MULTILINE)
CONTROL = re.compile(r"^\s*(?:else\s+)?(if|for|while|switch|catch|do|else|return|case|default)\b")
NOT_A_FUNCTION = re.compile(r"^\s*(namespace|class|struct|union|enum|extern)\b|=\s*$|\[[^\]]*\]\s*(\([^()]*\))?\s*$")
MACRO_LINE = re.compile(r"^[ \t]*#.*?(?<!\\)$", re.MULTILINE | re.DOTALL)


def header_parameters(header):
    """The number of parameters in a function's header, or None when `header` is not one."""
    start = header.find("(")
    if start < 0 or not re.search(r"[\w>~\]=+\-*/!<&|^()]\s*$", header[:start]):
        return None
    depth, angle, commas, text = 0, 0, 0, ""
    for character in header[start:]:
        if character in "([{":
            depth += 1
        elif character in ")]}":
            depth -= 1
            if depth == 0:
                break
        elif character == "<":
            angle += 1
        elif character == ">":
            angle = max(0, angle - 1)
        elif character == "," and depth == 1 and angle == 0:
            commas += 1
        text += character
    inside = text[1:].strip()
    return 0 if inside in ("", "void") else commas + 1


def functions(source):
    """Yields (first line, lines, parameters, header) of each function definition that is in no other function."""
    code = MACRO_LINE.sub(lambda match: re.sub(r"[^\n]", " ", match.group()), blank(source))
    stack, header_start, parentheses = [], 0, 0
    for position, character in enumerate(code):
        if character == "(":
            parentheses += 1
        elif character == ")":
            parentheses -= 1
        elif character == ";" and parentheses == 0:
            header_start = position + 1
        elif character == "{":
            label = ACCESS_LABEL.match(code[header_start:position])
            header_start += label.end() if label else 0
            header = code[header_start:position]
            inside = any(entry is not None for entry in stack)
            found = None
            if not inside and parentheses == 0 and not CONTROL.match(header) and not NOT_A_FUNCTION.search(header):
                parameters = header_parameters(header)
                # A member's initialiser such as `: size_{0} {` ends in a name, a body follows a ')' or a qualifier.
                if parameters is not None:
                    begin = header_start + len(header) - len(header.lstrip())
                    found = (begin, parameters, " ".join(header.split()))
            stack.append(found)
            if found is None:
                header_start = position + 1 if not inside else header_start
        elif character == "}":
            if not stack:
                return
            found = stack.pop()
            if found is not None:
                begin, parameters, header = found
                length = code.count("\n", begin, position) + 1 - len(TABLE_ROW.findall(code[begin:position]))
                yield code.count("\n", 0, begin) + 1, length, parameters, header
            if not any(entry is not None for entry in stack):
                header_start = position + 1


def parent_lines(tree, name):
    """How many lines `name` had in the parent commit; None when it did not exist or there is no parent."""
    shown = subprocess.run(["git", "show", f"HEAD~1:{name}"], cwd=tree.root, capture_output=True, check=False)
    return len(shown.stdout.splitlines()) if shown.returncode == 0 else None


def check(tree):
    for name in tree.files(CODE + (".py", ".sh")):
        text = tree.text(name)
        lines = len(text.splitlines())
        if lines > FILE_LINES_MAX:
            yield f"{name}: {lines} lines, at most {FILE_LINES_MAX}: {FILE_REASON}"
        elif lines > RATCHET_FROM_LINES:
            before = parent_lines(tree, name)
            if before is not None and RATCHET_FROM_LINES < before < lines:
                yield (f"{name}: grew from {before} to {lines} lines; a file of more than {RATCHET_FROM_LINES} may "
                       f"only shrink: {FILE_REASON}")
        if not name.endswith(CODE):
            continue
        for line, length, parameters, header in functions(text):
            if length > FUNCTION_LINES_MAX:
                yield f"{name}:{line}: a function of {length} lines, at most {FUNCTION_LINES_MAX}: {FUNCTION_REASON}"
            if parameters > PARAMETERS_MAX:
                yield f"{name}:{line}: {parameters} parameters, at most {PARAMETERS_MAX}: {PARAMETERS_REASON}"
