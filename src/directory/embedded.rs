//! Customers in a SQLite file of the server's own.
//!
//! Its own file, so that an import of a million customers never holds the lock of the journal. Two
//! tables, which any SQLite client can read while the server runs:
//!
//! ```text
//! customer(id, tier, name, attributes)    tier is empty for none; attributes is a JSON object of strings
//! identifier(kind, value, customer_id)
//! ```
//!
//! A write is on disk when it is acknowledged (WAL with `synchronous=FULL`). Reads have connections
//! of their own and do not wait for writes. Nothing here blocks the async runtime.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, Row, params};
use tokio::sync::Semaphore;

use super::Error;
use super::customer::{Amendment, Customer, Identifier, IdentifierKind};
use super::front::ReadError;
use super::listing::Page;

/// The layout below; written to `user_version`.
const LAYOUT: i64 = 1;

const TABLES: &str = "
    CREATE TABLE customer(
        id TEXT PRIMARY KEY,
        tier TEXT NOT NULL,
        name TEXT,
        attributes TEXT NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE identifier(
        kind TEXT NOT NULL,
        value TEXT NOT NULL,
        customer_id TEXT NOT NULL,
        PRIMARY KEY(kind, value)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX identifier_of_customer ON identifier(customer_id);
    PRAGMA user_version = 1;
";

/// Reads at one time. A read takes some ten microseconds, so two connections answer far more than
/// callers can ask, and the rest wait within their budget.
const READERS: usize = 2;

/// How long a write waits for another program that is writing the same file.
const BUSY: Duration = Duration::from_secs(5);

pub(super) struct Embedded {
    path: PathBuf,
    writer: Arc<tokio::sync::Mutex<Connection>>,
    readers: Arc<Readers>,
}

struct Readers {
    permits: Arc<Semaphore>,
    idle: Mutex<Vec<Connection>>,
}

impl Embedded {
    /// Opens the file, or makes it, readable by its owner alone.
    pub(super) async fn open(path: PathBuf) -> Result<Self, Error> {
        blocking(move || {
            let writer = open_writer(&path)?;
            let readers = Readers {
                permits: Arc::new(Semaphore::new(READERS)),
                idle: Mutex::new(Vec::with_capacity(READERS)),
            };
            let writer = Arc::new(tokio::sync::Mutex::new(writer));
            Ok(Self { path, writer, readers: Arc::new(readers) })
        })
        .await
    }

    pub(super) async fn read(
        &self,
        identifier: &Identifier,
    ) -> Result<Option<Customer>, ReadError> {
        let identifier = identifier.clone();
        self.reading("look a customer up", move |db| find(db, &identifier)).await.map_err(|error| {
            match error {
                Error::Malformed { reason, .. } => ReadError::Malformed(reason),
                other => ReadError::Failed(other.to_string()),
            }
        })
    }

    pub(super) async fn probe(&self, budget: Duration) -> Result<(), ReadError> {
        let read = self.reading("look whether it answers", |db| {
            Ok(db.query_row("SELECT count(*) FROM customer WHERE id = ''", [], |_| Ok(()))?)
        });
        match tokio::time::timeout(budget, read).await {
            Ok(result) => result.map_err(|error| ReadError::Failed(error.to_string())),
            Err(_) => Err(ReadError::TimedOut),
        }
    }

    pub(super) async fn get(&self, id: &str) -> Result<Option<Customer>, Error> {
        let id = id.to_owned();
        self.reading("get a customer", move |db| customer(db, &id)).await
    }

    /// The customers after the one with the id `after`, in the order of their ids.
    pub(super) async fn list(&self, after: Option<&str>, count: usize) -> Result<Page, Error> {
        let after = after.unwrap_or_default().to_owned();
        self.reading("list customers", move |db| list(db, &after, count)).await
    }

    /// Stores all of them or none; says which identifiers no longer name the one that had them.
    pub(super) async fn put(&self, customers: Vec<Customer>) -> Result<Vec<Identifier>, Error> {
        self.writing("put customers", move |db| {
            let mut gone = vec![];
            for customer in &customers {
                put(db, customer, &mut gone)?;
            }
            Ok(gone)
        })
        .await
    }

    /// Changes the attributes if those expected are so; says whether they were.
    pub(super) async fn amend(&self, amendment: Amendment) -> Result<bool, Error> {
        self.writing("amend a customer", move |db| {
            let Some(Customer { id, mut attributes, .. }) = customer(db, &amendment.id)? else {
                return Ok(false);
            };
            let holds = |(key, expected): &(String, Option<String>)| {
                attributes.get(key) == expected.as_ref()
            };
            if !amendment.expected.iter().all(holds) {
                return Ok(false);
            }
            for (key, value) in amendment.changes {
                match value {
                    Some(value) => attributes.insert(key, value),
                    None => attributes.remove(&key),
                };
            }
            db.prepare_cached("UPDATE customer SET attributes = ?2 WHERE id = ?1")?
                .execute([id, json(&attributes)])?;
            Ok(true)
        })
        .await
    }

    pub(super) async fn delete(&self, id: &str) -> Result<Option<Vec<Identifier>>, Error> {
        let id = id.to_owned();
        self.writing("delete a customer", move |db| {
            let had = identifiers(db, &id)?;
            db.prepare_cached("DELETE FROM identifier WHERE customer_id = ?1")?.execute([&id])?;
            let count = db.prepare_cached("DELETE FROM customer WHERE id = ?1")?.execute([&id])?;
            Ok((count > 0).then_some(had))
        })
        .await
    }

    async fn reading<T: Send + 'static>(
        &self,
        operation: &'static str,
        work: impl FnOnce(&Connection) -> Result<T, Trouble> + Send + 'static,
    ) -> Result<T, Error> {
        let permit = Arc::clone(&self.readers.permits)
            .acquire_owned()
            .await
            .expect("the semaphore is never closed");
        let (path, readers) = (self.path.clone(), Arc::clone(&self.readers));
        blocking(move || {
            // The permit lives as long as the work, also when nobody waits for it any more.
            let _permit = permit;
            let work = || {
                let idle = readers.idle.lock().expect("nobody panics with the readers").pop();
                let db = idle.map_or_else(|| open_reader(&path), Ok)?;
                // All statements of one read see one state of the file.
                let transaction = db.unchecked_transaction()?;
                let result = work(&transaction)?;
                drop(transaction);
                readers.idle.lock().expect("nobody panics with the readers").push(db);
                Ok(result)
            };
            work().map_err(|trouble: Trouble| trouble.into_error(&path, operation))
        })
        .await
    }

    async fn writing<T: Send + 'static>(
        &self,
        operation: &'static str,
        work: impl FnOnce(&Connection) -> Result<T, Trouble> + Send + 'static,
    ) -> Result<T, Error> {
        let mut writer = Arc::clone(&self.writer).lock_owned().await;
        let path = self.path.clone();
        blocking(move || {
            let work = || {
                let transaction =
                    writer.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
                let result = work(&transaction)?;
                transaction.commit()?;
                Ok(result)
            };
            work().map_err(|trouble: Trouble| trouble.into_error(&path, operation))
        })
        .await
    }
}

