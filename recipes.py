"""The options of train.py, and its recipes: values of them that belong together.

A recipe says what it changes of BASE, and a comment says why it exists. docs/how-to/train.md compares them.
"""

from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from animefaces import runs
from animefaces.options import ADJUSTABLE, LOCAL, above, at_least, option, span, within

# What train.py can train. Each has a module of its name in training/, and recipes that name it as their network.
NETWORKS = {
    "gan": "a generator and its discriminator, from faces (the default)",
    "vae": "the dense VAE on faces: an older and simpler encoder, from a photo to z",
    "encoder": "the learned encoder on photos: from the photo of a person to z, from which the generator draws a face",
    "reader": "a reader of looks, on photos or drawings with labels: from a face to words such as black hair, glasses",
    "upscaler": "an upscaler, on large pictures: from a drawn face to the same face, four times as large",
    "detector": "a detector, on pictures with known faces, and faces to paste: from a picture to the drawn faces in it",
}
ARCHITECTURES = ("strided", "pooled", "residual", "fastgan")
PRECISIONS = ("auto", "float32", "bfloat16", "float16")
AUGMENTATIONS = ("none", "translation", "mirror", "cutout")

GAN, LABELLED = ("gan",), ("encoder", "reader")
JUDGED = ("gan", "upscaler")  # what has a discriminator
# The headings of --help.
DATA, LENGTH, NETS, LEARNING = "what to train, and where", "how long", "networks", "learning"
TOLD, WRITTEN, COMPUTER = "what the discriminator is told", "what is written", "this computer"


