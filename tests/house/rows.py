"""The files of the project and the rows of its tables, as the scripts beside this one read them."""

import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
SKIP = 77  # what ctest takes for "skipped"


def files(*patterns):
    """Paths relative to ROOT of what git knows or would add; without git, of everything but hidden and build folders."""
    try:
        listed = subprocess.run(["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True, check=True)
        names = [pathlib.Path(name) for name in listed.stdout.splitlines()]
    except (OSError, subprocess.CalledProcessError):
        names = [path.relative_to(ROOT) for path in ROOT.rglob("*") if path.is_file()]
        names = [n for n in names if n.parts[0] not in ("build", "bin", "runs", ".git", ".deps") and "__pycache__" not in n.parts]
    names = sorted(n for n in set(names) if (ROOT / n).is_file() and not (ROOT / n).is_symlink())
    return [n for n in names if not patterns or any(n.match(pattern) for pattern in patterns)]


def text(path):
    return (ROOT / path).read_text(encoding="utf-8", errors="replace")


def arguments(source):
    """Splits what stands between a macro's parentheses at its commas; strings and inner brackets stay whole."""
    parts, depth, quoted, start = [], 0, False, 0
    for i, c in enumerate(source):
        if c == '"' and source[i - 1 : i] != "\\":
            quoted = not quoted
        elif not quoted and c in "([{<":
            depth += 1
        elif not quoted and c in ")]}>":
            depth -= 1
        elif not quoted and depth == 0 and c == ",":
            parts.append(source[start:i].strip())
            start = i + 1
    return parts + [source[start:].strip()]


def rows(table):
    """The rows of a .def file: [(macro, [argument, ...])], strings without their quotes."""
    found = []
    for line in text(table).splitlines():
        row = re.match(r"([A-Z_]+)\((.*)\)\s*$", line)
        if row:
            found.append((row[1], [a[1:-1] if a.startswith('"') else a for a in arguments(row[2])]))
    return found


def tables():
    return files("*.def")


def finish(mistakes, claim):
    """Prints what is wrong, or what was found to hold, and ends the script."""
    for mistake in mistakes:
        print(mistake)
    print(f"{len(mistakes)} mistakes" if mistakes else claim)
    sys.exit(1 if mistakes else 0)


def skip(reason):
    print(f"skipped: {reason}")
    sys.exit(SKIP)
