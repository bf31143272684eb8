"""python-debianbts against a server on loopback that speaks SOAP as debbugs does."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from xml.sax.saxutils import escape

import pytest

from archscan.bugs import campaign as campaigns
from archscan.bugs import reading, record, tracker
from archscan.errors import BugError
from tests.bugs.facts import NOW, draft, drafted, pack

ENVELOPE = """<?xml version="1.0" encoding="UTF-8"?>
<soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/"
 xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"
 xmlns:xsd="http://www.w3.org/2001/XMLSchema" xmlns:soapenc="http://schemas.xmlsoap.org/soap/encoding/"
 xmlns:apachens="http://xml.apache.org/xml-soap"><soap:Body>
<{method}Response xmlns="Debbugs/SOAP/V1">{answer}</{method}Response></soap:Body></soap:Envelope>"""
FIELDS = {"originator": "Jane Doe <jane@example.org>", "package": "src:tool", "severity": "minor", "owner": "",
          "summary": "", "location": "db-h", "source": "tool", "pending": "pending", "forwarded": "",
          "date": "1780000000",
          "log_modified": "1780000000", "archived": "0", "unarchived": "", "mergedwith": "", "blockedby": "",
          "blocks": "", "affects": ""}  # fmt: skip


def value(text: str | list[str]) -> str:
    if isinstance(text, list):
        items = "".join(f'<item xsi:type="xsd:string">{escape(one)}</item>' for one in text)
        return f'xsi:type="soapenc:Array">{items}'
    return f'xsi:type="xsd:string">{escape(text)}'


def status(bugs: dict[int, dict[str, str | list[str]]]) -> str:
    """What get_status brings: a map from numbers to maps."""
    items = ""
    for number, changes in bugs.items():
        fields: dict[str, str | list[str]] = {
            **FIELDS, "bug_num": str(number), "subject": "s", "msgid": "<x@y>", "tags": "", "done": "",
            "found_versions": [], "fixed_versions": [], **changes,
        }  # fmt: skip
        inner = "".join(f"<{name} {value(text)}</{name}>" for name, text in fields.items())
        items += f'<item><key xsi:type="xsd:int">{number}</key><value>{inner}</value></item>'
    return f'<s-gensym3 xsi:type="apachens:Map">{items}</s-gensym3>'


def items(found: list[int]) -> str:
    return "".join(f'<item xsi:type="xsd:int">{one}</item>' for one in found)


def numbers(found: list[int]) -> str:
    return f'<soapenc:Array xsi:type="soapenc:Array">{items(found)}</soapenc:Array>'


@contextmanager
def soap(answers: dict[str, str], code: int = 200) -> Iterator[tuple[str, list[str]]]:
    """The address of a server, and what it is asked."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            asked.append(body)
            method = next((name for name in answers if f":{name}>" in body or f":{name} " in body), "")
            text = answers.get(method, "").encode() if method else b"<nothing/>"
            self.send_response(code)
            self.send_header("Content-Type", "text/xml")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - its name
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/", asked
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def answer(method: str, inner: str) -> str:
    return ENVELOPE.format(method=method, answer=inner)


@pytest.mark.filterwarnings("ignore:datetime.datetime.utcfromtimestamp:DeprecationWarning")
def test_a_lost_acknowledgement_is_found_by_usertag_and_message_id() -> None:
    connection = drafted(pack())
    name = f"<archscan.{record.bug(connection, 1).fingerprint[:40]}@example.org>"
    with connection:
        connection.execute("UPDATE bug SET state = 'sending', message_id = ?, sent = '2026'", (name,))
    draft(connection)
    answers = {
        "get_usertag": answer("get_usertag", '<s-gensym3 xsi:type="apachens:Map">'
                              '<item><key xsi:type="xsd:string">pie</key>'
                              f'<value xsi:type="soapenc:Array">{items([1001])}</value></item></s-gensym3>'),
        "get_status": answer("get_status", status({1001: {
            "msgid": name, "tags": "wontfix", "found_versions": ["tool/1.0-1"], "done": "", "subject": "a <b> & c"}})),
    }  # fmt: skip
    with soap(answers) as (url, asked):
        found = reading.ask(connection, tracker.debian(url), campaigns.campaigns(connection), look=False)
    assert len(asked) == 2
    assert "jane@example.org" in asked[0]
    assert ">1001<" in asked[1]
    (one,) = found
    assert (one.number, one.wontfix, one.found_versions, one.subject) == (1001, True, ("tool/1.0-1",), "a <b> & c")
    with connection:
        assert list(reading.learn(connection, found, NOW)) == ["bug 1: #1001 is open; it is in doubt no more"]
    assert record.bug(connection, 1).number == 1001


@pytest.mark.filterwarnings("ignore:datetime.datetime.utcfromtimestamp:DeprecationWarning")
def test_open_bugs_of_the_same_source_are_looked_for() -> None:
    from archscan.bugs import review

    connection = drafted(pack())
    answers = {"get_bugs": answer("get_bugs", numbers([55])),
               "get_status": answer("get_status", status({55: {"subject": "tool: not built as PIE"}}))}  # fmt: skip
    with soap(answers) as (url, asked):
        found = reading.ask(connection, tracker.debian(url), campaigns.campaigns(connection), look=True)
    assert re.search(r">src<.*>tool<", asked[0])
    with connection:
        assert list(reading.learn(connection, found, NOW)) == []
    assert review.near(connection, record.bug(connection, 1)) == ["debian #55: tool: not built as PIE"]


@pytest.mark.parametrize("text", ["", "<html>", "<a/>", answer("get_status", "<x xsi:type='y:Nonsense'/>")])
def test_a_server_that_answers_nonsense_is_one_line(text: str) -> None:
    with soap({"get_status": text}) as (url, _), pytest.raises(BugError, match="answered something else"):
        tracker.debian(url).status([1])


def test_a_server_that_is_not_there_is_one_line() -> None:
    with soap({}) as (url, _):
        pass
    with pytest.raises(BugError, match="does not answer"):
        tracker.debian(url).status([1])
