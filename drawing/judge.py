"""Verdicts during training: how far a generator's faces are from the validation faces, how much they vary, and whether
their eyes match.
"""

import time
from collections.abc import Callable, Mapping

import numpy as np

from animefaces import metrics
from animefaces.batches import Pictures
from animefaces.images import to_network
from drawing import eyes, features
from drawing.finishing import Finisher

COUNT = 500  # new faces that are drawn for each verdict
SHARE = 0.02  # share of the training time that verdicts may take
SURE = 2  # standard errors: a smaller difference is none (docs/research/measures.md)
FIRST = 4.0  # seconds that the first verdict is expected to take


class Judge:
    """Verdicts on a generator, as often as SHARE of the training time allows.

    Before the first one the shipped network is opened and the validation faces are read. This is needed once, so its
    time does not count: it would keep the next verdicts away.
    """

    def __init__(self, name: str, validation: Pictures):
        """`name`: as for features.open_features; `validation`: faces that are never trained on.

        Raises Misuse and Problem, as features.open_features does.
        """
        self._name, self._validation = name, validation
        self._network: features.FeatureNetwork | None = None
        self._known: np.ndarray | None = None
        *_, size, channels = validation[:0].shape
        # A network may not fit, or its file be damaged, and an hour later is too late to say so.
        if name != features.DISCRIMINATOR:
            self._network = features.open_features(name)
            self._network.check(size, channels)
        elif len(validation):
            features.shipped_discriminator()
        if len(validation) and channels == 3:
            Finisher()
        self._cost = FIRST  # of the last verdict, in seconds

    def due(self, seconds: float, spent: float) -> bool:
        """Whether there is time for another verdict, after `seconds` of training of which verdicts took `spent`."""
        return len(self._validation) > 0 and spent + self._cost <= SHARE * seconds

    def verdict(self, draw: Callable[[], np.ndarray]) -> tuple[dict[str, float], float]:
        """draw() -> faces, uint8 (N, H, W, C); returns (figures, the seconds that they took).

        The figures are kernel_distance and kernel_error, its standard error; precision and recall; for faces in colour
        also eye_mismatch and eye_error.
        """
        if self._network is None:
            self._network = features.open_features(self._name)
        if self._known is None:
            self._known = self._network(to_network(self._validation[:]))
        start = time.perf_counter()
        faces = draw()
        new = self._network(to_network(faces))
        distance, error = metrics.kernel_distance(self._known, new)
        precision, recall = metrics.precision_recall(self._known, new)
        figures = {"kernel_distance": distance, "kernel_error": error, "precision": precision, "recall": recall}
        if faces.shape[-1] == 3:
            figures["eye_mismatch"], figures["eye_error"] = eyes.mismatch(faces, np.arange(len(faces)))
        self._cost = time.perf_counter() - start
        return figures, self._cost


def is_near(figures: Mapping[str, float], lowest: float) -> bool:
    """Figures of a verdict -> whether its kernel distance is as low as `lowest`, as far as it can tell."""
    return figures["kernel_distance"] - SURE * figures["kernel_error"] <= lowest


def match_as_well(figures: Mapping[str, float], others: Mapping[str, float]) -> bool:
    """Figures of two verdicts -> whether the eyes of the first one match as well, as far as they can tell.

    Eyes that nobody measured do.
    """
    if not ("eye_mismatch" in figures and "eye_mismatch" in others):
        return True
    return figures["eye_mismatch"] - SURE * figures["eye_error"] <= others["eye_mismatch"]
