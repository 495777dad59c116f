//! The repository checked against what its documents say: crates, stages, invariants, files, links and commands.
//!
//! Each check is a function from texts to findings, so that it can be shown to fail on a bad text.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a check that cannot read what it checks fails, and says where")]
#![expect(
    clippy::disallowed_methods,
    reason = "the repository's own files are read, and a folder for README's commands"
)]

// What is checked: files, Rust without its comments and literals, Markdown, the Makefile.
mod repository;

mod rust_text;

mod markdown;

mod makefile;

// ARCHITECTURE.md, part by part.
mod layers;

mod stages;

mod invariants;

mod spellings;

mod circles;

mod memory;

// The house: how files begin, how long they are, what they may be called.
mod house;

mod links;

// README.md does what it says.
mod readme;
