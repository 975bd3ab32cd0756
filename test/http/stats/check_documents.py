#!/usr/bin/env python3
"""Checks JSON answers against the published schema, and metrics by the OpenMetrics parser of the Prometheus client.

    check_documents.py PROGRAM SCHEMA
"""

import glob
import json
import os
import subprocess
import sys
import tempfile

SKIPPED = 77


def read(path):
    with open(path, encoding="utf-8") as f:
        return f.read()


def check_schema(folder, schema, jsonschema):
    validator = jsonschema.Draft7Validator(schema)
    jsonschema.Draft7Validator.check_schema(schema)
    documents = {os.path.basename(p): json.loads(read(p)) for p in glob.glob(os.path.join(folder, "*.json"))}
    assert len(documents) == 6, sorted(documents)
    for name, document in documents.items():
        for error in validator.iter_errors(document):
            yield f"{name}: {error.message}"
    # A schema that takes anything would be found here.
    for name in ("pool.json", "queue.json"):
        for member in documents[name]:
            broken = {k: v for k, v in documents[name].items() if k != member}
            if validator.is_valid(broken):
                yield f"the schema does not miss {member} of {name}"


def check_openmetrics(folder, parse):
    paths = glob.glob(os.path.join(folder, "*.openmetrics"))
    assert len(paths) == 3, paths
    for path in paths:
        try:
            families = {f.name: f for f in parse(read(path))}
        except ValueError as e:
            yield f"{os.path.basename(path)}: {e}"
            continue
        if families["hotslot_slots_acquired"].type != "counter":
            yield f"{os.path.basename(path)}: hotslot_slots_acquired is no counter"


def main(program, schema):
    try:
        import jsonschema
        from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse
    except ImportError as e:
        print(f"skipped: {e}; Debian has python3-jsonschema and python3-prometheus-client")
        return SKIPPED
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([program, folder], check=True)
        wrong = [*check_schema(folder, json.loads(read(schema)), jsonschema), *check_openmetrics(folder, parse)]
    for w in wrong:
        print(w)
    print(f"{len(wrong)} wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
