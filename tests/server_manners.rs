//! How the real server behaves towards its configuration, its ports, its callers and its operators.

#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

#[path = "support/running.rs"]
mod running;

use running::{Folder, LONG, Running};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::Permissions;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::time::Duration;
use tierline::api::proto::v1 as pb;
use tierline::api::proto::v1::admin_service_client::AdminServiceClient;
use tierline::api::proto::v1::agent_service_client::AgentServiceClient;
use tierline::api::proto::v1::intake_service_client::IntakeServiceClient;
use tierline::api::proto::v1::ops_service_client::OpsServiceClient;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout};
use tokio_stream::wrappers::ReceiverStream;
use tonic::Code;
use tonic::transport::Channel;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;

/// The beginning of an HTTP/2 connection, and an empty SETTINGS frame.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00";

fn stderr(output: &std::process::Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// A port that somebody else has: a server that came as far as its ports would end with 69.
async fn taken_port() -> (TcpListener, SocketAddr) {
    let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = taken.local_addr().unwrap();
    (taken, address)
}

#[tokio::test]
async fn a_fault_in_the_configuration_is_told_with_file_key_and_value_before_any_port_is_bound() {
    let (_taken, address) = taken_port().await;
    let folder = Folder::new("", "");
    folder.write(
        "tierline.toml",
        &format!("[listen]\ngrpc = \"{address}\"\n\n[limits]\nbatch_max = 0\n"),
    );
    let output = folder.refused(&[]).await;
    let said = stderr(&output);
    assert_eq!(output.status.code(), Some(64), "{said}");
    assert!(said.contains("tierline.toml:5: limits.batch_max = 0"), "{said}");
    assert!(said.contains("65536"), "the range is told: {said}");
    assert!(!folder.path().join("data").exists(), "nothing was touched");
}

#[tokio::test]
async fn a_fault_in_the_policy_is_told_before_any_port_is_bound() {
    let (_taken, address) = taken_port().await;
    let folder = Folder::new("", "");
    folder.write(
        "tierline.toml",
        &format!("[listen]\ngrpc = \"{address}\"\n[policy]\nfile = \"policy.toml\"\n"),
    );
    let policy = include_str!("../config/default.toml").replace("rank = 2", "rank = 0");
    folder.write("policy.toml", &policy);
    let output = folder.refused(&[]).await;
    let said = stderr(&output);
    assert_eq!(output.status.code(), Some(64), "{said}");
    assert!(said.contains("rank = 0"), "{said}");
}

#[tokio::test]
async fn an_address_that_others_reach_is_refused_by_the_name_of_the_option() {
    let folder = Folder::new("", "");
    let output = folder.refused(&["--listen", "0.0.0.0:0"]).await;
    let said = stderr(&output);
    assert_eq!(output.status.code(), Some(64), "{said}");
    assert!(said.contains("--listen = \"0.0.0.0:0\""), "{said}");
    assert!(said.contains("insecure"), "{said}");
}

#[tokio::test]
async fn a_second_server_on_the_same_data_directory_is_refused() {
    let folder = Folder::new("", "");
    let first = folder.start().await;
    let output = folder.refused(&[]).await;
    let said = stderr(&output);
    assert_eq!(output.status.code(), Some(73), "{said}");
    assert!(said.contains(&folder.path().join("data").display().to_string()), "{said}");
    assert_eq!(first.get("/ready").await.0, "HTTP/1.1 200 OK", "the first goes on");
}

#[tokio::test]
async fn the_data_directory_is_made_for_its_owner_alone_and_kept_as_it_is_afterwards() {
    let folder = Folder::new("", "");
    let data = folder.path().join("data");
    let mode = || std::fs::metadata(&data).unwrap().permissions().mode() & 0o777;
    let server = folder.start().await;
    assert_eq!(mode(), 0o700);
    server.signal("TERM").await;
    server.ended().await;
    std::fs::set_permissions(&data, Permissions::from_mode(0o750)).unwrap();
    let _server = folder.start().await;
    assert_eq!(mode(), 0o750, "what its owner has allowed stays");
}

#[tokio::test]
async fn a_journal_that_ends_in_the_future_is_told_at_the_start() {
    let folder = Folder::new("", "");
    let mut fast = folder.serve();
    fast.args(["--clock-speed", "10000"]);
    let server = Running::of(fast).await;
    let channel = server.connect().await;
    let mut admin = AdminServiceClient::new(channel.clone());
    let an_hour_later = async {
        loop {
            let info = admin.get_server_info(pb::GetServerInfoRequest {}).await.unwrap();
            let info = info.into_inner();
            if info.now.unwrap().seconds - info.started_at.unwrap().seconds > 3600 {
                break;
            }
        }
    };
    timeout(LONG, an_hour_later).await.unwrap();
    put_agent(&channel, "ada").await;
    server.signal("TERM").await;
    let (_, log) = server.ended().await;
    assert!(!log.contains("ahead of the wall clock"), "{log}");
    let server = folder.start().await;
    server.logged("the journal ends ahead of the wall clock").await;
}

#[tokio::test]
async fn a_port_that_is_taken_is_told_and_the_data_directory_given_back() {
    let (taken, address) = taken_port().await;
    let folder = Folder::new("", "");
    let output = folder.refused(&["--listen", &address.to_string()]).await;
    let said = stderr(&output);
    assert_eq!(output.status.code(), Some(69), "{said}");
    assert!(said.contains(&address.to_string()), "{said}");
    drop(taken);
    folder.start().await;
}

/// Waits until the server closes the connection.
async fn closed(stream: &mut TcpStream) {
    let mut rest = Vec::new();
    // A reset is an end as well.
    let _ = timeout(LONG, stream.read_to_end(&mut rest)).await.expect("the server closes it");
}

#[tokio::test]
async fn connections_that_do_not_speak_in_time_are_closed_and_those_that_do_stay() {
    let folder = Folder::new("silent_timeout = \"1s\"", "");
    let server = folder.start().await;
    let speaking = server.connect().await;
    let begun = Instant::now();
    let mut silent = TcpStream::connect(server.grpc).await.unwrap();
    let mut half = TcpStream::connect(server.grpc).await.unwrap();
    half.write_all(&PREFACE[..12]).await.unwrap();
    let mut silent_http = TcpStream::connect(server.http).await.unwrap();
    let mut half_http = TcpStream::connect(server.http).await.unwrap();
    half_http.write_all(b"GET /live HTTP/1.1\r\n").await.unwrap();
    for stream in [&mut silent, &mut half, &mut silent_http, &mut half_http] {
        closed(stream).await;
        assert!(begun.elapsed() >= Duration::from_secs(1), "not before its time");
    }
    let refused = r#"tierline_connections_refused_total{listener="grpc",reason="silent"}"#;
    assert_eq!(server.metric(refused).await, Some(2.0));
    let mut ops = OpsServiceClient::new(speaking);
    ops.list_queues(pb::ListQueuesRequest::default()).await.expect("it has spoken");
}

#[tokio::test]
async fn connections_beyond_the_cap_are_closed_and_counted_until_there_is_room() {
    let folder = Folder::new("connections_max = 2", "");
    let server = folder.start().await;
    let first = TcpStream::connect(server.grpc).await.unwrap();
    let _second = TcpStream::connect(server.grpc).await.unwrap();
    let mut third = TcpStream::connect(server.grpc).await.unwrap();
    closed(&mut third).await;
    let refused = r#"tierline_connections_refused_total{listener="grpc",reason="limit"}"#;
    assert_eq!(server.metric(refused).await, Some(1.0));
    drop(first);
    let room = async {
        loop {
            // Closed again until the server has noticed that the first is gone.
            if let Ok(channel) = server.try_connect().await {
                let asked = pb::ListQueuesRequest::default();
                if OpsServiceClient::new(channel).list_queues(asked).await.is_ok() {
                    break;
                }
            }
        }
    };
    timeout(LONG, room).await.expect("there is room for one");
}

#[tokio::test]
async fn a_server_that_runs_out_of_files_serves_again_when_it_has_some() {
    let folder = Folder::new("", "");
    let server = Running::of(folder.serve_after("ulimit -n 48")).await;
    let mut crowd = Vec::new();
    for _ in 0..64 {
        // The system accepts them even while the server cannot.
        crowd.push(TcpStream::connect(server.grpc).await.unwrap());
    }
    server.logged("the system accepts no connection").await;
    drop(crowd);
    let channel = timeout(LONG, server.connect()).await.unwrap();
    let mut ops = OpsServiceClient::new(channel);
    ops.list_queues(pb::ListQueuesRequest::default()).await.expect("it serves again");
}

async fn put_agent(channel: &Channel, id: &str) {
    let agent = pb::PutAgentRequest {
        agent_id: id.to_owned(),
        pools: vec!["desk".to_owned()],
        capacity: 1,
        ..Default::default()
    };
    AdminServiceClient::new(channel.clone()).put_agent(agent).await.unwrap();
    let presence = pb::Presence::Available.into();
    let request = pb::SetPresenceRequest { agent_id: id.to_owned(), presence };
    AgentServiceClient::new(channel.clone()).set_presence(request).await.unwrap();
}

fn pull(agent: &str, wait_seconds: i64) -> pb::PullTicketRequest {
    pb::PullTicketRequest {
        agent_id: agent.to_owned(),
        wait: Some(prost_types::Duration { seconds: wait_seconds, nanos: 0 }),
        ..Default::default()
    }
}

fn voice(id: &str) -> pb::SubmitTicketRequest {
    let channel = pb::Channel::Voice.into();
    pb::SubmitTicketRequest { ticket_id: id.to_owned(), channel, ..Default::default() }
}

#[tokio::test]
async fn sigterm_ends_waits_and_watches_and_silent_connections_long_before_the_limit() {
    let folder = Folder::new("silent_timeout = \"5m\"", "[drain]\nlimit = \"10m\"\n");
    let server = folder.start().await;
    let channel = server.connect().await;
    put_agent(&channel, "ada").await;
    let mut silent = TcpStream::connect(server.grpc).await.unwrap();
    IntakeServiceClient::new(channel.clone()).submit_ticket(voice("watched")).await.unwrap();
    let mut intake = IntakeServiceClient::new(channel.clone());
    let request = pb::WatchTicketRequest { ticket_id: "watched".to_owned() };
    let mut ticket = intake.watch_ticket(request).await.unwrap().into_inner();
    let mut agents = AgentServiceClient::new(channel.clone());
    // The first takes the ticket that is there; the second waits.
    agents.pull_ticket(pull("ada", 0)).await.unwrap();
    put_agent(&channel, "ben").await;
    let waiting = tokio::spawn(async move { agents.pull_ticket(pull("ben", 60)).await });
    let mut ops = OpsServiceClient::new(channel);
    let mut queues =
        ops.watch_queues(pb::WatchQueuesRequest::default()).await.unwrap().into_inner();
    let idle = r#"tierline_agents{pool="desk",state="idle"}"#;
    while let Some(message) = queues.message().await.unwrap() {
        // The pull waits once the view says so.
        if !message.overview.unwrap().pools.iter().all(|pool| pool.idle_count == 0) {
            break;
        }
    }
    assert_eq!(server.metric(idle).await, Some(1.0));

    server.signal("TERM").await;
    let refused = timeout(LONG, waiting).await.unwrap().unwrap().unwrap_err();
    assert_eq!(refused.code(), Code::Unavailable, "{refused}");
    let queues_end = timeout(LONG, async {
        loop {
            if let Err(status) = queues.message().await {
                break status;
            }
        }
    });
    assert_eq!(queues_end.await.unwrap().code(), Code::Unavailable);
    let ticket_end = timeout(LONG, async {
        loop {
            if let Err(status) = ticket.message().await {
                break status;
            }
        }
    });
    assert_eq!(ticket_end.await.unwrap().code(), Code::Unavailable);
    closed(&mut silent).await;
    let (status, log) = server.ended().await;
    assert_eq!(status.code(), Some(0), "{log}");
    assert!(!log.contains("are cut off"), "{log}");
}

/// A call that goes on as long as its caller likes.
async fn endless(channel: &Channel) -> mpsc::Sender<pb::SubmitTicketsRequest> {
    let (sender, receiver) = mpsc::channel(1);
    let ticket = Some(voice("streamed"));
    sender.send(pb::SubmitTicketsRequest { ticket, ..Default::default() }).await.unwrap();
    let mut intake = IntakeServiceClient::new(channel.clone());
    let mut answers =
        intake.submit_tickets(ReceiverStream::new(receiver)).await.unwrap().into_inner();
    answers.message().await.unwrap().expect("the first is answered");
    tokio::spawn(async move { while let Ok(Some(_)) = answers.message().await {} });
    sender
}

#[tokio::test]
async fn a_call_that_does_not_end_is_cut_off_at_the_drains_limit() {
    let folder = Folder::new("", "[drain]\nlimit = \"1s\"\n");
    let server = folder.start().await;
    // It says that it speaks HTTP/2, and then nothing: not even that it has heard goodbye.
    let mut mute = TcpStream::connect(server.grpc).await.unwrap();
    mute.write_all(PREFACE).await.unwrap();
    let channel = server.connect().await;
    let _endless = endless(&channel).await;
    let mut health = HealthClient::new(channel.clone());
    let mut watching =
        health.watch(HealthCheckRequest { service: String::new() }).await.unwrap().into_inner();
    let serving = tonic_health::ServingStatus::Serving as i32;
    assert_eq!(watching.message().await.unwrap().unwrap().status, serving);
    server.signal("TERM").await;
    let not_serving = tonic_health::ServingStatus::NotServing as i32;
    assert_eq!(watching.message().await.unwrap().unwrap().status, not_serving);
    closed(&mut mute).await;
    let (status, log) = server.ended().await;
    assert_eq!(status.code(), Some(0), "{log}");
    assert!(log.contains("are cut off"), "{log}");
    // What was answered is there after the next start.
    let server = folder.start().await;
    let request = pb::GetTicketRequest { ticket_id: "streamed".to_owned() };
    IntakeServiceClient::new(server.connect().await).get_ticket(request).await.unwrap();
}

#[tokio::test]
async fn while_it_drains_it_says_so_and_a_second_signal_ends_it_at_once() {
    let folder = Folder::new("", "[drain]\nlimit = \"10m\"\n");
    let server = folder.start().await;
    let channel = server.connect().await;
    let _endless = endless(&channel).await;
    server.signal("TERM").await;
    server.logged("draining").await;
    let (status, reason) = server.get("/ready").await;
    assert_eq!(status, "HTTP/1.1 503 Service Unavailable");
    assert_eq!(reason, "not ready: the server is stopping\n");
    assert_eq!(server.get("/live").await.0, "HTTP/1.1 200 OK");
    server.signal("INT").await;
    let (status, log) = server.ended().await;
    assert_eq!(status.code(), Some(143), "{log}");
}

/// A ticket with the largest payload.
fn heavy(number: usize) -> pb::SubmitTicketRequest {
    let payload = vec![7; 64 << 10].into();
    pb::SubmitTicketRequest { payload, ..voice(&format!("heavy-{number}")) }
}

#[tokio::test]
async fn when_the_journal_fails_the_server_ends_with_74_and_nothing_acknowledged_is_missing() {
    let folder = Folder::new("", "");
    // A file may grow to 2 MiB, and beyond that a write fails as on a broken disk.
    let server = Running::of(folder.serve_after("ulimit -f 4096; trap '' XFSZ")).await;
    let mut intake = IntakeServiceClient::new(server.connect().await);
    let mut acknowledged_count = 0;
    while intake.submit_ticket(heavy(acknowledged_count)).await.is_ok() {
        acknowledged_count += 1;
    }
    let (status, log) = server.ended().await;
    assert_eq!(status.code(), Some(74), "{log}");
    assert!(log.lines().last().unwrap().starts_with("error: "), "{log}");
    assert!(log.contains("tierline.db"), "{log}");

    let server = folder.start().await;
    let mut intake = IntakeServiceClient::new(server.connect().await);
    assert!(acknowledged_count > 8, "it worked for a while");
    for number in 0..acknowledged_count {
        let request = pb::GetTicketRequest { ticket_id: format!("heavy-{number}") };
        intake.get_ticket(request).await.unwrap();
    }
}

#[tokio::test]
async fn without_space_the_server_is_not_ready_and_says_why() {
    let folder = Folder::new("", "");
    let text = std::fs::read_to_string(folder.path().join("tierline.toml")).unwrap();
    folder.write("tierline.toml", &format!("{text}size_max = \"64MiB\"\n"));
    let server = folder.start().await;
    let mut intake = IntakeServiceClient::new(server.connect().await);
    let mut numbers = 0..;
    // A snapshot that is just being made may give some of the space back: then more is sent.
    let said = async {
        loop {
            let number = numbers.next().expect("they do not end");
            let Err(refused) = intake.submit_ticket(heavy(number)).await else { continue };
            assert_eq!(refused.code(), Code::ResourceExhausted, "{refused}");
            let (status, reason) = server.get("/ready").await;
            if status.contains("503") && server.metric("tierline_ready").await == Some(0.0) {
                break reason;
            }
        }
    };
    let reason = timeout(LONG, said).await.unwrap();
    assert_eq!(reason, "not ready: the journal has no space left\n");
    assert_eq!(server.get("/live").await.0, "HTTP/1.1 200 OK");
    server.signal("TERM").await;
    let (status, log) = server.ended().await;
    assert_eq!(status.code(), Some(0), "{log}");
}

/// Some of everything: tickets of every fate, agents, customers, questions and a refusal.
async fn traffic(channel: &Channel, mark: &str) {
    let mut intake = IntakeServiceClient::new(channel.clone());
    let mut agents = AgentServiceClient::new(channel.clone());
    let mut admin = AdminServiceClient::new(channel.clone());
    let phone = pb::CustomerIdentifier {
        kind: pb::IdentifierKind::Phone.into(),
        value: format!("+1{mark}"),
    };
    let customer = pb::Customer {
        customer_id: format!("C-{mark}"),
        tier: "gold".to_owned(),
        identifiers: vec![phone.clone()],
        ..Default::default()
    };
    admin.put_customer(pb::PutCustomerRequest { customer: Some(customer) }).await.unwrap();
    put_agent(channel, "ada").await;
    let ticket = pb::SubmitTicketRequest {
        customer: Some(phone.clone()),
        subject: format!("subject {mark}"),
        payload: format!("payload {mark}").into_bytes().into(),
        attributes: BTreeMap::from([("key".to_owned(), format!("value {mark}"))]),
        ..voice("t-1")
    };
    let receipt = intake.submit_ticket(ticket.clone()).await.unwrap().into_inner();
    assert_eq!(receipt.tier, "gold");
    intake
        .submit_ticket(pb::SubmitTicketRequest { subject: String::new(), ..ticket.clone() })
        .await
        .expect_err("the same id with other content");
    intake
        .submit_ticket(pb::SubmitTicketRequest { subject: mark.repeat(100), ..ticket })
        .await
        .expect_err("a subject that is too long");
    let pulled = agents.pull_ticket(pull("ada", 0)).await.unwrap().into_inner();
    let Some(pb::pull_ticket_response::Result::Assignment(held)) = pulled.result else {
        panic!("there is a ticket");
    };
    let complete = pb::CompleteTicketRequest {
        ticket_id: "t-1".to_owned(),
        lease_token: held.lease_token,
        outcome: "solved".to_owned(),
        note: format!("note {mark}"),
        ..Default::default()
    };
    agents.complete_ticket(complete).await.unwrap();
    intake.submit_ticket(voice("t-2")).await.unwrap();
    let cancel =
        pb::CancelTicketRequest { ticket_id: "t-2".to_owned(), reason: format!("why {mark}") };
    intake.cancel_ticket(cancel).await.unwrap();
    let get = pb::GetTicketRequest { ticket_id: "t-1".to_owned() };
    intake.get_ticket(get).await.unwrap();
    let list = pb::ListTicketsRequest { customer_id: format!("C-{mark}"), ..Default::default() };
    intake.list_tickets(list).await.unwrap();
}

#[tokio::test]
async fn the_pages_are_there_and_every_metric_is_the_one_that_is_documented() {
    let folder = Folder::new("", "");
    let server = folder.start().await;
    let (status, index) = server.get("/").await;
    assert_eq!(status, "HTTP/1.1 200 OK");
    assert!(index.contains("/metrics"), "{index}");
    assert_eq!(server.get("/live").await, ("HTTP/1.1 200 OK".to_owned(), "live\n".to_owned()));
    assert_eq!(server.get("/ready").await, ("HTTP/1.1 200 OK".to_owned(), "ready\n".to_owned()));
    assert_eq!(server.get("/elsewhere").await.0, "HTTP/1.1 404 Not Found");

    let channel = server.connect().await;
    traffic(&channel, "5550142").await;
    let ready = async {
        // Gauges are those of the view that is published next.
        while server.metric("tierline_in_deadline_ratio{tier=\"gold\"}").await != Some(1.0) {}
    };
    timeout(LONG, ready).await.expect("the one gold ticket was in time");
    let (_, page) = server.get("/metrics").await;
    assert!(page.ends_with("# EOF\n"));
    // A series has its family's name, and histograms and counters a suffix of their own.
    let family = |series: &str| {
        let name = series.split(['{', ' ']).next().unwrap();
        let parts = ["_bucket", "_sum", "_count"];
        let base = parts.iter().find_map(|part| name.strip_suffix(part));
        let is_histogram = base.is_some_and(|base| page.contains(&format!("{base}_bucket")));
        base.filter(|_| is_histogram).unwrap_or(name).to_owned()
    };
    let shown: BTreeSet<_> =
        page.lines().filter(|line| line.starts_with("tierline_")).map(family).collect();
    let documented: BTreeSet<_> = include_str!("../docs/metrics.md")
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split('`').next().map(str::to_owned))
        .collect();
    assert_eq!(shown, documented);

    for (series, value) in [
        (r#"tierline_tickets_submitted_total{tier="gold",channel="voice"}"#, 1.0),
        (r#"tierline_tickets_completed_total{tier="gold",channel="voice"}"#, 1.0),
        (r#"tierline_wait_seconds_count{tier="gold",channel="voice"}"#, 1.0),
        (r#"tierline_tickets_abandoned_total{tier="standard",channel="voice"}"#, 1.0),
        // Two submits, and the card that comes with the assignment.
        (r#"tierline_directory_lookups_total{outcome="found"}"#, 3.0),
        (r#"tierline_rpcs_total{method="tierline.v1.AgentService/PullTicket",code="OK"}"#, 1.0),
        (
            r#"tierline_rpcs_total{method="tierline.v1.IntakeService/SubmitTicket",code="INVALID_ARGUMENT"}"#,
            1.0,
        ),
        (r#"tierline_connections_open{listener="grpc"}"#, 1.0),
        (r#"tierline_directory_breaker{state="closed"}"#, 1.0),
        ("tierline_directory_up", 1.0),
        ("tierline_ready", 1.0),
    ] {
        assert_eq!(server.metric(series).await, Some(value), "{series}");
    }
}

#[tokio::test]
async fn no_customers_data_is_in_the_log_even_when_it_tells_everything_but_bytes() {
    let mark = "9175550199";
    let folder = Folder::new("", "[log]\nfilter = \"debug\"\n");
    let server = folder.start().await;
    traffic(&server.connect().await, mark).await;
    server.signal("TERM").await;
    let (status, log) = server.ended().await;
    assert_eq!(status.code(), Some(0), "{log}");
    assert!(log.contains("DEBUG"), "it tells much: {log}");
    assert!(!log.contains(mark), "{log}");
}

#[tokio::test]
async fn a_log_for_programs_is_one_json_object_a_line() {
    let folder = Folder::new("", "[log]\nformat = \"json\"\n");
    let server = folder.start().await;
    server.signal("TERM").await;
    let (_, log) = server.ended().await;
    assert!(log.lines().count() >= 3, "{log}");
    for line in log.lines() {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        assert!(line["fields"]["message"].is_string(), "{line}");
    }
}

#[tokio::test]
async fn imports_are_told_with_commands_to_try() {
    let config = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("config");
    let folder = Folder::new("", "");
    let mut command = folder.serve();
    command.arg("--import-customers").arg(config.join("customers.csv"));
    command.arg("--import-agents").arg(config.join("agents.csv"));
    let server = Running::of(command).await;
    let mut ops = OpsServiceClient::new(server.connect().await);
    let agents = ops.list_agents(pb::ListAgentsRequest::default()).await.unwrap().into_inner();
    assert_eq!(agents.agents.len(), 5);
    server.said(&format!("submit --server http://{} --phone", server.grpc)).await;
    server.said(&format!("work --server http://{} ada", server.grpc)).await;
}

#[tokio::test]
async fn faults_in_an_imported_file_are_told_and_nothing_is_served() {
    let folder = Folder::new("", "");
    folder.write("agents.csv", "id,pools\nada,dusk\nbe n,desk\n");
    let output = folder.refused(&["--import-agents", "agents.csv"]).await;
    let said = stderr(&output);
    assert_eq!(output.status.code(), Some(65), "{said}");
    assert!(said.contains("agents.csv: line 2: pool \"dusk\""), "{said}");
    assert!(said.contains("agents.csv: line 3: id \"be n\""), "{said}");
}
