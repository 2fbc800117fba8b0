//! Tickets that supervisors give on, whosever hands they are in.

use super::script::check;

const FLOOR: &str = "policy guarded-edf v1; tier gold 60s desk solve 2h;
                     tier standard 4h desk returns 1 last; pool desk; pool back; pool last
                     agent ann desk
                     here ann
                     agent bob back
                     here bob
                     agent eve last
                     here eve";

fn check_floor(script: &str) {
    check(&format!("{FLOOR}\n{script}"));
}

#[test]
fn a_waiting_ticket_moved_to_a_pool_keeps_arrival_and_deadlines() {
    check_floor(
        "0s submit t1 gold email
         5s move t1 pool back
         5s see t1 -> waiting, gold, in back, due 60s, solved by 7200s
         5s queues -> gold/email/back: t1 (0 late)
         6s pull ann -> nothing
         6s pull bob -> t1 #1 at-risk",
    );
}

#[test]
fn a_ticket_in_hand_leaves_its_agent_and_is_no_return() {
    check_floor(
        "0s submit t1 standard email
         1s pull ann -> t1 #1 earliest-deadline
         2s move t1 pool back
         2s agent? ann -> Available in desk, holds nothing, idle since 2s
         2s back? t1 -> 0 times
         2s complete t1 #1 -> LeaseEnded
         3s pull bob -> t1 #2 earliest-deadline
         4s move t1 pool back -> again t1
         4s complete t1 #2 -> ended 1",
    );
}

#[test]
fn who_waits_in_the_new_pool_is_served_at_once() {
    check_floor(
        "0s pull bob until=100s -> waits
         1s submit t1 gold email
         2s move t1 pool back
         2s * bob gets t1 #1 at-risk",
    );
}

#[test]
fn an_offer_is_taken_back_before_the_ticket_is_moved() {
    check_floor(
        "0s work ann
         1s submit t1 gold email
         1s * ann is offered t1 #1 at-risk
         2s move t1 agent bob
         2s * offer #1 of t1 is taken back: Supervisor
         3s pull eve -> waits
         3s * eve waits no more: Nothing
         3s pull bob -> waits
         3s * bob gets t1 #2 at-risk",
    );
}

#[test]
fn a_parked_ticket_stays_parked_and_returns_to_where_it_was_moved() {
    check_floor(
        "0s submit t1 gold email
         1s pull ann -> t1 #1 at-risk
         2s park t1 #1 2h
         3s move t1 pool back
         3s see t1 -> parked until 7202s, gold, in back, due 60s, solved by 7200s, picked up 1s
         12s resume t1
         12s see t1 -> waiting, gold, in back, due 70s, solved by 7210s, picked up 1s
         13s pull ann -> nothing
         13s pull bob -> t1 #2 at-risk
         14s legs t1 -> queue 2s (2), agent 2s (2), parked 10s",
    );
}

#[test]
fn the_clocks_of_a_parked_ticket_begin_anew_when_it_returns() {
    check_floor(
        "0s submit t1 gold email
         30s pull ann -> t1 #1 at-risk
         40s park t1 #1 2h
         50s move t1 pool back anew
         100s resume t1
         100s see t1 -> waiting, gold, in back, due 160s, solved by 7300s, picked up 30s",
    );
}

#[test]
fn a_scheduled_ticket_is_moved_before_its_time_and_comes_at_its_time() {
    check_floor(
        "0s submit t1 gold email at=100s
         5s move t1 pool back anew
         5s see t1 -> scheduled for 100s, gold, in back, due 160s, solved by 7300s
         100s * t1 enters its queue
         100s pull bob -> t1 #1 at-risk",
    );
}

#[test]
fn clocks_that_begin_anew_count_from_the_move_and_can_be_missed_again() {
    check_floor(
        "0s submit t1 gold email
         60.001s * t1 late for response
         70s move t1 tier gold anew
         70s see t1 -> waiting, gold, in desk, due 130s, solved by 7270s
         130.001s * t1 late for response",
    );
}

#[test]
fn a_ticket_moved_to_another_tier_follows_its_pools_and_no_directory_moves_it_back_by_itself() {
    check_floor(
        "0s submit t1 standard email stale 5m
         1s unconfirmed -> t1
         5s move t1 tier gold
         5s see t1 -> waiting, gold, in desk, due 14400s, known for 300s, of c1
         5s unconfirmed -> none",
    );
}

#[test]
fn what_came_back_too_often_starts_with_a_clean_sheet() {
    check_floor(
        "0s submit t1 standard email
         1s pull ann -> t1 #1 earliest-deadline
         2s release t1 #1
         3s pull ann -> t1 #2 earliest-deadline
         4s release t1 #2
         4s back? t1 -> 2 times, by ann at 4s: released, lunch, dead letter
         5s move t1 tier standard
         5s back? t1 -> 0 times, by ann at 4s: released, lunch
         5s see t1 -> waiting, standard, in desk, due 14400s, picked up 1s",
    );
}

#[test]
fn a_ticket_is_moved_to_what_there_is() {
    check_floor(
        "0s submit t1 gold email
         1s move t1 pool nowhere -> PoolNotFound
         1s move t1 tier ivory -> TierNotFound
         1s move t1 agent joe -> AgentNotFound
         1s move t9 pool back -> TicketNotFound
         2s cancel t1 -> ended 1
         2s move t1 pool back -> TicketCancelled",
    );
}
