"""One system call for what a room has for hundreds of readers: Linux's io_uring, as far as sending goes.

A `send` for each reader costs Python about 1 us beside the kernel's own work; here the kernel is given a list (docs/performance.md, S3). Where
there is no io_uring, or it may not be used (in many containers), everything is sent one by one. Knows descriptors and bytes; never knows sessions
or rooms.

The layouts are those of Linux's <linux/io_uring.h>.
"""

import ctypes
import errno
import mmap
import os
import sys
from array import array
from collections.abc import Sequence
from contextlib import suppress
from struct import pack

from chat_server.logs import log

ENTRIES = 1024
"""Sends in one system call, which takes up to 6 ms; for more readers there are several, one after the other."""

BYTES_MAX = 65536
"""Bytes that can be sent so: what a room says in a turn is 7 KB for 64 lines. They are copied to where the kernel finds them."""

_SETUP, _ENTER = 425, 426  # the same numbers on every architecture
_SUBMIT_ALL, _SINGLE_ISSUER, _DEFER_TASKRUN = 1 << 7, 1 << 12, 1 << 13  # Linux 6.1 has them all; an older one refuses
_GETEVENTS = 1
_OFF_RINGS, _OFF_ENTRIES = 0, 0x10000000
_OP_SEND = 26
_MSG_DONTWAIT, _MSG_NOSIGNAL = 0x40, 0x4000
_PARAMETERS = (
    30  # 32-bit words that the kernel is asked with, and answers in: the sizes and where things are, at these places
)
_SQ_SIZE, _CQ_SIZE, _ASKED = 0, 1, 2
_SQ_TAIL, _SQ_MASK, _SQ_ARRAY = 11, 12, 16
_CQ_HEAD, _CQ_TAIL, _CQ_MASK, _CQES = 20, 21, 22, 25
_WORDS = 16  # 32-bit words in a submission; a completion has four
_DESCRIPTOR, _ADDRESS, _SIZE, _FLAGS, _PLACE = 1, 4, 6, 7, 8  # where they are in it; its first byte says what to do
_UINT32 = 0xFFFFFFFF


