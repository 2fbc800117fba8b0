//! `verify`: says what is there, and the first thing that is wrong.

use crate::disk::{fill, open};
use crate::script::Script;
use std::fs;
use std::path::{Path, PathBuf};
use tierline::engine::Limits;
use tierline::engine::model::Image;
use tierline::journal::{Error, Journal, Seq, Settings, SqliteStore, snapshot, state_hash, verify};

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a folder can be made")
}

#[test]
fn a_whole_directory_is_counted_and_hashed() {
    let dir = folder();
    let script = fill(dir.path(), 51, 100);
    let report = verify(dir.path());
    assert!(report.is_whole(), "{report:?}");
    assert_eq!((report.row_count, report.first), (101, Seq(1)));
    assert_eq!(report.event_count, report.last.0);
    assert_eq!(report.ticket_count, script.engine.ticket_count() as u64);
    assert_eq!(report.state_hash, Some(state_hash(&script.engine.image())));
    assert!(report.finished_count > 0);
}

#[test]
fn it_works_beside_a_running_server_with_snapshots_and_a_shortened_journal() {
    let dir = folder();
    let settings = Settings { snapshot_events: 400, ..Settings::default() };
    let (mut journal, _) =
        Journal::open(dir.path(), settings, Limits::default()).expect("it is new");
    let mut script = Script::new(52);
    script.begin().commit(&mut journal).expect("there is space");
    let mut shortened = 0;
    while shortened < 3 {
        for _ in 0..150 {
            script.step().commit(&mut journal).expect("there is space");
            journal.tidy(crate::script::BEGIN).expect("there is space");
        }
        let report = verify(dir.path());
        assert!(report.is_whole(), "{report:?}");
        assert_eq!(report.last, journal.last());
        assert_eq!(report.state_hash, Some(state_hash(&script.engine.image())));
        shortened += u32::from(report.first > Seq(1) && report.snapshots.len() == 2);
    }
}

#[test]
fn the_first_damage_is_named() {
    let dir = folder();
    fill(dir.path(), 53, 50);
    let sql = "UPDATE journal SET data = zeroblob(40) WHERE seq = \
               (SELECT seq FROM journal ORDER BY seq LIMIT 1 OFFSET 20)";
    let db = rusqlite::Connection::open(SqliteStore::path(dir.path())).expect("it is there");
    db.execute(sql, []).expect("nobody else writes");
    let report = verify(dir.path());
    assert_eq!(report.row_count, 20);
    assert_eq!(report.state_hash, None);
    let row = Seq(report.last.0 + 1);
    assert!(
        matches!(report.damage, Some(Error::Frame { row: found, .. }) if found == row),
        "{report:?}"
    );
}

/// A journal of 50 steps, with a snapshot of its last event after that change; the snapshot's path.
fn with_snapshot(dir: &Path, change: impl FnOnce(&mut Image)) -> PathBuf {
    let mut script = fill(dir, 54, 50);
    let (journal, recovered) = open(dir).expect("it is whole");
    let mut image = recovered.engine.image();
    change(&mut image);
    let report = verify(dir);
    assert!(report.is_whole(), "{report:?}");
    drop(journal);
    // The last row's crc makes the file right in every respect but its content.
    let crc: u32 = rusqlite::Connection::open(SqliteStore::path(dir))
        .and_then(|db| {
            db.query_row("SELECT crc FROM journal ORDER BY seq DESC LIMIT 1", [], |row| row.get(0))
        })
        .expect("it can be read");
    let link = tierline::journal::Link { last: recovered.last_seq, crc };
    let path = snapshot::write(dir, link, &image).expect("there is space");
    let (mut journal, _) = open(dir).expect("the snapshot is whole");
    script.step();
    journal.probe().expect("there is space");
    path
}

#[test]
fn a_snapshot_that_differs_from_its_journal_is_named() {
    let dir = folder();
    let path = with_snapshot(dir.path(), |image| image.tickets[0].assigned_count += 1);
    let report = verify(dir.path());
    assert!(
        matches!(&report.damage, Some(Error::Differs { path: found, .. }) if *found == path),
        "{report:?}"
    );
}

#[test]
fn a_snapshot_of_a_release_that_kept_nobodys_work_is_whole() {
    let dir = folder();
    let mut forgotten = 0;
    with_snapshot(dir.path(), |image| {
        let ended = image.finished.iter_mut().map(|finished| &mut finished.ticket);
        for life in image.tickets.iter_mut().chain(ended).filter_map(|ticket| ticket.life.as_mut())
        {
            forgotten += std::mem::take(&mut life.worked).len();
        }
    });
    assert!(forgotten > 0, "some came back from an agent");
    let report = verify(dir.path());
    assert!(report.is_whole(), "{report:?}");
}

#[test]
fn a_damaged_page_of_the_history_is_found_too() {
    let dir = folder();
    fill(dir.path(), 55, 300);
    let path = SqliteStore::path(dir.path());
    let page: i64 = rusqlite::Connection::open(&path)
        .and_then(|db| {
            let sql = "SELECT pageno FROM dbstat WHERE name = 'finished_by_id' \
                       AND pagetype = 'leaf' LIMIT 1";
            db.query_row(sql, [], |row| row.get(0))
        })
        .expect("it can be read");
    let mut bytes = fs::read(&path).expect("it can be read");
    let at = usize::try_from(page - 1).expect("it is small") * 4096;
    bytes[at + 8..at + 60].fill(0xee);
    fs::write(&path, bytes).expect("there is space");
    let report = verify(dir.path());
    assert!(
        matches!(report.damage, Some(Error::Damaged { .. } | Error::Sqlite { .. })),
        "{report:?}"
    );
}
