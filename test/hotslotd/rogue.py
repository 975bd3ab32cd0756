#!/usr/bin/python3
"""A function that does what its call says, most of it what no function should do."""

import json
import os
import signal
import socket
import sys
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


def read_directory(call):
    try:
        return os.listdir(call["path"])
    except OSError as e:
        return e.strerror


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
    processes = [name for name in os.listdir("/proc") if name.isdigit()]
    return {"uid": os.getuid(), "groups": os.getgroups(), "no_new_privs": lines["NoNewPrivs"],
            "capabilities": lines["CapEff"], "core": core, "processes": len(processes),
            "tmp": os.environ["TMPDIR"], "interfaces": [name for _, name in socket.if_nameindex()]}


ACTIONS = {f.__name__: f for f in (daemonize, fork_child, fork_without_end, fill_tmp, open_files, eat_memory,
                                   read_directory, send_signal, swap_socket, ignore_term, look)}


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
