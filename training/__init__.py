"""What train.py trains besides the GAN: like the scripts, these modules know the world and the networks."""
