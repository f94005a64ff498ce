"""What no text of the project may hold: loose ends, names that say nothing, places of one machine, large files."""

import re

from rows import ROOT, files, finish

OPEN = re.compile(r"\b(" + "|".join(["TO" + "DO", "FIX" + "ME", "X" + "XX", "HA" + "CK"]) + r")\b")
EMPTY_NAMES = {"util", "utils", "common", "helper", "helpers", "manager", "base", "misc"}
# An absolute path belongs to one machine unless it starts at a place that every system (or every SageMaker container) has.
ABSOLUTE = re.compile(r"(?<![\w./*~$}>:)\]@-])/([a-z][\w.-]*)/[\w.-]+")
EVERYWHERE = {"usr", "proc", "sys", "dev", "etc", "opt", "run", "var", "bin", "mnt", "lib", "root", "nowhere", "nonexistent"}
LARGEST = 200 * 1024
TABS_ALLOWED = {".tsv", ".lst", ".mk"}
BINARY = {".rec", ".idx", ".params", ".gz", ".png", ".jpg", ".jpeg", ".jdx", ".bin", ".safetensors", ".pth"}
VERBATIM = {"LICENSE"}


def lines_of(path, source):
    for number, line in enumerate(source.split("\n"), 1):
        where = f"{path}:{number}"
        if line.endswith("\r"):
            yield f"{where}: a carriage return"
        elif line != line.rstrip():
            yield f"{where}: blanks at the end"
        if "\t" in line and path.suffix not in TABS_ALLOWED:
            yield f"{where}: a tab"
        if OPEN.search(line):
            yield f"{where}: a loose end: {line.strip()[:80]}"
        for found in ABSOLUTE.finditer(line):
            if found[1] not in EVERYWHERE:
                yield f"{where}: a path of one machine: {found[0]}"


def mistakes():
    for path in files():
        size = (ROOT / path).stat().st_size
        if size > LARGEST:
            yield f"{path}: {size} bytes, {LARGEST} are the limit"
        if path.stem.lower() in EMPTY_NAMES or set(p.lower() for p in path.parts[:-1]) & EMPTY_NAMES:
            yield f"{path}: the name does not say what it holds"
        if path.suffix in BINARY or str(path) in VERBATIM:
            continue
        source = (ROOT / path).read_bytes().decode("utf-8", errors="replace")
        if source and not source.endswith("\n"):
            yield f"{path}: no line break at the end"
        if source.endswith("\n\n"):
            yield f"{path}: empty lines at the end"
        yield from lines_of(path, source[:-1] if source.endswith("\n") else source)


finish(list(mistakes()), f"{len(files())} files hold nothing that they must not")
