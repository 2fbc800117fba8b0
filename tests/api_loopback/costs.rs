//! Cost to serve over the wire: agents' time by pool out of the history, against what customers bring.

use crate::server::{POLICY, TestServer, Wish, identifier, ticket, told};
use std::collections::BTreeMap;
use std::time::Duration;
use tierline::api::proto::v1::{self as pb, transfer_ticket_request::To};
use tonic::Code;

const PRICES: &str = "\n[costs]\ncandidate_burdens = 2\n[channel.voice]\nwrap_up = \"1m\"\n";

/// An hour a second, and hours have prices in two pools of three.
fn wish() -> Wish {
    let priced = |policy: &str, pool: &str, price: &str| {
        let name = format!("[[pool]]\nname = \"{pool}\"\nlease = \"10m\"");
        assert!(policy.contains(&name));
        policy.replace(&name, &format!("[[pool]]\nname = \"{pool}\"\nlease = \"1d\"\n{price}"))
    };
    let policy = priced(POLICY, "senior", "cost_per_hour = 90.5");
    let policy = priced(&policy, "general", "cost_per_hour = 40");
    let policy = policy.replace("lease = \"1s\"", "lease = \"1d\"") + PRICES;
    Wish { policy, speed: 3600.0, ..Wish::default() }
}

async fn put(server: &TestServer, id: &str, facts: &[(&str, &str)]) {
    let customer = pb::Customer {
        customer_id: id.into(),
        tier: "silver".into(),
        attributes: facts.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect(),
        ..Default::default()
    };
    let request = pb::PutCustomerRequest { customer: Some(customer) };
    server.admin().put_customer(request).await.expect("the customer is taken");
}

fn call(id: &str, customer: &str) -> pb::SubmitTicketRequest {
    let customer = Some(identifier(pb::IdentifierKind::Id, customer));
    pb::SubmitTicketRequest { customer, ..ticket(id) }
}

/// Some minutes of the server's time.
async fn some_time() {
    tokio::time::sleep(Duration::from_millis(50)).await;
}

async fn complete(server: &TestServer, held: &pb::Assignment, burden: &str) {
    let request = pb::CompleteTicketRequest {
        ticket_id: held.ticket.as_ref().expect("it is of a ticket").ticket_id.clone(),
        lease_token: held.lease_token,
        burden: burden.into(),
        ..Default::default()
    };
    server.agent().complete_ticket(request).await.expect("it is held");
}

/// One agent takes it and finishes it.
async fn serve(server: &TestServer, id: &str, customer: &str, burden: &str) {
    server.submit(call(id, customer)).await;
    let held = server.take("bob").await;
    assert_eq!(held.ticket.as_ref().map(|ticket| &*ticket.ticket_id), Some(id));
    some_time().await;
    complete(server, &held, burden).await;
}

async fn report(server: &TestServer) -> pb::ReportCostsResponse {
    let answer = server.ops().report_costs(pb::ReportCostsRequest::default()).await;
    answer.expect("the report is made").into_inner()
}

fn costs_of<'a>(report: &'a pb::ReportCostsResponse, id: &str) -> &'a pb::CustomerCosts {
    let found = report.customers.iter().find(|customer| customer.customer_id == id);
    found.unwrap_or_else(|| panic!("{id} had tickets"))
}

fn ms(times: &[pb::PoolTime]) -> BTreeMap<&str, i64> {
    let ms = |time: &pb::PoolTime| {
        let spent = time.spent.as_ref().expect("it has a length");
        spent.seconds * 1000 + i64::from(spent.nanos) / 1_000_000
    };
    times.iter().map(|time| (&*time.pool, ms(time))).collect()
}

/// What a ticket has been in legs of these kinds.
async fn spent_ms(server: &TestServer, id: &str, kinds: &[pb::LegKind]) -> i64 {
    let ended = server.get(id).await.expect("it ended");
    let counts = |leg: &&pb::TicketLeg| kinds.contains(&leg.kind());
    ended.legs.iter().filter(counts).map(|leg| leg.spent_ms).sum()
}

