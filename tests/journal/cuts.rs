//! The storage double: cut anywhere, synced or not, full or damaged.

use crate::script::{Batch, Script};
use tierline::engine::Limits;
use tierline::engine::model::Image;
use tierline::journal::frame::Frame;
use tierline::journal::{AppendError, Error, Journal, MemoryStore, Recovered, Seq};

/// A committed run, with the image and the length in bytes after each batch.
struct Run {
    store: MemoryStore,
    after: Vec<(usize, Seq, Image)>,
}

fn open(store: &MemoryStore) -> Result<(Journal, Recovered), Error> {
    Journal::with_store(Box::new(store.clone()), Limits::default())
}

fn run(seed: u64, steps: usize) -> Run {
    let store = MemoryStore::new();
    let (mut journal, recovered) = open(&store).expect("it is empty");
    let mut script = Script::new(seed);
    let mut after = vec![(0, Seq(0), recovered.engine.image())];
    for step in 0..=steps {
        let batch = if step == 0 { script.begin() } else { script.step() };
        let seq = batch.commit(&mut journal).expect("memory has space");
        after.push((store.live().len(), seq, script.engine.image()));
    }
    Run { store, after }
}

#[test]
fn after_a_cut_at_any_byte_all_whole_batches_are_there_and_the_state_is_theirs() {
    let run = run(11, 60);
    let bytes = run.store.durable();
    let mut checked = None;
    for cut in 0..=bytes.len() {
        let store = MemoryStore::reopen(&bytes[..cut]).expect("a cut is not damage");
        let whole = run.after.iter().rev().find(|(len, ..)| *len <= cut).expect("0 is there");
        assert_eq!(store.durable().len(), whole.0, "the tail is cut at {cut}");
        // The engine is compared once a batch: between two cuts in one frame nothing differs.
        if checked == Some(whole.0) {
            continue;
        }
        checked = Some(whole.0);
        let (_, recovered) = open(&store).expect("what is left is whole");
        assert_eq!((recovered.last_seq, &recovered.engine.image()), (whole.1, &whole.2));
    }
    assert_eq!(checked, Some(bytes.len()));
}

#[test]
fn a_failed_sync_loses_nothing_acknowledged_and_nothing_follows_it() {
    for failing in 1..20 {
        let store = MemoryStore::new();
        let (mut journal, _) = open(&store).expect("it is empty");
        store.fail_sync(failing);
        let mut script = Script::new(failing);
        let mut acknowledged = (Seq(0), script.engine.image());
        let mut batch = script.begin();
        loop {
            match batch.commit(&mut journal) {
                Ok(seq) => acknowledged = (seq, script.engine.image()),
                Err(error) => {
                    assert!(matches!(error, AppendError::Unknown { .. }), "{error}");
                    break;
                }
            }
            batch = script.step();
        }
        let again = journal.commit(&[]).expect_err("nothing follows a failed sync");
        assert!(matches!(again, AppendError::Unknown { .. }), "{again}");
        let unsynced = store.live().len() - store.durable().len();
        for torn in 0..=unsynced {
            let after = store.crash(torn).expect("a torn tail is not damage");
            let (_, recovered) = open(&after).expect("what is left is whole");
            let expected = if torn == unsynced {
                // The write came through after all; its caller was told that nobody knows.
                (Seq(acknowledged.0.0 + batch.events.len() as u64), script.engine.image())
            } else {
                acknowledged.clone()
            };
            assert_eq!((recovered.last_seq, recovered.engine.image()), expected);
            assert!(after.finished().iter().all(|row| row.seq <= expected.0));
        }
    }
}

#[test]
fn damage_in_any_frame_stops_the_start_and_names_its_first_event() {
    let run = run(12, 20);
    let bytes = run.store.durable();
    for byte in 0..bytes.len() {
        let mut damaged = bytes.clone();
        damaged[byte] ^= 0x10;
        let error = MemoryStore::reopen(&damaged).map(drop).expect_err("a byte is wrong");
        let before = run.after.iter().rev().find(|(len, ..)| *len <= byte).expect("0 is there");
        let first = Seq(before.1.0 + 1);
        assert!(matches!(error, Error::Frame { row, .. } if row == first), "{byte}: {error}");
    }
}

