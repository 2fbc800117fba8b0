//! The real file: cut, damaged, full, old, foreign, or in use.

use crate::script::Script;
use rusqlite::{Connection, params};
use std::fs;
use std::path::Path;
use tempfile::TempDir;
use tierline::engine::Limits;
use tierline::engine::model::{Channel, Image, Time};
use tierline::journal::{
    AppendError, Batch, Error, Filter, FinishedRow, FinishedState, History, Journal, Recovered,
    Seq, Settings, SqliteStore, Store as _,
};

fn folder() -> TempDir {
    tempfile::tempdir().expect("a folder can be made")
}

pub(crate) fn open(dir: &Path) -> Result<(Journal, Recovered), Error> {
    Journal::open(dir, Settings::default(), Limits::default())
}

fn database(dir: &Path) -> Connection {
    Connection::open(SqliteStore::path(dir)).expect("it is there")
}

/// Commits `steps` batches of a new script into `dir`; the script afterwards.
pub(crate) fn fill(dir: &Path, seed: u64, steps: usize) -> Script {
    let (mut journal, _) = open(dir).expect("it is new");
    let mut script = Script::new(seed);
    script.begin().commit(&mut journal).expect("there is space");
    for _ in 0..steps {
        script.step().commit(&mut journal).expect("there is space");
    }
    script
}

#[test]
fn a_restart_finds_the_state_the_history_and_the_last_event() {
    let dir = folder();
    let mut script = Script::new(21);
    let mut rows: Vec<FinishedRow> = Vec::new();
    let mut last = Seq(0);
    for round in 0..3 {
        let (mut journal, recovered) = open(dir.path()).expect("it is whole");
        assert_eq!(recovered.engine.image(), script.engine.image());
        assert_eq!((recovered.last_seq, journal.last()), (last, last));
        assert_eq!(recovered.last_at, script.engine.at());
        for step in 0..60 {
            let batch = if (round, step) == (0, 0) { script.begin() } else { script.step() };
            for (at, row) in &batch.finished {
                rows.push(FinishedRow { seq: Seq(last.0 + 1 + *at as u64), ..row.clone() });
            }
            last = batch.commit(&mut journal).expect("there is space");
        }
        for row in &rows {
            let id = row.id.as_str();
            assert_eq!(journal.ended(id).expect("it can be read").as_ref(), Some(row));
            assert_eq!(journal.earlier(id).expect("it can be read"), Some(row.earlier()));
        }
        assert_eq!(journal.earlier("nobody").expect("it can be read"), None);
    }
    assert!(rows.len() > 10 && rows.iter().any(|row| row.state == FinishedState::Cancelled));
}

#[test]
fn after_a_cut_at_any_place_of_the_wal_a_prefix_of_the_batches_is_there() {
    let dir = folder();
    let mut states: Vec<(Seq, Image)> = Vec::new();
    let mut acknowledged: Vec<(u64, usize)> = Vec::new();
    let (mut journal, recovered) = open(dir.path()).expect("it is new");
    states.push((Seq(0), recovered.engine.image()));
    let wal = dir.path().join("tierline.db-wal");
    let mut script = Script::new(22);
    for step in 0..40 {
        let batch = if step == 0 { script.begin() } else { script.step() };
        let seq = batch.commit(&mut journal).expect("there is space");
        states.push((seq, script.engine.image()));
        let len = fs::metadata(&wal).expect("it is there").len();
        acknowledged.push((len, states.len() - 1));
    }
    let (db, wal) = (
        fs::read(SqliteStore::path(dir.path())).expect("it can be read"),
        fs::read(&wal).expect("it can be read"),
    );
    let copy = folder();
    let mut found = std::collections::BTreeSet::new();
    for cut in (0..wal.len()).step_by(512).chain([wal.len()]) {
        fs::write(SqliteStore::path(copy.path()), &db).expect("there is space");
        fs::write(copy.path().join("tierline.db-wal"), &wal[..cut]).expect("there is space");
        let _ = fs::remove_file(copy.path().join("tierline.db-shm"));
        let (_, recovered) = open(copy.path()).expect("a cut tail is not damage");
        let at = states
            .iter()
            .position(|(seq, _)| *seq == recovered.last_seq)
            .expect("batches are there whole or not at all");
        assert_eq!(recovered.engine.image(), states[at].1);
        let kept = acknowledged.iter().rev().find(|(len, _)| *len <= cut as u64);
        assert!(at >= kept.map_or(0, |(_, at)| *at), "acknowledged, and lost at {cut}");
        found.insert(at);
    }
    assert_eq!(found.len(), states.len(), "every batch was the last one at some cut");
}

