"""A name server on loopback whose answers can change, and one question at a time over real UDP."""

import ipaddress
import itertools
import socket
import struct
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

A, AAAA = 1, 28


class NameServer:
    """`names[host]` is a list of answers, each a list of addresses: the n-th question gets the n-th of
    them, and the last one for ever. `asked` counts the questions."""

    def __init__(self) -> None:
        self.names: dict[str, list[list[str]]] = {}
        self.asked: Counter[str] = Counter()
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self._ids = itertools.count(1)

    @contextmanager
    def running(self) -> Iterator["NameServer"]:
        thread = threading.Thread(target=self._serve, daemon=True)
        thread.start()
        yield self
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as last:
            last.sendto(b"", self._socket.getsockname())
        thread.join()
        self._socket.close()

    def _serve(self) -> None:
        while True:
            packet, sender = self._socket.recvfrom(512)
            if not packet:
                return
            host, kind, end = _question(packet)
            found = self._answer(host)
            rows = [row for row in found if _kind(row) == kind]
            code = 0 if host in self.names else 3  # NXDOMAIN
            head = packet[:2] + struct.pack(">HHHHH", 0x8180 | code, 1, len(rows), 0, 0)
            body = b"".join(
                struct.pack(">HHHIH", 0xC00C, kind, 1, 0, len(raw)) + raw
                for raw in (ipaddress.ip_address(row).packed for row in rows)
            )
            self._socket.sendto(head + packet[12:end] + body, sender)

    def _answer(self, host: str) -> list[str]:
        answers = self.names.get(host, [[]])
        number = self.asked[host]
        self.asked[host] += 1
        return answers[min(number, len(answers) - 1)]

    def look_up(self, host: str, kind: int) -> list[str]:
        """What a resolver does: one question over UDP, its time to live 0, so nothing is remembered."""
        labels = b"".join(bytes([len(label)]) + label for label in host.encode().split(b"."))
        id = struct.pack(">H", next(self._ids))
        query = id + struct.pack(">HHHHH", 0x0100, 1, 0, 0, 0) + labels + b"\0"
        query += struct.pack(">HH", kind, 1)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
            asking.settimeout(5)
            asking.sendto(query, self._socket.getsockname())
            answer = asking.recv(4096)
        assert answer[:2] == id
        place, found = len(query), []
        for _ in range(struct.unpack(">H", answer[6:8])[0]):
            length = struct.unpack(">H", answer[place + 10 : place + 12])[0]
            raw = answer[place + 12 : place + 12 + length]
            found.append(str(ipaddress.ip_address(raw)))
            place += 12 + length
        return found

    def getaddrinfo(self, host: str, port: int, **kwargs: Any) -> list[Any]:
        """As the system's: numbers in all their spellings need no server, names ask ours once."""
        for kind, family in ((A, socket.AF_INET), (AAAA, socket.AF_INET6)):
            try:
                packed = socket.inet_aton(host) if kind == A else socket.inet_pton(family, host)
                found = [str(ipaddress.ip_address(packed))]
                break
            except (OSError, UnicodeError):
                found = []
        if not found:
            if not all(0 < len(label) < 64 for label in host.rstrip(".").split(".")):
                raise socket.gaierror(socket.EAI_NONAME, "not a name")
            before = self.asked[host]
            found = self.look_up(host.rstrip("."), A) or self.look_up(host.rstrip("."), AAAA)
            self.asked[host] = before + 1
        if not found:
            raise socket.gaierror(socket.EAI_NONAME, "no such name")
        return [(None, socket.SOCK_STREAM, 6, "", (address, port)) for address in found]


def _kind(address: str) -> int:
    return A if ipaddress.ip_address(address).version == 4 else AAAA


def _question(packet: bytes) -> tuple[str, int, int]:
    place, labels = 12, []
    while length := packet[place]:
        labels.append(packet[place + 1 : place + 1 + length].decode())
        place += 1 + length
    kind = struct.unpack(">H", packet[place + 1 : place + 3])[0]
    return ".".join(labels), kind, place + 5
