"""The 1,797 handwritten digits of the UCI repository, as the scikit-learn wheel carries them, written as PNG files.

    launch/digits.py WHEEL FOLDER      writes FOLDER/<digit>/<number>.png, 8 x 8 pixels, grey
"""

import csv
import gzip
import io
import pathlib
import struct
import sys
import zipfile
import zlib

TABLE = "sklearn/datasets/data/digits.csv.gz"  # a row: 64 values of 0 to 16, then the digit
SIDE = 8


def write_png(path, width, height, pixels):
    """An 8-bit grey PNG. `pixels` are width * height bytes, rows from the top."""

    def chunk(kind, content):
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)  # 8 bits, grey, deflate, adaptive filters, not interlaced
    rows = b"".join(b"\0" + pixels[y * width : (y + 1) * width] for y in range(height))  # filter 0: none
    content = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows, 9)) + chunk(b"IEND", b"")
    pathlib.Path(path).write_bytes(b"\x89PNG\r\n\x1a\n" + content)


def main(wheel, folder):
    with zipfile.ZipFile(wheel) as archive:
        table = gzip.decompress(archive.read(TABLE)).decode()
    count = 0
    for count, row in enumerate(csv.reader(io.StringIO(table)), 1):
        values = [int(float(value)) for value in row]
        home = pathlib.Path(folder) / str(values[-1])
        home.mkdir(parents=True, exist_ok=True)
        write_png(home / f"{count:04}.png", SIDE, SIDE, bytes(value * 255 // 16 for value in values[:-1]))
    print(f"{count} digits in {folder}")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__.strip())
    main(*sys.argv[1:])
