//! `IntakeService`: tiers, changes, lists, streams.

use crate::server::{TestServer, Wish, identifier, ticket, ticket_of, told};
use std::collections::BTreeSet;
use std::time::Duration;
use tierline::api::Settings;
use tierline::api::proto::v1 as pb;
use tierline::engine::Limits;
use tokio_stream::StreamExt as _;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_receipt_says_where_the_tier_came_from() {
    let server = TestServer::start().await;
    for (id, tier) in [("C-1", "gold"), ("C-2", "platinum")] {
        let customer =
            pb::Customer { customer_id: id.into(), tier: tier.into(), ..Default::default() };
        let request = pb::PutCustomerRequest { customer: Some(customer) };
        server.admin().put_customer(request).await.unwrap();
    }
    let by_id = |id: &str| Some(identifier(pb::IdentifierKind::Id, id));
    let cases = [
        (by_id("C-1"), "", "gold", pb::TierSource::Found, "C-1"),
        (by_id("C-2"), "", "standard", pb::TierSource::UnknownTier, "C-2"),
        (by_id("C-9"), "", "standard", pb::TierSource::UnknownCustomer, "C-9"),
        (None, "", "standard", pb::TierSource::UnknownCustomer, ""),
        (by_id("C-1"), "silver", "silver", pb::TierSource::Given, "C-1"),
    ];
    for (customer, asked, tier, source, customer_id) in cases {
        let receipt =
            server.submit(pb::SubmitTicketRequest { customer, ..ticket_of("", asked) }).await;
        assert_eq!((receipt.tier.as_str(), receipt.tier_source()), (tier, source));
        assert_eq!((receipt.customer_id.as_str(), receipt.tier_age_ms), (customer_id, None));
    }
    let places: Vec<_> =
        [server.submit(ticket("")).await.place, server.submit(ticket("")).await.place].into();
    assert_eq!(places[1], places[0] + 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_touches_what_the_mask_names_and_nothing_else() {
    let server = TestServer::start().await;
    let request = pb::SubmitTicketRequest {
        subject: "old".into(),
        payload: vec![1].into(),
        attributes: [("a".to_owned(), "1".to_owned())].into(),
        ..ticket_of("T-1", "gold")
    };
    server.submit(request).await;
    let change = |paths: &[&str]| pb::UpdateTicketRequest {
        ticket_id: "T-1".into(),
        subject: "new".into(),
        payload: Vec::new().into(),
        attributes: [("b".to_owned(), "2".to_owned())].into(),
        update_mask: Some(prost_types::FieldMask {
            paths: paths.iter().map(ToString::to_string).collect(),
        }),
        ..Default::default()
    };
    let changed = server.intake().update_ticket(change(&["subject"])).await.unwrap().into_inner();
    assert_eq!(changed.ticket.unwrap().subject, "new");
    let shown = server.get("T-1").await.unwrap();
    assert_eq!((&shown.payload[..], shown.attributes["a"].as_str()), (&[1][..], "1"));
    server.intake().update_ticket(change(&["payload", "attributes"])).await.unwrap();
    let shown = server.get("T-1").await.unwrap();
    assert_eq!((shown.payload_size, shown.attributes.len()), (0, 1));
    assert_eq!((shown.subject.as_str(), shown.attributes["b"].as_str()), ("new", "2"));

    // A retry of the submit is still the same ticket, and does not undo the change.
    let cancel = pb::CancelTicketRequest { ticket_id: "T-1".into(), reason: "hung up".into() };
    let cancelled = server.intake().cancel_ticket(cancel.clone()).await.unwrap().into_inner();
    let again = server.intake().cancel_ticket(cancel).await.unwrap().into_inner();
    assert_eq!(again, cancelled);
    let ended = cancelled.ticket.unwrap();
    assert_eq!((ended.state(), ended.reason.as_str()), (pb::TicketState::Cancelled, "hung up"));
    let refused = server.intake().update_ticket(change(&["subject"])).await.unwrap_err();
    assert_eq!(told(&refused), (Code::FailedPrecondition, "TICKET_CANCELLED".to_owned()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_changes_of_one_ticket_at_once_both_take_effect() {
    let server = TestServer::start().await;
    server.submit(ticket_of("T-1", "gold")).await;
    let change = |field: &str| pb::UpdateTicketRequest {
        ticket_id: "T-1".into(),
        subject: "new".into(),
        payload: vec![7].into(),
        update_mask: Some(prost_types::FieldMask { paths: vec![field.into()] }),
        ..Default::default()
    };
    let (mut one, mut two) = (server.intake(), server.intake());
    let (one, two) =
        tokio::join!(one.update_ticket(change("subject")), two.update_ticket(change("payload")));
    one.and(two).expect("both are fine");
    let shown = server.get("T-1").await.unwrap();
    assert_eq!((shown.subject.as_str(), &shown.payload[..]), ("new", &[7][..]));
}

async fn list(server: &TestServer, request: pb::ListTicketsRequest) -> (Vec<String>, usize) {
    let mut request = request;
    let (mut ids, mut pages) = (Vec::new(), 0);
    loop {
        let page =
            server.intake().list_tickets(request.clone()).await.expect("a page").into_inner();
        pages += 1;
        assert!(page.tickets.len() <= 50.max(request.page_size as usize));
        ids.extend(page.tickets.into_iter().map(|ticket| ticket.ticket_id));
        if page.next_page_token.is_empty() {
            return (ids, pages);
        }
        request.page_token = page.next_page_token;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_list_has_the_live_tickets_by_arrival_and_then_the_finished_ones() {
    let server = TestServer::start().await;
    server.hire("ann", &["senior"]).await;
    for number in 0..6 {
        server.submit(ticket_of(&format!("done-{number}"), "gold")).await;
        let taken = server.take("ann").await;
        server.complete(&format!("done-{number}"), taken.lease_token).await.unwrap();
    }
    for number in 0..4 {
        server.submit(ticket_of(&format!("gone-{number}"), "silver")).await;
        let ticket_id = format!("gone-{number}");
        let cancel = pb::CancelTicketRequest { ticket_id, reason: String::new() };
        server.intake().cancel_ticket(cancel).await.unwrap();
    }
    for number in 0..5 {
        let customer = Some(identifier(pb::IdentifierKind::Id, "C-7"));
        let tier = if number % 2 == 0 { "gold" } else { "standard" };
        let request =
            pb::SubmitTicketRequest { customer, ..ticket_of(&format!("wait-{number}"), tier) };
        server.submit(request).await;
    }
    server.take("ann").await;

    let everything = pb::ListTicketsRequest { page_size: 4, ..Default::default() };
    let (ids, pages) = list(&server, everything.clone()).await;
    let expected = [
        "wait-0", "wait-1", "wait-2", "wait-3", "wait-4", "gone-3", "gone-2", "gone-1", "gone-0",
        "done-5", "done-4", "done-3", "done-2", "done-1", "done-0",
    ];
    assert_eq!(ids, expected);
    assert_eq!(pages, 4);
    let with = |states: &[pb::TicketState]| pb::ListTicketsRequest {
        states: states.iter().map(|state| i32::from(*state)).collect(),
        ..Default::default()
    };
    let cases = [
        (with(&[pb::TicketState::Assigned]), vec!["wait-0"]),
        (with(&[pb::TicketState::Cancelled]), vec!["gone-3", "gone-2", "gone-1", "gone-0"]),
        (
            with(&[pb::TicketState::Waiting, pb::TicketState::Cancelled]),
            vec!["wait-1", "wait-2", "wait-3", "wait-4", "gone-3", "gone-2", "gone-1", "gone-0"],
        ),
        (
            pb::ListTicketsRequest { tier: "standard".into(), ..Default::default() },
            vec!["wait-1", "wait-3"],
        ),
        (
            pb::ListTicketsRequest { queue_id: "gold/voice/senior".into(), ..Default::default() },
            vec!["wait-2", "wait-4"],
        ),
        (
            pb::ListTicketsRequest { customer_id: "C-7".into(), page_size: 2, ..with(&[]) },
            vec!["wait-0", "wait-1", "wait-2", "wait-3", "wait-4"],
        ),
        (pb::ListTicketsRequest { tier: "former".into(), ..Default::default() }, vec![]),
    ];
    for (request, expected) in cases {
        assert_eq!(list(&server, request.clone()).await.0, expected, "{request:?}");
    }

    // The token of one list is not one of another.
    let page = server.intake().list_tickets(everything).await.unwrap().into_inner();
    let other = pb::ListTicketsRequest {
        page_token: page.next_page_token,
        ..with(&[pb::TicketState::Waiting])
    };
    let refused = server.intake().list_tickets(other).await.unwrap_err();
    assert_eq!(told(&refused), (Code::InvalidArgument, "INVALID_FIELD".to_owned()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_of_large_tickets_ends_before_its_message_is_too_large() {
    let server = TestServer::start().await;
    // 32 values of 256 characters of 4 bytes are 32 KiB: 500 of them would be 16 MiB.
    let attributes = (0..32).map(|n| (format!("key-{n}"), "\u{1f600}".repeat(256)));
    let attributes: std::collections::BTreeMap<_, _> = attributes.collect();
    for number in 0..60 {
        let attributes = attributes.clone();
        let request =
            pb::SubmitTicketRequest { attributes, ..ticket_of(&format!("T-{number}"), "gold") };
        server.submit(request).await;
    }
    for number in 0..30 {
        let cancel =
            pb::CancelTicketRequest { ticket_id: format!("T-{number}"), reason: String::new() };
        server.intake().cancel_ticket(cancel).await.unwrap();
    }
    let (ids, pages) =
        list(&server, pb::ListTicketsRequest { page_size: 500, ..Default::default() }).await;
    assert_eq!(ids.len(), 60);
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), 60);
    assert!(pages >= 2, "{pages}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_watched_ticket_is_followed_to_its_end() {
    let server = TestServer::start().await;
    server.hire("ann", &["senior"]).await;
    server.submit(ticket_of("T-1", "gold")).await;
    let request = pb::WatchTicketRequest { ticket_id: "T-1".into() };
    let mut watched = server.intake().watch_ticket(request.clone()).await.unwrap().into_inner();
    let mut next = async || {
        let answer = watched.message().await.unwrap();
        answer.map(|answer| answer.ticket.expect("it has one").state())
    };
    assert_eq!(next().await, Some(pb::TicketState::Waiting));
    let taken = server.take("ann").await;
    assert_eq!(next().await, Some(pb::TicketState::Assigned));
    server.complete("T-1", taken.lease_token).await.unwrap();
    assert_eq!(next().await, Some(pb::TicketState::Completed));
    assert_eq!(next().await, None);

    // A ticket that has ended is told once.
    let late = server.intake().watch_ticket(request).await.unwrap().into_inner();
    let told: Vec<_> = late.collect().await;
    assert_eq!(told.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lease_that_runs_out_is_seen_by_who_watches_and_voids_the_token() {
    let server = TestServer::start().await;
    server.hire("ann", &["desk"]).await;
    server.submit(ticket_of("T-1", "brief")).await;
    let taken = server.take("ann").await;
    let request = pb::WatchTicketRequest { ticket_id: "T-1".into() };
    let mut watched = server.intake().watch_ticket(request).await.unwrap().into_inner();
    loop {
        let ticket = watched.message().await.unwrap().and_then(|answer| answer.ticket);
        if ticket.expect("the ticket lives").state() == pb::TicketState::Waiting {
            break;
        }
    }
    let refused = server.complete("T-1", taken.lease_token).await.unwrap_err();
    assert_eq!(told(&refused), (Code::FailedPrecondition, "LEASE_ENDED".to_owned()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_so_many_may_watch_at_once() {
    let settings = Settings { watchers_max: 1, ..Settings::default() };
    let server = TestServer::start_as(Wish { settings, ..Wish::default() }).await;
    server.submit(ticket_of("T-1", "gold")).await;
    let request = pb::WatchTicketRequest { ticket_id: "T-1".into() };
    let watching = server.intake().watch_ticket(request.clone()).await.unwrap();
    let refused = server.intake().watch_ticket(request.clone()).await.unwrap_err();
    assert_eq!(told(&refused), (Code::ResourceExhausted, "LIMIT_REACHED".to_owned()));
    let details = refused.get_error_details();
    assert_eq!(details.quota_failure().unwrap().violations[0].subject, "watchers_max");
    let queues = server.ops().watch_queues(pb::WatchQueuesRequest::default()).await.unwrap_err();
    assert_eq!(queues.code(), Code::ResourceExhausted);
    drop(watching);
    // The server hears of it with the next frames of the connection.
    loop {
        match server.intake().watch_ticket(request.clone()).await {
            Ok(_) => break,
            Err(refused) => assert_eq!(refused.code(), Code::ResourceExhausted),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_limit_of_tickets_is_told_with_its_value() {
    let limits = Limits { tickets_max: 1, ..Limits::default() };
    let server = TestServer::start_as(Wish { limits, ..Wish::default() }).await;
    server.submit(ticket_of("T-1", "gold")).await;
    let refused = server.intake().submit_ticket(ticket_of("T-2", "gold")).await.unwrap_err();
    assert_eq!(told(&refused), (Code::ResourceExhausted, "LIMIT_REACHED".to_owned()));
    let details = refused.get_error_details();
    assert_eq!(details.error_info().unwrap().metadata["limit"], "tickets_max");
    assert_eq!(details.error_info().unwrap().metadata["value"], "1");
    assert!(details.retry_info().is_some());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_queue_is_told_by_its_name_with_the_time_until_there_is_a_place() {
    let policy = Wish::default().policy;
    let (head, rest) = policy.split_once("[[tier]]").unwrap();
    let policy = format!("{head}[[tier]]\nqueue_max = {{ voice = 2 }}{rest}");
    let server = TestServer::start_as(Wish { policy, ..Wish::default() }).await;
    server.hire("ann", &["senior", "general"]).await;
    for id in ["T-1", "T-2"] {
        server.submit(ticket_of(id, "gold")).await;
    }
    let refused = server.intake().submit_ticket(ticket_of("T-3", "gold")).await.unwrap_err();
    assert_eq!(told(&refused), (Code::ResourceExhausted, "LIMIT_REACHED".to_owned()));
    let details = refused.get_error_details();
    let violation = &details.quota_failure().unwrap().violations[0];
    assert_eq!(violation.subject, "queue_max.gold.voice");
    assert_eq!(details.error_info().unwrap().metadata["value"], "2");
    let delay = |refused: &Status| refused.get_error_details().retry_info().unwrap().retry_delay;
    assert_eq!(delay(&refused), Some(Duration::from_secs(30)), "nothing has been measured yet");
    // Other tiers and channels take no notice.
    server.submit(ticket_of("S-1", "silver")).await;
    let chat =
        pb::SubmitTicketRequest { channel: pb::Channel::Chat.into(), ..ticket_of("T-4", "gold") };
    server.submit(chat).await;
    server.until(|view| view.waiting_count == 4).await;
    let info = server.admin().get_server_info(pb::GetServerInfoRequest {}).await.unwrap();
    let limits = info.into_inner().limits;
    let limit = limits.iter().find(|limit| limit.name == "queue_max.gold.voice").unwrap();
    assert_eq!((limit.value, limit.current), (2, Some(2)));

    server.take("ann").await;
    server.submit(ticket_of("T-3", "gold")).await;
    let refused = server.intake().submit_ticket(ticket_of("T-5", "gold")).await.unwrap_err();
    let measured = delay(&refused).unwrap();
    assert!((1..30).contains(&measured.as_secs()), "{measured:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_of_tickets_keeps_its_order_and_survives_the_bad_ones() {
    let server = TestServer::start().await;
    let count = 500;
    let requests = (0..count).map(|number| {
        let mut ticket = ticket_of(&format!("T-{number}"), "gold");
        match number % 10 {
            // Some ask the directory, which takes its time; some are faulty.
            3 => {
                let id = format!("C-{number}");
                ticket.tier = String::new();
                ticket.customer = Some(identifier(pb::IdentifierKind::Id, &id));
            }
            5 => ticket.channel = 0,
            7 => ticket.tier = "platinum".into(),
            _ => {}
        }
        pb::SubmitTicketsRequest { r#ref: format!("ref-{number}"), ticket: Some(ticket) }
    });
    let requests: Vec<_> = requests.collect();
    let answers = server.intake().submit_tickets(tokio_stream::iter(requests)).await.unwrap();
    let answers: Vec<_> = answers.into_inner().map(|answer| answer.unwrap()).collect().await;
    assert_eq!(answers.len(), count);
    let mut numbers = vec![None; count];
    for answer in answers {
        let index = usize::try_from(answer.index).unwrap();
        assert_eq!(answer.r#ref, format!("ref-{index}"));
        match answer.result.unwrap() {
            pb::submit_tickets_response::Result::Receipt(receipt) => {
                assert!(!matches!(index % 10, 5 | 7));
                numbers[index] = Some(receipt.number);
            }
            pb::submit_tickets_response::Result::Error(error) => {
                let field = if index % 10 == 5 { "ticket.channel" } else { "ticket.tier" };
                assert_eq!((error.code, error.field.as_str()), (3, field));
                assert_eq!(error.reason(), pb::ErrorReason::InvalidField);
            }
        }
    }
    let numbers: Vec<_> = numbers.into_iter().flatten().collect();
    assert_eq!(numbers.len(), count * 8 / 10);
    assert!(numbers.is_sorted(), "tickets arrive in the order in which they are sent");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_over_the_limit_is_refused_whatever_is_in_it() {
    let server = TestServer::start().await;
    let payload = vec![0; 300 << 10].into();
    let request = pb::SubmitTicketRequest { payload, ..ticket_of("T-1", "gold") };
    let refused = server.intake().submit_ticket(request).await.unwrap_err();
    assert_eq!(refused.code(), Code::OutOfRange);
    assert_eq!(server.engine().await.ticket_count(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tier_that_the_policy_lacks_is_told_with_those_it_has() {
    let server = TestServer::start().await;
    let request = ticket_of("T-1", "platinum");
    let refused = server.intake().submit_ticket(request).await.expect_err("it has no such tier");
    let told = "tier: the policy has no tier \"platinum\"; it has gold, silver";
    assert!(refused.message().contains(told), "{refused:?}");
}
