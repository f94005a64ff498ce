"""`lockstep convert` and `lockstep inspect` as their user meets them: every form in and out, wrong usage, and files that mean harm.

usage: models_test.py PROGRAM
"""
import io
import json
import os
import pathlib
import pickle
import shutil
import struct
import subprocess
import sys
import tarfile
import tempfile
import zipfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = pathlib.Path(sys.argv[1]).resolve()
sys.path.insert(0, str(ROOT / "tests/cluster"))
from toy import expect, finish, write_png  # noqa: E402

NAMES = ["image-classification-0001.params", "image-classification-symbol.json", "lockstep.json", "model-shapes.json"]


def lockstep(*arguments, status=0):
    """-> what it printed; a claim about its exit code."""
    done = subprocess.run([PROGRAM, *map(str, arguments)], capture_output=True, text=True, timeout=120)
    if done.returncode != status:
        expect(False, f"lockstep {' '.join(map(str, arguments))}: exit code {status}, not {done.returncode}", done.stdout + done.stderr)
    return done.stdout + done.stderr


def train_a_model(folder):
    """A run of one epoch -> its folder."""
    for name, factor in (("one", 3), ("two", 7)):
        (folder / "pictures" / name).mkdir(parents=True)
        for i in range(6):
            write_png(folder / "pictures" / name / f"{i}.png", 8, 8, bytes((factor * i * j + factor * j) % 256 for j in range(64)))
    (folder / "empty.yaml").write_text(f"channels:\n  train: {folder}/pictures\n")
    lockstep("train", folder / "empty.yaml", f"run.output={folder}/run", "num_layers=20", "image_shape=3,8,8", "mini_batch_size=4", "epochs=1")
    return folder / "run"


def same_files(one, other):
    return all((one / name).read_bytes() == (other / name).read_bytes() for name in NAMES)


def test_every_form_goes_in_and_out(folder, run):
    model = run / "model"
    for form in ("a/model.tar.gz", "b/x.tgz", "c/x.safetensors", "d", "e/image-classification-0001.params"):
        said = lockstep("convert", model, folder / form)
        expect("arrays" in said and str(folder / form) in said, f"convert says what became {form}", said)
        lockstep("convert", folder / form, folder / "back")
        expect(same_files(model, folder / "back"), f"{form} comes back byte for byte")
        shutil.rmtree(folder / "back")
    expect(same_files(model, folder / "d") and same_files(model, folder / "e"), "a folder and a prefix hold the same files")
    before = (folder / "a/model.tar.gz").read_bytes()
    lockstep("convert", folder / "d", folder / "a/model.tar.gz")
    expect((folder / "a/model.tar.gz").read_bytes() == before, "an archive of the same model is the same file")
    expect((run / "model.tar.gz").read_bytes() == before, "and the one that training wrote")

    places = [model, run / "model.tar.gz", model / "image-classification", model / NAMES[0], model / NAMES[1], folder / "c/x.safetensors",
              run / "checkpoints", next((run / "checkpoints").glob("step-*"))]
    with tarfile.open(folder / "outer.tar.gz", "w:gz") as archive:
        for name in NAMES:
            archive.add(model / name, f"./{name}")
    (folder / "alone").mkdir()
    shutil.copy(run / "model.tar.gz", folder / "alone/model.tar.gz")
    for place in [*places, folder / "outer.tar.gz", folder / "alone"]:
        lockstep("convert", place, folder / "back")
        expect(read(folder / "back") == read(model), f"{place.name} is read")
        said = json.loads(lockstep("inspect", place, "--json"))
        expect(said["can_train"] and said["card"]["network"] == "resnet_v2" and said["output"]["classes"] == 2 and said["parameters"] > 2e5,
               f"{place.name} is inspected", said)
        shutil.rmtree(folder / "back")


def read(folder):
    """Weights and network; the card of a checkpoint tells more of its origin."""
    return [(folder / name).read_bytes() for name in NAMES[:2]]


