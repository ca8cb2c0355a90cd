"""Which system calls the student's processes are refused: what no program of a course needs.

A program for Linux's own little machine (seccomp(2), BPF), handed to bwrap with --seccomp or
installed by a process for itself. It refuses with EPERM; everything else is allowed.
"""

import platform
import struct

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
MACHINES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}  # column; AUDIT_ARCH
X32 = 0x40000000  # from here on: x86_64's calls in another form
LOAD, EQUAL, AT_LEAST, RETURN = 0x20, 0x15, 0x35, 0x06  # BPF: ld [k], jeq k, jge k, ret k
NUMBER, ARCHITECTURE = 0, 4  # where they stand in struct seccomp_data
ALLOW, REFUSE = 0x7FFF0000, 0x00050001  # SECCOMP_RET_ALLOW; SECCOMP_RET_ERRNO with EPERM


def number(call: str) -> int | None:
    """A system call's number on this machine; None where it is not known."""
    column, _ = MACHINES.get(_machine(), (None, None))
    return None if column is None else NUMBERS[call][column]


def program() -> bytes | None:
    """The filter for this machine, as an array of struct sock_filter; None where there is none."""
    if _machine() not in MACHINES:
        return None
    _, architecture = MACHINES[_machine()]
    refused = [n for call in NUMBERS if (n := number(call)) is not None]
    rows = [(LOAD, 0, 0, ARCHITECTURE), (EQUAL, 1, 0, architecture), (RETURN, 0, 0, REFUSE)]
    rows += [(LOAD, 0, 0, NUMBER), (AT_LEAST, len(refused) + 1, 0, X32)]
    rows += [(EQUAL, len(refused) - place, 0, n) for place, n in enumerate(refused)]
    rows += [(RETURN, 0, 0, ALLOW), (RETURN, 0, 0, REFUSE)]
    return b"".join(struct.pack("<HBBI", *row) for row in rows)


def _machine() -> str:
    return platform.machine() if platform.system() == "Linux" else ""
