"""What archscan costs, measured beside its peers in the same run: ``make bench``. A benchmark, not a test."""
