//! The real server beside a real Redis: tickets of an outage get the tier that the directory gives them
//! as soon as it can, and those that wait follow what others write.

#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

mod news;
#[path = "../support/redis.rs"]
mod redis;
#[path = "../support/running.rs"]
mod running;

use redis::RedisServer;
use running::{Folder, LONG, Running};
use tierline::api::proto::v1 as pb;
use tierline::api::proto::v1::intake_service_client::IntakeServiceClient;
use tokio::time::{Instant, timeout};
use tonic::transport::Channel;

/// Three customers, kept over the server's end.
fn redis_with_customers() -> RedisServer {
    let redis = RedisServer::start();
    for (id, tier) in [("C-1", "gold"), ("C-2", "gold"), ("C-3", "platinum")] {
        redis.command(&["HSET", &format!("tierline:customer:{id}"), "tier", tier]);
    }
    redis.command(&["SET", "tierline:ident:phone:+12025550102", "C-2"]);
    redis.command(&["SAVE"]);
    redis
}

/// A server that remembers nothing as fresh: it asks for every ticket.
fn folder(redis: &RedisServer) -> Folder {
    let url = redis.url();
    let more = format!(
        "[directory]\nkind = \"redis\"\nurl = \"{url}\"\nbudget = \"500ms\"\ncache_ttl = \"0s\"\n"
    );
    Folder::new("", &more)
}

async fn submit(
    channel: &Channel,
    id: &str,
    kind: pb::IdentifierKind,
    value: &str,
) -> pb::SubmitTicketResponse {
    let customer = pb::CustomerIdentifier { kind: kind.into(), value: value.to_owned() };
    let request = pb::SubmitTicketRequest {
        ticket_id: id.to_owned(),
        channel: pb::Channel::Voice.into(),
        customer: Some(customer),
        ..Default::default()
    };
    IntakeServiceClient::new(channel.clone()).submit_ticket(request).await.unwrap().into_inner()
}

/// Returns the ticket when its tier has come from `source`.
async fn until(channel: &Channel, id: &str, source: pb::TierSource) -> pb::Ticket {
    let mut intake = IntakeServiceClient::new(channel.clone());
    let request = pb::WatchTicketRequest { ticket_id: id.to_owned() };
    let mut watch = intake.watch_ticket(request).await.unwrap().into_inner();
    let corrected = async {
        loop {
            let message = watch.message().await.unwrap().expect("the ticket is not finished");
            if message.ticket.unwrap().tier_source() == source {
                break;
            }
        }
    };
    timeout(LONG, corrected).await.expect("the tier is corrected");
    let request = pb::GetTicketRequest { ticket_id: id.to_owned() };
    intake.get_ticket(request).await.unwrap().into_inner().ticket.unwrap()
}

/// Returns when the server has found Redis: it does not wait for that to start.
async fn is_up(server: &Running) {
    let up = async { while server.metric("tierline_directory_up").await != Some(1.0) {} };
    timeout(LONG, up).await.expect("the directory is found");
}

#[tokio::test]
async fn tickets_of_an_outage_are_taken_in_and_corrected_when_redis_is_back() {
    let mut redis = redis_with_customers();
    let folder = folder(&redis);
    let server = folder.start().await;
    is_up(&server).await;
    let channel = server.connect().await;
    let known = submit(&channel, "before", pb::IdentifierKind::Id, "C-1").await;
    assert_eq!((known.tier.as_str(), known.tier_source()), ("gold", pb::TierSource::Found));

    redis.kill();
    let stale = submit(&channel, "stale", pb::IdentifierKind::Id, "C-1").await;
    assert_eq!((stale.tier.as_str(), stale.tier_source()), ("gold", pb::TierSource::Stale));
    assert!(stale.tier_age_ms.is_some());
    let blind = submit(&channel, "blind", pb::IdentifierKind::Phone, "+1 (202) 555-0102").await;
    assert_eq!(
        (blind.tier.as_str(), blind.tier_source()),
        ("standard", pb::TierSource::Unavailable)
    );
    let nobody = submit(&channel, "nobody", pb::IdentifierKind::Card, "SC-0").await;
    assert_eq!(nobody.tier_source(), pb::TierSource::Unavailable);
    let strange = submit(&channel, "strange", pb::IdentifierKind::Id, "C-3").await;
    assert_eq!(strange.tier_source(), pb::TierSource::Unavailable);
    let seen = async { while server.metric("tierline_tickets_unconfirmed").await != Some(4.0) {} };
    timeout(LONG, seen).await.expect("the four are known to be unconfirmed");

    redis.restart();
    let back = Instant::now();
    let ticket = until(&channel, "blind", pb::TierSource::Found).await;
    println!("corrected {:?} after redis was back", back.elapsed());
    assert_eq!((ticket.tier.as_str(), ticket.customer_id.as_str()), ("gold", "C-2"));
    let gained = blind.respond_by.unwrap().seconds - ticket.respond_by.unwrap().seconds;
    assert_eq!(gained, 105, "from two minutes to fifteen seconds after the submit");
    let ticket = until(&channel, "stale", pb::TierSource::Found).await;
    assert_eq!((ticket.tier.as_str(), ticket.tier_age_ms), ("gold", None));
    until(&channel, "nobody", pb::TierSource::UnknownCustomer).await;
    until(&channel, "strange", pb::TierSource::UnknownTier).await;
    let none = async { while server.metric("tierline_tickets_unconfirmed").await != Some(0.0) {} };
    timeout(LONG, none).await.expect("nothing is left to confirm");
    let retiered = r#"tierline_tickets_retiered_total{tier="gold",channel="voice"}"#;
    assert_eq!(server.metric(retiered).await, Some(2.0));
}

#[tokio::test]
async fn what_was_unconfirmed_before_a_crash_is_corrected_after_the_next_start() {
    let mut redis = redis_with_customers();
    let folder = folder(&redis);
    let server = folder.start().await;
    is_up(&server).await;
    redis.kill();
    let blind = submit(&server.connect().await, "blind", pb::IdentifierKind::Id, "C-1").await;
    assert_eq!(blind.tier_source(), pb::TierSource::Unavailable);
    server.kill();
    redis.restart();
    let server = folder.start().await;
    let ticket = until(&server.connect().await, "blind", pb::TierSource::Found).await;
    assert_eq!(ticket.tier, "gold");
}

#[tokio::test]
async fn a_customer_stored_as_nonsense_keeps_nobody_else_from_being_corrected() {
    let mut redis = redis_with_customers();
    // A list where a hash should be.
    redis.command(&["RPUSH", "tierline:customer:C-0", "nonsense"]);
    redis.command(&["SAVE"]);
    let folder = folder(&redis);
    let server = folder.start().await;
    is_up(&server).await;
    redis.kill();
    let channel = server.connect().await;
    submit(&channel, "nonsense", pb::IdentifierKind::Id, "C-0").await;
    submit(&channel, "good", pb::IdentifierKind::Id, "C-1").await;
    redis.restart();
    until(&channel, "good", pb::TierSource::Found).await;
    // Somebody repairs the data: the ticket is asked about again although nothing else changes.
    // In one step: between two, the directory would truly say that there is no such customer.
    redis.command(&["HSET", "repaired", "tier", "silver"]);
    redis.command(&["RENAME", "repaired", "tierline:customer:C-0"]);
    let ticket = until(&channel, "nonsense", pb::TierSource::Found).await;
    assert_eq!(ticket.tier, "silver");
}
