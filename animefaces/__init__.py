"""The world around the networks: pixels, files, faces, latents. Never imports `models`."""
