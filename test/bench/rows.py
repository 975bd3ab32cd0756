"""What is measured, against what, and how much of it may be."""

import dataclasses
from typing import Callable, Optional, Sequence


@dataclasses.dataclass(frozen=True)
class Row:
    name: str
    bar: Optional[float]  # the ratio of value and reference must not be more; None where it is only told
    of: str  # the reference, in words
    value: Callable  # of what was measured, in ns
    reference: Callable
    needs: Sequence[str]  # the benchmarks, as patterns
    counted: Optional[str] = None  # the benchmark whose allocations count
    most_allocations: Optional[float] = None

    def allocations(self, m):
        n = m.counter(self.counted, "allocs") if self.counted else None
        return None if n is None else round(n, 3)

    def bytes(self, m):
        n = m.counter(self.counted, "bytes") if self.counted else None
        return None if n is None else round(n, 1)

    def is_met(self, m):
        if self.bar is None:
            return None
        few = self.most_allocations is None or self.allocations(m) <= self.most_allocations
        return few and self.value(m) / self.reference(m) <= self.bar


def of(name):
    return lambda m: m.ns(name)


def growth(name, first, last):
    """From a queue that holds `first` to one that holds `last`: at most three times."""
    return Row(f"{name}", 3, f"{name}/{first}", of(f"{name}/{last}"), of(f"{name}/{first}"), [f"{name}/.*", f"floor_{name}/.*"])


def checkout(m):
    return 2.5 * m.ns("floor") + 2 * m.ns("clock")


# A few calls of a warm queue may meet the first allocation of a bigger piece of Asio's; none happens per call.
NONE = 0.001

ROWS = [
    Row("checkout_idle", 1, "5 floor + 2 clock", of("checkout_idle"), lambda m: 5 * m.ns("floor") + 2 * m.ns("clock"),
        ["checkout_idle", "floor", "clock"], "checkout_idle", NONE),
    Row("checkout_idle/naive", 1 / 50, "naive", of("checkout_idle"), of("naive"), ["checkout_idle", "naive"]),
    Row("checkout_try", 1, "2.5 floor + 2 clock", of("checkout_try"), checkout, ["checkout_try", "floor", "clock"], "checkout_try",
        NONE),
    Row("checkout_try/condvar", 1, "condvar", of("checkout_try"), of("condvar"), ["checkout_try", "condvar"]),
    # One iteration has two hand-offs: there and back.
    Row("handoff", 2.5, "floor_post", lambda m: m.ns("handoff") / 2, of("floor_post"), ["handoff", "floor_post"], "handoff", NONE),
    Row("handoff_threads", 1, "condvar, two threads", lambda m: m.ns("handoff_threads/real_time") / 2,
        lambda m: m.ns("condvar_threads/there_and_back/real_time") / 2,
        ["handoff_threads/real_time", "condvar_threads/there_and_back/real_time"]),
    growth("wake_growth", 1, 100000),
    growth("eject_growth", 10, 1000000),
    growth("cancel_growth", 1, 100000),
    Row("lookup_checkout", 1, "2 floor_lookup + checkout_try", of("lookup_checkout"),
        lambda m: 2 * m.ns("floor_lookup") + m.ns("checkout_try"), ["lookup_checkout", "floor_lookup", "checkout_try"],
        "lookup_checkout", NONE),
    Row("lookup_checkout/random_key", None, "2 floor_lookup + checkout_try, of random keys", of("lookup_checkout/random_key"),
        lambda m: 2 * m.ns("floor_lookup/random_key") + m.ns("checkout_try/of_100000_queues"),
        ["lookup_checkout/random_key", "floor_lookup/random_key", "checkout_try/of_100000_queues"]),
    # Calls a second, turned round: one thread's time of a call, over 1.7.
    Row("threads/keys_apart", 1 / 1.7, "one thread", lambda m: 1e9 / m.counter("threads/keys_apart/real_time/threads:2",
        "items_per_second"), lambda m: 1e9 / m.counter("threads/keys_apart/real_time/threads:1", "items_per_second"),
        ["threads/keys_apart/real_time/threads:."]),
    Row("threads/one_key", 1, "condvar, one key", lambda m: 1e9 / m.counter("threads/one_key/real_time/threads:2", "items_per_second"),
        lambda m: 1e9 / m.counter("threads/condvar_one_key/real_time/threads:2", "items_per_second"),
        ["threads/one_key/real_time/threads:.", "threads/condvar_one_key/real_time/threads:."]),
    Row("key", 1.5, "floor_key", of("key"), of("floor_key"), ["key", "floor_key"], "key"),
    Row("deadline", 1, "100 ns", lambda m: max(0.0, (m.ns("handoff") - m.ns("handoff/no_deadline")) / 2), lambda m: 100,
        ["handoff", "handoff/no_deadline"]),
    Row("snapshot", 1, "100 ns a queue", lambda m: m.ns("snapshot") / 10000, lambda m: 100, ["snapshot"]),
    Row("snapshot/callers", 1 / 0.9, "caller alone", of("snapshot/caller_meanwhile/real_time"),
        of("snapshot/caller_alone/real_time"), ["snapshot/caller_.*"]),
]

# Bytes of one; a queue that was used has no bar.
MEMORY = {"idle_slot": 64, "waiting_callback": 256, "waiting_coroutine": 1400, "empty_queue": 192, "key_in_manager": 320,
          "used_queue": None}

# Nanoseconds of processor time of one answer with 10 000 queues, at most; those that are compressed have no bar.
STATS = {"json": 50e6, "metrics": 50e6, "json_gzip": None, "metrics_gzip": None}
# The most memory that one answer takes while it is made, by the answer's size.
STATS_MEMORY = {"json_memory": 2, "metrics_memory": 4}
