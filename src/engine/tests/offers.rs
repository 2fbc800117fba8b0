//! Work that is pushed: streams, offers, back-off, and agents set away.

use super::script::check;

const DESK: &str = "policy guarded-edf v1; tier gold 15s desk; tier standard 180s desk;
    pool desk offer 20s off 10s 25s misses 2
    agent ann desk capacity 2
    agent bob desk";

fn check_desk(script: &str) {
    check(&format!("{DESK}\n{script}"));
}

#[test]
fn an_agent_on_a_stream_is_offered_what_comes_and_accepts_it() {
    check_desk(
        "0s work ann
         0s agent? ann -> Available in desk, holds nothing, idle since 0s, streams
         1s submit t1 gold voice
         1s * ann is offered t1 #1 at-risk
         1s see t1 -> offered to ann until 21s, gold, in desk, due 16s
         1s agent? ann -> Available in desk, holds t1, idle since 0s, streams, offered t1
         5s accept t1 #1 -> t1 #1 at-risk
         5s see t1 -> with ann of desk until 905s, gold, in desk, due 16s, picked up 5s
         6s accept t1 #1 -> again t1 #1 at-risk
         9s complete t1 #1 -> ended 1
         9s accept t1 #1 -> TicketCompleted",
    );
}

#[test]
fn what_waits_already_is_offered_when_the_stream_opens_as_far_as_capacity_goes() {
    check_desk(
        "0s submit t1 gold voice
         0s submit t2 gold voice
         0s submit t3 gold voice
         1s work ann
         1s * ann is offered t1 #1 at-risk
         1s * ann is offered t2 #2 at-risk
         2s accept t1 #1 -> t1 #1 at-risk
         3s complete t1 #1 -> ended 1
         3s * ann is offered t3 #3 at-risk",
    );
}

#[test]
fn the_response_clock_runs_until_the_offer_is_accepted() {
    check_desk(
        "0s work ann
         1s submit t1 gold voice
         1s * ann is offered t1 #1 at-risk
         16.001s * t1 late for response
         17s accept t1 #1 -> t1 #1 at-risk
         17s see t1 -> with ann of desk until 917s, gold, in desk, due 16s, picked up 17s",
    );
}

#[test]
fn a_declined_ticket_goes_to_others_at_once_and_back_to_its_decliner_after_the_back_off() {
    check_desk(
        "0s work ann
         0s submit t1 standard voice
         0s * ann is offered t1 #1 at-risk
         2s work bob
         3s decline t1 #1
         3s * bob is offered t1 #2 at-risk
         4s decline t1 #1 -> OfferEnded
         4s accept t1 #1 -> OfferEnded
         4s decline t1 #2
         13s * ann may be offered t1 again
         13s * ann is offered t1 #3 at-risk
         14s * bob may be offered t1 again",
    );
}

#[test]
fn the_only_agent_who_declines_is_neither_flooded_nor_forgotten() {
    check_desk(
        "0s work bob
         0s submit t1 standard voice
         0s * bob is offered t1 #1 at-risk
         1s decline t1 #1
         1s agent? bob -> Available in desk, holds nothing, idle since 0s, streams, declined t1 x1 until 11s
         11s * bob may be offered t1 again
         11s * bob is offered t1 #2 at-risk
         12s decline t1 #2
         32s * bob may be offered t1 again
         32s * bob is offered t1 #3 at-risk
         33s decline t1 #3
         58s * bob may be offered t1 again
         58s * bob is offered t1 #4 at-risk
         59s accept t1 #4 -> t1 #4 at-risk
         59s agent? bob -> Available in desk, holds t1, idle since 0s, streams",
    );
}

#[test]
fn a_ticket_in_back_off_does_not_keep_those_behind_it_from_the_agent() {
    check_desk(
        "0s work bob
         0s submit t1 gold voice
         0s * bob is offered t1 #1 at-risk
         1s submit t2 gold voice
         1s submit t3 gold voice
         2s decline t1 #1
         2s * bob is offered t2 #2 at-risk
         3s decline t2 #2
         3s * bob is offered t3 #3 at-risk
         4s accept t3 #3 -> t3 #3 at-risk
         5s complete t3 #3 -> ended 3
         12s * bob may be offered t1 again
         12s * bob is offered t1 #4 at-risk
         13s * bob may be offered t2 again",
    );
}

