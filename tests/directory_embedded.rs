//! The directory over its own file: what is stored is found, at once and after a restart.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rusqlite::Connection;
use tierline::directory::{
    Amendment, BreakerState, Change, Customer, Directory, Error, Health, Identifier,
    IdentifierKind, Lookup, Settings, Source, csv,
};
use tokio::task::JoinSet;

struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a directory for the file"))
    }

    fn file(&self) -> PathBuf {
        self.0.path().join("customers.db")
    }

    async fn open(&self) -> Directory {
        try_open(&self.file()).await.expect("the file can be opened")
    }

    /// The file as any other program opens it.
    fn sqlite(&self) -> Connection {
        let db = Connection::open(self.file()).expect("the file is there");
        db.busy_timeout(Duration::from_secs(5)).expect("a timeout");
        db
    }
}

async fn try_open(file: &Path) -> Result<Directory, Error> {
    let settings = Settings {
        source: Source::Embedded { path: file.to_owned() },
        // These tests are about the file; a machine busy with others must not spoil them.
        budget: Duration::from_secs(5),
        ..Settings::default()
    };
    Directory::open(settings, Arc::new(())).await
}

fn phone(n: usize) -> Identifier {
    Identifier::new(IdentifierKind::Phone, &format!("+1202{n:07}")).expect("a good number")
}

fn customer(n: usize, tier: &str) -> Customer {
    Customer {
        id: format!("C-{n}"),
        tier: Some(tier.into()),
        name: Some(format!("Ada Example {n}")),
        identifiers: vec![phone(n)],
        attributes: BTreeMap::from([("city".into(), "Spring\"field".into())]),
    }
}

fn found(customer: Customer) -> Lookup {
    Lookup::Found { customer: Arc::new(customer) }
}

#[tokio::test]
async fn a_customer_is_found_by_every_kind_of_identifier_and_nobody_by_any_other() {
    let place = Place::new();
    let directory = place.open().await;
    assert_eq!(*directory.health().borrow(), Health::Up);
    let everything = IdentifierKind::ALL
        .into_iter()
        .filter(|kind| *kind != IdentifierKind::Id)
        .map(|kind| Identifier::new(kind, "x-1").unwrap())
        .collect();
    let ada = Customer { identifiers: everything, ..customer(1, "gold") };
    directory.put(ada.clone()).await.unwrap();
    let ada = ada.checked().unwrap();
    let id = Identifier::new(IdentifierKind::Id, "C-1").unwrap();
    for by in ada.identifiers.iter().chain([&id]) {
        assert_eq!(directory.lookup(by).await, found(ada.clone()), "{by:?}");
        assert_eq!(directory.lookup_fresh(by).await, found(ada.clone()), "{by:?}");
    }
    assert_eq!(directory.lookup(&phone(2)).await, Lookup::Unknown);
    assert_eq!(directory.get("C-1").await.unwrap(), Some(ada));
    assert_eq!(directory.get("C-2").await.unwrap(), None);
}

#[tokio::test]
async fn what_was_stored_is_there_after_a_restart() {
    let place = Place::new();
    place.open().await.put(customer(1, "gold")).await.unwrap();
    let again = place.open().await;
    assert_eq!(again.lookup(&phone(1)).await, found(customer(1, "gold")));
}

#[tokio::test]
async fn a_change_is_seen_at_once_though_the_cache_is_fresh() {
    let place = Place::new();
    let directory = place.open().await;
    assert_eq!(directory.lookup(&phone(1)).await, Lookup::Unknown);
    directory.put(customer(1, "gold")).await.unwrap();
    assert_eq!(directory.lookup(&phone(1)).await, found(customer(1, "gold")));
    let moved = Customer { identifiers: vec![phone(2)], ..customer(1, "silver") };
    directory.put(moved.clone()).await.unwrap();
    assert_eq!(directory.lookup(&phone(1)).await, Lookup::Unknown);
    assert_eq!(directory.lookup(&phone(2)).await, found(moved));
    assert!(directory.delete("C-1").await.unwrap());
    assert_eq!(directory.lookup(&phone(2)).await, Lookup::Unknown);
    assert!(!directory.delete("C-1").await.unwrap());
}

