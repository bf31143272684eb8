"""What the system and its programs are told to do."""
