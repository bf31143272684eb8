"""How a database says that it is archscan's."""

# "arch" as four bytes, so that `file` and we can tell our databases from others (https://sqlite.org/pragma.html).
APPLICATION_ID = 0x61726368
