"""The expected results of the queries of schemas/queries, computed from the rows of the logs."""

from collections import Counter


def top(rows, order):
    return sorted(rows, key=order)[:50]


def nulls_last(cell):
    return (cell is None, cell or "")


def bots(rows):
    requests = Counter((row["requestip"], row["location"]) for row in rows if row["isbot"] == "True")
    answer = [(*key, count) for key, count in requests.items()]
    return top(answer, lambda row: (-row[2], nulls_last(row[0]), nulls_last(row[1])))


def bytes_by_distribution(rows):
    requests, sent = Counter(), Counter()
    for row in rows:
        key = row["distribution"], row["location"]
        requests[key] += 1
        sent[key] += row["bytes"] or 0
    answer = [(*key, sent[key], requests[key]) for key in requests]
    return top(answer, lambda row: (-row[2], nulls_last(row[0]), nulls_last(row[1])))


def top_viewers(rows):
    requests, sent = Counter(), Counter()
    for row in rows:
        requests[row["requestip"]] += 1
        sent[row["requestip"]] += row["bytes"] or 0
    answer = [(key, requests[key], sent[key]) for key in requests]
    return top(answer, lambda row: (-row[1], -row[2], nulls_last(row[0])))


ANSWERS = [bots, bytes_by_distribution, top_viewers]
