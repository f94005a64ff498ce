"""Real MXNet as the judge of RecordIO.

records.py write FOLDER    writes FOLDER/m.rec, m.idx: payloads that need escapes, by MXIndexedRecordIO
records.py read FOLDER     reads FOLDER/a.rec, a.idx; every record must be the payload of its key, and the image record that follows
"""
import sys

import mxnet as mx
import numpy as np

MAGIC = b"\x0a\x23\xd7\xce"
PAYLOADS = [
    b"", b"abc", b"record_0", b"abcd" + MAGIC + b"xyz", MAGIC, MAGIC + MAGIC, MAGIC + b"\x01", b"a" + MAGIC + b"bcd",
    bytes(range(256)) * 40 + MAGIC * 3 + b"tail",
]
LABELLED = [mx.recordio.pack(mx.recordio.IRHeader(0, 3.0, 7, 0), b"picture"),
            mx.recordio.pack(mx.recordio.IRHeader(0, np.array([1, 0, 1], dtype=np.float32), 8, 0), b"picture")]


def main():
    action, folder = sys.argv[1:]
    records = PAYLOADS + LABELLED
    if action == "write":
        writer = mx.recordio.MXIndexedRecordIO(folder + "/m.idx", folder + "/m.rec", "w")
        for key, payload in enumerate(records):
            writer.write_idx(key, payload)
        writer.close()
        return
    reader = mx.recordio.MXIndexedRecordIO(folder + "/a.idx", folder + "/a.rec", "r")
    assert len(reader.keys) == len(records), reader.keys
    for key in reversed(range(len(records))):
        assert reader.read_idx(key) == records[key], "record %d differs" % key
    header, picture = mx.recordio.unpack(reader.read_idx(len(records) - 1))
    assert list(header.label) == [1, 0, 1] and header.id == 8 and picture == b"picture", header


main()
