"""The batch scripts of launch/slurm on a real Slurm of two hosts: tests/cluster/lab run tests/cluster/slurm python3 slurm_test.py PROGRAM"""

import json
import os
import pathlib
import re
import sys
import time

from toy import SHARED, expect, finish, last_checkpoint, make_records, run

os.environ["LOCKSTEP_PROGRAM"] = str(pathlib.Path(sys.argv[1]).resolve())
# The scripts' own numbers are for larger hosts; sbatch's options win, as their comments say.
SBATCH = ["sbatch", "--parsable", "--ntasks-per-node=2", "--cpus-per-task=1", f"--output={SHARED}/%j.out"]


def submit(script, *arguments, options=()):
    code, text = run(*SBATCH, *options, f"launch/slurm/{script}.sbatch", *arguments)
    return code, text.split()[0]


def printed(job):
    path = SHARED / f"{job}.out"
    return path.read_text(errors="replace") if path.exists() else ""


def facts(job):
    """What Slurm says about a job: JobState, Restarts, ExitCode, NodeList, ..."""
    return dict(re.findall(r"(\w+)=(\S+)", run("scontrol", "show", "job", job)[1]))


def wait_until(condition, seconds=60):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.2)
    return False


def wait_for_state(job, *states):
    return wait_until(lambda: facts(job)["JobState"] in states)


def test_a_run(script, config):
    output = SHARED / f"{script}-run"
    code, job = submit(script, config, f"run.output={output}", options=["--wait"])
    text = printed(job)
    expect(code == 0 and facts(job)["JobState"] == "COMPLETED", f"{script}: a run completes", text)
    expect("ranks: 4 on 2 host(s), global batch 24" in text, f"{script}: four ranks on two hosts", text)
    summary = json.loads((output / "summary.json").read_text())
    expect(summary["world_size"] == 4 and summary["steps"] == 9, f"{script}: all of it was trained", summary)
    code, job = submit(script, SHARED / "absent.yaml", options=["--wait"])
    # srun gives the largest code, and ends ranks by SIGTERM that have not met the mistake themselves.
    codes = (2, 130) if script == "srun" else (2,)
    expect(code in codes and "absent.yaml" in printed(job), f"{script}: the ranks' exit code is the job's (here {code})", printed(job))
    expect(facts(job)["Restarts"] == "0", f"{script}: a mistake is not queued again", facts(job))


def test_notice(script, config):
    """Slurm's notice saves and puts the job back; what comes next is the same job, going on. scancel is the end."""
    output = SHARED / f"{script}-cut"
    metrics = output / "metrics.jsonl"
    _, job = submit(script, config, "epochs=20000", f"run.output={output}")
    expect(wait_until(lambda: metrics.exists() and metrics.read_text().count('"step"') > 5), f"{script}: a long run has begun", printed(job))
    run("scancel", "--batch", "--signal=USR1", job)
    expect(wait_until(lambda: facts(job).get("Restarts") == "1"), f"{script}: USR1 puts the job back into the queue", printed(job))
    saved = last_checkpoint(output)
    expect(f"saved; job {job} goes back" in printed(job), f"{script}: after the ranks have saved", printed(job))
    begun = wait_until(lambda: "start 2:" in printed(job) and saved in printed(job).split("start 2:")[1])
    expect(begun, f"{script}: its second start goes on from {saved}", printed(job))
    lines = metrics.read_text().count("\n")
    wait_until(lambda: metrics.read_text().count("\n") > lines + 5)
    run("scancel", job)
    if script == "srun":
        expect(wait_until(lambda: last_checkpoint(output) != saved), "srun: scancel lets the ranks save", printed(job))
    expect(wait_for_state(job, "CANCELLED") and facts(job)["Restarts"] == "1", f"{script}: a cancelled job is not queued again", printed(job))


toy = make_records(sys.argv[1])
for name in ("srun", "mpirun"):
    test_a_run(name, toy)
    test_notice(name, toy)
finish()
