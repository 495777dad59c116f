//! What a column is: one list in /schemas, spoken as CloudFront, Arrow and SQL types.
