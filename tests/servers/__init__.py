"""Servers that tests start on loopback and stop when they are done, and a proxy that breaks what passes through it.

Each server is a context manager of a module of its own: it takes a folder for its data and what it says, waits until the
server answers, and gives a `Store`: endpoint, keys, the environment that a client needs, and buckets.

A server that cannot be started is a `Failed`, never a skipped test.
"""
