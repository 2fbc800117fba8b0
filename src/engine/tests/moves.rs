//! Tickets that are given on, come back too often, or become callbacks.

use super::script::check;

const DESK: &str = "policy guarded-edf v1; tier gold 60s desk solve 2h then 10s desk+back;
                    tier standard 4h desk returns 2 last; pool desk lease 10m; pool back; pool last
                    agent ann desk
                    here ann
                    agent bob back
                    here bob
                    agent eve last
                    here eve";

fn check_desk(script: &str) {
    check(&format!("{DESK}\n{script}"));
}

#[test]
fn a_ticket_given_on_to_a_pool_keeps_its_deadlines_and_waits_for_that_pool_alone() {
    check_desk(
        "0s submit t1 gold email
         1s pull ann -> t1 #1 at-risk
         5s transfer t1 #1 pool last
         5s agent? ann -> Available in desk, holds nothing, idle since 5s
         5s see t1 -> waiting, gold, in last, due 60s, solved by 7200s, picked up 1s
         5s back? t1 -> 1 times, by ann at 5s: transferred, not mine
         20s queues -> gold/email/last: t1 (0 late)
         20s pull ann -> nothing
         20s pull eve -> t1 #2 at-risk",
    );
}

#[test]
fn a_promise_that_was_broken_can_be_kept_or_broken_anew_once_the_clocks_began_anew() {
    check(
        "policy guarded-edf v1; tier gold 60s desk solve 100s; pool desk lease 1000s; pool back
         agent ann desk
         here ann
         0s submit t1 gold email
         1s pull ann -> t1 #1 at-risk
         100.001s * t1 late for solution
         200s transfer t1 #1 pool back anew
         200s see t1 -> waiting, gold, in back, due 260s, solved by 300s, picked up 1s
         300.001s * t1 late for solution",
    );
}

#[test]
fn the_work_of_everyone_who_gave_it_back_is_kept_by_pool() {
    check_desk(
        "0s submit t1 gold email
         5s pull ann -> t1 #1 at-risk
         15s release t1 #1
         15s * t1 opens to desk+back
         15s worked t1 -> desk 10s
         20s pull bob -> t1 #2 at-risk
         24s release t1 #2
         25s pull ann -> t1 #3 at-risk
         27s transfer t1 #3 pool last
         27s worked t1 -> desk 12s, back 4s
         30s pull eve -> t1 #4 at-risk
         31s release t1 #4
         31s worked t1 -> desk 12s, back 4s, last 1s",
    );
}

#[test]
fn a_transfer_repeated_finds_the_lease_ended() {
    check_desk(
        "0s submit t1 gold email
         1s pull ann -> t1 #1 at-risk
         5s transfer t1 #1 pool last
         6s transfer t1 #1 pool last -> LeaseEnded
         6s complete t1 #1 -> LeaseEnded",
    );
}

#[test]
fn a_ticket_is_given_on_to_what_there_is() {
    check_desk(
        "0s submit t1 gold email
         1s pull ann -> t1 #1 at-risk
         2s transfer t1 #1 pool nowhere -> PoolNotFound
         2s transfer t1 #1 tier ivory -> TierNotFound
         2s transfer t1 #1 agent joe -> AgentNotFound
         2s transfer t1 #2 pool last -> TokenUnknown",
    );
}

#[test]
fn a_ticket_given_on_to_an_agent_waits_for_that_agent_alone() {
    check_desk(
        "0s submit t1 gold email
         1s pull ann -> t1 #1 at-risk
         2s transfer t1 #1 agent eve
         3s pull ann -> nothing
         3s pull bob -> nothing
         3s pull eve -> t1 #2 at-risk
         4s transfer t1 #2 pool desk
         5s pull ann -> t1 #3 at-risk",
    );
}

#[test]
fn a_ticket_given_on_to_a_tier_follows_its_pools_and_keeps_its_promises() {
    check_desk(
        "0s submit t1 standard email found
         15s pull ann -> t1 #1 earliest-deadline
         20s transfer t1 #1 tier gold
         20s see t1 -> waiting, gold, in desk+back, due 14400s, picked up 15s, of c1
         20s retier t1 standard found
         20s see t1 -> waiting, gold, in desk+back, due 14400s, picked up 15s, of c1",
    );
}

#[test]
fn clocks_begin_anew_where_that_is_said() {
    check_desk(
        "0s submit t1 standard email
         15s pull ann -> t1 #1 earliest-deadline
         20s transfer t1 #1 tier gold anew
         20s see t1 -> waiting, gold, in desk, due 80s, solved by 7220s, picked up 15s
         30s * t1 opens to desk+back
         31s legs t1 -> queue 26s (2), agent 5s",
    );
}

#[test]
fn a_ticket_that_comes_back_too_often_goes_to_the_dead_letter_pool() {
    check_desk(
        "0s submit t1 standard email
         1s pull ann -> t1 #1 earliest-deadline
         2s release t1 #1
         2s back? t1 -> 1 times, by ann at 2s: released, lunch
         3s pull ann -> t1 #2 earliest-deadline
         603s * lease #2 of t1 ends
         603s back? t1 -> 2 times, by ann at 603s: lease ended
         604s pull ann -> t1 #3 earliest-deadline
         605s release t1 #3
         605s see t1 -> waiting, standard, in last, due 14400s, picked up 1s
         605s back? t1 -> 3 times, by ann at 605s: released, lunch, dead letter
         606s pull ann -> nothing
         606s pull eve -> t1 #4 earliest-deadline",
    );
}

