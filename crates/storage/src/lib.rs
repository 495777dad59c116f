//! Where bytes live: list, fetch, store.
