"""What the store in memory keeps of accounts, and what is found in it. Never knows who asks, nor what may be done."""

import secrets
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field

from msgspec.structs import replace

from chat_server.accounts import (
    DEVICES_MAX,
    Account,
    Code,
    Device,
    Ended,
    Failure,
    NewDevice,
    Record,
)
from chat_server.accounts.acts import ServerAct
from chat_server.accounts.cases import Case, after_room
from chat_server.accounts.names_index import KeptName, Refusal
from chat_server.accounts.networks import NETWORKS_MAX, CameFrom
from chat_server.accounts.office import KeptAct


@dataclass
class KeptAccounts:
    """Everything that is kept of accounts."""

    accounts: dict[int, Account] = field(default_factory=dict)
    devices: dict[int, Device] = field(default_factory=dict)
    codes: dict[bytes, Code] = field(default_factory=dict)
    names: list[KeptName] = field(default_factory=list)
    failures: dict[tuple[str, int], Failure] = field(default_factory=dict)
    came_from: dict[tuple[int, str], CameFrom] = field(default_factory=dict)
    ended: dict[int, Ended] = field(default_factory=dict)
    acts: list[ServerAct] = field(default_factory=list)
    lifted: set[int] = field(default_factory=set)
    """The numbers of acts that are in force no longer."""
    next_device: int = 1
    cases: dict[int, Case] = field(default_factory=dict)
    next_case: int = 0

    def records(self) -> list[Record]:
        """Everything but failed tries."""
        return [
            *sorted(self.accounts.values(), key=lambda account: account.id),
            *sorted(self.devices.values(), key=lambda device: device.id),
            *self.codes.values(),
            *sorted(self.names),
            *sorted(self.came_from.values()),
            *sorted(self.ended.values()),
            *(KeptAct(act, act.number in self.lifted) for act in self.acts),
        ]

    def add(self, record: Record) -> None:
        """Keep what another store has kept."""
        match record:
            case Account():
                self.accounts[record.id] = record
            case Device():
                self.devices[record.id] = record
                self.next_device = max(self.next_device, record.id + 1)
            case Code():
                self.codes[record.digest] = record
            case KeptName():
                self.names.append(record)
            case CameFrom():
                self.came_from[record.account, record.network] = record
            case Ended():
                self.ended[record.account] = record
            case KeptAct():
                self.acts.append(record.act)
                self.lifted |= {record.act.number} if record.is_lifted else set()

    def rename_room(self, old: str, new: str | None) -> None:
        """A room that devices and codes are limited to, or that cases are of, has another name; None: it is gone."""

        def renamed(rooms: tuple[str, ...]) -> tuple[str, ...]:
            return tuple(name for name in (new if room == old else room for room in rooms) if name is not None)

        for number, device in self.devices.items():
            if device.rooms is not None:
                self.devices[number] = replace(device, rooms=renamed(device.rooms))
        for digest, code in self.codes.items():
            self.codes[digest] = replace(code, rooms=renamed(code.rooms))
        for number, case in self.cases.items():
            if case.room == old:
                self.cases[number] = after_room(case) if new is None else replace(case, room=new)

    def active(self, account: int) -> Account | None:
        """The account, unless it is closed."""
        found = self.accounts.get(account)
        return None if found is None or found.state == "closed" else found

    def change(self, account: int, change: Callable[[Account], Account]) -> Account:
        """Let an account be another value."""
        changed = self.accounts[account] = change(self.accounts[account])
        return changed

    def device_of(self, digest: bytes) -> Device | None:
        """The device with this token."""
        return next((one for one in self.devices.values() if secrets.compare_digest(one.digest, digest)), None)

    def devices_of(self, account: int) -> list[Device]:
        """An account's devices, the oldest first."""
        return [one for one in self.devices.values() if one.account == account]

    def device_refusal(self, account: int, new: NewDevice, password: str | None = None) -> Refusal | None:
        """Why an account cannot have this device, by this hash of its password if one is given."""
        known = self.active(account)
        if known is None:
            return Refusal("gone")
        if password not in {None, known.password}:
            return Refusal("changed")
        if len(self.devices_of(account)) >= DEVICES_MAX:
            return Refusal("devices")
        return Refusal("token") if self.device_of(new.digest) is not None else None

    def add_device(self, account: int, new: NewDevice, at: float) -> Device:
        """One more device of an account's."""
        number = self.next_device
        self.next_device += 1
        device = Device(
            number, account, new.name, new.digest, at, new.kind, at, new.network, ends=new.ends, rooms=new.rooms
        )
        self.devices[number] = device
        return device

    def note_network(self, account: int, network: str, at: float) -> None:
        """An account has come from a network."""
        known = self.came_from.pop((account, network), None)
        self.came_from[account, network] = CameFrom(account, network, max(at, known.at if known is not None else at))
        for one in self.networks_of(account)[NETWORKS_MAX:]:
            del self.came_from[account, one.network]

    def networks_of(self, account: int) -> list[CameFrom]:
        """The networks from which an account has come, the newest first."""
        found = (one for one in self.came_from.values() if one.account == account)
        return sorted(found, key=lambda one: (-one.at, one.network))

    def forget_networks(self, is_old: Callable[[CameFrom], bool]) -> int:
        """Forget where accounts have come from; return how much."""
        gone = [which for which, one in self.came_from.items() if is_old(one)]
        for which in gone:
            del self.came_from[which]
        return len(gone)

    def drop_all(self, account: int, keep: Collection[int] = ()) -> None:
        """Forget an account's devices but these, and the codes that let it in at one more."""
        self.drop(one.id for one in self.devices_of(account) if one.id not in keep)
        self.drop_codes_for_devices(account)

    def drop(self, devices: Iterable[int]) -> None:
        """Forget devices."""
        for number in [*devices]:
            del self.devices[number]

    def drop_codes_for_devices(self, account: int) -> None:
        """Forget the codes that let an account in at one more device."""
        for code in [one for one in self.codes.values() if (one.account, one.purpose) == (account, "device")]:
            del self.codes[code.digest]

    def use(self, code: Code) -> None:
        """Let a code be used once less."""
        if code.uses > 1:
            self.codes[code.digest] = replace(code, uses=code.uses - 1)
        else:
            del self.codes[code.digest]
