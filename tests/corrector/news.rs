//! What others write into Redis reaches the tickets that wait.

use super::redis::RedisServer;
use super::running::{Folder, LONG, Running};
use super::{is_up, redis_with_customers, submit};
use std::time::Duration;
use tierline::api::proto::v1 as pb;
use tierline::api::proto::v1::admin_service_client::AdminServiceClient;
use tierline::api::proto::v1::intake_service_client::IntakeServiceClient;
use tierline::api::proto::v1::ops_service_client::OpsServiceClient;
use tokio::time::{Instant, timeout};
use tonic::transport::Channel;

/// A server that keeps what it hears for as long as it may: without news it would never look again.
fn folder(redis: &RedisServer, more: &str) -> Folder {
    let url = redis.url();
    let more = format!(
        "[directory]\nkind = \"redis\"\nurl = \"{url}\"\nbudget = \"500ms\"\ncache_ttl = \"1h\"\n\
         unknown_ttl = \"1h\"\n{more}\n"
    );
    Folder::new("", &more)
}

async fn started(folder: &Folder) -> (Running, Channel) {
    let server = folder.start().await;
    is_up(&server).await;
    let listens = async { while server.metric("tierline_directory_listens").await != Some(1.0) {} };
    timeout(LONG, listens).await.expect("it hears of changes");
    let channel = server.connect().await;
    (server, channel)
}

async fn ticket(channel: &Channel, id: &str) -> pb::Ticket {
    let request = pb::GetTicketRequest { ticket_id: id.to_owned() };
    let mut intake = IntakeServiceClient::new(channel.clone());
    intake.get_ticket(request).await.unwrap().into_inner().ticket.unwrap()
}

