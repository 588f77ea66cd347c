"""Years of rows, made within minutes, and how fast what is asked of them is answered."""
