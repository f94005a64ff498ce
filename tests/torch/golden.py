"""Writes tests/golden/torch_zip.pth and torch_legacy.pth: golden.py FOLDER. The expected values stand in
tests/model/torch_tensors_test.cpp."""
import sys
from collections import OrderedDict

import torch

numbers = torch.arange(12, dtype=torch.float32)
state = OrderedDict()
state["plain"] = numbers.reshape(3, 4)
state["transposed"] = numbers.reshape(3, 4).t()
state["part"] = numbers[4:7]
state["channels_last"] = torch.arange(24, dtype=torch.float32).reshape(1, 2, 3, 4).contiguous(memory_format=torch.channels_last)
state["parameter"] = torch.nn.Parameter(torch.tensor([0.5, -0.5]))
state["half"] = torch.tensor([1.5, -2.0], dtype=torch.float16)
state["bfloat"] = torch.tensor([1.5, -2.0], dtype=torch.bfloat16)
state["double"] = torch.tensor([0.25], dtype=torch.float64)
state["long"] = torch.tensor(1234567890123)
state["short"] = torch.tensor([-3], dtype=torch.int16)
state["byte"] = torch.tensor([200], dtype=torch.uint8)
state["flag"] = torch.tensor([True, False])
state["empty"] = torch.zeros(0, 3)
state["note"] = "no tensor"
whole = {"epoch": 7, "loss": 0.25, "state_dict": state, "best": torch.tensor(0.5)}
torch.save(whole, f"{sys.argv[1]}/torch_zip.pth")
torch.save(whole, f"{sys.argv[1]}/torch_legacy.pth", _use_new_zipfile_serialization=False)
