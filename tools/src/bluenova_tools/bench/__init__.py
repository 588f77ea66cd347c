"""`make bench`: what our programs take, each beside the bare loop or the limit of the same run."""
