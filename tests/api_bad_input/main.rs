//! Every call with missing, oversized, malformed and unknown values: each is refused with the field
//! named, or not found, and changes nothing.

#[path = "../support/server.rs"]
mod server;

mod customers;
mod life;
mod openness;
mod pools;
mod work;

use prost::Message as _;
use server::{TestServer, identifier, ticket_of};
use std::collections::{BTreeMap, BTreeSet};
use tierline::api::proto::FILE_DESCRIPTOR_SET;
use tierline::api::proto::v1 as pb;
use tierline::engine::Engine;
use tokio_stream::StreamExt as _;
use tonic::{Code, Response, Status};
use tonic_types::StatusExt as _;

/// What is no id of a ticket, an agent or a pull, beside the empty text.
fn bad_ids() -> Vec<String> {
    let bad = ["a b", "a/b", "ü", "a\nb", "a\0", "'; DROP TABLE journal", "../x", "*"];
    let mut bad: Vec<_> = bad.map(ToOwned::to_owned).into();
    bad.push("x".repeat(65));
    bad.push("x".repeat(10_000));
    bad
}

#[expect(clippy::unnecessary_wraps, reason = "requests take it so")]
fn seconds(seconds: i64) -> Option<prost_types::Duration> {
    Some(prost_types::Duration { seconds, nanos: 0 })
}

fn pairs(count: usize, key: &str, value: &str) -> BTreeMap<String, String> {
    (0..count).map(|n| (format!("{key}{n}"), value.to_owned())).collect()
}

/// The cases that have been tried: which calls they were of, and which went wrong.
#[derive(Default)]
struct Table {
    calls: BTreeSet<String>,
    count: usize,
    wrong: Vec<String>,
}

impl Table {
    /// The call must be refused because of exactly these fields.
    async fn invalid<T>(
        &mut self,
        call: &str,
        asked: impl Future<Output = Result<Response<T>, Status>>,
        fields: &[&str],
    ) {
        let answer = asked.await;
        self.note(call);
        let Err(status) = answer else {
            return self.wrong.push(format!("{call}, {fields:?}: accepted"));
        };
        let details = status.get_error_details();
        let told = details.bad_request().map(|request| &request.field_violations[..]);
        let told = told.unwrap_or_default();
        let named: Vec<_> = told.iter().map(|violation| violation.field.as_str()).collect();
        let has_reason = details.error_info().is_some();
        let described = told.iter().all(|violation| !violation.description.is_empty());
        if status.code() != Code::InvalidArgument || named != fields || !has_reason || !described {
            self.wrong.push(format!("{call}, {fields:?}: {status:?}"));
        }
        if status.message().len() > 2000 {
            self.wrong.push(format!("{call}, {fields:?}: a message of {}", status.message().len()));
        }
    }

    /// The call must find nothing, with this reason.
    async fn not_found<T>(
        &mut self,
        call: &str,
        asked: impl Future<Output = Result<Response<T>, Status>>,
        reason: &str,
    ) {
        let answer = asked.await;
        self.note(call);
        let Err(status) = answer else {
            return self.wrong.push(format!("{call}, {reason}: accepted"));
        };
        let details = status.get_error_details();
        let told = details.error_info().map(|info| info.reason.as_str());
        let named = details.resource_info().is_some();
        if status.code() != Code::NotFound || told != Some(reason) || !named {
            self.wrong.push(format!("{call}, {reason}: {status:?}"));
        }
    }

    /// An answer inside a stream must name this field.
    fn told(&mut self, call: &str, error: Option<&pb::Error>, field: &str) {
        self.note(call);
        let is_right = error.is_some_and(|error| {
            (error.code, error.field.as_str()) == (Code::InvalidArgument.into(), field)
                && error.reason() == pb::ErrorReason::InvalidField
                && error.message.contains(field)
        });
        if !is_right {
            self.wrong.push(format!("{call}, {field}: {error:?}"));
        }
    }