#[test]
fn an_offer_that_nobody_answers_is_missed_and_the_ticket_is_back_in_its_place() {
    check_desk(
        "0s work bob
         0s submit t1 standard voice
         0s * bob is offered t1 #1 at-risk
         5s submit t2 standard voice
         20s * offer #1 of t1 is missed
         20s * bob is offered t2 #2 at-risk
         20s agent? bob -> Available in desk, holds t2, idle since 0s, streams, offered t2, declined t1 x1 until 30s, missed 1
         21s accept t1 #1 -> OfferEnded
         22s accept t2 #2 -> t2 #2 at-risk
         22s agent? bob -> Available in desk, holds t2, idle since 0s, streams, declined t1 x1 until 30s
         30s * bob may be offered t1 again
         31s complete t2 #2 -> ended 2
         31s * bob is offered t1 #3 at-risk",
    );
}

#[test]
fn who_misses_too_many_in_a_row_is_set_away_and_the_other_offers_go_back() {
    check_desk(
        "0s work ann
         0s submit t1 standard voice
         0s * ann is offered t1 #1 at-risk
         20s * offer #1 of t1 is missed
         21s submit t2 standard voice
         21s * ann is offered t2 #2 at-risk
         25s submit t3 standard voice
         25s * ann is offered t3 #3 at-risk
         30s * ann may be offered t1 again
         41s * offer #2 of t2 is missed, set away
         41s * offer #3 of t3 is taken back: Away
         41s queues -> standard/voice/desk: t1 t2 t3 (0 late)
         42s agent? ann -> Away in desk, holds nothing, idle since 0s, streams, declined t1 x1, declined t2 x1 until 51s
         43s here ann
         43s * ann is offered t1 #4 at-risk
         43s * ann is offered t3 #5 at-risk
         51s * ann may be offered t2 again",
    );
}

#[test]
fn a_closed_stream_makes_its_agent_away_and_returns_what_was_not_accepted() {
    check_desk(
        "0s work ann
         0s submit t1 gold voice
         0s * ann is offered t1 #1 at-risk
         1s accept t1 #1 -> t1 #1 at-risk
         1s submit t2 gold voice
         1s * ann is offered t2 #2 at-risk
         2s leave ann
         2s * ann's stream closes: ByAgent
         2s * offer #2 of t2 is taken back: StreamClosed
         2s see t2 -> waiting, gold, in desk, due 16s
         2s agent? ann -> Away in desk, holds t1, idle since 0s
         3s leave ann
         4s complete t1 #1 -> ended 1",
    );
}

#[test]
fn a_start_closes_every_stream_and_returns_every_offer() {
    check_desk(
        "0s work ann
         0s submit t1 gold voice
         0s * ann is offered t1 #1 at-risk
         1s start
         1s * offer #1 of t1 is taken back: StreamClosed
         1s agent? ann -> Away in desk, holds nothing, idle since 0s
         2s accept t1 #1 -> OfferEnded
         3s work ann
         3s * ann is offered t1 #2 at-risk",
    );
}

#[test]
fn going_away_takes_offers_back_and_keeps_the_stream() {
    check_desk(
        "0s work ann
         0s submit t1 gold voice
         0s * ann is offered t1 #1 at-risk
         1s away ann
         1s * offer #1 of t1 is taken back: Away
         2s agent? ann -> Away in desk, holds nothing, idle since 0s, streams
         3s here ann
         3s * ann is offered t1 #2 at-risk",
    );
}

#[test]
fn a_newer_stream_takes_the_older_ones_place_and_its_offers_anew() {
    check_desk(
        "0s work ann
         0s submit t1 gold voice
         0s * ann is offered t1 #1 at-risk
         1s work ann
         1s * offer #1 of t1 is taken back: StreamClosed
         1s * ann's stream closes: Replaced
         1s * ann is offered t1 #2 at-risk",
    );
}

#[test]
fn a_cancelled_ticket_leaves_its_offer_with_nothing_to_accept() {
    check_desk(
        "0s work ann
         0s submit t1 gold voice
         0s * ann is offered t1 #1 at-risk
         1s cancel t1 -> ended 1
         1s agent? ann -> Available in desk, holds nothing, idle since 0s, streams
         2s accept t1 #1 -> TicketCancelled
         2s decline t1 #1 -> TicketCancelled",
    );
}

#[test]
fn an_offer_is_neither_completed_nor_extended_nor_released_before_it_is_accepted() {
    check_desk(
        "0s work ann
         0s submit t1 gold voice
         0s * ann is offered t1 #1 at-risk
         1s complete t1 #1 -> OfferNotAccepted
         1s extend t1 #1 -> OfferNotAccepted
         1s release t1 #1 -> OfferNotAccepted
         1s accept t1 #7 -> TokenUnknown
         2s accept t1 #1 -> t1 #1 at-risk
         2s decline t1 #1 -> OfferAccepted
         3s release t1 #1
         3s * ann is offered t1 #2 at-risk",
    );
}

