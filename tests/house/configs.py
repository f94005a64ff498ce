"""Every configuration that the project ships is accepted by the program, and says its measured result in its first lines."""

import os
import pathlib
import re
import subprocess
import sys
import tempfile

from rows import ROOT, files, finish, rows, skip, text

KEYS = {"channels": set(), "hyperparameters": set(), "run": set()}
for macro, arguments in rows("include/lockstep/config/keys.def"):
    section = {"CHANNEL": "channels", "HYPERPARAMETER": "hyperparameters", "RUN": "run"}[macro]
    KEYS[section].add(arguments[0 if macro == "CHANNEL" else 1])


def mistakes_of(path):
    section = None
    lines = text(path).splitlines()
    comment = [line for line in lines[:8] if line.startswith("#")]
    if not any(re.search(r"\d", line) for line in comment):
        yield f"{path}: the first comment lines say no measured result (command, hardware, date, n)"
    for number, line in enumerate(lines, 1):
        top = re.match(r"(\w+):", line)
        key = re.match(r"  (\w+):", line)
        section = top[1] if top else section
        if top and section not in KEYS:
            yield f"{path}:{number}: no section {section}"
        elif key and section in KEYS and key[1] not in KEYS[section]:
            yield f"{path}:{number}: no key {section}.{key[1]}"


def packed(program, folder):
    """Four pictures of two classes, as a training set for a program that wants to see its data."""
    sys.path.insert(0, str(ROOT / "launch"))
    from digits import write_png  # the quick start's

    for name in ("one", "two"):
        (folder / "pictures" / name).mkdir(parents=True)
        for i in range(32):
            write_png(folder / "pictures" / name / f"{i}.png", 8, 8, bytes((i + j) % 256 for j in range(64)))
    subprocess.run([program, "pack", str(folder / "pictures"), str(folder / "set")], check=True, capture_output=True)
    return folder / "set.rec"


def refusals(program, configs):
    with tempfile.TemporaryDirectory() as folder:
        records = packed(program, pathlib.Path(folder))
        for path in configs:
            # Weights that others publish are not here.
            command = [program, "train", str(path), "--dry-run", "use_pretrained_model=false", f"channels.train={records}", f"channels.validation={records}",
                       f"run.output={folder}/run"]
            run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
            if run.returncode != 0:
                yield f"{path}: {' '.join(command[1:])}: exit {run.returncode}\n" + "\n".join((run.stdout + run.stderr).splitlines()[-5:])


configs = files("configs/*.yaml")
found = [mistake for path in configs for mistake in mistakes_of(path)]
program = os.environ.get("LOCKSTEP_PROGRAM", str(ROOT / "bin" / "lockstep"))
if not os.access(program, os.X_OK):
    print(f"no {program}: only names were checked")
    finish(found, "") if found else skip(f"{len(configs)} configurations name known keys; launch/setup makes the program that could accept them")
finish(found + list(refusals(program, configs)), f"{len(configs)} configurations are accepted")
