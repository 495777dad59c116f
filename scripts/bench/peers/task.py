"""The task of each peer: convert logs to Parquet compressed with zstd, partitioned by hour.

Read every `.gz` below LOGS and skip lines that begin with `#`. Of the 33 fields one is a date and three are integers;
`-` is NULL. Add the object's name and the distribution's id, which is the part of the name before the first dot. Write
below OUT, in folders `year=YYYY/month=MM/day=DD/hour=HH` of the row's own time. The peers do less than lakefront: no
browser, no operating system, no state, no fsync, and rows in any order.
"""

import argparse

FIELDS = """
    date time x_edge_location sc_bytes c_ip cs_method cs_host cs_uri_stem sc_status cs_referer cs_user_agent
    cs_uri_query cs_cookie x_edge_result_type x_edge_request_id x_host_header cs_protocol cs_bytes time_taken
    x_forwarded_for ssl_protocol ssl_cipher x_edge_response_result_type cs_protocol_version fle_status
    fle_encrypted_fields c_port time_to_first_byte x_edge_detailed_result_type sc_content_type sc_content_len
    sc_range_start sc_range_end
""".split()
PARTITION = ["year", "month", "day", "hour"]
# Number of header lines of a log, for readers that cannot skip comments.
HEADER_LINES = 2


def types(date, number, text):
    """Returns the type of each field, in the terms of the peer."""
    of_field = {"date": date, "sc_bytes": number, "sc_status": number, "cs_bytes": number}
    return {field: of_field.get(field, text) for field in FIELDS}


def arguments():
    """Parses the arguments of a peer: logs, out, threads."""
    parser = argparse.ArgumentParser()
    parser.add_argument("logs", help="folder of logs")
    parser.add_argument("out", help="output folder; must not exist")
    parser.add_argument("--threads", type=int, default=2)
    return parser.parse_args()
