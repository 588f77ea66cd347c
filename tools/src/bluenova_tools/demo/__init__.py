"""The whole chain on this machine, with two simulated batteries."""
