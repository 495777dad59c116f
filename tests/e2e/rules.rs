//! Every rule of how a log becomes rows, each with a log that shows it.

// Which columns there are, and what derived ones hold.
mod columns;

// Which partition a row goes to.
mod partitions;

// How fields are found: headers, eras, field lists, real-time names.
mod fields;

// What a cell becomes.
mod cells;

// Browser, operating system and bot.
mod user_agents;

// What is a row, and what is rejected.
mod rows;

// Whole objects: gzip, limits, failures.
mod objects;