#[test]
fn a_lease_that_ends_once_too_often_leads_to_the_dead_letter_pool_at_once() {
    check_desk(
        "0s submit t1 standard email
         1s pull ann -> t1 #1 earliest-deadline
         2s release t1 #1
         2s pull ann -> t1 #2 earliest-deadline
         3s release t1 #2
         3s pull ann -> t1 #3 earliest-deadline
         4s pull bob until=2000s -> waits
         5s pull eve until=2000s -> waits
         603s * lease #3 of t1 ends
         603s * eve gets t1 #4 earliest-deadline",
    );
}

/// A ticket that needs French comes back once too often.
fn check_returned_french(script: &str) {
    check(&format!(
        "policy guarded-edf v1; skills french; tier standard 4h desk returns 1 last; pool desk; pool last
         agent ann desk can french=3
         here ann
         agent bob desk
         here bob
         agent eve last
         here eve
         0s submit t1 standard email require=french
         1s pull ann -> t1 #1 earliest-deadline
         2s release t1 #1
         2s pull ann -> t1 #2 earliest-deadline
         3s release t1 #2
         {script}"
    ));
}

#[test]
fn in_the_dead_letter_pool_no_skill_is_asked_for() {
    check_returned_french(
        "4s pull ann -> nothing
         4s pull eve -> t1 #3 earliest-deadline",
    );
}

#[test]
fn a_policy_without_the_dead_letter_pool_asks_for_the_skills_again() {
    check_returned_french(
        "4s policy guarded-edf v2; skills french; tier standard 4h desk; pool desk
         5s pull bob -> nothing
         5s pull ann -> t1 #3 earliest-deadline",
    );
}

#[test]
fn who_gives_on_too_often_gives_to_the_dead_letter_pool_and_from_there_all_begins_anew() {
    check_desk(
        "0s submit t1 standard email
         1s pull ann -> t1 #1 earliest-deadline
         1s transfer t1 #1 pool desk
         2s pull ann -> t1 #2 earliest-deadline
         2s transfer t1 #2 pool desk
         3s pull ann -> t1 #3 earliest-deadline
         3s transfer t1 #3 pool back
         3s see t1 -> waiting, standard, in last, due 14400s, picked up 1s
         4s pull eve -> t1 #4 earliest-deadline
         4s transfer t1 #4 pool back
         4s back? t1 -> 0 times, by eve at 4s: transferred, not mine
         4s see t1 -> waiting, standard, in back, due 14400s, picked up 1s",
    );
}

#[test]
fn an_answer_that_was_not_delivered_is_no_return() {
    check_desk(
        "0s submit t1 standard email
         1s pull ann -> t1 #1 earliest-deadline
         2s release t1 #1 undelivered
         2s back? t1 -> 0 times",
    );
}

#[test]
fn a_new_policy_keeps_a_fixed_route_unless_its_pool_is_gone() {
    check_desk(
        "0s submit t1 gold email
         0s submit t2 gold email
         1s pull ann -> t1 #1 at-risk
         2s transfer t1 #1 pool last
         2s pull ann -> t2 #2 at-risk
         3s transfer t2 #2 pool back
         4s policy guarded-edf v2; tier gold 60s last; tier standard 4h last; pool new; pool last
         4s see t1 -> waiting, gold, in last, due 60s, solved by 7200s, picked up 1s
         4s see t2 -> waiting, gold, in last, due 60s, solved by 7200s, picked up 2s",
    );
}

#[test]
fn a_callback_keeps_the_callers_place_and_deadline() {
    check_desk(
        "0s submit t1 gold voice
         1s submit t2 gold voice
         2s callback t1 555
         2s queues -> gold/voice/desk: t2 (0 late); gold/callback/desk: t1 (0 late)
         2s see t1 -> waiting, gold, in desk, due 60s, solved by 7200s
         3s callback t1 555 -> again t1
         4s pull ann -> t1 #1 at-risk
         5s callback t1 555 -> TicketNotWaiting",
    );
}

#[test]
fn a_callback_for_later_is_nobodys_until_then_and_comes_back_to_its_old_place() {
    check_desk(
        "0s submit t1 gold voice
         2s callback t1 555 at=100s
         2s see t1 -> scheduled for 100s, gold, in desk, due 100s, solved by 7240s
         3s callback t1 555 at=100s -> again t1
         50s submit t2 gold voice
         60s * t2 opens to desk+back
         100s * t1 enters its queue
         100s * t1 opens to desk+back
         100s pull ann -> t1 #1 at-risk
         100s legs t1 -> scheduled 98s, queue 2s (2), agent 0s",
    );
}

#[test]
fn a_callback_is_due_when_the_customer_asked_for_it() {
    check_desk(
        "0s submit t1 gold voice
         2s callback t1 555 at=100s by=99s -> DueTooEarly
         2s callback t1 555 by=1s -> DueTooEarly
         2s callback t1 555 at=100s by=400s
         2s see t1 -> scheduled for 100s, gold, in desk, due 400s, solved by 7540s
         2s callback t1 556 at=400d -> ScheduleOutOfRange",
    );
}

#[test]
fn only_calls_and_chats_become_callbacks() {
    check_desk(
        "0s submit t1 gold email
         0s submit t2 gold callback
         1s callback t1 555 -> NotCallable
         1s callback t2 555 -> NotCallable
         1s callback t9 555 -> TicketNotFound
         1s cancel t1 -> ended 1
         1s callback t1 555 -> TicketCancelled",
    );
}

/// A ticket that was scheduled for the next year and wanted at once had a clock that began after its deadline.
#[test]
fn a_callback_that_is_wanted_sooner_than_it_was_scheduled_counts_from_now() {
    check_desk(
        "0s submit t1 gold voice at=100s
         2s callback t1 555 by=20s
         2s see t1 -> waiting, gold, in desk, due 20s, solved by 7300s
         12s * t1 opens to desk+back
         20.001s * t1 late for response",
    );
}