#[tokio::test]
async fn an_identifier_belongs_to_whom_it_was_given_last() {
    let place = Place::new();
    let directory = place.open().await;
    directory.put(customer(1, "gold")).await.unwrap();
    let second = Customer { identifiers: vec![phone(1)], ..customer(2, "silver") };
    directory.put(second.clone()).await.unwrap();
    assert_eq!(directory.lookup(&phone(1)).await, found(second.clone()));
    assert_eq!(directory.get("C-1").await.unwrap().unwrap().identifiers, []);
    assert!(directory.delete("C-1").await.unwrap());
    assert_eq!(directory.lookup(&phone(1)).await, found(second));
}

#[tokio::test]
async fn the_sample_file_is_imported_and_can_be_queried_by_any_client_meanwhile() {
    let place = Place::new();
    let directory = place.open().await;
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/config/customers.csv");
    let rows = csv::read(std::fs::File::open(file).unwrap()).unwrap();
    let customers: Vec<Customer> = rows.map(|(_, row)| row.unwrap()).collect();
    directory.import(customers.clone()).await.unwrap();
    for customer in customers {
        for by in &customer.identifiers {
            assert_eq!(directory.lookup(by).await, found(customer.clone()), "{by:?}");
        }
    }
    let count: i64 = place
        .sqlite()
        .query_row("SELECT count(*) FROM customer WHERE tier = 'gold'", [], |row| row.get(0))
        .unwrap();
    assert_eq!(count, 6);
}

#[tokio::test]
async fn an_import_with_one_bad_customer_stores_none() {
    let place = Place::new();
    let directory = place.open().await;
    let mut many: Vec<Customer> = (0..300).map(|n| customer(n, "gold")).collect();
    many[299].tier = Some("t".repeat(65));
    let error = directory.import(many).await.expect_err("no tier");
    assert!(matches!(&error, Error::Invalid(invalid) if invalid.field == "tier"), "{error}");
    assert_eq!(directory.get("C-0").await.unwrap(), None);
}

#[tokio::test]
async fn lookups_are_answered_while_another_program_holds_the_lock_for_writing() {
    let place = Place::new();
    let directory = place.open().await;
    directory.put(customer(1, "gold")).await.unwrap();
    let other = place.sqlite();
    other.execute_batch("BEGIN IMMEDIATE; UPDATE customer SET tier = 'silver';").unwrap();
    assert_eq!(directory.lookup_fresh(&phone(1)).await, found(customer(1, "gold")));
    other.execute_batch("COMMIT").unwrap();
    assert_eq!(directory.lookup_fresh(&phone(1)).await, found(customer(1, "silver")));
}

