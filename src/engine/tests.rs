//! The rules, one sentence a test.
