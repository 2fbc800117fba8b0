//! Snapshots: made beside the writer, whole or named, and the journal behind them gone.

use crate::disk::open;
use crate::script::Script;
use std::fs;
use std::path::{Path, PathBuf};
use tierline::engine::Limits;
use tierline::journal::{
    Error, Journal, Link, Recovered, Seq, Settings, SnapshotDamage, SqliteStore, Stretch, snapshot,
    state_hash,
};

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a folder can be made")
}

fn often() -> Settings {
    Settings { snapshot_events: 500, ..Settings::default() }
}

/// Commits batches until there are `count` snapshots more; the journal then.
fn until_snapshots(dir: &Path, script: &mut Script, count: usize) -> Journal {
    let (mut journal, recovered) =
        Journal::open(dir, often(), Limits::default()).expect("it is whole");
    if recovered.last_seq == Seq(0) {
        script.begin().commit(&mut journal).expect("there is space");
    }
    let mut newest = journal.snapshot();
    let mut seen = 0;
    while seen < count {
        script.step().commit(&mut journal).expect("there is space");
        journal.tidy(crate::script::BEGIN).expect("there is space");
        assert_eq!(journal.trouble(), None);
        if journal.snapshot() != newest {
            newest = journal.snapshot();
            seen += 1;
        }
    }
    journal
}

fn rows(dir: &Path) -> (Seq, Seq) {
    rusqlite::Connection::open(SqliteStore::path(dir))
        .and_then(|db| {
            db.query_row("SELECT min(seq), max(seq) FROM journal", [], |row| {
                Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?))
            })
        })
        .map(|(first, last)| (Seq(first.cast_unsigned()), Seq(last.cast_unsigned())))
        .expect("it can be read")
}

fn files(dir: &Path) -> Vec<(Seq, PathBuf)> {
    snapshot::list(dir).expect("it can be read")
}

#[test]
fn a_snapshot_keeps_who_drains_and_which_pool_is_paused() {
    let dir = folder();
    let mut script = Script::new(43);
    let mut journal = until_snapshots(dir.path(), &mut script, 1);
    script.wind_down().commit(&mut journal).expect("there is space");
    drop(journal);
    drop(until_snapshots(dir.path(), &mut script, 2));
    let (_, recovered) = open(dir.path()).expect("it is whole");
    let engine = &recovered.engine;
    let paused = engine.policy().pool_named("second").and_then(|pool| engine.pause(pool));
    assert_eq!(paused.map(|pause| &*pause.reason), Some("fire drill"));
    assert!(recovered.snapshot_seq.is_some());
    assert!(*engine == script.engine);
}

#[test]
fn a_start_from_a_snapshot_and_the_journal_after_it_gives_the_live_state() {
    let dir = folder();
    let mut script = Script::new(41);
    let mut last = Seq(0);
    for _ in 0..4 {
        let mut journal = until_snapshots(dir.path(), &mut script, 2);
        for _ in 0..20 {
            last = script.step().commit(&mut journal).expect("there is space");
        }
        drop(journal);
        let (_, recovered) = open(dir.path()).expect("it is whole");
        assert!(recovered.snapshot_seq.is_some());
        let Recovered { engine, last_seq, snapshot_seq, replayed_count, .. } = recovered;
        assert_eq!(state_hash(&engine.image()), state_hash(&script.engine.image()));
        assert_eq!(engine.image(), script.engine.image());
        assert_eq!(last_seq, last);
        assert_eq!(replayed_count, last.0 - snapshot_seq.expect("there is one").0);
    }
    assert_eq!(files(dir.path()).len(), snapshot::KEPT);
}

#[test]
fn the_journal_behind_the_older_snapshot_goes_and_its_space_is_used_again() {
    let dir = folder();
    let mut script = Script::new(42);
    let size = || fs::metadata(SqliteStore::path(dir.path())).expect("it is there").len();
    drop(until_snapshots(dir.path(), &mut script, 4));
    let early = size();
    drop(until_snapshots(dir.path(), &mut script, 20));
    let older = files(dir.path())[0].0;
    let (first, _) = rows(dir.path());
    assert!(first > Seq(1) && first <= Seq(older.0 + 1), "{first}, {older}");
    // The history grows, the journal does not; without truncation it would be five times as much.
    let finished: i64 = rusqlite::Connection::open(SqliteStore::path(dir.path()))
        .and_then(|db| {
            db.query_row("SELECT sum(pgsize) FROM dbstat WHERE name LIKE 'finished%'", [], |row| {
                row.get(0)
            })
        })
        .expect("it can be read");
    let journal = size() - finished.unsigned_abs();
    assert!(journal < 2 * early, "{journal} of {}, and {early} at first", size());
}