class SendRing:
    """Sends the same bytes to many sockets. For one thread."""

    def __init__(self) -> None:
        """Have the kernel make one. Raises OSError if it has none, or none for us."""
        if sys.platform != "linux":  # there these numbers would be other calls
            raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))
        library = ctypes.CDLL(None, use_errno=True)
        self._call = library["syscall"]
        self._call.argtypes = [ctypes.c_long, *[ctypes.c_uint] * 4, ctypes.c_void_p, ctypes.c_size_t]
        setup = library["syscall"]
        setup.argtypes = [ctypes.c_long, ctypes.c_uint, ctypes.c_void_p]
        parameters = array("I", bytes(4 * _PARAMETERS))
        parameters[_ASKED] = _SUBMIT_ALL | _SINGLE_ISSUER | _DEFER_TASKRUN
        self._descriptor = setup(_SETUP, ENTRIES, parameters.buffer_info()[0])
        if self._descriptor < 0:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
        is_made = False
        try:
            self._map(parameters)
            is_made = True
        finally:
            if not is_made:
                os.close(self._descriptor)

    def _map(self, parameters: "array[int]") -> None:
        self._size, self._results = parameters[_SQ_SIZE], parameters[_CQ_SIZE]
        size = max(parameters[_SQ_ARRAY] + 4 * self._size, parameters[_CQES] + 16 * self._results)
        self._rings = memoryview(mmap.mmap(self._descriptor, size, offset=_OFF_RINGS)).cast("I")
        self._entries = memoryview(mmap.mmap(self._descriptor, 4 * _WORDS * self._size, offset=_OFF_ENTRIES)).cast("I")
        self._data = mmap.mmap(-1, BYTES_MAX)
        places = (_SQ_TAIL, _SQ_MASK, _SQ_ARRAY, _CQ_HEAD, _CQ_TAIL, _CQ_MASK, _CQES)
        self._tail, mask, order, self._cq_head, self._cq_tail, cq_mask, self._cqes = (
            parameters[place] // 4 for place in places
        )
        self._mask, self._cq_mask = self._rings[mask], self._rings[cq_mask]
        self._places = pack(f"={self._size}I", *range(self._size))
        self._rings[order : order + self._size] = memoryview(self._places).cast("I")
        octets, addresses = self._entries.cast("B"), self._entries.cast("B").cast("Q")
        address = ctypes.addressof(ctypes.c_char.from_buffer(self._data))
        for place in range(self._size):
            first = place * _WORDS
            octets[4 * first] = _OP_SEND
            addresses[(first + _ADDRESS) // 2] = address
            self._entries[first + _FLAGS] = _MSG_DONTWAIT | _MSG_NOSIGNAL

    @property
    def is_closed(self) -> bool:
        """Whether it can be used no more."""
        return bool(self._descriptor < 0)

    def close(self) -> None:
        """Let go of it, and of the memory that the kernel has in common with us. Harmless when repeated."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
            self._rings.release()  # what is mapped has a descriptor of its own
            self._entries.release()
            self._data.close()

    def send(self, descriptors: Sequence[int], data: bytes) -> list[int]:
        """Send the data to each socket, as a non-blocking `send` does.

        A ring of which the kernel did not carry out everything is closed: what is left in it would be sent with what comes next.

        Args:
            descriptors: of sockets; for one that is none, an error is returned.
            data: BYTES_MAX at most.

        Returns:
            How many bytes each has taken, or minus the number of the error. Whatever the kernel did not come to has taken nothing (EAGAIN).

        """
        taken: list[int] = []
        is_whole = False
        try:
            self._data[: len(data)] = data
            while len(taken) < len(descriptors):
                some = descriptors[len(taken) : len(taken) + self._size]
                self._fill_in(some, len(data))
                is_done = self._submit(len(some))
                taken += self._taken(len(some), len(data))
                if not is_done:
                    break
            else:
                is_whole = True
        finally:
            if not is_whole:
                self.close()
        return taken + [-errno.EAGAIN] * (len(descriptors) - len(taken))

    def _fill_in(self, descriptors: Sequence[int], size: int) -> None:
        """Write a submission for each."""
        count = len(descriptors)
        tail = self._rings[self._tail]
        # An array made of a list takes a tenth of a microsecond an item, and `struct` a hundredth.
        self._fill(_DESCRIPTOR, tail, memoryview(pack(f"={count}i", *descriptors)))
        self._fill(_SIZE, tail, memoryview(pack("=i", size) * count))
        self._fill(_PLACE, tail, memoryview(self._places[: 4 * count]))
        self._rings[self._tail] = (tail + count) & _UINT32

    def _fill(self, word: int, tail: int, values: memoryview) -> None:
        """Write a word of each submission that follows the last."""
        first = tail & self._mask
        words = values.cast("I")
        fitting = min(len(words), self._size - first)
        begin = first * _WORDS + word
        self._entries[begin : begin + (fitting - 1) * _WORDS + 1 : _WORDS] = words[:fitting]
        if fitting < len(words):
            self._entries[word : word + (len(words) - fitting - 1) * _WORDS + 1 : _WORDS] = words[fitting:]

    def _submit(self, count: int) -> bool:
        """Have the kernel carry out what has been filled in. Returns whether it has."""
        left = count
        while self._completed() < count:
            done = self._call(_ENTER, self._descriptor, left, count, _GETEVENTS, None, 0)
            if done > 0:
                left -= done
            elif done == 0 or ctypes.get_errno() != errno.EINTR:
                return self._completed() == count  # it refuses, or does nothing: it is not asked again and again
        return True

    def _completed(self) -> int:
        return int(self._rings[self._cq_tail] - self._rings[self._cq_head]) & _UINT32

    def _taken(self, count: int, size: int) -> list[int]:
        """What came of the submissions, by their places, each of so many bytes."""
        completed = min(self._completed(), count)
        head = self._rings[self._cq_head]
        first = self._cqes + 4 * (head & self._cq_mask)
        fitting = min(completed, self._results - (head & self._cq_mask))
        words = array("i", self._rings[first : first + 4 * fitting].tobytes())
        words.frombytes(self._rings[self._cqes : self._cqes + 4 * (completed - fitting)].tobytes())
        self._rings[self._cq_head] = (head + completed) & _UINT32
        places, taken = words[0::4], words[2::4]
        if places.tobytes() != self._places[: 4 * count]:
            by_place = dict(zip(places, taken, strict=True))
            return [by_place.get(place, -errno.EAGAIN) for place in range(count)]
        if taken.tobytes() == pack("=i", size) * count:  # as nearly always: all of it, and in their order
            return [size] * count
        return taken.tolist()


class ManySends:
    """Sends by a ring, which is made when the first room is so large."""

    def __init__(self) -> None:
        self._ring: SendRing | None = None
        self._is_tried = False

    def __call__(self, descriptors: Sequence[int], data: bytes) -> Sequence[int] | None:
        """See rooms.room.SendMany."""
        if not self._is_tried:
            self._is_tried = True
            with suppress(OSError):
                self._ring = SendRing()
        if self._ring is None or self._ring.is_closed or len(data) > BYTES_MAX:
            return None
        taken = self._ring.send(descriptors, data)
        if self._ring.is_closed:
            log.warning("io_uring has refused to send: from now on everything is sent to each reader by itself")
        return taken

    def close(self) -> None:
        """Let go of the ring."""
        if self._ring is not None:
            self._ring.close()
