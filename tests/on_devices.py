"""What test_devices.py runs: python on_devices.py FOLDER. TensorFlow with two logical devices."""

import json
import sys
from pathlib import Path

import numpy as np
import tensorflow as tf

cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)

from test_gan import ALL, batch, tiny_gan  # noqa: E402 - the devices come first

from models import engine, saved  # noqa: E402

folder = Path(sys.argv[1])
with engine.everywhere():
    gan = tiny_gan(average=0.9, augmentation=ALL, warm_up=2)
assert engine.replicas() == engine.device_count() == 2

figures = {name: values.tolist() for name, values in gan.steps(*batch(steps=4)).items()}
np.savez(folder / "end.npz", **gan.state.arrays())
z = np.random.default_rng(0).standard_normal((5, 8), np.float32)
np.save(folder / "faces.npy", saved.draw(gan.average, z))
saved.save(gan.average, folder / "average.keras")
print(json.dumps(figures))
