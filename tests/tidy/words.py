"""The language of the repository: one word per thing, no leftovers, nothing that only one machine has.

Refused synonyms are the third column of the table in docs/glossary.md.
"""

import re

from tree import TEXT

GLOSSARY = "docs/glossary.md"
# These files have to name what they refuse.
EXEMPT = (GLOSSARY, "tests/tidy/words.py", "tests/tidy/checks_test.py")

REFUSED = (
    (r"\bTODO\b|\bFIXME\b|\bXXX\b|\bHACK\b", "an unfinished thought: finish it, or open an issue"),
    (r"(?<![\w.$}])/(work|root|home|Users)/\w", "a path of one machine"),
    (r"https?://[^\s/\"')]*\b(registry|repo\d?|mirrors?|pypi|deb|archive|packages|crates|proxy)\b",
     "a package host: which one is used is the machine's own configuration"),
    (r"\b(this|previous|earlier|next|last) session\b|\b(?<!user )(?<!user-)agents?\b|\bworktrees?\b",
     "the repository speaks of the project alone"),
)


def synonyms(tree):
    """Yields (pattern, reason) of each refused synonym in the glossary; the pattern is of whole words."""
    if GLOSSARY not in tree.names:
        return
    for line in tree.lines(GLOSSARY):
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if not line.startswith("|") or len(cells) != 3 or set(cells[0]) <= set("-: ") or cells[0] == "term":
            continue
        for synonym in filter(None, (part.strip() for part in cells[2].split(","))):
            pattern = re.escape(synonym).replace(r"\ ", r"[ _-]") + "s?"
            yield pattern, f"the word here is '{cells[0].strip('*')}' ({GLOSSARY})"


def check(tree):
    refused = [(re.compile(pattern), reason) for pattern, reason in REFUSED]
    found = list(synonyms(tree))
    synonym = [(re.compile(rf"\b{pattern}\b", re.IGNORECASE), reason) for pattern, reason in found]
    # All at once, as nearly every file has none of them; no glossary: nothing matches.
    any_synonym = re.compile(rf"\b(?:{'|'.join(pattern for pattern, _ in found) or '(?!)'})\b", re.IGNORECASE)
    for name in tree.files(TEXT):
        if name in EXEMPT:
            continue
        text = tree.text(name)
        rules = [rule for rule in refused if rule[0].search(text)]
        rules += synonym if any_synonym.search(text) else []
        for number, line in enumerate(text.splitlines() if rules else (), 1):
            for pattern, reason in rules:
                match = pattern.search(line)
                if match:
                    yield f"{name}:{number}: '{match.group()}': {reason}"
