"""What people see: saved questions, the summary after a scan, and reports in HTML, JSON and CSV.

Everything here reads an archscan database and changes nothing in it. ``queries`` asks, ``answers`` prints what came
back; ``summary`` gathers the screen after a scan, ``screen`` prints it; ``content`` reads what a report holds, and
``html``, ``document`` and ``spreadsheet`` write it; ``output`` puts it in a file at once or not at all. ``failing`` is
what a gate counts, ``verdicts`` what is printed of plain ELF files, and ``hardening_check`` the same for those who
parse the lines of that program.
"""
