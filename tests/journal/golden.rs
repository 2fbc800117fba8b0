//! What version 1 wrote must be readable for ever: kept files, replayed to a known state.
//!
//! `UPDATE_GOLDEN=1 cargo test --test journal golden` writes the digests anew, for a change of the
//! engine that is meant, and those files that are missing, for a new version. It overwrites no other.

use crate::script::Script;
use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};
use tierline::engine::Limits;
use tierline::engine::command::Event;
use tierline::engine::life::Ledger;
use tierline::engine::model::Image;
use tierline::journal::frame::Frame;
use tierline::journal::{
    Filter, History, Journal, Link, MemoryStore, Settings, SqliteStore, snapshot, state_hash,
    verify,
};

const STEPS: usize = 120;

fn kept(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name)
}

fn is_updating() -> bool {
    std::env::var_os("UPDATE_GOLDEN").is_some()
}

fn script() -> Script {
    let mut script = Script::new(3);
    script.payload_max = 16;
    script
}

/// Commits the golden run to `journal`.
fn run(mut journal: Journal) {
    let mut script = script();
    script.begin().commit(&mut journal).expect("there is space");
    for _ in 0..STEPS {
        script.step().commit(&mut journal).expect("there is space");
    }
}

/// Writes the kept files that are missing.
fn write_missing() {
    let frames = kept("journal-v1.bin");
    if !frames.exists() {
        let store = MemoryStore::new();
        run(Journal::with_store(Box::new(store.clone()), Limits::default()).expect("empty").0);
        fs::write(frames, store.durable()).expect("there is space");
    }
    let database = kept("tierline-v1.db");
    if !database.exists() {
        let dir = tempfile::tempdir().expect("a folder can be made");
        run(Journal::open(dir.path(), Settings::default(), Limits::default()).expect("new").0);
        fs::copy(SqliteStore::path(dir.path()), database).expect("there is space");
    }
    let file = kept("snapshot-v1.snap");
    if !file.exists() {
        let (link, image) = replayed();
        let dir = tempfile::tempdir().expect("a folder can be made");
        fs::create_dir(dir.path().join(snapshot::FOLDER)).expect("it is new");
        let written = snapshot::write(dir.path(), link, &image).expect("there is space");
        fs::copy(written, file).expect("there is space");
    }
    let (_, image) = replayed();
    fs::write(kept("journal-v1.txt"), digest(&image)).expect("there is space");
    let (_, image) = loaded();
    fs::write(kept("snapshot-v1.txt"), digest(&image)).expect("there is space");
}

fn frames() -> Vec<u8> {
    fs::read(kept("journal-v1.bin")).expect("it is kept")
}

fn replayed() -> (Link, Image) {
    let bytes = frames();
    let mut link = Link::default();
    let mut rest = &*bytes;
    while !rest.is_empty() {
        let (frame, more) = Frame::parse_first(rest).expect("it is whole");
        link = frame.follows(link).expect("it is next");
        rest = more;
    }
    let store = MemoryStore::reopen(&bytes).expect("it is whole");
    let (_, recovered) =
        Journal::with_store(Box::new(store), Limits::default()).expect("it is whole");
    assert_eq!(recovered.last_seq, link.last);
    (link, recovered.engine.image())
}

fn digest(image: &Image) -> String {
    format!("{:016x}\n", state_hash(image))
}

fn known(name: &str) -> String {
    fs::read_to_string(kept(name)).expect("it is kept")
}

/// The kept snapshot. Its state is its own: a change of the engine changes what a replay gives, and
/// not what was written.
fn loaded() -> (Link, Image) {
    let (link, _) = replayed();
    let dir = tempfile::tempdir().expect("a folder can be made");
    let path = dir.path().join(format!("{:020}.snap", link.last.0));
    fs::copy(kept("snapshot-v1.snap"), &path).expect("there is space");
    snapshot::read(&path).expect("it is whole")
}

#[test]
fn the_golden_files_of_version_1_give_the_state_they_gave_when_they_were_written() {
    if is_updating() {
        write_missing();
    }
    let (link, image) = replayed();
    assert_eq!(digest(&image), known("journal-v1.txt"), "the frames");
    let (found, image) = loaded();
    assert_eq!((found, digest(&image)), (link, known("snapshot-v1.txt")), "the snapshot");

    let dir = tempfile::tempdir().expect("a folder can be made");
    fs::create_dir(dir.path().join(snapshot::FOLDER)).expect("it is new");
    fs::copy(kept("tierline-v1.db"), SqliteStore::path(dir.path())).expect("there is space");
    let report = verify(dir.path());
    assert!(report.is_whole(), "{report:?}");
    let hash = report.state_hash.map(|hash| format!("{hash:016x}\n"));
    assert_eq!(hash, Some(known("journal-v1.txt")), "the table");
    // Whoever opens the journal brings the tables to the present format.
    drop(Journal::open(dir.path(), Settings::default(), Limits::default()).expect("it is whole"));
    let history = History::open(dir.path()).expect("it is whole");
    let page = history.list(&Filter::default(), 1000).expect("it can be read");
    assert_eq!(page.rows.len() as u64, report.finished_count);
    // Version 1 kept no legs; whoever looks with another client finds the columns all the same.
    assert!(page.rows.iter().all(|row| row.legs == Ledger::default()));
    let client = rusqlite::Connection::open(SqliteStore::path(dir.path())).expect("it is there");
    let known: i64 = client
        .query_row("SELECT count(queue_ms) FROM finished_tickets", [], |row| row.get(0))
        .expect("the view is made anew");
    assert_eq!(known, 0);
}

#[test]
fn the_golden_journal_has_every_kind_of_event_that_its_version_knew() {
    let bytes = frames();
    let mut events: Vec<Event> = Vec::new();
    let mut rest = &*bytes;
    while !rest.is_empty() {
        let (frame, more) = Frame::parse_first(rest).expect("it is whole");
        events.extend(frame.events().expect("it is whole").into_iter().map(|(_, event)| event));
        rest = more;
    }
    let kinds: HashSet<_> = events.iter().map(std::mem::discriminant).collect();
    assert_eq!(kinds.len(), 18);
}
