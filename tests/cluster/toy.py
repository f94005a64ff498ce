"""What the tests of several hosts share: claims, a small training set, and the weights that a run ends with."""

import array
import json
import math
import os
import pathlib
import struct
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
SHARED = pathlib.Path(os.environ.get("LAB_SHARED", "/nonexistent"))  # a folder that all hosts see
LAB = str(ROOT / "tests/cluster/lab")
failures = []

sys.path.insert(0, str(ROOT / "launch"))
from digits import write_png  # noqa: E402  the quick start's


def skip(reason):
    print(f"skipped: {reason}")
    sys.exit(77)


def expect(condition, claim, evidence=""):
    if condition:
        print("ok  ", claim, flush=True)
    else:
        failures.append(claim)
        print(f"FAIL {claim}\n{evidence}", flush=True)


def finish():
    sys.exit(f"{len(failures)} failed" if failures else 0)


def run(*command, seconds=300, **settings):
    """A command in the root of the checkout -> exit code, output and errors as one text."""
    done = subprocess.run([*map(str, command)], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=seconds,
                          **settings)
    return done.returncode, done.stdout


def wait_until(condition, seconds=60):
    """Whether it came true in time."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True


def make_records(program):
    """72 pictures of 8 x 8 pixels in two classes -> a configuration that trains on them."""
    for name, factor in (("one", 3), ("two", 7)):
        folder = SHARED / "pictures" / name
        folder.mkdir(parents=True)
        for i in range(36):
            write_png(folder / f"{i}.png", 8, 8, bytes((factor * i * j + factor * j) % 256 for j in range(64)))
    code, text = run(program, "pack", SHARED / "pictures", SHARED / "toy")
    expect(code == 0, "pictures are packed", text)
    config = SHARED / "toy.yaml"
    config.write_text(f"""channels: {{train: {SHARED}/toy.rec}}
hyperparameters: {{num_layers: 20, image_shape: "3,8,8", mini_batch_size: 12, epochs: 3, learning_rate: 0.02}}
""")
    return config


def last_checkpoint(output):
    """The name of a run's newest complete checkpoint."""
    return (pathlib.Path(output) / "checkpoints/latest").read_text().split()[0]


def last_tensors(output):
    """The file with its weights, moments and statistics."""
    return pathlib.Path(output) / "checkpoints" / last_checkpoint(output) / "tensors.safetensors"


def floats(path, prefixes):
    """The tensors whose names begin so, one after the other."""
    content = path.read_bytes()
    (length,) = struct.unpack("<Q", content[:8])
    table = json.loads(content[8 : 8 + length])
    values = array.array("f")
    for name in sorted(name for name in table if name.startswith(prefixes)):
        begin, end = table[name]["data_offsets"]
        values.frombytes(content[8 + length + begin : 8 + length + end])
    return values


def difference(one, other):
    """Of the weights of two runs, relative to the first: in the Euclidean norm."""
    a, b = (floats(last_tensors(output), "arg:") for output in (one, other))
    assert len(a) == len(b) > 1000, "these are no weights of one network"
    return math.dist(a, b) / math.hypot(*a)
