"""Ranks that must not train together, or cannot: all of them end before the first step, in time, and say why.

usage: mismatch_test.py PROGRAM LIBRARIES
"""

import pathlib
import shutil
import subprocess
import time

from harness import FOLDER, PROGRAM, ROOT, Ranks, end_tests, expect, make_records, run, wait_until

IN_TIME = 10  # seconds


def expect_refused(claim, words, *overrides, second=None, program=None, folders=None, codes=(2,)):
    """second: what rank 1 is given instead of the last override; program: what it runs; folders: where rank 1 runs, and the others."""
    script = FOLDER / "two.sh"
    own, others = folders or (ROOT, ROOT)
    script.write_text(f"""#!/bin/bash
[ "$OMPI_COMM_WORLD_RANK" = 1 ] || {{ cd {others} && exec "$@"; }}
cd {own}
shift
words=()
for word; do [ "$word" != "{overrides[-1] if second else ""}" ] || word={second}; words+=("$word"); done
exec {program or PROGRAM} "${{words[@]}}"
""")
    script.chmod(0o755)
    name = claim.replace(" ", "-")
    ranks = Ranks(name, 3, *overrides, judged=True, program=(script, PROGRAM))
    begin = time.monotonic()
    ended = wait_until(lambda: None not in ranks.codes(), IN_TIME)
    seconds = time.monotonic() - begin
    expect(ended and all(code in (*codes, 5) for code in ranks.codes()) and set(codes) & set(ranks.codes()),
           f"{claim}: all ranks end within {seconds:.1f} s, with {ranks.codes()}", ranks.evidence())
    named = [rank for rank in range(3) if all(word in ranks.said(rank) for word in words)]
    expect(named == [0, 1, 2], f"{claim}: every rank says so", ranks.evidence())
    expect(not (ranks.output / "metrics.jsonl").exists(), f"{claim}: no step was begun")
    ranks.kill()


def packed(name):
    """A folder with the pictures as they are now, under the names of the training set."""
    (FOLDER / name).mkdir()
    code, text = run(PROGRAM, "pack", FOLDER / "pictures", FOLDER / name / "toy")
    expect(code == 0, f"{name}: another training set is packed", text)
    return FOLDER / name


def another_build():
    """The program as another build of the same sources would be: with another mark."""
    notes = subprocess.run(["readelf", "-n", PROGRAM], capture_output=True, text=True).stdout
    mark = bytes.fromhex(notes.split("Build ID: ")[1].split()[0])
    other = FOLDER / "other-build"
    content = pathlib.Path(PROGRAM).read_bytes()
    other.write_bytes(content.replace(mark, bytes(len(mark))))
    other.chmod(0o755)
    return other


make_records(PROGRAM)
code, text = run(PROGRAM, "train", FOLDER / "toy.yaml", "epochs=1", f"run.output={FOLDER}/first/out")
expect(code == 0, "a run that went before", text)
(FOLDER / "second").mkdir()
(FOLDER / "pictures/one/0.png").rename(FOLDER / "pictures/two/36.png")
labelled = packed("labelled")
for number in range(1, 7):
    (FOLDER / f"pictures/one/{number}.png").unlink()
fewer = packed("fewer")

NOT_ALIKE = "the ranks do not run the same thing"
expect_refused("another configuration", [NOT_ALIKE, "learning_rate: 0.02 on rank 0, 0.03 on rank 1"], "learning_rate=0.02",
               second="learning_rate=0.03")
expect_refused("a configuration that one rank cannot read", ["learning_rate", "many"], "learning_rate=0.02", second="learning_rate=many")
expect_refused("other data", [NOT_ALIKE, "channels.train: ", "on rank 1"], f"channels.train={FOLDER}/toy.rec",
               second=f"channels.train={fewer}/toy.rec")
# What hosts without a shared disk may have: the same configuration, other files.
expect_refused("fewer samples under the same path", [NOT_ALIKE, "(72 samples)", "rank 1 has", "(66 samples)"], "channels.train=toy.rec",
               folders=(fewer, FOLDER))
expect_refused("other labels under the same path", [NOT_ALIKE, "rank 0 has training data", "rank 1 has training data"],
               "channels.train=toy.rec", folders=(labelled, FOLDER))
expect_refused("a newer checkpoint on another host", ["run.output: out holds step-", "but no checkpoint on", "copy the folder"],
               "run.output=out", folders=(FOLDER / "first", FOLDER / "second"))
if shutil.which("readelf"):
    expect_refused("another build of the program", ["the ranks are not the same program", "rank 1", "build 000000000000"],
                   program=another_build())
(FOLDER / "few.lst").write_text("0\t0\ttwo/0.png\n1\t0\ttwo/1.png\n")
expect_refused("fewer samples than ranks", ["2 samples for 3 ranks"], f"channels.train={FOLDER}/pictures", f"channels.train_lst={FOLDER}/few.lst")
expect_refused("labels out of range", ["num_classes"], "num_classes=1", codes=(2, 3))
end_tests()
