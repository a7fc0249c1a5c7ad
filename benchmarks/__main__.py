"""Run every benchmark of this folder, each in a process of its own, and print their tables; exit status 1 if one fails."""

import pkgutil
import subprocess
import sys
from pathlib import Path


def main() -> int:
    names = sorted(module.name for module in pkgutil.iter_modules([str(Path(__file__).parent)]))
    failed = [
        name
        for name in names
        if name != "__main__" and subprocess.run([sys.executable, "-m", f"benchmarks.{name}"], check=False).returncode
    ]
    if failed:
        print(f"\nFailed: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
