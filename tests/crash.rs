//! The real server is killed with SIGKILL under load, again and again, and what it says after each
//! restart is held against the clients' own record: no acknowledged ticket missing, none completed
//! twice, none held by two live tokens.
//!
//! `TIERLINE_KILLS` says how often (25 by default), `TIERLINE_SEED` which moments.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where")]

#[path = "support/running.rs"]
mod running;

use rand::{Rng, SeedableRng};
use rand_pcg::Pcg64Mcg;
use running::{Folder, Running};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use tierline::api::proto::v1::admin_service_client::AdminServiceClient;
use tierline::api::proto::v1::agent_service_client::AgentServiceClient;
use tierline::api::proto::v1::intake_service_client::IntakeServiceClient;
use tierline::api::proto::v1::{
    Assignment, Channel as Via, CompleteTicketRequest, GetTicketRequest, Presence,
    PullTicketRequest, PutAgentRequest, SetPresenceRequest, SubmitTicketRequest, TicketState,
    pull_ticket_response,
};
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tonic::Code;
use tonic::transport::Channel;

/// Fewer than the agents can serve, so that what is waiting, and is asked after in every round, stays few.
const SUBMITTERS: u64 = 3;
const AGENTS: u64 = 8;

/// What the clients know of one ticket.
#[derive(Clone, Debug, Default)]
struct Known {
    /// The submit was acknowledged.
    acknowledged: bool,
    /// The live assignment that a client has seen, with its holder.
    held: Option<(String, u64)>,
    /// A completion was sent with this token; it may or may not have arrived.
    completing: Option<u64>,
    /// A completion with this token was acknowledged.
    completed: Option<u64>,
}

/// The clients' own record.
#[derive(Default)]
struct Record {
    tickets: Mutex<BTreeMap<String, Known>>,
    answers: AtomicU64,
    answered: Notify,
    enough: AtomicBool,
}

impl Record {
    fn note(&self, id: &str, change: impl FnOnce(&mut Known)) {
        change(self.tickets.lock().unwrap().entry(id.to_owned()).or_default());
    }

    fn answered(&self) {
        self.answers.fetch_add(1, Ordering::Relaxed);
        self.answered.notify_one();
    }

    fn is_enough(&self) -> bool {
        self.enough.load(Ordering::Relaxed)
    }

    fn assigned(&self, agent: &str, id: &str, token: u64) {
        self.note(id, |known| {
            assert!(known.completed.is_none(), "{id} was completed, and is given to {agent} again");
            if let Some((holder, held)) = &known.held {
                assert_eq!(
                    (holder.as_str(), *held),
                    (agent, token),
                    "{id} is held by two live tokens: {holder}'s {held} and {agent}'s {token}"
                );
            }
            known.held = Some((agent.to_owned(), token));
        });
    }

    fn completed(&self, id: &str, token: u64) {
        self.note(id, |known| {
            assert!(
                known.completed.is_none_or(|first| first == token),
                "{id} is completed twice: with {:?} and {token}",
                known.completed
            );
            known.completed = Some(token);
            known.completing = None;
            known.held = None;
        });
    }
}

fn submit(id: &str) -> SubmitTicketRequest {
    let tier = if id.ends_with('7') { "gold" } else { "standard" };
    SubmitTicketRequest {
        ticket_id: id.to_owned(),
        channel: Via::Voice.into(),
        tier: tier.to_owned(),
        payload: vec![b'x'; 200].into(),
        ..SubmitTicketRequest::default()
    }
}

fn assignment(result: Option<pull_ticket_response::Result>) -> Option<Assignment> {
    match result {
        Some(pull_ticket_response::Result::Assignment(assignment)) => Some(*assignment),
        Some(pull_ticket_response::Result::Empty(_)) | None => None,
    }
}

/// Submits until the server is gone or there has been enough.
async fn submitter(record: Arc<Record>, channel: Channel, name: String) {
    let mut intake = IntakeServiceClient::new(channel);
    for nth in 0.. {
        if record.is_enough() {
            return;
        }
        let id = format!("{name}-{nth}");
        record.note(&id, |_| {});
        if intake.submit_ticket(submit(&id)).await.is_err() {
            return;
        }
        record.note(&id, |known| known.acknowledged = true);
        record.answered();
    }
}

/// Pulls and completes until the server is gone or there has been enough. A pull's request id is the
/// same until it is answered, as a careful client's is.
async fn agent(record: Arc<Record>, channel: Channel, name: String, request: Arc<AtomicU64>) {
    let mut client = AgentServiceClient::new(channel);
    let presence = Presence::Available.into();
    let available = SetPresenceRequest { agent_id: name.clone(), presence };
    if client.set_presence(available).await.is_err() {
        return;
    }
    while !record.is_enough() {
        let pull = PullTicketRequest {
            agent_id: name.clone(),
            request_id: format!("{name}-{}", request.load(Ordering::Relaxed)),
            wait: Some(prost_types::Duration { seconds: 1, nanos: 0 }),
        };
        let Ok(pulled) = client.pull_ticket(pull).await else { return };
        let Some(assignment) = assignment(pulled.into_inner().result) else { continue };
        let (id, token) = (assignment.ticket.unwrap().ticket_id, assignment.lease_token);
        record.assigned(&name, &id, token);
        record.note(&id, |known| known.completing = Some(token));
        if client.complete_ticket(complete(&id, token)).await.is_err() {
            return;
        }
        record.completed(&id, token);
        request.fetch_add(1, Ordering::Relaxed);
        record.answered();
    }
}

