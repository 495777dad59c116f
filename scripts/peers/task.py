"""What each peer is asked to do, said once: columns and types in, partitioned zstd Parquet out.

Read every `.gz` below LOGS; leave out lines that begin with `#`; 33 fields, of which one is a date and three are whole
numbers, `-` is NULL; add the object's name and the distribution's id, which is its part before the first dot; write
Parquet compressed by zstd below OUT, in folders `year=YYYY/month=MM/day=DD/hour=HH` of the row's own time. No browser,
no operating system, no state, no fsync, and rows in any order: less than lakefront does.
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
# The lines that a log begins with: for readers that cannot leave out comments.
HEADER_LINES = 2


def types(date, number, text):
    """Each field with its type, as the peer calls it."""
    of_field = {"date": date, "sc_bytes": number, "sc_status": number, "cs_bytes": number}
    return {field: of_field.get(field, text) for field in FIELDS}


def arguments():
    """What a peer is told: logs, out, threads."""
    parser = argparse.ArgumentParser()
    parser.add_argument("logs", help="the folder of logs")
    parser.add_argument("out", help="a folder, not there yet")
    parser.add_argument("--threads", type=int, default=2)
    return parser.parse_args()
