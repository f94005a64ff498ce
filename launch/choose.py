"""Chooses network and picture size for a training of about ten minutes on this machine, by measuring it.

    launch/choose.py PICTURES TRAIN.rec VALIDATION.rec|- CONFIG.yaml COMMAND...

COMMAND is how a training is started, as `launch/mpirun -n 2 bin/lockstep`. Writes CONFIG.yaml and says what was chosen and why.
"""

import datetime
import math
import os
import pathlib
import random
import re
import struct
import subprocess
import sys

MINUTES = 10
BUSY = 0.8  # of the time, training and validation; the rest is reading, checkpoints and the guess being a guess
ENOUGH_EPOCHS = 15  # fewer teach a network from scratch little: then a smaller network is the better use of the time
MOST_EPOCHS = 60
BATCH = 32
# From the cheapest up: picture size in pixels, depth.
SIZES = [(32, 20), (64, 18), (128, 18), (224, 18), (224, 50)]


def jpeg_size(data):
    at = 2
    while at + 9 < len(data):
        if data[at] != 0xFF:
            return None
        marker, length = data[at + 1], struct.unpack(">H", data[at + 2 : at + 4])[0]
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):  # a start of frame
            return struct.unpack(">HH", data[at + 5 : at + 9])
        at += 2 + length
    return None


def shorter_side(path):
    with open(path, "rb") as file:
        data = file.read(1 << 18)
    if data[:8] == b"\x89PNG\r\n\x1a\n" and len(data) >= 24:
        return min(struct.unpack(">II", data[16:24]))
    size = jpeg_size(data) if data[:2] == b"\xff\xd8" else None
    return min(size) if size else None


def typical_side(folder):
    """Median of the shorter sides of up to 300 pictures; 0 when none tells its size."""
    pictures = [os.path.join(place, name) for place, _, names in os.walk(folder, followlinks=True) for name in names
                if name.lower().endswith((".jpg", ".jpeg", ".png"))]
    random.Random(1).shuffle(pictures)
    sides = sorted(filter(None, map(shorter_side, pictures[:300])))
    return sides[len(sides) // 2] if sides else 0


def count(records):
    """Samples of a .rec, by the list that `lockstep pack` wrote beside it."""
    if records == "-":
        return 0
    with open(pathlib.Path(records).with_suffix(".lst"), encoding="utf-8") as lines:
        return sum(1 for line in lines if line.strip())


def class_count(records):
    prefix = re.sub(r"_train$", "", str(pathlib.Path(records).with_suffix("")))
    return sum(1 for line in pathlib.Path(prefix + ".classes").read_text(encoding="utf-8").splitlines() if line.strip())


def configuration(train, validation, classes, side, depth, epochs, why, batch):
    drops = sorted({max(1, math.ceil(epochs * 0.6)), max(1, math.ceil(epochs * 0.85))})
    lines = [*(f"# {line}" for line in why), "channels:", f"  train: {quoted(train)}"]
    if validation != "-":
        lines.append(f"  validation: {quoted(validation)}")
    lines += [
        "hyperparameters:", f"  num_layers: {depth}", f"  num_classes: {classes}", f"  image_shape: 3,{side},{side}",
        f"  resize: {side if side <= 32 else side * 8 // 7}  # shorter side, before the crop",
        "  augmentation_type: crop", f"  mini_batch_size: {batch}", f"  epochs: {epochs}",
        "  optimizer: nag", "  learning_rate: 0.05", "  momentum: 0.9", "  weight_decay: 0.0005",
        f"  lr_scheduler_step: {','.join(map(str, drops))}", "  lr_scheduler_factor: 0.1",
    ]
    return "\n".join(lines) + "\n"


def quoted(path):
    return '"' + str(path).replace("\\", "\\\\").replace('"', '\\"') + '"'


def spoken(minutes):
    return "a minute" if minutes < 1.5 else f"{minutes:.0f} minutes"


def measure(command, config):
    """Images per second of the training step, by the program itself."""
    run = subprocess.run([*command, "bench-step", str(config), "--steps", "5"], capture_output=True, text=True)
    said = re.findall(r"^images/s: ([0-9.]+)", run.stdout, re.M)
    if run.returncode != 0 or not said:
        sys.exit(f"measuring failed (exit {run.returncode}):\n" + "\n".join((run.stdout + run.stderr).splitlines()[-10:]))
    return float(said[-1])


def main(pictures, train, validation, config, *command):
    samples, checked, classes, typical = count(train), count(validation), class_count(train), typical_side(pictures)
    if samples == 0:
        sys.exit(f"{train}: no samples to train on")
    batch = max(1, min(BATCH, samples // 8))  # a handful of pictures still gets several steps an epoch
    work = samples + checked / 3  # images an epoch, as training steps: validation has no backward pass
    config = pathlib.Path(config)
    print(f"{samples} pictures to train on, {checked} to validate, {classes} classes, typically {typical or '?'} pixels on the shorter side")
    print("measuring this machine:")
    chosen = None
    for side, depth in SIZES:
        if chosen and typical and side > typical * 1.15:
            print(f"  {side:3} pixels: more than the pictures have")
            break
        config.write_text(configuration(train, validation, classes, side, depth, 1, [], batch), encoding="utf-8")
        rate = measure(command, config)
        epochs = int(60 * MINUTES * BUSY * rate / work)
        print(f"  {side:3} pixels, {depth} layers: {rate:8.1f} images/s, an epoch takes {work / rate:6.1f} s, {epochs} epochs in {MINUTES} minutes", flush=True)
        if chosen and epochs < ENOUGH_EPOCHS:
            break
        chosen = (side, depth, rate, max(1, min(epochs, MOST_EPOCHS)))
        if epochs < ENOUGH_EPOCHS:
            break
    side, depth, rate, epochs = chosen
    minutes = work * epochs / rate / 60 / BUSY
    why = [f"{depth} layers at {side} pixels, {epochs} epochs: about {spoken(minutes)}, estimated from {rate:.1f} images/s of",
           f"`{' '.join(command)} bench-step` on {datetime.date.today()}, n = 1; the largest that leaves {ENOUGH_EPOCHS} epochs or more in {MINUTES} minutes.",
           f"{samples} pictures of {classes} classes from {pictures}"]
    config.write_text(configuration(train, validation, classes, side, depth, epochs, why, batch), encoding="utf-8")
    print(f"chosen: {depth} layers at {side} pixels for {epochs} epochs, about {spoken(minutes)}; {config} says so and can be edited")
    if epochs < ENOUGH_EPOCHS:
        print(f"That is few epochs for {samples} pictures: expect an unfinished model, and raise `epochs` in {config} for a better one.")


if __name__ == "__main__":
    if len(sys.argv) < 6:
        sys.exit(__doc__.strip())
    main(*sys.argv[1:])
