"""Producer strings, as compilers write them, and what they settle."""

from __future__ import annotations

import pytest

from archscan.debug.flags import language, settings

GCC = "GNU C17 12.2.0 -mtune=generic -march=x86-64 -g -O2"


@pytest.mark.parametrize(
    ("flags", "column", "value"),
    [
        ("-fstack-protector-strong", "stack_protector", "strong"),
        ("-fstack-protector-strong -fno-stack-protector", "stack_protector", "off"),
        ("-fno-stack-protector -fstack-protector-strong", "stack_protector", "strong"),
        ("-fstack-protector-all", "stack_protector", "all"),
        ("-fstack-protector", "stack_protector", "basic"),
        ("-fstack-protector-explicit", "stack_protector", "explicit"),
        ("", "stack_protector", "none"),
        ("-fhardened", "stack_protector", "strong"),
        ("-fhardened -fno-stack-protector", "stack_protector", "off"),
        ("-fstack-clash-protection", "stack_clash", "on"),
        ("-fstack-clash-protection -fno-stack-clash-protection", "stack_clash", "off"),
        ("-fcf-protection", "cf_protection", "full"),
        ("-fcf-protection=full -fcf-protection=none", "cf_protection", "none"),
        ("-fcf-protection=branch", "cf_protection", "branch"),
        ("", "cf_protection", "none"),
        ("-mbranch-protection=standard", "branch_protection", "standard"),
        ("-mbranch-protection=pac-ret+leaf", "branch_protection", "pac-ret+leaf"),
        ("-fPIE", "pic", "PIE"),
        ("-fPIE -fno-pie", "pic", "off"),
        ("", "pic", None),  # --enable-default-pie is not recorded
        ("-Os", "optimised", "s"),
        ("-O0", "optimised", "0"),
        ("-O", "optimised", "1"),
        ("-O0", "fortify", "none"),
        ("", "fortify", None),
        ("-flto=auto -ffat-lto-objects", "lto", True),
        ("-flto -fno-lto", "lto", False),
    ],
)
def test_the_last_option_counts(flags: str, column: str, value: object) -> None:
    assert getattr(settings(f"{GCC} {flags}"), column) == value


def test_without_optimisation_nothing_is_fortified() -> None:
    assert settings("GNU C17 12.2.0 -g -fstack-protector-strong").fortify == "none"


@pytest.mark.parametrize(
    "producer",
    [
        None,
        "",
        "Debian clang version 14.0.6",
        "clang LLVM (rustc version 1.63.0)",
        "Go cmd/compile go1.19.8; regabi",
        "GNU GIMPLE 12.2.0 -g -O2 -flto -fstack-protector-strong",
        "GNU AS 2.40",
    ],
)
def test_what_records_no_flags_says_nothing(producer: str | None) -> None:
    found = settings(producer)
    values = (found.stack_protector, found.stack_clash, found.cf_protection, found.optimised, found.fortify)
    assert values == (None,) * 5


def test_clang_with_its_command_line() -> None:
    line = "clang version 14.0.6 /usr/lib/llvm-14/bin/clang -g -O2 -D_FORTIFY_SOURCE=2 -fstack-protector-strong x.c"
    found = settings(line)
    assert (found.stack_protector, found.fortify, found.stack_clash) == ("strong", "shown", "none")
    assert settings(line.replace("-D_FORTIFY_SOURCE=2", "-D_FORTIFY_SOURCE=2 -U_FORTIFY_SOURCE")).fortify == "none"


@pytest.mark.parametrize(
    ("producer", "number", "word"),
    [
        ("GNU C17 12.2.0 -g", 12, "c"),
        ("GNU C++17 12.2.0 -g", 0x21, "c++"),
        ("GNU AS 2.40", 0x8001, "assembler"),
        ("GNU GIMPLE 12.2.0", 12, "lto"),
        ("GNU Fortran2008 12.2.0", 0x22, "fortran"),
        ("GNU Ada 12.2.0", 0x0D, "ada"),
        ("clang LLVM (rustc version 1.63.0)", 0x1C, "rust"),
        ("Debian clang version 14.0.6", 0x1D, "c"),
        ("Go cmd/compile go1.19", 0x16, "go"),
        (None, None, "unknown"),
    ],
)
def test_languages(producer: str | None, number: int | None, word: str) -> None:
    assert language(producer, number) == word
