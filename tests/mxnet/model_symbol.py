"""Loads a symbol file and says what MXNet finds in it: model_symbol.py IN OUT N C H W

Writes MXNet's own text of the graph to OUT and prints one line `name shape` for each parameter and the output."""
import sys

import mxnet as mx

source, target = sys.argv[1:3]
symbol = mx.sym.load(source)
with open(target, "w") as file:
    file.write(symbol.tojson())
arguments, outputs, auxiliary = symbol.infer_shape(data=tuple(map(int, sys.argv[3:])))
for name, shape in zip(symbol.list_arguments(), arguments):
    if name not in ("data", "softmax_label"):
        print(name, shape)
for name, shape in zip(symbol.list_auxiliary_states(), auxiliary):
    print(name, shape)
print("output", outputs[0])
