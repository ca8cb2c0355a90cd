"""Which system calls the student's processes are refused: what no program of a course needs.

A program for Linux's own little machine (seccomp(2), BPF), handed to bwrap with --seccomp or
installed by a process for itself. Without namespaces more is refused: what bubblewrap makes
harmless and Landlock does not see. Everything else is allowed.
"""

import ctypes
import errno
import os
import platform
import struct
from dataclasses import dataclass

JOIN_SESSION_KEYRING = 1  # keyctl's operation
# Of each call, the number on x86_64 and on aarch64 (None: it has no such call).
NUMBERS: dict[str, tuple[int, int | None]] = {
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "pidfd_getfd": (438, 438),
    "kcmp": (312, 272),
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
    "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427),
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "open_tree": (428, 428),
    "move_mount": (429, 429),
    "fsopen": (430, 430),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fspick": (433, 433),
    "mount_setattr": (442, 442),
    "setns": (308, 268),
    "unshare": (272, 97),
    "name_to_handle_at": (303, 264),
    "open_by_handle_at": (304, 265),
    "init_module": (175, 105),
    "finit_module": (313, 273),
    "delete_module": (176, 106),
    "kexec_load": (246, 104),
    "kexec_file_load": (320, 294),
    "reboot": (169, 142),
    "swapon": (167, 224),
    "swapoff": (168, 225),
    "syslog": (103, 116),
    "acct": (163, 89),
    "quotactl": (179, 60),
    "settimeofday": (164, 170),
    "clock_settime": (227, 112),
    "clock_adjtime": (305, 266),
    "adjtimex": (159, 171),
    "iopl": (172, None),
    "ioperm": (173, None),
}
# Without namespaces: all ways to other programs of the machine, and to files without opening them.
WITHOUT_NAMESPACES: dict[str, tuple[int, int | None]] = {
    "socket": (41, 198),
    "connect": (42, 203),
    "bind": (49, 200),
    "shmget": (29, 194),
    "shmat": (30, 196),
    "shmctl": (31, 195),
    "semget": (64, 190),
    "semop": (65, 193),
    "semctl": (66, 191),
    "semtimedop": (220, 192),
    "msgget": (68, 186),
    "msgsnd": (69, 189),
    "msgrcv": (70, 188),
    "msgctl": (71, 187),
    "mq_open": (240, 180),
    "mq_unlink": (241, 181),
    "inotify_init": (253, None),
    "inotify_init1": (294, 26),
    "fanotify_init": (300, 262),
    "memfd_create": (319, 279),
    "memfd_secret": (447, 447),
    "setpriority": (141, 140),
    "ioprio_set": (251, 30),
    "chown": (92, None),
    "lchown": (94, None),
    "fchown": (93, 55),
    "fchownat": (260, 54),
    "setxattr": (188, 5),
    "lsetxattr": (189, 6),
    "fsetxattr": (190, 7),
    "removexattr": (197, 14),
    "lremovexattr": (198, 15),
    "fremovexattr": (199, 16),
    "setxattrat": (463, 463),
    "removexattrat": (466, 466),
    "file_setattr": (469, 469),
}
# These do nothing and say that it was done: shutil.copy() ends with them, and must not fail.
WITHOUT_EFFECT: dict[str, tuple[int, int | None]] = {
    "chmod": (90, None),
    "fchmod": (91, 52),
    "fchmodat": (268, 53),
    "fchmodat2": (452, 452),
    "utime": (132, None),
    "utimes": (235, None),
    "futimesat": (261, None),
    "utimensat": (280, 88),
}
MACHINES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}  # column; AUDIT_ARCH
X32 = 0x40000000  # from here on: x86_64's calls in another form
LOAD, AND, RETURN = 0x20, 0x54, 0x06  # BPF: ld [k], and k, ret k
EQUAL, AT_LEAST = 0x15, 0x35  # jeq k, jge k
NUMBER, ARCHITECTURE, ARGUMENTS = 0, 4, 16  # where they stand in struct seccomp_data
ALLOW, ERRNO = 0x7FFF0000, 0x00050000  # SECCOMP_RET_ALLOW; SECCOMP_RET_ERRNO, plus the error
NO_NEW_PRIVILEGES, SET_FILTER, FILTER = 38, 22, 2  # prctl's operations, and the latter's mode
WHOLE = 0xFFFFFFFF
NEW_NAMESPACES = 0x7E020000  # all of clone's CLONE_NEW flags
STREAMS = (1, 5)  # SOCK_STREAM, SOCK_SEQPACKET: a pair of these is connected for ever
OWNED = (8, 10, 15, 1024, 1026)  # F_SETOWN, F_SETSIG, F_SETOWN_EX, F_SETLEASE, F_NOTIFY
FLAGS = (0x8901, 0x8902, 0x40086602, 0x401C5820)  # FIOSETOWN, SIOCSPGRP; FS_IOC_SET- and FSSETX-