#[test]
fn pulls_and_streams_share_the_same_queues_by_load_and_idle_time() {
    check_desk(
        "0s work ann
         1s here bob
         1s pull bob until=60s -> waits
         2s submit t1 gold voice
         2s * ann is offered t1 #1 at-risk
         3s submit t2 gold voice
         3s * bob gets t2 #2 at-risk
         4s pull ann -> AgentStreams
         5s accept t1 #1 -> t1 #1 at-risk
         6s complete t2 #2 -> ended 2
         6s decline t1 #2 -> OfferEnded
         7s release t1 #1
         7s * ann is offered t1 #3 at-risk",
    );
}

#[test]
fn opening_a_stream_ends_a_pull_in_progress() {
    check_desk(
        "0s here ann
         0s pull ann until=60s -> waits
         1s work ann
         1s * ann waits no more: Replaced
         2s work ann Away
         2s * ann's stream closes: Replaced
         3s submit t1 gold voice
         4s here ann
         4s * ann is offered t1 #1 at-risk",
    );
}

#[test]
fn streams_with_capacity_to_spare_count_for_reserves() {
    check(
        "policy guarded-edf v1; tier gold 15s desk; tier standard 180s desk; pool desk keep 1 gold
         agent ann desk
         agent bob desk
         0s work ann
         0s submit t1 standard voice
         1s work bob
         1s * ann is offered t1 #1 at-risk
         2s submit t2 standard voice
         3s submit t3 gold voice
         3s * bob is offered t3 #2 at-risk",
    );
}

#[test]
fn the_maxima_of_a_stream_hold_as_long_as_it_is_open() {
    check_desk(
        "0s work ann Available most chat=1
         0s submit c1 gold chat
         0s * ann is offered c1 #1 at-risk
         1s submit c2 gold chat
         2s accept c1 #1 -> c1 #1 at-risk
         3s work ann
         3s * ann's stream closes: Replaced
         3s * ann is offered c2 #2 at-risk",
    );
}

#[test]
fn a_policy_keeps_offers_and_back_offs_and_its_own_rules_hold_from_then_on() {
    check_desk(
        "0s work ann
         0s work bob
         0s submit t1 standard voice
         0s * ann is offered t1 #1 at-risk
         1s decline t1 #1
         1s * bob is offered t1 #2 at-risk
         2s policy guarded-edf v2; tier standard 180s desk; pool hall; pool desk offer 5s
         3s see t1 -> offered to bob until 21s, standard, in desk, due 180s
         11s * ann may be offered t1 again
         21s * offer #2 of t1 is missed
         21s * ann is offered t1 #3 at-risk
         26s * offer #3 of t1 is missed
         31s * bob may be offered t1 again
         31s * bob is offered t1 #4 at-risk
         32s accept t1 #4 -> t1 #4 at-risk",
    );
}

#[test]
fn who_is_only_offered_something_can_be_forgotten() {
    check_desk(
        "0s work ann
         0s submit t1 gold voice
         0s * ann is offered t1 #1 at-risk
         1s decline t1 #1
         2s submit t2 gold voice
         2s * ann is offered t2 #2 at-risk
         3s delete ann
         3s * offer #2 of t2 is taken back: AgentDeleted
         3s * ann's stream closes: AgentDeleted
         3s work bob
         3s * bob is offered t1 #3 at-risk",
    );
}

#[test]
fn an_offered_ticket_opens_to_more_pools_when_it_is_back() {
    check(
        "policy guarded-edf v1; tier gold 60s desk then 10s desk+back; pool desk; pool back
         agent ann desk
         agent bob back
         0s work ann
         0s work bob
         0s submit t1 gold voice
         0s * ann is offered t1 #1 at-risk
         12s decline t1 #1
         12s * t1 opens to desk+back
         12s * bob is offered t1 #2 at-risk
         22s * ann may be offered t1 again",
    );
}

#[test]
fn a_preferred_agent_who_declines_is_waited_for_no_longer() {
    check_desk(
        "0s work ann
         0s work bob
         0s submit t1 standard voice first=bob/60s
         0s * bob is offered t1 #1 at-risk
         1s decline t1 #1
         1s * t1 is for others too: GivenBack
         1s * ann is offered t1 #2 at-risk",
    );
}
