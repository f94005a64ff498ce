"""The hosts of a job find each other, and mpirun on the first one starts its daemons on the others without ssh.

The first host leads. The others connect to it, by the name that resourceconfig.json gives, and ask for work; so nothing listens
on them, there are no keys, and no host takes a command from anybody but the leader that it called itself. What mpirun would send
through ssh goes the way back through that connection, and in the end the exit code. Whoever may connect to the leader's port could
pose as a host: the network between the hosts must be the job's own, which MPI needs too, as it asks nobody for a password either.

A host that cannot take part comes too, and says why: then all end at once, and not when they are tired of waiting for it. The leader
that cannot take part says so to those who come.

Both sides send one JSON object a line. A host: {"host", "ranks"} or {"host", "refusal": {"code", "reason"}}, later {"stop": true}. The
leader: {"command"}, later {"end", "reason"}.
"""

import dataclasses
import json
import os
import pathlib
import signal
import socket
import subprocess
import tempfile
import threading
import time

GOODBYE_SECONDS = 30
# How long a host that cannot take part tries to say so to the others.
REFUSAL_SECONDS = 60


@dataclasses.dataclass
class Meeting:
    """Where the first host listens, and how long the hosts wait for each other."""

    port: int
    seconds: float


class Lost(Exception):
    """A host that is needed is not there, or not any more."""


class Refused(Exception):
    """A host cannot take part."""

    def __init__(self, code, reason):
        super().__init__(reason)
        self.code, self.reason = code, reason


def send(connection, **message):
    try:
        connection.sendall(json.dumps(message).encode() + b"\n")
    except OSError:
        pass  # its end is noticed by whoever reads


class Leader:
    """The first host's side. Threads: one for each other host; the functions are called by the main thread."""

    def __init__(self, hosts, meeting, on_stop):
        self.meeting = meeting
        self.expected = set(hosts[1:])
        self.on_stop = on_stop
        self.members = {}  # host: (connection, address, ranks)
        self.own_address = ""
        self.lost = []
        self.refused = None
        self.verdict = None  # what the hosts are told at the end, also those that come late
        self.changed = threading.Condition()
        self.commands = tempfile.TemporaryDirectory(prefix="lockstep-commands.")
        self.listener = socket.create_server(("", meeting.port), backlog=len(hosts))
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            connection, (address, _) = self.listener.accept()
            threading.Thread(target=self.attend, args=(connection, address), daemon=True).start()

    def attend(self, connection, address):
        """One host, from its first line to the end of its connection."""
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        host = ""
        try:
            for line in connection.makefile():
                message = json.loads(line)
                if host and message.get("stop"):
                    self.on_stop()
                elif not host and message["host"] in self.expected and message["host"] not in self.members:
                    refusal, ranks = message.get("refusal"), int(message.get("ranks", 0))
                    refused = Refused(int(refusal["code"]), f"{message['host']}: {refusal['reason']}") if refusal else None
                    host = message["host"]
                    with self.changed:
                        self.members[host] = (connection, address, ranks)
                        self.own_address = connection.getsockname()[0]
                        self.refused = self.refused or refused
                        if self.verdict:
                            send(connection, **self.verdict)
                        self.changed.notify_all()
                    threading.Thread(target=self.pass_command, args=(connection, address), daemon=True).start()
        except (OSError, ValueError, KeyError, TypeError):
            pass  # no host of ours, or one that went away
        with self.changed:
            if host and not self.verdict:
                self.lost.append(host)
                self.changed.notify_all()
        connection.close()

    def pass_command(self, connection, address):
        path = pathlib.Path(self.commands.name) / address
        while not path.exists():
            time.sleep(0.05)
        send(connection, command=path.read_text())

    def meet(self, is_stopped):
        """Waits for all hosts; Lost names those that did not come, or did not stay. Refused where one cannot take part."""
        end = time.monotonic() + self.meeting.seconds
        with self.changed:
            while self.refused or self.lost or len(self.members) < len(self.expected):
                if self.refused:
                    raise self.refused
                if self.lost:
                    raise Lost(f"{', '.join(sorted(self.lost))} went away before the training began")
                if is_stopped():
                    return
                if time.monotonic() > end:
                    missing = ", ".join(sorted(self.expected - set(self.members)))
                    raise Lost(f"{missing} did not come to port {self.meeting.port} of the first host within {self.meeting.seconds:.0f} s; "
                               "did its container start, and may the hosts reach each other?")
                self.changed.wait(0.5)

    def places(self, hosts, own_ranks):
        """[(address, ranks)] in SageMaker's order of the hosts. Addresses, as a container's own name may be another one than its host's."""
        return [(self.own_address, own_ranks)] + [self.members[host][1:] for host in hosts[1:]]

    def end(self, code, reason):
        with self.changed:
            self.verdict = {"end": code, "reason": reason}
            for connection, _, _ in self.members.values():
                send(connection, **self.verdict)

    def tell_the_late(self):
        """Stays until all hosts have come and been told, but not for ever."""
        end = time.monotonic() + min(REFUSAL_SECONDS, self.meeting.seconds)
        with self.changed:
            while len(self.members) < len(self.expected) and time.monotonic() < end:
                self.changed.wait(0.5)


class Follower:
    """Another host's side."""

    def __init__(self, leader, meeting, is_stopped):
        self.leader = leader
        self.connection = self.connect(meeting, is_stopped)
        self.daemon = None

    def join(self, here, ranks):
        send(self.connection, host=here, ranks=ranks)

    def refuse(self, here, code, reason):
        send(self.connection, host=here, refusal={"code": code, "reason": reason})

    def connect(self, meeting, is_stopped):
        """Names of hosts that start together may not be known at once, nor their ports open. None when asked to stop."""
        end = time.monotonic() + meeting.seconds
        while not is_stopped():
            try:
                connection = socket.create_connection((self.leader, meeting.port), timeout=10)
                connection.settimeout(None)
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
                return connection
            except OSError as error:
                if time.monotonic() > end:
                    raise Lost(f"the first host {self.leader}, port {meeting.port}, could not be reached within {meeting.seconds:.0f} s: "
                               f"{error}") from None
                time.sleep(0.5)
        return None

    def ask_to_stop(self):
        send(self.connection, stop=True)

    def follow(self):
        """Runs what the leader says -> its exit code and reason. Lost where the leader vanishes."""
        for line in self.connection.makefile():
            message = json.loads(line)
            if "command" in message:
                self.daemon = subprocess.Popen(["/bin/sh", "-c", message["command"]], stdin=subprocess.DEVNULL, start_new_session=True)
            if "end" in message:
                self.finish()
                return message["end"], message["reason"]
        self.finish()
        raise Lost(f"the first host {self.leader} went away before the training ended")

    def finish(self):
        """mpirun's daemon ends by itself; what does not is ended, with the ranks that it started."""
        if not self.daemon:
            return
        try:
            self.daemon.wait(GOODBYE_SECONDS)
        except subprocess.TimeoutExpired:
            pass
        try:
            os.killpg(self.daemon.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
