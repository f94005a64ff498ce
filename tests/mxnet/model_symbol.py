"""Loads a symbol file and says what MXNet finds in it: model_symbol.py IN TEXT SHAPES N C H W

Writes MXNet's own text of the graph to TEXT, and to SHAPES one line `name shape` for each parameter and the output."""
import sys

import mxnet as mx

source, text, shapes = sys.argv[1:4]
symbol = mx.sym.load(source)
with open(text, "w") as file:
    file.write(symbol.tojson())
arguments, outputs, auxiliary = symbol.infer_shape(data=tuple(map(int, sys.argv[4:])))
with open(shapes, "w") as file:
    for name, shape in zip(symbol.list_arguments(), arguments):
        if name not in ("data", "softmax_label"):
            print(name, shape, file=file)
    for name, shape in zip(symbol.list_auxiliary_states(), auxiliary):
        print(name, shape, file=file)
    print("output", outputs[0], file=file)
