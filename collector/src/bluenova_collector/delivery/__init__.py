"""What was measured, until a receipt names it: committed, published, sent again."""
