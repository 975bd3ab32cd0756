#!/usr/bin/env python3
"""Checks the Grafana dashboard and the Prometheus alerts: that they ask only for what /metrics has, that promtool
understands each expression, and that each alert fires and does not fire in its unit tests.

    check_monitoring.py STATS_DOCUMENTS PROMTOOL ROOT
"""

import json
import pathlib
import re
import subprocess
import sys
import tempfile

from server_metrics import SERVER_METRICS

SKIPPED = 77

# What a scrape itself adds.
OF_THE_SCRAPE = {"up": {"job", "instance"}}
TARGET_LABELS = {"job", "instance"}

METRIC = re.compile(r"\b((?:hotslotd?|process)_[a-z0-9_]+|up)\b(?!\s*=)(?:\{([^}]*)\})?")
MATCHER = re.compile(r'([a-zA-Z_]\w*)\s*(=~|!~|!=|=)\s*"((?:[^"\\]|\\.)*)"')
GROUPING = re.compile(r"\b(?:by|without)\s*\(([^)]*)\)")
SAMPLE = re.compile(r"^([a-z_0-9]+)(?:\{(.*)\})? \S+$")
LABEL = re.compile(r'([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"')

# What Grafana puts in place of its variables.
VARIABLES = {"$__rate_interval": "5m", "$job": ".*", "$instance": ".*", "$app": ".*", "$key": ".*"}


def rendered(program):
    """The labels and their values of every metric that /metrics has."""
    metrics = {name: {label: set() for label in labels} for name, labels in SERVER_METRICS.items()}
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([program, folder], check=True)
        for line in (pathlib.Path(folder) / "all.openmetrics").read_text(encoding="utf-8").split("\n"):
            if sample := SAMPLE.match(line):
                labels = metrics.setdefault(sample[1], {})
                for name, value in LABEL.findall(sample[2] or ""):
                    labels.setdefault(name, set()).add(value)
    assert "hotslot_queue_waiters" in metrics and "hotslot_wait_seconds_bucket" in metrics, sorted(metrics)
    return metrics


def wrong_in(expression, metrics):
    """What an expression asks for that is not there."""
    used = METRIC.findall(re.sub(r"\$__\w+", "5m", expression))
    if not used:
        yield f"no metric in {expression}"
    known = set(TARGET_LABELS)
    for name, selector in used:
        if name not in metrics and name not in OF_THE_SCRAPE:
            yield f"no metric {name}"
            continue
        labels = {**metrics.get(name, {}), **dict.fromkeys(TARGET_LABELS, None)}
        known |= set(labels)
        for label, operator, value in MATCHER.findall(selector):
            if label not in labels:
                yield f"{name} has no label {label}"
            elif label in ("reason", "state"):
                for v in value.split("|") if operator.endswith("~") else [value]:
                    if v not in labels[label]:
                        yield f"{name} has no {label} {v}"
    for group in GROUPING.findall(expression):
        for label in filter(None, (part.strip() for part in group.split(","))):
            if label not in known:
                yield f"no label {label} in {expression}"


def panels_of(dashboard):
    for panel in dashboard["panels"]:
        yield panel
        yield from panel.get("panels", [])


def expressions_of(dashboard):
    for panel in panels_of(dashboard):
        for target in panel.get("targets", []):
            yield f"panel {panel['title']!r}", target["expr"]


def with_values(expression):
    for name, value in VARIABLES.items():
        expression = expression.replace(name, value)
    return expression


def check_dashboard(dashboard, metrics):
    for key in ("__inputs", "title", "uid", "schemaVersion", "templating"):
        if key not in dashboard:
            yield f"the dashboard has no {key}"
    inputs = {i["name"] for i in dashboard["__inputs"]}
    variables = {v["name"]: v for v in dashboard["templating"]["list"]}
    if set(variables) != {"job", "instance", "app", "key"}:
        yield f"variables: {sorted(variables)}"
    for v in variables.values():
        for wrong in wrong_in(v["definition"], metrics):
            yield f"variable {v['name']}: {wrong}"
    rows = [p["title"] for p in dashboard["panels"] if p["type"] == "row"]
    if rows != ["Overview", "Queue", "Launcher", "Resources", "Server"]:
        yield f"rows: {rows}"
    ids = [p["id"] for p in panels_of(dashboard)]
    if len(ids) != len(set(ids)):
        yield "two panels have the same id"
    for name in set(re.findall(r"\$\{(\w+)\}", json.dumps(dashboard))) - inputs:
        yield f"no input {name}"
    yield from check_grid(dashboard)
    yield from check_quotients(dashboard)
    for where, expression in expressions_of(dashboard):
        for wrong in wrong_in(expression, metrics):
            yield f"{where}: {wrong}"
        if "$" in with_values(expression):
            yield f"{where}: an unknown variable in {expression}"


def quotients(dashboard):
    return [(where, expression) for where, expression in expressions_of(dashboard) if " / " in expression]


def check_quotients(dashboard):
    """0 / 0 is a number to Prometheus, NaN, and shown."""
    if len(quotients(dashboard)) < 2:
        yield "the dashboard has no quotients"
    for where, expression in quotients(dashboard):
        divisor = expression.split(" / ", 1)[1]
        if not re.fullmatch(r"\(.* > 0\)", divisor):
            yield f"{where}: without traffic {divisor} is zero"


