//! The repository checked against what its documents say.
