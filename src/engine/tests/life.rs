//! Tickets for later, tickets that wait for their customers, tickets that expire; and where their time
//! goes.

use super::script::check;

const DESK: &str =
    "policy guarded-edf v1; tier gold 60s desk solve 2h; tier standard 4h desk expire 1h park 30m; pool desk lease 10m
                    agent ann desk
                    here ann
                    agent bob desk
                    here bob";

fn check_desk(script: &str) {
    check(&format!("{DESK}\n{script}"));
}

#[test]
fn a_scheduled_ticket_is_nobodys_until_its_time_and_its_clocks_begin_then() {
    check_desk(
        "0s submit t1 gold email at=100s
         0s see t1 -> scheduled for 100s, gold, in desk, due 160s, solved by 7300s
         0s queues -> none
         0s pull ann -> nothing
         0s pull bob until=200s -> waits
         100s * t1 enters its queue
         100s * bob gets t1 #1 at-risk
         101s see t1 -> with bob of desk until 700s, gold, in desk, due 160s, solved by 7300s, picked up 100s
         101s complete t1 #1 -> ended 1
         101s legs t1 -> scheduled 100s, queue 0s, agent 1s",
    );
}

#[test]
fn a_scheduled_ticket_takes_the_place_that_its_own_deadline_gives_it() {
    check_desk(
        "0s submit later gold email at=50s
         20s submit first gold email
         50s * later enters its queue
         60s submit last gold email
         60s queues -> gold/email/desk: first later last (0 late)",
    );
}

#[test]
fn a_ticket_scheduled_for_the_past_waits_at_once() {
    check_desk(
        "5s submit t1 gold email at=5s
         5s queues -> gold/email/desk: t1 (0 late)
         5s see t1 -> waiting, gold, in desk, due 65s, solved by 7205s",
    );
}

#[test]
fn a_ticket_is_scheduled_a_year_ahead_at_most() {
    check_desk(
        "0s submit t1 gold email at=31622400.001s -> ScheduleOutOfRange
         0s submit t1 gold email at=366d
         0s see t1 -> scheduled for 31622400s, gold, in desk, due 31622460s, solved by 31629600s
         0s next -> 31622400s",
    );
}

#[test]
fn a_scheduled_ticket_can_be_withdrawn() {
    check_desk(
        "0s submit t1 gold email at=100s
         9s cancel t1 -> ended 1
         9s legs t1 -> scheduled 9s
         9s next -> never",
    );
}

#[test]
fn a_corrected_tier_counts_from_the_instant_a_ticket_is_scheduled_for() {
    check_desk(
        "0s submit t1 standard email stale 5m at=100s
         1s retier t1 gold found
         1s see t1 -> scheduled for 100s, gold (found), in desk, due 160s, solved by 7300s, of c1",
    );
}

/// Ann has t1 in hand, and bob could serve it as well.
fn check_kept(script: &str) {
    check_desk(&format!("0s submit t1 gold email\n0s pull ann -> t1 #1 at-risk\n{script}"));
}

#[test]
fn parking_stops_both_clocks_and_frees_the_agent() {
    check_desk(
        "0s submit t1 gold email
         30s pull ann -> t1 #1 at-risk
         50s park t1 #1 2h
         50s see t1 -> parked until 7250s, gold, in desk, due 60s, solved by 7200s, picked up 30s
         50s agent? ann -> Available in desk, holds nothing, idle since 50s
         50s queues -> none
         149s clocks t1 -> response met, due 60s; solution paused with 7150s left, due 7200s
         150s resume t1
         150s see t1 -> waiting, gold, in desk, due 160s, solved by 7300s, picked up 30s
         150s legs t1 -> queue 30s (2), agent 20s, parked 100s
         151s pull bob -> t1 #2 at-risk
         151s complete t1 #2 -> ended 1
         151s legs t1 -> queue 31s (2), agent 20s (2), parked 100s",
    );
}

#[test]
fn a_parked_ticket_comes_back_by_itself_when_its_time_is_up() {
    check_desk(
        "0s submit t1 standard email
         1s pull ann -> t1 #1 earliest-deadline
         2s park t1 #1
         2s see t1 -> parked until 1802s, standard, in desk, due 14400s, picked up 1s
         1802s * t1 returns by itself
         1802s queues -> standard/email/desk: t1 (0 late)
         1802s see t1 -> waiting, standard, in desk, due 16200s, picked up 1s",
    );
}

