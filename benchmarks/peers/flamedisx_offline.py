"""flamedisx without a network: the maps that its import downloads are replaced by ones, which no task here uses."""

import io
import itertools
import json
import os
import tempfile
import urllib.request
import warnings

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
os.chdir(tempfile.mkdtemp(prefix="flamedisx-"))  # its import writes a cache into the working directory
warnings.simplefilter("ignore")


def _map_of_ones(request, *_, **__):
    url = request if isinstance(request, str) else request.full_url
    corners = list(itertools.product((-50, 0, 50), repeat=3 if "xyz" in url.lower() else 2))
    found = {"coordinate_system": corners, "map": [1.0] * len(corners), "name": "", "description": "", "timestamp": 0}
    return io.BytesIO(json.dumps(found).encode())


urllib.request.urlopen = _map_of_ones

import tensorflow as tf  # noqa: E402

tf.config.threading.set_intra_op_parallelism_threads(1)  # before the import of flamedisx, which starts the threads
tf.config.threading.set_inter_op_parallelism_threads(1)

import flamedisx as fd  # noqa: E402, F401
