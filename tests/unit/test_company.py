"""Who computes on a GPU beside the command that is measured: by descent, from lists of processes."""

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from engine.clock import NS
from engine.company import Company
from engine.documents import Mark, Page

STRANGER = 1


@pytest.fixture
def child() -> Iterator[int]:
    """A process of ours, as a measured command is."""
    with subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE) as process:
        yield process.pid


def listed(second: int, *pids: int) -> Page:
    ids = ",".join(map(str, sorted(pids)))
    return Page(stream="gpu0.processes", t_ns=[second * NS], data={"compute_process_ids": [ids]})


def test_the_command_and_what_it_started_are_ours_and_others_are_not(child: int) -> None:
    told: list[Mark] = []
    company = Company(told.append)
    company.see(listed(1), starting=False)
    company.see(listed(2, child), starting=True)
    company.see(listed(3, child, os.getpid()), starting=True)
    assert told == []
    company.see(listed(4, child, STRANGER), starting=True)
    company.end(5 * NS)
    begun, over = told
    assert begun.data["pids"] == over.data["pids"] == [STRANGER] and begun.data["code"] == "foreign_process"
    assert begun.data["open"] is True and (over.t_ns, over.end_t_ns) == (3 * NS, 5 * NS), "since it was not listed"


def test_who_was_there_before_the_command_is_foreign_where_process_ids_mean_nothing_too() -> None:
    """In a container the command has another number for the driver: what came while it ran may be it."""
    told: list[Mark] = []
    company = Company(told.append)
    company.see(listed(1, 400_000_001), starting=False)
    company.see(listed(2, 400_000_001, 400_000_002), starting=True)
    assert [mark.data["pids"] for mark in told] == [[400_000_001]]


def test_other_streams_say_nothing_of_processes() -> None:
    told: list[Mark] = []
    company = Company(told.append)
    company.see(Page(stream="gpu0", t_ns=[1], data={"compute_process_ids": ["1"]}), starting=True)
    company.end(2)
    assert told == []


def test_a_process_of_the_commands_that_has_ended_already_is_nobody_elses() -> None:
    """It was listed, and gone when we asked whose it is: the list is up to 50 ms old."""
    with subprocess.Popen([sys.executable, "-c", ""]) as ended:
        pass
    told: list[Mark] = []
    company = Company(told.append, same_numbers=True)
    company.see(listed(1), starting=False)
    company.see(listed(2, ended.pid), starting=True)
    company.see(listed(3, os.getpid()), starting=True)
    company.see(listed(4, os.getpid(), ended.pid), starting=True)
    assert told == []


def test_who_was_there_before_the_command_and_has_ended_was_foreign() -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as ended:
        pass
    told: list[Mark] = []
    company = Company(told.append, same_numbers=True)
    company.see(listed(1, ended.pid), starting=False)
    company.see(listed(2, ended.pid), starting=True)
    assert [mark.data["pids"] for mark in told] == [[ended.pid]]


def test_a_stranger_who_comes_while_the_command_runs_is_foreign_at_once_where_numbers_are_the_drivers() -> None:
    told: list[Mark] = []
    company = Company(told.append, same_numbers=True)
    company.see(listed(1), starting=False)
    company.see(listed(2, STRANGER), starting=True)
    assert [mark.data["pids"] for mark in told] == [[STRANGER]]
    elsewhere: list[Mark] = []
    company = Company(elsewhere.append, same_numbers=False)
    company.see(listed(1), starting=False)
    company.see(listed(2, STRANGER), starting=True)
    assert elsewhere == [], "in a container it may be the command, by another number"
