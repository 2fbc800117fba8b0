//! What customers were served, out of the history: every ticket once, however it is paged.

use crate::disk::open;
use crate::script::{BEGIN, Script};
use std::ops::Range;
use tierline::engine::life::Leg;
use tierline::engine::model::Time;
use tierline::journal::{FinishedRow, History, Seq, Served};

const ALL: Range<Time> = BEGIN..Time(i64::MAX);

fn paged(history: &History, period: &Range<Time>, limit: usize) -> Vec<Served> {
    let mut found: Vec<Served> = Vec::new();
    loop {
        let place = found.last().map(Served::place);
        let page = history.served(period, place.as_ref(), limit).expect("it can be read");
        assert!(page.len() <= limit);
        if page.is_empty() {
            return found;
        }
        found.extend(page);
    }
}

#[test]
fn pages_of_any_size_hold_every_ticket_of_a_known_customer_once_and_all_the_work() {
    let dir = tempfile::tempdir().expect("a folder can be made");
    let (mut journal, _) = open(dir.path()).expect("it is new");
    let mut script = Script::new(41);
    let mut rows: Vec<FinishedRow> = Vec::new();
    for step in 0..400 {
        let batch = if step == 0 { script.begin() } else { script.step() };
        let last = journal.last();
        rows.extend(
            batch
                .finished
                .iter()
                .map(|(at, row)| FinishedRow { seq: Seq(last.0 + 1 + *at as u64), ..row.clone() }),
        );
        batch.commit(&mut journal).expect("there is space");
    }
    rows.retain(|row| row.customer_id.is_some());
    let history = journal.history().expect("it can be read");
    let whole = paged(&history, &ALL, 10_000);
    assert_eq!(whole.len(), rows.len());
    assert!(whole.len() > 40, "{}", whole.len());
    assert!(whole.is_sorted_by(|a, b| a.place() < b.place()));
    for limit in [1, 2, 7] {
        assert_eq!(paged(&history, &ALL, limit), whole, "{limit} a page");
    }
    let row_of = |one: &Served| rows.iter().find(|row| row.seq == one.seq).expect("it ended");
    for one in &whole {
        let row = row_of(one);
        let in_hand = row.legs.of(Leg::Agent).ms + row.legs.of(Leg::WrapUp).ms;
        let worked: i64 = one.work.iter().map(|work| work.ms).sum();
        // What nobody heard of is no work.
        assert!(worked == in_hand || worked < in_hand && row.assigned_count > 1, "{one:?} {row:?}");
        assert_eq!(one.burden, row.burden);
        if row.assigned_count == 1 && worked > 0 {
            assert!(one.work.iter().all(|work| Some(&work.pool) == row.pool.as_ref()), "{one:?}");
        }
    }
    assert!(rows.iter().any(|row| !row.work.is_empty()), "some came back, or were cut off");
    assert!(whole.iter().any(|one| one.burden.is_some()) && history.begins().is_ok());

    let middle = rows[rows.len() / 2].finished_at;
    let (early, late) = (BEGIN..middle, middle..Time(i64::MAX));
    let halves = paged(&history, &early, 3).len() + paged(&history, &late, 3).len();
    assert_eq!(halves, rows.len());
}
