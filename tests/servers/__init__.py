"""Servers that tests start on loopback and stop afterwards, and a proxy that injects faults.

Each server is a context manager in its own module. It takes a folder for its data and its log, waits until the server
answers, and returns a `Store`: endpoint, keys, the environment for a client, and buckets.

A server that cannot be started raises `Failed`; no test is skipped.
"""
