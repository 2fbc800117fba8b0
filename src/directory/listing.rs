//! Every customer of the directory, a page at a time, so that nobody has to hold them all.

use super::customer::Customer;

/// Some of the customers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// The customers, in whatever order the store has them. A customer of Redis may come on two pages
    /// while the server rearranges its keys.
    pub customers: Vec<Customer>,
    /// Keys or rows of this page that are not a customer, and were passed over.
    pub malformed_count: usize,
    /// Where the next page begins; `None` when this was the last.
    pub next: Option<String>,
}
