"""The same training step in MXNet 1.9.1 with oneDNN: a hybridized Gluon network, NCHW (oneDNN's blocked memory inside), sgd with momentum.

step_mxnet.py DEPTH SIZE BATCH THREADS STEPS [float32 | bfloat16]     prints the images per second of the median step; bfloat16 by AMP."""
import os
import statistics
import sys
import time

depth, size, batch, threads, steps = map(int, sys.argv[1:6])
os.environ.update(OMP_NUM_THREADS=str(threads), MXNET_STORAGE_FALLBACK_LOG_VERBOSE="0")

import mxnet as mx  # noqa: E402  after the number of threads
from mxnet import autograd, gluon  # noqa: E402
from mxnet.gluon import nn  # noqa: E402

SMALL = {20: 3, 32: 5, 44: 7, 56: 9, 110: 18}
LARGE = {18: ([2, 2, 2, 2], False), 34: ([3, 4, 6, 3], False), 50: ([3, 4, 6, 3], True), 101: ([3, 4, 23, 3], True)}


def norm(**more):
    return nn.BatchNorm(epsilon=2e-5, momentum=0.9, **more)


def convolution(outputs, kernel, stride=1):
    return nn.Conv2D(outputs, kernel, stride, kernel // 2, use_bias=False)


class Unit(nn.HybridBlock):
    def __init__(self, outputs, stride, projects, bottleneck):
        super().__init__()
        inner = outputs // 4 if bottleneck else outputs
        plan = [(inner, 1, 1), (inner, 3, stride), (outputs, 1, 1)] if bottleneck else [(outputs, 3, stride), (outputs, 3, 1)]
        with self.name_scope():
            self.first_norm = norm()
            self.shortcut = convolution(outputs, 1, stride) if projects else None
            self.rest = nn.HybridSequential()
            for i, layer in enumerate(plan):
                if i:
                    self.rest.add(norm(), nn.Activation("relu"))
                self.rest.add(convolution(*layer))

    def hybrid_forward(self, F, x):
        active = F.Activation(self.first_norm(x), act_type="relu")
        return self.rest(active) + (self.shortcut(active) if self.shortcut else x)


def network(classes):
    small = depth in SMALL
    units, bottleneck = ([SMALL[depth]] * 3, False) if small else LARGE[depth]
    widths = [16, 16, 32, 64] if small else [64, 256, 512, 1024, 2048] if bottleneck else [64, 64, 128, 256, 512]
    net = nn.HybridSequential()
    net.add(norm(scale=False))
    if small or size <= 32:
        net.add(convolution(widths[0], 3))
    else:
        net.add(nn.Conv2D(widths[0], 7, 2, 3, use_bias=False), norm(), nn.Activation("relu"), nn.MaxPool2D(3, 2, 1))
    for i, (width, count) in enumerate(zip(widths[1:], units)):
        for j in range(count):
            net.add(Unit(width, 2 if i and j == 0 else 1, j == 0, bottleneck))
    net.add(norm(), nn.Activation("relu"), nn.GlobalAvgPool2D(), nn.Flatten(), nn.Dense(classes))
    return net


def main():
    half = sys.argv[6:] == ["bfloat16"]
    if not mx.runtime.Features().is_enabled("MKLDNN"):
        sys.exit("this MXNet has no oneDNN")
    if half:
        from mxnet.contrib import amp
        amp.init(target_dtype="bfloat16")
    mx.random.seed(1)
    net = network(10)
    net.initialize(mx.init.MSRAPrelu())
    net.hybridize(static_alloc=True, static_shape=True)
    trainer = gluon.Trainer(net.collect_params(), "sgd", {"learning_rate": 1e-3, "momentum": 0.9, "wd": 1e-4}, kvstore=None)
    loss = gluon.loss.SoftmaxCrossEntropyLoss()
    images = mx.nd.random.randint(0, 256, (batch, 3, size, size)).astype("float32")
    labels = mx.nd.arange(batch) % 10
    warm_up, seconds = 2, []
    for i in range(warm_up + steps):
        start = time.perf_counter()
        with autograd.record():
            value = loss(net(images), labels)
        value.backward()
        trainer.step(batch)
        mx.nd.waitall()
        if i >= warm_up:
            seconds.append(time.perf_counter() - start)
    print(f"{batch / statistics.median(seconds):.2f}")


main()
