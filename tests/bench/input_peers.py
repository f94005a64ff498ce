"""One peer of the input benchmark, as a process that waits for work: input_peers.py PEER ROW THREADS FOLDER RECORDS

ROW is train (random resized crop to 224, flip) or evaluate (shorter side to 256, crop of 224 from the middle); FOLDER holds the JPEGs,
RECORDS is a .rec of them. Prints "ready", then for each line "N" on its input the pictures per second over N pictures, as a uint8 batch of
64 after the other. What a peer had prepared while it waited is taken out first. Each peer is set up as strongly as it can be on CPU threads.
"""
import concurrent.futures
import itertools
import math
import os
import pathlib
import random
import sys
import time

BATCH, SIDE, SHORTER = 64, 224, 256
AREA, SHAPE = (0.08, 1.0), (3 / 4, 4 / 3)
AHEAD = 4  # batches that a peer may have prepared


def pictures(folder):
    return [path.read_bytes() for path in sorted(pathlib.Path(folder).glob("*")) if path.suffix.lower() in (".jpeg", ".jpg")]


def draw_crop(height, width):
    """torchvision's: place and size of the crop."""
    for _ in range(10):
        area = height * width * random.uniform(*AREA)
        shape = math.exp(random.uniform(*map(math.log, SHAPE)))
        w, h = round(math.sqrt(area * shape)), round(math.sqrt(area / shape))
        if 0 < w <= width and 0 < h <= height:
            return random.randint(0, height - h), random.randint(0, width - w), h, w
    side = min(height, width)
    return (height - side) // 2, (width - side) // 2, side, side


def forever(items):
    items = list(items)
    while True:
        random.shuffle(items)
        yield from items


def by_decoder(decode, row, threads, folder):
    """`decode` and OpenCV's resize, in this thread or on several; both let go of the interpreter's lock."""
    import cv2
    import numpy as np
    cv2.setNumThreads(0)

    def put(bytes_of_one, place):
        image = decode(bytes_of_one)
        height, width = image.shape[:2]
        if row == "train":
            y, x, h, w = draw_crop(height, width)
            if random.random() < 0.5:
                cv2.flip(cv2.resize(image[y:y + h, x:x + w], (SIDE, SIDE)), 1, place)
            else:
                cv2.resize(image[y:y + h, x:x + w], (SIDE, SIDE), place)
        else:
            scale = SHORTER / min(height, width)
            image = cv2.resize(image, (max(SHORTER, int(width * scale)), max(SHORTER, int(height * scale))))
            y, x = (image.shape[0] - SIDE) // 2, (image.shape[1] - SIDE) // 2
            place[:] = image[y:y + SIDE, x:x + SIDE]

    pool = concurrent.futures.ThreadPoolExecutor(threads) if threads > 1 else None
    source = forever(pictures(folder))
    while True:
        batch = np.empty((BATCH, SIDE, SIDE, 3), np.uint8)
        list((pool.map if pool else map)(put, itertools.islice(source, BATCH), batch))
        yield batch


def simplejpeg(row, threads, folder, _, fast=False):
    import simplejpeg as library
    return by_decoder(lambda data: library.decode_jpeg(data, "RGB", fastdct=fast, fastupsample=fast), row, threads, folder)


def opencv(row, threads, folder, _):
    import cv2
    import numpy as np

    def decode(data):
        image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
        return cv2.cvtColor(image, cv2.COLOR_BGR2RGB, image)
    return by_decoder(decode, row, threads, folder)