/// Why a piece of work with the file failed.
enum Trouble {
    Sqlite(rusqlite::Error),
    Malformed(&'static str),
    TooNew(i64),
}

impl From<rusqlite::Error> for Trouble {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

impl Trouble {
    fn into_error(self, path: &Path, operation: &'static str) -> Error {
        let path = path.to_owned();
        match self {
            Self::Sqlite(source) => Error::Sqlite { path, operation, source },
            Self::Malformed(reason) => Error::Malformed { operation, reason },
            Self::TooNew(found) => Error::TooNew { path, found, known: LAYOUT },
        }
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(failure) => std::panic::resume_unwind(failure.into_panic()),
    }
}

fn open_writer(path: &Path) -> Result<Connection, Error> {
    let operation = "open";
    let trouble = |error: rusqlite::Error| Trouble::from(error).into_error(path, operation);
    create_private(path);
    let db = Connection::open(path).map_err(trouble)?;
    let prepare = || {
        db.busy_timeout(BUSY)?;
        db.pragma_update(None, "journal_mode", "WAL")?;
        db.pragma_update(None, "synchronous", "FULL")?;
        match db.pragma_query_value(None, "user_version", |row| row.get::<_, i64>(0))? {
            0 => db.execute_batch(&format!("BEGIN IMMEDIATE; {TABLES} COMMIT;"))?,
            LAYOUT => {}
            newer => return Err(Trouble::TooNew(newer)),
        }
        Ok(())
    };
    prepare().map_err(|trouble: Trouble| trouble.into_error(path, operation))?;
    Ok(db)
}

/// Customers are nobody else's business. If the file cannot be made here, SQLite will say why.
fn create_private(path: &Path) {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let _ = options.open(path);
}

fn open_reader(path: &Path) -> Result<Connection, Trouble> {
    let db = Connection::open(path)?;
    db.busy_timeout(BUSY)?;
    db.pragma_update(None, "query_only", true)?;
    Ok(db)
}

fn find(db: &Connection, identifier: &Identifier) -> Result<Option<Customer>, Trouble> {
    if identifier.kind() == IdentifierKind::Id {
        return customer(db, identifier.value());
    }
    let id: Option<String> = db
        .prepare_cached("SELECT customer_id FROM identifier WHERE kind = ?1 AND value = ?2")?
        .query_row([identifier.kind().as_str(), identifier.value()], |row| row.get(0))
        .optional()?;
    id.map_or(Ok(None), |id| customer(db, &id))
}

fn customer(db: &Connection, id: &str) -> Result<Option<Customer>, Trouble> {
    let read = |row: &Row<'_>| {
        Ok((row.get::<_, String>(0)?, row.get::<_, Option<String>>(1)?, row.get::<_, String>(2)?))
    };
    let found = db
        .prepare_cached("SELECT tier, name, attributes FROM customer WHERE id = ?1")?
        .query_row([id], read)
        .optional()?;
    let Some((tier, name, attributes)) = found else {
        return Ok(None);
    };
    let attributes: BTreeMap<String, String> = serde_json::from_str(&attributes)
        .map_err(|_| Trouble::Malformed("a customer's attributes are not an object of strings"))?;
    let identifiers = identifiers(db, id)?;
    let tier = Some(tier).filter(|tier| !tier.is_empty());
    Ok(Some(Customer { id: id.to_owned(), tier, name, identifiers, attributes }))
}

fn list(db: &Connection, after: &str, count: usize) -> Result<Page, Trouble> {
    let mut select =
        db.prepare_cached("SELECT id FROM customer WHERE id > ?1 ORDER BY id LIMIT ?2")?;
    let limit = i64::try_from(count).unwrap_or(i64::MAX);
    let ids = select.query_map(params![after, limit], |row| row.get::<_, String>(0))?;
    let ids = ids.collect::<Result<Vec<_>, _>>()?;
    let next = (ids.len() == count).then(|| ids.last().cloned()).flatten();
    let mut page = Page { customers: Vec::with_capacity(ids.len()), malformed_count: 0, next };
    for id in ids {
        match customer(db, &id) {
            Ok(customer) => page.customers.extend(customer),
            Err(Trouble::Malformed(_)) => page.malformed_count += 1,
            Err(trouble) => return Err(trouble),
        }
    }
    Ok(page)
}

fn identifiers(db: &Connection, customer_id: &str) -> Result<Vec<Identifier>, Trouble> {
    let mut select =
        db.prepare_cached("SELECT kind, value FROM identifier WHERE customer_id = ?1")?;
    let rows = select
        .query_map([customer_id], |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?)))?;
    let mut identifiers = vec![];
    for row in rows {
        let (kind, value) = row?;
        // Whoever wrote a row of another kind into the file by hand has a use for it; we have none.
        if let Ok(kind) = kind.parse()
            && let Ok(identifier) = Identifier::new(kind, &value)
        {
            identifiers.push(identifier);
        }
    }
    identifiers.sort();
    Ok(identifiers)
}

