"""How right archscan's verdicts are, beside those of its peers: ``make accuracy``. A measurement, not a test."""
