"""Addresses on the network that a file names without encryption: what can be read and changed on its way."""

from __future__ import annotations

import ipaddress
import re

from archscan.files.text import cut
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
    |dublincore\.org|xmlsoap\.org|(?:www\.)?openarchives\.org|json-schema\.org|ogp\.me|rdfs\.org|xmlpull\.org
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
_BLOCKS = re.compile(
    rb"/\*.{0,200000}?\*/|<!--.{0,200000}?-->|^=(?:pod|head|begin|over)\b.{0,200000}?^=cut", re.DOTALL | re.MULTILINE
)
_TRIPLE = re.compile(rb'"""(?:[^"]|"(?!"")){0,200000}"""|\'\'\'(?:[^\']|\'(?!\'\')){0,200000}\'\'\'')


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
    """The same number of lines without comments of several lines."""
    for mark, blocks in ((b"/*", _BLOCKS), (b"<!--", _BLOCKS), (b"\n=", _BLOCKS), (b'"""', _TRIPLE), (b"'''", _TRIPLE)):
        if mark in data:
            data = blocks.sub(lambda match: b"\n" * match.group().count(b"\n"), data)
    return data


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
