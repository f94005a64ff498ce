"""The cats-and-dogs tutorial from end to end: a folder for each class -> lists -> records -> a model -> another training from it.

usage: chain_test.py PROGRAM. Skips where the photographs are absent.
"""

import itertools
import os
import pathlib
import re
import subprocess
import sys
import tarfile
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROGRAM = pathlib.Path(sys.argv[1]).resolve()
sys.path.insert(0, str(ROOT / "tests/cluster"))
from toy import expect, finish, skip  # noqa: E402

# Where photographs are is written down in one file alone.
DATA = os.environ.get("LOCKSTEP_TEST_DATA") or re.search(r'named \? named : "([^"]+)"', (ROOT / "tests/support/outside.h").read_text())[1]
PICTURES = (ROOT / DATA).resolve() / "A_cats-dogs"
OF_A_CLASS = {"train": 150, "val": 50}


def lockstep(folder, *arguments):
    done = subprocess.run([PROGRAM, *arguments], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=240)
    expect(done.returncode == 0, f"lockstep {' '.join(arguments[:4])}", done.stdout)
    return done.stdout


def choose_pictures(folder):
    """The first ones of each class, as links, as the tutorial's two folders."""
    for split, count in OF_A_CLASS.items():
        for classes in sorted((PICTURES / split).iterdir()):
            (folder / split / classes.name).mkdir(parents=True)
            for picture in itertools.islice(sorted(classes.iterdir()), count):
                (folder / split / classes.name / picture.name).symlink_to(picture)


def pack(folder):
    """im2rec's two calls for each set, with its flags."""
    for split, order in (("train", []), ("val", ["--no-shuffle"])):
        lockstep(folder, "pack", f"set_{split}", split, "--recursive", "--list", "--num-thread", "2")
        listed = (folder / f"set_{split}.lst").read_text().splitlines()
        expect(len(listed) == 2 * OF_A_CLASS[split] and {line.split("\t")[1] for line in listed} == {"0.000000", "1.000000"},
               f"{split}: the list has every picture and two labels", listed[:3])
        lockstep(folder, "pack", f"set_{split}", split, "--recursive", "--pass-through", "--pack-label", "--num-thread", "2", *order)


def train(folder, output, *settings):
    """The tutorial's call, smaller -> the accuracies of each epoch, by set."""
    (folder / "hyperparameters.json").write_text(
        '{"num_layers": "20", "image_shape": "3,32,32", "resize": "36", "num_classes": "2", "num_training_samples": "300", '
        '"mini_batch_size": "20", "epochs": "8", "learning_rate": "0.02", "augmentation_type": "crop", "top_k": "2", "precision_dtype": "float32"}')
    # One thread, as others may work on this machine; the figures are then the same each time.
    said = lockstep(folder, "train", "hyperparameters.json", "channels.train=set_train.rec", "channels.validation=set_val.rec",
                    f"run.output={output}", "run.compute_threads=1", *settings)
    return {name: [float(text) for text in re.findall(rf"{name}-accuracy=([\d.]+)", said)] for name in ("Train", "Validation")}, said


def main():
    if not PICTURES.is_dir():
        skip("no photographs of cats and dogs here")
    with tempfile.TemporaryDirectory(prefix="chain.") as place:
        folder = pathlib.Path(place)
        choose_pictures(folder)
        pack(folder)
        first, said = train(folder, "first")
        expect(len(first["Validation"]) == 8 and max(first["Validation"]) > 0.55, f"the first training learns: {first}", said)
        with tarfile.open(folder / "first/model.tar.gz") as archive:
            names = archive.getnames()
        expect({"image-classification-symbol.json", "model-shapes.json"} <= set(names), "its model is packed as SageMaker packs it", names)
        again, said = train(folder, "second", "channels.model=first/model.tar.gz", "hyperparameters.epochs=2", "learning_rate=0.005")
        for name in ("Validation", "Train"):
            before, after = first[name], again[name]
            expect(len(after) == 2 and after[0] > before[0] + 0.05, f"{name}: trained again, the first epoch starts higher: {before[0]} -> {after[0]}",
                   said)


main()
finish()
