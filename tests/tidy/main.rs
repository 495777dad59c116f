//! Checks the repository against its documents: crates, stages, invariants, files, links and commands.
//!
//! Each check is a function from texts to findings, so that a test can show that it fails on a bad text.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a check that cannot read its files fails, and names the place")]
#![expect(
    clippy::disallowed_methods,
    reason = "the repository's own files are read, and a folder for README's commands"
)]

// Parsers of the checked texts: files, Rust without comments and literals, Markdown, the Makefile.
mod repository;

mod rust_text;

mod markdown;

mod makefile;

// ARCHITECTURE.md, part by part.
mod layers;

mod stages;

mod invariants;

mod spellings;

mod words;

mod circles;

mod memory;

// House rules: first lines, lengths and names of files.
mod house;

mod links;

// README.md: its commands work and print what it shows.
mod readme;
