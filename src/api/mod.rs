//! The public contract, `tierline.v1` over gRPC.
//!
//! Owns the messages and their translation to and from the words of the house: `validate` checks what
//! comes in, `convert` says what goes out, `status` maps what goes wrong. Decides nothing.

mod admin;
mod agent;
mod audit;
mod bulk;
mod clocks;
mod convert;
mod digest;
mod events;
mod explain;
mod follow;
mod forecast;
mod intake;
mod life;
mod limits;
mod list;
mod names;
mod needs;
mod offers;
mod ops;
mod page;
mod past;
mod policies;
mod pools;
pub mod proto;
mod status;
mod stream;
mod submission;
mod supervise;
pub mod validate;
mod why;
mod wishes;
mod work;

pub use limits::Told as ToldLimit;
pub use status::DOMAIN;

use crate::directory::Directory;
use crate::driver::{self, Handle};
use crate::engine;
use crate::engine::model::Time;
use proto::v1::admin_service_server::AdminServiceServer;
use proto::v1::agent_service_server::AgentServiceServer;
use proto::v1::intake_service_server::IntakeServiceServer;
use proto::v1::ops_service_server::OpsServiceServer;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;
use tonic::service::Routes;
use tonic_health::server::HealthReporter;

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
    watchers: Arc<Semaphore>,
    work_streams: Arc<Semaphore>,
    updates: intake::Turns,
}

impl Api {
    /// Services that ask this driver and this directory.
    pub fn new(handle: Handle, directory: Directory, settings: Settings) -> Self {
        Self {
            started_at: handle.clock().now(),
            watchers: Arc::new(Semaphore::new(settings.watchers_max)),
            work_streams: Arc::new(Semaphore::new(settings.work_streams_max)),
            updates: intake::Turns::default(),
            handle,
            directory,
            settings,
        }
    }
}

/// All services, with health and reflection, and the reporter by which the server says whether they
/// serve (see [`set_serving`]).
pub fn services(api: Api) -> (Routes, HealthReporter) {
    let read_max = api.settings.message_bytes_max;
    let api = Arc::new(api);
    macro_rules! limited {
        ($server:ident) => {
            $server::from_arc(api.clone())
                .max_decoding_message_size(read_max)
                .max_encoding_message_size(SENT_BYTES_MAX)
        };
    }
    let (reporter, health) = tonic_health::server::health_reporter();
    let reflection = || {
        tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(proto::FILE_DESCRIPTOR_SET)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
    };
    let contract = "build.rs has made the descriptors";
    let routes = Routes::default()
        .add_service(limited!(IntakeServiceServer))
        .add_service(limited!(AgentServiceServer))
        .add_service(limited!(OpsServiceServer))
        .add_service(limited!(AdminServiceServer))
        .add_service(health)
        .add_service(reflection().build_v1().expect(contract))
        .add_service(reflection().build_v1alpha().expect(contract));
    (routes, reporter)
}

/// Says to health checks whether the server and each of the four services serve.
pub async fn set_serving(reporter: &HealthReporter, serves: bool) {
    use tonic_health::ServingStatus::{NotServing, Serving};
    let status = if serves { Serving } else { NotServing };
    for name in [
        "",
        "tierline.v1.IntakeService",
        "tierline.v1.AgentService",
        "tierline.v1.OpsService",
        "tierline.v1.AdminService",
    ] {
        reporter.set_service_status(name, status).await;
    }
}