/// How long it takes until the ticket is of this tier.
async fn until_tier(channel: &Channel, id: &str, tier: &str) -> Duration {
    let begun = Instant::now();
    let changed = async {
        while ticket(channel, id).await.tier != tier {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    timeout(LONG, changed).await.unwrap_or_else(|_| panic!("{id} becomes {tier}"));
    begun.elapsed()
}

#[tokio::test]
async fn what_anybody_writes_reaches_the_tickets_that_wait() {
    let redis = redis_with_customers();
    // Sweeps are so rare that they heal nothing here.
    let folder = folder(&redis, "sweep = \"1d\"");
    let (server, channel) = started(&folder).await;
    let id = pb::IdentifierKind::Id;
    for (ticket, kind, value, tier) in [
        ("raised", id, "C-9", "standard"),
        ("lowered", id, "C-1", "gold"),
        ("gone", pb::IdentifierKind::Phone, "+1 202 555 0102", "gold"),
        ("new", pb::IdentifierKind::Card, "SC-77", "standard"),
    ] {
        assert_eq!(submit(&channel, ticket, kind, value).await.tier, tier, "{ticket}");
    }
    let given = pb::SubmitTicketRequest {
        ticket_id: "given".into(),
        channel: pb::Channel::Voice.into(),
        customer: Some(pb::CustomerIdentifier { kind: id.into(), value: "C-1".into() }),
        tier: "silver".into(),
        ..Default::default()
    };
    IntakeServiceClient::new(channel.clone()).submit_ticket(given).await.unwrap();
    let promised = ticket(&channel, "lowered").await.respond_by;

    redis.command(&["HSET", "tierline:customer:C-9", "tier", "gold"]);
    let raised = until_tier(&channel, "raised", "gold").await;
    redis.command(&["HSET", "tierline:customer:C-1", "tier", "silver"]);
    let lowered = until_tier(&channel, "lowered", "silver").await;
    redis.command(&["DEL", "tierline:customer:C-2"]);
    let gone = until_tier(&channel, "gone", "standard").await;
    redis.command(&["SET", "tierline:ident:card:SC-77", "C-9"]);
    let new = until_tier(&channel, "new", "gold").await;
    println!("reached after: HSET {raised:?}, HSET {lowered:?}, DEL {gone:?}, SET {new:?}");

    assert_eq!(ticket(&channel, "lowered").await.respond_by, promised, "a promise is kept");
    assert_eq!(ticket(&channel, "new").await.customer_id, "C-9");
    let given = ticket(&channel, "given").await;
    assert_eq!((given.tier.as_str(), given.tier_source()), ("silver", pb::TierSource::Given));

    let request = pb::WatchEventsRequest {
        from_seq: Some(0),
        types: vec![pb::EventType::Retiered.into()],
        tiers: Vec::new(),
        follow: true,
    };
    let mut events =
        OpsServiceClient::new(channel.clone()).watch_events(request).await.unwrap().into_inner();
    let mut told = Vec::new();
    while told.len() < 4 {
        let message = timeout(LONG, events.message()).await.unwrap().unwrap().unwrap();
        for event in message.events {
            told.push((event.ticket_id, event.details["was_tier"].clone(), event.tier));
        }
    }
    let expected = [
        ("raised", "standard", "gold"),
        ("lowered", "gold", "silver"),
        ("gone", "gold", "standard"),
        ("new", "standard", "gold"),
    ];
    let expected = expected.map(|(a, b, c)| (a.to_owned(), b.to_owned(), c.to_owned()));
    assert_eq!(told, expected);
    drop(server);
}

#[tokio::test]
async fn what_was_not_heard_is_healed_by_the_sweep() {
    let redis = redis_with_customers();
    // Who may not ask for news hears none.
    redis.command(&["ACL", "SETUSER", "default", "-client|tracking"]);
    let url = redis.url();
    let more = format!(
        "[directory]\nkind = \"redis\"\nurl = \"{url}\"\nbudget = \"500ms\"\ncache_ttl = \"1h\"\n\
         sweep = \"1s\"\n"
    );
    let folder = Folder::new("", &more);
    let server = folder.start().await;
    is_up(&server).await;
    assert_eq!(server.metric("tierline_directory_listens").await, Some(0.0));
    let channel = server.connect().await;
    let known = submit(&channel, "t", pb::IdentifierKind::Id, "C-1").await;
    assert_eq!(known.tier, "gold");
    redis.command(&["HSET", "tierline:customer:C-1", "tier", "silver"]);
    until_tier(&channel, "t", "silver").await;
}

/// One question that fails each time, while all others are answered, made a sweep stay where it was.
#[tokio::test]
async fn a_customer_who_may_not_be_read_keeps_the_sweep_from_nobody_else() {
    let redis = redis_with_customers();
    redis.command(&["HSET", "tierline:customer:X-1", "tier", "gold"]);
    redis.command(&["ACL", "SETUSER", "default", "-client|tracking"]);
    let url = redis.url();
    let more = format!(
        "[directory]\nkind = \"redis\"\nurl = \"{url}\"\nbudget = \"500ms\"\ncache_ttl = \"1h\"\n\
         sweep = \"1s\"\n"
    );
    let folder = Folder::new("", &more);
    let server = folder.start().await;
    is_up(&server).await;
    let channel = server.connect().await;
    let id = pb::IdentifierKind::Id;
    // More than are looked up at once, with the one that fails among the first.
    assert_eq!(submit(&channel, "outcast", id, "X-1").await.tier, "gold");
    for number in 0..80 {
        submit(&channel, &format!("t-{number}"), id, "C-1").await;
    }
    assert_eq!(submit(&channel, "last", id, "C-2").await.tier, "gold");
    let (idents, customers) = ("~tierline:ident:*", "~tierline:customer:C-*");
    redis.command(&["ACL", "SETUSER", "default", "resetkeys", idents, customers]);
    redis.command(&["HSET", "tierline:customer:C-2", "tier", "silver"]);
    until_tier(&channel, "last", "silver").await;
    assert_eq!(ticket(&channel, "outcast").await.tier, "gold", "as last known");
}

#[tokio::test]
async fn the_embedded_directory_does_everything_alike() {
    let folder = Folder::new("", "[directory]\nsweep = \"1d\"\n");
    let server = folder.start().await;
    let channel = server.connect().await;
    let nobody = submit(&channel, "t", pb::IdentifierKind::Phone, "+12025550188").await;
    assert_eq!(nobody.tier_source(), pb::TierSource::UnknownCustomer);
    let customer = |tier: &str| pb::Customer {
        customer_id: "C-5".into(),
        tier: tier.into(),
        identifiers: vec![pb::CustomerIdentifier {
            kind: pb::IdentifierKind::Phone.into(),
            value: "+1 202 555 0188".into(),
        }],
        ..Default::default()
    };
    let mut admin = AdminServiceClient::new(channel.clone());
    for tier in ["gold", "silver"] {
        let request = pb::PutCustomerRequest { customer: Some(customer(tier)) };
        admin.put_customer(request).await.unwrap();
        until_tier(&channel, "t", tier).await;
    }
    let request = pb::DeleteCustomerRequest { customer_id: "C-5".into() };
    admin.delete_customer(request).await.unwrap();
    until_tier(&channel, "t", "standard").await;
}

/// So many tickets wait while one customer changes.
const WAITING: u64 = 100_000;

#[tokio::test(flavor = "multi_thread")]
async fn a_change_reaches_its_customers_tickets_among_a_hundred_thousand() {
    let redis = redis_with_customers();
    let folder = folder(&redis, "sweep = \"1d\"");
    let (server, channel) = started(&folder).await;
    let tickets = (0..WAITING).map(|n| pb::SubmitTicketsRequest {
        ticket: Some(pb::SubmitTicketRequest {
            channel: pb::Channel::Web.into(),
            customer: Some(pb::CustomerIdentifier {
                kind: pb::IdentifierKind::Id.into(),
                value: format!("X-{}", n % 1000),
            }),
            ..Default::default()
        }),
        ..Default::default()
    });
    let mut intake = IntakeServiceClient::new(channel.clone());
    let mut answers =
        intake.submit_tickets(tokio_stream::iter(tickets)).await.unwrap().into_inner();
    let mut answered = 0;
    while answers.message().await.unwrap().is_some() {
        answered += 1;
    }
    assert_eq!(answered, WAITING);
    submit(&channel, "one", pb::IdentifierKind::Id, "C-9").await;
    redis.command(&["HSET", "tierline:customer:C-9", "tier", "gold"]);
    let one = until_tier(&channel, "one", "gold").await;
    redis.command(&["HSET", "tierline:customer:X-7", "tier", "gold"]);
    let raised = r#"tierline_tickets_retiered_total{tier="gold",channel="web"}"#;
    let begun = Instant::now();
    let all = async { while server.metric(raised).await != Some(100.0) {} };
    timeout(LONG, all).await.expect("all hundred tickets of one customer follow");
    let hundred = begun.elapsed();
    println!(
        "with {WAITING} waiting: one ticket after {one:?}, a customer's hundred after {hundred:?}"
    );
}
