//! Rules by which a log becomes rows, each with a log that shows it.

// Columns, and the contents of derived ones.
mod columns;

// Partitions of rows.
mod partitions;

// Names of fields: headers, eras, field lists, real-time names.
mod fields;

// Formats: delimiters, bare names, JSON.
mod formats;

// Values of cells.
mod cells;

// Browser, operating system and bot.
mod user_agents;

// Rows, and rejects.
mod rows;

// Whole objects: gzip, limits, failures.
mod objects;
