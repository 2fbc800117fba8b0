//! Looks at everything in a data directory and says whether it can be trusted: `tierline journal verify`.
//!
//! Reads only, takes no lock, and so works beside a running server as well as on a stopped one.

use super::frame::{Frame, Link};
use super::replay::Replay;
use super::sqlite::{SqliteStore, rows, schema};
use super::{Error, Seq, snapshot, state_hash};
use crate::engine::model::Image;
use crate::engine::{Engine, Limits};
use std::collections::VecDeque;
use std::io::ErrorKind;
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
    // One view of the file from here on, whatever a running server writes meanwhile.
    connection.execute_batch("BEGIN").map_err(schema::failed(&place, "begin to read"))?;
    let found: String = connection
        .query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))
        .map_err(schema::failed(&place, "check the file's integrity"))?;
    if found != "ok" {
        return Err(Error::Damaged { place: place.into(), found });
    }
    report.finished_count = connection
        .query_row("SELECT count(*) FROM finished", [], |row| {
            row.get::<_, i64>(0).map(i64::cast_unsigned)
        })
        .map_err(schema::failed(&place, "count the history"))?;
    report.first = rows::first(&connection, &place)?.unwrap_or_default();
    let mut replay = Replay::new(Engine::new(Limits::default()), Link::default());
    let mut snapshots = VecDeque::new();
    for (seq, path) in snapshot::list(dir)? {
        // One at a time: each can be as large as the server's engine.
        let Some((link, image)) = read_kept(dir, &path)? else { continue };
        report.snapshots.push(seq);
        // The journal that still has everything proves the snapshots too; else the oldest is where
        // it begins.
        if report.snapshots.len() == 1 && report.first != Seq(1) {
            replay = Replay::new(Engine::from_image(image, Limits::default()), link);
        } else {
            snapshots.push_back((seq, path));
        }
    }
    // Rows before the oldest snapshot are on their way out: their chain is checked among themselves.
    let mut before: Option<Link> = None;
    rows::replay(&connection, &place, Seq(0), &mut |row, bytes| {
        let broken = |source| Error::Frame { place: (&*place).into(), row, source };
        let frame = Frame::parse(bytes).map_err(broken)?;
        let link = before.map_or(Ok(frame.link()), |before| frame.follows(before));
        before = Some(link.map_err(broken)?);
        if frame.last() > replay.link.last {
            replay.row(&place, row, bytes)?;
        }
        report.row_count += 1;
        report.event_count += u64::from(frame.count());
        report.last = frame.last();
        if let Some((_, path)) = snapshots.front().filter(|(seq, _)| *seq == frame.last()) {
            compare(dir, path, &replay)?;
            snapshots.pop_front();
        }
        Ok(rows::Next::Go)
    })?;
    // A server that runs may have made a snapshot of events after this view.
    let last = last_now(&path, &place)?;
    if let Some((seq, path)) = snapshots.pop_front().filter(|(seq, _)| *seq > last) {
        return Err(Error::Behind { place: place.into(), last: report.last, path, snapshot: seq });
    }
    report.ticket_count = replay.engine.ticket_count() as u64;
    report.state_hash = Some(state_hash(&replay.engine.image()));
    Ok(())
}

/// Reads a snapshot, unless a running server has just removed it.
fn read_kept(dir: &Path, path: &Path) -> Result<Option<(Link, Image)>, Error> {
    match snapshot::read(path) {
        Err(Error::Io { source, .. }) if source.kind() == ErrorKind::NotFound => {
            let all = snapshot::list(dir)?;
            if all.iter().any(|(_, kept)| kept == path) {
                return Err(Error::Io { path: path.into(), source });
            }
            Ok(None)
        }
        other => other.map(Some),
    }
}

fn last_now(path: &Path, place: &str) -> Result<Seq, Error> {
    let connection = schema::open_reader(path, place)?;
    rows::last(&connection).map_err(schema::failed(place, "find the last event"))
}

/// What a release kept that did not write down in whose hands tickets had been.
fn without_work(image: &Image) -> Image {
    let mut image = image.clone();
    let ended = image.finished.iter_mut().map(|finished| &mut finished.ticket);
    for ticket in image.tickets.iter_mut().chain(ended) {
        if let Some(life) = &mut ticket.life {
            life.worked.clear();
        }
    }
    image
}

fn compare(dir: &Path, path: &Path, replay: &Replay) -> Result<(), Error> {
    let Some((link, image)) = read_kept(dir, path)? else { return Ok(()) };
    let replayed = replay.engine.image();
    if link == replay.link && (image == replayed || image == without_work(&replayed)) {
        return Ok(());
    }
    Err(Error::Differs { path: path.into(), seq: replay.link.last })
}
