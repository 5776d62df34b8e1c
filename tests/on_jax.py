"""What test_backends.py runs with KERAS_BACKEND=jax: python on_jax.py FOLDER."""

import json
import sys
from pathlib import Path

import keras
import numpy as np
from keras import ops
from test_gan import ALL, batch, joined, scaling_gan, tiny_gan

from models import engine, saved
from models.batches import in_batches

folder = Path(sys.argv[1])
assert engine.NAME == "jax"

gan = tiny_gan(average=0.9, warm_up=1, chroma=True)
with np.load(folder / "start.npz") as file:
    gan.state.restore(dict(file))
calls = [gan.steps(*batch(seed=i, steps=2, first=2 * i)) for i in range(2)]
np.savez(folder / "end.npz", **gan.state.arrays())

pooled = tiny_gan(pooled=True, augmentation=ALL)
start = pooled.state.arrays()
losses = []
for step in (0, 1, 0):
    pooled.state.restore(start)
    losses.append({name: value.item() for name, value in pooled.steps(*batch(first=step)).items()})

inputs = batch(seed=0, steps=2)
faces = inputs[1].reshape(-1, 16, 16, 3)
kept = tiny_gan(faces=faces[::-1], average=0.9, warm_up=1, chroma=True)
with np.load(folder / "start.npz") as file:
    kept.state.restore(dict(file))
rows = len(faces) - 1 - np.arange(len(faces), dtype=np.int32).reshape(2, -1)
resident = kept.steps(inputs[0], rows, *inputs[2:])

scaling = scaling_gan()
np.savez(folder / "scaled.npz", **scaling.state.arrays())
scaled = scaling.steps(*inputs)
scaling.d_optimizer.dynamic_scale.assign(1e38)
before = scaling.state.arrays()
scaling.steps(*inputs)
passed = [np.array_equal(before[n], a) for n, a in scaling.state.arrays().items() if n == "discriminator/conv2d/kernel"]

square = keras.Variable(np.ones((16, 16), "float32"))
product = engine.compiled(lambda step: {"sum": ops.sum(ops.matmul(square, square))}, [square])
operations, moved = engine.cost(product, np.zeros(1, np.int32))

z = np.random.default_rng(0).standard_normal((5, 8), np.float32)
np.save(folder / "faces_of_theirs.npy", in_batches(saved.load(folder / "theirs.keras"), z))
saved.save(gan.average, folder / "ours.keras")
np.save(folder / "faces_of_ours.npy", in_batches(gan.average, z))

figures = joined(calls)
resident, scaled = ({name: values.tolist() for name, values in found.items()} for found in (resident, scaled))
print(json.dumps({"figures": figures, "pooled": losses, "cost": [operations, moved], "resident": resident,
                  "scaled": scaled, "passed": passed}))  # fmt: skip
