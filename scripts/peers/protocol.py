"""What the frameworks that `equinode bench` compares with have in common: reading the start, and answering for steps.

See lib/bench/child.ts: lines on standard input, lines of JSON on standard output.
"""

import json
import os
import re
import resource
import sys
import time

from safetensors.numpy import load_file


def read_start(path):
    """The parameters, in order, and the inputs by name."""
    tensors = load_file(path) if os.path.exists(path) else {}
    count = sum(name.startswith("param.") for name in tensors)
    parameters = [tensors.pop(f"param.{i}") for i in range(count)]
    return parameters, tensors


def say(answer):
    print(json.dumps(answer), flush=True)


def peak_bytes():
    """Of this program alone: what getrusage says counts that of the process which started it, too."""
    if sys.platform != "linux":
        # In bytes on macOS.
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with open("/proc/self/status", encoding="utf8") as status:
        return 1024 * int(re.search(r"^VmHWM:\s*(\d+) kB$", status.read(), re.MULTILINE).group(1))


def serve(make):
    """Answers for a workload: `make` gives `first`, whose numbers are compared, and `step`."""
    first, step = make()
    started = time.perf_counter()
    outputs = first()
    say({"firstMs": 1e3 * (time.perf_counter() - started), "outputs": outputs})
    for line in sys.stdin:
        if line.strip() == "end":
            break
        steps = []
        for _ in range(int(line)):
            begun = time.perf_counter()
            step()
            steps.append(1e3 * (time.perf_counter() - begun))
        say({"stepsMs": steps})
    say({"peakBytes": peak_bytes()})