fn json(attributes: &BTreeMap<String, String>) -> String {
    serde_json::to_string(attributes).expect("a map of strings is JSON")
}

fn put(db: &Connection, customer: &Customer, gone: &mut Vec<Identifier>) -> Result<(), Trouble> {
    let had = identifiers(db, &customer.id)?;
    gone.extend(had.into_iter().filter(|i| customer.identifiers.binary_search(i).is_err()));
    db.prepare_cached("DELETE FROM identifier WHERE customer_id = ?1")?.execute([&customer.id])?;
    let attributes = json(&customer.attributes);
    db.prepare_cached(
        "INSERT INTO customer(id, tier, name, attributes) VALUES(?1, ?2, ?3, ?4)
         ON CONFLICT(id) DO UPDATE SET tier = ?2, name = ?3, attributes = ?4",
    )?
    .execute(params![
        customer.id,
        customer.tier.as_deref().unwrap_or_default(),
        customer.name,
        attributes
    ])?;
    let mut insert = db.prepare_cached(
        "INSERT INTO identifier(kind, value, customer_id) VALUES(?1, ?2, ?3)
         ON CONFLICT(kind, value) DO UPDATE SET customer_id = ?3",
    )?;
    for identifier in &customer.identifiers {
        insert.execute([identifier.kind().as_str(), identifier.value(), &customer.id])?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_acknowledged_is_synced() {
        let place = tempfile::tempdir().unwrap();
        let embedded = Embedded::open(place.path().join("customers.db")).await.unwrap();
        let writer = embedded.writer.lock().await;
        let pragma = |name| writer.pragma_query_value(None, name, |row| row.get::<_, String>(0));
        assert_eq!(pragma("journal_mode").unwrap(), "wal");
        let level = writer.pragma_query_value(None, "synchronous", |row| row.get::<_, i64>(0));
        assert_eq!(level.unwrap(), 2, "2 is FULL");
    }
}