#[test]
fn damage_in_a_row_stops_the_start_and_names_the_row() {
    let dir = folder();
    fill(dir.path(), 23, 30);
    let rows: Vec<(i64, Vec<u8>)> = database(dir.path())
        .prepare("SELECT seq, data FROM journal ORDER BY seq")
        .and_then(|mut all| all.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect())
        .expect("it can be read");
    for (nth, (seq, data)) in rows.iter().enumerate() {
        let mut damaged = data.clone();
        let at = nth * 37 % data.len();
        damaged[at] ^= 1 << (nth % 8);
        let write = |data: &[u8]| {
            database(dir.path())
                .execute("UPDATE journal SET data = ?2 WHERE seq = ?1", params![seq, data])
                .expect("nobody else writes");
        };
        write(&damaged);
        let error = open(dir.path()).map(drop).expect_err("a byte is wrong");
        let named = Seq(seq.cast_unsigned());
        assert!(matches!(error, Error::Frame { row, .. } if row == named), "{error}");
        assert!(error.to_string().contains(&format!("tierline.db: journal row {seq}")));
        write(data);
    }
    open(dir.path()).expect("it is whole again");
}

#[test]
fn a_row_that_is_missing_or_replaced_stops_the_start() {
    let dir = folder();
    fill(dir.path(), 24, 10);
    let change = |sql: &str| {
        let copy = folder();
        fs::copy(SqliteStore::path(dir.path()), SqliteStore::path(copy.path())).expect("space");
        database(copy.path()).execute_batch(sql).expect("nobody else writes");
        open(copy.path()).map(drop).expect_err("it is not whole").to_string()
    };
    let third = "(SELECT seq FROM journal ORDER BY seq LIMIT 1 OFFSET 2)";
    let gone = change(&format!("DELETE FROM journal WHERE seq = {third}"));
    assert!(gone.contains("a batch is missing or out of place"), "{gone}");
    let crc = change(&format!("UPDATE journal SET crc = 5 WHERE seq = {third}"));
    assert!(crc.contains("column crc says 5"), "{crc}");
    let count = change(&format!("UPDATE journal SET count = 500 WHERE seq = {third}"));
    assert!(count.contains("column count says 500"), "{count}");
    let text = change(&format!("UPDATE journal SET data = 'x' WHERE seq = {third}"));
    assert!(text.contains("read the journal after event"), "{text}");
}

#[test]
fn damage_in_the_file_itself_is_never_skipped() {
    let dir = folder();
    let script = fill(dir.path(), 25, 200);
    let whole = fs::read(SqliteStore::path(dir.path())).expect("it can be read");
    let (image, mut refused) = (script.engine.image(), 0);
    for page in 1..whole.len() / 4096 {
        let mut damaged = whole.clone();
        for byte in &mut damaged[page * 4096 + 2000..page * 4096 + 2060] {
            *byte ^= 0x55;
        }
        let copy = folder();
        fs::write(SqliteStore::path(copy.path()), &damaged).expect("there is space");
        match open(copy.path()) {
            // Pages of the history and free ones are not read at a start.
            Ok((_, recovered)) => assert_eq!(recovered.engine.image(), image, "page {page}"),
            Err(error) => {
                refused += 1;
                let named = matches!(
                    error,
                    Error::Frame { .. } | Error::Column { .. } | Error::Sqlite { .. }
                );
                assert!(named, "page {page}: {error}");
            }
        }
    }
    assert!(refused > 10, "{refused}");
}

#[test]
fn a_second_server_on_the_directory_is_refused_by_name() {
    let dir = folder();
    let (_journal, _) = open(dir.path()).expect("it is new");
    let error = open(dir.path()).map(drop).expect_err("it is in use");
    let expected = format!(
        "{}: another server uses this data directory (process {})",
        dir.path().display(),
        std::process::id()
    );
    assert_eq!(error.to_string(), expected);
}

#[test]
fn a_later_format_and_a_foreign_file_are_refused() {
    let later = folder();
    fill(later.path(), 26, 1);
    database(later.path())
        .execute("UPDATE meta SET value = '5' WHERE name = 'format'", [])
        .expect("nobody else writes");
    let error = open(later.path()).map(drop).expect_err("it is of a later release");
    assert!(matches!(error, Error::NewerFormat { found: 5, known: 4, .. }), "{error}");

    let foreign = folder();
    database(foreign.path()).execute_batch("CREATE TABLE songs (name)").expect("it is new");
    let error = open(foreign.path()).map(drop).expect_err("it is something else");
    assert!(matches!(error, Error::Foreign { .. }), "{error}");
    let text = folder();
    fs::write(SqliteStore::path(text.path()), "not a database at all, but long enough")
        .expect("ok");
    let error = open(text.path()).map(drop).expect_err("it is something else");
    assert!(matches!(error, Error::Sqlite { .. }), "{error}");
}

