//! The customer's card over the wire: with assignments and offers, and on asking again.

use crate::server::{POLICY, TestServer, Wish, identifier, ticket, ticket_of, told};
use tierline::api::proto::v1::{
    self as pb, get_customer_card_request::Of, work_request::Request as Up,
    work_response::Event as Down,
};
use tonic::Code;

const PHONE: &str = "+12025550101";

fn wish() -> Wish {
    let gold = "name = \"gold\"\nbenefits = [\"fees waived\"]\ntreatment = \"by name, no menus\"";
    let shown = "[customers]\ncard_attributes = [\"city\", \"since\"]";
    let policy = POLICY.replacen("name = \"gold\"", gold, 1).replacen("[customers]", shown, 1);
    Wish { policy, ..Wish::default() }
}

async fn put(server: &TestServer, tier: &str, more: &[(&str, &str)]) {
    let attributes = [("city", "Zurich"), ("secret", "not shown"), ("account_manager", "vera")];
    let attributes = attributes.iter().chain(more).map(|(k, v)| ((*k).into(), (*v).into()));
    let customer = pb::Customer {
        customer_id: "C-7".into(),
        tier: tier.into(),
        name: "Ada Lovelace".into(),
        identifiers: vec![identifier(pb::IdentifierKind::Phone, PHONE)],
        attributes: attributes.collect(),
    };
    let request = pb::PutCustomerRequest { customer: Some(customer) };
    server.admin().put_customer(request).await.expect("the customer is taken");
}

fn call(id: &str, subject: &str) -> pb::SubmitTicketRequest {
    let customer = Some(identifier(pb::IdentifierKind::Phone, PHONE));
    pb::SubmitTicketRequest {
        customer,
        subject: subject.into(),
        topic: "card".into(),
        ..ticket(id)
    }
}

