"""What is weak crypto: the catalogue of libraries, and the uses that an object's imports show."""
