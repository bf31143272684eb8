"""A folder of static pages about a whole archive, and one JSON file per source package for trackers.

``packages`` and ``findings`` read the database, each in one pass; ``sets`` says who ships what and who supports it;
``trends`` draws figures of scans; ``tracked`` is the form of the JSON files; ``pages`` renders, ``folder`` writes, and
``build`` is all that on one page.
"""