async fn again(server: &TestServer, of: Of) -> Result<pb::CustomerCard, tonic::Status> {
    let request = pb::GetCustomerCardRequest { of: Some(of) };
    let answer = server.agent().get_customer_card(request).await?.into_inner();
    Ok(answer.card.expect("an answer has its card"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_assignment_brings_who_it_is_what_is_promised_and_how_it_went_before() {
    let server = TestServer::start_as(wish()).await;
    put(
        &server,
        "gold",
        &[("benefits", "10 % off; fees waived"), ("transition_date", "2027-01-31")],
    )
    .await;
    server.hire("ann", &["senior"]).await;
    server.submit(call("T-1", "card lost")).await;
    let first = server.take("ann").await;
    server.complete("T-1", first.lease_token).await.unwrap();
    server.submit(call("T-2", "where is my card")).await;
    server.submit(call("T-3", "card declined")).await;
    let taken = server.take("ann").await;
    let card = taken.card.expect("it names somebody");
    assert_eq!((&*card.customer_id, &*card.name, &*card.tier), ("C-7", "Ada Lovelace", "gold"));
    assert_eq!(
        (card.tier_source(), card.standing()),
        (pb::TierSource::Found, pb::Standing::Regular)
    );
    assert_eq!(card.benefits, ["fees waived", "10 % off"]);
    assert_eq!((&*card.treatment, &*card.account_manager), ("by name, no menus", "vera"));
    assert_eq!(card.transition_date, "2027-01-31");
    let shown: Vec<_> = card.attributes.iter().map(|(k, v)| (&**k, &**v)).collect();
    assert_eq!(shown, [("city", "Zurich")], "nothing but what the policy lists");
    let [past] = &card.last_contacts[..] else { panic!("{card:?}") };
    assert_eq!((&*past.ticket_id, &*past.subject, &*past.outcome), ("T-1", "card lost", "solved"));
    assert_eq!((past.channel(), past.state()), (pb::Channel::Voice, pb::TicketState::Completed));
    assert_eq!((past.waited_too_long, card.past_count, card.past_late_count), (false, 1, 0));
    let [open] = &card.open_tickets[..] else { panic!("{card:?}") };
    assert_eq!((&*open.ticket_id, open.state()), ("T-3", pb::TicketState::Waiting));
    assert_eq!((card.open_ticket_count, card.contact_count), (1, 2));
    assert_eq!((&*card.topic, &*card.previous_ticket_id), ("card", "T-1"));
    assert!(card.missing.is_empty() && card.left_out.is_empty(), "{card:?}");

    // A desk asks again, for the ticket and for the customer.
    put(&server, "gold", &[("since", "1999")]).await;
    let fresh = again(&server, Of::TicketId("T-2".into())).await.unwrap();
    assert_eq!(fresh.attributes["since"], "1999");
    let of_customer = again(&server, Of::CustomerId("C-7".into())).await.unwrap();
    assert_eq!((&*of_customer.tier, of_customer.open_ticket_count), ("gold", 2));
    assert_eq!(of_customer.last_contacts.len(), 1);
    let next = server.complete("T-2", taken.lease_token).await.unwrap();
    assert!(next.next.is_none());
    let ended = again(&server, Of::TicketId("T-2".into())).await.unwrap_err();
    assert_eq!(told(&ended), (Code::FailedPrecondition, "TICKET_COMPLETED".to_owned()));
    let nobody = again(&server, Of::CustomerId("C-8".into())).await.unwrap_err();
    assert_eq!(told(&nobody), (Code::NotFound, "CUSTOMER_NOT_FOUND".to_owned()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ticket_of_nobody_has_no_card_and_one_of_a_stranger_says_what_is_known() {
    let server = TestServer::start_as(wish()).await;
    server.hire("ann", &["senior", "general"]).await;
    server.submit(ticket_of("T-1", "gold")).await;
    let taken = server.take("ann").await;
    assert_eq!(taken.card, None);
    server.complete("T-1", taken.lease_token).await.unwrap();
    let customer = Some(identifier(pb::IdentifierKind::Phone, PHONE));
    server.submit(pb::SubmitTicketRequest { customer, ..ticket_of("T-2", "gold") }).await;
    let card = server.take("ann").await.card.expect("it names somebody");
    assert_eq!((&*card.customer_id, &*card.tier, &*card.name), ("", "gold", ""));
    assert_eq!(card.tier_source(), pb::TierSource::Given);
    assert_eq!(card.benefits, ["fees waived"]);
    assert_eq!(card.standing, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_offer_on_a_stream_has_the_card_and_so_has_what_is_accepted() {
    let server = TestServer::start_as(wish()).await;
    put(&server, "gold", &[]).await;
    server.hire("ann", &["senior"]).await;
    let (up, requests) = tokio::sync::mpsc::channel(4);
    let hello = pb::WorkHello { agent_id: "ann".into(), ..Default::default() };
    let said = |request| pb::WorkRequest { request: Some(request) };
    up.send(said(Up::Hello(hello))).await.unwrap();
    let requests = tokio_stream::wrappers::ReceiverStream::new(requests);
    let mut answers = server.agent().work(requests).await.unwrap().into_inner();
    server.submit(call("T-1", "card lost")).await;
    let offer = loop {
        if let Some(Down::Offer(offer)) = answers.message().await.unwrap().unwrap().event {
            break offer;
        }
    };
    assert_eq!(offer.card.expect("it names somebody").name, "Ada Lovelace");
    let accept = pb::AcceptOfferRequest { ticket_id: "T-1".into(), lease_token: offer.lease_token };
    up.send(said(Up::Accept(accept))).await.unwrap();
    let accepted = loop {
        if let Some(Down::Accepted(accepted)) = answers.message().await.unwrap().unwrap().event {
            break accepted;
        }
    };
    assert_eq!(accepted.card.expect("it names somebody").account_manager, "vera");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_silent_directory_neither_fails_nor_delays_an_assignment_and_is_named_on_the_card() {
    let server = TestServer::start_as(Wish { is_silent: true, ..wish() }).await;
    server.hire("ann", &["senior", "general"]).await;
    for id in ["T-1", "T-2"] {
        let customer = Some(identifier(pb::IdentifierKind::Id, "C-7"));
        server.submit(pb::SubmitTicketRequest { customer, ..ticket(id) }).await;
    }
    let begun = tokio::time::Instant::now();
    let card = server.take("ann").await.card.expect("it names somebody");
    assert!(begun.elapsed() < std::time::Duration::from_secs(5), "{:?}", begun.elapsed());
    assert_eq!(card.missing, [pb::CardPart::Directory as i32]);
    assert_eq!((&*card.customer_id, &*card.tier, &*card.name), ("C-7", "silver", ""));
    assert_eq!((card.tier_source(), card.open_ticket_count), (pb::TierSource::Unavailable, 1));
    let asked = again(&server, Of::CustomerId("C-7".into())).await.unwrap_err();
    assert_eq!(told(&asked), (Code::Unavailable, "DIRECTORY_UNAVAILABLE".to_owned()));
}
