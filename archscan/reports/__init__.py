"""What people see: saved questions, the summary after a scan, and reports in HTML, JSON and CSV.

Everything here reads an archscan database and changes nothing in it. ``queries`` asks, ``answers`` prints what came
back; ``summary`` is the screen after a scan; ``content`` gathers what a report holds, ``html``, ``document`` and
``spreadsheet`` write it; ``output`` puts it in a file at once or not at all.
"""