#[test]
fn at_the_size_limit_nothing_is_written_and_work_goes_on_when_there_is_space() {
    let dir = folder();
    let settings = Settings { size_max: Some(2 << 20), ..Settings::default() };
    let (mut journal, _) =
        Journal::open(dir.path(), settings, Limits::default()).expect("it is new");
    let mut script = Script::new(27);
    script.payload_max = 60_000;
    let mut before = (Seq(0), script.engine.image());
    let mut batch = script.begin();
    let error = loop {
        match batch.commit(&mut journal) {
            Ok(seq) => before = (seq, script.engine.image()),
            Err(error) => break error,
        }
        batch = script.step();
    };
    assert!(matches!(error, AppendError::Full { .. }), "{error}");
    let size = fs::metadata(SqliteStore::path(dir.path())).expect("it is there").len();
    assert!(size <= 2 << 20, "{size}");
    let engine = journal.recover(Limits::default()).expect("it can be read");
    assert_eq!((journal.last(), engine.image()), before);

    // A large batch finds no space, and neither does a probe once small ones have filled the rest.
    let mut script = Script::resume(engine, 1);
    script.payload_max = 0;
    let refused = loop {
        let image = script.engine.image();
        match script.step().commit(&mut journal) {
            Ok(seq) => before = (seq, script.engine.image()),
            Err(error) => break (error, image),
        }
    };
    assert!(matches!(refused.0, AppendError::Full { .. }), "{}", refused.0);
    assert_eq!(refused.1, before.1);
    assert!(matches!(journal.probe(), Err(AppendError::Full { .. })));

    // An operator allows more.
    drop(journal);
    let settings = Settings { size_max: Some(4 << 20), ..settings };
    let (mut journal, recovered) =
        Journal::open(dir.path(), settings, Limits::default()).expect("it is whole");
    assert_eq!((recovered.last_seq, recovered.engine.image()), before);
    journal.probe().expect("there is space");
    let mut script = Script::resume(recovered.engine, 2);
    script.step().commit(&mut journal).expect("there is space");
}

#[test]
fn another_program_that_holds_the_write_lock_delays_but_loses_nothing() {
    let dir = folder();
    let (mut journal, _) = open(dir.path()).expect("it is new");
    let other = database(dir.path());
    other.execute_batch("BEGIN IMMEDIATE").expect("nobody else writes");
    let batch = Script::new(28).begin();
    let error = batch.commit(&mut journal).expect_err("the lock is held");
    assert!(matches!(error, AppendError::Full { .. }), "{error}");
    other.execute_batch("ROLLBACK").expect("it was begun");
    journal.probe().expect("the lock is free");
    assert_eq!(journal.commit(&[]).expect("the lock is free").0, batch.events.len() as u64);
}

#[test]
fn another_writer_in_the_same_file_is_noticed_and_stops_this_one() {
    let dir = folder();
    let (mut journal, _) = open(dir.path()).expect("it is new");
    let mut script = Script::new(29);
    script.begin().commit(&mut journal).expect("there is space");
    let next = journal.last().0 + 1;
    database(dir.path())
        .execute("INSERT INTO journal VALUES (?1, 3, 0, x'00')", [next.cast_signed()])
        .expect("nobody else writes");
    let error = script.step().commit(&mut journal).expect_err("the row is there");
    assert!(matches!(error, AppendError::Conflict { found, .. } if found.0 == next + 2), "{error}");
    let error = journal.commit(&[]).expect_err("it has stopped");
    assert!(matches!(error, AppendError::Unknown { .. } | AppendError::Conflict { .. }));
}

#[test]
fn the_wal_stays_short_under_load() {
    let dir = folder();
    let (mut journal, _) = open(dir.path()).expect("it is new");
    let mut script = Script::new(30);
    script.payload_max = 60_000;
    script.begin().commit(&mut journal).expect("there is space");
    let mut bytes = 0;
    while bytes < 96 << 20 {
        let batch = script.step();
        batch.events.iter().for_each(|(at, event)| journal.push(*at, event));
        bytes += journal.pending_bytes();
        journal.commit(&[]).expect("there is space");
    }
    let wal = fs::metadata(dir.path().join("tierline.db-wal")).expect("it is there").len();
    assert!(wal < 32 << 20, "the WAL has {} MiB after {} MiB", wal >> 20, bytes >> 20);
    drop(journal);
    let (_, recovered) = open(dir.path()).expect("it is whole");
    assert_eq!(recovered.engine.image(), script.engine.image());
}