#[test]
fn a_frame_that_is_left_out_stops_the_start() {
    let run = run(13, 10);
    let bytes = run.store.durable();
    let (from, to) = (run.after[4].0, run.after[5].0);
    let without = [&bytes[..from], &bytes[to..]].concat();
    let store = MemoryStore::reopen(&without).expect("each frame is whole");
    let error = open(&store).map(drop).expect_err("one is missing");
    let text = error.to_string();
    let (next, found) = (run.after[4].1.0 + 1, run.after[5].1.0 + 1);
    assert!(text.contains(&format!("begins with event {found} where {next} is next")), "{text}");
}

#[test]
fn events_that_contradict_each_other_stop_the_start_and_are_named() {
    let mut script = Script::new(14);
    let mut builder = tierline::journal::frame::Builder::default();
    let mut events = script.begin().events;
    let repeated = events[0].clone();
    events.push(repeated);
    let last = events.len() - 1;
    events[last].0 = events[0].0.plus_ms(-1);
    for (at, event) in &events {
        builder.push(*at, event);
    }
    let frame = builder.seal(tierline::journal::Link::default());
    let store = MemoryStore::reopen(frame.bytes()).expect("the frame is whole");
    let error = open(&store).map(drop).expect_err("time ran backwards");
    assert!(
        matches!(&error, Error::Contradiction { seq, problem, .. }
            if seq.0 == events.len() as u64 && problem.contains("order of time")),
        "{error}"
    );
}

#[test]
fn without_space_nothing_is_written_and_the_batch_can_be_kept_or_forgotten() {
    let store = MemoryStore::new();
    let (mut journal, _) = open(&store).expect("it is empty");
    let mut script = Script::new(15);
    script.begin().commit(&mut journal).expect("there is space");
    let before = (store.live(), script.engine.image());
    store.set_full(true);
    let kept = script.step();
    let rows: Vec<_> = kept.finished.iter().map(|(_, row)| row.clone()).collect();
    let error = kept.commit(&mut journal).expect_err("there is no space");
    assert!(matches!(error, AppendError::Full { .. }), "{error}");
    assert!(matches!(journal.probe(), Err(AppendError::Full { .. })));
    assert_eq!(store.live(), before.0);
    // Forgotten: the engine goes back to what is on disk.
    let engine = journal.recover(Limits::default()).expect("the disk can be read");
    assert_eq!(engine.image(), before.1);
    assert_eq!(journal.pending_count(), 0);
    // Kept: the same batch, when there is space.
    kept.commit(&mut journal).expect_err("there is still no space");
    store.set_full(false);
    journal.probe().expect("there is space");
    journal.commit(&rows).expect("there is space");
    let (_, recovered) = open(&store).expect("it is whole");
    assert_eq!(recovered.engine.image(), script.engine.image());
}

#[test]
fn a_second_writer_is_noticed() {
    let store = MemoryStore::new();
    let (mut one, _) = open(&store).expect("it is empty");
    let (mut two, _) = open(&store).expect("it is empty");
    let batch: Batch = Script::new(16).begin();
    let seq = batch.commit(&mut one).expect("it is the first");
    let error = batch.commit(&mut two).expect_err("another was first");
    assert!(
        matches!(error, AppendError::Conflict { expected: Seq(0), found } if found == seq),
        "{error}"
    );
}

#[test]
fn frames_are_chained_across_batches() {
    let run = run(17, 5);
    let bytes = run.store.durable();
    let mut rest = &*bytes;
    let mut link = tierline::journal::Link::default();
    while !rest.is_empty() {
        let (frame, more) = Frame::parse_first(rest).expect("it is whole");
        link = frame.follows(link).expect("it is next");
        rest = more;
    }
    assert_eq!(link.last, run.after.last().expect("there are some").1);
}
