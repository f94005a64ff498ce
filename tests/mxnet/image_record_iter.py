"""Packs picture files into a .rec and writes what MXNet's own iterator makes of them.

    image_record_iter.py FOLDER PICTURES.txt OPTIONS.json

FOLDER/out.bin holds one uint8 picture [height, width, channels] after the other. OPTIONS.json are parameters of
ImageRecordUInt8Iter; with {"decode": true} the pictures are decoded whole by mx.image.imdecode instead.
"""
import json
import os
import sys

import mxnet as mx


def decoded(pictures):
    for picture in pictures:
        yield mx.image.imdecode(picture).asnumpy()


def iterated(pictures, folder, options):
    path = os.path.join(folder, "judge.rec")
    writer = mx.recordio.MXRecordIO(path, "w")
    for number, picture in enumerate(pictures):
        writer.write(mx.recordio.pack(mx.recordio.IRHeader(0, 0.0, number, 0), picture))
    writer.close()
    for batch in mx.io.ImageRecordUInt8Iter(path_imgrec=path, batch_size=1, verbose=False, **options):
        yield batch.data[0].asnumpy()[0].transpose(1, 2, 0)


def main():
    folder, list_path, options_path = sys.argv[1:]
    with open(options_path) as file:
        options = json.load(file)
    pictures = [open(path, "rb").read() for path in open(list_path).read().splitlines()]
    results = decoded(pictures) if options.pop("decode", False) else iterated(pictures, folder, options)
    with open(os.path.join(folder, "out.bin"), "wb") as out:
        for picture in results:
            out.write(picture.astype("uint8").tobytes())


main()
