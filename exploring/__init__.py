"""What explore.py shows, a module each: like the scripts, these know the world and the networks."""
