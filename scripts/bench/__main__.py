#!/usr/bin/env python3
"""Benchmarks of lakefront.

    python3 scripts/bench/__main__.py COMMAND [ARGUMENT...]      COMMAND --help lists the arguments

commands:
  peers           compare with other programs, in interleaved rounds
  memory, threads, huge, tiny, one, levels
                  scenarios for lakefront only; several can be named, also together with `peers`
  all             `peers` and all scenarios
  convert         compare with `gzip -dc`; check peak memory against its limit
  instructions    count the instructions per row of each stage; needs valgrind
  profile         sample the share of processor time of each stage; needs perf
  history         measure runs on a table that has converted ten million objects
  listing         count the requests that listing a bucket of a million keys takes
"""

import importlib
import sys

# Subcommands and their modules. All other arguments are for `compare`.
MODULES = {
    "convert": "convert",
    "instructions": "instructions",
    "profile": "stage_shares",
    "history": "history",
    "listing": "listing",
}


def main():
    command, *rest = sys.argv[1:] or ["--help"]
    if command in ("-h", "--help"):
        print(__doc__)
        return 0
    if command in MODULES:
        return importlib.import_module(MODULES[command]).main(rest)
    return importlib.import_module("compare").main(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
