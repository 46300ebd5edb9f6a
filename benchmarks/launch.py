"""Run a command, and print on the last line what it took, as JSON.

    python benchmarks/launch.py COMMAND [ARGUMENT ...]

The system counts the memory of the process that starts another one as that of the new one. This one
is small, unlike a process that has imported torch.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time

if __name__ == "__main__":
    start = time.perf_counter()
    status = subprocess.run(sys.argv[1:], check=False).returncode  # noqa: S603
    seconds = time.perf_counter() - start
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    took = {
        "seconds": seconds,
        "processor": usage.ru_utime + usage.ru_stime,
        "memory": usage.ru_maxrss / 1024,  # MiB
    }
    print("\n" + json.dumps(took))
    sys.exit(0 if status in {0, 1} else status)  # symdiff's 1: a verdict does not pass
