"""Places and rights that programs find themselves with. Each is a function to be run in a child, ahead of its program."""

import ctypes
import errno
import os
import struct
import subprocess

from hotslotd import ENVIRONMENT

LIBC = ctypes.CDLL(None, use_errno=True)
NEW_MOUNTS, READ_ONLY, BIND, REMOUNT, PRIVATE, SLAVE = 0x20000, 1, 4096, 32, 0x44000, 0x84000
NEW_USERS = 0x10000000
DROP_FROM_BOUNDING_SET, SET_SECCOMP = 24, 22
SYS_ADMIN = 21
CALLS = {"mount": {"x86_64": 165, "aarch64": 40}, "unshare": {"x86_64": 272, "aarch64": 97},
         "setresuid": {"x86_64": 117, "aarch64": 147}, "setgroups": {"x86_64": 116, "aarch64": 159}}


def check(result):
    if result != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def mount(source, at, kind=None, flags=0):
    words = (word and word.encode() for word in (source, at, kind))
    check(LIBC.mount(*words, ctypes.c_ulong(flags), None))


def anywhere():
    pass


def chroot(root):
    def enter():
        os.chroot(root)
        os.chdir("/")
    return enter


def read_only(root):
    """A mount point, where nothing may be written to but /tmp."""
    def enter():
        check(LIBC.unshare(NEW_MOUNTS))
        mount(None, "/", flags=PRIVATE)
        mount(root, root, flags=BIND)
        mount(None, root, flags=REMOUNT | BIND | READ_ONLY)
        mount("tmpfs", root + "/tmp", "tmpfs")
        chroot(root)()
    return enter


def chroot_with(root, places, mount_point=False):
    """With directories and files of the machine, read-only, each where `places` says."""
    def enter():
        check(LIBC.unshare(NEW_MOUNTS))
        mount(None, "/", flags=PRIVATE)
        if mount_point:
            mount(root, root, flags=BIND)
        for source, at in places.items():
            mount(source, root + at, flags=BIND)
            mount(None, root + at, flags=REMOUNT | BIND | READ_ONLY)
        chroot(root)()
    return enter


def own_mounts():
    """A file system in memory, which nobody else sees."""
    check(LIBC.unshare(NEW_MOUNTS))
    mount(None, "/", flags=SLAVE)
    mount("tmpfs", "/tmp", "tmpfs")


def own_users():
    check(LIBC.unshare(NEW_USERS))


def without_sys_admin():
    check(LIBC.prctl(DROP_FROM_BOUNDING_SET, SYS_ADMIN, 0, 0, 0))  # root has what that has


def nobody():
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)


def forbid(*calls):
    """Its system calls of these names, and those of whatever it becomes, fail, as by a profile."""
    def step(code, argument, if_equal=0):
        return struct.pack("HBBI", code, if_equal, 0, argument)

    load, jump, give, allow, refuse = 0x20, 0x15, 0x06, 0x7fff0000, 0x00050000 | errno.EPERM
    numbers = [CALLS[call].get(os.uname().machine) for call in calls]

    def before():
        filters = [step(load, 0), *(step(jump, number, len(numbers) - n) for n, number in enumerate(numbers)),
                   step(give, allow), step(give, refuse)]
        code = ctypes.create_string_buffer(b"".join(filters))
        program = struct.pack("@HP", len(filters), ctypes.addressof(code))
        check(LIBC.prctl(SET_SECCOMP, 2, program, 0, 0))
    return before


def first(*steps):
    def before():
        for step in steps:
            step()
    return before


def can_be(*steps, program="/bin/true"):
    """Whether a child can bring itself there, and run a program."""
    try:
        return subprocess.run([program], env=ENVIRONMENT, preexec_fn=first(*steps), check=False).returncode == 0
    except (OSError, subprocess.SubprocessError):
        return False
