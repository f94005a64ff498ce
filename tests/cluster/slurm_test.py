"""The batch scripts of launch/slurm on a real Slurm of two hosts: tests/cluster/lab run tests/cluster/slurm python3 slurm_test.py PROGRAM"""

import json
import os
import pathlib
import re
import sys
import time

from toy import SHARED, expect, finish, floats, last_checkpoint, last_tensors, make_records, run, wait_until

os.environ["LOCKSTEP_PROGRAM"] = str(pathlib.Path(sys.argv[1]).resolve())
# The scripts' own numbers are for larger hosts; sbatch's options win, as their comments say.
SBATCH = ["sbatch", "--parsable", "--ntasks-per-node=2", "--cpus-per-task=1", f"--output={SHARED}/%j.out"]


def submit(launcher, *arguments, options=()):
    environment = dict(os.environ, **({"LOCKSTEP_LAUNCHER": launcher} if launcher else {}))
    code, text = run(*SBATCH, *options, "launch/slurm/train.sbatch", *arguments, env=environment)
    return code, text.split()[0]


def printed(job):
    path = SHARED / f"{job}.out"
    return path.read_text(errors="replace") if path.exists() else ""


def facts(job):
    """What Slurm says about a job: JobState, Restarts, ExitCode, NodeList, ..."""
    return dict(re.findall(r"(\w+)=(\S+)", run("scontrol", "show", "job", job)[1]))


def wait_for_state(job, *states):
    return wait_until(lambda: facts(job)["JobState"] in states)


def test_a_run(launcher, config):
    output = SHARED / f"{launcher}-run"
    code, job = submit(launcher, config, f"run.output={output}", options=["--wait"])
    text = printed(job)
    expect(code == 0 and facts(job)["JobState"] == "COMPLETED", f"{launcher}: a run completes", text)
    expect("ranks: 4 on 2 host(s), global batch 24" in text, f"{launcher}: four ranks on two hosts", text)
    summary = json.loads((output / "summary.json").read_text())
    expect(summary["world_size"] == 4 and summary["steps"] == 9, f"{launcher}: all of it was trained", summary)
    code, job = submit(launcher, SHARED / "absent.yaml", options=["--wait"])
    expect(code == 2 and "absent.yaml" in printed(job), f"{launcher}: the ranks' exit code is the job's (here {code})", printed(job))
    expect(facts(job)["Restarts"] == "0", f"{launcher}: a mistake is not queued again", facts(job))
    code, job = submit(launcher, config, f"channels.train={SHARED}/bad.rec", f"run.output={output}-bad", options=["--wait"])
    expect(code == 3 and "bad.rec" in printed(job), f"{launcher}: so is that of one rank's bad data (here {code})", printed(job))


def test_notice(launcher, config):
    """Slurm's notice saves and puts the job back; what comes next is the same job, going on. scancel is the end."""
    output = SHARED / f"{launcher}-cut"
    metrics = output / "metrics.jsonl"
    _, job = submit(launcher, config, "epochs=20000", f"run.output={output}")
    expect(wait_until(lambda: metrics.exists() and metrics.read_text().count('"step"') > 5), f"{launcher}: a long run has begun", printed(job))
    run("scancel", "--batch", "--signal=USR1", job)
    expect(wait_until(lambda: facts(job).get("Restarts") == "1"), f"{launcher}: USR1 puts the job back into the queue", printed(job))
    saved = last_checkpoint(output)
    expect(f"saved; job {job} goes back" in printed(job), f"{launcher}: after the ranks have saved", printed(job))
    begun = wait_until(lambda: "start 2:" in printed(job) and saved in printed(job).split("start 2:")[1])
    expect(begun, f"{launcher}: its second start goes on from {saved}", printed(job))
    lines = metrics.read_text().count("\n")
    wait_until(lambda: metrics.read_text().count("\n") > lines + 5)
    run("scancel", job)
    if launcher == "srun":
        expect(wait_until(lambda: last_checkpoint(output) != saved), "srun: scancel lets the ranks save", printed(job))
    expect(wait_for_state(job, "CANCELLED") and facts(job)["Restarts"] == "1", f"{launcher}: a cancelled job is not queued again", printed(job))


