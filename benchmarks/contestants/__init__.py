"""Who takes part in benchmarks.field: name -> what it is, its settings, and its Task (training/task.py).

Each recipe of train.py takes part under its own name. The others were written for this comparison.
"""

import importlib
from dataclasses import replace

from recipes import BASE, RECIPES

# log_every is that of `modern`: with it a CPU does as many steps in a call (training/check.py).
_TWO_CORES = {"batch_size": 16, "augment": ("translation", "mirror"), "log_every": RECIPES["modern"].log_every}
# Name -> (the module of its Task, its settings).
OTHERS = {
    # The penalty of our recipe `quick`: 2, that of `large`, is for large batches and wide networks.
    "r3gan": ("training.gan", replace(
        RECIPES["large"], **_TWO_CORES, generator_widths=(128, 128, 64, 32, 16),
        discriminator_widths=(16, 32, 64, 128, 128), penalty=(0.2, 0.2), learning_rate=4e-4, average=0.999)),
    "flow": ("benchmarks.contestants.flow", replace(
        BASE, augment=("mirror",), latent=64 * 64 * 3, generator_widths=(192, 96, 48), batch_size=32,
        learning_rate=1e-3, beta1=0.9, beta2=0.99, average=0.999)),
}  # fmt: skip
WORDS = {
    "r3gan": "R3GAN (Huang et al. 2024, arXiv 2501.05441), by our recipe `large` with narrow networks and small "
             "batches. Its source has grouped convolutions with bottlenecks, batches of 512, wider networks, and gamma "
             "and learning rates that fall over the training.",
    "flow": "A rectified flow (Liu et al. 2022, arXiv 2209.03003; Lipman et al. 2022, arXiv 2210.02747): a U-Net on "
            "patches of 2x2 pixels, with times from a logit-normal distribution (Esser et al. 2024, arXiv 2403.03206). "
            "The sources' U-Nets are ten times as large and work on each pixel.",
}  # fmt: skip
NAMES = (*(name for name, recipe in RECIPES.items() if recipe.network == "gan"), *OTHERS)


def settings(name):
    """A contestant -> its Options."""
    return OTHERS[name][1] if name in OTHERS else RECIPES[name]


def task_of(name):
    """A contestant -> the class of its Task."""
    return importlib.import_module(OTHERS[name][0] if name in OTHERS else "training.gan").Task


def words(name):
    """A contestant -> what it is, and what differs from its source, in a sentence or more."""
    return WORDS.get(name, "The recipe of train.py, by its own code.")
