"""File capabilities as the kernel stores them in the extended attribute ``security.capability``."""

import re
import struct

# linux/capability.h; those that packages are seen with.
_NUMBERS = {
    "cap_dac_override": 1,
    "cap_dac_read_search": 2,
    "cap_setgid": 6,
    "cap_setuid": 7,
    "cap_net_bind_service": 10,
    "cap_net_admin": 12,
    "cap_net_raw": 13,
    "cap_sys_ptrace": 19,
    "cap_sys_admin": 21,
    "cap_sys_nice": 23,
    "cap_perfmon": 38,
}
_TEXT = re.compile(r"(?P<names>cap_\w+(?:,cap_\w+)*)[=+](?P<sets>[eip]+)")
_REVISION_2 = 0x02000000
_EFFECTIVE = 1


def encoded(text: str) -> bytes:
    """The 20 bytes of ``struct vfs_cap_data`` (revision 2) for one clause such as ``cap_net_raw,cap_kill=ep``.

    Raises ``ValueError`` for other forms of cap_text_formats(7) and for names that are not listed above.
    """
    match = _TEXT.fullmatch(text)
    if match is None:
        raise ValueError(f"expected capabilities as in 'cap_net_raw=ep', got {text!r}")
    mask = 0
    for name in match["names"].split(","):
        if name not in _NUMBERS:
            raise ValueError(f"expected one of {', '.join(_NUMBERS)}, got {name!r}")
        mask |= 1 << _NUMBERS[name]
    permitted = mask if "p" in match["sets"] else 0
    inheritable = mask if "i" in match["sets"] else 0
    magic = _REVISION_2 | (_EFFECTIVE if "e" in match["sets"] else 0)
    low, high = 0xFFFFFFFF, 32
    return struct.pack("<5I", magic, permitted & low, inheritable & low, permitted >> high, inheritable >> high)