def test_requeues(config, times):
    """That many notices, one start more, one log, one run: the bits of a run that was left alone."""
    settings = ["epochs=200", "checkpoint_every_steps=50"]  # 600 steps
    code, job = submit(None, config, *settings, f"run.output={SHARED}/alone", options=["--wait"])
    expect(code == 0 and "srun --mpi=pmix" in printed(job), "srun starts the ranks where it can", printed(job))
    output = SHARED / "requeued"
    metrics = output / "metrics.jsonl"
    _, job = submit(None, config, *settings, f"run.output={output}")
    begin, lines = time.monotonic(), 0
    for number in range(1, times + 1):
        ready = wait_until(lambda: f"start {number}:" in printed(job) and metrics.exists() and metrics.read_text().count("\n") > lines + 5)
        run("scancel", "--batch", "--signal=USR1", job)
        if not ready or not wait_until(lambda: facts(job).get("Restarts") == str(number)):
            return expect(False, f"notice {number} puts the job back into the queue", printed(job)[-3000:])
        lines = metrics.read_text().count("\n")
    done = wait_until(lambda: facts(job)["JobState"] == "COMPLETED", 300)
    text = printed(job)
    expect(done and facts(job)["Restarts"] == str(times), f"requeued {times} times, the job completes ({time.monotonic() - begin:.0f} s)", text[-3000:])
    starts = [int(start) for start in re.findall(r"^job \d+ on \S+, start (\d+):", text, re.M)]
    expect(starts == list(range(1, times + 2)), "one log holds all starts, in their order", starts)
    steps = [json.loads(line)["step"] for line in metrics.read_text().splitlines() if line.startswith('{"event":"step"')]
    expect(steps == list(range(1, 601)), "metrics.jsonl has every step once", steps)
    names = ("arg:", "aux:", "moment0:")
    expect(floats(last_tensors(output), names).tobytes() == floats(last_tensors(SHARED / "alone"), names).tobytes(),
           "weights, statistics and moments are those of a run that was left alone, bit for bit")


def test_no_progress(config):
    """A run that fails at the same step each time comes to an end: 76 is for the scheduler."""
    codes = []
    for _ in range(4):
        _, job = submit("mpirun", config, f"channels.train={SHARED}/bad.rec", f"run.output={SHARED}/bad", options=["--wait"])
        codes.append(facts(job)["ExitCode"])
    expect(codes[3] == "76:0" and "76:0" not in codes[:3], f"three failures at the same step, then 76 (here {codes})", printed(job))
    expect("without getting past step 0" in printed(job), "and the message names the step", printed(job))


def test_slurms_limit(config):
    """Its end is known without a notice; SIGCONT, for one, is none."""
    output = SHARED / "limited"
    _, job = submit(None, config, "epochs=1000000", f"run.output={output}", options=["--time=1", "--signal=B:CONT@1"])
    expect(wait_until(lambda: facts(job).get("Restarts") == "1", 90), "a job whose time is nearly up saves and goes back into the queue", printed(job))
    stops = [json.loads(line) for line in (output / "metrics.jsonl").read_text().splitlines() if line.startswith('{"event":"stop"')]
    expect(stops and stops[0]["reason"] == "Slurm's time limit", "and says why", stops)
    run("scancel", job)
    wait_for_state(job, "CANCELLED")


toy = make_records(sys.argv[1])
(SHARED / "bad.rec").write_bytes((SHARED / "toy.rec").read_bytes().replace(b"IDAT", b"XDAT"))
(SHARED / "bad.idx").write_bytes((SHARED / "toy.idx").read_bytes())
for name in ("srun", "mpirun"):
    test_a_run(name, toy)
    test_notice(name, toy)
test_requeues(toy, 10 if "long" in sys.argv[2:] else 3)
test_no_progress(toy)
if "long" in sys.argv[2:]:
    test_slurms_limit(toy)
finish()
