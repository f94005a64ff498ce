"""Reads a .params file with MXNet and lets MXNet write the same arrays: model_params.py IN OUT"""
import sys

import mxnet as mx

source, target = sys.argv[1:]
mx.nd.save(target, mx.nd.load(source))
