//! How it runs: plan, worker, report.
