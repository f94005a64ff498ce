"""The peer of step_bench: the same pre-activation ResNet in PyTorch, eager, channels_last, torch.optim.SGD.

step.py DEPTH SIZE BATCH THREADS STEPS [float32 | bfloat16]     prints the images per second of the median step; bfloat16 by autocast.
With RANK, WORLD_SIZE, MASTER_ADDR and MASTER_PORT in the environment it is one rank of DistributedDataParallel over gloo, with that batch
on each rank; rank 0 prints the images per second of all."""
import os
import statistics
import sys
import time

import torch
from torch import nn
from torch.nn import functional

SMALL = {20: 3, 32: 5, 44: 7, 56: 9, 110: 18}
LARGE = {18: ([2, 2, 2, 2], False), 34: ([3, 4, 6, 3], False), 50: ([3, 4, 6, 3], True), 101: ([3, 4, 23, 3], True)}


def norm(channels):
    return nn.BatchNorm2d(channels, eps=2e-5, momentum=0.1)


def convolution(inputs, outputs, kernel, stride=1):
    return nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False)


class Unit(nn.Module):
    def __init__(self, inputs, outputs, stride, projects, bottleneck):
        super().__init__()
        inner = outputs // 4 if bottleneck else outputs
        plan = [(1, 1), (3, stride), (1, 1)] if bottleneck else [(3, stride), (3, 1)]
        widths = [inputs] + [inner] * (len(plan) - 1) + [outputs]
        self.norms = nn.ModuleList(norm(width) for width in widths[:-1])
        self.convolutions = nn.ModuleList(convolution(a, b, k, s) for a, b, (k, s) in zip(widths, widths[1:], plan))
        self.shortcut = convolution(inputs, outputs, 1, stride) if projects else None

    def forward(self, x):
        active = functional.relu(self.norms[0](x), inplace=True)
        shortcut = self.shortcut(active) if self.shortcut else x
        y = self.convolutions[0](active)
        for layer_norm, layer in zip(self.norms[1:], self.convolutions[1:]):
            y = layer(functional.relu(layer_norm(y), inplace=True))
        return y + shortcut


class ResNetV2(nn.Module):
    def __init__(self, depth, size, classes):
        super().__init__()
        small = depth in SMALL
        units, bottleneck = ([SMALL[depth]] * 3, False) if small else LARGE[depth]
        widths = [16, 16, 32, 64] if small else [64, 256, 512, 1024, 2048] if bottleneck else [64, 64, 128, 256, 512]
        self.input_norm = norm(3)
        self.input_norm.weight.requires_grad_(False)
        if small or size <= 32:
            self.stem = convolution(3, widths[0], 3)
        else:
            self.stem = nn.Sequential(nn.Conv2d(3, widths[0], 7, 2, 3, bias=False), norm(widths[0]), nn.ReLU(inplace=True),
                                      nn.MaxPool2d(3, 2, 1))
        body = [Unit(a if j == 0 else b, b, 2 if i and j == 0 else 1, j == 0, bottleneck)
                for i, (a, b, n) in enumerate(zip(widths, widths[1:], units)) for j in range(n)]
        self.body = nn.Sequential(*body)
        self.output_norm = norm(widths[-1])
        self.classifier = nn.Linear(widths[-1], classes)

    def forward(self, x):
        x = functional.relu(self.output_norm(self.body(self.stem(self.input_norm(x)))), inplace=True)
        return self.classifier(functional.adaptive_avg_pool2d(x, 1).flatten(1))


def main():
    depth, size, batch, threads, steps = map(int, sys.argv[1:6])
    half = sys.argv[6:] == ["bfloat16"]
    torch.set_num_threads(threads)
    torch.manual_seed(1)
    network = ResNetV2(depth, size, 10).to(memory_format=torch.channels_last)
    ranks = int(os.environ.get("WORLD_SIZE", "1"))
    if ranks > 1:
        torch.distributed.init_process_group("gloo")
        network = nn.parallel.DistributedDataParallel(network)
    optimizer = torch.optim.SGD(network.parameters(), lr=1e-3, momentum=0.9, weight_decay=1e-4)
    images = torch.randint(0, 256, (batch, 3, size, size)).float().contiguous(memory_format=torch.channels_last)
    labels = torch.arange(batch) % 10
    warm_up, seconds = 2, []
    for i in range(warm_up + steps):
        start = time.perf_counter()
        optimizer.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=half):
            logits = network(images)
        functional.cross_entropy(logits.float(), labels).backward()
        optimizer.step()
        if i >= warm_up:
            seconds.append(time.perf_counter() - start)
    if os.environ.get("RANK", "0") == "0":
        print(f"{ranks * batch / statistics.median(seconds):.2f}")


main()
