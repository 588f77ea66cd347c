"""What `check` looks at in the broker."""
