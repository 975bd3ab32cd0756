#!/usr/bin/env python3
"""Compares hotslotd with what people put before their functions otherwise. Called by scripts/bench."""

import argparse
import concurrent.futures
import contextlib
import http.client
import json
import pathlib
import statistics
import subprocess
import sys
import tempfile

from arms import HERE, Direct, Hotslotd, Proxy, processor_seconds, resident_bytes, tools_missing

CONNECTIONS = (1, 16, 64)


def connect(arm):
    return http.client.HTTPConnection("127.0.0.1", arm.port, timeout=10)


def call(connection, arm):
    connection.request("POST", arm.target, "fifteen bytes..")
    answer = connection.getresponse()
    answer.read()
    if answer.status != 200:
        raise RuntimeError(f"answered with {answer.status}")


def warm_up(arm, calls):
    """Makes calls that are all answered. wrk leaves some unanswered at its end, for which hotslotd replaces the workers
    (nobody knows what a cancelled call has left in them); the others go on with theirs."""

    def make_calls():
        with contextlib.closing(connect(arm)) as connection:
            for _ in range(calls):
                call(connection, arm)

    with concurrent.futures.ThreadPoolExecutor(4) as callers:
        for done in [callers.submit(make_calls) for _ in range(4)]:
            done.result()


def wrk(arm, connections, seconds, warm_up_calls):
    """One run of wrk: calls, their latencies, and what processor time the server took for each."""
    warm_up(arm, warm_up_calls)
    before = processor_seconds(arm.pid)
    said = subprocess.run(["wrk", "-t1", f"-c{connections}", f"-d{seconds}", "-s", HERE / "call.lua",
                           f"http://127.0.0.1:{arm.port}{arm.target}"], check=True, capture_output=True, text=True).stdout
    used = processor_seconds(arm.pid) - before
    result = json.loads(next(line for line in said.splitlines() if line.startswith("RESULT")).removeprefix("RESULT"))
    if result["errors"] or not result["calls"]:
        raise RuntimeError(f"{type(arm).__name__}: {result}")
    return {"cpu_us": used / result["calls"] * 1e6, "per_s": result["calls"] / result["seconds"], **result}


def interleaved(arms, connections, rounds, seconds, warm_up_calls=100):
    """Medians of several rounds, in each of which every arm has its turn."""
    runs = {name: [] for name in arms}
    for _ in range(rounds):
        for name, arm in arms.items():
            runs[name].append(wrk(arm, connections, seconds, warm_up_calls))
    return {name: {key: statistics.median(r[key] for r in of) for key in of[0]} for name, of in runs.items()}


def static_functions(args, folder):
    command = [args.static_function]
    arms = {"direct": Direct(command), "nginx": Proxy("nginx", folder / "nginx", command),
            "haproxy": Proxy("haproxy", folder / "haproxy", command),
            "hotslotd": Hotslotd(args.hotslotd, folder / "hotslotd", command)}
    try:
        return {n: interleaved(arms, n, args.rounds, args.seconds) for n in CONNECTIONS}
    finally:
        for arm in arms.values():
            arm.end()


def node_functions(args, folder):
    command = ["node", "func.js"]
    arms = {"haproxy": Proxy("haproxy", folder / "haproxy-node", command, args.hello),
            "hotslotd": Hotslotd(args.hotslotd, folder / "hotslotd-node", command, args.hello)}
    try:
        return interleaved(arms, 16, args.rounds, args.seconds, warm_up_calls=2000)
    finally:
        for arm in arms.values():
            arm.end()


def idle_callers(args, folder, n=1000):
    """What a kept connection that does nothing makes resident, once it has made a call."""
    arm = Hotslotd(args.hotslotd, folder / "hotslotd-idle", [args.static_function])
    callers = []
    try:
        def kept_call():
            callers.append(connect(arm))
            call(callers[-1], arm)

        for _ in range(16):
            kept_call()
        before = resident_bytes(arm.pid)
        for _ in range(n):
            kept_call()
        return (resident_bytes(arm.pid) - before) / n
    finally:
        for c in callers:
            c.close()
        arm.end()


def row(name, value, unit, reference, bar, of):
    return {"name": name, unit: round(value, 2), "reference": of, "reference_value": round(reference, 2),
            "ratio": round(value / reference, 3), "bar": bar, "met": bool(value / reference <= bar)}


def rows_of_static(measured):
    for n, arms in measured.items():
        ours = arms["hotslotd"]["cpu_us"]
        yield row(f"server/cpu/{n}", ours, "us", arms["haproxy"]["cpu_us"], 0.8, "haproxy, one in flight")
        yield row(f"server/cpu_of_nginx/{n}", ours, "us", arms["nginx"]["cpu_us"], 1, "nginx")
    direct = measured[1]["direct"]["p50_us"]
    one, sixteen = measured[1], measured[16]
    yield row("server/added_p50/1", one["hotslotd"]["p50_us"] - direct, "us", one["nginx"]["p50_us"] - direct, 1, "nginx")
    yield row("server/p99/16", sixteen["hotslotd"]["p99_us"], "us", sixteen["haproxy"]["p99_us"], 1,
              "haproxy, one in flight")


def print_measured(title, arms):
    print(f"\n{title}")
    print(f"  {'':10} {'calls/s':>10} {'cpu us/call':>12} {'p50 us':>8} {'p99 us':>8}")
    for name, m in arms.items():
        print(f"  {name:10} {m['per_s']:10.0f} {m['cpu_us']:12.2f} {m['p50_us']:8.0f} {m['p99_us']:8.0f}")


def parse():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hotslotd", type=lambda p: pathlib.Path(p).resolve(), required=True)
    parser.add_argument("--static-function", type=lambda p: pathlib.Path(p).resolve(), required=True)
    parser.add_argument("--hello", type=lambda p: pathlib.Path(p).resolve(), help="the folder of the Node function")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=2)
    parser.add_argument("--json", type=pathlib.Path, help="append the rows to this file")
    return parser.parse_args()


def main():
    args = parse()
    if missing := tools_missing():
        sys.exit(f"not installed: {' '.join(missing)}")
    with tempfile.TemporaryDirectory(prefix="hotslot-bench-") as name:
        folder = pathlib.Path(name)
        folder.chmod(0o755)
        measured = static_functions(args, folder)
        for n, arms in measured.items():
            print_measured(f"two static functions, {n} connections", arms)
        rows = list(rows_of_static(measured))
        if args.hello:
            node = node_functions(args, folder)
            print_measured("two Node functions, 16 connections", node)
            rows.append(row("server/node/16", 1e6 / node["hotslotd"]["per_s"], "us", 1e6 / node["haproxy"]["per_s"], 1 / 1.1,
                            "haproxy, one in flight"))
        rows.append(row("server/idle_caller", idle_callers(args, folder) / 1024, "KB", 12, 1, "12 KB"))
    print()
    for r in rows:
        print(json.dumps(r))
    if args.json:
        with args.json.open("a", encoding="utf-8") as f:
            f.writelines(json.dumps(r) + "\n" for r in rows)
    return 0 if all(r["met"] for r in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
