"""A simulated battery: a believable pack, its console, and its troubles."""