@dataclass(frozen=True)
class Argument:
    """A call that is refused by one of its arguments: when its bits under the mask are among
    `values`, or when they are not. numbers: as in NUMBERS; place: 0 for the first argument."""

    numbers: tuple[int, int | None]
    place: int
    values: tuple[int, ...]
    refused: bool
    mask: int = WHOLE


def number(call: str) -> int | None:
    """A system call's number on this machine; None where it is not known."""
    return _here((NUMBERS | WITHOUT_NAMESPACES | WITHOUT_EFFECT)[call])


def program(namespaces: bool = True, signals_to: int | None = None) -> bytes | None:
    """The filter for this machine, as an array of struct sock_filter; None where there is none.

    namespaces: whether there are some around the process; signals_to: the only process that may be
    sent signals, where Landlock does not see to that.
    """
    if _machine() not in MACHINES:
        return None
    _, architecture = MACHINES[_machine()]
    refuse = ERRNO + errno.EPERM
    rows = [(LOAD, 0, 0, ARCHITECTURE), (EQUAL, 1, 0, architecture), (RETURN, 0, 0, refuse)]
    rows += [(LOAD, 0, 0, NUMBER), (AT_LEAST, 0, 1, X32), (RETURN, 0, 0, refuse)]
    verdicts = dict.fromkeys(map(_here, NUMBERS.values()), refuse)
    arguments: list[Argument] = []
    if not namespaces:
        verdicts |= dict.fromkeys(map(_here, WITHOUT_NAMESPACES.values()), refuse)
        verdicts |= dict.fromkeys(map(_here, WITHOUT_EFFECT.values()), ERRNO)
        # Its flags cannot be seen by a filter; without it, clone is used.
        verdicts[_here((435, 435))] = ERRNO + errno.ENOSYS  # clone3
        arguments = _by_argument(signals_to)
    for call, verdict in verdicts.items():
        if call is not None:
            rows += [(EQUAL, 0, 1, call), (RETURN, 0, 0, verdict)]
    for rule in arguments:
        rows += _rows(rule, refuse)
    rows.append((RETURN, 0, 0, ALLOW))
    return b"".join(struct.pack("<HBBI", *row) for row in rows)


def install(program: bytes) -> None:
    """Put the filter over this process and its children, for ever. Raises OSError."""
    libc = ctypes.CDLL(None, use_errno=True)
    rows = ctypes.create_string_buffer(program, len(program))
    head = struct.pack("@HP", len(program) // 8, ctypes.addressof(rows))
    zero = ctypes.c_ulong(0)
    for words in (
        (NO_NEW_PRIVILEGES, ctypes.c_ulong(1), zero, zero, zero),
        (SET_FILTER, ctypes.c_ulong(FILTER), head, zero, zero),
    ):
        if libc.prctl(*words):
            code = ctypes.get_errno()
            raise OSError(code, f"no filter of system calls can be set: {os.strerror(code)}")


def _by_argument(signals_to: int | None) -> list[Argument]:
    rules = [
        Argument((56, 220), 0, (0,), False, NEW_NAMESPACES),  # clone
        Argument((53, 199), 1, STREAMS, False, 0xF),  # socketpair
        Argument((72, 25), 1, OWNED, True),  # fcntl
        Argument((16, 29), 1, FLAGS, True),  # ioctl
    ]
    # Settings of other processes: prlimit64, sched_setscheduler, _setparam, _setattr, _setaffinity.
    own = [(302, 261), (144, 119), (142, 118), (314, 274), (203, 122)]
    rules += [Argument(numbers, 0, (0,), False) for numbers in own]
    if signals_to is not None:
        signals = [(62, 129), (200, 130), (234, 131)]  # kill, tkill, tgkill
        signals += [(129, 138), (297, 240)]  # rt_sigqueueinfo, rt_tgsigqueueinfo
        rules += [Argument(numbers, 0, (signals_to,), False) for numbers in signals]
        rules.append(Argument((424, 424), 0, (), False))  # pidfd_send_signal
    return rules


def _rows(rule: Argument, refuse: int) -> list[tuple[int, int, int, int]]:
    """The part of the program for one call; it ends here for this call, and else goes on."""
    call, many = _here(rule.numbers), len(rule.values)
    if call is None:
        return []
    found, other = (refuse, ALLOW) if rule.refused else (ALLOW, refuse)
    rows = [(LOAD, 0, 0, ARGUMENTS + 8 * rule.place), (AND, 0, 0, rule.mask)]
    rows += [(EQUAL, many - place, 0, value) for place, value in enumerate(rule.values)]
    rows += [(RETURN, 0, 0, other), (RETURN, 0, 0, found)]
    return [(LOAD, 0, 0, NUMBER), (EQUAL, 0, len(rows), call), *rows]


def _here(numbers: tuple[int, int | None]) -> int | None:
    column, _ = MACHINES.get(_machine(), (None, None))
    return None if column is None else numbers[column]


def _machine() -> str:
    return platform.machine() if platform.system() == "Linux" else ""
