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
_BYTES, _COMPLETION = 64, 16  # the same in bytes
_DESCRIPTOR, _ADDRESS, _SIZE, _FLAGS, _PLACE = 1, 4, 6, 7, 8  # where they are in it; its first byte says what to do
_TAKEN = 2  # and in a completion: how many bytes were taken, or minus the number of an error; its first word says of which submission
_TOGETHER = 64  # descriptors that are looked at together, whether they are those of the last time
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
        size = max(parameters[_SQ_ARRAY] + 4 * self._size, parameters[_CQES] + _COMPLETION * self._results)
        self._shared = mmap.mmap(self._descriptor, size, offset=_OFF_RINGS)
        self._sends = mmap.mmap(self._descriptor, _BYTES * self._size, offset=_OFF_ENTRIES)
        self._rings = memoryview(self._shared).cast("I")
        self._entries = memoryview(self._sends).cast("I")
        self._data = mmap.mmap(-1, BYTES_MAX)
        places = (_SQ_TAIL, _SQ_MASK, _CQ_HEAD, _CQ_TAIL, _CQ_MASK)
        self._tail, mask, self._cq_head, self._cq_tail, cq_mask = (parameters[place] // 4 for place in places)
        self._order, self._cqes = parameters[_SQ_ARRAY], parameters[_CQES]
        self._mask, self._cq_mask = self._rings[mask], self._rings[cq_mask]
        self._places = pack(f"={self._size}I", *range(self._size))
        octets, addresses = self._entries.cast("B"), self._entries.cast("B").cast("Q")
        address = ctypes.addressof(ctypes.c_char.from_buffer(self._data))
        self._as_expected = bytearray(_COMPLETION * self._size)  # what completes in its order, and is taken as a whole
        expected = memoryview(self._as_expected).cast("I")
        for place in range(self._size):
            first = place * _WORDS
            octets[4 * first] = _OP_SEND
            addresses[(first + _ADDRESS) // 2] = address
            self._entries[first + _FLAGS] = _MSG_DONTWAIT | _MSG_NOSIGNAL
            self._entries[first + _PLACE] = expected[4 * place] = place
        self._written_descriptors = b""  # those that the submissions have, from the first on
        self._written_size = bytes(4)

    @property
    def is_closed(self) -> bool:
        """Whether it can be used no more."""
        return bool(self._descriptor < 0)

    def close(self) -> None:
        """Let go of it, and of the memory that the kernel has in common with us. Harmless when repeated."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
            self._rings.release()
            self._entries.release()
            for mapped in (self._shared, self._sends, self._data):  # what is mapped has a descriptor of its own
                mapped.close()

    def send(self, descriptors: "Sequence[int] | array[int]", data: bytes) -> list[int]:
        """Send the data to each socket, as a non-blocking `send` does.

        A ring of which the kernel did not carry out everything is closed: what is left in it would be sent with what comes next.

        Args:
            descriptors: of sockets; for one that is none, an error is returned. An array is soonest read.
            data: BYTES_MAX at most.

        Returns:
            How many bytes each has taken, or minus the number of the error; nothing at all if each has taken all of them. Whatever the kernel did
            not come to has taken nothing (EAGAIN).

        """
        taken: list[int] = []
        count, is_whole, has_all = 0, False, True
        try:
            self._data[: len(data)] = data
            wanted = (descriptors if isinstance(descriptors, array) else array("i", descriptors)).tobytes()
            while count < len(descriptors):
                some = wanted[4 * count : 4 * (count + self._size)]
                number = len(some) // 4
                self._fill_in(some, len(data))
                is_done = self._submit(number)
                if not (is_done and self._is_as_expected(number)):
                    taken += [len(data)] * (count - len(taken)) + self._taken(number)
                    has_all = False
                count += number
                if not is_done:
                    break
            else:
                is_whole = True
        finally:
            if not is_whole:
                self.close()
        if has_all:
            return []
        taken += [len(data)] * (count - len(taken))
        return taken + [-errno.EAGAIN] * (len(descriptors) - len(taken))

    def _fill_in(self, descriptors: bytes, size: int) -> None:
        """Write a submission for each. What stands there from the last time is left: a room's readers are mostly the same ones."""
        count = len(descriptors) // 4
        if descriptors != self._written_descriptors:
            self._write_descriptors(descriptors)
        written = pack("=i", size)
        if written != self._written_size:
            _write_columns(self._sends, 4 * _SIZE, _BYTES, written, self._written_size)
            _write_columns(self._as_expected, 4 * _TAKEN, _COMPLETION, written, self._written_size)
            self._written_size = written
        tail = self._rings[self._tail]
        first = tail & self._mask
        fitting = min(count, self._size - first)
        for begin, places in ((first, self._places[: 4 * fitting]), (0, self._places[4 * fitting : 4 * count])):
            self._shared[self._order + 4 * begin : self._order + 4 * begin + len(places)] = places
        self._rings[self._tail] = (tail + count) & _UINT32

    def _write_descriptors(self, descriptors: bytes) -> None:
        """Write them where they are others than the last time. To write one takes 60 instructions, as each is by itself."""
        before, self._written_descriptors = self._written_descriptors, b""
        for at in range(0, len(descriptors), 4 * _TOGETHER):
            some = descriptors[at : at + 4 * _TOGETHER]
            if some != before[at : at + len(some)]:
                first = at // 4 * _WORDS + _DESCRIPTOR
                self._entries[first : first + (len(some) // 4 - 1) * _WORDS + 1 : _WORDS] = memoryview(some).cast("I")
        self._written_descriptors = descriptors + before[len(descriptors) :]

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

    def _is_as_expected(self, count: int) -> bool:
        """Whether all submissions were carried out in their order, and all bytes taken, as nearly always. Then nothing else is to be said of them."""
        if self._completions(count) != self._as_expected[: _COMPLETION * count]:
            return False
        self._rings[self._cq_head] = (self._rings[self._cq_head] + count) & _UINT32
        return True

    def _completions(self, count: int) -> bytes:
        """So many of them as they stand there, which are completed."""
        place = self._rings[self._cq_head] & self._cq_mask
        first, fitting = self._cqes + _COMPLETION * place, min(count, self._results - place)
        found = self._shared[first : first + _COMPLETION * fitting]
        return (
            found
            if fitting == count
            else found + self._shared[self._cqes : self._cqes + _COMPLETION * (count - fitting)]
        )

    def _taken(self, count: int) -> list[int]:
        """What came of the submissions, by their places."""
        completed = min(self._completed(), count)
        words = array("i", self._completions(completed))
        self._rings[self._cq_head] = (self._rings[self._cq_head] + completed) & _UINT32
        by_place = dict(zip(words[0::4], words[_TAKEN::4], strict=True))
        return [by_place.get(place, -errno.EAGAIN) for place in range(count)]


def _write_columns(table: "mmap.mmap | bytearray", first: int, step: int, word: bytes, before: bytes) -> None:
    """Write a word into every row of a table, each of its bytes by itself where it is another than before: that takes five instructions a row."""
    rows = len(table) // step
    for place, (octet, old) in enumerate(zip(word, before, strict=True)):
        if octet != old:
            table[first + place :: step] = bytes((octet,)) * rows


class ManySends:
    """Sends by a ring, which is made when the first room is so large."""

    def __init__(self) -> None:
        self._ring: SendRing | None = None
        self._is_tried = False

    def __call__(self, descriptors: Sequence[int], data: bytes) -> Sequence[int] | None:
        """See rooms.sink.SendMany."""
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
