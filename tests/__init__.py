"""The tests, as a tree of its own: each folder mirrors a room."""