def test_halves_and_names_of_torch(folder, run):
    lockstep("convert", run / "model", folder / "half", "--half")
    whole, half = ((place / NAMES[0]).stat().st_size for place in (run / "model", folder / "half"))
    expect(half < 0.55 * whole, f"--half halves the weights: {whole} -> {half} bytes")
    lockstep("convert", folder / "half", folder / "half.safetensors")
    lockstep("convert", folder / "half.safetensors", folder / "half-again")
    expect(same_files(folder / "half", folder / "half-again"), "halves come back byte for byte")
    said = lockstep("inspect", folder / "half", "--arrays")
    expect("arg:conv0_weight (16, 3, 3, 3) float16" in said and "arg:fc1_bias (2,) float32" in said, "inspect names the types", said)
    lockstep("convert", run / "model", folder / "torch.safetensors", "--to", "torch")
    said = lockstep("inspect", folder / "torch.safetensors", "--arrays")
    expect("SageMaker     can continue it" in said, "torch's names are read again", said)
    header = (folder / "torch.safetensors").read_bytes()
    names = json.loads(header[8 : 8 + struct.unpack("<Q", header[:8])[0]])
    expect("fc1.weight" in names and "bn1.running_mean" in names, "--to torch writes torch's names", sorted(names)[:5])


def test_wrong_usage(folder, run):
    for arguments, words in (((run / "model", folder / "x.onnx"), [".safetensors", ".tar.gz"]),
                             ((run / "model", folder / "x.params"), ["PREFIX-NNNN.params"]),
                             ((run / "model", folder / "x.tar.gz", "--to", "torch"), ["torch's names are for .safetensors"]),
                             ((run / "model", folder / "x.safetensors", "--to", "keras"), ["keras"]),
                             ((run / "model",), ["out"]), ((), ["in"])):
        said = lockstep("convert", *arguments, status=2)
        expect(all(word in said for word in words) and len(said.splitlines()) <= 3, f"convert {' '.join(map(str, arguments[1:]))}: exit code 2", said)
    lockstep("inspect", status=2)
    lockstep("inspect", run / "model", "--yaml", status=2)
    (folder / "file").write_text("in the way")
    said = lockstep("convert", run / "model", folder / "file/model.tar.gz", status=4)
    expect("file" in said, "a place that cannot be written is an error of input and output", said)


def tar_of(path, members):
    """members: (name, bytes or the target of a link)."""
    with tarfile.open(path, "w:gz") as archive:
        for name, content in members:
            entry = tarfile.TarInfo(name)
            if isinstance(content, str):
                entry.type, entry.linkname = tarfile.SYMTYPE, content
                archive.addfile(entry)
            else:
                entry.size = len(content)
                archive.addfile(entry, io.BytesIO(content))
    return path