    fn note(&mut self, call: &str) {
        self.calls.insert(call.to_owned());
        self.count += 1;
    }
}

/// What must not change: the engine, the history, the customer.
async fn state(server: &TestServer) -> (Engine, Vec<pb::Ticket>, Option<pb::Customer>) {
    let request = pb::ListTicketsRequest { page_size: 500, ..Default::default() };
    let listed = server.intake().list_tickets(request).await.expect("a list").into_inner();
    let mut listed = listed.tickets;
    for ticket in &mut listed {
        // What is left of a deadline changes by itself.
        for clock in ticket.response_clock.iter_mut().chain(&mut ticket.solution_clock) {
            clock.remaining_ms = None;
        }
        // So does the time spent where it is.
        for leg in &mut ticket.legs {
            leg.spent_ms = 0;
        }
    }
    let request =
        pb::GetCustomerRequest { identifier: Some(identifier(pb::IdentifierKind::Id, "C-1")) };
    let customer = server.admin().get_customer(request).await.expect("the customer").into_inner();
    (server.engine().await, listed, customer.customer)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bad_input_is_refused_by_every_call_with_the_field_and_changes_nothing() {
    let server = TestServer::start().await;
    let token = prepare(&server).await;
    let before = state(&server).await;
    let mut table = Table::default();
    submits(&server, &mut table).await;
    streams(&server, &mut table).await;
    tickets(&server, &mut table).await;
    lists(&server, &mut table).await;
    updates(&server, &mut table).await;
    work::agents_at_work(&server, &mut table, token).await;
    agents(&server, &mut table).await;
    customers::customers(&server, &mut table).await;
    life::calls(&server, &mut table, token).await;
    openness::policies(&server, &mut table).await;
    openness::events(&server, &mut table).await;
    openness::interventions(&server, &mut table).await;
    pools::pauses(&server, &mut table).await;
    pools::bulk(&server, &mut table).await;
    assert!(
        table.wrong.is_empty(),
        "{} of {} are wrong:\n{}",
        table.wrong.len(),
        table.count,
        table.wrong.join("\n")
    );
    let after = state(&server).await;
    assert!(after == before, "something has changed");

    // Every call of the contract that takes anything is in the table.
    let set = prost_types::FileDescriptorSet::decode(FILE_DESCRIPTOR_SET).expect("it is one");
    let methods =
        set.file.iter().flat_map(|file| &file.service).flat_map(|service| &service.method);
    let all: BTreeSet<_> = methods.map(|method| method.name().to_owned()).collect();
    let take_nothing = ["ListQueues", "GetPolicy", "GetServerInfo", "Audit"].map(ToOwned::to_owned);
    let missing: Vec<_> =
        all.difference(&table.calls).filter(|name| !take_nothing.contains(name)).collect();
    assert!(missing.is_empty(), "not in the table: {missing:?}");
}

/// An agent with a ticket in hand, one that waits, two that have ended, and a customer. Nothing of it
/// falls due during the test. The token of the ticket in hand.
async fn prepare(server: &TestServer) -> u64 {
    server.hire("ann", &["senior"]).await;
    let email = |id: &str| pb::SubmitTicketRequest {
        channel: pb::Channel::Email.into(),
        ..ticket_of(id, "silver")
    };
    server.submit(email("T-done")).await;
    let done = server.take("ann").await;
    server.complete("T-done", done.lease_token).await.expect("it is ann's");
    server.submit(email("T-gone")).await;
    let cancel = pb::CancelTicketRequest { ticket_id: "T-gone".into(), reason: String::new() };
    server.intake().cancel_ticket(cancel).await.expect("it waits");
    server.submit(email("T-held")).await;
    let held = server.take("ann").await;
    server.submit(email("T-1")).await;
    let customer =
        pb::Customer { customer_id: "C-1".into(), tier: "gold".into(), ..Default::default() };
    let request = pb::PutCustomerRequest { customer: Some(customer) };
    server.admin().put_customer(request).await.expect("the customer is stored");
    held.lease_token
}

/// Requests for a new ticket with one fault, and the fields at fault.
fn faulty_tickets() -> Vec<(pb::SubmitTicketRequest, Vec<&'static str>)> {
    let good = || ticket_of("T-new", "silver");
    let with = |customer: pb::CustomerIdentifier| pb::SubmitTicketRequest {
        customer: Some(customer),
        tier: String::new(),
        ..good()
    };
    let mut cases: Vec<_> = bad_ids()
        .into_iter()
        .map(|ticket_id| (pb::SubmitTicketRequest { ticket_id, ..good() }, vec!["ticket_id"]))
        .collect();
    let phone = |value: &str| identifier(pb::IdentifierKind::Phone, value);
    let kind = |kind: i32| pb::CustomerIdentifier { kind, value: "x".into() };
    let attributes = |attributes| pb::SubmitTicketRequest { attributes, ..good() };
    let one = |key: String, value: String| attributes(BTreeMap::from([(key, value)]));
    cases.extend([
        (pb::SubmitTicketRequest { channel: 0, ..good() }, vec!["channel"]),
        (pb::SubmitTicketRequest { channel: 7, ..good() }, vec!["channel"]),
        (pb::SubmitTicketRequest { channel: -1, ..good() }, vec!["channel"]),
        (pb::SubmitTicketRequest { channel: i32::MAX, ..good() }, vec!["channel"]),
        (pb::SubmitTicketRequest { tier: "platinum".into(), ..good() }, vec!["tier"]),
        (pb::SubmitTicketRequest { tier: "si lver".into(), ..good() }, vec!["tier"]),
        (pb::SubmitTicketRequest { tier: "x".repeat(65), ..good() }, vec!["tier"]),
        (pb::SubmitTicketRequest { subject: "x".repeat(201), ..good() }, vec!["subject"]),
        (pb::SubmitTicketRequest { subject: "two\nlines".into(), ..good() }, vec!["subject"]),
        (
            pb::SubmitTicketRequest { payload: vec![0; (64 << 10) + 1].into(), ..good() },
            vec!["payload"],
        ),
        (with(pb::CustomerIdentifier::default()), vec!["customer.kind", "customer.value"]),
        (with(phone("")), vec!["customer.value"]),
        (with(phone(&"1".repeat(129))), vec!["customer.value"]),
        (with(phone("1\u{7}2")), vec!["customer.value"]),
        (
            pb::SubmitTicketRequest { other_identifiers: vec![phone("+1")], ..good() },
            vec!["other_identifiers"],
        ),
        (
            pb::SubmitTicketRequest {
                other_identifiers: vec![phone("+1"), kind(0), kind(9)],
                ..with(phone("+1"))
            },
            vec!["other_identifiers[1].kind", "other_identifiers[2].kind"],
        ),
        (
            pb::SubmitTicketRequest {
                other_identifiers: vec![phone("+1"); 8],
                ..with(phone("+1"))
            },
            vec!["other_identifiers"],
        ),
        (with(kind(0)), vec!["customer.kind"]),
        (with(kind(6)), vec!["customer.kind"]),
        (with(kind(-5)), vec!["customer.kind"]),
        (attributes(pairs(33, "k", "v")), vec!["attributes"]),
        (one(String::new(), "v".into()), vec![r#"attributes[""]"#]),
        (one("k\n".into(), "v".into()), vec![r#"attributes["k\n"]"#]),
        (one("k".into(), "x".repeat(257)), vec![r#"attributes["k"]"#]),
        (
            pb::SubmitTicketRequest {
                channel: 99,
                tier: "/".into(),
                subject: "x".repeat(999),
                ticket_id: "?".into(),
                ..good()
            },
            vec!["ticket_id", "channel", "tier", "subject"],
        ),
    ]);
    cases
}

async fn submits(server: &TestServer, table: &mut Table) {
    for (request, fields) in faulty_tickets() {
        table.invalid("SubmitTicket", server.intake().submit_ticket(request), &fields).await;
    }
    // A key of 65 characters is told cut.
    let attributes = BTreeMap::from([("k".repeat(65), String::new())]);
    let request = pb::SubmitTicketRequest { attributes, ..ticket_of("T-new", "silver") };
    let field = format!(r#"attributes["{}"...]"#, "k".repeat(48));
    table.invalid("SubmitTicket", server.intake().submit_ticket(request), &[&field]).await;
}

async fn streams(server: &TestServer, table: &mut Table) {
    let mut requests = vec![
        pb::SubmitTicketsRequest { r#ref: String::new(), ticket: None },
        pb::SubmitTicketsRequest {
            r#ref: "x".repeat(65),
            ticket: Some(ticket_of("T-new", "silver")),
        },
    ];
    let mut expected = vec!["ticket".to_owned(), "ref".to_owned()];
    for (ticket, fields) in faulty_tickets() {
        requests.push(pb::SubmitTicketsRequest { r#ref: String::new(), ticket: Some(ticket) });
        expected.push(format!("ticket.{}", fields[0]));
    }
    let answers = server.intake().submit_tickets(tokio_stream::iter(requests)).await;
    let answers: Vec<_> = answers.expect("a stream").into_inner().collect().await;
    assert_eq!(answers.len(), expected.len(), "no bad ticket ends the stream");
    for answer in answers {
        let answer = answer.expect("an answer");
        let field = &expected[usize::try_from(answer.index).expect("it is small")];
        let error = match answer.result {
            Some(pb::submit_tickets_response::Result::Error(error)) => Some(error),
            _ => None,
        };
        table.told("SubmitTickets", error.as_ref(), field);
    }
}

async fn tickets(server: &TestServer, table: &mut Table) {
    let mut ids = bad_ids();
    ids.push(String::new());
    for ticket_id in ids {
        let request = pb::GetTicketRequest { ticket_id: ticket_id.clone() };
        table.invalid("GetTicket", server.intake().get_ticket(request), &["ticket_id"]).await;
        let request = pb::WatchTicketRequest { ticket_id: ticket_id.clone() };
        table.invalid("WatchTicket", server.intake().watch_ticket(request), &["ticket_id"]).await;
        let request =
            pb::ExplainTicketRequest { ticket_id: ticket_id.clone(), ..Default::default() };
        table.invalid("ExplainTicket", server.ops().explain_ticket(request), &["ticket_id"]).await;
        let request = pb::WhyNotRequest { ticket_id: ticket_id.clone(), agent_id: "ann".into() };
        table.invalid("WhyNot", server.ops().why_not(request), &["ticket_id"]).await;
        let request = pb::WhyNotRequest { ticket_id: "T-1".into(), agent_id: ticket_id.clone() };
        table.invalid("WhyNot", server.ops().why_not(request), &["agent_id"]).await;
        let request = pb::ExplainAgentRequest { agent_id: ticket_id.clone() };
        table.invalid("ExplainAgent", server.ops().explain_agent(request), &["agent_id"]).await;
        let request = pb::CancelTicketRequest { ticket_id, reason: String::new() };
        table.invalid("CancelTicket", server.intake().cancel_ticket(request), &["ticket_id"]).await;
    }
    for reason in ["x".repeat(201), "a\tb".to_owned()] {
        let request = pb::CancelTicketRequest { ticket_id: "T-1".into(), reason };
        table.invalid("CancelTicket", server.intake().cancel_ticket(request), &["reason"]).await;
    }
    let ticket_id = || "T-9".to_owned();
    let none = "TICKET_NOT_FOUND";
    let request = pb::GetTicketRequest { ticket_id: ticket_id() };
    table.not_found("GetTicket", server.intake().get_ticket(request), none).await;
    let request = pb::WatchTicketRequest { ticket_id: ticket_id() };
    table.not_found("WatchTicket", server.intake().watch_ticket(request), none).await;
    let request = pb::ExplainTicketRequest { ticket_id: ticket_id(), ..Default::default() };
    table.not_found("ExplainTicket", server.ops().explain_ticket(request), none).await;
    let request = pb::WhyNotRequest { ticket_id: ticket_id(), agent_id: "eve".into() };
    table.not_found("WhyNot", server.ops().why_not(request), none).await;
    let request = pb::ExplainAgentRequest { agent_id: "eve".into() };
    let nobody = "AGENT_NOT_FOUND";
    table.not_found("ExplainAgent", server.ops().explain_agent(request), nobody).await;
    let request = pb::CancelTicketRequest { ticket_id: ticket_id(), reason: String::new() };
    table.not_found("CancelTicket", server.intake().cancel_ticket(request), none).await;
}

async fn lists(server: &TestServer, table: &mut Table) {
    let all = pb::ListTicketsRequest::default;
    let states = |states: &[i32]| pb::ListTicketsRequest { states: states.to_vec(), ..all() };
    let queue = |queue_id: &str| pb::ListTicketsRequest { queue_id: queue_id.into(), ..all() };
    let page = |page_token: &str| pb::ListTicketsRequest { page_token: page_token.into(), ..all() };
    let cases = [
        (states(&[0]), "states[0]"),
        (states(&[1, 9]), "states[1]"),
        (states(&[1; 9]), "states"),
        (pb::ListTicketsRequest { tier: "a b".into(), ..all() }, "tier"),
        (queue("gold"), "queue_id"),
        (queue("gold/voice"), "queue_id"),
        (queue("gold/voice/"), "queue_id"),
        (queue("gold/voice/nobody"), "queue_id"),
        (queue("gold/fax/senior"), "queue_id"),
        (queue("platinum/voice/senior"), "queue_id"),
        (queue(&"x".repeat(10_000)), "queue_id"),
        (pb::ListTicketsRequest { customer_id: "x".repeat(129), ..all() }, "customer_id"),
        (pb::ListTicketsRequest { customer_id: " ".into(), ..all() }, "customer_id"),
        (pb::ListTicketsRequest { page_size: 501, ..all() }, "page_size"),
        (pb::ListTicketsRequest { page_size: u32::MAX, ..all() }, "page_size"),
        (page("x"), "page_token"),
        (page("1.l.5.0"), "page_token"),
        (page(&"x".repeat(10_000)), "page_token"),
    ];
    for (request, field) in cases {
        table.invalid("ListTickets", server.intake().list_tickets(request), &[field]).await;
    }
    let all = pb::ListAgentsRequest::default;
    let cases = [
        (pb::ListAgentsRequest { pool: "nobody".into(), ..all() }, "pool"),
        (pb::ListAgentsRequest { pool: "a b".into(), ..all() }, "pool"),
        (pb::ListAgentsRequest { states: vec![99], ..all() }, "states[0]"),
        (pb::ListAgentsRequest { page_size: 501, ..all() }, "page_size"),
        (pb::ListAgentsRequest { page_token: "1.a.0.ann".into(), ..all() }, "page_token"),
    ];
    for (request, field) in cases {
        table.invalid("ListAgents", server.ops().list_agents(request), &[field]).await;
    }
    for min_interval in [seconds(0), seconds(61), seconds(-1), seconds(i64::MAX)] {
        let request = pb::WatchQueuesRequest { min_interval };
        table.invalid("WatchQueues", server.ops().watch_queues(request), &["min_interval"]).await;
    }
}

async fn updates(server: &TestServer, table: &mut Table) {
    let update = |ticket_id: &str, paths: &[&str]| pb::UpdateTicketRequest {
        ticket_id: ticket_id.into(),
        update_mask: Some(prost_types::FieldMask {
            paths: paths.iter().map(ToString::to_string).collect(),
        }),
        ..Default::default()
    };
    let good = || update("T-1", &["subject", "payload", "attributes"]);
    let cases = [
        (update("", &["subject"]), "ticket_id"),
        (update("a b", &["subject"]), "ticket_id"),
        (pb::UpdateTicketRequest { update_mask: None, ..good() }, "update_mask"),
        (update("T-1", &[]), "update_mask"),
        (update("T-1", &["tier"]), "update_mask"),
        (update("T-1", &["subject", "Payload"]), "update_mask"),
        (update("T-1", &["urgency"]), "urgency"),
        (pb::UpdateTicketRequest { urgency: 9, ..update("T-1", &["urgency"]) }, "urgency"),
        (pb::UpdateTicketRequest { subject: "x".repeat(201), ..good() }, "subject"),
        (pb::UpdateTicketRequest { payload: vec![0; (64 << 10) + 1].into(), ..good() }, "payload"),
        (pb::UpdateTicketRequest { attributes: pairs(33, "k", ""), ..good() }, "attributes"),
    ];
    for (request, field) in cases {
        table.invalid("UpdateTicket", server.intake().update_ticket(request), &[field]).await;
    }
    let request = update("T-9", &["subject"]);
    let mut client = server.intake();
    let asked = client.update_ticket(request);
    table.not_found("UpdateTicket", asked, "TICKET_NOT_FOUND").await;
}

async fn agents(server: &TestServer, table: &mut Table) {
    let put = |agent: &str, pools: &[&str]| pb::PutAgentRequest {
        agent_id: agent.into(),
        pools: pools.iter().map(ToString::to_string).collect(),
        ..Default::default()
    };
    let good = || put("bob", &["senior"]);
    let with_skills = |skills: &[(&str, u32)]| {
        let skill = |(skill, level): &(&str, u32)| pb::SkillLevel {
            skill: (*skill).to_owned(),
            level: *level,
        };
        pb::PutAgentRequest { skills: skills.iter().map(skill).collect(), ..good() }
    };
    for (request, fields) in [
        (put("", &["senior"]), &["agent_id"][..]),
        (put("a b", &["senior"]), &["agent_id"]),
        (put("bob", &[]), &["pools"]),
        (put("bob", &["senior", "nobody"]), &["pools[1]"]),
        (put("bob", &["", "a b"]), &["pools[0]", "pools[1]"]),
        (put("bob", &["senior"; 65]), &["pools"]),
        (pb::PutAgentRequest { name: "x".repeat(129), ..good() }, &["name"]),
        (pb::PutAgentRequest { name: "a\nb".into(), ..good() }, &["name"]),
        (with_skills(&[("french", 1), ("french", 2)]), &["skills[1].skill"]),
        (with_skills(&[("french", 11), ("", 0)]), &["skills[0].level", "skills[1].skill"]),
        (with_skills(&[("french", 1), ("martian", 1)]), &["skills[1].skill"]),
        (with_skills(&[("french", 1); 65]), &["skills"]),
        (pb::PutAgentRequest { capacity: 101, ..good() }, &["capacity"]),
        (pb::PutAgentRequest { capacity: u32::MAX, ..good() }, &["capacity"]),
    ] {
        table.invalid("PutAgent", server.admin().put_agent(request), fields).await;
    }
    let mut ids = bad_ids();
    ids.push(String::new());
    for agent_id in ids {
        let request = pb::GetAgentRequest { agent_id: agent_id.clone() };
        table.invalid("GetAgent", server.admin().get_agent(request), &["agent_id"]).await;
        let request = pb::DeleteAgentRequest { agent_id };
        table.invalid("DeleteAgent", server.admin().delete_agent(request), &["agent_id"]).await;
    }
    let request = pb::GetAgentRequest { agent_id: "nobody".into() };
    table.not_found("GetAgent", server.admin().get_agent(request), "AGENT_NOT_FOUND").await;
    let request = pb::DeleteAgentRequest { agent_id: "nobody".into() };
    table.not_found("DeleteAgent", server.admin().delete_agent(request), "AGENT_NOT_FOUND").await;
}