@dataclass(frozen=True)
class Options:
    """Everything needed to repeat a run. Saved beside its results as options.json."""

    network: str = option("gan", "what is trained", choices=tuple(NETWORKS), hidden=True)
    recipe: str = option("modern", "the recipe: networks, labels and settings that belong together; the defaults below "
                                   "are those of the recipe", group=DATA)  # fmt: skip
    data: tuple[Path, ...] = option((runs.FACES,), "folders, zips, arrays (npz, npy) or pictures",
                                    group=DATA, facts=(ADJUSTABLE, LOCAL))  # fmt: skip
    run: Path | None = option(None, "run folder; if it holds a run, this run continues (default: the last unfinished "
                                    "run with the same options and pictures, else a new folder, results/NNNNN-RECIPE)",
                              group=DATA, facts=(ADJUSTABLE, LOCAL))  # fmt: skip
    new: bool = option(False, "begin a new run, even if there is an unfinished one with the same options and pictures",
                       group=DATA, facts=(ADJUSTABLE, LOCAL))  # fmt: skip
    from_scratch: bool = option(False, "begin with random weights. Without it, a training of 64-pixel colour faces "
                                       "begins with the shipped weights, unless you type --recipe, --init-from or an "
                                       "option of the networks or of learning", group=DATA, commands=GAN,
                                facts=(ADJUSTABLE, LOCAL))  # fmt: skip
    init_from: Path | None = option(
        None, "gan: start with the networks of this run folder, or the generator of this .keras file; 'pretrained' "
        "names the shipped weights. vae, encoder: the generator to train for (default: the newest run, else the "
        "shipped weights). reader, upscaler, detector: start with this one", group=DATA)  # fmt: skip
    labels: Path | None = option(None, "a table (CSV) with a column file. encoder: also age and male. reader: also "
                                 "looks, such as hair and glasses (docs/how-to/train.md). It may lack some pictures",
                                 group=DATA, commands=LABELLED)  # fmt: skip
    teacher: Path | None = option(None, "a larger network that enlarges drawings four times, .onnx, to learn from as "
                                  "well", group=DATA, commands=("upscaler",))  # fmt: skip
    pictures: Path | None = option(None, "a zip of whole pictures and boxes.csv (file,x,y,width,height): the faces in "
                                   "them, in pixels", group=DATA, commands=("detector",))  # fmt: skip
    photos: tuple[Path, ...] = option((Path("data/photos"),), "photos of people, in which nothing is a drawn face",
                                      group=DATA, commands=("detector",))  # fmt: skip

    steps: int = option(50_000, "number of training steps, one batch each", at_least(1), group=LENGTH,
                        facts=(ADJUSTABLE,))  # fmt: skip
    minutes: float | None = option(None, "stop after this many minutes of training, all parts of the run together, "
                                   "if --steps is not reached before",
                                   above(0), group=LENGTH, facts=(ADJUSTABLE, LOCAL))  # fmt: skip

    size: int = option(64, "width and height of the pictures, in pixels", within(8, 512), group=NETS)
    channels: int = option(3, "3 for colour, 1 for grey", choices=(1, 3), group=NETS)
    latent: int = option(100, "length of z, the vector that the generator makes a face from", at_least(1),
                         group=NETS, commands=GAN)  # fmt: skip
    architecture: str = option("strided", "strided: the DCGAN paper's convolutions; pooled: a discriminator with "
                               "pooling and dense layers; residual: residual networks; fastgan: a discriminator "
                               "that has to draw real pictures again, and gated units", choices=ARCHITECTURES,
                               group=NETS, commands=GAN)  # fmt: skip
    generator_widths: tuple[int, ...] = option((512, 256, 128, 64), "channels of the generator's layers, from the "
                                               "smallest resolution to the largest", at_least(1), group=NETS,
                                               commands=GAN)  # fmt: skip
    generator_kernel: int = option(4, "side of the generator's kernels", within(1, 15), group=NETS, commands=GAN)
    generator_slope: float = option(0.0, "slope of the generator's LeakyReLU; 0 is ReLU", within(0, 1),
                                    group=NETS, commands=GAN)  # fmt: skip
    chroma_subsampling: bool = option(False, "the generator draws colour at half the resolution of brightness, as "
                                             "JPEG files store it", group=NETS, commands=GAN)  # fmt: skip
    grey: bool = option(False, "the generator draws in grey, in three equal channels; without this option it does if "
                               "the pictures are grey", group=NETS, commands=GAN)  # fmt: skip
    discriminator_widths: tuple[int, ...] = option((64, 128, 256, 512), "channels of the discriminator's layers, from "
                                                   "the largest resolution to the smallest", at_least(1),
                                                   group=NETS, commands=JUDGED)  # fmt: skip
    discriminator_kernels: tuple[int, ...] = option((4,), "sides of the discriminator's kernels, one for each layer; "
                                                    "if there are fewer, the last one is used for the other layers",
                                                    at_least(1), group=NETS, commands=GAN)  # fmt: skip
    discriminator_slope: float = option(0.2, "slope of the discriminator's LeakyReLU", within(0, 1), group=NETS,
                                        commands=GAN)  # fmt: skip
    discriminator_norm: bool = option(True, "the discriminator has batch normalisation", group=NETS,
                                      commands=GAN)  # fmt: skip

    mirrored: bool = option(False, "the discriminator sees each picture beside its mirror image, so it compares the "
                                   "two eyes of a face", group=NETS, commands=GAN)  # fmt: skip
    projected: bool = option(False, "the discriminator also judges what the shipped reader of drawings sees in a "
                                    "picture (fastgan only)", group=NETS, commands=GAN)  # fmt: skip
    patches: bool = option(False, "the discriminator judges patches of a picture, not the whole picture (residual "
                                  "networks only)", group=NETS, commands=GAN)  # fmt: skip

    repeat: int = option(8, "how often a scene is seen before another one takes its place; fewer for many cores",
                         at_least(1), group=LEARNING, commands=("detector",))  # fmt: skip
    batch_size: int = option(64, "pictures per step, of all devices together", at_least(2), group=LEARNING)
    learning_rate: float = option(2e-4, "learning rate of the Adam optimizers", above(0), group=LEARNING)
    discriminator_rate: float = option(1.0, "learning rate of the discriminator, as a multiple of the generator's",
                                       above(0), group=LEARNING, commands=JUDGED)  # fmt: skip
    slow_after: int = option(0, "learning rate decay: n steps after the warm-up the learning rate is divided by "
                                "sqrt(1 + n / SLOW_AFTER); 0 for no decay", at_least(0), group=LEARNING,
                             commands=GAN)  # fmt: skip
    warm_up: int = option(0, "number of steps at the start in which generator and discriminator are trained as an "
                             "autoencoder; 0 for none", at_least(0), group=LEARNING, commands=GAN)  # fmt: skip
    beta1: float = option(0.5, "beta1 of the Adam optimizers", within(0, 0.9999), group=LEARNING)
    beta2: float = option(0.999, "beta2 of the Adam optimizers", within(0, 0.99999), group=LEARNING)
    average: float = option(0.999, "decay of the exponential moving average (EMA) of the weights, at most: early "
                            "in a training it is smaller; the saved network has the averaged weights; 0 for no "
                            "averaging", within(0, 0.99999), group=LEARNING,
                            commands=("gan", "encoder", "reader", "upscaler", "detector"))  # fmt: skip

    loss: str = option("logistic", "logistic: with labels; relativistic: compares each fake picture with a real one; "
                       "hinge: learns only from pictures of which the discriminator is not sure",
                       choices=("logistic", "relativistic", "hinge"), group=TOLD, commands=GAN)  # fmt: skip
    real_label: tuple[float, float] = option((1.0, 1.0), "range of the discriminator's label for real pictures", span,
                                             group=TOLD, commands=GAN)  # fmt: skip
    fake_label: tuple[float, float] = option((0.0, 0.0), "range of the discriminator's label for fake pictures", span,
                                             group=TOLD, commands=GAN)  # fmt: skip
    flip_every: int = option(0, "swap the labels for real and for fake in every n-th epoch; 0 for never", at_least(0),
                             group=TOLD, commands=GAN)  # fmt: skip
    penalty: tuple[float, float] = option((0.0, 0.0), "weight of the R1 and R2 gradient penalties: at the start and "
                                          "at the end of the training", at_least(0), group=TOLD,
                                          commands=GAN)  # fmt: skip
    penalty_every: int = option(1, "apply the gradient penalties in every n-th step only, with n times the weight",
                                at_least(1), group=TOLD, commands=GAN)  # fmt: skip
    anchor: float = option(0.0, "keep every face near the one that the generator of --init-from draws: weight of the "
                                "distance, 0 for none (residual networks only)", at_least(0), group=TOLD,
                           commands=GAN)  # fmt: skip
    flaws: float = option(0.0, "with --anchor: weight of the flaws that each face has more than the one that the "
                               "generator of --init-from draws: unclear or unlike eyes, an uneven mouth; 0 for none",
                          at_least(0), group=TOLD, commands=GAN)  # fmt: skip
    coarse_chroma: bool = option(False, "the discriminator sees the colour of every picture blurred, and its "
                                        "brightness sharp, so it does not ask for streaks of colour (colour pictures "
                                        "only)", group=TOLD,
                                 commands=GAN)  # fmt: skip
    coarse_luma: bool = option(False, "the discriminator sees the brightness of every picture a little blurred, so it "
                                      "does not learn how sharp the pictures are", group=TOLD,
                               commands=GAN)  # fmt: skip
    augment: tuple[str, ...] = option(("none",), "random changes of every picture that the discriminator sees, real "
                                      f"or fake: any of {', '.join(AUGMENTATIONS)}", choices=AUGMENTATIONS,
                                      group=TOLD, commands=GAN)  # fmt: skip

    save_minutes: float = option(5.0, "training time between two saved states, in minutes", at_least(0),
                                 group=WRITTEN, facts=(ADJUSTABLE,))  # fmt: skip
    keep: int = option(2, "number of saved states that are kept. If the newest is damaged, for example by a power cut, "
                          "training goes on from the one before; 1 takes less disk", at_least(1), group=WRITTEN,
                       facts=(ADJUSTABLE,))  # fmt: skip
    log_every: int = option(10, "steps between two log entries", at_least(1), group=WRITTEN,
                            facts=(ADJUSTABLE,))  # fmt: skip
    sample_every: int = option(500, "steps between two sample grids", at_least(1), group=WRITTEN,
                               facts=(ADJUSTABLE,))  # fmt: skip
    features: str = option("discriminator", "network that computes the features for the kernel distance: discriminator "
                           "(the shipped one), inception, or a .keras file", group=WRITTEN,
                           commands=GAN)  # fmt: skip

    seed: int = option(0, "seed of all random numbers", within(0, 2**31 - 1), group=COMPUTER)
    precision: str = option("auto", "number format of the arithmetic; the weights are always float32. auto: float32, "
                            "or bfloat16 on a CPU that has it and is faster with it in a short trial",
                            choices=PRECISIONS, group=COMPUTER, facts=(LOCAL,))  # fmt: skip
    steps_per_call: int = option(0, "training steps in one compiled call; 0 means 20 on a GPU, and 4 or 1 on a CPU",
                                 within(0, 1000), group=COMPUTER, facts=(ADJUSTABLE, LOCAL))  # fmt: skip
    cache: Path = option(Path("data/cache"), "folder for the decoded pictures", group=COMPUTER,
                         facts=(ADJUSTABLE, LOCAL))  # fmt: skip
    check: bool = option(False, "do not train: print whether there is a GPU, and how long the training takes",
                         group=COMPUTER, commands=GAN, facts=(ADJUSTABLE, LOCAL))  # fmt: skip

    def widths_for(self, size: int) -> dict[str, Any]:
        """Size of other pictures -> the widths of the networks for them, by the names of the options.

        For each doubling of the size both networks have one more layer at the largest resolution, as wide as the next.
        So they still begin and end with the same small features, and networks for small pictures can grow.
        """
        doublings = (size // self.size).bit_length() - 1
        if self.network != "gan" or doublings < 1 or size != self.size << doublings:
            return {}
        generator, discriminator = self.generator_widths, self.discriminator_widths
        return {"generator_widths": (*generator, *generator[-1:] * doublings),
                "discriminator_widths": (*discriminator[:1] * doublings, *discriminator)}  # fmt: skip


BASE = Options()
_RECIPES = {
    # The default, for two CPU cores. It begins as an autoencoder, with small steps; then the discriminator has to
    # catch up, and the learning rate decays. The mirror image is for eyes that belong together
    # (docs/research/quality.md).
    "modern": replace(BASE, generator_widths=(256, 128, 64, 32), discriminator_widths=(32, 64, 128, 256),
                      chroma_subsampling=True, mirrored=True, real_label=(0.7, 1.2), fake_label=(0.0, 0.3),
                      augment=("translation", "mirror"), batch_size=16, learning_rate=4e-4, discriminator_rate=4.0,
                      slow_after=4_000, warm_up=2_000, steps=200_000, average=0.9998, log_every=40, sample_every=1_000),
    # Whole faces soonest on two CPU cores: networks of FastGAN, mirror images, and what a trained reader of drawings
    # sees (docs/research/fastgan.md).
    "fastgan": replace(BASE, architecture="fastgan", latent=256, generator_widths=(256, 128, 64, 32, 16),
                       discriminator_widths=(32, 64, 128), mirrored=True, projected=True, loss="hinge",
                       augment=("translation", "mirror"), batch_size=16, steps=200_000, average=0.9999,
                       log_every=40, sample_every=1_000),
    # The same networks as of `modern`, trained in the plain way: a cleverer recipe has to be better than this one.
    "light": replace(BASE, generator_widths=(256, 128, 64, 32), discriminator_widths=(32, 64, 128, 256),
                     real_label=(0.7, 1.2), fake_label=(0.0, 0.3), augment=("translation", "mirror")),
    # The best faces within ten minutes on two cores: many small steps. The gradient penalties keep the discriminator
    # from winning.
    "quick": replace(BASE, generator_widths=(256, 128, 64, 32), discriminator_widths=(32, 64, 128, 256),
                     discriminator_norm=False, loss="relativistic", penalty=(0.2, 0.2), batch_size=8,
                     learning_rate=4e-4, beta1=0.0, beta2=0.99, augment=("translation", "mirror"), log_every=80,
                     sample_every=2_000),
    # For `make demo`: cartoon faces are simple, and a minute is short.
    "demo": replace(BASE, size=32, generator_widths=(128, 64, 32), discriminator_widths=(32, 64, 128), batch_size=32,
                    learning_rate=5e-4, real_label=(0.7, 1.2), fake_label=(0.0, 0.3), average=0.99,
                    sample_every=250, save_minutes=0.5),
    # For a GPU: it begins slowly and ends far better (docs/research/recipes.md).
    "large": replace(BASE, architecture="residual", generator_widths=(256, 256, 192, 96, 48),
                      discriminator_widths=(48, 96, 192, 256, 256), loss="relativistic", penalty=(2.0, 0.5),
                      beta1=0.0, beta2=0.99, batch_size=128, augment=("translation", "mirror"), average=0.9995),
    "pooled": replace(BASE, architecture="pooled", generator_widths=(512, 256, 128, 64, 32),
                      discriminator_widths=(128, 128), discriminator_kernels=(3,)),
    # "Noise on the labels" does not say how much: it is a tenth here.
    "noisy": replace(BASE, generator_slope=0.2, real_label=(0.9, 1.0), fake_label=(0.0, 0.1), steps=20_000),
    "tutorial": replace(BASE, real_label=(0.9, 0.9), fake_label=(0.1, 0.1), batch_size=128),
    # The reduced discriminator; --discriminator-widths 128,256,512 is the full one. It has no batch normalisation:
    # its logit has 131,072 inputs, and with it Adam would change the logit by tens of nats in one step.
    "soft": replace(BASE, discriminator_widths=(128, 512), discriminator_kernels=(5, 3), discriminator_norm=False,
                    real_label=(0.7, 1.2), fake_label=(0.0, 0.3), flip_every=3),
    "paper": replace(BASE, generator_widths=(1024, 512, 256, 128), generator_kernel=5,
                     discriminator_widths=(128, 256, 512, 1024), discriminator_kernels=(5,), batch_size=128),
    "mnist": replace(BASE, size=28, channels=1, generator_widths=(256, 128), discriminator_widths=(128, 256),
                     batch_size=128, steps=20_000),
    # The first two find z for a photo. The first recipe of a network is its default one.
    "vae": replace(BASE, network="vae", batch_size=128, learning_rate=1e-3, beta1=0.9, steps=5_000),
    "encoder": replace(BASE, network="encoder", data=(Path("data/photos"),), learning_rate=1e-3, beta1=0.9,
                       average=0.997, steps=2_500, sample_every=250),
    # 96 pixels, because glasses and lips are thin.
    "reader": replace(BASE, network="reader", data=(Path("data/photos"),), size=96, learning_rate=2e-3, beta1=0.9,
                      average=0.998, steps=5_000, sample_every=1_000),
    # Its --size is that of the large pictures; it sees patches of a quarter of it. The widths are of its discriminator.
    "upscaler": replace(BASE, network="upscaler", size=256, batch_size=12, learning_rate=1e-3, beta1=0.9,
                        discriminator_widths=(32, 64, 128, 192), discriminator_rate=0.3, average=0.998, steps=6_000,
                        sample_every=500),
    # Its --size is that of the faces that are pasted. Scenes are as large as training/scenes.py says.
    "detector": replace(BASE, network="detector", size=128, batch_size=32, learning_rate=2e-3, beta1=0.9,
                        average=0.999, steps=40_000, sample_every=1_000),
}  # fmt: skip
# `fastgan` for some hours: a wider generator draws more kinds of faces, and what the reader sees brings whole faces
# soon, and fewer of them later (docs/research/fastgan.md).
_RECIPES["evening"] = replace(_RECIPES["fastgan"], generator_widths=(256, 128, 128, 64, 32), projected=False,
                              steps=40_000)  # fmt: skip
# `large` for two CPU cores and a night, or for minutes on a GPU: narrow, and with mirror images, for eyes that belong
# together (docs/research/quality.md).
_RECIPES["overnight"] = replace(_RECIPES["large"], generator_widths=(128, 128, 64, 32, 16),
                                discriminator_widths=(16, 32, 64, 128, 128), chroma_subsampling=True, mirrored=True,
                                penalty=(0.5, 0.2), batch_size=64, learning_rate=4e-4, slow_after=10_000,
                                average=0.9998, steps=43_000, sample_every=1_000)  # fmt: skip
# The shipped networks learn another style within minutes, without a GPU. The discriminator sees patches, and the anchor
# keeps the faces whole: the lines of nose and mouth, and eyes without flaws. So the discriminator may be sharp, and few
# steps are enough. It sees blurred colours, so that hair does not get streaks of other colours, and no fine lines, so
# that faces do not get as soft as many pictures are. Penalties in every fourth step only leave time for more steps
# (docs/research/adapt.md).
_RECIPES["adapt"] = replace(_RECIPES["large"], init_from=Path("pretrained"), discriminator_widths=(48, 96, 192),
                            patches=True, anchor=0.03, flaws=0.3, coarse_chroma=True, coarse_luma=True, batch_size=16,
                            learning_rate=1e-4, discriminator_rate=2.0, slow_after=300, penalty=(0.05, 0.05),
                            penalty_every=4, steps=50, average=0.995, log_every=5, sample_every=10)  # fmt: skip
RECIPES: dict[str, Options] = {name: replace(recipe, recipe=name) for name, recipe in _RECIPES.items()}


def started(options: Options, given: set[str]) -> tuple[Options, set[str]]:
    """Options, and the names of those that the user typed -> the same two, with `adapt` where it is the recipe.

    It is the recipe for --init-from pretrained, unless the user typed another one, or the size of larger pictures. And
    it is the recipe for pictures like those of the shipped weights, if the user typed nothing about how to train.
    """
    adapt, source = RECIPES["adapt"], options.init_from
    if "recipe" in given or options.network != "gan" or options.size > adapt.size:
        return options, given
    if not (runs.is_shipped(source) if source else _plain(options, given)):
        return options, given
    return replace(adapt, **{name: getattr(options, name) for name in given}), {*given, "recipe"}


def _plain(options: Options, given: set[str]) -> bool:
    """Whether a new training is of pictures like those of the shipped weights, and the user left the rest to us."""
    adapt, free = RECIPES["adapt"], {"network", "size", "channels"}
    for field in fields(Options):
        if field.metadata["group"] in (DATA, LENGTH, WRITTEN, COMPUTER):
            free.add(field.name)
    alike = (options.size, options.channels) == (adapt.size, adapt.channels)
    shipped = runs.is_shipped(Path("pretrained")) and (runs.PRETRAINED / runs.GENERATOR).exists()
    begun = options.run and runs.read_record(options.run)
    return alike and shipped and not begun and not options.from_scratch and given <= free
