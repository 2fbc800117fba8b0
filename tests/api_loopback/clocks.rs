//! Clocks over the wire: business hours, urgency, and what is left.

use crate::server::{POLICY, TestServer, Wish, ticket_of};
use jiff::{Timestamp, ToSpan as _, tz::TimeZone};
use tierline::api::proto::v1 as pb;

/// Gold is served from 10:00 on, but for yesterday, today and tomorrow; and faster if it is urgent.
fn closed_today() -> (String, i64) {
    let today = Timestamp::now().to_zoned(TimeZone::UTC).date();
    let day = |days: i64| today.checked_add(days.days()).expect("it is within the calendar");
    let holidays =
        [-1, 0, 1].map(|days| format!("{{ date = \"{}\", name = \"Fair\" }}", day(days)));
    let week = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
    let week = week.map(|day| format!("{day} = [\"10:00-24:00\"]\n")).concat();
    let hours = format!(
        "[[hours]]\nname = \"late\"\nzone = \"Etc/UTC\"\n{week}holidays = [{}]\n",
        holidays.join(", ")
    );
    let gold = "name = \"gold\"\nhours = { voice = \"late\" }\nurgency = { low = 2, high = 0.5 }";
    let policy = POLICY.replacen("name = \"gold\"", gold, 1) + &hours;
    let opens = day(2).at(10, 0, 0, 0).to_zoned(TimeZone::UTC).expect("it is an instant");
    (policy, opens.timestamp().as_second())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_submit_outside_the_hours_says_when_they_open_and_the_clock_waits() {
    let (policy, opens_s) = closed_today();
    let server = TestServer::start_as(Wish { policy, ..Wish::default() }).await;
    let receipt = server.submit(ticket_of("T-1", "gold")).await;
    assert_eq!((receipt.open_now, receipt.hours.as_str()), (Some(false), "late"));
    assert_eq!(receipt.opens_at.unwrap().seconds, opens_s);
    assert_eq!(receipt.respond_by.unwrap().seconds, opens_s + 15);

    let clock = server.get("T-1").await.unwrap().response_clock.unwrap();
    assert_eq!((clock.state(), clock.remaining_ms), (pb::ClockState::Paused, Some(15_000)));
    assert_eq!((clock.hours.as_str(), clock.opens_at.unwrap().seconds), ("late", opens_s));

    // It is served all the same.
    server.hire("ann", &["senior"]).await;
    assert_eq!(server.take("ann").await.ticket.unwrap().ticket_id, "T-1");
    let clock = server.get("T-1").await.unwrap().response_clock.unwrap();
    assert_eq!((clock.state(), clock.remaining_ms), (pb::ClockState::Met, None));

    let always = server.submit(ticket_of("T-2", "silver")).await;
    assert_eq!((always.open_now, always.opens_at, always.hours.as_str()), (Some(true), None, ""));
    let clock = server.get("T-2").await.unwrap().response_clock.unwrap();
    assert_eq!(clock.state(), pb::ClockState::Running);
    assert!((1..=60_000).contains(&clock.remaining_ms.unwrap()), "{clock:?}");

    let request = pb::GetPolicyRequest {};
    let policy = server.admin().get_policy(request).await.unwrap().into_inner().policy.unwrap();
    assert_eq!((policy.hours[0].open_now, policy.hours[0].zone.as_str()), (false, "Etc/UTC"));
    assert_eq!(policy.hours[0].week[6].open, ["10:00-24:00"]);
    assert_eq!(policy.hours[0].special_days.len(), 3);
    assert_eq!(policy.tiers[0].deadlines[0].hours, "late");
    assert_eq!(policy.tiers[0].deadlines[1].hours, "");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_urgency_moves_the_deadline_from_the_submit_on() {
    let (policy, opens_s) = closed_today();
    let server = TestServer::start_as(Wish { policy, ..Wish::default() }).await;
    let high =
        pb::SubmitTicketRequest { urgency: pb::Urgency::High.into(), ..ticket_of("T-1", "gold") };
    let receipt = server.submit(high.clone()).await;
    assert_eq!(receipt.urgency(), pb::Urgency::High);
    let by = receipt.respond_by.unwrap();
    assert_eq!((by.seconds, by.nanos), (opens_s + 7, 500_000_000));
    assert!(server.submit(high).await.duplicate);

    let low = pb::UpdateTicketRequest {
        ticket_id: "T-1".into(),
        urgency: pb::Urgency::Low.into(),
        update_mask: Some(prost_types::FieldMask { paths: vec!["urgency".to_owned()] }),
        ..Default::default()
    };
    let changed = server.intake().update_ticket(low.clone()).await.unwrap().into_inner();
    let ticket = changed.ticket.unwrap();
    assert_eq!((ticket.urgency(), ticket.subject.as_str()), (pb::Urgency::Low, ""));
    assert_eq!(ticket.respond_by.unwrap().seconds, opens_s + 30);
    let again = server.intake().update_ticket(low).await.unwrap().into_inner().ticket.unwrap();
    assert_eq!(again.respond_by, ticket.respond_by);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ladder_is_seen_in_the_ticket_the_queue_the_policy_and_the_events() {
    let gold = "name = \"gold\"\nescalation = [{ at = 0.05, guard = 1, pools = [\"general\"], notify = \"lead\" }]";
    let policy = POLICY.replacen("name = \"gold\"", gold, 1);
    let server = TestServer::start_as(Wish { policy, ..Wish::default() }).await;
    server.submit(ticket_of("T-1", "gold")).await;
    let request = pb::WatchEventsRequest {
        from_seq: Some(1),
        follow: true,
        types: vec![pb::EventType::Escalated.into()],
        ..Default::default()
    };
    let mut events = server.ops().watch_events(request).await.unwrap().into_inner();
    let told = loop {
        let answer = events.message().await.unwrap().expect("it follows");
        if let Some(told) = answer.events.into_iter().next() {
            break told;
        }
    };
    assert_eq!((told.ticket_id.as_str(), told.tier.as_str()), ("T-1", "gold"));
    assert_eq!(told.pools, ["senior", "general"]);
    let details = ["escalation_step", "guard_permille", "notify"].map(|name| &*told.details[name]);
    assert_eq!(details, ["1", "1000", "lead"]);

    let ticket = server.get("T-1").await.unwrap();
    assert_eq!((ticket.escalation_step, ticket.guard_permille), (1, Some(1000)));
    assert_eq!(ticket.queue_id, "gold/voice/senior+general^1000");
    let request = pb::ListTicketsRequest { queue_id: ticket.queue_id, ..Default::default() };
    let listed = server.intake().list_tickets(request).await.unwrap().into_inner().tickets;
    assert_eq!(listed.len(), 1);
    let request = pb::GetPolicyRequest {};
    let policy = server.admin().get_policy(request).await.unwrap().into_inner().policy.unwrap();
    let step = &policy.tiers[0].escalation[0];
    assert_eq!((step.at_permille, step.notify.as_str()), (50, "lead"));
}
