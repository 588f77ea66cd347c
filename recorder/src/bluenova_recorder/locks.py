"""Numbers that no other program locks, to do what only one recorder may do at a time.

Each has its own purpose: a concurrent build waits for all transactions that write, so none of those
may wait for the lock that the build holds.
"""

BUILD_LOCK = 0x626E_6F76
ROWS_LOCK = BUILD_LOCK + 1
TABLES_LOCK = BUILD_LOCK + 2
