"""The program as its user meets it: help, wrong usage, and a folder of pictures on its way to predictions under mpirun.

usage: program_test.py PROGRAM [quick|whole]      quick: what needs no training (default); whole: everything
"""
import json
import pathlib
import random
import re
import signal
import struct
import subprocess
import sys
import tempfile
import time
import zlib

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = pathlib.Path(sys.argv[1]).resolve()
failures = []


def run(*arguments, status=0, launcher=()):
    """Runs the program; a claim about its exit status. Returns standard output and error."""
    command = [*map(str, launcher), str(PROGRAM), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=300)
    expect(done.returncode == status, f"{' '.join(command)}: exit {done.returncode}, expected {status}\n{done.stdout}{done.stderr}")
    return done.stdout, done.stderr


def expect(condition, claim):
    if not condition:
        failures.append(claim)
        print("FAILED:", claim, file=sys.stderr)


def commands():
    text = (ROOT / "src/cli/commands.def").read_text()
    return re.findall(r'^COMMAND\("([^"]+)"', text, re.M)


def write_png(path, size, pixel):
    rows = b"".join(b"\0" + bytes(value for x in range(size) for value in pixel(x, y)) for y in range(size))
    chunks = [(b"IHDR", struct.pack(">IIBBBBB", size, size, 8, 2, 0, 0, 0)), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    data = b"\x89PNG\r\n\x1a\n"
    for kind, body in chunks:
        data += struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
    path.write_bytes(data)


def make_pictures(folder, each=30):
    """Two classes that a glance tells apart: stripes along x and along y."""
    chance = random.Random(1)
    for name, axis in (("across", 0), ("down", 1)):
        (folder / name).mkdir(parents=True)
        for i in range(each):
            shift = chance.randrange(4)
            write_png(folder / name / f"{i:03}.png", 16,
                      lambda x, y: [100 + 100 * (((x, y)[axis] + shift) // 2 % 2) + chance.randrange(30)] * 3)


def test_help_and_wrong_usage():
    out, _ = run("--help")
    for name in commands():
        expect(name in out, f"--help lists {name}")
        help_text, _ = run(name, "--help")
        expect(len(help_text) > 100, f"{name} --help says something")
        _, err = run(name, "--no-such-option", status=2)
        expect(len(err.strip().splitlines()) <= 2, f"{name}: wrong usage is one line or two, not:\n{err}")
    out, _ = run("--version")
    for library in ("lockstep 0.", "LibTorch 2.", "Open MPI", "OpenCV", "libjpeg-turbo"):
        expect(library in out, f"--version names {library}")
    _, err = run("trian", status=2)
    expect('did you mean "train"' in err, f"an unknown command is answered by the nearest one, not: {err}")
    _, err = run("train", "-x", status=2)
    expect("no option is called -x" in err, f"a short one too, not: {err}")
    for command in ("index", "train", "plan"):
        _, err = run(command, "--hlep", status=2)
        expect("no option is called --hlep; did you mean --help?" in err, f"{command}: an unknown option is named first, not: {err}")


def test_errors_say_what_where_and_what_to_do():
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        _, err = run("train", folder / "absent.yaml", status=2)
        expect("absent.yaml" in err, "a missing configuration is named")
        config = folder / "wrong.yaml"
        config.write_text("channels:\n  train: nowhere.rec\nhyperparameters:\n  learning_rte: 0.1\n  epochs: many\nrun:\n  output: out\n")
        _, err = run("train", config, status=2)
        for part in ("wrong.yaml:4", "learning_rate", "wrong.yaml:5", "epochs"):
            expect(part in err, f"all mistakes at once, with line and nearest name: {part} is not in {err}")
        config.write_text(f"channels:\n  train: {folder}/nowhere.rec\nrun:\n  output: {folder}/out\n")
        done = subprocess.run([PROGRAM, "train", config], capture_output=True, text=True)
        expect(done.returncode in (2, 3, 4) and "nowhere.rec" in done.stderr, f"missing data are named: {done.returncode} {done.stderr}")
        _, err = run("predict", "--model", folder / "none.tar.gz", folder, status=3)
        expect("none.tar.gz" in err, f"a missing model is named: {err}")
        _, err = run("index", folder, status=2)
        expect("is a folder; name the .rec files in it" in err, f"index of a folder says what it wants: {err}")


def test_check_tells_good_data_from_bad():
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        make_pictures(folder / "pictures")
        report, chart = folder / "report.json", folder / "chart.svg"
        out, _ = run("check", folder / "pictures", "--image-shape", "3,16,16", "--json", report, "--chart", chart)
        expect("60 samples" in out and "across" in out, f"check says what there is: {out}")
        said = json.loads(report.read_text())
        expect(said["would_fail"] is False and said["channels"][0]["class_counts"] == [30, 30], f"check --json: {said}")
        expect(chart.read_text().startswith("<svg"), "check --chart writes a picture")
        (folder / "pictures/down/000.png").write_bytes(b"no picture")
        out, _ = run("check", folder / "pictures", "--image-shape", "3,16,16", status=3)
        expect("fails: " in out and "000.png" in out and "training would fail" in out, f"check names the bad picture: {out}")
        config = folder / "run.yaml"
        config.write_text(f"channels: {{train: {folder}/pictures}}\nhyperparameters: {{num_classes: 3}}\nrun: {{skip_bad_records: 1}}\n")
        out, _ = run("check", config, status=3)
        expect("num_classes: 3" in out and "2 classes" in out, f"check compares with the configuration: {out}")
        out, _ = run("check", config, "num_classes=2", "image_shape=3,16,16")
        expect("doubtful: train: 1 samples cannot be read" in out, f"check takes overrides: {out}")


def test_folder_to_predictions():
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        make_pictures(folder / "pictures")
        run("pack", folder / "pictures", folder / "toy", "--split", "0.8")
        expect((folder / "toy.classes").read_text().split() == ["across", "down"] or
               (folder / "toy_train.classes").exists(), "the classes are written")
        config = folder / "toy.yaml"
        config.write_text(f"""channels:
  train: {folder}/toy_train.rec
  validation: {folder}/toy_val.rec
hyperparameters: {{num_layers: 20, image_shape: "3,16,16", mini_batch_size: 12, epochs: 6, learning_rate: 0.05}}
run: {{output: {folder}/out}}
""")
        mpirun = (ROOT / "launch/mpirun", "-n", "2")
        out, _ = run("train", config, "--dry-run", launcher=mpirun)
        for part in ("hyperparameters.num_layers", "toy.yaml:4", "parameters", "steps:", "memory"):
            expect(part in out, f"--dry-run shows {part}: {out}")
        expect(not (folder / "out").exists(), "--dry-run writes nothing")
        before = sorted(path.name for path in folder.iterdir())
        out, _ = run("train", config, "--try", "6", launcher=mpirun)
        expect("6 steps of 12 images on 2 rank(s)" in out and "read and equal; the run would take about" in out, f"--try says how it went: {out}")
        expect(sorted(path.name for path in folder.iterdir()) == before, "--try leaves nothing behind")
        run("train", config, launcher=mpirun)
        summary = json.loads((folder / "out/summary.json").read_text())
        expect(summary["world_size"] == 2 and summary["validation"]["accuracy"] >= 0.9, f"two ranks learn the stripes: {summary}")
        out, _ = run("evaluate", "--model", folder / "out/model.tar.gz", "--data", folder / "toy_val.rec", "--json", folder / "e.json")
        evaluation = json.loads((folder / "e.json").read_text())
        expect(evaluation["accuracy"] == summary["best_validation_accuracy"], "evaluate repeats training's figure")
        for key in ("count", "accuracy", "top_k_accuracy", "cross_entropy", "classes", "confusion_matrix", "per_class", "micro", "macro", "weighted"):
            expect(key in evaluation, f"evaluate --json has {key}")
        expect(sum(map(sum, evaluation["confusion_matrix"])) == evaluation["count"] == 12, "every sample is counted once")
        expect("across" in out and "precision" in out, "evaluate prints a table a class")
        pictures = sorted((folder / "pictures/down").iterdir())[:3]
        out, _ = run("predict", "--model", folder / "out/model.tar.gz", *pictures)
        lines = [json.loads(line) for line in out.splitlines()]
        expect([line["file"] for line in lines] == [str(picture) for picture in pictures], "one object a picture, in order")
        expect(all(line["predictions"][0]["class"] == "down" for line in lines), f"the class is right: {out}")
        expect(all(abs(sum(p["probability"] for p in line["predictions"]) - 1) < 1e-5 for line in lines), "probabilities add up to 1")
        out, _ = run("train", config, launcher=mpirun)
        expect("nothing to do" in out, "a finished run has nothing to do")
        run("train", config, "momentum=0.1", status=2)
        out, _ = run("train", folder / "out/config.yaml", "epochs=7", "run.output=" + str(folder / "again"))
        expect((folder / "again/model.tar.gz").exists(), "the written configuration trains again")


def test_a_signal_saves_and_the_next_start_goes_on():
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        make_pictures(folder / "pictures")
        run("pack", folder / "pictures", folder / "toy")
        settings = [f"channels.train={folder}/toy.rec", "num_layers=20", "image_shape=3,16,16", "mini_batch_size=10", "learning_rate=0.05"]
        (folder / "empty.yaml").write_text(f"channels:\n  train: {folder}/toy.rec\n")
        command = [ROOT / "launch/mpirun", "-n", "2", PROGRAM, "train", folder / "empty.yaml", *settings]
        process = subprocess.Popen([*map(str, command), f"run.output={folder}/cut", "epochs=4000"], stdout=subprocess.PIPE,
                                   stderr=subprocess.STDOUT, text=True, cwd=ROOT)
        metrics = folder / "cut/metrics.jsonl"
        for _ in range(600):
            if metrics.exists() and metrics.read_text().count('"step"') > 8:
                break
            time.sleep(0.1)
        process.send_signal(signal.SIGTERM)
        out, _ = process.communicate(timeout=60)
        expect(process.returncode == 75, f"a stop behind a complete checkpoint exits 75, not {process.returncode}: {out}")
        steps = [json.loads(line)["step"] for line in metrics.read_text().splitlines() if '"event":"step"' in line]
        epochs = steps[-1] // 6 + 2
        launcher = command[:3]
        run("train", folder / "empty.yaml", *settings, f"run.output={folder}/cut", f"epochs={epochs}", launcher=launcher)
        run("train", folder / "empty.yaml", *settings, f"run.output={folder}/whole", f"epochs={epochs}", launcher=launcher)
        losses = [[(e["step"], e["loss"]) for e in map(json.loads, (folder / name / "metrics.jsonl").read_text().splitlines())
                   if e["event"] == "step"] for name in ("cut", "whole")]
        weights = [(folder / name / f"model/image-classification-{epochs:04}.params").read_bytes() for name in ("cut", "whole")]
        expect(weights[0] == weights[1], "and ends with the same weights, byte for byte")
        expect(losses[0] == losses[1], "the run that was stopped in mid-epoch goes on as if it never had been")


test_help_and_wrong_usage()
test_errors_say_what_where_and_what_to_do()
test_check_tells_good_data_from_bad()
if "whole" in sys.argv[2:]:
    test_folder_to_predictions()
    test_a_signal_saves_and_the_next_start_goes_on()
print(f"{'FAILED' if failures else 'passed'}: {len(failures)} claims do not hold")
sys.exit(1 if failures else 0)
