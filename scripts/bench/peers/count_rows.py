"""Prints the number of rows and partitions of the Parquet files below a folder, from their footers."""

import os
import sys

import pyarrow.parquet as pq


def main():
    rows, folders = 0, set()
    for folder, below, names in os.walk(sys.argv[1]):
        below[:] = [name for name in below if not name.startswith((".", "_"))]
        for name in names:
            if name.endswith(".parquet"):
                rows += pq.read_metadata(os.path.join(folder, name)).num_rows
                folders.add(folder)
    print(rows, len(folders))


main()
