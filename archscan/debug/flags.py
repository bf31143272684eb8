"""What a compiler says of its own command line in `DW_AT_producer`.

GCC records the options that change its code, in their order, without those of the preprocessor (gcc/opts.cc,
`gen_producer_string`). Clang records its command line only with `-grecord-command-line`. Of options that exclude each
other the last one counts. What a distribution's compiler turns on by itself is recorded by Ubuntu's, which adds it to
the command line; what was configured into GCC (`--enable-default-pie`) is not recorded, so its absence says nothing.
"""

from __future__ import annotations

import re

import msgspec

_GNU = re.compile(r"^GNU (GIMPLE|AS|C\+\+|Objective-C\+\+|Objective-C|Fortran|Ada|Go|D|Modula-2|C)(?=\d|\s|$)")
_GNU_LANGUAGE = {
    "AS": "assembler", "C++": "c++", "Objective-C++": "c++", "Objective-C": "c", "Fortran": "fortran", "Ada": "ada",
    "Go": "go", "D": "d", "C": "c", "GIMPLE": "lto",
}  # fmt: skip
# DW_LANG_… (https://dwarfstd.org/languages.html)
_LANGUAGE = {
    **dict.fromkeys((0x01, 0x02, 0x0C, 0x10, 0x1D, 0x2C, 0x3E), "c"),
    **dict.fromkeys((0x04, 0x11, 0x1A, 0x21, 0x2A, 0x2B), "c++"),
    **dict.fromkeys((0x03, 0x0D, 0x2E, 0x2F), "ada"),
    **dict.fromkeys((0x07, 0x08, 0x0E, 0x22, 0x23, 0x2D), "fortran"),
    **dict.fromkeys((0x31, 0x8001), "assembler"),
    0x09: "pascal", 0x13: "d", 0x16: "go", 0x18: "haskell", 0x1B: "ocaml", 0x1C: "rust",
}  # fmt: skip
_STACK_PROTECTOR = {
    "-fstack-protector-all": "all", "-fstack-protector-strong": "strong", "-fstack-protector": "basic",
    "-fstack-protector-explicit": "explicit", "-fno-stack-protector": "off",
}  # fmt: skip
_STACK_CLASH = {"-fstack-clash-protection": "on", "-fno-stack-clash-protection": "off"}
_PIC = {
    "-fPIC": "PIC", "-fpic": "pic", "-fPIE": "PIE", "-fpie": "pie",
    "-fno-pic": "off", "-fno-PIC": "off", "-fno-pie": "off", "-fno-PIE": "off",
}  # fmt: skip
_FORTIFY = re.compile(r"^-(?:Wp,-)?([DU])_FORTIFY_SOURCE(?:=(\d+))?$")


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What a command line settles; the words are those of ``model.CompileUnit``. None: not recorded."""

    lto: bool = False
    stack_protector: str | None = None
    stack_clash: str | None = None
    cf_protection: str | None = None
    branch_protection: str | None = None
    pic: str | None = None
    optimised: str | None = None
    fortify: str | None = None


def language(producer: str | None, number: int | None) -> str:
    """The language of a unit: ``c``, ``c++``, …, ``lto`` for one that link-time optimisation made, or ``unknown``."""
    found = _GNU.match(producer or "")
    if found:
        return _GNU_LANGUAGE.get(found[1], "unknown")
    return _LANGUAGE.get(number or 0, "unknown")


def of_gcc(producer: str | None) -> bool:
    """Whether GCC made a unit: it lists the headers of what a unit uses, which clang often leaves out."""
    return _GNU.match(producer or "") is not None


def settings(producer: str | None) -> Settings:
    """What the options in a producer string settle; nothing where none are recorded."""
    text = producer or ""
    found = _GNU.match(text)
    words = text.split()
    # Clang records `-D NAME` as two words.
    options = [
        word + after if word in ("-D", "-U") else word
        for word, after in zip(words, [*words[1:], ""], strict=False)
        if word.startswith("-")
    ]
    if found and found[1] in ("GIMPLE", "AS"):
        # The options of each function that was optimised while linking stand in the unit it was compiled in.
        return Settings(lto=found[1] == "GIMPLE")
    if not found and not options:
        return Settings()
    hardened = "-fhardened" in options
    level = _optimisation(options)
    return Settings(
        lto=_lto(options),
        stack_protector=_last(options, _STACK_PROTECTOR) or ("strong" if hardened else "none"),
        stack_clash=_last(options, _STACK_CLASH) or ("on" if hardened else "none"),
        cf_protection=_valued(options, "-fcf-protection", "full") or ("full" if hardened else "none"),
        branch_protection=_valued(options, "-mbranch-protection", "standard") or "none",
        pic=_last(options, _PIC) or ("PIE" if hardened else None),
        optimised=level,
        fortify="none" if level == "0" else _fortify(options) if not found else None,
    )


def _last(options: list[str], known: dict[str, str]) -> str | None:
    return next((known[option] for option in reversed(options) if option in known), None)


def _lto(options: list[str]) -> bool:
    last = next((option for option in reversed(options) if option.startswith(("-flto", "-fno-lto"))), "")
    return last == "-flto" or last.startswith("-flto=")


def _valued(options: list[str], name: str, bare: str) -> str | None:
    """The value of the last ``name=value``; ``bare`` is what the option means without one."""
    for option in reversed(options):
        if option == name:
            return bare
        if option.startswith(name + "="):
            return option[len(name) + 1 :] or None
        if option == name.replace("-f", "-fno-", 1) and name.startswith("-f"):
            return "off"
    return None


def _optimisation(options: list[str]) -> str:
    for option in reversed(options):
        if option.startswith("-O"):
            return option[2:] or "1"
    return "0"


def _fortify(options: list[str]) -> str | None:
    """``shown`` or ``none`` where a recorded command line defines or undefines _FORTIFY_SOURCE."""
    for option in reversed(options):
        found = _FORTIFY.match(option)
        if found:
            return "shown" if found[1] == "D" and found[2] not in ("0", None) else "none"
    return "none"
