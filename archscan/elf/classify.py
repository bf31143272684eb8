"""What an ELF object is for. Everything else depends on it, so it comes first."""

from __future__ import annotations

import re

from archscan.elf.arch import is_debian
from archscan.elf.image import (
    DF_1_PIE,
    DT_DEBUG,
    DT_FLAGS_1,
    DT_NEEDED,
    DT_SONAME,
    ET_CORE,
    ET_DYN,
    ET_EXEC,
    ET_REL,
    PT_DYNAMIC,
    PT_INTERP,
    SHF_ALLOC,
    SHF_EXECINSTR,
    SHT_NOBITS,
    SHT_NOTE,
    Image,
    has_segment,
    loads,
    section,
    tag,
)
from archscan.model import ElfKind

_LOADER = re.compile(r"^(?:ld-[\w.-]*\.so|ld(?:64)?\.so\.\d|ld\.so)")
# Where ld.so looks without being told: the multiarch folders, the old ones, and their hwcaps (ld.so(8)).
_LOADER_PATH = re.compile(
    r"^(?:usr/)?(?:local/)?lib(?:32|64|x32|o32|n32)?/"
    r"(?:[a-z0-9_]+-(?:linux|kfreebsd|gnu)[a-z0-9_-]*/)?(?:(?:glibc-hwcaps|hwcaps|tls)/[\w./-]+/)?[^/]+$"
)
_CROSS_PATH = re.compile(r"^usr/[a-z0-9_]+-linux-[a-z0-9_-]+/lib(?:32|64|x32)?/[^/]+$")
_DEBUG_PATH = re.compile(r"^usr/lib/debug/")
# Code that no Linux process runs: what the processor starts before or beside the kernel, and the kernel itself.
_FIRMWARE_PATH = re.compile(
    r"^(?:usr/)?lib/(?:firmware|grub|u-boot|opensbi|syslinux|ISOLINUX|ipxe|atf|arm-trusted-firmware)/"
    r"|^(?:usr/)?lib/modules/[^/]+/vdso/|^usr/lib/xen-[^/]+/boot/|^boot/|^usr/share/(?:qemu|seabios|openbios|slof|skiboot|qemu-efi|opensbi|syslinux|grub)/"
)
_STANDALONE = 255  # ELFOSABI_STANDALONE


def kind(image: Image, path: str, architecture: str | None) -> ElfKind:
    """The kind of an object at ``path`` (escaped, without a first slash) of a package for ``architecture``."""
    if image.type == ET_CORE:
        return ElfKind.CORE
    if _DEBUG_PATH.match(path) or only_debug(image):
        return ElfKind.DEBUG
    if image.type == ET_REL:
        return _relocatable(image, path)
    if _is_firmware(image, path, architecture):
        return ElfKind.FIRMWARE
    if image.type == ET_EXEC:
        dynamic = has_segment(image, PT_INTERP) or has_segment(image, PT_DYNAMIC)
        return ElfKind.EXECUTABLE if dynamic else ElfKind.STATIC_EXECUTABLE
    return _shared(image, path)


def only_debug(image: Image) -> bool:
    """Whether nothing that would be mapped is in the file, notes excepted: `objcopy --only-keep-debug`."""
    mapped = [part for part in image.sections if part.flags & SHF_ALLOC and part.size]
    # A relocatable object may honestly hold nothing but variables without a value.
    wanted = SHF_EXECINSTR if image.type == ET_REL else SHF_ALLOC
    return all(part.type in (SHT_NOBITS, SHT_NOTE) for part in mapped) and any(
        part.type == SHT_NOBITS and part.flags & wanted for part in mapped
    )


def _relocatable(image: Image, path: str) -> ElfKind:
    if not is_debian(image.machine):
        return ElfKind.FIRMWARE
    name = path.rpartition("/")[2]
    if ".ko" in name and (section(image, ".modinfo") or section(image, ".gnu.linkonce.this_module")):
        return ElfKind.KERNEL_MODULE
    if _FIRMWARE_PATH.match(path) or section(image, ".moddeps"):  # GRUB's modules name what they depend on
        return ElfKind.FIRMWARE
    return ElfKind.RELOCATABLE


def _is_firmware(image: Image, path: str, architecture: str | None) -> bool:
    if not is_debian(image.machine) or image.type not in (ET_EXEC, ET_DYN) or image.osabi == _STANDALONE:
        return True
    if _FIRMWARE_PATH.match(path) or image.entry >> (image.bits - 1):  # the kernel's half of the address space
        return True
    linked = has_segment(image, PT_INTERP) or any(name == DT_NEEDED for name, _ in image.dynamic)
    # What becomes an EFI program holds the relocations of that format already (gnu-efi, systemd's boot loader).
    efi = section(image, ".reloc") is not None
    # A program that relocates itself reads its program headers, which the kernel has mapped; OpenSBI finds none.
    bare = (tag(image, DT_FLAGS_1) or 0) & DF_1_PIE and all(part.offset for part in loads(image))
    return bool(architecture == "all" or efi or bare) and not linked and tag(image, DT_SONAME) is None


def _shared(image: Image, path: str) -> ElfKind:
    flags = tag(image, DT_FLAGS_1) or 0
    interpreted = has_segment(image, PT_INTERP)
    named = tag(image, DT_SONAME) is not None
    debug = tag(image, DT_DEBUG) is not None
    name = path.rpartition("/")[2]
    if flags & DF_1_PIE:
        return ElfKind.PIE if interpreted else ElfKind.STATIC_PIE
    if interpreted:
        return ElfKind.PIE if debug and not named else ElfKind.RUNNABLE_LIBRARY
    if _LOADER.match(name) and (named or not image.dynamic):
        return ElfKind.LOADER
    if debug and not named and ".so" not in name:
        return ElfKind.STATIC_PIE
    return ElfKind.SHARED_LIBRARY if named and _loader_finds(path) else ElfKind.PLUGIN


def _loader_finds(path: str) -> bool:
    """Whether ld.so looks where the object lies; a lone file name counts as if it did."""
    return "/" not in path or path.startswith("/") or bool(_LOADER_PATH.match(path) or _CROSS_PATH.match(path))
