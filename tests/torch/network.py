"""Networks of torch and torchvision, as judges of ours.

network.py write NAME DEPTH SHORTCUT SIZE FOLDER    weights.pth, legacy.pth, wrapped.pth, and images and logits in
                                                    outputs.safetensors
network.py load NAME DEPTH SHORTCUT SIZE FOLDER     loads ours.safetensors strictly; the logits go to theirs.safetensors
network.py golden                                   the table of tests/nn/torch_weights_test.cpp
"""
import json
import struct
import sys

import torch
from torch import nn


class Block(nn.Module):
    """He et al.'s for CIFAR-10; a shortcut to more channels is a projection, or every second pixel and zeros."""

    def __init__(self, inputs, outputs, stride, shortcut):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.more = outputs - inputs
        if self.more and shortcut == "projection":
            self.downsample = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x):
        y = self.bn2(self.conv2(torch.relu(self.bn1(self.conv1(x)))))
        if hasattr(self, "downsample"):
            x = self.downsample(x)
        elif self.more:
            x = nn.functional.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, self.more // 2, self.more // 2))
        return torch.relu(x + y)


class Cifar(nn.Module):
    def __init__(self, depth, shortcut):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(16)
        inputs = 16
        for stage, outputs in enumerate((16, 32, 64), 1):
            blocks = []
            for block in range((depth - 2) // 6):
                blocks.append(Block(inputs, outputs, 2 if stage > 1 and block == 0 else 1, shortcut))
                inputs = outputs
            setattr(self, f"layer{stage}", nn.Sequential(*blocks))
        self.fc = nn.Linear(64, 10)

    def forward(self, x):
        x = torch.relu(self.bn1(self.conv1(x)))
        return self.fc(self.layer3(self.layer2(self.layer1(x))).mean((2, 3)))


def make(name, depth, shortcut):
    if name == "resnet_v1" and depth in (20, 32, 44, 56, 110):
        return Cifar(depth, shortcut).eval()
    try:
        import torchvision
    except ImportError:
        sys.exit(3)
    maker = torchvision.models.mobilenet_v2 if name == "mobilenet_v2" else getattr(torchvision.models, f"resnet{depth}")
    return maker(num_classes=10).eval()


def values(shape, position):
    """Numbers between -0.5 and 0.5 that follow from the position of the tensor and of the element."""
    count = 1
    for dimension in shape:
        count *= dimension
    x = (torch.arange(count, dtype=torch.int64) * 2654435761 + position * 97 + 1) % 2**32
    x = (x ^ (x >> 15)) * 739982445 % 2**32
    x = (x ^ (x >> 12)) * 695872825 % 2**32
    return ((x ^ (x >> 15)).double() / 2**32 - 0.5).float().reshape(shape)


def fill(model):
    """Weights about as large as those of a trained network."""
    position = 0
    for name, tensor in model.state_dict().items():
        if name.endswith("num_batches_tracked"):
            continue
        v = values(tensor.shape, position)
        if tensor.dim() > 1:
            fan_in = tensor.numel() // tensor.shape[0]
            v = v * (24.0 / fan_in) ** 0.5
        elif name.endswith("running_var"):
            v = 1 + v
        elif name.endswith("weight"):
            v = 1 + 0.5 * v
        tensor.copy_(v)
        position += 1
    return model


def read_safetensors(path):
    """By hand: no package is needed for 8 bytes, JSON and numbers."""
    with open(path, "rb") as file:
        header = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
        data = bytearray(file.read())
    header.pop("__metadata__", None)
    return {name: torch.frombuffer(data[slice(*entry["data_offsets"])], dtype=torch.float32).reshape(entry["shape"])
            for name, entry in header.items()}


def write_safetensors(path, tensors):
    header, data = {}, b""
    for name, tensor in tensors.items():
        more = tensor.contiguous().numpy().tobytes()
        header[name] = {"dtype": "F32", "shape": list(tensor.shape), "data_offsets": [len(data), len(data) + len(more)]}
        data += more
    text = json.dumps(header).encode()
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + data)


def write(model, size, folder):
    images = 4 * values((2, 3, size, size), 1000)
    state = model.state_dict()
    torch.save(state, f"{folder}/weights.pth")
    torch.save(state, f"{folder}/legacy.pth", _use_new_zipfile_serialization=False)
    halves = {"module." + name: value.half() if value.is_floating_point() else value for name, value in state.items()}
    torch.save({"epoch": 3, "best": 0.5, "state_dict": halves}, f"{folder}/wrapped.pth")
    write_safetensors(f"{folder}/outputs.safetensors", {"images": images, "logits": model(images)})


def load(model, folder):
    model.load_state_dict(read_safetensors(f"{folder}/ours.safetensors"), strict=True)
    images = read_safetensors(f"{folder}/outputs.safetensors")["images"]
    write_safetensors(f"{folder}/theirs.safetensors", {"logits": model(images)})


def golden():
    for name, depth, shortcut, size in (("resnet_v1", 18, "projection", 64), ("resnet_v1", 50, "projection", 64),
                                        ("resnet_v1", 20, "projection", 32), ("resnet_v1", 20, "pad", 32),
                                        ("mobilenet_v2", 0, "projection", 64)):
        logits = fill(make(name, depth, shortcut))(4 * values((2, 3, size, size), 1000))[1, :5]
        print(f'{{"{name}", {depth}, "{shortcut}", {size}, {{{", ".join(f"{x:.6g}" for x in logits.tolist())}}}}},')


with torch.no_grad():
    task = sys.argv[1]
    if task == "golden":
        golden()
    else:
        name, depth, shortcut, size, folder = sys.argv[2:]
        model = make(name, int(depth), shortcut)
        if task == "write":
            write(fill(model), int(size), folder)
        else:
            load(model, folder)
