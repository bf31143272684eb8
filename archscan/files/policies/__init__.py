"""Who may do what, and what is kept from doing it."""