/// What a ticket took of agents.
async fn worked_ms(server: &TestServer, id: &str) -> i64 {
    spent_ms(server, id, &[pb::LegKind::Agent, pb::LegKind::WrapUp]).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_pool_is_charged_for_its_own_time_and_nobody_is_judged_by_the_program() {
    let server = TestServer::start_as(wish()).await;
    put(&server, "C-1", &[("revenue", "30"), ("cost", "29.5")]).await;
    put(&server, "C-2", &[("margin", "1000000")]).await;
    put(&server, "C-3", &[("margin", "0"), ("strategic", "true")]).await;
    put(&server, "C-4", &[("margin", "1000000")]).await;
    put(&server, "C-5", &[]).await;
    server.hire("ann", &["senior"]).await;
    server.hire("bob", &["general"]).await;

    // From one pool to the other.
    server.submit(call("T-1", "C-1")).await;
    let held = server.take("ann").await;
    some_time().await;
    let give_on = pb::TransferTicketRequest {
        ticket_id: "T-1".into(),
        lease_token: held.lease_token,
        to: Some(To::Pool("general".into())),
        restart_clocks: false,
        reason: String::new(),
    };
    server.agent().transfer_ticket(give_on).await.unwrap();
    let held = server.take("bob").await;
    some_time().await;
    complete(&server, &held, "Abusive").await;
    serve(&server, "T-2", "C-2", "").await;
    serve(&server, "T-3", "C-3", "returns").await;
    serve(&server, "T-4", "C-4", "returns").await;
    serve(&server, "T-5", "C-4", "abusive").await;
    serve(&server, "T-6", "C-5", "").await;
    // Hung up on while an agent had it: that time was spent too.
    server.submit(call("T-7", "C-2")).await;
    server.take("ann").await;
    some_time().await;
    let hung_up = pb::CancelTicketRequest { ticket_id: "T-7".into(), ..Default::default() };
    server.intake().cancel_ticket(hung_up).await.unwrap();
    // The wrap-ups end by themselves, one of a minute after the other.
    while spent_ms(&server, "T-6", &[pb::LegKind::WrapUp]).await < 60_000 {
        some_time().await;
    }

    let told = report(&server).await;
    let first = costs_of(&told, "C-1");
    let spent = ms(&first.times);
    assert_eq!(spent.keys().copied().collect::<Vec<_>>(), ["general", "senior"]);
    assert_eq!(spent.values().sum::<i64>(), worked_ms(&server, "T-1").await);
    assert!(spent["senior"] >= 50 * 3600 && spent["general"] >= 50 * 3600 + 60_000, "{spent:?}");
    // In thousandths: 90,500 and 40,000 an hour.
    let cost = (spent["senior"] * 90_500 + spent["general"] * 40_000 + 1_800_000) / 3_600_000;
    assert_eq!(first.cost, tierline::costs::amount(cost.into()));
    assert_eq!((&*first.margin, first.ticket_count, first.burden_count), ("0.5", 1, 1));
    assert_eq!(first.reasons, [format!("cost {} >= margin 0.5", first.cost)]);

    let second = costs_of(&told, "C-2");
    let both = worked_ms(&server, "T-2").await + worked_ms(&server, "T-7").await;
    assert_eq!(ms(&second.times).values().sum::<i64>(), both);
    assert!(ms(&second.times)["senior"] >= 50 * 3600, "the call that was cut off");
    let third = costs_of(&told, "C-3");
    assert!(third.strategic && third.reasons.is_empty(), "exempt, whatever it costs");
    let fourth = costs_of(&told, "C-4");
    assert_eq!(fourth.reasons, ["burdens 2 >= 2"]);
    assert_eq!(fourth.burdens, [("abusive".into(), 1), ("returns".into(), 1)].into());
    assert_eq!(costs_of(&told, "C-5").margin, "", "not known, and no candidate");
    let candidates: Vec<_> = told.candidates.iter().map(|one| &*one.customer_id).collect();
    assert_eq!((candidates, told.candidate_count), (vec!["C-1", "C-4"], 2));

    let [silver] = &told.tiers[..] else { panic!("they are all of one tier: {:?}", told.tiers) };
    assert_eq!((&*silver.tier, silver.customer_count, silver.ticket_count), ("silver", 5, 7));
    assert_eq!((silver.unknown_margin_count, silver.burden_count), (1, 4));
    assert_eq!(&*silver.margin, "2000000.5");
    let sum: i64 = told.customers.iter().flat_map(|one| ms(&one.times).into_values()).sum();
    assert_eq!(ms(&silver.times).values().sum::<i64>(), sum);
    assert_eq!(told.unpriced_pools, [""; 0]);
    // Nothing was decided: all stand as before.
    assert!(told.customers.iter().all(|one| one.standing() == pb::Standing::Regular));

    // It is the history that says so, and the customers of today.
    let server = server.restart().await;
    let forget = pb::DeleteCustomerRequest { customer_id: "C-1".into() };
    server.admin().delete_customer(forget).await.unwrap();
    let again = report(&server).await;
    let gone = costs_of(&again, "C-1");
    assert_eq!((gone.forgotten, &gone.cost, &*gone.tier), (true, &first.cost, "silver"));
    assert_eq!(gone.reasons, [""; 0]);
    assert_eq!(costs_of(&again, "C-4"), fourth);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn time_in_a_pool_without_a_price_is_told_and_only_the_period_counts() {
    let server = TestServer::start_as(wish()).await;
    put(&server, "C-1", &[("margin", "-1")]).await;
    server.hire("dora", &["desk"]).await;
    server.submit(pb::SubmitTicketRequest { tier: "brief".into(), ..call("T-1", "C-1") }).await;
    let held = server.take("dora").await;
    some_time().await;
    complete(&server, &held, "").await;
    let told = report(&server).await;
    assert_eq!(told.unpriced_pools, ["desk"]);
    assert_eq!(costs_of(&told, "C-1").cost, "0");
    assert_eq!(told.candidate_count, 0, "who cost nothing is no candidate");

    let ended = server.get("T-1").await.unwrap().finished_at;
    let before = pb::ReportCostsRequest { to: ended, ..Default::default() };
    let told = server.ops().report_costs(before).await.unwrap().into_inner();
    assert_eq!(told.customers.len() + told.tiers.len(), 0, "the end does not belong to it");
    let from = pb::ReportCostsRequest { from: ended, ..Default::default() };
    let told = server.ops().report_costs(from).await.unwrap().into_inner();
    assert_eq!(told.customers.len(), 1, "the beginning does");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_period_that_is_none_is_refused_with_its_field() {
    let server = TestServer::start().await;
    let at = |seconds| Some(prost_types::Timestamp { seconds, nanos: 0 });
    let backwards = pb::ReportCostsRequest { from: at(10), to: at(10), page_size: 501 };
    let refused = server.ops().report_costs(backwards).await.unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument);
    assert!(told(&refused).1.contains("INVALID"), "{refused:?}");
    for field in ["from", "page_size"] {
        assert!(refused.message().contains(field), "{}", refused.message());
    }
}
