//! Leases and their tokens.

use super::script::check;

const DESK: &str =
    "policy guarded-edf v1; tier gold 2h desk solve 4h; tier standard 4h desk; pool desk lease 60s
                    agent ann desk
                    here ann
                    agent bob desk
                    here bob";

fn check_desk(script: &str) {
    check(&format!("{DESK}\n{script}"));
}

#[test]
fn a_lease_that_ends_returns_the_ticket_to_its_old_place() {
    check_desk(
        "0s submit t1 gold email
         1s submit t2 gold email
         2s pull ann -> t1 #1 earliest-deadline
         62s * lease #1 of t1 ends
         63s queues -> gold/email/desk: t1 t2 (0 late)
         63s agent? ann -> Available in desk, holds nothing, idle since 62s
         63s pull bob -> t1 #2 earliest-deadline",
    );
}

#[test]
fn a_lease_that_ends_goes_to_an_agent_who_waits() {
    check_desk(
        "0s submit t1 gold email
         0s pull ann -> t1 #1 earliest-deadline
         5s pull bob until=90s -> waits
         60s * lease #1 of t1 ends
         60s * bob gets t1 #2 earliest-deadline",
    );
}

#[test]
fn an_extended_lease_counts_from_now() {
    check_desk(
        "0s submit t1 gold email
         0s pull ann -> t1 #1 earliest-deadline
         50s extend t1 #1 -> t1 #1 earliest-deadline
         50s see t1 -> with ann of desk until 110s, gold, in desk, due 7200s, solved by 14400s, picked up 0s
         60s extend t1 #1 5m -> t1 #1 earliest-deadline
         360s * lease #1 of t1 ends
         360s extend t1 #1 -> LeaseEnded",
    );
}

#[test]
fn an_extension_is_between_a_millisecond_and_a_day() {
    check_desk(
        "0s submit t1 gold email
         0s pull ann -> t1 #1 earliest-deadline
         0s extend t1 #1 0ms -> ExtensionOutOfRange
         0s extend t1 #1 86400.001s -> ExtensionOutOfRange
         0s extend t1 #1 1d -> t1 #1 earliest-deadline
         0s extend t1 #1 1ms -> t1 #1 earliest-deadline
         0.001s * lease #1 of t1 ends",
    );
}

#[test]
fn a_released_ticket_waits_in_its_old_place_and_was_picked_up() {
    check_desk(
        "0s submit t1 gold email
         1s submit t2 gold email
         2s pull ann -> t1 #1 earliest-deadline
         3s release t1 #1
         3s queues -> gold/email/desk: t1 t2 (0 late)
         3s see t1 -> waiting, gold, in desk, due 7200s, solved by 14400s, picked up 2s
         3s pull bob -> t1 #2 earliest-deadline
         3s see t1 -> with bob of desk until 63s, gold, in desk, due 7200s, solved by 14400s, picked up 2s",
    );
}

#[test]
fn an_undelivered_ticket_was_never_picked_up() {
    check_desk(
        "0s submit t1 gold email
         2s pull ann -> t1 #1 earliest-deadline
         3s release t1 #1 undelivered
         3s see t1 -> waiting, gold, in desk, due 7200s, solved by 14400s",
    );
}

#[test]
fn a_lease_that_ends_unheard_of_undoes_the_pick_up() {
    check(
        "policy guarded-edf v1; tier gold 15s desk; pool desk lease 60s
         agent ann desk
         here ann
         0s submit t1 gold voice
         10s pull ann -> t1 #1 at-risk
         70s * lease #1 of t1 ends
         70s * t1 late for response
         71s see t1 -> waiting, gold, in desk, due 15s",
    );
}

#[test]
fn a_pick_up_that_stood_is_not_undone_by_a_later_agent_who_is_never_heard_of() {
    check_desk(
        "0s submit t1 gold email
         2s pull ann -> t1 #1 earliest-deadline
         3s release t1 #1
         4s pull bob -> t1 #2 earliest-deadline
         64s * lease #2 of t1 ends
         64s see t1 -> waiting, gold, in desk, due 7200s, solved by 14400s, picked up 2s",
    );
}

/// The lease of an agent who had extended it undid the pick-up, and a call that had been answered
/// counted as late.
#[test]
fn a_pick_up_stands_once_its_agent_has_extended_the_lease() {
    check(
        "policy guarded-edf v1; tier gold 15s desk; pool desk lease 60s
         agent ann desk
         here ann
         0s submit t1 gold voice
         10s pull ann -> t1 #1 at-risk
         65s extend t1 #1 -> t1 #1 at-risk
         125s * lease #1 of t1 ends
         126s see t1 -> waiting, gold, in desk, due 15s, picked up 10s",
    );
}

/// Ann's pick-up was undone by the end of bob's lease, because both began in one millisecond.
#[test]
fn a_pick_up_is_not_undone_by_another_agents_lease_of_the_same_instant() {
    check_desk(
        "2s submit t1 gold email
         2s pull ann -> t1 #1 earliest-deadline
         2s release t1 #1
         2s pull bob -> t1 #2 earliest-deadline
         62s * lease #2 of t1 ends
         62s see t1 -> waiting, gold, in desk, due 7202s, solved by 14402s, picked up 2s",
    );
}

#[test]
fn every_old_token_is_refused_with_its_reason() {
    check_desk(
        "0s submit t1 gold email
         0s complete t1 #1 -> TokenUnknown
         0s pull ann -> t1 #1 earliest-deadline
         0s complete t1 #2 -> TokenUnknown
         0s complete t1 #0 -> TokenUnknown
         1s release t1 #1
         1s complete t1 #1 -> LeaseEnded
         1s extend t1 #1 -> LeaseEnded
         1s release t1 #1 -> LeaseEnded
         2s pull bob -> t1 #2 earliest-deadline
         2s complete t1 #1 -> LeaseSuperseded
         2s extend t1 #1 -> LeaseSuperseded
         2s release t1 #1 -> LeaseSuperseded
         3s complete t1 #2 -> ended 1
         3s complete t1 #1 -> TicketCompleted
         3s extend t1 #2 -> TicketCompleted
         3s release t1 #2 -> TicketCompleted
         3s complete t9 #2 -> TicketNotFound",
    );
}

#[test]
fn a_cancelled_ticket_refuses_every_token() {
    check_desk(
        "0s submit t1 gold email
         0s pull ann -> t1 #1 earliest-deadline
         1s cancel t1 -> ended 1
         1s agent? ann -> Available in desk, holds nothing, idle since 1s
         1s complete t1 #1 -> TicketCancelled
         1s extend t1 #1 -> TicketCancelled
         1s release t1 #1 -> TicketCancelled",
    );
}

#[test]
fn a_held_ticket_still_owes_its_solution() {
    check(
        "policy guarded-edf v1; tier gold 2h desk solve 4h; pool desk lease 1d
         agent ann desk
         here ann
         0h submit t1 gold email
         1h pull ann -> t1 #1 earliest-deadline
         14400.001s * t1 late for solution
         5h complete t1 #1 -> ended 1
         5h next -> never",
    );
}
