//! Looks at everything in a data directory and says whether it can be trusted: `tierline journal verify`.
//!
//! Reads only, takes no lock, and so works beside a running server as well as on a stopped one.

use super::frame::{Frame, Link};
use super::replay::Replay;
use super::sqlite::{SqliteStore, rows, schema};
use super::{Error, Seq, snapshot, state_hash};
use crate::engine::{Engine, Limits};
use std::path::Path;

/// What [`verify`] found.
#[derive(Debug, Default)]
pub struct Report {
    /// How many rows the journal has, as far as they could be read.
    pub row_count: u64,
    /// How many events they hold.
    pub event_count: u64,
    /// The first event in the journal; 0 when it is empty.
    pub first: Seq,
    /// The last event in the journal; 0 when it is empty.
    pub last: Seq,
    /// How many tickets the history has.
    pub finished_count: u64,
    /// The snapshots that are whole, the oldest first.
    pub snapshots: Vec<Seq>,
    /// How many tickets are live after the last event.
    pub ticket_count: u64,
    /// The digest of the engine after the last event, when everything could be replayed.
    pub state_hash: Option<u64>,
    /// The first damage, if there is any. Counts stop there.
    pub damage: Option<Error>,
}

impl Report {
    /// Whether everything agrees.
    pub fn is_whole(&self) -> bool {
        self.damage.is_none()
    }
}

/// Checks the data directory `dir`: `SQLite`'s own check, every row's checksums and chain, every
/// snapshot, a replay of everything from the oldest snapshot, and that the newer snapshot equals what
/// the replay gives at its event.
pub fn verify(dir: &Path) -> Report {
    let mut report = Report::default();
    report.damage = check(dir, &mut report).err();
    report
}

fn check(dir: &Path, report: &mut Report) -> Result<(), Error> {
    let path = SqliteStore::path(dir);
    let place = path.display().to_string();
    let connection = schema::open_reader(&path, &place)?;
    let doing = "check the file's integrity";
    let found: String = connection
        .query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))
        .map_err(schema::failed(&place, doing))?;
    if found != "ok" {
        return Err(Error::Foreign {
            place: place.into(),
            found,
        });
    }
    report.finished_count = connection
        .query_row("SELECT count(*) FROM finished", [], |row| {
            row.get::<_, i64>(0).map(i64::cast_unsigned)
        })
        .map_err(schema::failed(&place, "count the history"))?;
    let mut snapshots = snapshot::list(dir)?;
    // One at a time: an engine can be as large as the server's.
    for (_, path) in &snapshots {
        let (link, _) = snapshot::read(path)?;
        report.snapshots.push(link.last);
    }
    let first = rows::first(&connection, &place)?;
    report.first = first.unwrap_or_default();
    let mut replay = match snapshots.first() {
        // The journal still has everything, and so proves the snapshots too.
        _ if first == Some(Seq(1)) => Replay::new(empty(), Link::default()),
        None => Replay::new(empty(), Link::default()),
        Some((_, path)) => {
            let (link, image) = snapshot::read(path)?;
            Replay::new(Engine::from_image(image, Limits::default()), link)
        }
    };
    snapshots.retain(|(seq, _)| *seq > replay.link.last);
    // Rows before the oldest snapshot are on their way out: their chain is checked among themselves.
    let mut before: Option<Link> = None;
    rows::replay(&connection, &place, Seq(0), &mut |row, bytes| {
        let frame = Frame::parse(bytes).map_err(|source| frame_error(&place, row, source))?;
        if let Some(before) = before {
            frame
                .follows(before)
                .map_err(|source| frame_error(&place, row, source))?;
        }
        before = Some(frame.link());
        if frame.last() > replay.link.last {
            replay.row(&place, row, bytes)?;
        }
        report.row_count += 1;
        report.event_count += u64::from(frame.count());
        report.last = frame.last();
        if let Some((_, path)) = snapshots.first().filter(|(seq, _)| *seq == report.last) {
            compare(path, &replay)?;
            snapshots.remove(0);
        }
        Ok(rows::Next::Go)
    })?;
    if let Some((seq, path)) = snapshots.pop() {
        return Err(Error::Behind {
            place: place.into(),
            last: report.last,
            path,
            snapshot: seq,
        });
    }
    report.ticket_count = replay.engine.ticket_count() as u64;
    report.state_hash = Some(state_hash(&replay.engine.image()));
    Ok(())
}

fn compare(path: &Path, replay: &Replay) -> Result<(), Error> {
    let (link, image) = snapshot::read(path)?;
    if link == replay.link && image == replay.engine.image() {
        return Ok(());
    }
    Err(Error::Differs {
        path: path.into(),
        seq: replay.link.last,
    })
}

fn empty() -> Engine {
    Engine::new(Limits::default())
}

fn frame_error(place: &str, row: Seq, source: super::frame::Error) -> Error {
    Error::Frame {
        place: place.into(),
        row,
        source,
    }
}
