"""Four ranks on two hosts by launch/mpirun, against four on one: tests/cluster/lab run python3 mpirun_test.py PROGRAM"""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time

from toy import LAB, ROOT, SHARED, difference, expect, finish, floats, last_checkpoint, last_tensors, make_records, run, skip, wait_until

PROGRAM = sys.argv[1]
HOSTFILE = SHARED / "hosts"
# Started on node1, as a user there would.
MPIRUN = [LAB, "on", "1", "launch/mpirun"]
TWO_HOSTS = [*MPIRUN, "--interface", "e0", "--hostfile", HOSTFILE]
FROZEN = ["run.freeze_batch_norm=true", "run.compute_threads=1"]


def hosts_of(text):
    """Lines that are nothing but a host; mpirun may have a warning between them."""
    return sorted(line for line in text.splitlines() if line in ("node1", "node2"))


def test_hosts_and_variables():
    code, text = run(*TWO_HOSTS, "sh", "-c", "echo $(hostname):$OMPI_COMM_WORLD_RANK")
    places = sorted(re.findall(r"node\d:\d", text))
    expect(code == 0 and places == ["node1:0", "node1:1", "node2:2", "node2:3"], "one host is filled after the other", text)
    code, text = run(*MPIRUN, "--interface", "e0", "--host", "node1:1,node2:1", "hostname")
    expect(code == 0 and hosts_of(text) == ["node1", "node2"], "--host works as --hostfile does", text)
    code, text = run(*MPIRUN, "--interface", "e0", "--hostfile", HOSTFILE, "-npernode", "1", "hostname")
    expect(code == 0 and hosts_of(text) == ["node1", "node2"], "a mapping of the user's own is left as it is", text)
    names = ["LOCKSTEP_A", "NCCL_A", "OMP_A", "UCX_A", "LD_LIBRARY_PATH", "NCCL_SOCKET_IFNAME", "CUDA_VISIBLE_DEVICES"]
    environment = dict(os.environ, LD_LIBRARY_PATH="/nowhere", CUDA_VISIBLE_DEVICES="7", **{name: "a b" for name in names[:4]})
    show = " ".join(f'"${{{name}-none}}"' for name in names)
    code, text = run(*TWO_HOSTS, "-np", "4", "sh", "-c", f'[ $(hostname) = node1 ] || printf "%s;" {show}', env=environment)
    expect(code == 0 and text.count("a b;a b;a b;a b;/nowhere;=e0;none;") == 2, "the other host has the variables, and its own GPUs", text)
    code, text = run(*TWO_HOSTS, "sh", "-c", "[ $OMPI_COMM_WORLD_RANK = 3 ] && exit 75; sleep 1; exit 75")
    expect(code == 75, "the exit code comes from the other host", text)


def test_training():
    config = make_records(PROGRAM)
    code, text = run(PROGRAM, "train", config, "epochs=2", "mini_batch_size=24", f"run.output={SHARED}/start")
    expect(code == 0, "a start for frozen statistics", text)
    settings = ["train", config, f"channels.model={SHARED}/start/model.tar.gz", *FROZEN]
    for name in ("first", "second"):
        code, text = run(*TWO_HOSTS, PROGRAM, *settings, f"run.output={SHARED}/{name}")
        expect(code == 0, f"four ranks on two hosts train, {name} time", text)
    expect("ranks: 4 on 2 host(s), global batch 24" in text, "the log names the hosts, and each has its mini-batch", text)
    summary = json.loads((SHARED / "second/summary.json").read_text())
    expect(summary["world_size"] == 4 and summary["steps"] == 9, "all of it was trained", summary)
    first, second = (floats(last_tensors(SHARED / name), ("arg:", "aux:", "moment0:")) for name in ("first", "second"))
    expect(first.tobytes() == second.tobytes(), "two runs give the same bits")
    code, text = run(*MPIRUN, "-n", "4", PROGRAM, *settings, "mini_batch_size=24", f"run.output={SHARED}/together")
    expect(code == 0 and "ranks: 4 on 1 host(s), global batch 24" in text, "four ranks on one host train the same batches", text)
    apart, moved = difference(SHARED / "first", SHARED / "together"), difference(SHARED / "first", SHARED / "start")
    expect(apart < 1e-5 < 1e-2 < moved, f"one host or two: weights differ by {apart:.1e}, training moved them by {moved:.1e}")


