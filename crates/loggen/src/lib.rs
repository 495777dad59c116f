//! Writes realistic CloudFront access logs from a seed.
