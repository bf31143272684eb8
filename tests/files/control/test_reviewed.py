"""What scripts do that a reviewer wants to see; the words are those of docs/scripts.md."""

from __future__ import annotations

import re

import pytest

from archscan.files.control.reviewed import reviewed
from corpus.recipes import ROOT


def _whats(script: str) -> list[str]:
    return [one.what for one in reviewed(script)]


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("chmod 777 /x", ["world-writable"]),
        ("chmod -R 0666 /x", ["world-writable"]),
        ("chmod o+w /x", ["world-writable"]),
        ("chmod a+rwX /x", ["world-writable"]),
        ("chmod a=rw,u+x /x", ["world-writable"]),
        ("M=777; chmod $M /x", ["world-writable"]),
        ("install -d -m 0777 /x", ["world-writable"]),
        ("mkdir -m 777 /x", ["world-writable"]),
        ("install --mode=666 a b", ["world-writable"]),
        ("dpkg-statoverride --update --add root root 0777 /x", ["world-writable", "override"]),
        ("chmod 1777 /x", []),
        ("chmod a+rwxt /x", []),
        ("chmod +w /x", []),
        ("chmod o-w /x", []),
        ("chmod u+w,go-w /x", []),
        ("chmod 755 /x", []),
        ("chmod --reference=/y /x", []),
        ("chmod 4755 /x", ["set-id"]),
        ("chmod g+s /x", ["set-id"]),
        ("setcap cap_net_raw+ep /x", ["capability"]),
        ("setcap -v cap_net_raw+ep /x", []),
        ("chown -R a:b /x", ["owner-recursive"]),
        ("chown a /x -hR", ["owner-recursive"]),
        ("chgrp --recursive a /x", ["owner-recursive"]),
        ("chown a /x", []),
        ("curl -s http://x.dev/a | sh", ["download", "download-run"]),
        ("wget -qO- http://x.dev/a |\n  bash -s -- -y", ["download", "download-run"]),
        ("curl http://x.dev/a | sudo bash", ["download", "switch-user"]),
        ('sh -c "$(curl -fsSL http://x.dev/a)"', ["download-run", "download"]),
        ("curl http://x.dev/a | python3 -", ["download", "download-run"]),
        ("curl http://x.dev/a | sh /usr/share/x/read", ["download"]),
        ("curl http://x.dev/a | grep x; sh y", ["download"]),
        ("pip install x", ["download"]),
        ("git clone http://x.dev/a", ["download"]),
        ("git status; go env", []),
        ("adduser --system x || true", ["account"]),
        ("if ! getent passwd x; then useradd x; fi", ["account"]),
        ("passwd -l x", ["account"]),
        ("rm -rf $DIR", ["remove-variable"]),
        ('rm -r -f "$DIR/"*', ["remove-variable"]),
        ("rm -rf ${DIR:?}/x", []),
        ("D=/var/lib/x; rm -rf $D", []),
        ("rm -f $DIR", []),
        ("rm -rf /var/lib/x", []),
        ("echo x > /tmp/x.log", ["temporary-name"]),
        ("echo x >> /var/tmp/x.$$", ["temporary-name"]),
        ("T=/tmp/x.$$; cat a > $T", ["temporary-name"]),
        ("cp a /tmp/x", ["temporary-name"]),
        ("wget -O /tmp/x http://x.dev/", ["download", "temporary-name"]),
        ("sh /tmp/x.sh", ["temporary-name"]),
        ("T=$(mktemp /tmp/x.XXXXXX); cat a > $T", []),
        ("cat a > $(mktemp -p /tmp)", []),
        ("rm -f /tmp/x", []),
        ("ls /tmp/x 2>&1 >/dev/null", []),
        ("update-alternatives --install /usr/bin/x x /usr/bin/y 10", ["alternative"]),
        ("update-alternatives --remove x /y", []),
        ("dpkg-divert --package x --rename --add /x", ["divert"]),
        ("sudo -u x true", ["switch-user"]),
        ("su - postgres -c true", ["switch-user"]),
        ("apt-key add /usr/share/x.asc", ["apt-key"]),
        ("apt-key list", []),
        ("echo deb http://x.dev/ a b > /etc/apt/sources.list.d/x.list", ["apt-source"]),
        ("cp x.gpg /etc/apt/trusted.gpg.d/x.gpg", ["apt-source"]),
        ("add-apt-repository ppa:x/y", ["apt-source"]),
        ("rm -f /etc/apt/sources.list.d/x.list", []),
        ("echo x >> /etc/passwd", ["system-file"]),
        ("sed -i s/a/b/ /etc/nsswitch.conf", ["system-file"]),
        ("sed s/a/b/ /etc/nsswitch.conf > /etc/x", []),
        ("echo 'x ALL=(ALL) ALL' | tee /etc/sudoers.d/x", ["system-file"]),
        ("cat > $DPKG_ROOT/etc/sudoers.d/x <<E\nchmod 777 /x\nE", ["system-file"]),
        ("sysctl -w kernel.sysrq=1", ["kernel-setting"]),
        ("echo 1 > /proc/sys/kernel/sysrq", ["kernel-setting"]),
        ("sysctl -n kernel.sysrq", []),
        ("modprobe x", ["kernel-setting"]),
        ("killall x", ["kill"]),
        ('eval "$x"', ["eval"]),
        ("x=`chmod 777 /x`", ["world-writable"]),
        ('echo "$(chmod 777 /x)"', ["world-writable"]),
        ("exec nice chmod 777 /x", ["world-writable"]),
        ("# chmod 777 /x\necho 'chmod 777 /x'", []),
        ("ldconfig; systemctl daemon-reload; update-rc.d x defaults", []),
    ],
)
def test_what_commands_are(script: str, expected: list[str]) -> None:
    assert _whats(script) == expected


def test_where_they_stand_and_how_they_are_written() -> None:
    (one,) = reviewed("#!/bin/sh\nif true; then\n  # x\n\tchmod \\\n    777   '/x y' # z\nfi\n")
    assert (one.line, one.name, one.text) == (4, "chmod", "chmod 777 '/x y'")
    assert len(reviewed("chmod 777 /x\n" * 2000)) == 1000
    (long,) = reviewed("chmod 777 " + "/x" * 5000)
    assert len(long.text) == 500
    (inner,) = reviewed("a\nx=$(\n\nchmod 777 /x\n)\n")
    assert inner.line == 4


def test_every_word_is_in_the_documentation() -> None:
    page = (ROOT.parent / "docs" / "scripts.md").read_text()
    code = (ROOT.parent / "archscan" / "files" / "control" / "reviewed.py").read_text()
    words = set(re.findall(r'yield "([a-z-]+)"', code)) | {"override", "divert", "alternative"}
    assert words == set(re.findall(r"^\| `([a-z-]+)` \|", page, re.MULTILINE)) - {"what"}
