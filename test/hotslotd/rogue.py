#!/usr/bin/python3
"""A function that does what its call says, most of it what no function should do."""

import json
import mmap
import os
import signal
import socket
import sys
import tempfile
import time

PLACE = os.environ["FN_LISTENER"].removeprefix("unix:")


def sleep_forever():
    while True:
        time.sleep(1000)


def daemonize(_):
    """A grandchild of no group and no parent, which holds nothing of this process's. Returns its id."""
    read, write = os.pipe()
    if os.fork() == 0:
        os.setsid()
        grandchild = os.fork()
        if grandchild == 0:
            os.closerange(0, 64)
            sleep_forever()
        os.write(write, str(grandchild).encode())
        os._exit(0)
    os.wait()
    return int(os.read(read, 20))


def fork_child(_):
    child = os.fork()
    if child == 0:
        sleep_forever()
    return child


def fork_without_end(_):
    """So does each child. Returns the error that ends it, here."""
    parent = os.getpid()
    while True:
        try:
            if os.fork() == 0:
                signal.signal(signal.SIGTERM, signal.SIG_IGN)
        except OSError as e:
            if os.getpid() == parent:
                return e.strerror
            time.sleep(0.01)


def fill_tmp(_):
    written = 0
    try:
        with open(os.path.join(os.environ["TMPDIR"], "full"), "wb", buffering=0) as out:
            while True:
                written += out.write(bytes(1 << 20))
    except OSError as e:
        return [written, e.strerror]


def space(call):
    """The bytes and the files that each place has room for."""
    return {place: (s.f_frsize * s.f_blocks, s.f_files) for place in call["places"] for s in [os.statvfs(place)]}


def mounts_to_write_to():
    with open("/proc/self/mountinfo", encoding="utf-8") as mounts:
        for place, options, kind in ((w[4], w[5].split(","), w[w.index("-") + 1]) for w in map(str.split, mounts)):
            if "rw" in options and kind not in ("proc", "devpts"):
                yield place


def can_write_to(folder):
    try:
        os.rmdir(tempfile.mkdtemp(dir=folder))
        return True
    except OSError:
        return False


def writable_places(_):
    """Whatever a file can be made in."""
    found = []
    for place in set(mounts_to_write_to()):
        for folder, folders, _ in os.walk(place):
            folders[:] = [name for name in folders if not os.path.ismount(os.path.join(folder, name))]
            found += [folder] if can_write_to(folder) else []
    return sorted(found)


def open_files(call):
    opened = []
    try:
        for _ in range(call["count"]):
            opened.append(os.open("/dev/null", os.O_RDONLY))
    except OSError as e:
        return [len(opened), e.strerror]
    finally:
        for fd in opened:
            os.close(fd)
    return [len(opened), ""]


def eat_memory(_):
    eaten = []
    try:
        while True:
            eaten.append(bytearray(b"x" * (1 << 20)))
    except MemoryError:
        os.abort()


def take_shared_memory(call):
    with mmap.mmap(-1, call["mb"] << 20) as shared:
        for _ in range(call["mb"]):
            shared.write(b"x" * (1 << 20))
        return shared.tell() >> 20


def read_directory(call):
    try:
        return os.listdir(call["path"])
    except OSError as e:
        return e.strerror


def read_file(call):
    with open(call["path"], "rb") as file:
        return len(file.read())


def write_file(call):
    with open(call.get("path") or os.path.join(os.path.dirname(PLACE), "full"), "wb", buffering=0) as out:
        for _ in range(call["mb"]):
            out.write(bytes(1 << 20))


def write_temporary_files(call):
    write_file({"path": os.path.join(os.environ["TMPDIR"], "full"), "mb": call["mb"]})


def read_environment_of_function(call):
    """Of another one."""
    for process in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{process}/environ", "rb") as environment:
                if f"FN_FN_NAME={call['of']}".encode() in environment.read().split(b"\0"):
                    return
        except OSError:
            pass
    raise PermissionError


def connect(call):
    socket.create_connection(("127.0.0.1", call["port"]), 10).close()


def make_processes(call):
    children = []
    try:
        for _ in range(call["count"]):
            children.append(os.fork())
            if children[-1] == 0:
                sleep_forever()
    finally:
        for child in children:
            os.kill(child, signal.SIGKILL)
            os.wait()


def make_user_name_space(_):
    import ctypes
    child = os.fork()
    if child == 0:
        os._exit(ctypes.CDLL(None).unshare(0x10000000) != 0)
    if os.wait()[1] != 0:
        raise PermissionError


def can(call):
    """Whether another action, named by `what`, goes well."""
    try:
        ACTIONS[call["what"]](call)
        return True
    except OSError:
        return False


def send_signal(call):
    try:
        os.kill(call["pid"], signal.SIGCONT)
    except OSError as e:
        return e.strerror
    return ""


def swap_socket(call):
    """From now on the name of its socket leads elsewhere."""
    os.unlink(PLACE)
    os.symlink(call["path"], PLACE)
    return ""


def ignore_term(_):
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    return os.getpid()


def look(_):
    """What it sees of itself."""
    with open("/proc/self/status", encoding="utf-8") as status:
        lines = dict(line.rstrip("\n").split(":\t", 1) for line in status if ":\t" in line)
    with open("/proc/self/limits", encoding="utf-8") as limits:
        core = next(line.split()[4] for line in limits if line.startswith("Max core file size"))
    with open("/proc/self/oom_score_adj", encoding="utf-8") as score:
        oom_score_adj = int(score.read())
    processes = [name for name in os.listdir("/proc") if name.isdigit()]
    return {"uid": os.getuid(), "groups": os.getgroups(), "no_new_privs": lines["NoNewPrivs"],
            "capabilities": {name: int(lines[name], 16) for name in ("CapInh", "CapPrm", "CapEff", "CapAmb")},
            "umask": lines["Umask"], "oom_score_adj": oom_score_adj, "mark": os.environ.get("MARK"), "core": core, "processes": len(processes),
            "tmp": os.environ.get("TMPDIR"), "processors": len(os.sched_getaffinity(0)), "interfaces": [name for _, name in socket.if_nameindex()]}


ACTIONS = {f.__name__: f for f in (daemonize, fork_child, fork_without_end, fill_tmp, open_files, eat_memory,
                                   take_shared_memory, read_directory, send_signal, space, writable_places, swap_socket,
                                   ignore_term, look, read_file, write_file, write_temporary_files, connect, can,
                                   read_environment_of_function, make_processes, make_user_name_space)}


def serve(connection):
    stream = connection.makefile("rb")
    while line := stream.readline():
        length = 0
        close = False
        while (line := stream.readline()) not in (b"\r\n", b""):
            if line.lower().startswith(b"content-length:"):
                length = int(line.split(b":")[1])
        call = json.loads(stream.read(length) or b"{}")
        if "do" in call:
            close = call["do"] == "swap_socket"
            body = json.dumps(ACTIONS[call["do"]](call)).encode()
        else:
            body = b'"well"'
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n%s\r\n" %
                           (len(body), b"Connection: close\r\n" if close else b"") + body)
        if close:
            break
    connection.close()


def main():
    if sys.argv[1:] == ["elsewhere"]:
        os.symlink("/run/elsewhere.sock", PLACE)
        sleep_forever()
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(PLACE)
    listener.listen(8)
    while True:
        serve(listener.accept()[0])


main()
