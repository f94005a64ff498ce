"""Every row of every table has the source it promises, and the version is the same wherever it stands."""

import re

from rows import ROOT, files, finish, rows, tables, text

# table -> the sources that a row promises by its arguments
PROMISES = {
    "operators.def": lambda a: [f"src/model/op_{a[1]}.cpp", f"src/nn/{a[1]}.cpp"],
    "networks.def": lambda a: [f"src/model/{a[0]}.cpp"],
    "optimizers.def": lambda a: [f"src/optim/{a[0]}.cpp"],
    "datasets.def": lambda a: [f"src/data/{a[0].removesuffix('s')}_dataset.cpp"],
    "backends.def": lambda a: [f"src/comm/{a[0]}_backend.cpp"],
    "commands.def": lambda a: [f"src/cli/{a[0].replace('-', '_')}.cpp"],
}


def sources_of_rows():
    for table in tables():
        promise = PROMISES.get(table.name)
        if not promise:
            continue
        for macro, arguments in rows(table):
            if len(arguments) < 3 or not arguments[-1]:
                yield f"{table}: {macro}({arguments[0]}) has no line of help"
            for source in promise(arguments):
                if not (ROOT / source).is_file():
                    yield f"{table}: {macro}({arguments[0]}) promises {source}, which is not there"


def doubled_rows():
    for table in tables():
        names = [(macro, arguments[1] if table.name == "keys.def" and macro != "CHANNEL" else arguments[0]) for macro, arguments in rows(table)]
        for name in sorted({n for n in names if names.count(n) > 1}):
            yield f"{table}: two rows {name[0]}({name[1]})"


def version():
    def first(pattern, path):
        found = re.search(pattern, text(path), re.M) if (ROOT / path).is_file() else None
        return found[1] if found else "none"

    said = {
        "include/lockstep/core/version.h": first(r'kVersion = "([^"]+)"', "include/lockstep/core/version.h"),
        "CMakeLists.txt": first(r"project\(lockstep VERSION (\S+)", "CMakeLists.txt"),
        "CHANGELOG.md": first(r"^## (\d+\.\d+\.\d+)", "CHANGELOG.md"),
    }
    if len(set(said.values())) != 1:
        yield "versions differ: " + ", ".join(f"{path} says {value}" for path, value in said.items())


mistakes = [*sources_of_rows(), *doubled_rows(), *version()]
finish(mistakes, f"{sum(len(rows(t)) for t in tables())} rows of {len(tables())} tables have their sources")
