"""Trains one epoch from a checkpoint as MXNet's users do: train_epoch.py PREFIX EPOCH DATA TARGET

DATA holds `data` [N, C, H, W] and `label` [N]. Writes TARGET-symbol.json, TARGET-0001.params by save_checkpoint, and
TARGET.out.params: the probabilities of the data before (`before`) and after (`after`)."""
import sys

import mxnet as mx

prefix, epoch, source, target = sys.argv[1:]
symbol, arguments, auxiliary = mx.model.load_checkpoint(prefix, int(epoch))
feed = mx.nd.load(source)
data = mx.io.NDArrayIter(feed["data"], feed["label"], batch_size=4, label_name="softmax_label")
module = mx.mod.Module(symbol)
module.bind(data.provide_data, data.provide_label)
module.set_params(arguments, auxiliary)
before = module.predict(data)
mx.nd.waitall()
data.reset()
module.fit(data, num_epoch=1, optimizer="sgd", optimizer_params={"learning_rate": 0.01, "momentum": 0.9})
mx.nd.waitall()
module.save_checkpoint(target, 1)
data.reset()
mx.nd.save(target + ".out.params", {"before": before, "after": module.predict(data)})
