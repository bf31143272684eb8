"""Addresses on the network that a file names without encryption: what can be read and changed on its way."""

from __future__ import annotations

import ipaddress
import re

from archscan.files.forms.text import cut
from archscan.model import Endpoint

MOST = 64  # of one file
_LONGEST = 500
_MARK = b"://"
_URL = re.compile(
    rb"\b(?:http|ftp|ldap|telnet|tftp|rsh|imap|pop3?|smtp|ws|mqtt|amqp|irc|nntp|gopher)://[^\s\"'<>`(){}\[\]|\\^\x00-\x20\x7f]{1,2000}",
    re.IGNORECASE,
)
_PARTS = re.compile(r"(?i)([a-z][a-z0-9]*)://(?:[^/@]*@)?([^/:?#,;]*)")
# RFC 2606, RFC 6761, RFC 6762: names for documentation and for this machine.
_NOT_REAL = re.compile(
    r"""(?i)(?:.*\.)?(?:example(?:\.(?:com|org|net|edu))?|test|invalid|localhost|localdomain|local|internal|lan|home|onion)
    |(?:my|your|some|the)?-?(?:host(?:name)?|server|domain|site|proxy|company|foo|bar|baz|foobar|url|address|ip)
    (?:\.(?:com|org|net|tld|name|here))?|(?:www\.)?(?:domain|foo|bar|mydomain|yourdomain|site|somewhere)\.(?:com|org|net|tld)
    |[^.]*""",
    re.VERBOSE,
)
# What names a vocabulary or a licence, and is not fetched.
_NAMES = re.compile(
    r"""(?i)https?://(?:(?:www\.)?w3\.org/|schemas?\.|purl\.(?:org|oclc)|xmlns\.|ns\.|(?:www\.)?xml\.org
    |(?:www\.)?oasis-open\.org|(?:www\.)?docbook\.org|(?:www\.)?freedesktop\.org/(?:standards|software)
    |(?:www\.)?opensource\.org|creativecommons\.org|(?:www\.)?apache\.org/licen|(?:www\.)?gnu\.org/(?:licen|copyleft|software)
    |(?:www\.)?fsf\.org|java\.sun\.com/(?:xml|dtd|j2ee|jsf|jsp)|xml\.apache\.org|relaxng\.org|(?:www\.)?omg\.org
    |dublincore\.org|xmlsoap\.org|(?:www\.)?openarchives\.org|json-schema\.org|(?:www\.)?onvif\.org/ver|jabber\.org/(?:protocol|features)|etherx\.jabber\.org|ogp\.me|rdfs\.org|xmlpull\.org
    |(?:www\.)?mozilla\.org/(?:keymaster|MPL|xbl|newlayout)|(?:www\.)?inkscape\.org/namespaces|sodipodi\.|(?:www\.)?sun\.com/dtd)""",
    re.VERBOSE,
)
_COMMENT = re.compile(r"""\s*(?:[#;%*!]|//|--|/\*|<!--|\.\\"|\{\#|"\s|dnl\b|rem\b|'''|\"\"\")""", re.IGNORECASE)
_TRAILING = re.compile(r"(?:^|\s)(?:#|//|--|/\*|<!--)(?:\s|$|[^\s'\"]*\s)")
_ABOUT = re.compile(
    r"""(?i)(?:xmlns|doctype|\bDTD\b|documentation|home-?page|licen[cs]e|copyright|\bsee\b|\bbugs?\b|\bdocs?\b|more\sinfo|visit
    |vendor|\bauthor|website|\burl\s*=\s*["']?http|schemalocation|@link|@see|\\url|\bhref\s*=)""",
    re.VERBOSE,
)
# Comments of several lines: what begins them, and what ends them. POD goes on to the end where nothing ends it.
_BEGIN = re.compile(rb"(?:^|(?<=\s))/\*|<!--|\"\"\"|\'\'\'|^=[a-z]|^__(?:END|DATA)__", re.MULTILINE)
_ENDS = {b"/*": b"*/", b"<!--": b"-->", b'"""': b'"""', b"'''": b"'''"}
_POD, _REST = b"\n=cut", b"__"
# Where scripts and configuration stand, and not what people read.
_PLACE = re.compile(
    r"""(?i)(?:etc/(?!ldap/schema/).*|(?:.*/)?[^/]*\.(?:conf|cfg|ini|toml|ya?ml|list|sources|service|timer|socket|properties|cnf|rc|config
    |py|pl|pm|rb|php|phtml|sh|bash|tcl|lua|r|el|awk|repo|desktop|policy|default|env))""",
    re.VERBOSE,
)
_READ = re.compile(
    r"""(?i)(?:.*/)?(?:(?:readme|licen[cs]e|copying|changelog|changes|news|authors|credits|todo|install|metadata|pkg-info)[^/]*
    |[^/]*\.(?:txt|md|rst|pod|html?|css|docbook|svg|dtd|xsd|rng|schema|ttl|po|pot|mo|xml|json|js|adoc|tex|ctan))
    |(?:.*/)?(?:tests?|testsuite|examples?|help|docs?|translations?|locale|lang)/.*""",
    re.VERBOSE,
)


