"""What is started, when, as whom, and where it listens."""
