"""README.md's tables of subcommands and keys are those of commands.def and keys.def. --write renews them, without it they are compared."""

import re
import sys

from rows import ROOT, finish, rows, text

COMMANDS = "src/cli/commands.def"
KEYS = "include/lockstep/config/keys.def"
TYPES = {
    "int64_t": "integer", "double": "number", "bool": "true/false", "std::string": "text", "ImageShape": "C,H,W",
    "std::vector<int64_t>": "list", "std::optional<int64_t>": "integer",
}


def initial(value):
    """A C++ initial value as the user would write it."""
    value = value.replace("std::nullopt", "").replace("{}", "")
    shape = re.fullmatch(r"\(ImageShape\{(.*)\}\)", value)
    return f"`{shape[1].replace(' ', '') if shape else value}`" if value else ""


def cell(value):
    return value.replace("|", " \\| ")


def commands():
    lines = ["| command | does |", "|---|---|"]
    return lines + [f"| `lockstep {a[0]}` | {cell(a[-1])} |" for _, a in rows(COMMANDS)]


def keys():
    lines = ["| key | type | default | valid | when it differs on resume | meaning |", "|---|---|---|---|---|---|"]
    for macro, a in rows(KEYS):
        if macro == "CHANNEL":
            lines.append(f"| `channels.{a[0]}` | path | | | {a[1]} | {cell(a[2])} |")
        else:
            section = "hyperparameters" if macro == "HYPERPARAMETER" else "run"
            cells = [f"`{section}.{a[1]}`", TYPES.get(a[0], a[0]), initial(a[2]), cell(a[3]), a[4], cell(a[5])]
            lines.append(re.sub(r" {2,}", " ", f"| {' | '.join(cells)} |"))
    return lines


def renewed(page):
    for name, table in (("commands", commands()), ("keys", keys())):
        begin, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
        if begin not in page or end not in page:
            finish([f"README.md: no place for the table: {begin} ... {end}"], "")
        head, rest = page.split(begin, 1)
        page = head + begin + "\n" + "\n".join(table) + "\n" + end + rest.split(end, 1)[1]
    return page


before = text("README.md")
after = renewed(before)
if "--write" in sys.argv[1:]:
    (ROOT / "README.md").write_text(after, encoding="utf-8")
    finish([], "README.md: tables written")
finish([] if after == before else ["README.md: its tables are not those of the .def files; run python3 tests/house/readme_tables.py --write"],
       "README.md lists every subcommand and every key")
