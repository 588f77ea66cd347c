"""A live view in the terminal of what is on MQTT."""
