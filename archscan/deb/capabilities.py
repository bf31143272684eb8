"""File capabilities, as the kernel stores them and as people write them (capabilities(7), cap_from_text(3))."""

from __future__ import annotations

import struct

# The bits of linux/capability.h, in order.
_NAMES = """
    chown dac_override dac_read_search fowner fsetid kill setgid setuid setpcap linux_immutable
    net_bind_service net_broadcast net_admin net_raw ipc_lock ipc_owner sys_module sys_rawio sys_chroot
    sys_ptrace sys_pacct sys_admin sys_boot sys_nice sys_resource sys_time sys_tty_config mknod lease
    audit_write audit_control setfcap mac_override mac_admin syslog wake_alarm block_suspend audit_read
    perfmon bpf checkpoint_restore
""".split()
_EFFECTIVE = 1


def capability_text(attribute: bytes) -> str:
    """The extended attribute ``security.capability`` in the form of getcap(8): ``cap_net_raw=ep``.

    The attribute is a ``vfs_cap_data`` of revision 1, 2 or 3 (linux/capability.h); another one gives ``invalid``.
    """
    if len(attribute) not in (12, 20, 24):
        return "invalid"
    magic = int.from_bytes(attribute[:4], "little")
    words = struct.unpack_from(f"<{2 if len(attribute) == 12 else 4}I", attribute, 4)
    permitted = words[0] | (words[2] << 32 if len(words) > 2 else 0)
    inheritable = words[1] | (words[3] << 32 if len(words) > 2 else 0)
    effective = "e" if magic & _EFFECTIVE else ""
    sets = []
    for bits, flags in (
        (permitted & inheritable, effective + "ip"),
        (permitted & ~inheritable, effective + "p"),
        (inheritable & ~permitted, "i"),
    ):
        if bits:
            sets.append(f"{','.join(_capability_names(bits))}={flags}")
    return " ".join(sets) or "="


def _capability_names(bits: int) -> list[str]:
    return [
        f"cap_{_NAMES[bit]}" if bit < len(_NAMES) else str(bit) for bit in range(bits.bit_length()) if bits >> bit & 1
    ]
