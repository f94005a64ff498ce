"""Runs a network in MXNet; arrays go in and out as .params files.

network.py logits SYMBOL PARAMS INPUT OUT                          OUT: logits; OUT-symbol.json, OUT-0001.params: the model as MXNet saves it
network.py update SYMBOL PARAMS INPUT OUT RATE MOMENTUM DECAY      OUT: all parameters after one step of sgd

INPUT holds `data` [N, C, H, W] and, for update, `label` [N]. The logits are what the output operator reads.
"""
import sys

import mxnet as mx

task, symbol, params, source, target = sys.argv[1:6]
network = mx.sym.load(symbol)
stored = mx.nd.load(params)
arguments = {name[4:]: value for name, value in stored.items() if name.startswith("arg:")}
auxiliary = {name[4:]: value for name, value in stored.items() if name.startswith("aux:")}
feed = mx.nd.load(source)
batch = feed["data"].shape[0]


def logits():
    internals = network.get_internals()
    output = internals[internals.list_outputs()[-3]]  # before the label and the output operator
    values = {name: value for name, value in arguments.items() if name in output.list_arguments()}
    executor = output.bind(mx.cpu(), dict(values, data=feed["data"]), aux_states=auxiliary, grad_req="null")
    mx.nd.save(target, {"logits": executor.forward(is_train=False)[0]})
    mx.model.save_checkpoint(target, 1, network, arguments, auxiliary)


def update(rate, momentum, decay):
    values = dict(arguments, data=feed["data"], softmax_label=feed["label"])
    names = sorted(arguments)
    gradients = {name: mx.nd.zeros(arguments[name].shape) for name in names}
    executor = network.bind(mx.cpu(), values, args_grad=gradients, aux_states=auxiliary,
                            grad_req={name: "write" if name in gradients else "null" for name in values})
    executor.forward(is_train=True)
    executor.backward()
    # The names decide which parameters decay.
    rule = mx.optimizer.create("sgd", learning_rate=rate, momentum=momentum, wd=decay, rescale_grad=1 / batch,
                               param_idx2name=dict(enumerate(names)), sym=network)
    updater = mx.optimizer.get_updater(rule)
    for index, name in enumerate(names):
        updater(index, gradients[name], arguments[name])
    mx.nd.save(target, {"arg:" + name: arguments[name] for name in names})


if task == "logits":
    logits()
else:
    update(*map(float, sys.argv[6:]))
