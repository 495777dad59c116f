"""The table as pyarrow reads it."""

import pyarrow
import pyarrow.dataset

from harness import PARTITION_COLUMNS


def dataset(table):
    """The table, with partition values as strings."""
    partition = pyarrow.schema([(name, pyarrow.string()) for name in PARTITION_COLUMNS])
    return pyarrow.dataset.dataset(table, partitioning=pyarrow.dataset.partitioning(partition, flavor="hive"))
