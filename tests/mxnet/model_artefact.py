"""Opens model.tar.gz files as SageMaker's users do and runs them: model_artefact.py EPOCH CLASSES ARCHIVE..."""
import json
import os
import sys
import tarfile
import tempfile

import mxnet as mx
import numpy as np

epoch, classes = int(sys.argv[1]), int(sys.argv[2])


def run(folder, initialise):
    prefix = os.path.join(folder, "image-classification")
    symbol, arguments, auxiliary = mx.model.load_checkpoint(prefix, epoch)
    assert sorted(arguments) == sorted(set(symbol.list_arguments()) - {"data", "softmax_label"})
    assert sorted(auxiliary) == sorted(symbol.list_auxiliary_states())
    with open(os.path.join(folder, "model-shapes.json")) as file:
        (data,) = json.load(file)
    assert data["name"] == "data"
    shape = (2, *data["shape"][1:])
    pictures = mx.nd.array(np.random.RandomState(0).randint(0, 256, shape))

    executor = symbol.simple_bind(mx.cpu(), grad_req="null", data=shape)
    executor.copy_params_from(arguments, auxiliary)
    direct = executor.forward(is_train=False, data=pictures)[0].asnumpy()

    module = mx.mod.Module(symbol, label_names=["softmax_label"])
    labels = (2,) if shape_of_label(symbol, shape) == 1 else (2, classes)
    module.bind(data_shapes=[("data", shape)], label_shapes=[("softmax_label", labels)], for_training=False)
    module.set_params(arguments, auxiliary)
    module.forward(mx.io.DataBatch([pictures], [mx.nd.zeros(labels)]), is_train=False)
    outputs = module.get_outputs()[0].asnumpy()

    assert outputs.shape == (2, classes) and np.isfinite(outputs).all()
    np.testing.assert_allclose(outputs, direct, rtol=1e-5)
    if labels == (2,):
        np.testing.assert_allclose(outputs.sum(axis=1), 1, rtol=1e-5)
    if initialise:
        # MXNet's own initializer must know what to do with every name.
        fresh = mx.mod.Module(symbol, label_names=["softmax_label"])
        fresh.bind(data_shapes=[("data", shape)], label_shapes=[("softmax_label", labels)])
        fresh.init_params(mx.init.Xavier(rnd_type="gaussian", factor_type="in", magnitude=2))


def shape_of_label(symbol, shape):
    shapes, _, _ = symbol.infer_shape(data=shape)
    return len(shapes[symbol.list_arguments().index("softmax_label")])


for archive in sys.argv[3:]:
    with tempfile.TemporaryDirectory() as folder, tarfile.open(archive) as tar:
        assert all(member.isfile() and "/" not in member.name for member in tar.getmembers())
        tar.extractall(folder)
        run(folder, initialise=archive == sys.argv[-1])
print(len(sys.argv) - 3, "models run")