#[tokio::test]
async fn a_put_whose_caller_went_away_is_finished_and_seen() {
    let place = Place::new();
    let directory = place.open().await;
    for n in 0..50 {
        assert_eq!(directory.lookup(&phone(n)).await, Lookup::Unknown);
        let mut put = Box::pin(directory.put(customer(n, "gold")));
        // Polled once, it has begun; then its caller is gone.
        std::future::poll_fn(|context| {
            let _ = put.as_mut().poll(context);
            std::task::Poll::Ready(())
        })
        .await;
        drop(put);
    }
    // Writes are done in turn, so this one is done after all of those.
    directory.put(customer(50, "gold")).await.unwrap();
    for n in 0..=50 {
        assert_eq!(directory.lookup(&phone(n)).await, found(customer(n, "gold")));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readers_beside_a_writer_see_every_customer_whole() {
    let place = Place::new();
    let directory = place.open().await;
    let version = |n: usize| {
        let tier = ["gold", "silver"][n % 2];
        let account = Identifier::new(IdentifierKind::Account, tier).unwrap();
        Customer { identifiers: vec![phone(1), account], ..customer(1, tier) }
    };
    directory.put(version(0)).await.unwrap();
    let written = Arc::new(AtomicBool::new(false));
    let mut readers = JoinSet::new();
    for _ in 0..2 {
        let (directory, written) = (directory.clone(), Arc::clone(&written));
        readers.spawn(async move {
            while !written.load(Ordering::Relaxed) {
                let seen = directory.get("C-1").await.unwrap().expect("it is never away");
                // The tier is an account number too: both are from one write, or it was torn.
                assert_eq!(Some(seen.identifiers[1].value()), seen.tier.as_deref());
            }
        });
    }
    for n in 1..1000 {
        directory.put(version(n)).await.unwrap();
    }
    written.store(true, Ordering::Relaxed);
    readers.join_all().await;
}

#[tokio::test]
async fn a_row_that_is_no_customer_is_unavailable_and_the_file_is_not_to_blame() {
    let place = Place::new();
    let directory = place.open().await;
    directory.put(customer(1, "gold")).await.unwrap();
    place.sqlite().execute("UPDATE customer SET attributes = '[1]'", []).unwrap();
    for _ in 0..10 {
        assert_eq!(directory.lookup(&phone(1)).await, Lookup::Unavailable);
    }
    assert_eq!(directory.breaker(), BreakerState::Closed);
    let error = directory.get("C-1").await.expect_err("no customer");
    assert!(matches!(error, Error::Malformed { .. }), "{error}");
}

#[tokio::test]
async fn a_file_of_a_newer_release_is_refused_by_name() {
    let place = Place::new();
    drop(place.open().await);
    place.sqlite().pragma_update(None, "user_version", 2).unwrap();
    let error = try_open(&place.file()).await.expect_err("too new").to_string();
    assert!(error.ends_with("its layout has version 2, this release knows up to 1"), "{error}");
    assert!(error.contains("customers.db"), "{error}");
}

#[tokio::test]
async fn what_is_not_a_database_is_refused_by_name() {
    let place = Place::new();
    std::fs::write(place.file(), "id,tier\nC-1,gold\n".repeat(1000)).unwrap();
    let error = try_open(&place.file()).await.expect_err("not a database").to_string();
    assert!(error.contains("customers.db: open: file is not a database"), "{error}");
    let error = try_open(&place.file().join("below")).await.expect_err("no such place");
    assert!(matches!(error, Error::Sqlite { .. }), "{error}");
}

#[cfg(unix)]
#[tokio::test]
async fn the_file_is_for_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt;

    let place = Place::new();
    let directory = place.open().await;
    directory.put(customer(1, "gold")).await.unwrap();
    for name in ["customers.db", "customers.db-wal"] {
        let mode = std::fs::metadata(place.0.path().join(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
}

#[tokio::test]
async fn attributes_are_amended_only_if_they_are_still_what_they_were() {
    let place = Place::new();
    let directory = place.open().await;
    let before = customer(1, "gold");
    directory.put(before.clone()).await.unwrap();
    let mut after = before.clone();
    after.attributes = BTreeMap::from([("note".into(), "new".into())]);
    let amendment = || Amendment::between(&before, &after, &["city", "note"]);
    let mut changes = directory.changes();
    assert!(directory.amend(&after, amendment()).await.unwrap());
    assert_eq!(changes.next().await, Some(Change::Customer("C-1".into())), "who waits hears of it");
    assert_eq!(directory.lookup(&phone(1)).await, found(after.clone()));
    assert!(!directory.amend(&after, amendment()).await.unwrap(), "the city is gone");
    let nobody = Customer { id: "C-2".into(), ..before.clone() };
    let amendment = Amendment::between(&nobody, &nobody, &[]);
    assert!(!directory.amend(&nobody, amendment).await.unwrap(), "there is no such customer");
    let mut long = after.clone();
    long.attributes.insert("note".into(), "x".repeat(1025));
    let amendment = Amendment::between(&after, &long, &["note"]);
    assert!(matches!(directory.amend(&long, amendment).await, Err(Error::Invalid(_))));
    assert_eq!(directory.get("C-1").await.unwrap(), Some(after));
}
