"""The archives that this machine is configured for, as its own apt understands its configuration."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

from archscan.errors import ArchscanError, UsageError
from archscan.sources.archive.asked import SCHEMES, Archive, Wanted, base_of, machine_architecture, scheme_of
from archscan.sources.archive.keys import Keys, is_fingerprint, key_block, keys

_SECONDS = 60
_DISABLED = ("no", "false", "0", "off", "without", "disable")  # as apt understands it
_RINGS = ["apt-config", "shell", "FILE", "Dir::Etc::trusted/f", "PARTS", "Dir::Etc::trustedparts/d"]
_ONE_LINE = re.compile(r"deb\s+(?:\[([^\]]*)\]\s+)?(\S+)\s+(\S+)")
_PROXY = re.compile(r'Acquire::(https?)::Proxy(?:::(\S+))? "(.*)";', re.IGNORECASE)


def archives(wanted: Wanted) -> tuple[Archive, ...]:
    """Each configured suite, of those that are wanted, with its components, architectures and keys.

    apt parses its configuration; where a source has no Signed-By, its keys are those of /etc/apt/trusted.gpg.d. With
    ``wanted.keyrings`` these count instead. Raises ArchscanError where there is no apt, UsageError where nothing fits.
    """
    found: dict[tuple[str, str], dict[str, str | set[str]]] = {}
    text = _output(["apt-get", "indextargets", "--no-release-info", "Created-By: Packages"])
    for target in _paragraphs(text):
        key = (target["Repo-URI"], target["Release"])
        entry = found.setdefault(
            key, {"source": target.get("Sourcesentry", ""), "components": set(), "architectures": set()}
        )
        for field, name in (("components", "Component"), ("architectures", "Architecture")):
            names = entry[field]
            assert isinstance(names, set)
            names |= {target[name]} if target.get(name, "all") != "all" else set()
    chosen = tuple(
        _archive(base, suite, entry, wanted)
        for (base, suite), entry in found.items()
        if (not wanted.suites or suite in wanted.suites)
        and (not wanted.components or not entry["components"] or {*entry["components"]} & {*wanted.components})
    )
    missing = set(wanted.suites) - {archive.suite for archive in chosen}
    if not chosen and found and wanted.components and not wanted.suites:
        raise UsageError(f"apt: nothing is configured that has the component {' or '.join(wanted.components)}")
    if missing or not chosen:
        have = ", ".join(dict.fromkeys(suite for _, suite in found)) or "no suite"
        raise UsageError(f"apt: {', '.join(sorted(missing)) or 'nothing'} is not configured; this machine has {have}")
    return chosen


def with_proxies(environ: Mapping[str, str]) -> dict[str, str]:
    """An environment with the proxies that apt is told of, where ``environ`` names none itself.

    A host that apt reaches directly is one of ``no_proxy``; another proxy for one host alone cannot be said there, and
    is not used.
    """
    proxies: dict[str, str] = {}
    directly = [environ["no_proxy"]] if environ.get("no_proxy") else []
    for line in _output(["apt-config", "dump"]).splitlines():
        match = _PROXY.fullmatch(line)
        if not match:
            continue
        scheme, host, value = match.groups()
        if host and value.upper() == "DIRECT":
            directly.append(host)
        elif not host and value.upper() not in ("", "DIRECT", "FALSE"):
            proxies[f"{scheme.lower()}_proxy"] = value
    # As apt has it, https: goes by the proxy of http: where it has none of its own.
    if "http_proxy" in proxies:
        proxies.setdefault("https_proxy", proxies["http_proxy"])
    if directly:
        proxies["no_proxy"] = ",".join(directly)
    return {
        **environ,
        **{name: value for name, value in proxies.items() if name == "no_proxy" or not environ.get(name)},
    }


def _archive(base: str, suite: str, entry: dict[str, str | set[str]], wanted: Wanted) -> Archive:
    components, architectures = sorted(entry["components"]), sorted(entry["architectures"])
    scheme, colon, rest = base.partition(":")
    place = f"file{colon}{rest}" if scheme == "copy" else base
    return Archive(
        base=base_of(place) if scheme_of(place) in SCHEMES else place,
        suite=suite,
        components=tuple(name for name in components if not wanted.components or name in wanted.components),
        architectures=wanted.architectures or tuple(architectures),
        keys=keys(wanted.keyrings) if wanted.keyrings else _keys(str(entry["source"]), base, suite),
    )


def _keys(place: str, base: str, suite: str) -> Keys | None:
    """The keys that the file of a source names for a suite; ``place`` is ``FILE:NUMBER``, as apt gives it."""
    file = Path(place.rpartition(":")[0])
    try:
        text = file.read_text(errors="replace") if place else ""  # an old apt does not say where a source stands
    except OSError as error:
        raise ArchscanError(f"apt: {file} cannot be read: {error.strerror}") from error
    options = _options_822(text, base, suite) if file.suffix == ".sources" else _options(text, base, suite)
    if options.get("trusted", "").lower() in ("yes", "true", "1"):
        return None
    signers = options.get("signed-by", "")
    if "-----BEGIN" in signers:
        return key_block("\n".join("" if line.strip() == "." else line.strip() for line in signers.splitlines()))
    words = re.split(r"[\s,]+", signers.strip()) if signers.strip() else []
    files = [Path(word) for word in words if word.startswith("/")]
    # With `!` behind it, a fingerprint is that of a subkey which counts alone; gpgv names subkeys too.
    prints = [word.rstrip("!").upper() for word in words if is_fingerprint(word.rstrip("!"))]
    return keys(files or _default_rings(), prints)


def _default_rings() -> list[Path]:
    """The keyrings that count for all sources: mostly the files of /etc/apt/trusted.gpg.d."""
    said = dict(word.partition("=")[::2] for word in shlex.split(_output(_RINGS)))
    single, folder = Path(said.get("FILE", "")), Path(said.get("PARTS", ""))
    found = [single] if single.is_file() else []
    return found + sorted(path for suffix in ("gpg", "asc") for path in folder.glob(f"*.{suffix}"))


def _options_822(text: str, base: str, suite: str) -> dict[str, str]:
    uri = base.rstrip("/")
    for fields in _paragraphs(text):
        lower = {name.lower(): value for name, value in fields.items()}
        uris = [one.rstrip("/") for one in lower.get("uris", "").split()]
        if lower.get("enabled", "yes").lower() in _DISABLED:
            continue
        if "deb" in lower.get("types", "").split() and uri in uris and suite in _named(lower.get("suites", "")):
            return lower
    return {}


def _named(suites: str) -> list[str]:
    own = machine_architecture() if "$(ARCH)" in suites else None
    return suites.replace("$(ARCH)", own or "").split()


def _options(text: str, base: str, suite: str) -> dict[str, str]:
    for line in text.splitlines():
        match = _ONE_LINE.match(line.strip())
        if match and match[2].rstrip("/") == base.rstrip("/") and suite in _named(match[3]):
            words = (word.partition("=") for word in (match[1] or "").split())
            return {name.lower(): value for name, _, value in words}
    return {}


def _paragraphs(text: str) -> Iterator[dict[str, str]]:
    """Paragraphs of a file that this machine's administrator or apt wrote."""
    fields: dict[str, str] = {}
    name = ""
    for line in [*text.splitlines(), ""]:
        if line.startswith("#"):
            continue
        if not line.strip():
            if fields:
                yield fields
            fields, name = {}, ""
        elif line[0] in " \t":
            if name:
                fields[name] += f"\n{line[1:]}"
        else:
            name, _, value = line.partition(":")
            fields[name] = value.strip()


def _output(command: list[str]) -> str:
    if not shutil.which(command[0]):
        raise ArchscanError(f"apt: needs {command[0]}, which this machine does not have")
    try:
        done = subprocess.run(  # noqa: S603  # no shell, and nothing of it comes from outside
            command, capture_output=True, text=True, check=True, timeout=_SECONDS, stdin=subprocess.DEVNULL,
            env={**os.environ, "LC_ALL": "C.UTF-8"}, errors="replace",
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError) as error:
        raise ArchscanError(f"apt: {' '.join(command)} failed: {error}") from error
    return done.stdout