def test_a_stop_over_hosts():
    """A signal to launch/mpirun saves on both hosts, and the next start goes on."""
    command = [*TWO_HOSTS, PROGRAM, "train", SHARED / "toy.yaml", "epochs=2000", f"run.output={SHARED}/cut"]
    with open(SHARED / "cut.txt", "w") as output:
        process = subprocess.Popen([*map(str, command)], cwd=ROOT, stdout=output, stderr=subprocess.STDOUT)
        metrics = SHARED / "cut/metrics.jsonl"
        for _ in range(1200):
            if process.poll() is not None or (metrics.exists() and metrics.read_text().count('"step"') > 5):
                break
            time.sleep(0.05)
        process.send_signal(signal.SIGTERM)
        code = process.wait(timeout=120)
    expect(code == 75, f"SIGTERM saves on both hosts and ends with 75 (here {code})", (SHARED / "cut.txt").read_text()[-3000:])
    before = last_checkpoint(SHARED / "cut")
    epochs = int(before.split("-")[1]) // 3 + 2
    code, text = run(*TWO_HOSTS, PROGRAM, "train", SHARED / "toy.yaml", f"epochs={epochs}", f"run.output={SHARED}/cut")
    expect(code == 0 and before in text, f"the next start goes on from {before}", text)


def test_hosts_without_a_shared_disk():
    """Data and run are below /dev/shm, which each host has for itself. Rank 0's host keeps the run, and must be the same one again."""
    for host in ("1", "2"):
        run(LAB, "on", host, "cp", SHARED / "toy.rec", SHARED / "toy.idx", "/dev/shm")
    settings = [PROGRAM, "train", SHARED / "toy.yaml", "channels.train=/dev/shm/toy.rec"]
    code, text = run(*TWO_HOSTS, *settings, "epochs=4", f"run.output={SHARED}/undivided")
    expect(code == 0, "four epochs on two hosts", text)
    code, text = run(*TWO_HOSTS, *settings, "epochs=2", "run.output=/dev/shm/own")
    expect(code == 0, "two epochs, with the run on rank 0's disk", text)
    other_first = [LAB, "on", "2", "launch/mpirun", "--interface", "e0", "--host", "node2:2,node1:2"]
    code, text = run(*other_first, *settings, "epochs=4", "run.output=/dev/shm/own")
    expect(code == 2 and "holds step-000000006 on node1, but no checkpoint on node2" in text,
           f"with another host first the run is not begun again in silence (here {code})", text)
    code, text = run(*TWO_HOSTS, *settings, "epochs=4", "run.output=/dev/shm/own")
    run(LAB, "on", "1", "cp", "-r", "/dev/shm/own", SHARED / "own")
    names = ("arg:", "aux:", "moment0:")
    expect(code == 0 and floats(last_tensors(SHARED / "own"), names).tobytes() == floats(last_tensors(SHARED / "undivided"), names).tobytes(),
           "with the same host first it goes on, bit for bit", text)


def test_a_cut_network():
    """Each rank ends in time and says why."""
    prefix = SHARED / "apart"
    command = [*TWO_HOSTS, "--mca", "orte_enable_recovery", "1", "--mca", "orte_abort_on_non_zero_status", "0", ROOT / "tests/faults/rank",
               prefix, PROGRAM, "train", SHARED / "toy.yaml", "epochs=100000", "collective_timeout=5", f"run.output={SHARED}/apart-run"]
    output = open(SHARED / "apart.txt", "w")
    process = subprocess.Popen([*map(str, command)], cwd=ROOT, stdout=output, stderr=subprocess.STDOUT)
    metrics = SHARED / "apart-run/metrics.jsonl"
    begun = wait_until(lambda: metrics.exists() and metrics.read_text().count('"step"') > 20)
    run(LAB, "cut", "2")
    begin = time.monotonic()
    codes = [prefix.with_name(f"apart.{rank}.code") for rank in range(4)]
    ended = wait_until(lambda: all(path.exists() and path.read_text().endswith("\n") for path in codes), 15)
    seconds = time.monotonic() - begin
    said = [prefix.with_name(f"apart.{rank}.out").read_text() for rank in range(4)]
    expect(begun and ended and all(path.read_text() == "5\n" for path in codes),
           f"a cut network: all four ranks end within {seconds:.1f} s, where five is the limit, with 5", "\n".join(text[-500:] for text in said))
    for rank, text in enumerate(said):
        error = [line for line in text.splitlines() if " ERROR " in line]
        expect(len(error) == 1 and all(word in error[0] for word in (f"rank {rank} (node{rank // 2 + 1})", "collective ", "behind step ")),
               f"a cut network: rank {rank} names host, collective and step in one message", text[-800:])
    process.kill()  # it still waits for its daemon on the other host, until TCP gives up
    run(LAB, "join", "2")


if not shutil.which("mpirun"):
    skip("no mpirun here (Debian: openmpi-bin)")
HOSTFILE.write_text("node1 slots=2\nnode2 slots=2\n")
test_hosts_and_variables()
test_training()
test_a_stop_over_hosts()
test_hosts_without_a_shared_disk()
test_a_cut_network()
finish()