#[test]
fn events_that_were_pruned_are_gone_by_name_and_the_rest_is_read_without_a_gap() {
    let dir = folder();
    let mut script = Script::new(47);
    let journal = until_snapshots(dir.path(), &mut script, 3);
    let feed = journal.history().expect("it can be read").feed();
    let first = feed.first().expect("it can be read").expect("there are events");
    assert!(first > Seq(1), "something was pruned");
    assert_eq!(feed.after(Seq(0)).expect("it can be read"), Stretch::Gone(first));
    // From any place within a row, and on to the end.
    let mut after = Seq(first.0 + 2);
    loop {
        let Stretch::Events(entries) = feed.after(after).expect("it can be read") else {
            panic!("everything from {first} on is kept")
        };
        if entries.is_empty() {
            break;
        }
        for entry in entries {
            assert_eq!(entry.seq.0, after.0 + 1);
            after = entry.seq;
        }
    }
    assert_eq!(after, journal.last());
    // The policies outlive the events that brought them.
    let policies = feed.policies(first, 10).expect("they can be read");
    assert!(policies.last().is_some_and(|oldest| oldest.seq < first));
}

#[test]
fn a_damaged_snapshot_is_named_and_the_older_one_with_the_journal_has_everything() {
    let dir = folder();
    let mut script = Script::new(43);
    drop(until_snapshots(dir.path(), &mut script, 3));
    let (_, newest) = files(dir.path()).pop().expect("there are two");
    let whole = fs::read(&newest).expect("it can be read");
    for at in (0..whole.len()).step_by(401) {
        let mut damaged = whole.clone();
        damaged[at] ^= 4;
        fs::write(&newest, &damaged).expect("there is space");
        let error = open(dir.path()).map(drop).expect_err("a byte is wrong");
        let Error::Snapshot { path, offset, is_spare_there: true, .. } = &error else {
            panic!("{error}")
        };
        assert_eq!(path, &newest);
        assert!(*offset <= at as u64, "{offset} for {at}");
        assert!(error.to_string().contains("move this file away and start again"), "{error}");
    }
    for len in (0..whole.len()).step_by(397) {
        fs::write(&newest, &whole[..len]).expect("there is space");
        let error = open(dir.path()).map(drop).expect_err("it is too short");
        assert!(
            matches!(error, Error::Snapshot { source: SnapshotDamage::Torn, .. }),
            "{len}: {error}"
        );
    }
    let longer = [&*whole, b"x"].concat();
    fs::write(&newest, longer).expect("there is space");
    let error = open(dir.path()).map(drop).expect_err("it is too long");
    assert!(matches!(error, Error::Snapshot { source: SnapshotDamage::Trailing, .. }), "{error}");
    // What the message says to do.
    fs::remove_file(&newest).expect("it is there");
    let (_, recovered) = open(dir.path()).expect("the older one is whole");
    assert_eq!(recovered.engine.image(), script.engine.image());
}

#[test]
fn a_snapshot_under_another_name_is_refused() {
    let dir = folder();
    drop(until_snapshots(dir.path(), &mut Script::new(44), 1));
    let (seq, path) = files(dir.path()).pop().expect("there is one");
    fs::rename(&path, path.with_file_name("00000000000000000001.snap")).expect("it is there");
    let error = open(dir.path()).map(drop).expect_err("the name is wrong");
    assert!(
        matches!(error, Error::Snapshot { source: SnapshotDamage::Name(found), .. } if found == seq),
        "{error}"
    );
}

#[test]
fn a_database_older_than_its_snapshot_is_refused() {
    let dir = folder();
    drop(until_snapshots(dir.path(), &mut Script::new(45), 1));
    let path = SqliteStore::path(dir.path());
    fs::remove_file(&path).expect("it is there");
    let error = open(dir.path()).map(drop).expect_err("the journal is gone");
    assert!(matches!(error, Error::Behind { last: Seq(0), .. }), "{error}");
}

#[test]
fn what_a_crash_left_of_a_snapshot_is_removed() {
    let dir = folder();
    drop(until_snapshots(dir.path(), &mut Script::new(46), 1));
    let half = dir.path().join("snapshots/00000000000000999999.tmp");
    fs::write(&half, b"TIERSNAP").expect("there is space");
    open(dir.path()).expect("it is whole");
    assert!(!half.exists());
}

#[test]
fn an_image_comes_back_from_a_file_as_it_was() {
    let dir = folder();
    fs::create_dir(dir.path().join(snapshot::FOLDER)).expect("it is new");
    let mut script = Script::new(47);
    script.begin();
    for _ in 0..5000 {
        script.step();
    }
    let image = script.engine.image();
    let lens = (image.tickets.len(), image.finished.len());
    assert!(lens.0 > 2048 && lens.1 > 0, "several sections: {lens:?}");
    let link = Link { last: Seq(77), crc: 5 };
    let path = snapshot::write(dir.path(), link, &image).expect("there is space");
    assert_eq!(snapshot::read(&path).expect("it is whole"), (link, image));
}
