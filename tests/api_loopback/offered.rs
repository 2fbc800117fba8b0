//! Channels that a tier does not offer, over the wire.

use crate::server::{POLICY, TestServer, Wish, identifier, ticket, ticket_of, told};
use jiff::{Timestamp, tz::TimeZone};
use tierline::api::offered;
use tierline::api::proto::v1::{self as pb, submit_tickets_response as one};
use tonic::Code;

/// Standard is served by mail at any time and by chat on days that are neither today nor near it.
fn lean(not_offered: &str) -> Wish {
    let today = Timestamp::now().to_zoned(TimeZone::UTC).date();
    let near: Vec<_> = [today.yesterday(), Ok(today), today.tomorrow()]
        .map(|day| {
            format!("{{ date = \"{}\", name = \"Fair\" }}", day.expect("the calendar goes on"))
        })
        .into();
    let week = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
    let week = week.map(|day| format!("{day} = [\"08:00-20:00\"]\n")).concat();
    let near = near.join(", ");
    let hours =
        format!("[[hours]]\nname = \"lean\"\nzone = \"Etc/UTC\"\n{week}holidays = [{near}]\n");
    let name = "name = \"standard\"";
    let channels = format!(
        "{name}\nchannels = [\"email\", \"chat\"]\nhours = {{ chat = \"lean\" }}\n{not_offered}"
    );
    Wish { policy: POLICY.replacen(name, &channels, 1) + &hours, ..Wish::default() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_channel_is_answered_with_what_is_offered_and_when() {
    let server = TestServer::start_as(lean("")).await;
    // Nobody knows this customer, which is certain: the tier is standard.
    let customer = Some(identifier(pb::IdentifierKind::Phone, "+12025550101"));
    let call = pb::SubmitTicketRequest { customer, ..ticket("T-1") };
    let refused = server.intake().submit_ticket(call.clone()).await.unwrap_err();
    assert_eq!(told(&refused), (Code::FailedPrecondition, "CHANNEL_NOT_OFFERED".to_owned()));
    let instead = offered::of_status(&refused).expect("it says what is offered");
    assert_eq!((instead.tier.as_str(), instead.channel()), ("standard", pb::Channel::Voice));
    let [chat, email] = &instead.offered[..] else { panic!("{instead:?}") };
    assert_eq!((chat.channel(), chat.open_now, &*chat.hours), (pb::Channel::Chat, false, "lean"));
    let opens_at = chat.opens_at.unwrap().seconds;
    assert_eq!(chat.respond_by.unwrap().seconds, opens_at + 36 * 3600, "24 open hours");
    assert_eq!((email.channel(), email.open_now), (pb::Channel::Email, true));
    assert_eq!(email.opens_at, None);
    assert_eq!(email.respond_within.unwrap().seconds, 86_400);
    assert!(server.get("T-1").await.is_err(), "nothing was taken");

    let mail = pb::SubmitTicketRequest { channel: pb::Channel::Email.into(), ..call };
    let receipt = server.submit(mail).await;
    assert!(!receipt.channel_not_offered && receipt.offered.is_empty());
    server.submit(ticket_of("T-2", "gold")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_ticket_of_a_stream_is_told_what_is_offered_instead() {
    let server = TestServer::start_as(lean("")).await;
    let requests = ["gold", "standard"].map(|tier| pb::SubmitTicketsRequest {
        r#ref: tier.to_owned(),
        ticket: Some(ticket_of(tier, tier)),
    });
    let requests = tokio_stream::iter(requests);
    let mut answers = server.intake().submit_tickets(requests).await.unwrap().into_inner();
    let mut refused = None;
    while let Some(answer) = answers.message().await.unwrap() {
        match answer.result.unwrap() {
            one::Result::Receipt(_) => assert_eq!(answer.r#ref, "gold"),
            one::Result::Error(error) => refused = Some(error),
        }
    }
    let refused = refused.expect("standard is not called");
    assert_eq!(refused.reason(), pb::ErrorReason::ChannelNotOffered);
    let offered = refused.channel_not_offered.unwrap().offered;
    assert_eq!(offered.len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_policy_that_takes_them_all_the_same_says_so_in_the_receipt() {
    let server = TestServer::start_as(lean("not_offered = \"accept\"")).await;
    let receipt = server.submit(ticket_of("T-1", "standard")).await;
    assert!(receipt.channel_not_offered);
    let channels: Vec<_> = receipt.offered.iter().map(pb::OfferedChannel::channel).collect();
    assert_eq!(channels, [pb::Channel::Chat, pb::Channel::Email]);
    let again = server.submit(ticket_of("T-1", "standard")).await;
    assert!(again.duplicate && again.channel_not_offered);
    let policy = server.admin().get_policy(pb::GetPolicyRequest {}).await.unwrap().into_inner();
    let tier = &policy.policy.unwrap().tiers[2];
    assert!(tier.accepts_other_channels);
    assert_eq!(tier.channels, [pb::Channel::Chat as i32, pb::Channel::Email as i32]);
}
