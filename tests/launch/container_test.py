"""launch/container/train against made-up /opt/ml trees: container_test.py PROGRAM

With `cluster` behind it, within tests/cluster/lab run: one job on two hosts instead.
"""

import json
import os
import pathlib
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/cluster"))
from toy import expect, finish, skip, write_png  # noqa: E402

PROGRAM = pathlib.Path(sys.argv[1]).resolve()
ON_HOSTS = sys.argv[2:] == ["cluster"]
PLAIN = {"num_layers": "20", "image_shape": "3,8,8", "mini_batch_size": "12", "epochs": "2", "learning_rate": "0.02", "num_classes": "2",
         "num_training_samples": "72"}
ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith(("LOCKSTEP_", "OMPI_", "SAGEMAKER_"))}


class Image:
    """The files of the image, where the Dockerfiles put them in relation to each other."""

    def __init__(self, folder):
        self.folder = folder
        shutil.copytree(ROOT / "launch/container", folder / "launch/container", ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(ROOT / "launch/mpirun", folder / "launch/mpirun")
        (folder / "bin").mkdir()
        (folder / "bin/lockstep").symlink_to(PROGRAM)
        self.train = folder / "launch/container/train"


class Tree:
    """A made-up /opt/ml."""

    def __init__(self, base, hyperparameters=PLAIN, channels=None, data=None, hosts=("algo-1",), here="algo-1", interface="lo"):
        self.base = base
        config = base / "input/config"
        config.mkdir(parents=True)
        (config / "hyperparameters.json").write_text(json.dumps(hyperparameters))
        records = {"ContentType": "application/x-recordio", "TrainingInputMode": "File", "S3DistributionType": "FullyReplicated",
                   "RecordWrapperType": "None"}
        channels = {"train": records, "validation": records} if channels is None else channels
        (config / "inputdataconfig.json").write_text(json.dumps(channels))
        (config / "resourceconfig.json").write_text(
            json.dumps({"current_host": here, "hosts": list(hosts), "network_interface_name": interface}))
        for name, sources in (data or {}).items():
            (base / "input/data" / name).mkdir(parents=True)
            for source in sources:
                (shutil.copytree if source.is_dir() else shutil.copy)(source, base / "input/data" / name / source.name)

    def environment(self, **more):
        return {**ENVIRONMENT, "SAGEMAKER_BASE_DIR": str(self.base), **more}

    def run(self, image, *before, seconds=120, **more):
        done = subprocess.run([*map(str, before), str(image.train)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              timeout=seconds, env=self.environment(**more))
        return done.returncode, done.stdout

    def failure(self):
        path = self.base / "output/failure"
        return path.read_text() if path.exists() else None

    def has_model(self):
        """The files that the built-in algorithm leaves, each of its kind."""
        model = self.base / "model"
        parameters = sorted(model.glob("image-classification-[0-9][0-9][0-9][0-9].params"))
        if len(parameters) != 1 or struct.unpack("<QQ", parameters[0].read_bytes()[:16]) != (0x112, 0):
            return False
        symbol = json.loads((model / "image-classification-symbol.json").read_text())
        shapes = json.loads((model / "model-shapes.json").read_text())
        return "nodes" in symbol and shapes == [{"shape": [12, 3, 8, 8], "name": "data"}]


def make_data(folder):
    """Pictures of two classes, as files with a list and as records -> {what: paths}."""
    for name, factor in (("one", 3), ("two", 7)):
        (folder / "pictures" / name).mkdir(parents=True)
        for i in range(36):
            write_png(folder / "pictures" / name / f"{i}.png", 8, 8, bytes((factor * i * j + factor * j) % 256 for j in range(64)))
    subprocess.run([PROGRAM, "pack", folder / "pictures", folder / "toy"], check=True, capture_output=True)
    return {"records": [folder / "toy.rec"], "pictures": [folder / "pictures/one", folder / "pictures/two"], "list": [folder / "toy.lst"]}


def test_success(image, folder, data):
    tree = Tree(folder / "success", {**PLAIN, "run.seed": "7", "image_shape": '"3,8,8"', "_tuning_objective_metric": "validation:accuracy"},
                data={"train": data["records"], "validation": data["records"]})
    code, text = tree.run(image)
    expect(code == 0 and tree.failure() is None, "a job ends with 0 and no failure", text)
    expect(tree.has_model(), "the model's files are in SageMaker's layout", text)
    expect("Validation-accuracy=" in text, "SageMaker's log lines are on standard output", text)
    config = (tree.base / "checkpoints/config.yaml").read_text()
    expect("\n  seed: 7" in config, "a run. key among the hyperparameters is taken", config)
    reports = {path.name for path in (tree.base / "output/data").iterdir()}
    expect({"log.txt", "metrics.jsonl", "summary.json"} <= reports, "log and metrics are handed over", reports)
    code, text = tree.run(image)
    expect(code == 0 and "nothing to do" in text and tree.has_model(), "a finished job that is started again ends with 0", text)
    return tree


def test_channels(image, folder, data, trained):
    pictures = {"ContentType": "application/x-image", "TrainingInputMode": "File"}
    tree = Tree(folder / "lists", channels={name: pictures for name in ("train", "validation", "train_lst", "validation_lst")},
                data={"train": data["pictures"], "validation": data["pictures"], "train_lst": data["list"], "validation_lst": data["list"]})
    code, text = tree.run(image, LOCKSTEP_RANKS="2")
    expect(code == 0 and tree.has_model(), "pictures with lists are trained on, by two ranks", text)
    expect("ranks: 2 on 1 host(s)" in text, "LOCKSTEP_RANKS says how many ranks a host has", text)
    archive = folder / "model.tar.gz"
    subprocess.run(["tar", "-czf", archive, "-C", trained.base / "model", "."], check=True)
    tree = Tree(folder / "again", channels={"train": {}, "model": {"ContentType": "application/x-sagemaker-model"}, "notes": {}},
                data={"train": data["records"], "model": [archive], "notes": data["list"]})
    code, text = tree.run(image)
    expect(code == 0 and f"{tree.base}/input/data/model/model.tar.gz" in text, "the model channel is gone on from", text)
    expect("channel notes is ignored" in text, "a channel that nobody knows is a warning", text)


def test_failures(image, folder, data):
    def refused(name, code, *words, **changes):
        tree = Tree(folder / name.replace(" ", "-"), **{"data": {"train": data["records"], "validation": data["records"]}, **changes})
        status, text = tree.run(image, LOCKSTEP_MEETING_SECONDS="1")
        failure = tree.failure() or ""
        expect(status == code and all(word in failure for word in words) and len(failure) <= 1024, f"{name}: {code} and the reason",
               failure or text)

    refused("a wrong hyperparameter", 2, "hyperparameters.json:1", "learning_rate", "fast",
            hyperparameters={**PLAIN, "learning_rate": "fast"})
    refused("a wrong run key", 2, "run.sede", "seed", hyperparameters={**PLAIN, "run.sede": "3"})
    refused("many mistakes", 2, "mistakes", hyperparameters={**PLAIN, **{f"run.{'x' * 40}{i}": "1" for i in range(50)}})
    refused("no hyperparameters", 2, "there are no hyperparameters", hyperparameters={})
    refused("no channel train", 2, "no channel train", "validation", channels={"validation": {}})
    refused("a channel without data", 2, "the channel validation: there is no", data={"train": data["records"]})
    refused("two lists", 2, "exactly one .lst", channels={"train": {}, "train_lst": {}},
            data={"train": data["pictures"], "train_lst": [*data["list"], copy_of(data["list"][0], folder / "second.lst")]})
    refused("no published weights", 2, "input/data/pretrained and start again", hyperparameters={**PLAIN, "num_layers": "18", "use_pretrained_model": "1"})
    refused("Pipe mode", 2, "channel train", "Pipe", channels={"train": {"TrainingInputMode": "Pipe"}})
    refused("parts of the data", 2, "ShardedByS3Key", "FullyReplicated", hosts=("algo-1", "algo-2"),
            channels={"train": {"S3DistributionType": "ShardedByS3Key"}})
    refused("a damaged record", 3, "toy.rec", data={"train": [damaged(folder, data)], "validation": data["records"]})
    tree = Tree(folder / "ranks", data={"train": data["records"], "validation": data["records"]})
    code, text = tree.run(image, LOCKSTEP_RANKS="many")
    expect(code == 2 and "LOCKSTEP_RANKS=many" in (tree.failure() or ""), "a number of ranks that is none is refused", text)
    tree = Tree(folder / "no-mpirun", data={"train": data["records"], "validation": data["records"]})
    code, text = tree.run(image, LOCKSTEP_RANKS="2", LOCKSTEP_MPIRUN="no-such-mpirun")
    expect(code == 2 and "no-such-mpirun is not installed" in (tree.failure() or ""), "what keeps MPI from starting is the reason", text)


def copy_of(path, other):
    return pathlib.Path(shutil.copy(path, other))


def damaged(folder, data):
    path = folder / "damaged/toy.rec"
    path.parent.mkdir()
    content = bytearray(data["records"][0].read_bytes())
    content[len(content) // 2 :] = b"\0" * (len(content) - len(content) // 2)
    path.write_bytes(content)
    return path


def begin_and_stop(tree, image, number, until=None, **more):
    """Starts a long job, and sends a signal once it has a model, or what else it is waited for -> exit code, text."""
    with open(tree.base / "said.txt", "w") as output:
        process = subprocess.Popen([str(image.train)], stdout=output, stderr=subprocess.STDOUT, env=tree.environment(**more))
    (until or wait_for_a_model)(tree, process)
    process.send_signal(number)
    return process.wait(timeout=120), (tree.base / "said.txt").read_text()


def wait_for_a_model(tree, process):
    """The run has evaluated and goes on; or has ended."""
    for _ in range(1200):
        if process.poll() is not None or (tree.base / "checkpoints/model/lockstep.json").exists():
            return
        time.sleep(0.05)


def wait_for_a_step(tree, process):
    for _ in range(2400):
        metrics = tree.base / "checkpoints/metrics.jsonl"
        if process.poll() is not None or (metrics.exists() and '"event":"step"' in metrics.read_text()):
            return
        time.sleep(0.025)


def test_a_stop_before_the_first_evaluation(image, folder, data):
    slow = {**PLAIN, "num_layers": "110", "image_shape": "3,28,28", "mini_batch_size": "1"}
    tree = Tree(folder / "stop-early", slow, data={"train": data["records"], "validation": data["records"]})
    code, text = begin_and_stop(tree, image, signal.SIGTERM, wait_for_a_step)
    expect(code == 75 and not (tree.base / "checkpoints/model").exists(), f"a stop in the first epoch saves (here {code})", text[-3000:])
    files = sorted(path.name for path in (tree.base / "model").iterdir())
    expect("image-classification-symbol.json" in files and "image-classification-0000.params" in files and "no evaluation has seen" in text,
           f"the newest weights are handed over: {files}", text[-3000:])


def test_a_stop(image, folder, data):
    for ranks in ("1", "2"):
        tree = Tree(folder / f"stop-{ranks}", {**PLAIN, "epochs": "2000"}, data={"train": data["records"], "validation": data["records"]})
        code, text = begin_and_stop(tree, image, signal.SIGTERM, LOCKSTEP_RANKS=ranks)
        expect(code == 75 and tree.failure() is None, f"SIGTERM saves and ends with 75, {ranks} rank(s) (here {code})", text[-3000:])
        expect(tree.has_model(), "what is trained so far is handed over", text[-3000:])
        before = (tree.base / "checkpoints/checkpoints/latest").read_text().split()[0]
        epochs = int(before.split("-")[1]) // 6 + 2
        (tree.base / "input/config/hyperparameters.json").write_text(json.dumps({**PLAIN, "epochs": str(epochs)}))
        code, text = tree.run(image, LOCKSTEP_RANKS=ranks)
        expect(code == 0 and f"going on from {tree.base}/checkpoints/checkpoints/{before}" in text, "the next start goes on from there", text)


def test_another_user(image, folder, data):
    """Nobody of that number has a name; the image's files are root's, the tree is his."""
    if os.geteuid() != 0 or not shutil.which("setpriv"):
        return print("not root, or no setpriv here: only one user was tried")
    for path in (folder, folder / "another", image.folder):
        path.mkdir(exist_ok=True)
        path.chmod(0o755)
    user = ["setpriv", "--reuid", "12345", "--regid", "12345", "--clear-groups"]
    tree = Tree(folder / "another/ml", data={"train": data["records"], "validation": data["records"]})
    code, text = tree.run(image, *user)
    expect(code == 2 and "cannot be made" in text and "user 12345" in text, "a tree that is somebody else's is named", text)
    for path in [tree.base, *tree.base.rglob("*")]:
        os.chown(path, 12345, 12345)
    code, text = tree.run(image, *user, LOCKSTEP_RANKS="2", HOME="/nonexistent")
    expect(code == 0 and tree.has_model(), "any user will do who may write the tree", text)


def processes_below(pid):
    """A process, and all that it started."""
    children = subprocess.run(["pgrep", "-P", str(pid)], capture_output=True, text=True).stdout.split()
    return [pid, *(below for child in children for below in processes_below(int(child)))]


def test_the_images():
    """One image but for CUDA; no root, and `train` at their start, as the list form that signals reach."""
    cpu, cuda = (
        [line for line in (ROOT / f"docker/{name}.Dockerfile").read_text().splitlines() if not line.startswith("#")] for name in ("cpu", "cuda"))
    plain = [line.replace("--cuda", "--cpu").removesuffix(" \\") for line in cuda if "NVIDIA_" not in line]
    expect(plain == [line.removesuffix(" \\") for line in cpu], "the two Dockerfiles differ in CUDA alone", plain)
    expect(cpu[-1] == 'CMD ["train"]' and "USER ${user}" in cpu and "ARG user=lockstep" in cpu, "they start `train`, not as root", cpu)


class Host:
    """One of two hosts of a job. Its tree lies in its own /tmp, which no other host sees, as a container's would."""

    def __init__(self, number, name, image, data, **settings):
        self.image, self.said = image, image.folder.parent / f"{name}-{number}.txt"
        self.pid = pathlib.Path(f"/run/lab/node{number}.pid").read_text().strip()
        self.tree = Tree(pathlib.Path(f"/proc/{self.pid}/root/tmp") / name, data={"train": data["records"], "validation": data["records"]},
                         hosts=("algo-1", "algo-2"), here=f"algo-{number}", interface="e0", **settings)
        self.environment = {**ENVIRONMENT, "SAGEMAKER_BASE_DIR": f"/tmp/{name}", "LOCKSTEP_RANKS": str(number)}

    def start(self, **more):
        """nsenter becomes the entry point, so a signal to the process meets that one itself."""
        with open(self.said, "w") as output:
            self.process = subprocess.Popen(
                ["nsenter", "--target", self.pid, "--net", "--mount", "--uts", "--ipc", str(self.image.train)], stdout=output,
                stderr=subprocess.STDOUT, env={**self.environment, **more})

    def end(self):
        try:
            return self.process.wait(timeout=120), self.said.read_text()
        except subprocess.TimeoutExpired:
            self.process.kill()
            return "hangs", self.said.read_text()


def start_job(name, image, data, **settings):
    pair = [Host(number, name, image, data, **settings) for number in (1, 2)]
    for host in pair:
        host.start()
    return pair


def test_two_hosts(image, data):
    one, two = (Host(number, "names", image, data) for number in (1, 2))
    two.start()
    time.sleep(1)  # neither the first host nor its name is there
    with open("/etc/hosts", "a") as names:
        names.write("10.77.0.1 algo-1\n10.77.0.2 algo-2\n")
    one.start()
    (code, text), (other, other_text) = one.end(), two.end()
    expect((code, other) == (0, 0), f"both hosts end with 0 (here {code}, {other})", text + other_text)
    expect("ranks: 3 on 2 host(s), global batch 24" in text, "each host brings its own number of ranks", text)
    expect(one.tree.has_model() and not list((two.tree.base / "model").iterdir()), "the first host has the model", text)


def test_endings_of_two_hosts(image, data):
    one, two = start_job("mistake", image, data, hyperparameters={**PLAIN, "lr_scheduler_factor": "7"})
    (code, text), (other, other_text) = one.end(), two.end()
    expect((code, other) == (2, 2), f"both end with the code of the ranks (here {code}, {other})", text + other_text)
    failures = [host.tree.failure() or "" for host in (one, two)]
    expect("lr_scheduler_factor" in failures[0] and failures[0] == failures[1], "both hosts write the reason", failures)

    endless = {**PLAIN, "epochs": "2000"}
    one, two = start_job("stop", image, data, hyperparameters=endless)
    wait_for_a_model(one.tree, one.process)
    two.process.send_signal(signal.SIGTERM)
    (code, text), (other, other_text) = one.end(), two.end()
    expect((code, other) == (75, 75), f"SIGTERM to one host saves and stops all (here {code}, {other})", text + other_text)

    one, two = start_job("killed", image, data, hyperparameters=endless)
    wait_for_a_model(one.tree, one.process)
    for pid in processes_below(two.process.pid):  # as when its container is killed
        os.kill(pid, signal.SIGKILL)
    code, text = one.end()
    failure = one.tree.failure() or ""
    expect(code not in (0, 75, "hangs") and "lost: algo-2" in failure, f"a host that vanishes is named (code {code})", failure + text)


def test_a_host_that_refuses_alone(image, data):
    """The others end with its reason, long before they would be tired of waiting (600 s)."""
    one, two = (Host(number, "second-refuses", image, data) for number in (1, 2))
    shutil.rmtree(two.tree.base / "input/data/validation")
    for host in (one, two):
        host.start()
    (code, text), (other, other_text) = one.end(), two.end()
    failures = [host.tree.failure() or "" for host in (one, two)]
    expect((code, other) == (2, 2) and "algo-2: the channel validation: there is no" in failures[0] and failures[0] == failures[1],
           f"what keeps the second host from training ends both (here {code}, {other})", failures + [text, other_text])

    one, two = (Host(number, "first-refuses", image, data) for number in (1, 2))
    (one.tree.base / "input/config/hyperparameters.json").write_text("{}")
    two.start()
    time.sleep(1)
    one.start()
    (code, text), (other, other_text) = one.end(), two.end()
    failures = [host.tree.failure() or "" for host in (one, two)]
    expect((code, other) == (2, 2) and "there are no hyperparameters" in failures[0] and failures[0] == failures[1],
           f"what keeps the first host from training ends both (here {code}, {other})", failures + [text, other_text])

    one, two = start_job("both-refuse", image, data, channels={"validation": {}})
    (code, text), (other, other_text) = one.end(), two.end()
    failures = [host.tree.failure() or "" for host in (one, two)]
    expect((code, other) == (2, 2) and all("no channel train" in failure for failure in failures), f"so do two (here {code}, {other})",
           failures + [text, other_text])


def test_hosts_that_never_come(image, data):
    one, two = (Host(number, "alone", image, data) for number in (1, 2))
    one.start(LOCKSTEP_MEETING_SECONDS="3")
    code, text = one.end()
    expect(code == 5 and "algo-2 did not come to port 7777" in (one.tree.failure() or ""), "a host that never comes is named", text)
    two.start(LOCKSTEP_MEETING_SECONDS="3")
    code, text = two.end()
    expect(code == 5 and "algo-1, port 7777, could not be reached" in (two.tree.failure() or ""), "a first host that never comes is named", text)


if not shutil.which("mpirun"):
    skip("no mpirun here (Debian: openmpi-bin)")
with tempfile.TemporaryDirectory(prefix="container.", dir=os.environ.get("LAB_SHARED")) as place:
    place = pathlib.Path(place)
    place.chmod(0o755)
    image, data = Image(place / "image"), make_data(place)
    if ON_HOSTS:
        test_two_hosts(image, data)
        test_endings_of_two_hosts(image, data)
        test_a_host_that_refuses_alone(image, data)
        test_hosts_that_never_come(image, data)
    else:
        trained = test_success(image, place, data)
        test_channels(image, place, data, trained)
        test_failures(image, place, data)
        test_a_stop(image, place, data)
        test_a_stop_before_the_first_evaluation(image, place, data)
        test_another_user(image, place, data)
        test_the_images()
finish()