def check_grid(dashboard):
    """No panel lies on another, or beyond the right edge."""
    taken = {}
    for panel in dashboard["panels"]:
        grid = panel["gridPos"]
        if grid["x"] + grid["w"] > 24:
            yield f"{panel['title']!r} is too wide"
        for x in range(grid["x"], grid["x"] + grid["w"]):
            for y in range(grid["y"], grid["y"] + grid["h"]):
                other = taken.setdefault((x, y), panel)
                if other is not panel:
                    yield f"{panel['title']!r} lies on {other['title']!r}"
                    return


def check_alerts(rules, tests, metrics):
    alerts = {rule["alert"]: rule for group in rules["groups"] for rule in group["rules"]}
    for name, rule in alerts.items():
        for wrong in wrong_in(rule["expr"], metrics):
            yield f"alert {name}: {wrong}"
        if rule["labels"].get("severity") not in ("warning", "critical"):
            yield f"alert {name} has no severity"
        for text in ("summary", "description"):
            if not rule["annotations"].get(text):
                yield f"alert {name} has no {text}"
    tested = [t for group in tests["tests"] for t in group["alert_rule_test"]]
    for name in alerts:
        if not any(t["alertname"] == name and t["exp_alerts"] for t in tested):
            yield f"no test in which {name} fires"
        if not any(t["alertname"] == name and not t["exp_alerts"] for t in tested):
            yield f"no test in which {name} does not fire"


def check_syntax(dashboard, promtool, yaml):
    rules = [{"record": f"panel:{i}", "expr": with_values(expression)} for i, (_, expression) in enumerate(expressions_of(dashboard))]
    with tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder) / "rules.yml"
        file.write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": rules}]}), encoding="utf-8")
        yield from run(promtool, "check", "rules", file)


def check_quiet(dashboard, promtool, metrics, yaml):
    """Without traffic a quotient has no value, with it one."""
    labels = 'job="hotslot",instance="i",app="a",fn="f",key="k"'
    names = sorted({name for _, e in quotients(dashboard) for name, _ in METRIC.findall(e) if name in metrics})

    def case(values, wrap, expected):
        return {"interval": "1m", "input_series": [{"series": f"{name}{{{labels}}}", "values": values} for name in names],
                "promql_expr_test": [{"expr": wrap.format(with_values(expression)), "eval_time": "10m", "exp_samples": expected}
                                     for _, expression in quotients(dashboard)]}

    with tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder) / "quiet.yml"
        file.write_text(yaml.safe_dump({"evaluation_interval": "1m", "tests": [
            case("0x20", "{}", []), case("0+60x20", "count({} >= 0)", [{"labels": "{}", "value": 1}])]}), encoding="utf-8")
        yield from run(promtool, "test", "rules", str(file))


def check_by_promtool(promtool, rules, tests):
    yield from run(promtool, "check", "rules", rules)
    with tempfile.TemporaryDirectory() as folder: # the tests name the rules by a path from their own
        for file in (rules, tests):
            (pathlib.Path(folder) / file.name).write_bytes(file.read_bytes())
        yield from run(promtool, "test", "rules", pathlib.Path(folder) / tests.name)


def run(*command):
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        yield f"{command[1]} {command[2]}: {done.stdout}{done.stderr}"


def check_the_check(dashboard, metrics):
    """A metric, a label or a reason that is gone has to be noticed."""
    without = {
        "hotslot_queue_waiters": {k: v for k, v in metrics.items() if k != "hotslot_queue_waiters"},
        "label cause": {k: {n: v for n, v in labels.items() if n != "cause"} for k, labels in metrics.items()},
        "reason evicted": {k: {n: v - {"evicted"} for n, v in labels.items()} for k, labels in metrics.items()},
    }
    for what, fewer in without.items():
        if not any(what.split()[-1] in wrong for wrong in check_dashboard(dashboard, fewer)):
            yield f"the check does not miss {what}"


def main(program, promtool, root):
    try:
        import yaml
    except ImportError as e:
        print(f"skipped: {e}; Debian has python3-yaml")
        return SKIPPED
    root = pathlib.Path(root)
    dashboard = json.loads((root / "docs/grafana/hotslot.json").read_text(encoding="utf-8"))
    rules, tests = root / "docs/prometheus/alerts.yml", root / "test/monitoring/alerts_test.yml"
    metrics = rendered(program)
    wrong = [*check_dashboard(dashboard, metrics), *check_the_check(dashboard, metrics),
             *check_alerts(yaml.safe_load(rules.read_text()), yaml.safe_load(tests.read_text()), metrics)]
    if promtool:
        wrong += [*check_syntax(dashboard, promtool, yaml), *check_quiet(dashboard, promtool, metrics, yaml), *check_by_promtool(promtool, rules, tests)]
    else:
        print("no promtool: neither syntax nor the tests of the alerts are checked")
    for w in wrong:
        print(w)
    print(f"{len(wrong)} wrong")
    if wrong:
        return 1
    return 0 if promtool else SKIPPED


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