def in_place(path: str, data: bytes) -> bool:
    """Whether a file is a script or configuration by its path or its ``#!``, and nothing that people read."""
    return (data.startswith(b"#!") or _PLACE.fullmatch(path) is not None) and _READ.fullmatch(path) is None


def endpoints(data: bytes) -> tuple[Endpoint, ...]:
    """The addresses without encryption that a script or configuration names, each once, at most 64.

    Comments do not count, nor names of vocabularies, licences and homepages, nor examples and this machine (RFC 2606,
    RFC 5737, RFC 6890).
    """
    if b"\0" in data[:4096] or _MARK not in data or not _URL.search(data):
        return ()
    found: dict[str, Endpoint] = {}
    plain = _without_blocks(data)
    line = counted = 0
    for match in _URL.finditer(plain):
        start = plain.rfind(b"\n", 0, match.start()) + 1
        before = plain[max(start, match.start() - 300) : match.start()].decode("utf-8", "replace")
        line, counted = line + plain.count(b"\n", counted, match.start()), match.start()
        url = match.group().rstrip(b".,;:!?*_~").decode("utf-8", "surrogateescape")
        if url not in found and _is_real(url) and not _is_comment(before):
            found[url] = Endpoint(line + 1, cut(url, _LONGEST))
            if len(found) == MOST:
                break
    return tuple(found.values())


def _without_blocks(data: bytes) -> bytes:
    """The same number of lines without comments of several lines. What begins one that nothing ends begins none."""
    kept: list[bytes] = []
    at = 0
    endless: set[bytes] = set()
    while match := _BEGIN.search(data, at):
        begin = match.group()
        if begin in endless:
            kept.append(data[at : match.end()])
            at = match.end()
            continue
        end = _end(data, begin, match.end())
        if end < 0:
            endless.add(begin)
            end = match.end()
        skipped = data[match.start() : end]
        kept.append(data[at : match.start()] + b"\n" * skipped.count(b"\n"))
        at = end
    kept.append(data[at:])
    return b"".join(kept)


def _end(data: bytes, begin: bytes, at: int) -> int:
    """Where a comment ends that begins before ``at``; -1 where it does not."""
    if begin.startswith(_REST):
        return len(data)
    mark = _POD if begin.startswith(b"=") else _ENDS[begin]
    found = data.find(mark, at)
    if found < 0:
        return len(data) if mark == _POD else -1
    return found + len(mark)


def _is_comment(before: str) -> bool:
    """Whether what stands before an address in its line makes it a comment, or a word about something."""
    return bool(_COMMENT.match(before) or _TRAILING.search(before) or _ABOUT.search(before))


def _is_real(url: str) -> bool:
    if _NAMES.match(url):
        return False
    match = _PARTS.match(url)
    host = match[2].lower().rstrip(".") if match else ""
    if not host or "$" in host or "%" in host or "*" in host or "@" in host:
        return False
    try:
        return ipaddress.ip_address(host).is_global
    except ValueError:
        return _NOT_REAL.fullmatch(host) is None
