"""What judges: rules as SQL, loaded from files, checked, and applied to the facts.

``load`` reads the rule book, ``check`` proves it against the schema, ``apply`` turns it into findings,
``sandbox`` keeps other people's SQL to reading, and to its time.
"""
