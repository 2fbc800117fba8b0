//! The public contract, `tierline.v1` over gRPC.
//!
//! Owns the messages and their translation to and from the words of the house: `validate` checks what
//! comes in, `convert` says what goes out, `status` maps what goes wrong. Decides nothing.

mod admin;
mod agent;
mod audit;
mod bulk;
mod card;
mod clocks;
pub(crate) mod codec;
mod contact_plan;
mod convert;
mod costs;
mod digest;
mod events;
mod explain;
mod farewell;
mod follow;
mod forecast;
mod intake;
mod life;
mod limits;
mod list;
mod names;
mod needs;
pub mod offered;
mod offers;
mod ops;
mod page;
mod past;
mod places;
mod policies;
mod pools;
pub mod proto;
mod repeats;
mod services;
mod status;
mod stream;
mod submission;
mod supervise;
pub mod validate;
mod why;
mod wishes;
mod work;

pub use limits::Told as ToldLimit;
pub use services::{Services, set_serving};
pub use status::DOMAIN;

use crate::directory::Directory;
use crate::driver::{self, Handle};
use crate::engine;
use crate::engine::model::{TicketId, TicketNumber, Time};
use crate::journal::Decided;
use places::Places;
use status::Fault;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;

/// Largest message that is sent: what clients accept unless told otherwise.
const SENT_BYTES_MAX: usize = 4 << 20;

/// What can be configured of the services.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The longest a pull may wait for work, in the clock's milliseconds. At least 0.
    pub pull_wait_ms_max: i64,
    /// The largest payload of a ticket, in bytes. At most 64 KiB.
    pub payload_bytes_max: usize,
    /// The largest message that is read, in bytes.
    pub message_bytes_max: usize,
    /// Tickets of one stream that are worked on at once. At least 1.
    pub submit_stream_in_flight_max: usize,
    /// Calls that watch a ticket, the queues or the events at once.
    pub watchers_max: usize,
    /// Agents with a Work stream at once.
    pub work_streams_max: usize,
    /// How often something must be heard on a Work stream, in real time.
    pub work_heartbeat: Duration,
    /// How long a reader of events may take nothing before it is told to come again, in real time.
    pub reader_patience: Duration,
    /// Where customers are looked up, as `GetServerInfo` says it: "embedded" or "redis".
    pub directory: &'static str,
    /// The limits of the driver, to be shown.
    pub driver: driver::Settings,
    /// Limits that others keep, to be shown as well.
    pub more: Vec<ToldLimit>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            pull_wait_ms_max: 60_000,
            payload_bytes_max: 64 << 10,
            message_bytes_max: 256 << 10,
            submit_stream_in_flight_max: 64,
            watchers_max: 1000,
            work_streams_max: 10_000,
            work_heartbeat: Duration::from_secs(10),
            reader_patience: Duration::from_secs(30),
            directory: "embedded",
            driver: driver::Settings::default(),
            more: Vec::new(),
        }
    }
}

/// Every limit that services with these settings tell, for an engine with these limits of its own;
/// nothing is used of them yet.
pub fn limits(engine: engine::Limits, settings: &Settings) -> Vec<proto::v1::Limit> {
    limits::told(engine, settings, limits::Used::default())
}

/// What the four services work with. Clones share everything.
#[derive(Clone)]
pub struct Api {
    handle: Handle,
    directory: Directory,
    settings: Settings,
    started_at: Time,
    watchers: Places,
    work_streams: Places,
    updates: intake::Turns,
    /// Reports that read the whole history: one at a time.
    reports: Arc<Semaphore>,
}

impl Api {
    /// Services that ask this driver and this directory.
    pub fn new(handle: Handle, directory: Directory, settings: Settings) -> Self {
        let clock = handle.clock();
        let places = |name, max| Places::new(name, max, move || clock.now());
        Self {
            started_at: handle.clock().now(),
            watchers: places("watchers_max", settings.watchers_max),
            work_streams: places("work_streams_max", settings.work_streams_max),
            updates: intake::Turns::default(),
            reports: Arc::new(Semaphore::new(1)),
            handle,
            directory,
            settings,
        }
    }
}

impl Api {
    /// The ids of the tickets that competed in a decision, as far as they are still known.
    async fn ids_of(
        &self,
        decided: Option<&Decided>,
    ) -> Result<BTreeMap<TicketNumber, TicketId>, Fault> {
        let Some(decided) = decided.filter(|decided| !decided.heads.is_empty()) else {
            return Ok(BTreeMap::new());
        };
        let decided = decided.clone();
        let ids = self.handle.read(move |engine, _| past::ids(engine, &decided)).await;
        ids.map_err(|refused| Fault::refused(refused, ""))
    }
}
