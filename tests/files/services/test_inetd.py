"""Entries of inetd and xinetd."""

from __future__ import annotations

import pytest

from archscan.files.services.inetd import inetd_conf, xinetd_conf
from archscan.model import Listener


@pytest.mark.parametrize(
    ("line", "name", "user", "group", "programs", "listens"),
    [
        ("telnet stream tcp nowait root:tty /usr/sbin/tcpd /usr/sbin/in.telnetd -a", "telnet", "root", "tty",
         [("/usr/sbin/tcpd", "-a"), ("/usr/sbin/in.telnetd", "-a")], [Listener("stream", "inet", None, 23)]),
        ("127.0.0.1:9000 dgram udp6 wait nobody.x /bin/a a b", "9000", "nobody", "x", [("/bin/a", "b")],
         [Listener("datagram", "inet", "127.0.0.1", 9000)]),
        ("*:what stream tcp nowait/10 u /bin/a a", "what", "u", None, [("/bin/a", "")],
         [Listener("stream", "inet", None, None)]),
        ("echo stream tcp nowait root internal", "echo", "root", None, [], [Listener("stream", "inet", None, 7)]),
        ("mountd/1-3 dgram rpc/udp wait root /bin/a a", "mountd/1-3", "root", None, [("/bin/a", "")], []),
    ],
)  # fmt: skip
def test_inetd(
    line: str, name: str, user: str, group: str | None, programs: list[tuple[str, str]], listens: list[Listener]
) -> None:
    (service,) = inetd_conf("etc/inetd.conf", f"#<off># {line}\n\n{line}\n".encode()).services
    assert (service.name, service.user, service.group, service.line) == (name, user, group, 3)
    assert [(one.path, one.arguments) for one in service.programs] == programs
    assert list(service.listens) == listens


@pytest.mark.parametrize("line", ["a b c d e f g", "some words of a text that are no entry", "x stream tcp"])
def test_no_entry(line: str) -> None:
    assert inetd_conf("etc/inetd.conf", line.encode()).services == ()


def test_xinetd() -> None:
    text = """defaults
{
    log_type = FILE /x
}
service tftp {
    # comment
    disable = yes
    socket_type = dgram
    protocol = udp
    user = root
    server = /usr/sbin/in.tftpd
    server_args = -s /srv
    server_args += -v
}
service time
{
    type = INTERNAL
    socket_type = stream
    port = 1037
    bind = 10.0.0.1
}
service "open
{
"""
    facts = xinetd_conf("etc/xinetd.d/x", text.encode())
    tftp, time = facts.services
    assert (tftp.name, tftp.user, tftp.line, tftp.listens) == (
        "tftp", "root", 5, (Listener("datagram", "inet", None, 69),),
    )  # fmt: skip
    assert [(one.path, one.arguments) for one in tftp.programs] == [("/usr/sbin/in.tftpd", "-s /srv -v")]
    assert (time.programs, time.listens) == ((), (Listener("stream", "inet", "10.0.0.1", 1037),))
    assert ("service tftp", "disable", "yes") in [(one.section, one.name, one.value) for one in facts.directives]
    assert facts.directives[0].section == "defaults"
