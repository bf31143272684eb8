"""The process between a worker and its children goes quietly when nobody asks it any more."""

from __future__ import annotations

import os
import time
from io import BufferedReader
from pathlib import Path

import msgspec
import pytest

from archscan.model import End, Job, Limits
from archscan.pool.frames import Send
from archscan.pool.spawner import Spawner, send


def _slow(_job: Job, _file: BufferedReader, _limits: Limits, send: Send) -> None:
    time.sleep(0.2)
    send(End())


def test_an_answer_that_nobody_waits_for_is_dropped_in_silence(capfd: pytest.CaptureFixture[str]) -> None:
    spawner = Spawner(_slow, lambda: None)
    with Path(os.devnull).open("rb") as file:
        send(spawner._socket, msgspec.msgpack.encode((Job(path="x", target="x"), Limits())), file.fileno())
    spawner._socket.close()
    _, status = os.waitpid(spawner._pid, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    assert capfd.readouterr().err == ""


def test_what_fails_before_the_first_job_is_said(capfd: pytest.CaptureFixture[str]) -> None:
    def broken() -> None:
        raise RuntimeError("a bug of ours")

    spawner = Spawner(_slow, broken)
    os.waitpid(spawner._pid, 0)
    spawner._socket.close()
    assert "a bug of ours" in capfd.readouterr().err
