"""The files of launch/ for clusters: batch scripts that bash and shellcheck take, and a Kubernetes manifest that is one."""

import importlib.util
import re
import shutil

from toy import ROOT, expect, finish, run

SCRIPTS = sorted((ROOT / "launch/slurm").glob("*.sbatch"))


def test_batch_scripts():
    expect(len(SCRIPTS) >= 2, "there are batch scripts", SCRIPTS)
    for path in SCRIPTS:
        text = path.read_text()
        code, said = run("bash", "-n", path)
        expect(code == 0, f"{path.name}: bash reads it", said)
        head = text.split("\nset -euo pipefail")[0]
        for word in ("# Start ", "# Follow ", "# Stop ", "# Change "):
            expect(word in head, f"{path.name}: its comments have {word.strip('# ')}")
        options = dict(re.findall(r"^#SBATCH --([\w-]+)=?(.*)$", head, re.M))
        for option in ("nodes", "ntasks-per-node", "cpus-per-task", "time", "requeue", "open-mode", "output"):
            expect(option in options, f"{path.name}: says --{option}")
        expect(options.get("signal", "").startswith("B:USR1@"), f"{path.name}: the notice goes to the script, which hands it on")
        expect(not {"account", "partition", "qos"} & set(options), f"{path.name}: names nothing of one site")
        expect(not re.search(r"^#SBATCH", text[len(head):], re.M), f"{path.name}: no option behind the first command")
    if shutil.which("shellcheck"):
        code, said = run("shellcheck", "-x", *SCRIPTS, *(ROOT / "launch/slurm").glob("*.sh"),
                         *(ROOT / "tests/cluster" / name for name in ("lab", "slurm", "lab_test.sh")))
        expect(code == 0, "shellcheck has nothing to say", said)


def test_manifest():
    if not importlib.util.find_spec("yaml"):
        print("no Python yaml here (Debian: python3-yaml): the manifest was not read")
        return
    import yaml

    job = yaml.safe_load((ROOT / "launch/kubernetes/mpijob.yaml").read_text())
    expect((job["apiVersion"], job["kind"]) == ("kubeflow.org/v2beta1", "MPIJob"), "it is an MPIJob", job)
    roles = job["spec"]["mpiReplicaSpecs"]
    pods = {role: roles[role]["template"]["spec"] for role in ("Launcher", "Worker")}
    for role, pod in pods.items():
        mounts = {mount["name"] for container in pod["containers"] for mount in container["volumeMounts"]}
        expect(mounts == {volume["name"] for volume in pod["volumes"]}, f"{role}: every volume is mounted", pod)
    arguments = pods["Launcher"]["containers"][0]["args"]
    ranks = int(arguments[arguments.index("-n") + 1])
    expect(ranks == roles["Worker"]["replicas"] * job["spec"]["slotsPerWorker"], "the ranks fill the workers' slots", arguments)
    gpus = pods["Worker"]["containers"][0]["resources"]["limits"]["nvidia.com/gpu"]
    expect(gpus == job["spec"]["slotsPerWorker"], "a slot is a GPU", gpus)
    expect({"path": "/dev/shm", "medium": "Memory"} in [
        {"path": mount["mountPath"], "medium": volume.get("emptyDir", {}).get("medium")}
        for mount in pods["Worker"]["containers"][0]["volumeMounts"] for volume in pods["Worker"]["volumes"]
        if mount["name"] == volume["name"]], "shared memory is a memory volume")


test_batch_scripts()
test_manifest()
finish()