#[test]
fn a_ticket_is_parked_no_longer_than_its_tier_allows() {
    check_desk(
        "0s submit t1 standard email
         1s pull ann -> t1 #1 earliest-deadline
         1s park t1 #1 1800.001s -> ParkOutOfRange { max_ms: 1800000 }
         1s park t1 #1 0ms -> ParkOutOfRange { max_ms: 1800000 }
         1s park t1 #1 30m
         1s see t1 -> parked until 1801s, standard, in desk, due 14400s, picked up 1s",
    );
}

#[test]
fn parking_asked_twice_is_answered_twice_and_done_once() {
    check_desk(
        "0s submit t1 gold email
         1s pull ann -> t1 #1 at-risk
         2s park t1 #1 10m
         3s park t1 #1 20m -> again t1
         3s see t1 -> parked until 602s, gold, in desk, due 60s, solved by 7200s, picked up 1s
         3s park t1 #2 10m -> TokenUnknown
         3s complete t1 #1 -> LeaseEnded
         4s resume t1
         5s resume t1 -> again t1
         5s park t1 #1 10m -> LeaseEnded
         5s see t1 -> waiting, gold, in desk, due 62s, solved by 7202s, picked up 1s",
    );
}

#[test]
fn a_ticket_parked_to_be_kept_waits_for_who_parked_it() {
    check_kept(
        "1s park t1 #1 1h keep=10m
         2s resume t1
         2s see t1 -> waiting, gold, in desk, due 61s needing first ann, solved by 7201s, picked up 0s
         3s pull bob -> nothing
         4s pull ann -> t1 #2 at-risk",
    );
}

#[test]
fn what_is_to_be_kept_is_remembered_while_it_is_parked() {
    check_kept(
        "1s park t1 #1 1h keep=10m
         1s see t1 -> parked until 3601s, gold, in desk, due 60s, solved by 7200s, picked up 0s",
    );
}

#[test]
fn a_kept_ticket_that_comes_back_by_itself_is_kept_too() {
    check_kept(
        "1s park t1 #1 10s keep=10m
         11s * t1 returns by itself
         12s pull bob -> nothing
         13s pull ann -> t1 #2 at-risk",
    );
}

#[test]
fn a_kept_ticket_is_anyones_once_its_time_is_up() {
    check_kept(
        "1s park t1 #1 1h keep=10m
         2s resume t1
         3s pull bob until=1h -> waits
         602s * t1 is for others too: Waited
         602s * bob gets t1 #2 at-risk",
    );
}

#[test]
fn who_is_away_is_not_kept_a_ticket_for() {
    check_kept(
        "1s park t1 #1 1h keep=10m
         2s away ann
         3s resume t1
         3s see t1 -> waiting, gold, in desk, due 62s, solved by 7202s, picked up 0s
         4s pull bob -> t1 #2 at-risk",
    );
    check_kept(
        "1s park t1 #1 1h keep=10m
         2s resume t1
         3s away ann
         3s * t1 is for others too: Unavailable
         4s pull bob -> t1 #2 at-risk",
    );
}

#[test]
fn who_gets_a_kept_ticket_and_parks_it_again_keeps_it_only_if_asked_to() {
    check_kept(
        "1s park t1 #1 1h keep=10m
         2s resume t1
         3s pull ann -> t1 #2 at-risk
         4s park t1 #2 1h
         5s resume t1
         5s pull bob -> t1 #3 at-risk",
    );
}

#[test]
fn who_lets_the_lease_of_a_kept_ticket_end_keeps_it_no_longer() {
    check_kept(
        "1s park t1 #1 1h keep=1h
         2s resume t1
         3s pull ann -> t1 #2 at-risk
         603s * lease #2 of t1 ends
         604s pull bob -> t1 #3 at-risk",
    );
}

#[test]
fn a_supervisor_who_moves_a_parked_ticket_has_the_last_word() {
    check_kept(
        "1s park t1 #1 1h keep=10m
         2s move t1 agent bob
         3s resume t1
         3s see t1 -> waiting, gold, in desk, due 62s needing only bob, solved by 7202s, picked up 0s
         4s pull ann -> nothing",
    );
    check_kept(
        "1s park t1 #1 1h keep=10m
         2s move t1 pool desk
         3s resume t1
         4s pull bob -> t1 #2 at-risk",
    );
    check_kept(
        "1s move t1 pool desk
         1s pull ann -> t1 #2 at-risk
         2s park t1 #2 1h keep=10m
         3s move t1 pool desk
         4s resume t1
         4s pull bob -> t1 #3 at-risk",
    );
}