def tf_data(row, threads, folder, _, dct=""):
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    import tensorflow as tf
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(threads)

    def train(data):
        shape = tf.image.extract_jpeg_shape(data)
        begin, size, _ = tf.image.sample_distorted_bounding_box(
            shape, tf.zeros([1, 0, 4]), area_range=AREA, aspect_ratio_range=SHAPE, max_attempts=10, min_object_covered=0.0,
            use_image_if_no_bounding_boxes=True)
        window = tf.stack([begin[0], begin[1], size[0], size[1]])
        image = tf.image.decode_and_crop_jpeg(data, window, channels=3, dct_method=dct)
        image = tf.image.random_flip_left_right(image)
        return tf.cast(tf.image.resize(image, [SIDE, SIDE]), tf.uint8)

    def evaluate(data):
        image = tf.image.decode_jpeg(data, channels=3, dct_method=dct)
        size = tf.cast(tf.shape(image)[:2], tf.float32)
        size = tf.cast(size * SHORTER / tf.reduce_min(size), tf.int32)
        image = tf.image.resize_with_crop_or_pad(tf.image.resize(image, size), SIDE, SIDE)
        return tf.cast(image, tf.uint8)

    data = tf.data.Dataset.from_tensor_slices(pictures(folder)).repeat().shuffle(256)
    data = data.map(train if row == "train" else evaluate, num_parallel_calls=threads).batch(BATCH).prefetch(1)
    options = tf.data.Options()
    options.threading.private_threadpool_size = threads
    return data.with_options(options).as_numpy_iterator()


def torchvision(row, threads, folder, _):
    import torch
    from PIL import Image
    from torchvision import transforms
    torch.set_num_threads(1)
    steps = ([transforms.RandomResizedCrop(SIDE), transforms.RandomHorizontalFlip()] if row == "train" else
             [transforms.Resize(SHORTER), transforms.CenterCrop(SIDE)])
    transform = transforms.Compose(steps + [transforms.PILToTensor()])

    class Pictures(torch.utils.data.IterableDataset):
        def __iter__(self):
            for path in forever(path for path in pathlib.Path(folder).glob("*.JPEG")):
                yield transform(Image.open(path).convert("RGB"))
    return iter(torch.utils.data.DataLoader(Pictures(), BATCH, num_workers=threads if threads > 1 else 0))


def mxnet(row, threads, _, records):
    import mxnet as mx
    augment = (dict(random_resized_crop=True, min_random_area=AREA[0], max_random_area=AREA[1], min_aspect_ratio=SHAPE[0],
                    max_aspect_ratio=SHAPE[1], rand_mirror=True, shuffle=True) if row == "train" else dict(resize=SHORTER))
    batches = mx.io.ImageRecordUInt8Iter(path_imgrec=records, data_shape=(3, SIDE, SIDE), batch_size=BATCH, verbose=False,
                                         preprocess_threads=threads, prefetch_buffer=1, **augment)
    while True:
        for batch in batches:
            batch.data[0].wait_to_read()
            yield batch.data[0]
        batches.reset()


def dali(row, threads, folder, _, antialias=False):
    from nvidia.dali import fn, pipeline_def, types

    @pipeline_def(batch_size=BATCH, num_threads=threads, device_id=None, prefetch_queue_depth=1)
    def pipeline():
        data, _ = fn.readers.file(files=[str(path) for path in pathlib.Path(folder).glob("*.JPEG")], random_shuffle=True)
        if row == "train":
            image = fn.decoders.image_random_crop(data, random_area=AREA, random_aspect_ratio=SHAPE, output_type=types.RGB)
            image = fn.resize(image, size=[SIDE, SIDE], antialias=antialias)
            return fn.flip(image, horizontal=fn.random.coin_flip())
        image = fn.resize(fn.decoders.image(data, output_type=types.RGB), resize_shorter=SHORTER, antialias=antialias)
        return fn.crop(image, crop=(SIDE, SIDE))
    pipe = pipeline()
    pipe.build()
    while True:
        yield pipe.run()[0]


PEERS = {
    "simplejpeg + cv2": simplejpeg,
    "simplejpeg fast + cv2": lambda *a: simplejpeg(*a, fast=True),
    "tf.data": tf_data,
    "tf.data accurate": lambda *a: tf_data(*a, dct="INTEGER_ACCURATE"),
    "OpenCV": opencv,
    "torchvision + Pillow": torchvision,
    "DALI": dali,
    "DALI antialias": lambda *a: dali(*a, antialias=True),
    "MXNet": mxnet,
}


def main():
    peer, row, threads, folder, records = sys.argv[1:]
    batches = PEERS[peer](row, int(threads), folder, records)
    next(batches)
    print("ready", flush=True)
    for line in sys.stdin:
        for _ in range(AHEAD):
            next(batches)
        begin, done = time.perf_counter(), 0
        while done < int(line):
            next(batches)
            done += BATCH
        print(done / (time.perf_counter() - begin), flush=True)


if __name__ == "__main__":
    main()
