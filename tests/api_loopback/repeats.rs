//! Repeat contacts over the wire, and over a restart.

use crate::server::{POLICY, TestServer, Wish, identifier, ticket, told};
use tierline::api::proto::v1 as pb;
use tonic::Code;

fn about(id: &str, phone: &str, topic: &str) -> pb::SubmitTicketRequest {
    let customer = Some(identifier(pb::IdentifierKind::Phone, phone));
    pb::SubmitTicketRequest { customer, topic: topic.into(), ..ticket(id) }
}

async fn listed(server: &TestServer, page_size: u32) -> pb::ListRepeatContactsResponse {
    let request = pb::ListRepeatContactsRequest { page_size };
    server.ops().list_repeat_contacts(request).await.expect("it is answered").into_inner()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_complaint_again_is_linked_goes_to_the_process_and_is_listed_by_topic() {
    let repeats = "[repeats]\nwindow = \"2d\"\nthreshold = 3\npool = \"desk\"\n";
    let policy = POLICY.replacen("[customers]", &format!("{repeats}[customers]"), 1);
    let server = TestServer::start_as(Wish { policy, ..Wish::default() }).await;
    let (ada, bob) = ("+12025550101", "+12025550102");
    let first = server.submit(about("T-1", ada, "late-delivery")).await;
    assert_eq!((first.contact_count, first.previous_ticket_id.as_str()), (1, ""));
    server.submit(about("T-2", bob, "late-delivery")).await;
    server.submit(about("T-3", bob, "late-delivery")).await;
    server.submit(about("T-4", bob, "billing")).await;
    let cancel = pb::CancelTicketRequest { ticket_id: "T-1".into(), reason: String::new() };
    server.intake().cancel_ticket(cancel).await.unwrap();
    server.submit(about("T-5", ada, "late-delivery")).await;
    // What is remembered survives: from the snapshot, and from the events since.
    let server = server.restart().await;
    let third = server.submit(about("T-6", ada, "late-delivery")).await;
    assert_eq!((third.contact_count, third.previous_ticket_id.as_str()), (3, "T-5"));
    let again = server.submit(about("T-6", ada, "late-delivery")).await;
    assert_eq!((again.duplicate, again.contact_count), (true, 3));

    let ticket = server.get("T-6").await.unwrap();
    assert_eq!(
        (ticket.topic.as_str(), ticket.pools.as_slice()),
        ("late-delivery", &["desk".to_owned()][..])
    );
    assert_eq!(ticket.tier, "standard");
    let cancel = pb::CancelTicketRequest { ticket_id: "T-6".into(), reason: String::new() };
    server.intake().cancel_ticket(cancel).await.unwrap();
    // Out of memory, from the history.
    let server = server.restart().await;
    let ended = server.get("T-6").await.unwrap();
    assert_eq!((ended.topic.as_str(), ended.contact_count), ("late-delivery", 3));
    assert_eq!(ended.previous_ticket_id, "T-5");

    let found = listed(&server, 0).await;
    assert_eq!((found.topic_count, found.threshold, found.pool.as_str()), (1, Some(3), "desk"));
    assert_eq!((found.window.unwrap().seconds, found.remembered_count), (2 * 86_400, 3));
    let topic = &found.topics[0];
    assert_eq!(
        (topic.topic.as_str(), topic.repeat_count, topic.customer_count),
        ("late-delivery", 3, 2)
    );
    assert_eq!(
        (topic.most_count, topic.above_threshold_count, topic.above_threshold),
        (3, 1, true)
    );
    assert_eq!(topic.open_ticket_count, 3, "T-2, T-3 and T-5");
    assert!(topic.first_at.unwrap().seconds <= topic.last_at.unwrap().seconds);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_topic_is_a_name_and_a_page_has_its_limit() {
    let server = TestServer::start().await;
    for topic in ["late delivery", &"x".repeat(65)] {
        let refused = server.intake().submit_ticket(about("T-1", "+1202555", topic)).await;
        let refused = refused.unwrap_err();
        assert_eq!(told(&refused).0, Code::InvalidArgument);
        assert!(refused.message().starts_with("topic: "), "{}", refused.message());
    }
    let request = pb::ListRepeatContactsRequest { page_size: 501 };
    let refused = server.ops().list_repeat_contacts(request).await.unwrap_err();
    assert!(refused.message().starts_with("page_size: "), "{}", refused.message());
    assert_eq!(listed(&server, 500).await.topic_count, 0);
}
