//! What Athena reads: partition, encode, layout, DDL.
