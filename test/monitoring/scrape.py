#!/usr/bin/env python3
"""A real Prometheus scrapes a real hotslotd under load, once a second, in both formats: without an error, and what it has
in the end is what was called. HOTSLOT_SCRAPE_SECONDS says for how long (15).

    scrape.py HOTSLOTD ECHO SLOW PROMETHEUS PROMTOOL ALERTS
"""

import contextlib
import os
import pathlib
import subprocess
import sys
import tempfile

from scraped import Hotslotd, Load, Prometheus, Relay, get

SKIPPED = 77

CALLERS = ["/t/t/echo"] * 2 + ["/t/t/slow?ms=2"] * 6 + ["/t/t/broken"]

CONFIG = """\
global: {{scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s}}
rule_files: ["{alerts}"]
scrape_configs:
  - {{job_name: hotslot, static_configs: [{{targets: ["127.0.0.1:{direct}"]}}]}}
  - {{job_name: plain, static_configs: [{{targets: ["127.0.0.1:{relayed}"]}}]}}
"""

# As Prometheus sends it.
OPENMETRICS = ("application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,"
               "text/plain;version=0.0.4;q=0.5,*/*;q=0.1")


def functions(echo, slow):
    def function(name, command, **more):
        return {"app": "t", "name": name, "trigger": f"/{name}", "command": command, "memory_mb": 16, **more}

    return [function("echo", [echo]), function("slow", [slow], max_workers=4),
            function("broken", ["/bin/false"], starts={"backoff_ms": 50, "max_backoff_ms": 100})]


def check_targets(prometheus):
    for target in prometheus.api("targets")["activeTargets"]:
        assert target["health"] in ("up", "unknown") and not target["lastError"], target  # unknown: before the first


def scrape_for(prometheus, relay, scrapes):
    """Until each target was scraped so often; looks at the targets after every scrape."""
    at_least = 0
    while at_least < scrapes:
        relay.wait_for_scrapes(1)
        check_targets(prometheus)
        counts = prometheus.query("count_over_time(up[1h])")
        at_least = min(counts.values()) if len(counts) == 2 else 0


def check_scrapes(prometheus):
    ups = prometheus.query("min_over_time(up[1h])")
    assert list(ups.values()) == [1, 1], ups
    samples = prometheus.query("min_over_time(scrape_samples_post_metric_relabeling[1h])")
    assert len(samples) == 2 and min(samples.values()) > 0, samples
    for rule in (rule for group in prometheus.api("rules")["groups"] for rule in group["rules"]):
        assert rule["health"] == "ok" and not rule.get("lastError"), rule
    assert not prometheus.complaints(), prometheus.complaints()


def check_figures(prometheus, load, stats):
    for job in ("hotslot", "plain"):
        def value(metric, fn, more="", job=job):
            return prometheus.value(f'sum({metric}{{job="{job}",fn="{fn}"{more}}})')

        for fn, target in (("echo", "/t/t/echo"), ("slow", "/t/t/slow?ms=2")):
            made = load.count(target, 200)
            assert made > 0, (fn, load.answers[-10:])
            assert value("hotslot_slots_acquired_total", fn) == made, (job, fn, made)
            assert value("hotslot_run_seconds_count", fn) == made, (job, fn)
            assert value("hotslot_wait_seconds_count", fn) + value("hotslot_acquired_immediately_total", fn) == made, (job, fn)
            assert value("hotslot_calls_unserved_total", fn) == 0, (job, fn)
        assert value("hotslot_slots_acquired_total", "broken") == 0
        failed = value("hotslot_launch_failures_total", "broken")
        assert failed > 0 and failed == stats["broken"]["totals"]["launch_failed"], failed
        refused = value("hotslot_calls_unserved_total", "broken", ',reason="failed"')
        assert refused == stats["broken"]["totals"]["failed"], refused
    assert {status for target, status in load.answers if "broken" not in target} == {200}


def check_formats(server, relay, promtool):
    headers, _ = get(server.admin, "/metrics", OPENMETRICS)
    assert headers["Content-Type"].startswith("application/openmetrics-text; version=1.0.0"), headers
    assert len(relay.content_types) == 1 and min(relay.content_types).startswith("text/plain; version=0.0.4"), relay.content_types
    done = subprocess.run([promtool, "check", "metrics"], input=get(server.admin, "/metrics")[1], capture_output=True, text=True,
                          check=False)
    assert done.returncode == 0 and not done.stdout + done.stderr, done


def run(hotslotd, echo, slow, prometheus, promtool, alerts, scrapes):
    with contextlib.ExitStack() as end:
        folder = pathlib.Path(end.enter_context(tempfile.TemporaryDirectory()))
        server = Hotslotd(hotslotd, functions(echo, slow), folder)
        end.callback(server.end)
        relay = Relay(server.admin)
        end.callback(relay.end)
        scraper = Prometheus(prometheus, CONFIG.format(alerts=alerts, direct=server.admin, relayed=relay.port), folder)
        end.callback(scraper.end)
        load = Load(server.port, CALLERS)
        try:
            scrape_for(scraper, relay, scrapes)
        finally:
            load.end()
        check_formats(server, relay, promtool)
        scrape_for(scraper, relay, int(min(scraper.query("count_over_time(up[1h])").values())) + 2)
        check_scrapes(scraper)
        check_figures(scraper, load, server.stats())
        print(f"{scrapes} scrapes in each format; {len(load.answers)} calls, {load.count('/t/t/echo', 200)} of echo, "
              f"{load.count('/t/t/slow?ms=2', 200)} of slow; {sorted({s for _, s in load.answers})}")


def main(hotslotd, echo, slow, prometheus, promtool, alerts):
    if not prometheus or not promtool:
        print("skipped: no prometheus or no promtool; Debian's package prometheus has both")
        return SKIPPED
    echo, slow, alerts = map(os.path.abspath, (echo, slow, alerts))
    run(hotslotd, echo, slow, prometheus, promtool, alerts, int(os.environ.get("HOTSLOT_SCRAPE_SECONDS", "15")))
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
