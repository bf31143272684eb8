"""What people see: saved questions, the summary after a scan, and reports for people and programs.

Everything here reads an archscan database and changes nothing in it. ``queries`` asks, ``answers`` prints what came
back; ``summary`` gathers the screen after a scan, ``screen`` prints it; ``content`` reads what a report holds, and
``html``, ``document``, ``lines``, ``spreadsheet``, ``sarif``, ``junit`` and ``cyclonedx`` write it, all of what
``selection`` leaves; ``output`` puts it in a file at once or not at all, and ``verify`` reads it again. ``failing`` is
what a gate counts, ``verdicts`` what is printed of plain ELF files, and ``hardening_check`` the same for those who
parse the lines of that program.
"""