#[test]
fn the_history_is_listed_newest_first_by_filter_and_page() {
    let dir = folder();
    let script = fill(dir.path(), 31, 300);
    drop(script);
    let history = History::open(dir.path()).expect("it is there");
    let all = history.list(&Filter::default(), 10_000).expect("it can be read");
    assert!(all.next.is_none() && all.rows.len() > 50);
    assert!(all.rows.is_sorted_by(|a, b| a.seq > b.seq));
    let some = &all.rows[7];
    for filter in [
        Filter { state: Some(FinishedState::Cancelled), ..Filter::default() },
        Filter { tier: Some("bronze".into()), ..Filter::default() },
        Filter { customer_id: Some("customer-1".into()), ..Filter::default() },
        Filter { before: Some(some.seq), tier: Some("gold".into()), ..Filter::default() },
    ] {
        let mut expected = all.rows.clone();
        expected.retain(|row| {
            filter.state.is_none_or(|state| row.state == state)
                && filter.tier.as_deref().is_none_or(|tier| *row.tier == *tier)
                && (filter.customer_id.is_none() || row.customer_id == filter.customer_id)
                && filter.before.is_none_or(|before| row.seq < before)
        });
        assert!(!expected.is_empty() && expected.len() < all.rows.len(), "{filter:?}");
        let mut found = Vec::new();
        let mut page = filter.clone();
        loop {
            let one = history.list(&page, 3).expect("it can be read");
            found.extend(one.rows);
            let Some(next) = one.next else { break };
            page.before = Some(next);
        }
        assert_eq!(found, expected, "{filter:?}");
    }
    assert_eq!(history.by_id(some.id.as_str()).expect("it can be read").as_ref(), Some(some));
    assert_eq!(history.by_id("nobody").expect("it can be read"), None);
}

#[test]
fn an_id_that_came_again_is_found_as_it_ended_last() {
    let dir = folder();
    let mut store = SqliteStore::open(dir.path(), None).expect("it is new");
    let mut script = Script::new(32);
    let mut link = tierline::journal::Link::default();
    let mut builder = tierline::journal::frame::Builder::default();
    script.begin();
    let mut row = loop {
        if let Some((_, row)) = script.step().finished.pop() {
            break row;
        }
    };
    for n in 1..=2 {
        builder.clear();
        builder.push(Time(5), &tierline::engine::command::Event::Started);
        let frame = builder.seal(link);
        row.seq = frame.last();
        row.fingerprint = n;
        let batch = Batch { finished: std::slice::from_ref(&row), ..Batch::default() };
        store.append(link.last, &frame, &batch).expect("there is space");
        link = frame.link();
    }
    let earlier = store.earlier(row.id.as_str()).expect("it can be read").expect("it ended");
    assert_eq!(earlier.fingerprint, 2);
    assert_eq!(store.ended(row.id.as_str()).expect("it can be read"), Some(row));
}

#[test]
fn old_history_is_purged_while_work_goes_on() {
    let dir = folder();
    let (mut journal, _) = open(dir.path()).expect("it is new");
    let mut script = Script::new(33);
    script.begin().commit(&mut journal).expect("there is space");
    let keep_ms = 600_000;
    let mut ended = 0;
    for _ in 0..2000 {
        let batch = script.step();
        ended += batch.finished.len();
        batch.commit(&mut journal).expect("there is space");
        journal.tidy(script.now.plus_ms(-keep_ms)).expect("there is space");
    }
    let history = History::open(dir.path()).expect("it is there");
    let left = history.list(&Filter::default(), 100_000).expect("it can be read").rows;
    let too_old = left.iter().filter(|row| row.finished_at < script.now.plus_ms(-keep_ms)).count();
    // One slice's worth may be waiting for its turn.
    assert!(too_old < 256, "{too_old} of {} are too old", left.len());
    assert!(left.len() < ended / 2 && left.len() > too_old);
}

#[test]
fn people_can_query_finished_tickets_with_any_client_while_the_server_runs() {
    let dir = folder();
    let (mut journal, _) = open(dir.path()).expect("it is new");
    let mut script = Script::new(34);
    script.begin().commit(&mut journal).expect("there is space");
    for _ in 0..100 {
        script.step().commit(&mut journal).expect("there is space");
    }
    let client = database(dir.path());
    let (submitted_at, submitted_ms, attributes): (String, i64, String) = client
        .query_row(
            "SELECT v.submitted_at, f.submitted_at, v.attributes ->> 'city' FROM finished_tickets v \
             JOIN finished f USING (seq) WHERE v.attributes <> '{}' LIMIT 1",
            [],
            |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
        )
        .expect("some have ended");
    let expected = jiff::Timestamp::from_millisecond(submitted_ms).expect("it is a time");
    assert_eq!(submitted_at.parse::<jiff::Timestamp>().expect("ISO 8601"), expected);
    assert_eq!(attributes, "K\u{f6}ln");
    let channels: i64 = client
        .query_row("SELECT count(DISTINCT channel) FROM finished", [], |row| row.get(0))
        .expect("it can be read");
    assert_eq!(usize::try_from(channels), Ok(Channel::ALL.len()));
}
