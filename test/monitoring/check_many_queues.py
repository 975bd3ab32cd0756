#!/usr/bin/env python3
"""No alert is false, and none is missed, where there are more queues than have series of their own: what many-queues writes,
minute by minute, is given to promtool.

    check_many_queues.py MANY_QUEUES PROMTOOL ALERTS
"""

import json
import pathlib
import re
import subprocess
import sys
import tempfile

SKIPPED = 77
SAMPLE = re.compile(r"^([a-z_0-9]+\{.*\}) (\S+)$")
BEGINS, RECOVERS, MINUTES = 10, 25, 40


def series_of(program, mode, wanted):
    """Of each series the values of all minutes."""
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([program, folder, *mode], check=True)
        for minute in range(MINUTES):
            for line in (pathlib.Path(folder) / str(minute)).read_text(encoding="utf-8").split("\n"):
                sample = SAMPLE.match(line)
                if sample and sample[1].split("{")[0] in wanted:
                    found.setdefault(sample[1], ["_"] * MINUTES)[minute] = sample[2]
    return {name: values for name, values in found.items() if "reason=" not in name or set(values) - {"0", "_"}}


def in_parts(series):
    """promtool loads no more than so many at a time; alerts look at one queue each."""
    parts = {part: {} for part in range(-1, 10)}
    for name, values in series.items():
        key = re.search(r'key="([^"]*)"', name)
        number = re.fullmatch(r"q(\d+)", key[1]) if key else None
        for part in [int(number[1]) % 10] if number else [-1] if key else parts:
            parts[part][name] = values
    return parts


def alert_of(rule, function, value):
    """As Prometheus would send it."""
    names = {"$labels.app": "a", "$labels.fn": function, "$labels.key": function, "$labels.instance": "i", "$value": value}

    def filled(text):
        return re.sub(r"\{\{ (\$[\w.]+)[^}]*\}\}", lambda m: names[m[1]], text)
    return {"exp_labels": rule["labels"] | {"instance": "i", "app": "a", "fn": function, "key": function},
            "exp_annotations": {name: filled(text) for name, text in rule["annotations"].items()}}


def expected(rules):
    """When an alert fires, and for whom: in an hour in which three queues break, and else nothing happens."""
    for at in (BEGINS - 1, BEGINS + 2, 20, 35, MINUTES - 1):
        for rule in rules:
            broken = [("broken", 2 * (at - BEGINS))] if at > BEGINS + 5 else []
            if BEGINS + 5 < at < RECOVERS:
                broken.append(("recovers", 2 * (at - BEGINS)))
            firing = broken if rule["alert"] in ("HotslotBreakerOpen", "HotslotStartsFail") else []
            if at != 20 or not firing: # in the middle all of it is compared
                firing = firing if rule["alert"] == "HotslotBreakerOpen" else None
            yield at, rule, firing


def tests(parts, rules):
    return {"rule_files": ["alerts.yml"], "evaluation_interval": "1m",
            "tests": [{"interval": "1m",
                       "input_series": [{"series": name.replace("{", '{instance="i",', 1), "values": " ".join(values)}
                                        for name, values in series.items()],
                       "alert_rule_test": [
                           {"eval_time": f"{at}m", "alertname": rule["alert"],
                            "exp_alerts": [alert_of(rule, function, str(value)) for function, value in firing if part < 0]}
                           for at, rule, firing in expected(rules) if firing is not None]}
                      for part, series in parts.items()]}


def main(program, promtool, alerts):
    try:
        import yaml
    except ImportError as e:
        print(f"skipped: {e}; Debian has python3-yaml")
        return SKIPPED
    if not promtool:
        print("skipped: no promtool")
        return SKIPPED
    text = pathlib.Path(alerts).read_text(encoding="utf-8")
    rules = [rule for group in yaml.safe_load(text)["groups"] for rule in group["rules"]]
    wanted = set(re.findall(r"hotslot_\w+", " ".join(rule["expr"] for rule in rules)))
    wrong = 0
    for mode in ([], ["forgetful"]):
        parts = in_parts(series_of(program, mode, wanted))
        if mode:
            parts = {-1: parts[-1]}
        with tempfile.TemporaryDirectory() as folder:
            file = pathlib.Path(folder) / "tests.yml"
            file.write_text(json.dumps(tests(parts, rules)), encoding="utf-8")
            (pathlib.Path(folder) / "alerts.yml").write_text(text, encoding="utf-8")
            done = subprocess.run([promtool, "test", "rules", file], capture_output=True, text=True, check=False)
        if (done.returncode == 0) != (not mode):
            print(*mode, done.stdout[:3000], done.stderr[:3000] or "no alert is false where nothing is remembered: nothing is checked")
            wrong += 1
    print(f"{wrong} wrong")
    return wrong


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