class Harm:
    """A pickle of it would write a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.system, (f"touch '{self.path}'",)


def zip_of(path, entries):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return path


def hostile_files(folder, run):
    """(path, words of the error)"""
    model = {name: (run / "model" / name).read_bytes() for name in NAMES}
    place = folder / "hostile"
    place.mkdir()
    whole = (run / "model.tar.gz").read_bytes()

    def put(name, content):
        (place / name).write_bytes(content)
        return place / name

    yield put("empty.tar.gz", b""), []
    yield put("cut.tar.gz", whole[: len(whole) // 2]), []
    yield put("noise.tar.gz", bytes(range(256)) * 40), []
    yield tar_of(place / "climbs.tar.gz", [("../../outside-symbol.json", model[NAMES[1]]), *model.items()]), ["../"]
    yield tar_of(place / "links.tar.gz", [*[(name, model[name]) for name in NAMES[:2]], ("lockstep.json", "/etc/passwd")]), ["link"]
    yield tar_of(place / "no-symbol.tar.gz", [(NAMES[0], model[NAMES[0]])]), ["-symbol.json"]
    many = '{"nodes": [' + ",".join('{"op": "null", "name": "n", "inputs": []}' for _ in range(10**6)) + '], "arg_nodes": [], "heads": [[0, 0]]}'
    yield tar_of(place / "nodes.tar.gz", [(NAMES[1], many.encode()), (NAMES[0], model[NAMES[0]])]), ["nodes"]
    deep = b"[" * 10**6
    yield tar_of(place / "deep.tar.gz", [(NAMES[1], deep), (NAMES[0], model[NAMES[0]])]), []
    huge = struct.pack("<QQQ", 0x112, 0, 1) + struct.pack("<IiI", 0xF993FAC9, 0, 2) + struct.pack("<qq", 2**40, 2**20) + b"\0" * 64
    yield tar_of(place / "params.tar.gz", [(NAMES[1], model[NAMES[1]]), (NAMES[0], huge)]), ["offset"]
    yield tar_of(place / "cut-params.tar.gz", [(NAMES[1], model[NAMES[1]]), (NAMES[0], model[NAMES[0]][:-5])]), ["offset"]
    yield put("header.safetensors", struct.pack("<Q", 2**60) + b"{}"), ["header"]
    yield put("holes.safetensors", safetensors_of({"w": {"dtype": "F32", "shape": [2], "data_offsets": [4, 12]}}, 12)), []
    yield put("large.safetensors", safetensors_of({"w": {"dtype": "F32", "shape": [2**40, 2**40], "data_offsets": [0, 4]}}, 4)), []
    yield put("harm.pth", pickle.dumps({"w": Harm(folder / "harmed")}, protocol=2)), []
    yield zip_of(place / "harm-zip.pth", {"x/data.pkl": pickle.dumps({"w": Harm(folder / "harmed")}, protocol=2)}), ["posix.system"]
    yield zip_of(place / "script.pt", {"x/code/__torch__.py": b"", "x/constants.pkl": b"", "x/data.pkl": b""}), ["TorchScript"]
    yield put("cut.pth", (ROOT / "tests/golden/torch_zip.pth").read_bytes()[:-40]), []
    yield place / "absent.tar.gz", ["absent.tar.gz"]
    (place / "nothing").mkdir()
    yield place / "nothing", ["looked for"]


def safetensors_of(header, size):
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + b"\0" * size


def test_files_that_mean_harm(folder, run):
    for path, words in hostile_files(folder, run):
        for command in (("convert", path, folder / "never"), ("inspect", path)):
            said = lockstep(*command, status=3)
            expect(path.name in said and all(word in said for word in words) and len(said) < 2000, f"{command[0]} {path.name}: exit code 3",
                   said[:500])
    expect(not (folder / "harmed").exists() and not list(folder.glob("**/outside*")), "nothing in them was executed or unpacked")
    expect(not (folder / "never").exists(), "nothing came out of them")


def test_models_of_other_kinds(folder, run):
    """They are inspected with the reason why no run can begin with them, and not converted."""
    symbol = json.loads((run / "model" / NAMES[1]).read_text())
    for node in symbol["nodes"]:
        if node["op"] == "Flatten":
            node["op"] = "RNN"
    place = folder / "other"
    place.mkdir()
    (place / NAMES[1]).write_text(json.dumps(symbol))
    shutil.copy(run / "model" / NAMES[0], place)
    said = lockstep("inspect", place)
    expect("train here" in said and "(RNN): this operator is not supported" in said, "an operator without a row is named with its node", said)
    shutil.copy(run / "model" / NAMES[0], folder / "alone-0001.params")
    said = lockstep("inspect", folder / "alone-0001.params")
    expect("arrays alone" in said, "arrays without a graph are listed", said)
    lockstep("convert", folder / "alone-0001.params", folder / "never", status=3)


with tempfile.TemporaryDirectory(prefix="models.") as name:
    place = pathlib.Path(name)
    trained = train_a_model(place)
    for test in (test_every_form_goes_in_and_out, test_halves_and_names_of_torch, test_wrong_usage, test_files_that_mean_harm,
                 test_models_of_other_kinds):
        (place / test.__name__).mkdir()
        test(place / test.__name__, trained)
finish()
