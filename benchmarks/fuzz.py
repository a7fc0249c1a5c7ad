"""Every reader against files that are damaged or made to do harm: no traceback, no hang, nothing written elsewhere.

Each reader gets its share of the inputs: a good one, changed by a seeded chance. It may take the input or refuse it with a
sentence; anything else is a fault, which is printed with its number so that it can be made again:

``python -m benchmarks.fuzz --only "listeners" --seed 0 --first 123 --inputs 1``
"""

import argparse
import resource
import tempfile
import time
from pathlib import Path

from benchmarks import header, table
from tests.fuzz.readers import READERS
from tests.fuzz.watch import fuzz


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--inputs", type=int, default=270, help="inputs of an ordinary reader; slow ones get fewer")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--first", type=int, default=0, help="number of the first input")
    parser.add_argument("--only", default="", help="readers with this in their name")
    options = parser.parse_args()
    header(
        "Fuzz",
        "at least 10,000 inputs: no traceback, no hang (10 s an input), no file outside the folder",
        ("soundfile", "av", "torch"),
    )
    rows, faults, total = [], [], 0
    for reader in READERS:
        if options.only not in reader.name:
            continue
        began = time.perf_counter()
        with tempfile.TemporaryDirectory() as name:
            found = fuzz(
                reader, options.inputs, Path(name).resolve(), seed=options.seed, first=options.first, hard=True
            )
        count = max(1, options.inputs * reader.share // 100)
        total += count
        rows.append(
            (reader.name, count, found.taken, found.refused, len(found.faults), f"{time.perf_counter() - began:.1f} s")
        )
        faults += found.faults
    table(("reader", "inputs", "taken", "refused", "faults", "time"), rows)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"\n{total} inputs, {len(faults)} faults; at most {peak:.0f} MB of memory.")
    for fault in faults:
        print(fault)
    return 1 if faults else 0


if __name__ == "__main__":
    raise SystemExit(main())