#[test]
fn a_parked_ticket_can_be_withdrawn_and_corrected() {
    check_desk(
        "0s submit t1 standard email found
         1s pull ann -> t1 #1 earliest-deadline
         2s park t1 #1
         3s retier t1 gold found
         3s see t1 -> parked until 1802s, gold (found), in desk, due 14400s, solved by 7200s, picked up 1s, of c1
         3s cancel t1 -> ended 1
         3s resume t1 -> TicketCancelled
         3s legs t1 -> queue 1s, agent 1s, parked 1s",
    );
}

#[test]
fn parked_time_is_no_wait_for_any_rule() {
    check(
        "policy fifo v1; tier gold 2h desk; pool desk
         agent ann desk capacity 2
         here ann
         0s submit old gold email
         1s pull ann -> old #1 fifo
         2s park old #1
         5s submit young gold email
         12s resume old
         12s queues -> gold/email/desk: young old (0 late)",
    );
}

#[test]
fn an_unpicked_ticket_expires_and_says_so_ever_after() {
    check_desk(
        "0s submit t1 standard email
         3600s * t1 expires
         3600s queues -> none
         3601s cancel t1 -> TicketExpired
         3601s update t1 door -> TicketExpired
         3601s submit t1 standard email -> ended 1
         3601s cancel t9 earlier 7 expired -> TicketExpired
         3601s legs t1 -> queue 3600s",
    );
}

/// The pain that this rule answers: a ticket that died of its time to live in the middle of the call.
#[test]
fn a_ticket_that_someone_has_picked_up_never_expires() {
    check_desk(
        "0s submit t1 standard email
         3599s pull ann -> t1 #1 earliest-deadline
         3700s release t1 #1
         9000s queues -> standard/email/desk: t1 (0 late)
         9000s see t1 -> waiting, standard, in desk, due 14400s, picked up 3599s",
    );
}

#[test]
fn a_pick_up_that_nobody_saw_does_not_keep_a_ticket_from_expiring() {
    check_desk(
        "0s submit t1 standard email
         3500s pull ann -> t1 #1 earliest-deadline
         4100s * lease #1 of t1 ends
         4100s * t1 expires",
    );
}

#[test]
fn a_callback_lives_as_long_from_the_request_on() {
    check_desk(
        "0s submit t1 standard voice
         0s submit t2 standard voice
         3000s callback t1 555
         3600s * t2 expires
         6600s * t1 expires",
    );
}

#[test]
fn a_time_to_live_begins_with_the_clocks_and_follows_the_tier() {
    check_desk(
        "0s submit t1 standard email at=100s
         0s submit t2 standard email stale 5m
         1s retier t2 gold found
         60.001s * t2 late for response
         100s * t1 enters its queue
         3700s * t1 expires
         3701s see t2 -> waiting, gold (found), in desk, due 60s, solved by 7200s, of c1",
    );
}

#[test]
fn every_return_to_the_queue_is_one_more_entry_in_the_ledger() {
    check_desk(
        "0s submit t1 gold email
         10s pull ann -> t1 #1 at-risk
         15s release t1 #1
         20s pull bob -> t1 #2 at-risk
         60s legs t1 -> queue 15s (2), agent 45s (2)
         620s * lease #2 of t1 ends
         621s legs t1 -> queue 16s (3), agent 605s (2)",
    );
}

#[test]
fn a_new_policy_leaves_scheduled_and_parked_tickets_where_they_are() {
    check_desk(
        "0s submit t1 gold email at=100s
         0s submit t2 gold email
         1s pull ann -> t2 #1 at-risk
         2s park t2 #1 10m
         3s policy guarded-edf v2; tier gold 1h back; tier standard 4h back; pool back
         3s see t1 -> scheduled for 100s, gold, in back, due 160s, solved by 7300s
         3s see t2 -> parked until 602s, gold, in back, due 60s, solved by 7200s, picked up 1s
         100s * t1 enters its queue
         150s resume t2
         150s queues -> gold/email/back: t1 t2 (0 late)",
    );
}
