"""The networks: tensors to tensors. Imports Keras alone, never `animefaces`."""

from models import engine  # noqa: F401 - first: it readies the backend before Keras is imported
