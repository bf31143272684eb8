"""What people decide about findings: kept for ever, told as text, and how much work is left.

``decision`` is the value, ``versions`` ranges of them, ``text`` the file that lives in git, ``record`` the table,
``standings`` what is in force and what is due, ``score`` where work should begin.
"""
