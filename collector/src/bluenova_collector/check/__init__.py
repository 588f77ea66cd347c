"""`bluenova-collector check`: looks at all that a collector needs, and changes nothing."""
