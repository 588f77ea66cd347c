"""`bluenova-recorder check`: looks at all that a recorder needs, and changes nothing."""
