"""The networks and their training steps: tensors -> tensors. Uses Keras, numpy and h5py; never imports `animefaces`.

Keras comes from models.engine, which prepares its backend first. TensorFlow and JAX are imported in engine/ alone.
"""
