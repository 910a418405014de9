"""``python -m bench [NAME ...]``: each measures one thing and prints a table."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable

from bench import catalogue, migrations, pairs, relay, spine, stock, tick
from bench.rig import Rig

BENCHES: dict[str, Callable[[Rig], str]] = {
    "receipts": spine.receipts,
    "orders": spine.orders,
    "latency": spine.latency,
    "pairs": pairs.pairs,
    "catalogue": catalogue.catalogue,
    "stock": stock.stock,
    "tick": tick.tick,
    "migrations": migrations.migrations,
    "relay": relay.relay,
}


def main(names: list[str]) -> int:
    unknown = [name for name in names if name not in BENCHES]
    if unknown:
        print(f"There is no bench {', '.join(unknown)}; there are {', '.join(BENCHES)}.")
        return 2
    if len(names) == 1:
        return measure(names[0])
    # Each in a process and on an installation of its own: none is measured with another's rows.
    return max(subprocess.call([sys.executable, "-m", "bench", name]) for name in names or BENCHES)


def measure(name: str) -> int:
    # Whoever stops us finds nothing of ours running afterwards.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    rig = Rig()
    load = os.getloadavg()[0]
    try:
        rig.start()
        print(BENCHES[name](rig))
        print(f"Load of the machine before it began: {load:.1f}.\n", flush=True)
    finally:
        rig.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
