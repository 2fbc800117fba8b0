//! Customers coded by the policy's rules: what a submit is told, and what a correction changes.

use crate::server::{POLICY, TestServer, Wish, empty, identifier, ticket};
use tierline::api::proto::v1 as pb;

const CODING: &str = r#"
[coding]
[[coding.rule]]
tier = "gold"
all = [{ attribute = "assets", at_least = 100000 }]
[coding.provisional]
until_orders = 2
[[coding.provisional.rule]]
tier = "silver"
all = [{ attribute = "predicted_margin", at_least = 500 }]
[[standing.rule]]
standing = "at_risk"
all = [{ attribute = "late_deliveries_90d", at_least = 2 }]
[standing.at_risk]
scale = 0.5
lift = 1
agent = "customer"
"#;

async fn start() -> TestServer {
    TestServer::start_as(Wish { policy: format!("{POLICY}{CODING}"), ..Wish::default() }).await
}

async fn put(server: &TestServer, tier: &str, attributes: &[(&str, &str)]) {
    let attributes = attributes.iter().map(|(key, value)| ((*key).into(), (*value).into()));
    let customer = pb::Customer {
        customer_id: "C-1".into(),
        tier: tier.into(),
        attributes: attributes.collect(),
        ..Default::default()
    };
    let request = pb::PutCustomerRequest { customer: Some(customer) };
    server.admin().put_customer(request).await.expect("the customer is stored");
}

fn call(id: &str) -> pb::SubmitTicketRequest {
    let customer = Some(identifier(pb::IdentifierKind::Id, "C-1"));
    pb::SubmitTicketRequest { customer, ..ticket(id) }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_customer_without_a_tier_gets_the_one_that_a_rule_gives_and_the_agent_hears_why() {
    let server = start().await;
    server.hire("ann", &["senior"]).await;
    put(&server, "", &[("assets", "250000")]).await;
    let receipt = server.submit(call("T-1")).await;
    assert_eq!((receipt.tier.as_str(), receipt.tier_source()), ("gold", pb::TierSource::Found));
    assert_eq!(receipt.known.expect("something is known").because, "assets 250000 >= 100000");
    let shown = server.take("ann").await.ticket.expect("an assignment has its ticket");
    assert_eq!(shown.known.expect("something is known").because, "assets 250000 >= 100000");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_first_order_gives_a_provisional_tier() {
    let server = start().await;
    let foretold = [("predicted_revenue", "900"), ("predicted_cost", "300"), ("orders", "1")];
    put(&server, "", &foretold).await;
    let receipt = server.submit(call("T-1")).await;
    assert_eq!(receipt.tier, "silver");
    let known = receipt.known.expect("something is known");
    assert!(known.provisional);
    assert_eq!(known.because, "predicted_margin 600 >= 500");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_at_risk_is_served_in_half_the_time_a_tier_higher_by_the_customers_agent() {
    let server = start().await;
    server.hire("bob", &["desk"]).await;
    server.hire("ann", &["senior"]).await;
    let late = [("late_deliveries_90d", "3"), ("account_manager", "bob")];
    put(&server, "silver", &late).await;
    let receipt = server.submit(call("T-1")).await;
    assert_eq!(receipt.tier, "gold");
    let respond_within =
        receipt.respond_by.unwrap().seconds - receipt.submitted_at.unwrap().seconds;
    // Half of gold's 15 s.
    assert!((7..=8).contains(&respond_within), "{respond_within} s");
    let known = receipt.known.expect("something is known");
    assert_eq!(known.standing(), pb::Standing::AtRisk);
    assert_eq!(known.because, "lifted from silver as at_risk (late_deliveries_90d 3 >= 2)");
    // Ann is of the tier's pool, and has to leave it to Bob.
    empty(&server.pull("ann", "one").await);
    let taken = server.take("bob").await;
    assert_eq!(taken.ticket.expect("an assignment has its ticket").ticket_id, "T-1");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_identifier_that_finds_somebody_wins_and_another_customer_is_a_conflict() {
    let server = TestServer::start().await;
    let email = |value: &str| identifier(pb::IdentifierKind::Email, value);
    let card = |value: &str| identifier(pb::IdentifierKind::Card, value);
    for (id, tier, known_by) in
        [("C-1", "gold", email("ada@example.com")), ("C-2", "silver", card("SC-2"))]
    {
        let customer = pb::Customer {
            customer_id: id.into(),
            tier: tier.into(),
            identifiers: vec![known_by],
            ..Default::default()
        };
        let request = pb::PutCustomerRequest { customer: Some(customer) };
        server.admin().put_customer(request).await.expect("the customer is stored");
    }
    let phone = identifier(pb::IdentifierKind::Phone, "+1 202 555 0177");
    let request = |id: &str, first: pb::CustomerIdentifier, others: Vec<_>| {
        pb::SubmitTicketRequest { customer: Some(first), other_identifiers: others, ..ticket(id) }
    };
    // The caller's number is not known; the card is, and the address names somebody else.
    let others = vec![card("SC-2"), email("Ada@Example.com")];
    let receipt = server.submit(request("T-1", phone.clone(), others.clone())).await;
    let known = receipt.known.expect("somebody is found");
    assert_eq!((&*receipt.customer_id, &*receipt.tier), ("C-2", "silver"));
    assert_eq!((known.matched_identifier, &*known.conflicting_customer_id), (1, "C-1"));
    let seen = server.get("T-1").await.expect("the ticket");
    assert_eq!(seen.other_identifiers, [card("SC-2"), email("ada@example.com")]);
    // The other way round the other one wins.
    let others = vec![email("ada@example.com"), card("SC-2")];
    let receipt = server.submit(request("T-2", phone.clone(), others)).await;
    assert_eq!((&*receipt.customer_id, &*receipt.tier), ("C-1", "gold"));
    // Nobody is found by any, and a withheld number names nobody at all.
    let receipt = server.submit(request("T-3", phone, vec![card("SC-9")])).await;
    assert_eq!(receipt.tier_source(), pb::TierSource::UnknownCustomer);
    let withheld = identifier(pb::IdentifierKind::Phone, "anonymous");
    let receipt = server.submit(request("T-4", withheld, vec![])).await;
    assert_eq!(receipt.tier_source(), pb::TierSource::UnknownCustomer);
    assert_eq!(server.get("T-4").await.expect("the ticket").customer, None);
}
