"""The networks and their training steps: tensors -> tensors. Uses Keras, numpy and h5py; never imports `animefaces`.

TensorFlow and JAX are imported in engine/ alone.
"""

from models import engine  # noqa: F401 - comes first: it prepares the backend before Keras is imported
