"""What a shell script does that a reviewer wants to see. The words are those of docs/scripts.md."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence

from archscan.files.control.variables import KNOWN, command, expanded
from archscan.files.forms.shell import Simple, simple_commands
from archscan.files.forms.text import cut
from archscan.model import Command

MOST = 1_000
_LONGEST_TEXT = 500
_MOST_READ = 10_000  # characters of a command that are looked at for its text
_DEPTH = 3  # of substitutions in substitutions
_SUBSTITUTION = re.compile(r"\$\(((?:[^()]|\([^()]{0,200}\)){1,500})\)|`([^`]{1,20000})`")
_OCTAL = re.compile(r"[-+=]?0*([0-7]{3,5})")
_CLAUSE = re.compile(r"([ugoa]*)([-+=])([rwxXst]*)")
_INTERPRETERS = frozenset("sh bash dash ksh zsh perl python python3 ruby php node".split())
_ACCOUNTS = frozenset(
    """adduser useradd usermod addgroup groupadd groupmod deluser userdel delgroup groupdel gpasswd passwd chpasswd chsh
    chfn newusers chage vipw vigr""".split()
)
_FETCHERS = frozenset(("curl", "wget", "wget2", "aria2c", "lynx", "ftp", "tftp"))
_INSTALLERS = {"pip": "install", "pip3": "install", "npm": "install", "gem": "install", "git": "clone", "go": "get",
               "cargo": "install", "cpan": "", "snap": "install", "flatpak": "install"}  # fmt: skip
_SWITCHERS = frozenset(("sudo", "pkexec", "su", "runuser", "doas"))
_KERNEL = frozenset(("sysctl", "modprobe", "insmod", "rmmod"))
_KILLERS = frozenset(("killall", "killall5", "pkill", "skill"))
_WITH_OPTION = (
    ("dpkg-statoverride", "--add", "override"),
    ("dpkg-divert", "--add", "divert"),
    ("update-alternatives", "--install", "alternative"),
)
_WRAPPERS = frozenset(("exec", "command", "builtin", "nohup", "nice", "ionice", "env", "time", "eatmydata"))
# Which arguments of a command are written to: all paths, or the last one.
_WRITE_ALL = frozenset(
    ("tee", "touch", "chmod", "chown", "chgrp", "truncate", "ed", "ex", "mkdir", "mkfifo", "setfacl")
)
_WRITE_LAST = frozenset(("cp", "mv", "ln", "install", "rsync"))
# A command of another name that writes to no file is nothing to look at.
_NAMED = frozenset(
    ". source rm chmod chown chgrp install mkdir setcap eval apt-key add-apt-repository sed dd gpg openssl sort".split()
).union(_INTERPRETERS, _ACCOUNTS, _FETCHERS, _INSTALLERS, _SWITCHERS, _KERNEL, _KILLERS, _WRITE_ALL, _WRITE_LAST,
        (name for name, _, _ in _WITH_OPTION))  # fmt: skip
_OUTPUT = re.compile(r"(?:-o|-O|--output(?:-document)?=?|of=)")
_SHARED = re.compile(r"/(?:var/)?tmp/[^\s/]")
# mktemp(1) puts something random for three or more X.
_RANDOM = re.compile(r"XXX|\$\(|`|mktemp|tempfile|\$\{?(?:RANDOM|TMPDIR|tmpdir)\b")
_APT_SOURCE = re.compile(r"/etc/apt/(?:sources\.list|trusted\.gpg|keyrings)|/usr/share/keyrings/")
# Files that belong to the administrator or to another package, and decide who may do what.
_SYSTEM = re.compile(
    r"""/etc/(?:passwd|shadow|group|gshadow|subuid|subgid|sudoers(?:\.d/.*)?|nsswitch\.conf|pam\.d/.*|pam\.conf
    |hosts(?:\.(?:allow|deny|equiv))?|resolv\.conf|fstab|inittab|ld\.so\.(?:preload|conf)|profile|environment|shells
    |services|inetd\.conf|crontab|securetty|login\.defs|ssh/sshd?_config|default/grub|modules|rc\.local|sysctl\.conf
    |bash\.bashrc|security/.*|polkit-1/.*)|/root/.*|/boot/.*|/var/spool/cron/.*""",
    re.VERBOSE,
)
_KERNEL_FILE = re.compile(r"/proc/sys/|/sys/")


def reviewed(script: str) -> tuple[Command, ...]:
    """The commands of a shell script that are worth a look, at most 1,000, each by every word that fits.

    Literal variables are put in; what functions are given is not known. Here-documents are text, not commands.
    """
    return tuple(command for _, command in zip(range(MOST), _found(script, 1, _DEPTH), strict=False))


def _found(script: str, first: int, depth: int) -> Iterator[Command]:
    variables = dict(KNOWN)
    before: list[str] = []
    for simple in simple_commands(script):
        words = expanded(command(simple.words, variables), variables)
        words = list(itertools.dropwhile(_is_wrapper, words))
        raw = script[simple.start : simple.end]
        name = words[0].rpartition("/")[2] if words else ""
        writes = [value for word in simple.writes for value in expanded([word], variables)]
        line = first + simple.line - 1
        whats = (
            _whats(name, words[1:], writes, simple, before if simple.piped else [], raw)
            if writes or name in _NAMED
            else ()
        )
        for what in dict.fromkeys(whats):
            text = " ".join(raw[:_MOST_READ].replace("\\\n", " ").split())
            yield Command(line, what, cut(name or ">"), cut(text, _LONGEST_TEXT))
        if depth and ("$(" in raw or "`" in raw):
            for inner in _SUBSTITUTION.finditer(raw):
                yield from _found(inner[1] or inner[2], line + raw.count("\n", 0, inner.start()), depth - 1)
        if words:
            before = words


def _is_wrapper(word: str) -> bool:
    return word.rpartition("/")[2] in _WRAPPERS


def _whats(
    name: str, arguments: Sequence[str], writes: Sequence[str], simple: Simple, before: Sequence[str], raw: str
) -> Iterator[str]:
    """The words that fit a command."""
    yield from _of_modes(name, arguments)
    yield from _of_names(name, arguments)
    if name in _INTERPRETERS and _downloads(name, arguments, before, raw):
        yield "download-run"
    written = [*writes, *_written(name, arguments)]
    if any(_predictable(path) for path in written):
        yield "temporary-name"
    if name in (".", "source", *_INTERPRETERS) and any(_predictable(path) for path in arguments[:1]):
        yield "temporary-name"
    if any(_APT_SOURCE.match(path) for path in written):
        yield "apt-source"
    if any(_SYSTEM.fullmatch(path) for path in written):
        yield "system-file"
    if any(_KERNEL_FILE.match(path) for path in written):
        yield "kernel-setting"
    if name == "rm" and _removes_unknown(arguments, simple.words):
        yield "remove-variable"


def _of_modes(name: str, arguments: Sequence[str]) -> Iterator[str]:
    """What chmod, chown and install do to modes and owners."""
    recursive = any(re.fullmatch(r"-\w*R\w*|--recursive", word) for word in arguments)
    if name in ("chown", "chgrp") and recursive:
        yield "owner-recursive"
    mode = ""
    if name == "chmod":
        mode = next((word for word in arguments if not re.match(r"-(?:[cfvR]+$|-)", word)), "")
    elif name in ("install", "mkdir"):
        mode = next((value for word, value in itertools.pairwise(arguments) if word == "-m"), "")
        mode = mode or next((word.split("=", 1)[1] for word in arguments if word.startswith("--mode=")), "")
    elif name == "dpkg-statoverride" and "--add" in arguments:
        mode = next((word for word in arguments if _OCTAL.fullmatch(word)), "")
    yield from _of_mode(mode)


def _of_mode(mode: str) -> Iterator[str]:
    given, sticky = 0, False
    if octal := _OCTAL.fullmatch(mode):
        given = 0 if mode.startswith("-") else int(octal[1], 8)
        sticky = bool(given & 0o1000)
    else:
        for part in mode.split(","):
            clause = _CLAUSE.fullmatch(part)
            if not clause or clause[2] == "-":
                continue
            sticky = sticky or "t" in clause[3]
            who = clause[1] or "ug"  # without a letter the umask keeps others from writing
            given |= 0o002 if "w" in clause[3] and set(who) & set("oa") else 0
            given |= 0o6000 if "s" in clause[3] and (not clause[1] or set(who) & set("uga")) else 0
    if given & 0o002 and not sticky:
        yield "world-writable"
    if given & 0o6000:
        yield "set-id"


def _of_names(name: str, arguments: Sequence[str]) -> Iterator[str]:
    """What the name of a command says already."""
    if name == "setcap" and "-v" not in arguments:
        yield "capability"
    if name in _ACCOUNTS:
        yield "account"
    if name in _FETCHERS or (name in _INSTALLERS and _INSTALLERS[name] in ("", *arguments[:2])):
        yield "download"
    if name in _SWITCHERS:
        yield "switch-user"
    if name in _KERNEL and not (name == "sysctl" and not {"-w", "-p", "--system", "--write", "--load"} & set(arguments)
                                and not any("=" in word for word in arguments)):  # fmt: skip
        yield "kernel-setting"
    if name in _KILLERS:
        yield "kill"
    if name == "apt-key" and arguments[:1] not in (["list"], ["export"], ["exportall"], ["finger"], ["del"]):
        yield "apt-key"
    if name == "add-apt-repository":
        yield "apt-source"
    for one, option, what in _WITH_OPTION:
        if name == one and option in arguments:
            yield what
    if name == "eval" and any("$" in word for word in arguments):
        yield "eval"


def _downloads(name: str, arguments: Sequence[str], before: Sequence[str], raw: str) -> bool:
    """Whether an interpreter is given what another command fetches: by a pipe, or as its text."""
    if before and before[0].rpartition("/")[2] in _FETCHERS:
        # An interpreter with a file or text of its own reads the pipe as data.
        return not [word for word in arguments if not word.startswith("-")] or "-s" in arguments
    flag = "-c" if name not in ("perl", "ruby", "node") else "-e"
    return flag in arguments and bool(re.search(r"(?:\$\(|`)\s*(?:\S*/)?(?:curl|wget)\b", raw))


def _written(name: str, arguments: Sequence[str]) -> Iterator[str]:
    """The paths among the arguments of a command that it writes to."""
    paths = [word for word in arguments if not word.startswith("-")]
    if name in _WRITE_ALL or (
        name in ("sed", "perl") and any(re.match(r"-\w*i|--in-place", word) for word in arguments)
    ):
        yield from paths
    elif name in _WRITE_LAST and paths:
        target = next((word for flag, word in itertools.pairwise(arguments) if flag == "-t"), paths[-1])
        yield target
    elif name in _FETCHERS or name in ("dd", "gpg", "openssl", "sort"):
        for flag, word in zip(("", *arguments), arguments, strict=False):
            if flag in ("-o", "-O", "-out", "--output", "--output-document", "-P"):
                yield word
            elif (match := _OUTPUT.match(word)) and len(word) > match.end():
                yield word[match.end() :]


def _predictable(path: str) -> bool:
    """Whether a path in a folder where everyone may write has a name that can be known before."""
    return _SHARED.match(path) is not None and _RANDOM.search(path) is None


def _removes_unknown(arguments: Sequence[str], written: Sequence[str]) -> bool:
    """Whether what is removed with all below depends on a variable that nothing literal was given to."""
    if not any(re.fullmatch(r"-\w*[rR]\w*|--recursive", word) for word in arguments):
        return False
    paths = [word for word in arguments if not word.startswith("-")]
    return any("$" in word and ":?" not in word for word in paths) and any("$" in word for word in written)
