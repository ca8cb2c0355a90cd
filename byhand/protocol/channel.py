"""A stream of frames between two processes: JSON and buffers of bytes, read within limits.

A frame holds the length of its JSON, the number of its buffers and their lengths, then all of that.
Whoever receives reads no more of a frame than is allowed, whatever the frame claims.
"""

import json
import select
import socket
import struct
import threading
import time
from collections.abc import Sequence
from typing import Any

HEAD = struct.Struct("<II")  # bytes of JSON, number of buffers
CHUNK = 2**18


class FrameError(ValueError):
    """What came is no frame."""


class LargeFrameError(FrameError):
    """What came claims to be a larger frame than is allowed."""


class Channel:
    """Frames over a socket. Several threads may send, one receives.

    most_json, most_bytes, most_buffers: what a frame may have that is received; deadlines are times
    of time.monotonic(), None for none.
    """

    def __init__(
        self,
        sock: socket.socket,
        most_json: int = 2**31,
        most_bytes: int = 2**40,
        most_buffers: int = 2**20,
    ):
        self.sock, self.lock = sock, threading.Lock()
        self.most_json, self.most_bytes, self.most_buffers = most_json, most_bytes, most_buffers
        self.pending = bytearray()

    def send(self, head: Any, buffers: Sequence[bytes] = (), deadline: float | None = None) -> None:
        """Send one frame. Raises TimeoutError, after which nothing more can be sent."""
        text = json.dumps(head).encode()
        sizes = struct.pack(f"<{len(buffers)}Q", *map(len, buffers))
        frame = b"".join([HEAD.pack(len(text), len(buffers)), sizes, text, *buffers])
        with self.lock:
            left = memoryview(frame)
            while left:
                self._wait(deadline, writing=True)
                left = left[self.sock.send(left[:CHUNK]) :]

    def receive(self, deadline: float | None = None) -> tuple[Any, list[memoryview]]:
        """The next frame. Raises FrameError, EOFError at the end of the stream, TimeoutError,
        after which one may go on receiving."""
        self._fill(HEAD.size, deadline)
        size, count = HEAD.unpack_from(self.pending)
        if size > self.most_json or count > self.most_buffers:
            raise LargeFrameError(f"a frame of {size} bytes of JSON and {count} buffers")
        start = HEAD.size + 8 * count
        self._fill(start, deadline)
        sizes = struct.unpack_from(f"<{count}Q", self.pending, HEAD.size)
        if sum(sizes) > self.most_bytes:
            raise LargeFrameError(f"a frame of {sum(sizes)} bytes")
        self._fill(start + size + sum(sizes), deadline)
        frame, self.pending = memoryview(self.pending), bytearray()
        head, rest = frame[start : start + size], frame[start + size :]
        buffers = []
        for length in sizes:
            buffers.append(rest[:length])
            rest = rest[length:]
        try:
            return json.loads(bytes(head)), buffers
        except (ValueError, RecursionError) as error:
            raise FrameError("a frame that is not JSON") from error

    def close(self) -> None:
        """Nothing is sent or received any more."""
        self.sock.close()

    def _fill(self, size: int, deadline: float | None) -> None:
        """Read until that much of the frame is there, and nothing beyond."""
        while (missing := size - len(self.pending)) > 0:
            self._wait(deadline)
            try:
                found = self.sock.recv(min(CHUNK, missing))
            except ConnectionError:
                found = b""
            if not found:
                raise EOFError
            self.pending += found

    def _wait(self, deadline: float | None, writing: bool = False) -> None:
        left = None if deadline is None else max(deadline - time.monotonic(), 0)
        here = [self.sock]
        if not any(select.select([] if writing else here, here if writing else [], [], left)):
            raise TimeoutError
