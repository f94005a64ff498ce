"""A network as MXNet's users draw it, with random weights, and what MXNet computes with it: zoo.py NAME SIZE FOLDER

NAME is a classifier of Gluon's model zoo, or `operators`: a small one of many operators. Writes FOLDER/net-symbol.json, net-0000.params,
input.params (`data`, `label`) and output.params: `logits` of prediction, and for `operators` the gradients of a training step, `grad:NAME`."""
import sys

import mxnet as mx
import numpy as np

name, size, folder = sys.argv[1], int(sys.argv[2]), sys.argv[3]
BATCH, CLASSES = 2, 10
rng = np.random.RandomState(1)
S = mx.sym


def squeeze_and_excite(x, channels):
    y = S.contrib.AdaptiveAvgPooling2D(x, output_size=1)
    y = S.Activation(S.FullyConnected(y, num_hidden=4, name="squeeze"), act_type="relu")
    y = S.sigmoid(S.FullyConnected(y, num_hidden=channels, name="excite"))
    return S.broadcast_mul(x, S.expand_dims(S.expand_dims(y, axis=2), axis=-1))


def shuffle(x, groups):
    x = S.reshape(x, shape=(0, -4, groups, -1, -2))
    return S.reshape(S.swapaxes(x, 1, 2), shape=(0, -3, -2))


def operators():
    data = S.Variable("data")
    one = S.LRN(S.Convolution(data, kernel=(3, 3), pad=(1, 1), num_filter=8, name="one"), nsize=3, alpha=0.2, knorm=1.5)
    two = S.hard_sigmoid(S.Convolution(data, kernel=(1, 1), num_filter=8, name="two"))
    body = squeeze_and_excite(shuffle(S.Concat(one, two), 4), 16)
    body = S.elemwise_mul(S.slice_axis(body, axis=1, begin=0, end=8), S.tanh(S.slice_axis(body, axis=1, begin=8, end=None)))
    scale = S.mean(body, axis=(2, 3), keepdims=True)
    body = S.Concat(body, S.broadcast_mul(scale, body), S.SwapAxis(body, dim1=2, dim2=3))
    body = S.Convolution(body, kernel=(1, 1), num_filter=CLASSES, name="last")
    flat = S.Flatten(S.Pooling(body, global_pool=True, kernel=(1, 1), pool_type="avg"))
    return S.SoftmaxOutput(flat, name="softmax"), flat


def random_weights(arguments, auxiliary):
    for key, array in {**arguments, **auxiliary}.items():
        noise = rng.normal(size=array.shape).astype(np.float32)
        if len(array.shape) > 1:
            array[:] = noise * np.sqrt(2 / np.prod(array.shape[1:]))
        else:
            array[:] = 0.1 * noise + (1 if key.endswith(("gamma", "var")) else 0)
            if key.endswith("var"):
                array[:] = mx.nd.maximum(array, 0.5)


def bind(symbol, **shapes):
    executor = symbol.simple_bind(mx.cpu(), grad_req="write", **shapes)
    arguments = {key: value for key, value in executor.arg_dict.items() if key not in ("data", "softmax_label")}
    return executor, arguments


data = mx.nd.array(rng.uniform(-2, 2, size=(BATCH, 3, size, size)))
label = mx.nd.array(np.arange(BATCH))
if name == "operators":
    symbol, logits = operators()
else:
    symbol = logits = mx.gluon.model_zoo.vision.get_model(name, classes=CLASSES)(S.Variable("data"))
executor, arguments = bind(symbol, data=data.shape)
random_weights(arguments, executor.aux_dict)
mx.model.save_checkpoint(folder + "/net", 0, symbol, arguments, executor.aux_dict)
mx.nd.save(folder + "/input.params", {"data": data, "label": label})

predictor = logits.bind(mx.cpu(), {**{key: value for key, value in arguments.items() if key in logits.list_arguments()}, "data": data},
                        aux_states=executor.aux_dict, grad_req="null")
answers = {"logits": predictor.forward(is_train=False)[0]}
if name == "operators":
    executor.forward(is_train=True, data=data, softmax_label=label)
    executor.backward()
    answers.update({"grad:" + key: executor.grad_dict[key] for key in arguments})
mx.nd.waitall()
mx.nd.save(folder + "/output.params", answers)
