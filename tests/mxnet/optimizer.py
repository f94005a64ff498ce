"""Lets MXNet's own optimizer work: optimizer.py NAME IN OUT UPDATES RATE RESCALE KEY=VALUE...

IN holds `weight`, which decays, `bias`, which does not, and their gradients `weight_gradient`, `bias_gradient` as .params.
Update k (from 0) uses the gradient times (1 + k % 3) and from the middle on a tenth of the rate; OUT holds both after the last."""
import sys

import mxnet as mx

name, source, target, updates, rate, rescale = sys.argv[1:7]
options = {key: float(value) for key, value in (pair.split("=") for pair in sys.argv[7:])}
stored = mx.nd.load(source)
names = ["weight", "bias"]
rule = mx.optimizer.create(name, learning_rate=float(rate), rescale_grad=float(rescale),
                           param_idx2name={0: "x_weight", 1: "x_bias"}, **options)
updater = mx.optimizer.get_updater(rule)
for k in range(int(updates)):
    if k == int(updates) // 2:
        rule.lr = float(rate) / 10
    for index, what in enumerate(names):
        updater(index, stored[what + "_gradient"] * (1 + k % 3), stored[what])
mx.nd.save(target, {what: stored[what] for what in names})
