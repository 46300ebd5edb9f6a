"""Call a function of a part in this process, and print what it returns as JSON.

python benchmarks/child.py MODULE FUNCTION [ARGUMENT ...]
"""

from __future__ import annotations

import importlib
import json
import sys

if __name__ == "__main__":
    module, function, *arguments = sys.argv[1:]
    print(json.dumps(getattr(importlib.import_module(module), function)(*arguments)))
