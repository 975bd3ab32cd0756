#!/usr/bin/env python3
"""Runs the benchmarks and prints, for each row of docs/performance.md, what was measured beside its reference in the
same run. Called by scripts/bench."""

import argparse
import json
import os
import pathlib
import platform
import statistics
import subprocess
import sys

import charts
from rows import MEMORY, ROWS, STATS, STATS_MEMORY


class Measured:
    """Medians of one run, by benchmark."""

    def __init__(self, report):
        runs = {}
        for b in report["benchmarks"]:
            if b["run_type"] == "iteration":
                runs.setdefault(b["run_name"], []).append(b)
        self.runs = runs
        self.context = report["context"]

    def ns(self, name):
        """Of processor time, or of time where threads wait for each other."""
        key = "real_time" if "/real_time" in name else "cpu_time"
        return statistics.median(b[key] for b in self.runs[name])

    def counter(self, name, counter):
        values = [b[counter] for b in self.runs[name] if counter in b]
        return statistics.median(values) if values else None

    def names(self, prefix):
        return [n for n in self.runs if n.startswith(prefix)]


def benchmarks(names):
    """What has to run for these rows, as one pattern."""
    needed = sorted({b for r in ROWS if r.name in names for b in r.needs})
    return "^(" + "|".join(needed) + ")$"


def run_benchmarks(args, names):
    out = args.build / "benchmarks.json"
    command = [args.build / "test/bench/hotslot-bench", f"--benchmark_filter={benchmarks(names)}",
               f"--benchmark_repetitions={args.repetitions}", f"--benchmark_min_time={args.min_time}",
               "--benchmark_enable_random_interleaving=true", f"--benchmark_out={out}", "--benchmark_out_format=json"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return Measured(json.loads(out.read_text(encoding="utf-8")))


def rows_of_time(args, names):
    m = run_benchmarks(args, names)
    for r in ROWS:
        if r.name in names:
            value, reference = r.value(m), r.reference(m)
            yield {"name": r.name, "ns": round(value, 1), "allocs": r.allocations(m), "bytes": r.bytes(m),
                   "reference": r.of, "reference_ns": round(reference, 1), "ratio": round(value / reference, 3),
                   "bar": r.bar, "met": r.is_met(m)}
    if args.charts:
        charts.draw(m, args.charts)


def rows_of_memory(args, names):
    for name, bar in MEMORY.items():
        if "memory" in names or f"memory/{name}" in names:
            said = subprocess.run([args.build / "test/bench/hotslot-memory", name], check=True, capture_output=True,
                                  text=True).stdout
            size = float(said)
            yield {"name": f"memory/{name}", "ns": None, "allocs": None, "bytes": size,
                   "reference": f"{bar} B" if bar else None, "ratio": round(size / bar, 3) if bar else None,
                   "bar": 1 if bar else None, "met": size <= bar if bar else None}


def row_of_ageing(args, names):
    if "ageing" in names:
        share = float(subprocess.run([args.build / "test/bench/hotslot-ageing"], check=True, capture_output=True,
                                     text=True).stdout)
        yield {"name": "ageing", "ns": round(share * 1e9), "allocs": None, "bytes": None, "reference": "1 % of a core",
               "reference_ns": 1e7, "ratio": round(share / 0.01, 3), "bar": 1, "met": share <= 0.01}


def row_of_stats(name, value, reference):
    r = {"name": f"stats/{name}", "ns": None, "allocs": None, "bytes": None, "reference": None, "ratio": None, "bar": None, "met": None}
    if name == "callers":
        r |= {"ns": value, "reference": "callers alone", "reference_ns": reference, "ratio": round(value / reference, 3), "bar": 1.11}
    elif name in STATS_MEMORY:
        r |= {"bytes": value, "reference": f"the answer, {reference:.0f} B", "ratio": round(value / reference, 3), "bar": STATS_MEMORY[name]}
    elif STATS[name]:
        r |= {"ns": value, "reference": "50 ms", "reference_ns": STATS[name], "ratio": round(value / STATS[name], 3), "bar": 1}
    else:
        r["ns"] = value
    if r["bar"]:
        r["met"] = r["ratio"] <= r["bar"]
    return r


def rows_of_stats(args, names):
    if "stats" not in names:
        return
    said = subprocess.run([args.build / "test/bench/hotslot-stats"], check=True, stdout=subprocess.PIPE, text=True).stdout
    for line in said.splitlines():
        name, *values = line.split()
        yield row_of_stats(name, float(values[0]), float(values[1]) if len(values) > 1 else None)


def environment(args):
    cpu = next((line.split(":")[1].strip() for line in open("/proc/cpuinfo", encoding="utf-8") if line.startswith("model name")),
               "unknown")
    compiler = subprocess.run(["g++", "--version"], capture_output=True, text=True, check=False).stdout.splitlines()
    return {"name": "environment", "cpu": cpu, "cores": os.cpu_count(), "system": platform.platform(),
            "compiler": compiler[0] if compiler else "unknown", "repetitions": args.repetitions,
            "load": os.getloadavg()[0]}


def text_of(r):
    def shown(v):
        return "-" if v is None else f"{v:.1f}" if isinstance(v, float) else str(v)

    met = {True: "yes", False: "NO", None: ""}[r["met"]]
    return (f"{r['name']:34} {shown(r['ns']):>9} {shown(r['allocs']):>7} {shown(r['bytes']):>9}  "
            f"{shown(r.get('reference_ns')):>9} {shown(r['ratio']):>7} {shown(r['bar']):>5} {met:4} {r['reference'] or ''}")


def parse():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", type=pathlib.Path, required=True)
    parser.add_argument("--json", type=pathlib.Path, help="append the rows to this file")
    parser.add_argument("--charts", type=pathlib.Path, help="draw the scaling curves into this folder")
    parser.add_argument("--repetitions", type=int, default=9)
    parser.add_argument("--min-time", default="0.1")
    parser.add_argument("names", nargs="*", help="rows; all where none is named")
    return parser.parse_args()


def main():
    args = parse()
    known = {r.name for r in ROWS} | {"ageing", "memory", "stats"} | {f"memory/{n}" for n in MEMORY}
    if unknown := set(args.names) - known:
        sys.exit(f"no such row: {' '.join(sorted(unknown))}; there are: {' '.join(sorted(known))}")
    names = set(args.names) or known
    rows = [environment(args)]
    print(json.dumps(rows[0]))
    print(f"{'':34} {'ns':>9} {'allocs':>7} {'bytes':>9}  {'ref. ns':>9} {'ratio':>7} {'bar':>5} met")
    sources = [rows_of_memory(args, names), row_of_ageing(args, names), rows_of_stats(args, names)]
    if names & {r.name for r in ROWS}:
        sources.insert(0, rows_of_time(args, names))
    for source in sources:
        for r in source:
            rows.append(r)
            print(text_of(r), flush=True)
    if args.json:
        with args.json.open("a", encoding="utf-8") as f:
            f.writelines(json.dumps(r) + "\n" for r in rows)
    return 0 if all(r.get("met") is not False for r in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
