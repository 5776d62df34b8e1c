"""What test_devices.py runs: python on_devices.py FOLDER. TensorFlow with two logical devices."""

import json
import sys
from pathlib import Path

import numpy as np
import tensorflow as tf

cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)

from conftest import not_compiled  # noqa: E402 - the devices come first
from test_anchor import anchored, anchored_batch  # noqa: E402
from test_gan import ALL, batch, scaling_gan, tiny_gan  # noqa: E402

from models import engine, saved  # noqa: E402
from models.batches import in_batches  # noqa: E402

folder = Path(sys.argv[1])
step, real, *rest = batch(steps=4)
faces = real.reshape(-1, 16, 16, 3)
rows = len(faces) - 1 - np.arange(len(faces), dtype=np.int32).reshape(real.shape[:2])
with engine.everywhere():
    gan = tiny_gan(average=0.9, augmentation=ALL, warm_up=2, chroma=True, faces=faces[::-1])
assert engine.replicas() == engine.device_count() == 2

# The faces are on the devices; one device is fed with them.
figures = {name: values.tolist() for name, values in gan.steps(step, rows, *rest).items()}
np.savez(folder / "end.npz", **gan.state.arrays())

inputs = [x[:1] for x in (step, real, *rest)]
with engine.everywhere():
    scaling = scaling_gan()
scaled = scaling.steps(*inputs)["d_loss"].item()
scaling.d_optimizer.dynamic_scale.assign(1e38)
before = scaling.state.arrays()
scaling.steps(*inputs)
after = scaling.state.arrays()
kernel = "discriminator/conv2d/kernel"
assert np.array_equal(before[kernel], after[kernel]), "an infinite gradient was used"
assert all(np.isfinite(a).all() for a in after.values())
figures["scaled"] = [scaled]
held = anchored()
with not_compiled():
    figures["moved"] = [held.steps(*anchored_batch(step))["moved"].item() for step in range(2)]

z = np.random.default_rng(0).standard_normal((5, 8), np.float32)
np.save(folder / "faces.npy", in_batches(gan.average, z))
saved.save(gan.average, folder / "average.keras")
print(json.dumps(figures))
