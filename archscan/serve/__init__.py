"""The database in a browser: Datasette on one state of it, immutable, with words, facets, a search and links.

``state`` holds the file still, ``search_index`` builds what the search looks in, ``words`` says what tables and columns
hold, ``metadata`` puts that into Datasette's form, ``plugin`` is what Datasette calls, ``server`` runs it.
"""
