"""Pillow as the judge of antialiased resizing: pillow_resize.py FOLDER

FOLDER/jobs.txt: a line "width height channels new_width new_height" for each picture; FOLDER/in.bin: their pixels one after the other.
Writes FOLDER/out.bin, the resized pixels: across first, then down, which since Pillow 13 must be said where the height shrinks much more.
"""
import pathlib
import sys

import PIL
from PIL import Image

folder = pathlib.Path(sys.argv[1])
pixels = (folder / "in.bin").read_bytes()
with open(folder / "out.bin", "wb") as out:
    for line in (folder / "jobs.txt").read_text().splitlines():
        width, height, channels, *size = map(int, line.split())
        count = width * height * channels
        picture = Image.frombytes("RGB" if channels == 3 else "L", (width, height), pixels[:count])
        pixels = pixels[count:]
        if int(PIL.__version__.split(".")[0]) >= 13:
            picture = picture.resize((size[0], height), Image.BILINEAR)
        out.write(picture.resize(size, Image.BILINEAR).tobytes())
