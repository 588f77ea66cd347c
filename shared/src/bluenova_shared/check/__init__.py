"""`check`: looks at all that a service needs, changes nothing, and names what is wrong."""
