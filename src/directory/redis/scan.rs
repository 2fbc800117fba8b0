//! Every customer in Redis, a page at a time.
//!
//! SCAN goes through the keys without stopping the server, and promises this: a customer who is there
//! all the time comes at least once. One may come twice while the server grows its table, and one who
//! comes or goes meanwhile may be told or not.

use redis::{Pipeline, RedisResult, Value, cmd};

use super::super::Error;
use super::super::customer::Invalid;
use super::super::listing::Page;
use super::{Redis, Trouble, read_customer};

/// Keys looked through for each customer wanted: its own, and those of its identifiers.
const KEYS_PER_CUSTOMER: usize = 4;

impl Redis {
    /// The customers after `after`, the cursor of the page before: about `count`, fewer or none where
    /// the keys of others lie between.
    pub(in super::super) async fn list(
        &self,
        after: Option<&str>,
        count: usize,
    ) -> Result<Page, Error> {
        let operation = "list customers";
        // Each node would have to be gone through by itself.
        self.check_writable(operation)?;
        let cursor: u64 = after.unwrap_or("0").parse().map_err(|_| {
            Invalid::new("page_token", after.unwrap_or_default(), "a place that was told before")
        })?;
        self.scan(cursor, count).await.map_err(|trouble| trouble.into_error(operation))
    }

    async fn scan(&self, cursor: u64, count: usize) -> Result<Page, Trouble> {
        let customers = format!("{}:customer:", self.prefix);
        let mut scan = cmd("SCAN");
        scan.arg(cursor).arg("MATCH").arg(format!("{}*", literal(&customers)));
        scan.arg("COUNT").arg(count * KEYS_PER_CUSTOMER);
        let (next, keys): (u64, Vec<Vec<u8>>) = self.ask(&scan).await?;
        let mut page = Page {
            customers: vec![],
            malformed_count: 0,
            next: (next != 0).then(|| next.to_string()),
        };
        if keys.is_empty() {
            return Ok(page);
        }
        let mut reads = Pipeline::with_capacity(keys.len());
        reads.ignore_errors();
        for key in &keys {
            reads.cmd("HGETALL").arg(key);
        }
        let hashes: Vec<RedisResult<Value>> = self.ask_all(&reads).await?;
        for (key, hash) in keys.into_iter().zip(hashes) {
            match Self::listed(&key, &customers, hash) {
                // It went away between the two questions.
                Some(Listed::Gone) => {}
                Some(Listed::Customer(customer)) => page.customers.push(customer),
                None => page.malformed_count += 1,
            }
        }
        Ok(page)
    }

    fn listed(key: &[u8], customers: &str, hash: RedisResult<Value>) -> Option<Listed> {
        let id = std::str::from_utf8(key).ok()?.strip_prefix(customers)?;
        let fields: Vec<(Vec<u8>, Vec<u8>)> = redis::from_redis_value(hash.ok()?).ok()?;
        if fields.is_empty() {
            return Some(Listed::Gone);
        }
        let customer = read_customer(id, fields).ok()?.checked().ok()?;
        (customer.id == id).then_some(Listed::Customer(customer))
    }
}

/// What became of a key.
enum Listed {
    Customer(super::Customer),
    Gone,
}

/// The text as a pattern that matches nothing else.
fn literal(text: &str) -> String {
    let mut pattern = String::with_capacity(text.len());
    for c in text.chars() {
        if matches!(c, '*' | '?' | '[' | ']' | '\\' | '^') {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_is_matched_as_it_is() {
        assert_eq!(literal("a-b_c.1:"), "a-b_c.1:");
        assert_eq!(literal(r"a*b?[c]\"), r"a\*b\?\[c\]\\");
    }
}
