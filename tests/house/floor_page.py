"""src/README.md has a line for every file below its floor. --write adds the missing ones, with what the file says first about itself
as a draft to be rewritten, and takes away those of files that are gone."""

import re
import sys

from rows import ROOT, files, finish, rows, text

PAGE = "src/README.md"
BEGIN, END = "<!-- files -->", "<!-- end of files -->"


def floors():
    return re.findall(r"^\s*floor\((\w+)", text("CMakeLists.txt"), re.M)


def first_sentence(path):
    """Of the first comment: what stands before the first declaration, or else above it."""
    block = []
    for line in text(path).splitlines():
        comment = re.match(r"\s*//[/!]?<?\s?(.*)", line)
        if comment and not re.match(r"\s*(//\s*clang-|//\s*NOLINT)", line):
            block.append(comment[1].strip())
        elif block:
            break
    words = " ".join(block)
    sentence = re.match(r"(.+?[.:;])(\s|$)", words)
    found = (sentence[1] if sentence else words).rstrip(".:;")
    return found[0].lower() + found[1:] if re.match(r"[A-Z][a-z ]", found) else found


def help_of(stem):
    """What the tables say about a row's source."""
    for table, macro, key in (("src/cli/commands.def", "COMMAND", 0), ("include/lockstep/optim/optimizers.def", "OPTIMIZER", 0),
                              ("include/lockstep/model/networks.def", "NETWORK", 0), ("include/lockstep/model/operators.def", "OPERATOR", 1)):
        if (ROOT / table).is_file():
            for _, arguments in rows(table):
                if arguments[key].replace("-", "_") in (stem, stem.removeprefix("op_")):
                    return arguments[-1]
    return ""


def listed(floor, written):
    """One line for each name of the floor: its public header, private header and source together."""
    paths = [p for p in files("*.h", "*.cpp", "*.def", "*.cu") if p.parts[:2] == ("src", floor) or p.parts[:3] == ("include", "lockstep", floor)]
    for stem in sorted({p.stem for p in paths}):
        own = sorted((p for p in paths if p.stem == stem), key=lambda p: (p.suffix == ".cpp", p.parts[0] != "include"))
        said = written.get((floor, stem)) or help_of(stem) or next(filter(None, map(first_sentence, own)), "")
        contract = " (contract)" if any(p.parts[0] == "include" for p in own) else ""
        yield f"- `{stem}`{contract}: {said}".rstrip(": ")


def written_lines(part):
    """(floor, name) -> what stands there."""
    found, floor = {}, ""
    for line in part.splitlines():
        floor = line[4:] if line.startswith("### ") else floor
        entry = re.match(r"- `(\w+)`(?: \(contract\))?: (.+)", line)
        if entry:
            found[floor, entry[1]] = entry[2]
    return found


before = text(PAGE)
head, rest = before.split(BEGIN, 1)
middle, tail = rest.split(END, 1)
parts = []
for floor in floors():
    lines = list(listed(floor, written_lines(middle)))
    if lines:
        parts += [f"### {floor}", *lines, ""]
after = f"{head}{BEGIN}\n" + "\n".join(parts) + f"\n{END}{tail}"
if "--write" in sys.argv[1:]:
    (ROOT / PAGE).write_text(after, encoding="utf-8")
    finish([], f"{PAGE} written; read its new lines")
silent = [f"{PAGE}: {line[2:]}: what is it?" for line in after.splitlines() if re.fullmatch(r"- `\w+`( \(contract\))?", line)]
stale = [] if after == before else [f"{PAGE}: its list of files is not that of the tree; run python3 tests/house/floor_page.py --write and read it"]
finish(silent + stale, f"{PAGE} has a line for every file")