fn complete(id: &str, token: u64) -> CompleteTicketRequest {
    CompleteTicketRequest {
        ticket_id: id.to_owned(),
        lease_token: token,
        outcome: "done".to_owned(),
        ..CompleteTicketRequest::default()
    }
}

/// Holds what the restarted server says against the record, and settles what was in flight by the
/// retries that a careful client would make.
async fn check(record: &Record, server: &Running) {
    let channel = server.connect().await;
    let mut intake = IntakeServiceClient::new(channel.clone());
    let mut agents = AgentServiceClient::new(channel);
    let known = record.tickets.lock().unwrap().clone();
    for (id, known) in known {
        if !known.acknowledged {
            // In flight when the server died: sent again, it is one ticket, old or new.
            intake.submit_ticket(submit(&id)).await.expect("a submit can be repeated");
            record.note(&id, |known| known.acknowledged = true);
        }
        if let Some(token) = known.completing {
            agents
                .complete_ticket(complete(&id, token))
                .await
                .unwrap_or_else(|status| panic!("{id}: a completion can be repeated: {status}"));
            record.completed(&id, token);
        }
        let get = GetTicketRequest { ticket_id: id.clone() };
        let ticket = match intake.get_ticket(get).await {
            Ok(found) => found.into_inner().ticket.expect("the answer has the ticket"),
            Err(status) if status.code() == Code::NotFound => {
                panic!("{id} was acknowledged and is missing")
            }
            Err(status) => panic!("{id}: {status}"),
        };
        let is_completed = known.completed.is_some() || known.completing.is_some();
        assert_eq!(
            ticket.state() == TicketState::Completed,
            is_completed,
            "{id}: the record says completed: {is_completed}, the server {:?}",
            ticket.state()
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost_when_the_server_is_killed_under_load() {
    let number = |name: &str, default: u64| {
        std::env::var(name).map_or(default, |text| text.parse().expect("a whole number"))
    };
    let (kills, seed) = (number("TIERLINE_KILLS", 25), number("TIERLINE_SEED", 1));
    let mut chance = Pcg64Mcg::seed_from_u64(seed);
    // Few events between snapshots, so that kills fall into snapshots and truncations too.
    let folder = Folder::new("", "snapshot_every = 1500\n[log]\nfilter = \"warn\"\n");
    let mut server = folder.start().await;
    let mut admin = AdminServiceClient::new(server.connect().await);
    for at in 0..AGENTS {
        let put = PutAgentRequest {
            agent_id: format!("agent-{at}"),
            pools: vec!["desk".to_owned()],
            capacity: 1,
            ..PutAgentRequest::default()
        };
        admin.put_agent(put).await.unwrap();
    }
    let requests: Vec<_> = (0..AGENTS).map(|_| Arc::new(AtomicU64::new(0))).collect();
    let mut record = Arc::new(Record::default());
    let (mut total, mut completed) = (0, 0);
    for kill in 0..kills {
        let mut clients = JoinSet::new();
        for at in 0..SUBMITTERS {
            let name = format!("t-{kill}-{at}");
            clients.spawn(submitter(record.clone(), server.connect().await, name));
        }
        for (at, request) in requests.iter().enumerate() {
            let (name, request) = (format!("agent-{at}"), request.clone());
            clients.spawn(agent(record.clone(), server.connect().await, name, request));
        }
        let wanted = chance.random_range(1..1500);
        while record.answers.load(Ordering::Relaxed) < wanted {
            record.answered.notified().await;
        }
        server.kill();
        while let Some(client) = clients.join_next().await {
            client.expect("no client found a contradiction");
        }
        server = folder.start().await;
        check(&record, &server).await;
        // What is settled and completed need not be asked after again in every later round, but for a
        // sample: it must stay so. What waits goes on into the next round.
        let mut tickets = std::mem::take(&mut *record.tickets.lock().unwrap());
        total += tickets.len();
        let before = tickets.len();
        tickets.retain(|_, known| known.completed.is_none() || chance.random_ratio(1, 20));
        completed += before - tickets.values().filter(|known| known.completed.is_none()).count();
        total -= tickets.len();
        record = Arc::new(Record { tickets: Mutex::new(tickets), ..Record::default() });
        println!("kill {}/{kills}: {wanted} answers, {} tickets known", kill + 1, total);
    }
    server.kill();
    let verified = std::process::Command::new(env!("CARGO_BIN_EXE_tierline"))
        .args(["journal", "verify"])
        .arg(folder.path().join("data"))
        .output()
        .unwrap();
    assert!(verified.status.success(), "{}", String::from_utf8_lossy(&verified.stderr));
    assert!(completed > 0, "the agents completed something in between");
}
